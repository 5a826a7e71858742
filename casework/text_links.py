"""Links inside what people wrote: made so that no program makes them clickable."""

from __future__ import annotations

import re

from casework.links import defang

_SCHEME = r"[a-z][a-z0-9+.\-]{0,20}://"
_LINK = re.compile(
    rf"{_SCHEME}\S*?(?={_SCHEME}|\s|$)"
    r"|(?<![\w\-])(?:[\w\-]{1,63}\.){1,20}[^\W\d_]{2,63}(?!\w)(?:[/?#:]\S*)?"
    r"|\d{1,3}(?:\.\d{1,3}){3}[/:]\S*",
    re.IGNORECASE,
)
"""What reads as a link inside a text: with a scheme, or a bare host, or a bare address with a path."""
_TEETH = re.compile(r"http(?=s?://)", re.IGNORECASE)


def defang_text(text: str) -> str:
    """The text with every link in it defanged, also bare hosts and addresses that a mail program would link."""
    return _TEETH.sub("hxxp", _LINK.sub(lambda found: defang(found[0]), text))

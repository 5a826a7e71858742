"""What is said to a mail server beside the letter, and what its answers tell."""

from __future__ import annotations

import re

_QUEUE_IDS = (
    re.compile(r"queued as (?P<id>[\w.\-]+)", re.IGNORECASE),
    re.compile(r"\bid=(?P<id>[\w.\-]+)"),
    re.compile(r"InternalId=(?P<id>\d+)"),
    re.compile(r"^2\.\d\.\d (?P<id>\w{10,}) Message accepted"),
    re.compile(r"^ok (?P<id>\d+ qp \d+)"),
)
"""Postfix; Exim; Exchange; Sendmail; qmail."""


def queue_id_of(words: bytes | str) -> str:
    """The server's own number of a letter in its last word to it; '' where there is none that we know to read."""
    text = _text(words)
    found = next((match for shape in _QUEUE_IDS if (match := shape.search(text))), None)
    return "" if found is None else found["id"][:80]


def answer_of(code: int, words: bytes | str) -> str:
    """The server's words on one line, without addresses, at most 200 characters."""
    kept = " ".join(part for part in _text(words).split() if "@" not in part)
    return f"{code} {kept}"[:200]


def report_options(envelope_id: str, recipient: str) -> tuple[list[str], list[str]]:
    """Parameters of MAIL and RCPT that ask for a report (RFC 3461): of success, failure and delay, the headers only.

    Nothing is asked without an id of ours, by which the report is told from others.
    """
    if not envelope_id:
        return [], []
    original = "".join(sign if "!" <= sign <= "~" and sign not in "+=" else f"+{ord(sign):02X}" for sign in recipient)
    return ["RET=HDRS", f"ENVID={envelope_id}"], ["NOTIFY=SUCCESS,FAILURE,DELAY", f"ORCPT=rfc822;{original}"]


def _text(words: bytes | str) -> str:
    return words.decode("utf-8", "replace") if isinstance(words, bytes) else words

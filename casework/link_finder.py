"""Find the links in a free text: a letter, a complaint, a pasted message.

People write links in many ways: with a full stop behind, in brackets, without a scheme, made harmless,
or right against a word of another script. A string that looks like a link and cannot be used is
returned with the rule it broke, never dropped. Time grows in line with the length of the text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from casework.links import LONGEST_LINK, Link, LinkRefused, cleaned, read_link
from casework.platform_links import platform_of_host

CONTEXT = 80
_LONGEST_TRIMMED = 2 * LONGEST_LINK
"""A longer string is refused as it stands, so that no string can make the trimming slow."""


@dataclass(frozen=True, slots=True)
class FoundLink:
    """One item that a text links to, however often."""

    link: Link
    start: int
    """Where its first mention begins and ends in the text as given."""
    end: int
    context: str
    """The text just before the first mention."""
    places: tuple[tuple[int, int], ...]
    """Start and end of every mention."""

    @property
    def count(self) -> int:
        """How often the text links to this item."""
        return len(self.places)


@dataclass(frozen=True, slots=True)
class RefusedLink:
    """A string that looks like a link and cannot be used."""

    text: str
    start: int
    end: int
    rule: str
    message: str


@dataclass(frozen=True, slots=True)
class FoundLinks:
    """What a text holds: each item once, in the order of first mention, and what was refused."""

    links: tuple[FoundLink, ...]
    refused: tuple[RefusedLink, ...]


# What ends a link whatever stands before: space, quotes, angle brackets, CJK and fullwidth punctuation.
_END = '\\s<>"`|^{}«»“”„‟‹›\u2018\u2019…\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65'
_LABEL = r"[A-Za-z0-9](?:-{0,2}[A-Za-z0-9]){0,62}+"
_TAIL = rf"(?::\d{{2,5}}(?!\d))?(?:[/?#][^{_END}]*+)?"
_CANDIDATE = re.compile(
    rf"(?P<web>https?://[^{_END}]*+)"
    rf"|(?P<other>(?<![A-Za-z0-9+.\-])(?![A-Za-z]{{1,20}}https?://)(?:[A-Za-z][A-Za-z0-9+.\-]{{1,20}}://|(?:javascript|vbscript):(?=[^{_END}])|data:[a-z]+/)"
    rf"[^{_END}]*+)"
    rf"|(?P<bare>(?<![A-Za-z0-9_@./\-])(?:{_LABEL}\.){{1,8}}(?P<tld>[A-Za-z]{{2,24}})(?![A-Za-z0-9_@]|-\w){_TAIL})"
    rf"|(?P<idn>(?<![\w@./\-])(?:[а-яёәғқңөұүһіїєґ0-9\-]{{1,63}}\.){{1,4}}(?:рф|қаз|укр|бел|срб)(?!\w){_TAIL})",
)
_OPENING = {")": "(", "]": "[", "}": "{"}
_LETTER_OF_ANOTHER_SCRIPT = re.compile(r"[^\x00-\u024f\u0300-\u036f]")
_JOINED = frozenset("/=_-.&?+~#(%:@")
_CONTINUES = re.compile(r"[/?&=_.][A-Za-z0-9]")
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7a3]")

# A name without a scheme and without a path is a link only with an ending that is neither the ending of
# a file (README.md, run.sh) nor a word that may follow a full stop without its space (it, us, in).
_ENDINGS = (
    "com org net info biz edu gov mil int online site shop club store top xyz dev blog onion example test"
    " ru kz su ua uz kg tj tm az ge eu uk de fr es pt nl ch cz fi dk ie ca mx ar cl br cn hk tw jp kr sg"
    " au nz tr io"
)
_CLEAR_ENDINGS = frozenset(_ENDINGS.split())


def find_links(text: str) -> FoundLinks:
    """Every link in a text, and every string that looks like one and was refused. Never raises."""
    clean = cleaned(text)
    links: dict[str, Link] = {}
    places: dict[str, list[tuple[int, int]]] = {}
    refused: list[RefusedLink] = []
    for found in _CANDIDATE.finditer(clean.text):
        if found["bare"] and not _is_bare_link(found):
            continue
        token = found[0]
        if len(token) <= _LONGEST_TRIMMED:
            token = _without_trailing(_cut_at_prose(token))
        start = clean.original_position(found.start())
        end = clean.original_position(found.start() + len(token) - 1) + 1 if token else start
        as_written = text[start:end]
        try:
            link = read_link(token)
        except LinkRefused as refusal:
            # "https://" alone, or a scheme that is being talked about, is a word and no link.
            if refusal.rule != "link.no_host":
                refused.append(RefusedLink(as_written, start, end, refusal.rule, str(refusal)))
            continue
        if link.key not in links:
            links[link.key] = replace(link, original=as_written)
            places[link.key] = []
        places[link.key].append((start, end))
    return FoundLinks(
        tuple(
            FoundLink(
                link,
                *places[key][0],
                text[max(0, places[key][0][0] - CONTEXT) : places[key][0][0]],
                tuple(places[key]),
            )
            for key, link in links.items()
        ),
        tuple(refused),
    )


def _is_bare_link(found: re.Match[str]) -> bool:
    """Whether a name without a scheme is meant as a link, and not as a file, a version or two sentences."""
    tld, whole = found["tld"], found[0]
    host = re.split("[/?#:]", whole, maxsplit=1)[0]
    has_path = len(whole) > len(host) + 1
    lowered = host.lower()
    if lowered.startswith("www.") or platform_of_host(lowered) is not None:
        return True
    if tld not in (tld.lower(), tld.upper()):
        return False
    return tld.lower() in _CLEAR_ENDINGS or (has_path and len(tld) == 2 and min(map(len, host.split("."))) > 1)


def _without_trailing(token: str) -> str:
    """The token without the punctuation of the sentence around it."""
    end = len(token)
    while end:
        last = token[end - 1]
        if last in ".,;:!?'*\\" or (
            last in _OPENING and token.count(last, 0, end) > token.count(_OPENING[last], 0, end)
        ):
            end -= 1
        else:
            break
    return token[:end]


def _cut_at_prose(token: str) -> str:
    """End a link where the prose of another script begins without a space.

    Letters of another script belong to a link when they begin one of its parts, as in ``/app/ркн/id1`` or in
    an international host. Right behind a Latin letter or a digit they are the next word. Scripts without
    spaces leave one more doubt, ``github.com/a/b/中的``: there an exact item does not grow by prose.
    """
    for found in _LETTER_OF_ANOTHER_SCRIPT.finditer(token):
        at = found.start()
        before = token[at - 1] if at else "/"
        if _LETTER_OF_ANOTHER_SCRIPT.match(before):
            continue
        if before not in _JOINED:
            return token[:at]
        if _CJK.match(token, at) and not _CONTINUES.search(token, at) and _is_exact_item(token[:at]):
            return token[:at]
    return token


def _is_exact_item(token: str) -> bool:
    try:
        link = read_link(token)
    except LinkRefused:
        return False
    return link.exact and link.platform is not None

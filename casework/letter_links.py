"""Which links of a letter are the content it is about, and what the others are cited as.

The shape and the host of a link are read first; then the words that lead to it, in its sentence or in the
line above its list. An exact item on a platform is content unless its words say that it is the sender's
own; a link on a host that no table knows is content only if its words say so.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from casework import letter_words as words
from casework.link_finder import FoundLink
from casework.links import Link

LinkRole = Literal["registry", "law", "help", "authority", "app_store", "other"]

_LEAD = 400
_MOST_CONTEXTS = 300
"""Contexts that are read. In a letter with more, a link is read in the context of the one before it."""
_MOST_MENTIONS = 8


@dataclass(frozen=True, slots=True)
class SortedLinks:
    """The links of a letter, in its order, and its text with every link replaced by an ellipsis."""

    content: tuple[Link, ...]
    others: tuple[tuple[Link, LinkRole], ...]
    prose: str


def sort_links(
    text: str, links: tuple[FoundLink, ...], own_hosts: frozenset[str], declared: tuple[str, ...]
) -> SortedLinks:
    """Tell the content from the rest. ``own_hosts`` are hosts of the sender, ``declared`` of the platform."""
    layout = _Layout(text, links)
    content: list[Link] = []
    others: list[tuple[Link, LinkRole]] = []
    for item in links:
        role = _role(item, layout, own_hosts, declared)
        if role is None:
            content.append(item.link)
        else:
            others.append((item.link, role))
    return SortedLinks(tuple(content), tuple(others), layout.prose)


_BULLET = re.compile(r"[\s\-–—*•·>|<\[(]*(?:\(?\w{1,3}[.):]\s*)?[\s<\[(\-]*")
_WORDS = re.compile(r"[^\W\d_]{2,}[^\n]{0,20}?[^\W\d_]{2,}[^\n]{0,20}?[^\W\d_]{2,}")


_MOST_TELLING: tuple[LinkRole, ...] = ("registry", "law", "app_store", "help", "authority", "other")


class _Layout:
    """Where links stand: inside a sentence, or as an item of a list led in by the prose above it."""

    def __init__(self, text: str, links: tuple[FoundLink, ...]) -> None:
        places = sorted(place for item in links for place in item.places)
        self._text = text
        self._line_starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self._leads: list[str] = []
        self._contexts_left = _MOST_CONTEXTS
        self._last_context = ""
        parts: list[str] = []
        taken = 0
        for start, end in places:
            parts += (text[taken:start], "…")
            taken = max(taken, end)
        self.prose = "".join((*parts, text[taken:]))
        linked: dict[int, tuple[int, int]] = {}
        for start, end in places:
            number = bisect_right(self._line_starts, start) - 1
            linked[number] = (linked.get(number, (start, end))[0], end)
        lead, ended, stop = "", False, -1
        for number, whole in enumerate(text.split("\n") if links else ()):
            begin, stop = stop + 1, stop + 1 + len(whole)
            first = linked.get(number)
            self._leads.append(lead)
            if not whole:
                ended = True
                continue
            if first is not None and _BULLET.fullmatch(text, begin, first[0]):
                ended = True
                # The sentence may go on behind the link, and lead to the next one.
                if not _WORDS.search(text, first[1], stop):
                    continue
                begin = first[1]
            line = text[max(begin, stop - _LEAD) : stop].strip()
            if not line:
                ended = True
            else:
                lead = line if ended else f"{lead} {line}"[-_LEAD:]
                ended = False

    def is_listed(self, start: int) -> bool:
        """Whether the link stands alone at the beginning of its line."""
        begin = self._line_starts[bisect_right(self._line_starts, start) - 1]
        return _BULLET.fullmatch(self._text, begin, start) is not None

    def before(self, start: int) -> str:
        """The words that lead to the link at this position."""
        number = bisect_right(self._line_starts, start) - 1
        if self.is_listed(start):
            return self._leads[number]
        if self._contexts_left:
            line = self._text[max(self._line_starts[number], start - _LEAD) : start]
            self._last_context = f"{self._leads[number]} {line}"[-_LEAD:]
            self._contexts_left -= 1
        return self._last_context


@dataclass(frozen=True, slots=True)
class _Signs:
    """What the words that lead to a link say about it."""

    nearest: Literal["content", "law", "information"] | None
    is_register: bool
    is_law: bool
    is_own: bool


@lru_cache(maxsize=512)
def _signs(before: str) -> _Signs:
    sentence = re.split(r"[.!?。]\s", before)[-1]
    content, law = (_last_end(table, sentence) for table in (words.CONTENT_WORDS, words.LAW_WORDS))
    nearest: Literal["content", "law", "information"] | None = None
    if words.INFORMATION_WORDS.search(sentence):
        # "The app can be downloaded at the following links": a word of content says where, not what.
        nearest = "information"
    elif content >= 0 or law >= 0:
        nearest = "content" if content > law else "law"
    return _Signs(
        nearest=nearest,
        is_register=words.REGISTER_SENTENCE.search(sentence) is not None,
        is_law=law >= 0,
        is_own=words.OWN_CHANNEL_WORDS.search(sentence) is not None,
    )


def _last_end(table: re.Pattern[str], text: str) -> int:
    return max((found.end() for found in table.finditer(text)), default=-1)


def _role(item: FoundLink, layout: _Layout, own_hosts: frozenset[str], declared: tuple[str, ...]) -> LinkRole | None:
    """What a link is cited as; nothing when it is the content. One mention as the content is enough."""
    host = urlsplit(item.link.canonical).hostname or ""
    is_declared = any(host == name or host.endswith("." + name) for name in declared)
    bare = host.removeprefix("www.")
    is_own = any(name == bare or name.endswith("." + bare) for name in own_hosts)
    is_official = is_own or words.GOVERNMENT_ADDRESS.search(host) is not None
    roles: list[LinkRole] = []
    for start, _ in item.places[:_MOST_MENTIONS]:
        signs = _signs(layout.before(start))
        if item.link.platform is not None or is_declared:
            role = _role_on_platform(item.link, signs)
        else:
            role = _role_elsewhere(item.link, host, signs, layout.is_listed(start), is_official)
        if role is None:
            return None
        roles.append(role)
    return min(roles, key=_MOST_TELLING.index)


def _role_on_platform(link: Link, signs: _Signs) -> LinkRole | None:
    if link.exact:
        is_account = link.kind in ("profile", "page", "channel", "group")
        return "authority" if is_account and signs.is_own else None
    if words.HELP_ADDRESS.search(link.canonical.partition("://")[2]):
        return "help"
    # A search or a feed is content only where the letter says so, a home page never.
    is_page = urlsplit(link.canonical).path not in ("", "/")
    return None if is_page and signs.nearest == "content" else "other"


def _role_elsewhere(link: Link, host: str, signs: _Signs, listed: bool, is_official: bool) -> LinkRole | None:
    if host in words.APP_STORES:
        return "app_store"
    if words.LAW_ADDRESS.search(host):
        return "law"
    if signs.is_register:
        return "registry"
    if is_official:
        return "law" if signs.is_law else "authority"
    if words.HELP_ADDRESS.search(link.canonical.partition("://")[2]) and signs.nearest != "content":
        return "help"
    if signs.nearest == "content" or (signs.nearest is None and listed and link.exact):
        return None
    return "law" if signs.nearest == "law" else "other"

"""Read a letter of an authority: the exact content it wants removed, apart from everything else it cites.

What comes out is a proposal for the person who takes the letter in; nothing is decided here. A link is
the content only if its own shape, or the words that lead to it, say so. A register, a text of law, a
help page or the authority's own page never is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from casework import letter_words as words
from casework.language import detect_language
from casework.link_finder import FoundLink, RefusedLink, find_links
from casework.links import Link

LONGEST_LETTER = 2_000_000
_LEAD = 400
_MOST_FINDINGS = 40
_MOST_REASONS = 12
_LONGEST_REASON = 600

LinkRole = Literal["registry", "law", "help", "authority", "app_store", "other"]


class LetterRefused(ValueError):
    """The letter is longer than one letter may be; ``rule`` is stable."""

    rule = "letter.too_long"


@dataclass(frozen=True, slots=True)
class LetterReading:
    """What a letter says, as far as its words and links show. Everything may be corrected by a person."""

    content_links: tuple[Link, ...]
    """The exact content, in the order of the letter, each item once."""
    other_links: tuple[tuple[Link, LinkRole], ...]
    """Links that are merely cited, and as what."""
    refused_links: tuple[RefusedLink, ...]
    """Strings that look like links and cannot be used."""
    accounts: tuple[str, ...]
    """Accounts named by their name alone."""
    issuing_authority: str | None
    issuing_country: str | None
    """ISO 3166-1 code, or EU."""
    languages: tuple[str, ...]
    """The languages of the paragraphs, the one with most text first."""
    main_language: str
    legal_bases: tuple[str, ...]
    reference: str | None
    """The authority's own number, else the number of the register entry."""
    decision_reference: str | None
    """The decision, demand or ruling the letter rests on, with its number or date."""
    requested_action: str | None
    """A :class:`casework.vocabulary.RequestedAction` value; the one the letter asks for most."""
    reason_phrases: tuple[str, ...]
    """The sentences that say why the content is unlawful; empty when the letter gives no reason."""
    suspected_category: str | None
    """A suggestion by words. It never decides a priority by itself."""
    category_found_in: Literal["letter", "link"] | None
    """Words in a link are a much weaker sign than words of the letter."""
    political_speech_hint: bool
    """The words of the letter touch political speech: the safeguards of such categories apply."""


def read_letter(text: str, declared_platform_hosts: Iterable[str] = ()) -> LetterReading:
    """Read one letter.

    ``declared_platform_hosts`` are hosts of the platform the letter is addressed to; a link there is content
    where the same link elsewhere would be an app store or an unknown site. Raises :class:`LetterRefused`
    when the text is longer than :data:`LONGEST_LETTER`.
    """
    if len(text) > LONGEST_LETTER:
        raise LetterRefused(f"A letter may have up to {LONGEST_LETTER} characters.")
    found = find_links(text)
    layout = _Layout(text, found.links)
    own_hosts = frozenset(
        match.lower() for match in re.findall(r"@([\w\-]{1,63}(?:\.[\w\-]{1,63}){1,5})", text)
    )
    declared = tuple(host.lower() for host in declared_platform_hosts)
    content: list[Link] = []
    others: list[tuple[Link, LinkRole]] = []
    for item in found.links:
        role = _role(item, layout, own_hosts, declared)
        if role is None:
            content.append(item.link)
        else:
            others.append((item.link, role))
    prose = layout.prose
    flat = re.sub(r"[ \t]*\n(?![ \t]*\n)[ \t]*|[ \t]{2,}", " ", prose.replace("\r", ""))
    languages = _languages(prose)
    authority = _authority(prose, flat)
    category, found_in = _category(flat, content)
    return LetterReading(
        content_links=tuple(content),
        other_links=tuple(others),
        refused_links=found.refused,
        accounts=_unique(name for m in words.ACCOUNT_NAMES.finditer(flat) for name in m.groups() if name),
        issuing_authority=authority,
        issuing_country=_country(authority, flat, others),
        languages=languages,
        main_language=languages[0],
        legal_bases=_without_parts(
            _unique(_tidy(m[0]) for rule in words.LEGAL_BASES for m in rule.finditer(flat))
        ),
        reference=_first_group(words.REFERENCES, flat),
        decision_reference=_decision(flat),
        requested_action=_requested_action(flat),
        reason_phrases=_reasons(flat),
        suspected_category=category,
        category_found_in=found_in,
        political_speech_hint=_is_political(flat),
    )


# --- Links -----------------------------------------------------------------------------------------------

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
        lead, ended = "", False
        for number, begin in enumerate(self._line_starts):
            stop = self._line_starts[number + 1] if number + 1 < len(self._line_starts) else len(text)
            first = linked.get(number)
            self._leads.append(lead)
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
        line = self._text[max(self._line_starts[number], start - _LEAD) : start]
        return f"{self._leads[number]} {line}"[-_LEAD:]


def _role(
    item: FoundLink, layout: _Layout, own_hosts: frozenset[str], declared: tuple[str, ...]
) -> LinkRole | None:
    """What a link is cited as; nothing when it is the content. One mention as the content is enough."""
    host = urlsplit(item.link.canonical).hostname or ""
    is_declared = any(host == name or host.endswith("." + name) for name in declared)
    roles = [
        _role_at(item.link, host, layout, start, own_hosts, is_declared) for start, _ in item.places[:50]
    ]
    return None if None in roles else min((role for role in roles if role), key=_MOST_TELLING.index)


def _role_at(
    link: Link, host: str, layout: _Layout, start: int, own_hosts: frozenset[str], is_declared: bool
) -> LinkRole | None:
    before = layout.before(start)
    sentence = re.split(r"[.!?。]\s", before)[-1]
    if link.platform is not None and not link.exact:
        if words.HELP_ADDRESS.search(link.canonical.partition("://")[2]):
            return "help"
        # A search or a feed is content only where the letter says so, a home page never.
        is_page = urlsplit(link.canonical).path not in ("", "/")
        return None if is_page and _nearest(sentence) == "content" else "other"
    if link.platform is not None or is_declared:
        owned = link.kind in ("profile", "page", "channel", "group") and words.OWN_CHANNEL_WORDS.search(
            sentence
        )
        return "authority" if owned else None
    return _role_of_unknown_host(link, host, sentence, layout.is_listed(start), own_hosts)


def _role_of_unknown_host(
    link: Link, host: str, sentence: str, listed: bool, own_hosts: frozenset[str]
) -> LinkRole | None:
    bare = host.removeprefix("www.")
    nearest = _nearest(sentence)
    if host in words.APP_STORES:
        return "app_store"
    if words.LAW_ADDRESS.search(host):
        return "law"
    if words.REGISTER_SENTENCE.search(sentence):
        return "registry"
    if words.GOVERNMENT_ADDRESS.search(host) or any(
        own == bare or own.endswith("." + bare) for own in own_hosts
    ):
        return "law" if words.LAW_WORDS.search(sentence) else "authority"
    if words.HELP_ADDRESS.search(link.canonical.partition("://")[2]) and nearest != "content":
        return "help"
    if nearest == "content" or (nearest is None and listed and link.exact):
        return None
    return "law" if nearest == "law" else "other"


def _nearest(sentence: str) -> Literal["content", "law", "information"] | None:
    """Which kind of word stands nearest before the link."""
    ends: dict[Literal["content", "law", "information"], int] = {
        "content": _last_end(words.CONTENT_WORDS, sentence),
        "law": _last_end(words.LAW_WORDS, sentence),
        "information": _last_end(words.INFORMATION_WORDS, sentence),
    }
    # "Download at the following links", "links to legislation": a word of content says where, not what.
    if ends["information"] >= 0:
        return "information"
    nearest = max(ends, key=lambda kind: ends[kind])
    return nearest if ends[nearest] >= 0 else None


def _last_end(pattern: re.Pattern[str], text: str) -> int:
    return max((m.end() for m in pattern.finditer(text)), default=-1)


# --- Languages, sender, country --------------------------------------------------------------------------

_CYRILLIC = re.compile("[\u0400-\u04ff]")
_HAN = re.compile("[\u3400-\u9fff]")
_LATIN = re.compile("[A-Za-z\u00c0-\u024f]")


def _languages(prose: str) -> tuple[str, ...]:
    """The languages of the paragraphs. A paragraph ends where the script changes, blank line or not."""
    blocks: list[tuple[str, list[str]]] = []
    for line in prose.split("\n"):
        counts = {
            "c": len(_CYRILLIC.findall(line)),
            "h": 2 * len(_HAN.findall(line)),
            "l": len(_LATIN.findall(line)),
        }
        script = max(counts, key=lambda name: counts[name])
        if not line.strip() or not blocks or (counts[script] >= 12 and blocks[-1][0] != script):
            blocks.append((script, []))
        blocks[-1][1].append(line)
    weights: Counter[str] = Counter()
    # A language of a letter shows in its first blocks; the bound keeps a huge text as quick as a long one.
    for script, lines in [block for block in blocks if len("".join(block[1])) > 40][:200]:
        block = " ".join(lines)
        guess = detect_language(block)
        if guess.certain:
            # A Chinese character says about as much as three letters.
            weights[guess.code] += len(block) * (3 if script == "h" else 1)
    total = sum(weights.values())
    languages = tuple(code for code, weight in weights.most_common() if weight * 20 >= total)
    return languages or (detect_language(prose).code,)


def _authority(prose: str, flat: str) -> str | None:
    """Who signs; else who the letter says it comes from; else a line that is nothing but a body's name."""
    lines = [line.strip(" \t*_#|") for line in prose.split("\n")[:20_000]]
    signed: list[str] = []
    for number, line in enumerate(lines):
        if words.CLOSING.match(line):
            block = [line.partition(",")[2].strip(), *lines[number + 1 : number + 14]]
            signed += _bodies(["" if words.CLOSING.match(text) else text for text in block])
    named = [
        name
        for rule in words.SENDER_PHRASES
        for m in list(rule.finditer(flat))[:5]
        if (name := _tidy(m[1])) and _strength(name)
    ]
    standing = _bodies(lines[-30:]) + _bodies(lines[:12])
    for names in (signed, named, standing):
        if names:
            return max(names, key=_strength)
    return None


def _bodies(lines: list[str]) -> list[str]:
    """Lines that name a public body, with a name that was wrapped joined again."""
    names: list[str] = []
    skip = 0
    for number, line in enumerate(lines):
        if skip:
            skip -= 1
            continue
        name = line
        while words.WRAPPED.search(name) or (60 <= len(name) < 160 and not name.endswith((".", ")"))):
            following = lines[number + skip + 1] if number + skip + 1 < len(lines) else ""
            if not following or len(name) + len(following) > 220:
                break
            name = f"{name} {following}"
            skip += 1
        name = _without_title(_tidy(name))
        if 3 <= len(name) <= 200 and _strength(name) and not re.search(r"[:;!?]|\. [A-ZА-Я]", name):
            names.append(name)
        else:
            skip = 0
    return names


def _without_title(name: str) -> str:
    """``Senior Investigator, Online Safety Commission`` without the person's title."""
    title, _, body = name.partition(", ")
    return body if body and not _strength(title) and _strength(body) else name


def _strength(name: str) -> int:
    return 2 if words.STRONG_BODY.search(name) else 1 if words.WEAK_BODY.search(name) else 0


def _country(authority: str | None, flat: str, others: list[tuple[Link, LinkRole]]) -> str | None:
    """The country the body names, else the one of its address, else the one the letter names most."""
    named = [code for code, pattern in words.COUNTRIES.items() if authority and pattern.search(authority)]
    if named:
        # Hong Kong's bodies name China too; the narrower name stands for the authority.
        return "HK" if "HK" in named else named[0]
    addresses = [
        urlsplit(link.canonical).hostname or ""
        for link, role in others
        if role in ("authority", "registry", "law")
    ]
    for host in addresses:
        ending = host.rpartition(".")[2].upper()
        if ending in words.COUNTRIES:
            return ending
    counts = Counter({code: len(pattern.findall(flat)) for code, pattern in words.COUNTRIES.items()})
    code, times = counts.most_common(1)[0]
    return code if times else None


# --- Law, numbers, reasons -------------------------------------------------------------------------------


def _decision(flat: str) -> str | None:
    for found in words.DECISION.finditer(flat):
        if not words.DECISION_IS_A_LAW.search(found[0]):
            return _tidy(found[0])
    return None


def _requested_action(flat: str) -> str | None:
    counts = Counter(
        {action: words.words_found(rule, (flat,)) for action, rule in words.REQUESTED_ACTIONS.items()}
    )
    action, times = counts.most_common(1)[0]
    return action if times else None


_SENTENCE_END = re.compile(
    r"(?<=[.!?])\s+(?=[\"«“(]?[A-ZА-ЯЁӘҒҚҢӨҰҮҺІÁÉÍÓÚ¿¡\u3400-\u9fff])|(?<=[。！？])|\n+|\s(?=-{3,})"
)
_SHORT_QUOTE = re.compile('[«"“]([^«"“»”\n]{1,40})[»"”]')
_TITLE = re.compile('[«"“][^«"“»”\n]{60,}[»"”]')


def _reasons(flat: str) -> tuple[str, ...]:
    """Sentences that give a reason. A long quotation is a title, and a condition is a threat, not a reason."""
    reasons: list[str] = []
    for sentence in _SENTENCE_END.split(flat):
        if len(reasons) == _MOST_REASONS:
            break
        bare, titles = _TITLE.subn("«…»", _SHORT_QUOTE.sub(r"\1", sentence[: 4 * _LONGEST_REASON]))
        if len(bare) > 15 and words.REASON_WORDS.search(bare) and not words.CONDITIONAL.match(bare):
            reason = _tidy(bare if titles else sentence)[:_LONGEST_REASON]
            if reason not in reasons:
                reasons.append(reason)
    return tuple(reasons)


def _category(flat: str, content: list[Link]) -> tuple[str | None, Literal["letter", "link"] | None]:
    """The category whose words occur most; the order of the table breaks ties, children first."""
    places: tuple[tuple[Literal["letter", "link"], list[str]], ...] = (
        ("letter", [flat]),
        ("link", [re.sub(r"[/_.\-]", " ", link.canonical) for link in content[:50]]),
    )
    for place, texts in places:
        counts = {code: words.words_found(rule, texts) for code, rule in words.CATEGORIES.items()}
        best = max(counts, key=lambda code: counts[code])
        if counts[best]:
            return best, place
    return None, None


def _is_political(flat: str) -> bool:
    """Whether the letter touches political speech: by its subject, or as extremism without violence."""
    if words.POLITICAL_WORDS.search(flat):
        return True
    return bool(words.EXTREMISM_WORDS.search(flat)) and not words.VIOLENCE_WORDS.search(flat)


def _first_group(rules: Iterable[re.Pattern[str]], flat: str) -> str | None:
    for rule in rules:
        found = rule.search(flat)
        if found is not None:
            return found[1].strip(".,;)")
    return None


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip(" \t,;:*_").removesuffix(".").strip()


def _unique(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(item for item in items if item))[:_MOST_FINDINGS]


def _without_parts(citations: tuple[str, ...]) -> tuple[str, ...]:
    """Citations that are no part of a longer one."""
    is_part: Callable[[str], bool] = lambda text: any(text != other and text in other for other in citations)
    return tuple(text for text in citations if not is_part(text))

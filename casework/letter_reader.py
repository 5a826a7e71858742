"""Read a letter of an authority: the exact content it wants removed, apart from everything else it cites.

What comes out is a proposal for the person who takes the letter in; nothing is decided here. A link is
the content only if its own shape, or the words that lead to it, say so. A register, a text of law, a
help page or the authority's own page never is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from casework import letter_words as words
from casework.language import detect_language
from casework.letter_links import LinkRole, sort_links
from casework.link_finder import RefusedLink, find_links
from casework.links import Link

LONGEST_LETTER = 2_000_000
_MAIL_HOST = re.compile(r"@([\w\-]{1,63}(?:\.[\w\-]{1,63}){1,5})")
_LONGEST_HEAD, _LONGEST_FOOT = 40_000, 10_000
_MOST_FINDINGS = 40
_MOST_REASONS = 12
_LONGEST_REASON = 600


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
    own_hosts = frozenset(host.lower() for host in _MAIL_HOST.findall(_body(text)))
    declared = tuple(host.lower() for host in declared_platform_hosts)
    links = sort_links(text, found.links, own_hosts, declared)
    prose = _body(links.prose)
    flat = re.sub(r"[ \t]*\n(?![ \t]*\n)[ \t]*|[ \t]{2,}", " ", prose.replace("\r", ""))
    languages = _languages(prose)
    authority = _authority(prose, flat)
    category, found_in = _category(flat, links.content)
    return LetterReading(
        content_links=links.content,
        other_links=links.others,
        refused_links=found.refused,
        accounts=_unique(name for m in words.ACCOUNT_NAMES.finditer(flat) for name in m.groups() if name),
        issuing_authority=authority,
        issuing_country=_country(authority, flat, links.others),
        languages=languages,
        main_language=languages[0],
        legal_bases=_without_parts(_unique(_tidy(m[0]) for rule in words.LEGAL_BASES for m in rule.finditer(flat))),
        reference=_first_group(words.REFERENCES, flat),
        decision_reference=_decision(flat),
        requested_action=_requested_action(flat),
        reason_phrases=_reasons(flat),
        suspected_category=category,
        category_found_in=found_in,
        political_speech_hint=_is_political(flat),
    )


def _body(text: str) -> str:
    """What the words are read from. What lies between is an annex; its links are found all the same."""
    if len(text) <= _LONGEST_HEAD + _LONGEST_FOOT:
        return text
    return f"{text[:_LONGEST_HEAD]}\n\n{text[-_LONGEST_FOOT:]}"


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


def _country(authority: str | None, flat: str, others: tuple[tuple[Link, LinkRole], ...]) -> str | None:
    """The country the body names, else the one of its address, else the one the letter names most."""
    named = [code for code, pattern in words.COUNTRIES.items() if authority and pattern.search(authority)]
    if named:
        # Hong Kong's bodies name China too; the narrower name stands for the authority.
        return "HK" if "HK" in named else named[0]
    addresses = [
        urlsplit(link.canonical).hostname or "" for link, role in others if role in ("authority", "registry", "law")
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
    counts = Counter({action: words.words_found(rule, (flat,)) for action, rule in words.REQUESTED_ACTIONS.items()})
    action, times = counts.most_common(1)[0]
    return action if times else None


_SENTENCE_END = re.compile(
    r"(?<=[.!?])\s+(?=[\"«“(]?[A-ZА-ЯЁӘҒҚҢӨҰҮҺІÁÉÍÓÚ¿¡\u3400-\u9fff])|(?<=[。！？])|\n+|\s(?=-{3,})"
)
_SHORT_QUOTE = re.compile('[«"“]([^«"“»”\n]{1,40})[»"”]')
_TITLE = re.compile('[«"“][^«"“»”\n]{60,}[»"”]')


def _reasons(flat: str) -> tuple[str, ...]:
    """Sentences that give a reason. A long quotation is a title; a condition is a threat, not a reason."""
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


def _category(flat: str, content: tuple[Link, ...]) -> tuple[str | None, Literal["letter", "link"] | None]:
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
    return tuple(text for text in citations if not any(text != other and text in other for other in citations))

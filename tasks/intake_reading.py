"""From one raw report to what a case would be made of. Touches no database.

A report that signals imminent danger to a child is never held for a field that cannot be
read: the field is left out, named, and the rest goes on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from casework.errors import ReportRefused
from casework.language import UnknownLanguage, check_language, detect_language
from casework.letter_reader import LetterReading, read_letter
from casework.links import Link, LinkRefused, read_link
from casework.policy_pack import Category, Pack
from casework.priority import Assessment, PriorityFacts, assess
from casework.report import MAX_LINKS, Report, read_report
from casework.report_formats import RawReport, fields_of
from casework.vocabulary import LANGUAGES, HoldReason, Priority

UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class ReadItem:
    """A usable link and when it was seen."""

    link: Link
    observed_at: datetime | None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A part that could not be used: it waits in the holding pen while the rest goes on."""

    part: str
    reason: HoldReason
    message: str
    next_step: str


@dataclass(frozen=True, slots=True)
class ReadReport:
    """A report, read: enough for a case. ``suggested`` names what was guessed and not stated."""

    report: Report
    category: Category
    language: str
    items: tuple[ReadItem, ...]
    left_out: tuple[LeftOut, ...]
    assessment: Assessment
    political: bool
    issuing_authority: str = ""
    suggested: tuple[str, ...] = field(default=())
    unread: tuple[str, ...] = field(default=())


def read_raw(raw: RawReport, now: datetime, pack: Pack) -> ReadReport:
    """Read one raw report at ``now``. Raises ReportRefused with the reason to hold it."""
    fields = fields_of(raw)
    letter: LetterReading | None = None
    if isinstance(fields.get("text"), str) and not fields.get("links") and not fields.get("items"):
        letter = read_letter(fields["text"])
        fields = _fields_of_letter(fields, letter)
    report, left_out = _checked(fields, now, pack)
    items, bad_links = _items(report)
    left_out += bad_links
    if report.refused_media:
        left_out.append(
            LeftOut(
                "attachment",
                HoldReason.MEDIA_REFUSED,
                f"{report.refused_media} attachment(s) are media and were not taken into the case",
                "Tell the reporter not to send, forward or keep copies; the link is enough.",
            )
        )
    if not items:
        raise _nothing_to_report(left_out)
    suggested: list[str] = []
    category = _category(report, letter, pack, suggested)
    political = category.political or bool(letter and letter.political_speech_hint)
    facts = PriorityFacts(
        category=category.code,
        age_band=report.age_band,
        indicators=frozenset(report.indicators),
        platforms=len({item.link.platform for item in items}),
        reporter_is_child=report.reporter.is_child,
        political=political,
    )
    return ReadReport(
        report=report,
        category=category,
        language=_language(report, letter),
        items=items,
        left_out=tuple(left_out),
        assessment=assess(facts, pack),
        political=political,
        issuing_authority=(letter.issuing_authority or "")[:300] if letter else "",
        suggested=tuple(suggested),
        unread=_plain(report.unread_fields()),
    )


def _plain(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names of fields as they may stand in the log: a reporter can write a link or a person into a name."""
    return tuple(dict.fromkeys(name if _NAME.fullmatch(name) else "other" for name in names))[:20]


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")


def _checked(fields: dict[str, Any], now: datetime, pack: Pack) -> tuple[Report, list[LeftOut]]:
    """The checked report. A child in danger is not held up by a bad field: it is left out instead."""
    left_out: list[LeftOut] = []
    remaining = dict(fields)
    while True:
        try:
            report = read_report(remaining, now)
            if report.language is not None:
                check_language(report.language)
            return report, left_out
        except UnknownLanguage:
            refusal = ReportRefused(
                HoldReason.BAD_FIELD, "field 'language': no such language", next_step="Correct it and replay."
            )
            bad: str | None = "language"
        except ReportRefused as error:
            refusal = error
            bad = _named_field(error.message, remaining)
        if bad is None or bad in ("links", "indicators") or not _signals_danger(remaining, pack):
            raise refusal
        if bad == "items":
            remaining["links"] = _bare_links(remaining.pop("items"))
        else:
            del remaining[bad]
        left_out.append(LeftOut(bad, HoldReason(refusal.reason), refusal.message, refusal.next_step))


def _named_field(message: str, fields: dict[str, Any]) -> str | None:
    """The top-level field a refusal names, if the report has it."""
    name = message.partition("'")[2].partition("'")[0].partition(".")[0]
    if name in fields:
        return name
    return "items" if name == "observed_at" and "items" in fields else None


def _bare_links(items: Any) -> list[str]:
    if not isinstance(items, list):
        return []
    return [item["url"] for item in items if isinstance(item, dict) and isinstance(item.get("url"), str)][:MAX_LINKS]


def _signals_danger(fields: dict[str, Any], pack: Pack) -> bool:
    stated = fields.get("indicators")
    if not isinstance(stated, (list, tuple)):
        return False
    known = {str(indicator) for indicator in stated}
    return any(rule.level is Priority.P0 and not known.isdisjoint(rule.any_indicator) for rule in pack.priority.rules)


def _items(report: Report) -> tuple[tuple[ReadItem, ...], list[LeftOut]]:
    """Usable links, each item once; links that cannot be used, each with its rule."""
    good: dict[str, ReadItem] = {}
    bad: list[LeftOut] = []
    for position, item in enumerate(report.all_items(), start=1):
        try:
            link = read_link(item.url)
        except LinkRefused as refused:
            bad.append(
                LeftOut(
                    f"link {position}", HoldReason.BAD_LINK, f"link {position}: {refused}", "Ask for the link itself."
                )
            )
            continue
        good.setdefault(link.key, ReadItem(link, item.observed_at))
    return tuple(good.values()), bad


def _nothing_to_report(left_out: list[LeftOut]) -> ReportRefused:
    if left_out:
        first = left_out[0]
        return ReportRefused(first.reason, first.message, next_step=first.next_step)
    return ReportRefused(
        HoldReason.NO_LINK,
        "no link to any content was found",
        next_step="Ask for the exact link; text alone is no item.",
    )


def _category(report: Report, letter: LetterReading | None, pack: Pack, suggested: list[str]) -> Category:
    """The stated category; for a letter in prose a suggestion, which a person confirms or changes."""
    code = report.category
    if code == UNCLASSIFIED and letter is not None and letter.suspected_category:
        code = letter.suspected_category
        suggested.append("category")
    try:
        return pack.category(code)
    except KeyError:
        if report.category != UNCLASSIFIED and letter is None:
            suggested.append(f"category:{report.category}")
        return pack.category(UNCLASSIFIED)


def _language(report: Report, letter: LetterReading | None) -> str:
    if report.language is not None:
        return report.language.split("-")[0].lower()
    if letter is not None and letter.main_language:
        return letter.main_language
    text = report.description or report.quote
    if text:
        guess = detect_language(text)
        if guess.certain or guess.code in LANGUAGES:
            return guess.code
    return ""


def _fields_of_letter(fields: dict[str, Any], letter: LetterReading) -> dict[str, Any]:
    """A letter in prose as fields. The letter itself stays in the raw report."""
    known = {key: value for key, value in fields.items() if key in ("attachments", "channel", "reporter")}
    known["reference"] = str(letter.reference or fields.get("id") or "")[:200]
    known["links"] = [link.original for link in letter.content_links][:MAX_LINKS]
    known["legal_basis"] = [basis[:200] for basis in letter.legal_bases][:20]
    known["description"] = str(fields["text"])[:20_000]
    known["why_unlawful"] = "\n".join(letter.reason_phrases)[:20_000]
    if letter.issuing_authority:
        known["channel"] = "authority"
    return known

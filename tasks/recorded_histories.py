"""From rows to the histories that a replay takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from casework.case_history import BY_HAND, KINDS, OF_NOTICE, CaseHistory, Happened
from casework.facts import SYSTEM
from casework.policy_pack import Category, Pack
from casework.vocabulary import AgeBand, PauseReason, Priority
from db.base import JsonDict
from db.queries.histories import (
    RecordedCase,
    RecordedEvent,
    acknowledged_notices,
    cases_since,
    clock_histories,
    events_of_cases,
    platform_counts,
    report_times,
)

PAGE = 250
"""Cases read at a time: what is kept at once stays small, and so does the work of keeping house in memory."""

_WITH_DATA = BY_HAND | OF_NOTICE | {"priority.changed"}
"""Kinds whose codes and numbers a replay needs. The data of a move may hold a reviewer's words and is not read."""


class RecordUnreadable(ValueError):
    """An event of the record lacks what a replay needs; the message says which kind."""


@dataclass(frozen=True, slots=True)
class _Beside:
    """What events of a page refer to."""

    acknowledged: Mapping[int, str]
    clocks: Mapping[int, Sequence[JsonDict]]


def recorded_histories(
    session: Session, since: datetime, in_use: Pack
) -> Iterator[list[tuple[str, CaseHistory | RecordUnreadable]]]:
    """The cases received since a moment, page by page: number and history, or why there is none.

    What a case has only because the policy in use gives it to its category follows the category under another policy:
    the form of notice and the mark of political speech.
    """
    after, known = 0, {category.code: category for category in in_use.categories}
    while page := cases_since(session, since, after, PAGE):
        after = page[-1].id
        yield _histories(session, page, known)


def _histories(
    session: Session, page: Sequence[RecordedCase], known: Mapping[str, Category]
) -> list[tuple[str, CaseHistory | RecordUnreadable]]:
    ids = [case.id for case in page]
    events: dict[int, list[RecordedEvent]] = defaultdict(list)
    for event in events_of_cases(session, ids, KINDS, _WITH_DATA):
        if event.kind not in BY_HAND or event.actor_id != SYSTEM.id:
            events[event.case_id].append(event)
    reports: dict[int, list[datetime]] = defaultdict(list)
    for case_id, at in report_times(session, ids):
        reports[case_id].append(at)
    platforms = platform_counts(session, ids)
    beside = _Beside(
        acknowledged_notices(session, ids),
        _touched_clocks(session, [event for found in events.values() for event in found]),
    )
    return [
        (case.number, _history(case, events[case.id], reports[case.id], platforms.get(case.id, 0), beside, known))
        for case in page
    ]


def _touched_clocks(session: Session, events: Iterable[RecordedEvent]) -> dict[int, Sequence[JsonDict]]:
    touched = [int(event.data["clock"]) for event in events if event.kind in BY_HAND and event.data]
    return clock_histories(session, touched) if touched else {}


def _history(
    case: RecordedCase,
    events: Sequence[RecordedEvent],
    reports: Sequence[datetime],
    platforms: int,
    beside: _Beside,
    known: Mapping[str, Category],
) -> CaseHistory | RecordUnreadable:
    category = known.get(case.category)
    by_category = category is not None and category.instrument == case.instrument
    try:
        return CaseHistory(
            number=case.number,
            category=case.category,
            age_band=AgeBand(case.age_band),
            indicators=frozenset(case.indicators),
            happened=tuple(_happened(event, beside) for event in events),
            reports=tuple(reports),
            platforms=platforms,
            reporter_is_child=case.reporter_is_child,
            political=case.political and not (category is not None and category.political),
            instrument=None if by_category else case.instrument,
        )
    except (KeyError, ValueError, TypeError, StopIteration) as error:
        return RecordUnreadable(f"its record cannot be read: {type(error).__name__}")


def _happened(event: RecordedEvent, beside: _Beside) -> Happened:
    data = event.data
    if data is None:
        return Happened(event.at, event.kind)
    if event.kind == "priority.changed":
        return Happened(event.at, event.kind, level=Priority(data["to"]), level_before=Priority(data["from"]))
    if event.kind == "rung.acknowledged":
        notice = beside.acknowledged[data["escalation"]]
        return Happened(event.at, event.kind, notice=_place(notice), rung=int(data["rung"]))
    if event.kind in BY_HAND:
        return _by_hand(event, data, beside.clocks[data["clock"]])
    return Happened(event.at, event.kind, notice=_place(data["submission"]), platform=str(data.get("platform") or ""))


def _by_hand(event: RecordedEvent, data: JsonDict, entries: Sequence[JsonDict]) -> Happened:
    done = Happened(
        event.at, event.kind, notice=_place(str(data["submission"])) if "submission" in data else 0,
        clock=str(data["rule"]),
    )  # fmt: skip
    if event.kind == "clock.paused":
        entry = next(entry for entry in entries if _is(entry, "pause", "began_at", event.at))
        return replace(done, reason=PauseReason(str(entry["reason"])))
    if event.kind == "clock.extended":
        entry = next(entry for entry in entries if _is(entry, "extension", "granted_at", event.at))
        return replace(done, until=datetime.fromisoformat(str(entry["until"])))
    return done


def _is(entry: JsonDict, kind: str, when: str, at: datetime) -> bool:
    return entry["kind"] == kind and datetime.fromisoformat(str(entry[when])) == at


def _place(number: str) -> int:
    """The place of a notice in its case: 2 for QN-2026-000123/S2."""
    return int(number.rpartition("/S")[2])

"""Recorded cases in pages, for replaying them: columns only. No text, no link, no person, nothing sealed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import case, distinct, func, null, select
from sqlalchemy.orm import Session

from db.base import JsonDict
from db.tables import CaseFile, Clock, ContentItem, Escalation, Event, Report, Submission


class RecordedCase(NamedTuple):
    """What a case's priority and clocks depend on."""

    id: int
    number: str
    category: str
    age_band: str
    indicators: Sequence[str]
    political: bool
    reporter_is_child: bool
    instrument: str


class RecordedEvent(NamedTuple):
    """One event; ``data`` only for the kinds it was asked for."""

    case_id: int
    at: datetime
    kind: str
    actor_id: str
    data: JsonDict | None


def count_cases_since(session: Session, since: datetime) -> int:
    """How many cases were received since a moment."""
    return session.scalar(select(func.count()).select_from(CaseFile).where(CaseFile.received_at >= since)) or 0


def cases_since(session: Session, since: datetime, after: int, limit: int) -> list[RecordedCase]:
    """A page of the cases received since a moment, in order of id, those after id ``after``."""
    kept = CaseFile
    query = (
        select(
            kept.id, kept.number, kept.category, kept.age_band, kept.indicators, kept.political,
            kept.reporter_is_child, kept.instrument,
        )
        .where(kept.id > after, kept.received_at >= since)
        .order_by(kept.id)
        .limit(limit)
    )  # fmt: skip
    return [RecordedCase(*row) for row in session.execute(query).tuples()]


def events_of_cases(
    session: Session, ids: Collection[int], kinds: Collection[str], with_data: Collection[str]
) -> list[RecordedEvent]:
    """The cases' events of these kinds, case by case in order of the record."""
    data = case((Event.kind.in_(with_data), Event.data), else_=null())
    query = (
        select(Event.case_id, Event.at, Event.kind, Event.actor_id, data)
        .where(Event.case_id.in_(ids), Event.kind.in_(kinds))
        # In the order of the index: by position alone, the whole log would be read for every page.
        .order_by(Event.case_id, Event.seq)
    )
    return [RecordedEvent(*row) for row in session.execute(query)]


def report_times(session: Session, ids: Collection[int]) -> list[tuple[int, datetime]]:
    """Case id and time of every report of these cases."""
    query = (
        select(Report.case_id, Report.received_at)
        .where(Report.case_id.in_(ids), Report.duplicate_of.is_(None))
        .order_by(Report.id)
    )
    return [(case_id, at) for case_id, at in session.execute(query) if case_id is not None]


def platform_counts(session: Session, ids: Collection[int]) -> dict[int, int]:
    """How many platforms each case's items are on; a case with none is left out."""
    query = (
        select(ContentItem.case_id, func.count(distinct(ContentItem.platform)))
        .where(ContentItem.case_id.in_(ids), ContentItem.platform.is_not(None))
        .group_by(ContentItem.case_id)
    )
    return dict(session.execute(query).tuples().all())


def acknowledged_notices(session: Session, ids: Collection[int]) -> dict[int, str]:
    """By escalation that was acknowledged, the number of the notice it was raised on."""
    query = (
        select(Escalation.id, Submission.number)
        .join(Submission, Submission.id == Escalation.submission_id)
        .where(Escalation.case_id.in_(ids), Escalation.acknowledged_at.is_not(None))
    )
    return dict(session.execute(query).tuples().all())


def clock_histories(session: Session, ids: Collection[int]) -> dict[int, Sequence[JsonDict]]:
    """Pauses and extensions by clock's id."""
    return dict(session.execute(select(Clock.id, Clock.history).where(Clock.id.in_(ids))).tuples().all())

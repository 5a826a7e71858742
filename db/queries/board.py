"""Questions of the operators' board: counts and case numbers, a few statements whatever is stored.

Their cost follows what is open, ready or due; what has ended is never read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case as when
from sqlalchemy import delete, func, or_, select, text, union_all
from sqlalchemy.orm import Session

from casework.vocabulary import ClockState, DeliveryState, Duty, MailState, Status
from db.queries.rows import insert_rows
from db.tables import CaseFile, Clock, Event, HeldItem, InboundMail, Letter, StageCount, Submission
from db.tables.cases import OPEN

DEAD = (DeliveryState.REFUSED, DeliveryState.UNKNOWN)

_OPEN, _FAILING = text(OPEN), text("failures > 0")
"""In the words of the indexes, so that both databases see that they hold all that is asked for."""


@dataclass(frozen=True, slots=True)
class OpenGroup:
    """Open cases of one stage, priority and lane."""

    status: str
    priority: str
    lane: str
    cases: int
    overdue: int
    """Those of which a deadline has passed."""
    first_at: datetime
    """When the first of them came in."""


@dataclass(frozen=True, slots=True)
class OldestCase:
    """The case of one stage and lane that came in first."""

    status: str
    lane: str
    number: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ReadyGroup:
    """Cases of one lane that nobody drives and the system could."""

    lane: str
    cases: int
    since: datetime


@dataclass(frozen=True, slots=True)
class SetAside:
    """A case whose drives fail."""

    number: str
    lane: str
    priority: str
    failures: int
    again_at: datetime | None
    since: datetime | None
    """The first failure in this row of failures; None where no event tells."""


@dataclass(frozen=True, slots=True)
class ClocksAtRisk:
    """Running clocks of one priority that are due soon, by hours ahead."""

    priority: str
    ours: bool
    within: tuple[int, ...]


def open_groups(session: Session, now: datetime) -> list[OpenGroup]:
    """Open cases by stage, priority and lane."""
    late = func.sum(when((CaseFile.next_due_at < now, 1), else_=0))
    # In the order of the index: no row is read, and none is sorted.
    columns = (CaseFile.status, CaseFile.lane, CaseFile.priority)
    first = func.min(CaseFile.received_at)
    rows = session.execute(select(*columns, func.count(), late, first).where(_OPEN).group_by(*columns))
    return [OpenGroup(status, priority, lane, *figures) for status, lane, priority, *figures in rows]


def oldest_cases(session: Session, groups: Sequence[OpenGroup]) -> list[OldestCase]:
    """The case that came in first, of each stage and lane of these groups."""
    first: dict[tuple[str, str], OpenGroup] = {}
    for group in groups:
        known = first.setdefault((group.status, group.lane), group)
        if group.first_at < known.first_at:
            first[group.status, group.lane] = group
    if not first:
        return []
    columns = (CaseFile.status, CaseFile.lane, CaseFile.number, CaseFile.received_at)
    # One by one, because SQLite looks up a list of them by reading the whole index.
    firsts = [
        select(
            select(*columns)
            .where(
                _OPEN,
                CaseFile.status == group.status,
                CaseFile.lane == group.lane,
                CaseFile.priority == group.priority,
                CaseFile.received_at == group.first_at,
            )
            .limit(1)
            .subquery()
        )
        for group in first.values()
    ]
    rows = session.execute(union_all(*firsts))
    return [OldestCase(*row) for row in rows]


def ready_groups(session: Session, now: datetime) -> list[ReadyGroup]:
    """Cases that the system could drive now, by lane, and since when the first of them could go."""
    rows = session.execute(
        select(CaseFile.lane, func.count(), func.min(CaseFile.drive_at))
        .where(
            CaseFile.drive_at.is_not(None),
            CaseFile.drive_at <= now,
            or_(CaseFile.lease_until.is_(None), CaseFile.lease_until < now),
        )
        .group_by(CaseFile.lane)
    )
    return [ReadyGroup(*row) for row in rows]


def cases_set_aside(session: Session, limit: int) -> list[SetAside]:
    """Cases whose last drive failed, most urgent first."""
    rows = session.execute(
        select(CaseFile.id, CaseFile.number, CaseFile.lane, CaseFile.priority, CaseFile.failures, CaseFile.drive_at)
        .where(_FAILING)
        .order_by(CaseFile.priority_rank, CaseFile.id)
        .limit(limit)
    ).all()
    failed = _failures(session, [row[0] for row in rows])
    return [
        SetAside(number, lane, priority, failures, again_at, _first_of(failed.get(case_id, []), failures))
        for case_id, number, lane, priority, failures, again_at in rows
    ]


def _failures(session: Session, case_ids: Sequence[int]) -> dict[int, list[datetime]]:
    """When drives of these cases failed, the latest first."""
    found: dict[int, list[datetime]] = {}
    query = select(Event.case_id, Event.at).where(Event.case_id.in_(case_ids), Event.kind == "drive.failed")
    for case_id, at in session.execute(query.order_by(Event.seq.desc())):
        found.setdefault(int(case_id or 0), []).append(at)
    return found


def _first_of(latest: Sequence[datetime], count: int) -> datetime | None:
    return latest[min(count, len(latest)) - 1] if latest else None


def count_set_aside(session: Session) -> int:
    """How many cases' last drive failed."""
    return session.scalar(select(func.count()).select_from(CaseFile).where(_FAILING)) or 0


def clocks_at_risk(session: Session, now: datetime, hours: Sequence[int]) -> list[ClocksAtRisk]:
    """Running clocks that are due within so many hours, by priority; ours and the others' apart."""
    ours = when((Clock.duty == Duty.AUTHORITY, 1), else_=0)
    within = [func.sum(when((Clock.due_at <= now + timedelta(hours=ahead), 1), else_=0)) for ahead in hours]
    until = now + timedelta(hours=max(hours))
    rows = session.execute(
        select(CaseFile.priority, ours, *within)
        .join(CaseFile, CaseFile.id == Clock.case_id)
        # A clock that is due has its breach still before it: the sweep's small index finds it.
        .where(Clock.next_check_at <= until, Clock.due_at > now, Clock.due_at <= until)
        .where(Clock.state == ClockState.RUNNING)
        .group_by(CaseFile.priority, ours)
    )
    return [ClocksAtRisk(priority, bool(mine), tuple(counts)) for priority, mine, *counts in rows]


@dataclass(frozen=True, slots=True)
class ForPeople:
    """What lies where only a person can settle it."""

    letters: int
    notices: int
    mails: int
    held: int


def for_people(session: Session) -> ForPeople:
    """Dead letters, notices that a platform refused or may not have, mails and reports held."""
    counts = session.execute(
        select(
            select(func.count()).select_from(Letter).where(Letter.state.in_(DEAD)).scalar_subquery(),
            select(func.count()).select_from(Submission).where(Submission.state.in_(DEAD)).scalar_subquery(),
            select(func.count()).select_from(InboundMail).where(InboundMail.state == MailState.HELD).scalar_subquery(),
            select(func.count()).select_from(HeldItem).where(HeldItem.state == "held").scalar_subquery(),
        )
    ).one()
    return ForPeople(*counts)


def counted_since(session: Session, since: datetime) -> list[tuple[datetime, str, str, int]]:
    """Open cases as they were counted hour by hour: when, stage, lane, cases; oldest first."""
    query = select(StageCount.counted_at, StageCount.status, StageCount.lane, StageCount.cases)
    return list(session.execute(query.where(StageCount.counted_at >= since).order_by(StageCount.counted_at)).tuples())


def last_counted(session: Session) -> datetime | None:
    """When the open cases were counted last."""
    return session.scalar(select(func.max(StageCount.counted_at)))


def keep_count(session: Session, at: datetime, groups: Sequence[OpenGroup], *, forget_before: datetime) -> None:
    """Keep a count of the open cases, also where there is none, and forget the old ones."""
    session.execute(delete(StageCount).where(StageCount.counted_at < forget_before))
    cases: dict[tuple[str, str], int] = {(Status.RECEIVED, "child-safety"): 0}
    for group in groups:
        cases[group.status, group.lane] = cases.get((group.status, group.lane), 0) + group.cases
    insert_rows(
        session,
        StageCount,
        [{"counted_at": at, "status": status, "lane": lane, "cases": count} for (status, lane), count in cases.items()],
    )

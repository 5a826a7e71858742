"""Questions about clocks. The sweep's query reads a partial index and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.vocabulary import ClockState, Lane
from db.queries.held import rows_while_held
from db.tables import CaseFile, Clock, Heartbeat


def clocks_due(session: Session, now: datetime, limit: int, lane: Lane | None = None) -> list[int]:
    """Ids of clocks with a threshold at or before ``now``, or only those of one lane, the longest overdue first."""
    query = (
        select(Clock.id)
        .where(Clock.next_check_at.is_not(None), Clock.next_check_at <= now)
        .order_by(Clock.next_check_at, Clock.id)
        .limit(limit)
    )
    if lane is not None:
        query = query.join(CaseFile, CaseFile.id == Clock.case_id).where(CaseFile.lane == lane)
    return list(session.scalars(query))


def clock_by_id(session: Session, clock_id: int) -> Clock | None:
    """The clock as it is now, locked for this transaction where the database can."""
    return session.scalars(
        select(Clock)
        .where(Clock.id == clock_id)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()


RUNNING = select(Clock).where(Clock.state == ClockState.RUNNING).order_by(Clock.due_at)
"""Running clocks, earliest due first."""


@rows_while_held(Clock, lambda clock: clock.state == ClockState.RUNNING, lambda clock: clock.due_at)
def running_clocks(session: Session, case_id: int) -> Sequence[Clock]:
    """A case's running clocks, earliest due first."""
    return session.scalars(RUNNING.where(Clock.case_id == case_id)).all()


def clocks_of_case(session: Session, case_id: int) -> Sequence[Clock]:
    """All clocks a case ever had, in order of start."""
    return session.scalars(select(Clock).where(Clock.case_id == case_id).order_by(Clock.started_at, Clock.id)).all()


def running_clocks_of(session: Session, subject_kind: str, subject_id: int) -> Sequence[Clock]:
    """Running clocks about one subject, such as one held report."""
    return session.scalars(
        select(Clock).where(
            Clock.subject_kind == subject_kind, Clock.subject_id == subject_id, Clock.state == ClockState.RUNNING
        )
    ).all()


def count_breached(session: Session) -> int:
    """How many clocks ever ran out."""
    return session.scalar(select(func.count()).select_from(Clock).where(Clock.breached_at.is_not(None))) or 0


def last_success(session: Session, name: str) -> datetime | None:
    """When a scheduled job last succeeded."""
    return session.scalar(select(Heartbeat.succeeded_at).where(Heartbeat.name == name))


def record_success(session: Session, name: str, at: datetime, detail: dict[str, object]) -> None:
    """Write a job's heartbeat."""
    session.merge(Heartbeat(name=name, succeeded_at=at, detail=detail))

"""What was recorded from one place of the event log on: the work of one run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from casework.facts import SYSTEM
from db.base import JsonDict
from db.tables import CaseFile, ChainHead, Event


@dataclass(frozen=True, slots=True)
class RunEvent:
    """An event as operators may see it: codes and numbers, no reason and no name."""

    at: datetime
    case_number: str | None
    kind: str
    from_status: str | None
    to_status: str | None
    data: JsonDict


def end_of_log(session: Session) -> int:
    """Position of the newest event."""
    return session.scalar(select(ChainHead.seq)) or 0


WAKING = ("case.received", "outcome.recorded", "platform.asked", "platform.decided")
"""Events that bring work to a case although the system may be who wrote them."""


def last_woken(session: Session, case_number: str) -> int:
    """Position of the newest event with which somebody gave the case work: a reporter, a person, a platform."""
    query = (
        select(func.max(Event.seq))
        .join(CaseFile, CaseFile.id == Event.case_id)
        .where(CaseFile.number == case_number, or_(Event.actor_id != SYSTEM.id, Event.kind.in_(WAKING)))
    )
    return session.scalar(query) or 0


def events_from(
    session: Session,
    after: int,
    limit: int,
    *,
    case_number: str | None = None,
    kinds: Collection[str] = (),
) -> list[RunEvent]:
    """Events behind a position in order, of one case or of all, of some kinds or of any."""
    query = (
        select(Event.at, CaseFile.number, Event.kind, Event.from_status, Event.to_status, Event.data)
        .outerjoin(CaseFile, CaseFile.id == Event.case_id)
        .where(Event.seq > after)
        .order_by(Event.seq)
        .limit(limit)
    )
    if case_number is not None:
        query = query.where(CaseFile.number == case_number)
    if kinds:
        query = query.where(Event.kind.in_(kinds))
    return [RunEvent(*row) for row in session.execute(query)]

"""Questions about work that nobody will do: cases that no drive would find, leases, letters on their way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, or_, select, update
from sqlalchemy.orm import Session

from casework.vocabulary import FINAL_OUTCOMES, DeliveryState, Status
from db.tables import CaseFile, ContentItem, Letter, Submission

OURS = (Status.RECEIVED, Status.REOPENED, Status.TRIAGED, Status.DECIDED)
"""Out of these the system always knows the next step."""

WITH_PLATFORM = (Status.SUBMITTED, Status.MORE_INFO)


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case that something is wrong with."""

    id: int
    number: str
    lane: str


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A case that a drive holds."""

    id: int
    number: str
    lane: str
    owner: str
    until: datetime


def cases_forgotten(session: Session, now: datetime) -> list[CaseRow]:
    """Cases with a next step that is the system's own, which no drive will ever claim."""
    of_case = Submission.case_id == CaseFile.id
    unfinished = Submission.state.not_in((DeliveryState.SENT, DeliveryState.DROPPED))
    all_sent = and_(
        exists().where(of_case, Submission.state == DeliveryState.SENT), ~exists().where(of_case, unfinished)
    )
    open_item = exists().where(ContentItem.case_id == CaseFile.id, ContentItem.outcome.not_in(FINAL_OUTCOMES))
    return _cases(
        session,
        now,
        or_(
            CaseFile.status.in_(OURS),
            and_(CaseFile.status == Status.APPROVED, all_sent),
            and_(CaseFile.status.in_(WITH_PLATFORM), ~open_item),
        ),
    )


def cases_with_notice_forgotten(session: Session, now: datetime) -> list[CaseRow]:
    """Cases with a notice or an answer that should be tried again, which no drive will ever claim."""
    to_try = or_(
        Submission.state.in_((DeliveryState.QUEUED, DeliveryState.UNKNOWN)),
        and_(Submission.state == DeliveryState.SENDING, Submission.lease_until < now),
    )
    sending = CaseFile.id.in_(select(Submission.case_id).where(to_try))
    return _cases(session, now, and_(CaseFile.status.in_((Status.APPROVED, *WITH_PLATFORM)), sending))


def _cases(session: Session, now: datetime, wrong: ColumnElement[bool]) -> list[CaseRow]:
    query = select(CaseFile.id, CaseFile.number, CaseFile.lane).where(*_nobody(now), wrong)
    return [CaseRow(*row) for row in session.execute(query.order_by(CaseFile.priority_rank, CaseFile.id))]


def _nobody(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return CaseFile.drive_at.is_(None), or_(CaseFile.lease_until.is_(None), CaseFile.lease_until < now)


def make_ready(session: Session, case_id: int, now: datetime) -> bool:
    """Let the next drive claim a case that none would; False when it is no longer so."""
    done = session.execute(
        update(CaseFile)
        .where(CaseFile.id == case_id, *_nobody(now))
        .values(drive_at=now)
        .returning(CaseFile.id)
        .execution_options(synchronize_session=False)
    )
    return done.scalar_one_or_none() is not None


def leases_held(session: Session, now: datetime) -> list[LeaseRow]:
    """Cases that some drive holds now, the most urgent first."""
    rows = session.execute(
        select(CaseFile.id, CaseFile.number, CaseFile.lane, CaseFile.lease_owner, CaseFile.lease_until)
        .where(CaseFile.lease_owner.is_not(None), CaseFile.lease_until >= now)
        .order_by(CaseFile.priority_rank, CaseFile.id)
    )
    return [LeaseRow(*row) for row in rows]


def free_lease(session: Session, lease: LeaseRow) -> bool:
    """Take a lease away from its owner; False when it was given back or renewed meanwhile."""
    done = session.execute(
        update(CaseFile)
        .where(
            CaseFile.id == lease.id, CaseFile.lease_owner == lease.owner, CaseFile.lease_until == lease.until
        )
        .values(lease_owner=None, lease_until=None)
        .returning(CaseFile.id)
        .execution_options(synchronize_session=False)
    )  # fmt: skip
    return done.scalar_one_or_none() is not None


def letters_left(session: Session, now: datetime) -> list[tuple[int, int | None]]:
    """Letters whose sender died, as (letter, case): still 'sending' after their lease ran out."""
    rows = session.execute(
        select(Letter.id, Letter.case_id)
        .where(Letter.state == DeliveryState.SENDING, Letter.lease_until < now)
        .order_by(Letter.id)
    )
    return [(letter_id, case_id) for letter_id, case_id in rows]

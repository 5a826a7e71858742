"""Questions about switches, and about what a restored case file may not do by itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from casework.vocabulary import DeliveryPromise, DeliveryState, Status
from db.base import JsonDict
from db.queries.cases import take_numbers
from db.queries.held import forget, while_held
from db.tables import CaseFile, Letter, NumberSequence, Submission, Switch


def switch_named(session: Session, name: str) -> Switch | None:
    """How a switch stands; None for one that nobody ever set."""
    return session.scalars(
        select(Switch).where(Switch.name == name).execution_options(populate_existing=True)
    ).one_or_none()


def set_switch(
    session: Session, name: str, is_on: bool, reason: str, by: str, at: datetime, detail: JsonDict | None = None
) -> None:
    """Set a switch; how it stood before is in the event log."""
    session.merge(Switch(name=name, is_on=is_on, reason=reason, set_by=by, set_at=at, detail=detail or {}))
    session.flush()
    forget(session, Switch)


@while_held(Switch, "name")
def off_because(session: Session, name: str) -> str | None:
    """Why a switch is off; None while it is on."""
    return session.connection().execute(_OFF, {"name": name}).scalar()


# Built once, and executed past the mapper: every letter and every notice asks it.
_OFF = select(Switch.reason).where(Switch.name == bindparam("name"), Switch.is_on.is_(False))


def count_queued(session: Session) -> tuple[int, int]:
    """Letters and notices that would go out by themselves: queued, or of unknown fate and to be asked about."""
    letters = session.scalar(select(func.count()).select_from(Letter).where(Letter.state == DeliveryState.QUEUED))
    notices = session.scalar(
        select(func.count())
        .select_from(Submission)
        .where(Submission.state.in_((DeliveryState.QUEUED, DeliveryState.UNKNOWN)))
    )
    return letters or 0, notices or 0


def once_only_queued(session: Session, *, since: datetime | None = None, cases_to: int | None = None) -> list[Letter]:
    """Queued letters that nobody may get twice, urgent ones first.

    ``since`` leaves out those intended earlier, ``cases_to`` those of cases with a higher id.
    """
    query = select(Letter).where(Letter.state == DeliveryState.QUEUED, Letter.promise == DeliveryPromise.AT_MOST_ONCE)
    if since is not None:
        query = query.where(Letter.created_at >= since)
    if cases_to is not None:
        query = query.where(Letter.case_id <= cases_to)
    return list(session.scalars(query.order_by(Letter.urgent.desc(), Letter.id)))


def unsettled_notices(session: Session) -> Sequence[Submission]:
    """Notices whose way may have gone on without this case file: intended, being sent, or with the officer."""
    states = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.HANDED_OVER)
    return session.scalars(select(Submission).where(Submission.state.in_(states)).order_by(Submission.id)).all()


def expire_letter_leases(session: Session, at: datetime) -> None:
    """Whoever was sending a letter is gone: its lease ends before ``at``."""
    session.execute(
        update(Letter)
        .where(Letter.state == DeliveryState.SENDING)
        .values(lease_until=at)
        .execution_options(synchronize_session=False)
    )


def free_cases(session: Session, at: datetime) -> None:
    """Nobody drives any case, and those with a notice under way are looked at again."""
    session.execute(
        update(CaseFile).values(lease_owner=None, lease_until=None).where(CaseFile.lease_owner.is_not(None))
    )
    under_way = select(Submission.case_id).where(
        Submission.state.in_((DeliveryState.QUEUED, DeliveryState.UNKNOWN)), Submission.case_id == CaseFile.id
    )
    session.execute(
        update(CaseFile)
        .where(CaseFile.status.in_((Status.APPROVED, Status.SUBMITTED)), under_way.exists())
        .values(drive_at=at)
        .execution_options(synchronize_session=False)
    )


def count_left_ready(session: Session, at: datetime) -> int:
    """Cases that were ready at ``at`` or before and that nobody has driven since."""
    query = select(func.count()).select_from(CaseFile).where(CaseFile.drive_at.is_not(None), CaseFile.drive_at <= at)
    return session.scalar(query) or 0


def last_case_id(session: Session) -> int:
    """The id of the newest case; 0 when there is none."""
    return session.scalar(select(func.max(CaseFile.id))) or 0


def skip_numbers(session: Session, years: range, count: int) -> None:
    """Leave out so many case numbers of each of these years: they may have been given already."""
    authorities = session.scalars(select(NumberSequence.authority).distinct()).all()
    for authority in authorities:
        for year in years:
            take_numbers(session, authority, year, count)

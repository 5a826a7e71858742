"""Questions about letters and escalations."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from casework.vocabulary import DeliveryState
from db.tables import Escalation, Letter, Party


def letters_due(session: Session, now: datetime, limit: int, *, urgent_only: bool = False) -> list[int]:
    """Ids of queued letters that may be tried now: urgent ones first, then the oldest."""
    query = (
        select(Letter.id)
        .where(
            Letter.state == DeliveryState.QUEUED,
            or_(Letter.next_attempt_at.is_(None), Letter.next_attempt_at <= now),
        )
        .order_by(Letter.urgent.desc(), Letter.id)
        .limit(limit)
    )
    if urgent_only:
        query = query.where(Letter.urgent)
    return list(session.scalars(query))


def claim_letter(session: Session, letter_id: int, now: datetime, lease: timedelta) -> Letter | None:
    """Take a queued letter to send it; None when somebody else has it or it is settled."""
    taken = session.execute(
        update(Letter)
        .where(
            Letter.id == letter_id,
            Letter.state == DeliveryState.QUEUED,
            or_(Letter.next_attempt_at.is_(None), Letter.next_attempt_at <= now),
        )
        .values(state=DeliveryState.SENDING, lease_until=now + lease, attempts=Letter.attempts + 1)
        .returning(Letter.id)
    ).scalar_one_or_none()
    return None if taken is None else letter_by_id(session, letter_id)


def letter_by_id(session: Session, letter_id: int) -> Letter | None:
    """A fresh read of one letter."""
    return session.scalars(
        select(Letter).where(Letter.id == letter_id).execution_options(populate_existing=True)
    ).one_or_none()


def letters_abandoned(session: Session, now: datetime) -> Sequence[Letter]:
    """Letters whose sender died: still 'sending' after their lease ran out."""
    return session.scalars(
        select(Letter)
        .where(Letter.state == DeliveryState.SENDING, Letter.lease_until < now)
        .with_for_update(skip_locked=True)
    ).all()


def letters_of_case(session: Session, case_id: int) -> Sequence[Letter]:
    """A case's letters, oldest first."""
    return session.scalars(select(Letter).where(Letter.case_id == case_id).order_by(Letter.id)).all()


def list_letters(
    session: Session, *, state: str | None = None, kind: str | None = None, limit: int = 200
) -> Sequence[Letter]:
    """Letters for a listing, newest first."""
    query = select(Letter).order_by(Letter.id.desc()).limit(limit)
    if state:
        query = query.where(Letter.state == state)
    if kind:
        query = query.where(Letter.kind == kind)
    return session.scalars(query).all()


def known_once_keys(session: Session, keys: Sequence[str]) -> set[str]:
    """Which of these letters were intended before."""
    return set(session.scalars(select(Letter.once_key).where(Letter.once_key.in_(keys))))


def count_letters(session: Session) -> list[tuple[str, str, str, int]]:
    """Letters counted by kind, language and state."""
    rows = session.execute(
        select(Letter.kind, Letter.language, Letter.state, func.count())
        .group_by(Letter.kind, Letter.language, Letter.state)
        .order_by(Letter.kind, Letter.language, Letter.state)
    )
    return [(kind, language, state, count) for kind, language, state, count in rows]


def reporters_of_case(session: Session, case_id: int) -> Sequence[Party]:
    """The people who reported a case, in order of their reports."""
    return session.scalars(
        select(Party).where(Party.case_id == case_id, Party.role == "reporter").order_by(Party.id)
    ).all()


def escalations_of_case(session: Session, case_id: int) -> Sequence[Escalation]:
    """Rungs raised on a case, oldest first."""
    return session.scalars(select(Escalation).where(Escalation.case_id == case_id).order_by(Escalation.id)).all()


def escalation_by_id(session: Session, escalation_id: int) -> Escalation | None:
    """A fresh read of one escalation."""
    return session.scalars(
        select(Escalation).where(Escalation.id == escalation_id).execution_options(populate_existing=True)
    ).one_or_none()


def count_escalations(session: Session) -> dict[int, int]:
    """Escalations counted by rung."""
    rows = session.execute(select(Escalation.rung, func.count()).group_by(Escalation.rung).order_by(Escalation.rung))
    return {rung: count for rung, count in rows}


def all_dropped(session: Session, ids: Collection[int]) -> bool:
    """Whether none of these letters will ever go out."""
    kept = select(func.count()).select_from(Letter).where(Letter.id.in_(ids), Letter.state != DeliveryState.DROPPED)
    return not session.scalar(kept)


def still_to_go(session: Session, letter: Letter) -> bool:
    """Whether the same letter to somebody else was intended with this one and is neither sent nor dropped."""
    settled = (DeliveryState.SENT, DeliveryState.DROPPED)
    query = select(Letter.id).where(
        Letter.case_id == letter.case_id,
        Letter.kind == letter.kind,
        Letter.created_at == letter.created_at,
        Letter.id != letter.id,
        Letter.state.not_in(settled),
    )
    return session.scalar(query.limit(1)) is not None

"""Questions of operators about letters: what waits, what is dead, what is not proven, and a case's correspondence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, defer

from casework.vocabulary import DeliveryState, MailKind
from db.tables import CaseFile, InboundMail, Letter

DEAD = (DeliveryState.REFUSED, DeliveryState.UNKNOWN)
"""States of a letter that needs a person."""

WAITING = (DeliveryState.QUEUED, DeliveryState.SENDING)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters; None and False mean any."""

    state: str | None = None
    kind: str | None = None
    case_id: int | None = None
    recipient: str | None = None
    since: datetime | None = None
    """Intended at this moment or later."""
    held: bool = False
    """Only those that could go and wait."""
    dead: bool = False
    """Only those that need a person."""
    among: Collection[int] | None = None
    """Only these."""


def find_letters(session: Session, wanted: Wanted, limit: int) -> Sequence[Letter]:
    """Letters for a listing, newest first; their messages stay closed."""
    query = select(Letter).order_by(Letter.id.desc()).limit(limit)
    for column, value in (
        (Letter.state, wanted.state),
        (Letter.kind, wanted.kind),
        (Letter.case_id, wanted.case_id),
        (Letter.recipient, wanted.recipient),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.since is not None:
        query = query.where(Letter.created_at >= wanted.since)
    if wanted.held:
        query = query.where(Letter.state == DeliveryState.QUEUED, Letter.held_because != "")
    if wanted.dead:
        query = query.where(Letter.state.in_(DEAD))
    if wanted.among is not None:
        query = query.where(Letter.id.in_(wanted.among))
    return session.scalars(query).all()


def count_by_state(session: Session) -> dict[str, int]:
    """Letters counted by state."""
    return dict(session.execute(select(Letter.state, func.count()).group_by(Letter.state)).tuples().all())


def count_held(session: Session) -> dict[str, int]:
    """Letters that could go and wait, counted by reason."""
    query = (
        select(Letter.held_because, func.count())
        .where(Letter.state == DeliveryState.QUEUED, Letter.held_because != "")
        .group_by(Letter.held_because)
    )
    return dict(session.execute(query).tuples().all())


def count_mails(session: Session) -> dict[str, int]:
    """Mails that came in, counted by state."""
    return dict(session.execute(select(InboundMail.state, func.count()).group_by(InboundMail.state)).tuples().all())


@dataclass(frozen=True, slots=True)
class LetterRow:
    """A letter as operators see it: no recipient, no text."""

    id: int
    case_number: str | None
    """None for a letter about several cases."""
    kind: str
    state: str
    reason: str
    since: datetime
    """When it was intended."""


def oldest_waiting(session: Session) -> LetterRow | None:
    """The letter that waits longest, for whatever reason."""
    return next(iter(_rows(session, WAITING, 1)), None)


def dead_letters(session: Session, limit: int) -> list[LetterRow]:
    """Letters that need a person, oldest first."""
    return _rows(session, DEAD, limit)


def _rows(session: Session, states: Collection[DeliveryState], limit: int) -> list[LetterRow]:
    query = (
        select(Letter.id, CaseFile.number, Letter.kind, Letter.state, Letter.reason, Letter.created_at)
        .outerjoin(CaseFile, CaseFile.id == Letter.case_id)
        .where(Letter.state.in_(states))
        .order_by(Letter.created_at, Letter.id)
        .limit(limit)
    )
    return [LetterRow(*row) for row in session.execute(query)]


def mails_of_thread(session: Session, case_id: int, contact: str | None) -> Sequence[InboundMail]:
    """Mails that came in about a case, of one contact or of all, oldest first; they stay sealed."""
    query = select(InboundMail).where(InboundMail.case_id == case_id).options(defer(InboundMail.raw_sealed))
    if contact is not None:
        query = query.where(InboundMail.contact == contact)
    return session.scalars(query.order_by(InboundMail.stored_at, InboundMail.id)).all()


def letters_of_correspondence(session: Session, case_id: int, contact: str | None) -> Sequence[Letter]:
    """A case's letters to one contact or to all, made or not, oldest first."""
    query = select(Letter).where(Letter.case_id == case_id)
    if contact is not None:
        query = query.where(or_(Letter.contact == contact, Letter.sent_to == contact))
    return session.scalars(query.order_by(Letter.created_at, Letter.id)).all()


def delayed(session: Session, letter_ids: Collection[int]) -> set[int]:
    """Those of these letters about which a mail server has reported a delay."""
    query = select(InboundMail.letter_id).where(
        InboundMail.kind == MailKind.BOUNCE_TRANSIENT, InboundMail.letter_id.in_(letter_ids)
    )
    return {letter_id for letter_id in session.scalars(query) if letter_id is not None}

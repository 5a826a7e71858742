"""Questions about letters and escalations."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import Session

from casework.vocabulary import DeliveryState, MailKind
from db.base import Base
from db.queries.held import while_held
from db.tables import Escalation, InboundMail, Letter, Party


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


def papers_of(session: Session, letter_ids: Sequence[int]) -> list[tuple[str, str]]:
    """The kinds and languages that these letters have between them."""
    query = select(Letter.kind, Letter.language).where(Letter.id.in_(letter_ids)).distinct()
    return [(kind, language) for kind, language in session.execute(query)]


def claim_letter(session: Session, letter_id: int, now: datetime, lease: timedelta) -> Letter | None:
    """Take a queued letter to send it; None when somebody else has it or it is settled."""
    return session.scalars(_CLAIM, {"letter_id": letter_id, "now": now, "lease": now + lease}).one_or_none()


_CLAIM = (
    update(Letter)
    .where(
        Letter.id == bindparam("letter_id"),
        Letter.state == DeliveryState.QUEUED,
        or_(Letter.next_attempt_at.is_(None), Letter.next_attempt_at <= bindparam("now")),
    )
    .values(state=DeliveryState.SENDING, lease_until=bindparam("lease"), attempts=Letter.attempts + 1)
    .returning(Letter)
    .execution_options(synchronize_session=False, populate_existing=True)
)


def claim_made(session: Session, letter_id: int, message_sha256: str, now: datetime, lease: timedelta) -> bool:
    """Take a queued letter whose message is still the one that was made; whether it could be taken."""
    values = {"letter_id": letter_id, "made": message_sha256, "now": now, "lease_until": now + lease}
    return session.connection().execute(_CLAIM_MADE, values).rowcount == 1


def settle_claimed(session: Session, letter_id: int, **changes: object) -> bool:
    """Write what became of a letter that is being sent; False when it is no longer, and nothing was written."""
    values = {"letter_id": letter_id, "lease_until": None, **changes}
    return session.connection().execute(_SETTLE, values).rowcount == 1


_LETTERS = Base.metadata.tables[Letter.__tablename__]
_CLAIM_MADE = (
    update(_LETTERS)
    .where(
        _LETTERS.c.id == bindparam("letter_id"),
        _LETTERS.c.state == DeliveryState.QUEUED,
        _LETTERS.c.message_sha256 == bindparam("made"),
        or_(_LETTERS.c.next_attempt_at.is_(None), _LETTERS.c.next_attempt_at <= bindparam("now")),
    )
    .values(state=DeliveryState.SENDING, attempts=_LETTERS.c.attempts + 1, lease_until=bindparam("lease_until"))
)
_SETTLE = update(_LETTERS).where(_LETTERS.c.id == bindparam("letter_id"), _LETTERS.c.state == DeliveryState.SENDING)


def put_off(session: Session, letter_id: int, until: datetime) -> None:
    """A queued letter waits; nothing else about it changes."""
    session.execute(
        update(Letter)
        .where(Letter.id == letter_id, Letter.state == DeliveryState.QUEUED)
        .values(next_attempt_at=until)
        .execution_options(synchronize_session=False)
    )


def letter_by_id(session: Session, letter_id: int) -> Letter | None:
    """A fresh read of one letter."""
    return session.scalars(
        select(Letter).where(Letter.id == letter_id).execution_options(populate_existing=True)
    ).one_or_none()


def any_abandoned(session: Session, now: datetime) -> bool:
    """Whether some letter's sender died."""
    return session.scalar(_abandoned(now).with_only_columns(Letter.id).limit(1)) is not None


def _abandoned(now: datetime) -> Select[tuple[Letter]]:
    return select(Letter).where(Letter.state == DeliveryState.SENDING, Letter.lease_until < now)


def letters_abandoned(session: Session, now: datetime) -> Sequence[Letter]:
    """Letters whose sender died: still 'sending' after their lease ran out."""
    return session.scalars(_abandoned(now).with_for_update(skip_locked=True)).all()


def letters_of_case(session: Session, case_id: int) -> Sequence[Letter]:
    """A case's letters, oldest first."""
    return session.scalars(select(Letter).where(Letter.case_id == case_id).order_by(Letter.id)).all()


def letters_of_thread(session: Session, case_id: int, contact: str) -> Sequence[Letter]:
    """A case's letters that were made for one contact, oldest first."""
    to = func.coalesce(Letter.sent_to, Letter.contact)
    return session.scalars(
        select(Letter)
        .where(Letter.case_id == case_id, to == contact, Letter.message_id.is_not(None))
        .order_by(Letter.id)
    ).all()


def members_of(session: Session, digest_id: int) -> Sequence[Letter]:
    """The letters that go out as lines of a digest, oldest first."""
    return session.scalars(select(Letter).where(Letter.digest_id == digest_id).order_by(Letter.id)).all()


@while_held(Letter)
def once_keys_of_case(session: Session, case_id: int) -> set[str]:
    """The once-per keys of all letters that a case ever called for."""
    return set(session.scalars(select(Letter.once_key).where(Letter.case_id == case_id)))


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


def delivered_at(session: Session, letter_id: int) -> datetime | None:
    """When something proved that a letter arrived."""
    return session.scalar(select(Letter.delivered_at).where(Letter.id == letter_id))


def letters_without_proof(session: Session, since: datetime, until: datetime) -> Sequence[Letter]:
    """Letters sent from ``since`` to before ``until`` whose arrival neither a mail server nor an answer shows.

    A letter that went out as a line of a digest is proven by the digest. An answer proves all letters of its thread
    that went out before it came.
    """
    to = func.coalesce(Letter.sent_to, Letter.contact)
    answered = exists().where(
        InboundMail.kind == MailKind.ANSWER,
        or_(
            InboundMail.letter_id == Letter.id,
            and_(
                InboundMail.case_id == Letter.case_id,
                InboundMail.contact == to,
                InboundMail.stored_at >= Letter.sent_at,
            ),
        ),
    )
    query = select(Letter).where(
        Letter.state == DeliveryState.SENT,
        Letter.sent_at >= since,
        Letter.sent_at < until,
        Letter.delivered_at.is_(None),
        Letter.digest_id.is_(None),
        ~answered,
    )
    return session.scalars(query.order_by(Letter.id)).all()


REPORTERS = select(Party).where(Party.role == "reporter").order_by(Party.id)
"""The people who reported, in order of their reports."""


@while_held(Party)
def reporters_of_case(session: Session, case_id: int) -> Sequence[Party]:
    """The people who reported a case, in order of their reports."""
    return session.scalars(REPORTERS.where(Party.case_id == case_id)).all()


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

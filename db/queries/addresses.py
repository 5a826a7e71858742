"""Questions about addresses: what they got, what waits for them, which fail, and who is absent."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from casework.vocabulary import OPEN_STATUSES, DeliveryState
from db.queries.letter_messages import drop_messages
from db.tables import Absence, AddressHealth, CaseFile, Event, Letter

NOT_MADE = {"message_id": None, "message_sha256": None, "template_version": None}
"""A message that was made and never tried has not been; nobody will see it."""

CHUNK = 500
"""Ids named in one statement: SQLite takes no more than some thousand."""


class Waiting(NamedTuple):
    """A letter that may become a line of a digest."""

    id: int
    case_id: int
    kind: str
    recipient: str
    contact: str
    language: str
    created_at: datetime
    lane: str


def waiting_for_digest(
    session: Session,
    kinds: Collection[str],
    least_rank: int,
    end_with_case: Collection[str],
    *,
    limit: int | None = None,
) -> Sequence[Waiting]:
    """Queued letters of these kinds never tried, in cases not above a rank of urgency; oldest first.

    Those of ``end_with_case`` only while their case is open: afterwards nobody needs them.
    """
    query = (
        select(
            Letter.id, Letter.case_id, Letter.kind, Letter.recipient, Letter.contact, Letter.language,
            Letter.created_at, CaseFile.lane,
        )
        .join(CaseFile, CaseFile.id == Letter.case_id)
        .where(
            Letter.state == DeliveryState.QUEUED,
            Letter.kind.in_(kinds),
            Letter.urgent.is_(False),
            Letter.attempts == 0,
            CaseFile.priority_rank >= least_rank,
            or_(CaseFile.status.in_(OPEN_STATUSES), Letter.kind.not_in(end_with_case)),
        )
        .order_by(Letter.id)
        .limit(limit)
    )  # fmt: skip
    return [Waiting(*row) for row in session.execute(query)]


def bundle_into(session: Session, digest_id: int, ids: Sequence[int]) -> None:
    """Letters become lines of a digest."""
    drop_messages(session, ids)
    for start in range(0, len(ids), CHUNK):
        session.execute(
            update(Letter)
            .where(Letter.id.in_(ids[start : start + CHUNK]), Letter.state == DeliveryState.QUEUED)
            .values(state=DeliveryState.BUNDLED, digest_id=digest_id, held_because="", next_attempt_at=None, **NOT_MADE)
            .execution_options(synchronize_session=False)
        )


def unbundle(session: Session, digest_id: int) -> int:
    """The lines of a digest become letters of their own again; how many."""
    done = session.execute(
        update(Letter)
        .where(Letter.digest_id == digest_id, Letter.state == DeliveryState.BUNDLED)
        .values(state=DeliveryState.QUEUED, digest_id=None)
        .execution_options(synchronize_session=False)
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def open_digests(session: Session, kinds: Collection[str]) -> Sequence[Letter]:
    """Digests that nobody has made yet: lines may still be added."""
    query = select(Letter).where(
        Letter.state == DeliveryState.QUEUED, Letter.kind.in_(kinds), Letter.message_sha256.is_(None)
    )
    return session.scalars(query.order_by(Letter.id)).all()


def contacts_of_digest(session: Session, digest_id: int) -> Sequence[str]:
    """Whom the lines of a digest were meant for, each once."""
    query = select(Letter.contact).where(Letter.digest_id == digest_id, Letter.state == DeliveryState.BUNDLED)
    return session.scalars(query.distinct().order_by(Letter.contact)).all()


def last_letter_at(session: Session, address_hash: str, since: datetime, kinds: Collection[str]) -> datetime | None:
    """When an address last got a letter of these kinds, after ``since``."""
    query = select(func.max(Letter.sent_at)).where(
        Letter.address_hash == address_hash, Letter.sent_at > since, Letter.kind.in_(kinds)
    )
    return session.scalar(query)


def digest_on_its_way(session: Session, address_hash: str, kinds: Collection[str]) -> bool:
    """Whether a digest to an address is made and not there yet: no line can be added to it."""
    query = select(Letter.id).where(
        Letter.address_hash == address_hash,
        Letter.sent_at.is_(None),
        Letter.kind.in_(kinds),
        Letter.state.in_((DeliveryState.SENDING, DeliveryState.QUEUED)),
        Letter.message_sha256.is_not(None),
    )
    return session.scalar(query.limit(1)) is not None


def sent_to_since(
    session: Session, address_hash: str, since: datetime, kinds: Collection[str] | None = None
) -> list[datetime]:
    """When an address got letters after ``since``; of these kinds only."""
    query = select(Letter.sent_at).where(Letter.address_hash == address_hash, Letter.sent_at > since)
    if kinds is not None:
        query = query.where(Letter.kind.in_(kinds))
    return [at for at in session.scalars(query) if at is not None]


def count_on_their_way(session: Session, address_hash: str, *, but: int) -> int:
    """Letters, other than one, that are being sent to an address now."""
    query = select(func.count()).where(
        Letter.address_hash == address_hash,
        Letter.sent_at.is_(None),
        Letter.state == DeliveryState.SENDING,
        Letter.id != but,
    )
    return session.scalar(query) or 0


def last_turns(session: Session, address_hash: str, because: str, limit: int, *, but: int) -> list[datetime]:
    """The latest moments that letters held for a reason were given, of those to one address."""
    query = select(Letter.next_attempt_at).where(
        Letter.address_hash == address_hash,
        Letter.sent_at.is_(None),
        Letter.state == DeliveryState.QUEUED,
        Letter.held_because == because,
        Letter.next_attempt_at.is_not(None),
        Letter.id != but,
    )
    return [at for at in session.scalars(query.order_by(Letter.next_attempt_at.desc()).limit(limit)) if at is not None]


def sent_about_case(session: Session, case_id: int, address_hash: str, since: datetime, *, but: int) -> int:
    """How many letters about a case went to an address after ``since``."""
    query = select(func.count()).where(
        Letter.address_hash == address_hash, Letter.sent_at > since, Letter.case_id == case_id, Letter.id != but
    )
    return session.scalar(query) or 0


def same_letter_to(session: Session, letter: Letter, address_hash: str) -> int | None:
    """Another copy of the same letter, intended at the same moment, that went to the same address or is on its way."""
    gone = (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN)
    query = select(Letter.id).where(
        Letter.case_id == letter.case_id,
        Letter.kind == letter.kind,
        Letter.created_at == letter.created_at,
        Letter.address_hash == address_hash,
        Letter.id != letter.id,
        Letter.state.in_(gone),
    )
    return session.scalar(query.order_by(Letter.id).limit(1))


def was_released(session: Session, letter: Letter) -> bool:
    """Whether a person has looked at a letter that was stopped, and let it go."""
    query = select(Event.data).where(Event.case_id == letter.case_id, Event.kind == "letter.replayed")
    return any(data.get("letter") == letter.id for data in session.scalars(query))


def count_held(session: Session) -> list[tuple[str, str, int, datetime]]:
    """Letters that wait although they could go, by reason and state: how many, and since when the oldest."""
    rows = session.execute(
        select(Letter.held_because, Letter.state, func.count(), func.min(Letter.created_at))
        .where(Letter.held_because != "", Letter.state.in_((DeliveryState.QUEUED, DeliveryState.REFUSED)))
        .group_by(Letter.held_because, Letter.state)
        .order_by(Letter.held_because, Letter.state)
    )
    return [(because, state, count, oldest) for because, state, count, oldest in rows]


def recipients_held(session: Session, because: str, now: datetime) -> Sequence[str]:
    """The roles to which letters wait, for one reason, beyond ``now``."""
    query = select(Letter.recipient).where(
        Letter.state == DeliveryState.QUEUED, Letter.held_because == because, Letter.next_attempt_at > now
    )
    return session.scalars(query.distinct()).all()


def release_held(session: Session, because: str, recipients: Collection[str]) -> None:
    """Letters to these roles that wait for one reason are due."""
    session.execute(
        update(Letter)
        .where(Letter.state == DeliveryState.QUEUED, Letter.held_because == because, Letter.recipient.in_(recipients))
        .values(next_attempt_at=None)
        .execution_options(synchronize_session=False)
    )


def last_success(session: Session, address_hash: str) -> datetime | None:
    """When the mail server last took a letter for an address."""
    return session.scalar(select(func.max(Letter.sent_at)).where(Letter.address_hash == address_hash))


def address_health(session: Session, address_hash: str) -> AddressHealth | None:
    """What is known against an address; None for a good one. A fresh read."""
    return session.get(AddressHealth, address_hash, populate_existing=True)


def health_of_contact(session: Session, contact: str) -> Sequence[AddressHealth]:
    """The failing addresses of one contact, those that do not come back first."""
    query = select(AddressHealth).where(AddressHealth.contact == contact).order_by(AddressHealth.state)
    return session.scalars(query).all()


def failing_addresses(session: Session) -> Sequence[AddressHealth]:
    """Addresses at which letters do not arrive, newest first."""
    return session.scalars(select(AddressHealth).order_by(AddressHealth.since.desc())).all()


def absent_at(session: Session, now: datetime) -> dict[str, datetime]:
    """Who is absent, and until when."""
    query = select(Absence.contact, func.max(Absence.until_at)).where(Absence.from_at <= now, Absence.until_at > now)
    return {contact: until for contact, until in session.execute(query.group_by(Absence.contact))}


def absences_not_over(session: Session, contact: str, now: datetime) -> Sequence[Absence]:
    """A contact's absences that last or are to come."""
    query = select(Absence).where(Absence.contact == contact, Absence.until_at > now)
    return session.scalars(query.order_by(Absence.from_at)).all()

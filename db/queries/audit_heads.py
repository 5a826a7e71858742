"""Questions about signed heads, and about the event log as a line of hashes."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import AuditHead, Event, SigningKey


def last_head(session: Session) -> AuditHead | None:
    """The statement signed last."""
    return session.scalars(select(AuditHead).order_by(AuditHead.id.desc()).limit(1)).one_or_none()


def head_of(session: Session, once_key: str) -> AuditHead | None:
    """The statement that was signed for one day or one export."""
    return session.scalars(select(AuditHead).where(AuditHead.once_key == once_key)).one_or_none()


def heads(session: Session, limit: int) -> Sequence[AuditHead]:
    """Signed statements, newest first."""
    return session.scalars(select(AuditHead).order_by(AuditHead.id.desc()).limit(limit)).all()


def heads_in_order(session: Session) -> Generator[AuditHead]:
    """Every signed statement in order of signing. Streams; close it if left early."""
    with session.scalars(select(AuditHead).order_by(AuditHead.id).execution_options(yield_per=500)) as rows:
        yield from rows


def signing_key(session: Session, key_id: str) -> SigningKey | None:
    """A key that has signed before."""
    return session.get(SigningKey, key_id)


def hash_at(session: Session, seq: int) -> str | None:
    """The hash of one event of the log; None where the log does not reach so far."""
    return session.scalar(select(Event.hash).where(Event.seq == seq))


def hashes_up_to(session: Session, seq: int) -> Generator[str]:
    """The hashes of all events up to a position, in order. Streams; close it if left early."""
    statement = select(Event.hash).where(Event.seq <= seq).order_by(Event.seq)
    with session.scalars(statement.execution_options(yield_per=10_000)) as rows:
        yield from rows

"""The sealed message of a letter. It lies in a table of its own: what becomes of a letter never writes it again."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import bindparam, delete, select
from sqlalchemy.orm import Session

from db.base import Base
from db.queries.rows import insert_rows
from db.tables import LetterMessage


def message_of(session: Session, letter_id: int) -> bytes | None:
    """The sealed message; None for a letter that is not made, or whose message was erased."""
    return session.connection().execute(_OPEN, {"letter": letter_id}).scalar_one_or_none()


def keep_message(session: Session, letter_id: int, sealed: bytes) -> None:
    """Store a letter's message, in place of one that was made before and never tried."""
    session.flush()
    session.connection().execute(_DROP, {"letter": letter_id})
    insert_rows(session, LetterMessage, [{"letter_id": letter_id, "sealed": sealed}])


def drop_messages(session: Session, letter_ids: Sequence[int]) -> None:
    """Messages that were made, never tried, and will be made anew: nobody has seen them."""
    if letter_ids:
        session.connection().execute(_DROP, [{"letter": letter_id} for letter_id in letter_ids])


_MESSAGES = Base.metadata.tables[LetterMessage.__tablename__]
_OPEN = select(_MESSAGES.c.sealed).where(_MESSAGES.c.letter_id == bindparam("letter"))
_DROP = delete(_MESSAGES).where(_MESSAGES.c.letter_id == bindparam("letter"))

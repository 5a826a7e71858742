"""Questions about who was told of a case, and who has shown to know of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.vocabulary import MailKind
from db.tables import Event, InboundMail


def answers_of_case(session: Session, case_id: int) -> Sequence[InboundMail]:
    """Mails in which somebody wrote about a case, oldest first."""
    return session.scalars(
        select(InboundMail)
        .where(InboundMail.case_id == case_id, InboundMail.kind == MailKind.ANSWER)
        .order_by(InboundMail.stored_at, InboundMail.id)
    ).all()


def first_acts(session: Session, case_id: int) -> list[tuple[str, str, str, datetime]]:
    """Everybody who did something on a case: id, name, what they did first, and when; in order of time."""
    first = select(func.min(Event.seq)).where(Event.case_id == case_id).group_by(Event.actor_id)
    rows = session.execute(
        select(Event.actor_id, Event.actor_name, Event.kind, Event.at).where(Event.seq.in_(first)).order_by(Event.seq)
    )
    return [(actor, name, kind, at) for actor, name, kind, at in rows]

"""Mails that wait for a person: in the holding pen like any report, with a reason, a clock and a way out."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from casework.clocks import Subject
from casework.facts import SYSTEM, Actor
from casework.vocabulary import HoldReason, MailState
from db.queries.mails import hold_of_mail, part_in_pen
from db.tables import HeldItem, InboundMail
from tasks.clock_rows import start_for
from tasks.holding_pen import settle
from tasks.record import note
from tasks.runtime import Runtime

SOURCE = "mail"


def hold_mail(
    session: Session, runtime: Runtime, mail: InboundMail, reason: HoldReason, message: str, at: datetime
) -> None:
    """Hold a mail; held already, it keeps its place and its clock, with the reason of now.

    ``message`` says what is wrong, without a word of the mail.
    """
    mail.state, mail.reason = MailState.HELD.value, message
    held = hold_of_mail(session, mail.id)
    if held is not None:
        held.reason, held.message = reason.value, message
        session.flush()
        return
    held = HeldItem(
        source=SOURCE,
        part=part_in_pen(mail.id),
        reason=reason.value,
        message=message,
        next_step=f"'qorgan mail show {mail.id}', then 'mail assign' or 'mail settle'.",
        received_at=at,
        state="held",
    )
    session.add(held)
    session.flush()
    start_for(session, "report.held", Subject("hold", held.id), at, None, runtime.pack)
    note(
        session, runtime, None, "mail.held", SYSTEM, at, data={"mail": mail.id, "held": held.id, "reason": reason.value}
    )


def let_out(session: Session, runtime: Runtime, mail: InboundMail, actor: Actor, resolution: str, at: datetime) -> None:
    """A mail leaves the holding pen; its clock stops. Raises NotAllowed for somebody who may not settle it."""
    held = hold_of_mail(session, mail.id)
    if held is not None:
        settle(session, runtime, held.id, actor, resolution, at)

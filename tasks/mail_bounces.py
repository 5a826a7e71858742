"""Letters that came back: the address is marked, the next rung is raised, our unit is asked for a better address."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from casework.facts import SYSTEM
from casework.vocabulary import ClockState, DeliveryState, MailKind, Recipient
from db.base import JsonDict
from db.queries.cases import case_by_id
from db.queries.clocks import clock_by_id
from db.queries.letters import escalation_by_id, letter_by_id, members_of
from db.tables import CaseFile, Letter
from tasks.arrived_mail import Arrived, Done, note_mail
from tasks.contacts import DEAD, FULL, mark_address
from tasks.delivery import became
from tasks.escalation import raise_rung
from tasks.outbox import queue_letters
from tasks.record import note
from tasks.runtime import Runtime

OUR_MAILBOXES = {Recipient.UNIT.value, Recipient.HEAD_OF_UNIT.value}


def bounced(session: Session, runtime: Runtime, arrived: Arrived, at: datetime) -> Done:
    """A letter did not arrive: the mailbox is full, or the address is dead."""
    report = arrived.mail.report
    letter = None if arrived.letter_id is None else letter_by_id(session, arrived.letter_id)
    if letter is None:
        return Done(hold="it reports a letter that did not arrive, and does not say which")
    permanent = arrived.kind is MailKind.BOUNCE_PERMANENT
    words = "" if report is None else report.words
    status = "" if report is None else report.status
    case = None if letter.case_id is None else case_by_id(session, letter.case_id)
    note_mail(session, runtime, case, "letter.bounced", arrived, at, data={"status": status, "letter": letter.id})
    done = Done(["letter.bounced"])
    if mark_address(session, runtime, letter, DEAD if permanent else FULL, words, at, arrived.id) is not None:
        done.effects.append("address.marked")
    if permanent and letter.state in (DeliveryState.SENT, DeliveryState.UNKNOWN):
        letter.state, letter.reason = DeliveryState.REFUSED.value, f"bounced: {status or 'permanently'}"
        session.flush()
        became(session, runtime, letter, at)
    members = list(members_of(session, letter.id)) if letter.case_id is None else [letter]
    for member in members:
        if member.case_id is not None and _next_rung(session, runtime, member, arrived.id, at):
            done.effects.append("rung.raised")
    done.effects += _ask_for_address(session, runtime, letter, members, words, at)
    return done


def _next_rung(session: Session, runtime: Runtime, letter: Letter, mail_id: int, at: datetime) -> bool:
    """The rung's letter reached nobody, so nobody is waited for: the next is raised at once."""
    rung_id, clock_id = letter.context.get("escalation"), letter.context.get("acknowledge_clock")
    rung = escalation_by_id(session, rung_id) if isinstance(rung_id, int) else None
    clock = clock_by_id(session, clock_id) if isinstance(clock_id, int) else None
    if rung is None or clock is None or clock.state != ClockState.RUNNING:
        # Acknowledged meanwhile, or the silence is over.
        return False
    case = case_by_id(session, rung.case_id)
    if raise_rung(session, runtime, case, clock, at) is None:
        return False
    data: JsonDict = {"rung": rung.rung, "letter": letter.id, "mail": mail_id}
    note(session, runtime, case, "rung.not_delivered", SYSTEM, at, data=data)
    return True


def _ask_for_address(
    session: Session, runtime: Runtime, letter: Letter, members: Sequence[Letter], words: str, at: datetime
) -> list[str]:
    """Once for each letter that came back; never because of a letter to ourselves: the request would come back too."""
    case = _first_case(session, members)
    if case is None or {letter.recipient, letter.sent_to} & OUR_MAILBOXES:
        return []
    failed: JsonDict = {
        "letter": letter.id,
        "kind": letter.kind,
        "recipient": letter.recipient,
        "words": words,
    }
    written = queue_letters(
        session, case, "address_request", at, runtime.pack, once=f"bounce:{letter.id}",
        platform=letter.context.get("platform"), context={"failed": failed, "letter": letter.id},
    )  # fmt: skip
    return ["address.requested"] if written else []


def _first_case(session: Session, members: Sequence[Letter]) -> CaseFile | None:
    ids = [member.case_id for member in members if member.case_id is not None]
    return case_by_id(session, ids[0]) if ids else None

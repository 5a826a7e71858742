"""The escalation ladder: rungs raised by clocks that ran out, each with letter, clock and acknowledgement."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.clocks import Subject, climb_on, rung_clock
from casework.errors import NotAllowed, QorganError
from casework.facts import SYSTEM, Actor
from casework.policy_pack import Pack
from casework.vocabulary import OPEN_STATUSES, ClockState, Role
from db.base import JsonDict
from db.queries.cases import case_by_id
from db.queries.letters import escalation_by_id
from db.tables import CaseFile, Clock, Escalation, Submission
from tasks.clock_history import rule_of
from tasks.clock_rows import refresh_due, write_clocks
from tasks.outbox import queue_letters
from tasks.record import note, transaction
from tasks.runtime import Runtime

CHANNELS = ("mail", "phone", "portal", "meeting")
"""How an acknowledgement can reach us."""


def raise_rung(session: Session, runtime: Runtime, case: CaseFile, clock: Clock, at: datetime) -> Escalation | None:
    """Raise the clock's next rung; None when it was raised before, or the case is over.

    One rung per submission, ladder and number: the database refuses a second.
    """
    if clock.ladder is None or clock.next_rung is None or clock.subject_kind != "submission":
        return None
    submission_id = clock.subject_id
    if case.status not in OPEN_STATUSES or _raised(session, submission_id, clock.ladder, clock.next_rung):
        return None
    # The ladder as it was when the clock started: a change of policy never reaches a running one.
    _, pack = rule_of(session, runtime.policies, clock)
    step = pack.sla.ladder(clock.ladder).rungs[clock.next_rung - 1]
    submission = session.get_one(Submission, submission_id)
    rung = Escalation(
        case_id=case.id,
        submission_id=submission_id,
        clock_id=clock.id,
        ladder=clock.ladder,
        rung=step.rung,
        recipient=step.recipient.value,
        letter=step.letter,
        raised_at=at,
    )
    session.add(rung)
    session.flush()
    [answer_by] = write_clocks(session, [rung_clock(clock.ladder, step.rung, submission_id, at, pack)], case.id)
    session.flush()
    queue_letters(
        session, case, step.letter, at, runtime.pack,
        once=f"{submission_id}:{clock.ladder}:{step.rung}", platform=submission.platform,
        context={
            "submission": submission.number,
            "escalation": rung.id,
            "rung": step.rung,
            "clock": _first_clock(session, submission_id, clock),
            "acknowledge_clock": answer_by.id,
        },
    )  # fmt: skip
    refresh_due(session, case.id)
    note(
        session, runtime, case, "rung.raised", SYSTEM, at,
        data={"rung": step.rung, "ladder": clock.ladder, "to": step.recipient.value, "submission": submission.number},
    )  # fmt: skip
    return rung


def _first_clock(session: Session, submission_id: int, clock: Clock) -> int:
    """The clock whose silence began the ladder: the date a letter speaks of, on every rung."""
    query = select(Escalation.clock_id).where(
        Escalation.submission_id == submission_id, Escalation.ladder == clock.ladder, Escalation.rung == 1
    )
    return session.scalar(query) or clock.id


def _raised(session: Session, submission_id: int, ladder: str, rung: int) -> bool:
    query = select(Escalation.id).where(
        Escalation.submission_id == submission_id, Escalation.ladder == ladder, Escalation.rung == rung
    )
    return session.scalar(query) is not None


def _highest(session: Session, rung: Escalation) -> int:
    """The highest rung raised on the same notice and ladder."""
    query = select(func.max(Escalation.rung)).where(
        Escalation.submission_id == rung.submission_id, Escalation.ladder == rung.ladder
    )
    return session.scalar(query) or rung.rung


def acknowledge(runtime: Runtime, escalation_id: int, actor_id: str, via: str) -> Escalation:
    """An officer records that the recipient of a rung has it in hand, as told by phone, mail, portal or in person.

    Raises NotAllowed, or QorganError when there is no such rung or it was acknowledged before.
    """
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.SPECIALIST, Role.DUTY_OFFICER, Role.LIAISON, Role.HEAD_OF_UNIT):
        raise NotAllowed(f"escalation {escalation_id}: {actor.id} may not acknowledge it")
    if via not in CHANNELS:
        raise QorganError(
            f"'{via[:32]}' is no way to acknowledge", rule="escalation.via", next_step=f"One of: {', '.join(CHANNELS)}."
        )
    at = runtime.now()
    with transaction(runtime) as session:
        rung = escalation_by_id(session, escalation_id)
        if rung is None or rung.acknowledged_at is not None:
            raise QorganError(
                f"escalation {escalation_id} "
                + ("does not exist" if rung is None else f"was acknowledged by {rung.acknowledged_by} already"),
                rule="escalation.not_open",
                next_step="See 'qorgan case show'.",
            )
        record_acknowledgement(session, runtime, rung, actor, via, at)
        return rung


def recipient_actor(contact: str, pack: Pack) -> Actor:
    """The recipient of a letter as somebody who acts: a contact of the pack or a person of the vault, never a name."""
    role, _, about = contact.partition(":")
    platform = pack.platform(about)
    return Actor(contact, f"{role.replace('_', ' ')} of {platform.name}" if platform else role, frozenset())


def record_acknowledgement(
    session: Session,
    runtime: Runtime,
    rung: Escalation,
    actor: Actor,
    via: str,
    at: datetime,
    *,
    mail_id: int | None = None,
) -> None:
    """A rung is in hand: its clock stops, a follow-up clock starts. ``rung`` must not be acknowledged yet.

    ``via`` is one of CHANNELS, or "link". ``mail_id`` names the mail that said so.
    """
    rung.acknowledged_at, rung.acknowledged_by, rung.acknowledged_via = at, actor.id, via
    rung.acknowledged_mail_id = mail_id
    case = case_by_id(session, rung.case_id)
    data: JsonDict = {"rung": rung.rung, "escalation": rung.id, "via": via}
    note(
        session, runtime, case, "rung.acknowledged", actor, at,
        moment="rung.acknowledged", subject=Subject("submission", rung.submission_id),
        data=data if mail_id is None else {**data, "mail": mail_id},
    )  # fmt: skip
    origin = session.get_one(Clock, rung.clock_id)
    silent_since = session.get_one(Clock, _first_clock(session, rung.submission_id, origin))
    if case.status not in OPEN_STATUSES or silent_since.state != ClockState.RUNNING:
        # The silence is over: there is nothing left to follow up.
        return
    _, pack = rule_of(session, runtime.policies, origin)
    follow_up = climb_on(
        rung_clock(rung.ladder, rung.rung, rung.submission_id, at, pack, acknowledged=True),
        _highest(session, rung),
        pack.sla.ladder(rung.ladder),
    )
    write_clocks(session, [follow_up], case.id)
    refresh_due(session, case.id)

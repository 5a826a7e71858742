"""What people hold back: sending altogether, and the first sweep after a restore or an import.

Sending is asked in the transaction that takes a letter or a notice, under the event log's lock: once a mute is
committed, nothing more is taken. What was taken before is finished.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from casework.errors import NotAllowed, QorganError
from casework.facts import SYSTEM, Actor
from casework.vocabulary import DeliveryState, Role
from db.base import JsonDict
from db.queries.switches import (
    count_left_ready,
    count_queued,
    free_cases,
    off_because,
    once_only_queued,
    set_switch,
    switch_named,
)
from db.tables import Letter
from tasks.delivery import became, case_of
from tasks.record import note, transaction
from tasks.runtime import Runtime

SENDING = "sending"
FIRST_SWEEP = "first sweep"

IMPORT = 1_000
"""Cases opened by one file, or by one command, from which on it counts as an import."""

MAY_HAVE_GONE = "it may have gone out after the backup was made"


@dataclass(frozen=True, slots=True)
class SendingState:
    """Whether anything leaves. ``first_sweep`` says why the next sweep is looked at first; '' where it is not."""

    on: bool
    reason: str
    set_by: str
    set_at: datetime | None
    letters: int
    notices: int
    first_sweep: str


@dataclass(frozen=True, slots=True)
class Guard:
    """Why the next sweep is looked at first. ``waits_for_work``: one that finds nothing to do does not count."""

    reason: str
    waits_for_work: bool


@dataclass(frozen=True, slots=True)
class Unmuted:
    """What goes out now, and the numbers of the letters that wait for a person instead."""

    letters: int
    notices: int
    held: tuple[int, ...]


def sending_state(runtime: Runtime) -> SendingState:
    """How both switches stand, and what waits. Reads only."""
    with runtime.sessions.read() as session:
        letters, notices = count_queued(session)
        found = switch_named(session, SENDING)
        first = off_because(session, FIRST_SWEEP) or ""
    if found is None:
        return SendingState(True, "", "", None, letters, notices, first)
    return SendingState(found.is_on, found.reason, found.set_by, found.set_at, letters, notices, first)


def muted(session: Session) -> str:
    """Why nothing may leave; '' while sending is on."""
    return off_because(session, SENDING) or ""


def mute(runtime: Runtime, actor_id: str, reason: str) -> None:
    """From now on nothing leaves, until a person lifts it. Raises NotAllowed, or QorganError without a reason."""
    actor = _may(runtime, actor_id, "mute sending", Role.HEAD_OF_UNIT, Role.DUTY_OFFICER)
    _with_reason(reason)
    with transaction(runtime) as session:
        if muted(session):
            raise QorganError("sending is muted", rule="sending.muted", next_step="See 'qorgan sending status'.")
        at = runtime.now()
        set_switch(session, SENDING, False, reason, actor.id, at)
        note(session, runtime, None, "sending.muted", actor, at, reason=reason)


def unmute(runtime: Runtime, actor_id: str, reason: str) -> Unmuted:
    """Let everything leave again. After a restore, only once what the backup left undone has been seen to.

    Letters that nobody may get twice and that were written anew since the restore, for a case that the backup knew,
    may be repetitions: they wait for a person. Raises NotAllowed, or QorganError that says what comes first.
    """
    actor = _may(runtime, actor_id, "lift the mute", Role.HEAD_OF_UNIT)
    _with_reason(reason)
    with transaction(runtime) as session:
        found = switch_named(session, SENDING)
        if found is None or found.is_on:
            raise QorganError("sending is not muted", rule="sending.not_muted")
        at, after = runtime.now(), found.detail
        held: list[Letter] = []
        if after:
            restored_at = datetime.fromisoformat(after["restored_at"])
            _nothing_left_undone(session, restored_at)
            held = once_only_queued(session, since=restored_at, cases_to=after["last_case"])
            hold_for_person(session, runtime, held, at)
        set_switch(session, SENDING, True, reason, actor.id, at)
        letters, notices = count_queued(session)
        data: JsonDict = {"letters": letters, "notices": notices, "held": len(held)}
        note(session, runtime, None, "sending.unmuted", actor, at, reason=reason, data=data)
        free_cases(session, at)
        return Unmuted(letters, notices, tuple(letter.id for letter in held))


def _nothing_left_undone(session: Session, restored_at: datetime) -> None:
    """What would write letters a second time is done while nothing leaves."""
    if off_because(session, FIRST_SWEEP):
        raise QorganError(
            "the first sweep after the restore has not run yet",
            rule="sending.first_sweep",
            next_step="Run 'qorgan sweep'; it says how to confirm what it would write.",
        )
    left = count_left_ready(session, restored_at)
    if left:
        raise QorganError(
            f"{left} case(s) stand as they did when the backup was made and were not driven since",
            rule="sending.drive_first",
            next_step="Run 'qorgan drive', then lift the mute.",
        )


def hold_for_person(session: Session, runtime: Runtime, letters: list[Letter], at: datetime) -> None:
    """Letters of which nobody knows whether they went out: a person finds out, and says so."""
    for letter in letters:
        letter.state, letter.reason, letter.held_because = DeliveryState.UNKNOWN, MAY_HAVE_GONE, ""
        letter.next_attempt_at = None
        session.flush()
        data: JsonDict = {"letter": letter.id, "kind": letter.kind, "to": letter.recipient}
        note(session, runtime, case_of(session, letter), "letter.unknown", SYSTEM, at, reason=MAY_HAVE_GONE, data=data)
        became(session, runtime, letter, at)


def guard_first_sweep(
    session: Session, runtime: Runtime, reason: str, by: Actor, at: datetime, *, waits_for_work: bool
) -> None:
    """The next sweep is looked at before it acts."""
    set_switch(session, FIRST_SWEEP, False, reason, by.id, at, {"waits_for_work": waits_for_work})
    note(session, runtime, None, "sweep.guarded", by, at, reason=reason)


def guard_after_import(runtime: Runtime, cases: int) -> None:
    """Many cases were opened at once: their deadlines will come together as well."""
    if cases < IMPORT:
        return
    with transaction(runtime) as session:
        if off_because(session, FIRST_SWEEP) is None:
            reason = f"{cases} cases came in at once"
            guard_first_sweep(session, runtime, reason, SYSTEM, runtime.now(), waits_for_work=True)


def guard_of(runtime: Runtime) -> Guard | None:
    """Why the next sweep is looked at first; None when it simply goes."""
    with runtime.sessions.read() as session:
        found = switch_named(session, FIRST_SWEEP)
    if found is None or found.is_on:
        return None
    return Guard(found.reason, bool(found.detail.get("waits_for_work")))


def first_sweep_waits(runtime: Runtime, letters: int) -> None:
    """A first sweep would write so many letters and waits for a person; since when is kept for those who ask."""
    with transaction(runtime) as session:
        found = switch_named(session, FIRST_SWEEP)
        if found is not None and not found.is_on and found.detail.get("letters") != letters:
            since = found.detail.get("waits_since", runtime.now().isoformat())
            found.detail = {**found.detail, "waits_since": since, "letters": letters}


def lift_guard(runtime: Runtime, actor: Actor, reason: str, data: JsonDict) -> None:
    """The sweep goes: it is small enough, or a person confirmed it."""
    with transaction(runtime) as session:
        if off_because(session, FIRST_SWEEP) is None:
            return
        at = runtime.now()
        set_switch(session, FIRST_SWEEP, True, reason, actor.id, at)
        note(session, runtime, None, "sweep.let_go", actor, at, reason=reason, data=data)


def sweep_confirmer(runtime: Runtime, actor_id: str, reason: str) -> Actor:
    """Who may let a large first sweep go. Raises NotAllowed, or QorganError without a reason."""
    _with_reason(reason)
    return _may(runtime, actor_id, "confirm a sweep", Role.HEAD_OF_UNIT, Role.DUTY_OFFICER)


def _may(runtime: Runtime, actor_id: str, what: str, *roles: Role) -> Actor:
    actor = runtime.users.actor(actor_id)
    if not actor.has(*roles):
        raise NotAllowed(f"{actor.id} may not {what}", next_step=f"It takes one of the roles {', '.join(roles)}.")
    return actor


def _with_reason(reason: str) -> None:
    if len(reason.strip()) < 5:
        raise QorganError("say why, in a sentence", rule="switch.reason_missing", next_step="Give --reason.")

"""The sweep: a function of (database, now). Running it zero, one or twelve times for one slot comes to the same.

First select ids of clocks with a threshold that has come, by index. Then per clock, in a
transaction of its own: read again, fire what has come, and write when to look next. One
clock that fails is pushed an hour on and reported; the others go on.

The first sweep after a restore or an import is looked at before it acts (tasks/switches.py): one that would write more
letters than ``first_sweep_most`` writes none, until a person confirms it. Children's cases never wait for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from casework.clocks import GO_ON, Threshold, detected_late, next_check, passed
from casework.errors import QorganError
from casework.facts import SYSTEM
from casework.move_guards import MoveDetails
from casework.vocabulary import Action, ClockState, Lane, Status
from db.base import JsonDict
from db.queries.cases import case_by_id
from db.queries.clocks import clock_by_id, clocks_due
from db.queries.events import NewEvent, append_events, hold_chain
from db.tables import CaseFile, Clock, Letter
from tasks.case_letters import queue_at_threshold
from tasks.clock_history import rule_of
from tasks.clock_rows import thresholds_of
from tasks.escalation import raise_rung
from tasks.heartbeats import beat_in
from tasks.logs import logger
from tasks.outbox import queue_letters
from tasks.record import move_in, note, transaction
from tasks.runtime import Runtime
from tasks.switches import Guard, first_sweep_waits, guard_of, lift_guard, sweep_confirmer

NAME = "clocks"
"""Its deployment's name, and its heartbeat's."""

PAGE = 500
POISONED_FOR = timedelta(hours=1)
"""How long a clock that cannot be handled is left alone."""

LOOKED_AT = 2_000
"""Clocks of a first sweep that are tried out at most: it holds everybody else up meanwhile."""

log = logger("sla_sweep")


@dataclass(slots=True)
class SweepResult:
    """Counts of one sweep, and the numbers of cases whose clock could not be handled.

    ``would``: what a first sweep would do once a person confirms it; then all else counts children's cases only.
    """

    clocks: int = 0
    warned: int = 0
    breached: int = 0
    repeated: int = 0
    late: int = 0
    letters: int = 0
    rungs: int = 0
    lapsed: int = 0
    failed: list[str] = field(default_factory=list)
    would: SweepResult | None = None

    def as_dict(self) -> dict[str, object]:
        return {
            "clocks": self.clocks, "warned": self.warned, "breached": self.breached,
            "repeated": self.repeated, "late": self.late, "letters": self.letters, "rungs": self.rungs,
            "lapsed": self.lapsed, "failed": list(self.failed),
            **({"would": self.would.as_dict()} if self.would else {}),
        }  # fmt: skip


def sweep(runtime: Runtime) -> SweepResult:
    """Act on every threshold that has come by now. One clock reading for the whole sweep."""
    now = runtime.now()
    result = SweepResult()
    guard = guard_of(runtime)
    if guard is not None:
        _walk(runtime, now, result, Lane.CHILD_SAFETY)
        result.would = _look(runtime, guard)
        if result.would is not None:
            log.warning("sweep waits for a person", clocks=result.would.clocks, letters=result.would.letters)
            first_sweep_waits(runtime, result.would.letters)
            # No success is recorded: until somebody confirms it, nobody watches the other deadlines.
            return result
    _walk(runtime, now, result, None)
    with transaction(runtime) as session:
        beat_in(session, NAME, now, result.as_dict())
    if result.clocks:
        log.info("sweep done", **{key: value for key, value in result.as_dict().items() if key != "failed"})
    return result


def _walk(runtime: Runtime, now: datetime, result: SweepResult, lane: Lane | None) -> None:
    seen: set[int] = set()
    while True:
        with runtime.sessions.read() as session:
            due = [clock_id for clock_id in clocks_due(session, now, PAGE, lane) if clock_id not in seen]
        if not due:
            return
        for clock_id in due:
            seen.add(clock_id)
            _handle(runtime, clock_id, now, result)


def _look(runtime: Runtime, guard: Guard) -> SweepResult | None:
    """What a first sweep would do, where a person has to see it before; None where it simply goes."""
    result, letters = preview(runtime, LOOKED_AT)
    result.letters = len(letters)
    if result.letters > runtime.settings.first_sweep_most:
        return result
    if result.clocks or not guard.waits_for_work:
        data: JsonDict = {"clocks": result.clocks, "letters": result.letters, "rungs": result.rungs}
        lift_guard(runtime, SYSTEM, "it writes few letters", data)
    return None


def confirm(runtime: Runtime, letters: int, actor_id: str, reason: str) -> None:
    """A person lets a first sweep go that writes at most ``letters``.

    Raises NotAllowed, or QorganError where no sweep waits, or where it would write more by now.
    """
    actor = sweep_confirmer(runtime, actor_id, reason)
    if guard_of(runtime) is None:
        raise QorganError("no sweep waits for a person", rule="sweep.nothing_to_confirm")
    result, would = preview(runtime)
    if len(would) > letters:
        raise QorganError(
            f"the sweep would write {len(would)} letters, and {letters} are confirmed",
            rule="sweep.more_than_confirmed",
            next_step=f"Read 'qorgan sweep --dry-run', then confirm {len(would)}.",
        )
    data: JsonDict = {"clocks": result.clocks, "letters": len(would), "rungs": result.rungs}
    lift_guard(runtime, actor, reason, data)


def _handle(runtime: Runtime, clock_id: int, now: datetime, result: SweepResult) -> None:
    try:
        with transaction(runtime) as session:
            clock = clock_by_id(session, clock_id)
            if clock is None or clock.next_check_at is None or clock.next_check_at > now:
                return
            _fire(session, runtime, clock, now, result)
            result.clocks += 1
    except Exception as error:
        # One bad clock must never stop the others: it waits an hour, and the run says so.
        log.error("clock not handled", clock=clock_id, error=type(error).__name__)
        result.failed.append(_push_on(runtime, clock_id, now))


def _push_on(runtime: Runtime, clock_id: int, now: datetime) -> str:
    with transaction(runtime) as session:
        session.execute(update(Clock).where(Clock.id == clock_id).values(next_check_at=now + POISONED_FOR))
        return _name(session, clock_id)


def _name(session: Session, clock_id: int) -> str:
    """The number of a clock's case. Not read from the whole row: what cannot be read in it may be what failed."""
    case_id = session.scalar(select(Clock.case_id).where(Clock.id == clock_id))
    return f"clock {clock_id}" if case_id is None else case_by_id(session, case_id).number


def _fire(session: Session, runtime: Runtime, clock: Clock, now: datetime, result: SweepResult) -> None:
    thresholds = thresholds_of(clock)
    for threshold in passed(thresholds, clock.fired, now):
        clock.fired += 1
        if threshold.level == GO_ON:
            _goes_on(session, runtime, clock, threshold, now)
            continue
        late = detected_late(threshold, now)
        result.late += late
        if threshold.breach:
            clock.breached_at, clock.late_detected = threshold.at, late
        _record(session, runtime, clock, threshold, late, now)
        if threshold.repeat:
            result.repeated += 1
            result.letters += _remind(session, runtime, clock, threshold, now)
            continue
        if clock.case_id is not None:
            case = case_by_id(session, clock.case_id)
            result.letters += len(queue_at_threshold(session, runtime, case, clock, threshold, now))
        if not threshold.breach:
            result.warned += 1
            continue
        result.breached += 1
        _consequences(session, runtime, clock, now, result)
    clock.next_check_at = next_check(thresholds, clock.fired) if clock.state == ClockState.RUNNING else None
    session.flush()


def _record(session: Session, runtime: Runtime, clock: Clock, threshold: Threshold, late: bool, now: datetime) -> None:
    """The event carries the threshold's own time; when it was found is beside it."""
    kind = "clock.breached" if threshold.breach else "clock.repeated" if threshold.repeat else "clock.warned"
    data = {
        "clock": clock.id, "rule": clock.rule_id, "duty": clock.duty, "level": threshold.level,
        "due_at": clock.due_at.isoformat(), "detected_at": now.isoformat(), "late_detected": late,
    }  # fmt: skip
    if clock.case_id is None:
        held = NewEvent(None, threshold.at, kind, SYSTEM.id, SYSTEM.name, clock.policy_version, data=data)
        append_events(session, [held])
    else:
        note(session, runtime, case_by_id(session, clock.case_id), kind, SYSTEM, threshold.at, data=data)


def _goes_on(session: Session, runtime: Runtime, clock: Clock, threshold: Threshold, now: datetime) -> None:
    """The longest pause is over: the clock has been going on since; the record says so with that time."""
    if clock.case_id is None:
        return
    data = {
        "clock": clock.id, "rule": clock.rule_id, "due_at": clock.due_at.isoformat(),
        "detected_at": now.isoformat(), "by": "longest pause",
    }  # fmt: skip
    note(session, runtime, case_by_id(session, clock.case_id), "clock.resumed", SYSTEM, threshold.at, data=data)


def _remind(session: Session, runtime: Runtime, clock: Clock, threshold: Threshold, now: datetime) -> int:
    """A breached duty is still owed: its rule's letter goes out again, once for each repeat. How many were written."""
    rule, _ = rule_of(session, runtime.policies, clock)
    if clock.case_id is None or rule is None or rule.repeat is None or rule.repeat.letter is None:
        return 0
    case = case_by_id(session, clock.case_id)
    written = queue_letters(
        session, case, rule.repeat.letter, now, runtime.pack, once=f"{clock.id}:{threshold.level}",
        context={"clock": clock.id, "repeat": threshold.repeat},
    )  # fmt: skip
    return len(written)


def _consequences(session: Session, runtime: Runtime, clock: Clock, now: datetime, result: SweepResult) -> None:
    if clock.case_id is None:
        return
    case = case_by_id(session, clock.case_id)
    if raise_rung(session, runtime, case, clock, now) is not None:
        result.rungs += 1
    if clock.lapse and case.status == Status.RETURNED:
        details = MoveDetails(reason="The reporter's time to answer has run out.")
        move_in(session, runtime, case, Action.LAPSE, SYSTEM, now, details)
        session.refresh(clock)
        result.lapsed += 1


def preview(runtime: Runtime, most: int = 100_000) -> tuple[SweepResult, list[tuple[str, str, str]]]:
    """What a sweep would do now: its counts, and the letters it would intend as (case, letter, recipient).

    At most so many clocks are tried out, the longest overdue first.
    Everything is done and rolled back; nothing is sent.
    """
    now = runtime.now()
    result = SweepResult()
    with runtime.sessions.write() as session, session.begin() as whole:
        hold_chain(session)
        newest = session.scalar(select(func.max(Letter.id))) or 0
        for clock_id in clocks_due(session, now, most):
            try:
                with session.begin_nested():
                    clock = clock_by_id(session, clock_id)
                    if clock is not None and clock.next_check_at is not None:
                        _fire(session, runtime, clock, now, result)
                        result.clocks += 1
            except Exception:
                result.failed.append(_name(session, clock_id))
        rows = session.execute(
            select(CaseFile.number, Letter.kind, Letter.contact)
            .join(CaseFile, CaseFile.id == Letter.case_id)
            .where(Letter.id > newest)
            .order_by(Letter.id)
        )
        letters = [(number, kind, contact) for number, kind, contact in rows]
        whole.rollback()
    return result, letters

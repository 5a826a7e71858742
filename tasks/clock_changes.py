"""What people do to a running clock: let it stand still, go on, or have more time. On the record, with reasons."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from casework.clock_changes import ClockChange, ClockChangeRefused, ClockFacts, begin_pause, end_pause, extend
from casework.facts import SYSTEM, Actor
from casework.vocabulary import PauseReason
from db.queries.clocks import running_clocks
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Clock, Submission
from tasks.case_facts import find_case
from tasks.clock_history import clock_facts, write_change
from tasks.clock_rows import refresh_due
from tasks.outbox import queue_letters
from tasks.record import done_without, note, transaction
from tasks.runtime import Runtime

Change = Callable[[ClockFacts, Actor, datetime], ClockChange]


def pause_clock(
    runtime: Runtime, number: str, rule_id: str, reason: PauseReason, actor_id: str, why: str, notice: str = ""
) -> datetime:
    """Let a case's clock stand still; its new due time at the latest.

    ``notice`` says which is meant where one runs for each of several notices. Raises ClockChangeRefused, NotAllowed.
    """
    return _change(
        runtime, number, rule_id, notice, actor_id, why, "clock.paused",
        lambda clock, actor, at: begin_pause(clock, reason, at, actor),
    )  # fmt: skip


def resume_clock(runtime: Runtime, number: str, rule_id: str, actor_id: str, why: str, notice: str = "") -> datetime:
    """Let a clock that stands still go on; its due time. Raises ClockChangeRefused, NotAllowed."""
    return _change(
        runtime, number, rule_id, notice, actor_id, why, "clock.resumed",
        lambda clock, actor, at: end_pause(clock, at, actor),
    )  # fmt: skip


def extend_clock(
    runtime: Runtime, number: str, rule_id: str, until: datetime, actor_id: str, reason: str, notice: str = ""
) -> datetime:
    """Give a clock time until ``until``; its due time. The reporter is told by letter, where the rule says so.

    Raises ClockChangeRefused, NotAllowed.
    """
    return _change(
        runtime, number, rule_id, notice, actor_id, reason, "clock.extended",
        lambda clock, actor, at: extend(clock, until, actor, reason, at),
    )  # fmt: skip


def _change(
    runtime: Runtime, number: str, rule_id: str, notice: str, actor_id: str, reason: str, kind: str, change: Change
) -> datetime:
    actor = runtime.users.actor(actor_id)
    at = runtime.now()
    with transaction(runtime) as session:
        case = find_case(session, number)
        clock, facts = _find(session, runtime, case, rule_id, notice)
        before = clock.due_at
        write_change(clock, change(facts, actor, at))
        session.flush()
        data = {
            "clock": clock.id, "rule": clock.rule_id, "due_before": before.isoformat(),
            "due_at": clock.due_at.isoformat(), **_about(session, clock),
        }  # fmt: skip
        note(session, runtime, case, kind, actor, at, reason=reason, data=data)
        if kind == "clock.extended":
            _tell_reporter(session, runtime, case, clock, facts, at, reason)
        refresh_due(session, case.id)
        return clock.due_at


def _about(session: Session, clock: Clock) -> dict[str, str]:
    """The notice that the clock is about, for the record; nothing for a clock about the case."""
    if clock.subject_kind != "submission":
        return {}
    return {"submission": session.get_one(Submission, clock.subject_id).number}


def _find(session: Session, runtime: Runtime, case: CaseFile, rule_id: str, notice: str) -> tuple[Clock, ClockFacts]:
    running = running_clocks(session, case.id)
    notices = {row.id: row.number for row in submissions_of_case(session, case.id)}
    found = {
        notices.get(clock.subject_id, "") if clock.subject_kind == "submission" else "": clock
        for clock in running
        if clock.rule_id == rule_id
    }
    if notice:
        found = {about: clock for about, clock in found.items() if about == notice}
    if len(found) > 1:
        raise ClockChangeRefused(
            case.number, f"clock '{rule_id[:64]}' runs for several notices", rule="clock.several",
            next_step=f"Name one with --notice: {', '.join(sorted(found))}.",
        )  # fmt: skip
    for clock in found.values():
        facts = clock_facts(session, runtime.policies, clock, case.number)
        if facts is not None:
            return clock, facts
    known = ", ".join(sorted({clock.rule_id for clock in running})) or "none"
    about = f" for notice {notice[:32]}" if notice else ""
    raise ClockChangeRefused(
        case.number, f"no clock '{rule_id[:64]}' is running{about}", rule="clock.not_running",
        next_step=f"Running: {known}.",
    )  # fmt: skip


def _tell_reporter(
    session: Session, runtime: Runtime, case: CaseFile, clock: Clock, facts: ClockFacts, at: datetime, reason: str
) -> None:
    """The duty to tell begins; it is done when the letter is out, or at once where nobody can be reached."""
    rule = facts.rule.extension
    note(session, runtime, case, "extension.granted", SYSTEM, at, moment="extension.granted", data={"clock": clock.id})
    if rule is None or rule.notice is None:
        return
    once = f"{clock.id}:{len(clock.history)}"
    written = queue_letters(
        session, case, rule.notice, at, runtime.pack, once=once, context={"clock": clock.id, "reasons": reason}
    )
    done_without(session, runtime, case, rule.notice, written, at)

"""Clocks in the case file: started and stopped by named moments, inside the transaction of the move."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import cast

from sqlalchemy.orm import Session

from casework.clocks import (
    ClockStart,
    Subject,
    SubjectKind,
    Threshold,
    applies,
    due_earliest,
    next_check,
    start_clocks,
)
from casework.facts import CaseFacts
from casework.moments import Moment
from casework.policy_pack import Pack
from casework.vocabulary import ClockState
from db.queries.cases import case_by_id
from db.queries.clocks import running_clocks, running_clocks_of
from db.tables import Clock


def clock_row(start: ClockStart, case_id: int | None) -> dict[str, object]:
    """The columns of a new clock."""
    return {
        "case_id": case_id,
        "subject_kind": start.subject.kind,
        "subject_id": start.subject.id,
        "rule_id": start.rule_id,
        "policy_version": start.policy_version,
        "duty": start.duty.value,
        "statutory": start.statutory,
        "source": start.source,
        "verified": start.verified,
        "limit_spec": start.limit.model_dump(mode="json"),
        "calendar": start.calendar,
        "qualitative": start.qualitative,
        "history": [],
        "started_at": start.started_at,
        "due_at": start.due_at,
        "thresholds": [[t.at.astimezone(UTC).isoformat(), t.level] for t in start.thresholds],
        "fired": 0,
        "next_check_at": next_check(start.thresholds, 0),
        "stop_on": list(start.stop_on),
        "ladder": start.ladder,
        "next_rung": start.next_rung,
        "lapse": start.lapse,
        "state": ClockState.RUNNING.value,
        "late_detected": False,
    }


def thresholds_of(clock: Clock) -> tuple[Threshold, ...]:
    """A clock's thresholds as values."""
    return tuple(Threshold(datetime.fromisoformat(at), level) for at, level in clock.thresholds)


def write_clocks(session: Session, starts: Iterable[ClockStart], case_id: int | None) -> list[Clock]:
    """Write new clocks. They have ids once the session is flushed."""
    rows = [Clock(**clock_row(start, case_id)) for start in starts]
    session.add_all(rows)
    return rows


def stop_clocks(running: Iterable[Clock], moment: Moment, subject: Subject, at: datetime) -> list[Clock]:
    """Stop those of a case's running clocks that end at this moment.

    A moment of the case stops clocks about anything in it; a moment of one submission stops
    the clocks about the case and about that submission, never about another.
    """
    stopped = []
    for clock in running:
        if moment in clock.stop_on and concerns(clock, subject):
            stopped.append(_stop(clock, moment, at))
    return stopped


def concerns(clock: Clock, subject: Subject) -> bool:
    """Whether a moment about this subject touches the clock."""
    if subject.kind == "case" or clock.subject_kind == "case":
        return True
    return (clock.subject_kind, clock.subject_id) == (subject.kind, subject.id)


def stop_subject_clocks(session: Session, subject: Subject, moment: Moment, at: datetime) -> list[Clock]:
    """Stop every running clock about one subject that ends at this moment, such as a held report's."""
    return [
        _stop(clock, moment, at)
        for clock in running_clocks_of(session, subject.kind, subject.id)
        if moment in clock.stop_on
    ]


_ENDS_DUTIES = ("case.ended", "review.opened")
"""Moments at which a duty is not done but falls away: nothing is owed in a case that ended, and what goes back to
review is not brought to the platform."""


def _stop(clock: Clock, moment: str, at: datetime) -> Clock:
    fell_away = moment in _ENDS_DUTIES and clock.duty != "reporter"
    clock.state = ClockState.CANCELLED if fell_away else ClockState.MET
    clock.stopped_at, clock.stopped_by, clock.next_check_at = at, moment, None
    return clock


def start_for(
    session: Session, moment: Moment, subject: Subject, at: datetime, case: CaseFacts | None, pack: Pack
) -> list[Clock]:
    """Start the pack's clocks for this moment. One that runs already, such as after a pause, is not started again."""
    starts = start_clocks(moment, subject, at, case, pack)
    if not starts:
        return []
    if case is None:
        running = running_clocks_of(session, subject.kind, subject.id)
    else:
        about = (subject.kind, subject.id)
        running = [
            clock for clock in running_clocks(session, case.id) if (clock.subject_kind, clock.subject_id) == about
        ]
    known = {clock.rule_id for clock in running}
    return write_clocks(session, [one for one in starts if one.rule_id not in known], case.id if case else None)


def restart_by_priority(session: Session, at: datetime, case: CaseFacts, pack: Pack) -> None:
    """After a change of priority: our own clocks that are for another priority give way to those for the new one.

    A case raised to P0 has the P0's minutes from now on, not the days it was given before.
    Statutory clocks run on: no priority of ours changes a law.
    """
    pack = pack.at(at)
    by_id = {rule.id: rule for rule in pack.sla.clocks}
    ended: set[tuple[Moment, str, int]] = set()
    for clock in running_clocks(session, case.id):
        rule = by_id.get(clock.rule_id)
        if rule is not None and rule.applies.priority and not rule.statutory and not applies(rule, case):
            clock.state, clock.stopped_at, clock.stopped_by = ClockState.CANCELLED, at, "priority.changed"
            clock.next_check_at = None
            ended.add((rule.start, clock.subject_kind, clock.subject_id))
    session.flush()
    for moment, kind, about in sorted(ended):
        starts = start_clocks(moment, Subject(cast(SubjectKind, kind), about), at, case, pack)
        fresh = [start for start in starts if by_id[start.rule_id].applies.priority]
        write_clocks(session, fresh, case.id)
    refresh_due(session, case.id)


def refresh_due(session: Session, case_id: int) -> None:
    """Keep the case's earliest due time in step with its running clocks."""
    case_by_id(session, case_id).next_due_at = due_earliest(clock.due_at for clock in running_clocks(session, case_id))

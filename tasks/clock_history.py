"""A clock's pauses and extensions in the case file, and the pauses that begin and end by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from casework.clock_changes import (
    ClockChange,
    ClockFacts,
    History,
    Standstill,
    begin_pause,
    end_pause,
    pause_by_rule,
)
from casework.clocks import Subject, next_check
from casework.interruptions import Extension
from casework.moments import Moment
from casework.policy_clocks import ClockRule
from casework.policy_pack import Pack
from casework.vocabulary import PauseReason
from db.tables import Clock
from tasks.clock_rows import concerns, thresholds_of
from tasks.policies import Policies


def history_of(clock: Clock) -> History:
    """What happened to the clock since its start."""
    standstills, extensions = [], []
    for entry in clock.history:
        if entry["kind"] == "pause":
            standstills.append(
                Standstill(
                    PauseReason(str(entry["reason"])),
                    _at(entry["began_at"]),
                    _at(entry["until"]),
                    _at(entry["ended_at"]) if entry["ended_at"] else None,
                    bool(entry["restarts"]),
                )
            )
        else:
            extensions.append(Extension(_at(entry["granted_at"]), _at(entry["until"]), str(entry["reason"])))
    return History(tuple(standstills), tuple(extensions))


def _history_data(history: History) -> list[dict[str, Any]]:
    pauses = [
        {
            "kind": "pause", "reason": one.reason.value, "began_at": _text(one.began_at), "until": _text(one.until),
            "ended_at": _text(one.ended_at) if one.ended_at else None, "restarts": one.restarts,
        }
        for one in history.standstills
    ]  # fmt: skip
    extensions = [
        {"kind": "extension", "granted_at": _text(one.granted_at), "until": _text(one.until), "reason": one.reason}
        for one in history.extensions
    ]
    return [*pauses, *extensions]


def rule_of(session: Session, policies: Policies, clock: Clock) -> tuple[ClockRule | None, Pack]:
    """The rule the clock started under, from its own policy version, and that version.

    None for the clock of a rung, whose times are the ladder's.
    """
    pack = policies.version(session, clock.policy_version)
    rules = pack.at(clock.started_at).sla.clocks
    return next((rule for rule in rules if rule.id == clock.rule_id), None), pack


def clock_facts(session: Session, policies: Policies, clock: Clock, about: str) -> ClockFacts | None:
    """The clock as casework sees it; None for the clock of a rung."""
    rule, pack = rule_of(session, policies, clock)
    if rule is None:
        return None
    return ClockFacts(
        about=about,
        rule=rule,
        calendar=pack.working_calendar(clock.calendar),
        started_at=clock.started_at,
        due_at=clock.due_at,
        marks=thresholds_of(clock),
        fired=clock.fired,
        history=history_of(clock),
    )


def write_change(clock: Clock, change: ClockChange) -> None:
    """Write what a change came to."""
    clock.history = _history_data(change.history)
    clock.due_at = change.due_at
    clock.thresholds = [[_text(mark.at), mark.level] for mark in change.marks]
    clock.fired = change.fired
    clock.next_check_at = next_check(change.marks, change.fired)


def pauses_at(
    session: Session,
    policies: Policies,
    running: Iterable[Clock],
    number: str,
    moment: Moment,
    subject: Subject,
    at: datetime,
) -> Iterable[tuple[Clock, str]]:
    """Begin and end the pauses that this moment begins and ends; each clock with the kind of event that is."""
    for clock in running:
        if not concerns(clock, subject):
            continue
        facts = clock_facts(session, policies, clock, number)
        if facts is None or not facts.rule.pause:
            continue
        still = facts.history.standing_still(at)
        ends = still and next((rule for rule in facts.rule.pause if rule.reason == still.reason), None)
        if ends and moment in ends.ends:
            write_change(clock, end_pause(facts, at))
            yield clock, "clock.resumed"
        elif still is None and at < clock.due_at and (begins := pause_by_rule(facts, moment)) is not None:
            write_change(clock, begin_pause(facts, begins.reason, at))
            yield clock, "clock.paused"


def _at(value: object) -> datetime:
    return datetime.fromisoformat(str(value))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()

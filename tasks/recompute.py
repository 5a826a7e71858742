"""Recomputing open cases after a calendar or a policy has changed: first a list, then, on order, the change.

A running clock keeps the policy version it started with until a head of unit orders otherwise. A breach stays: it is
a fact. A computed priority that falls takes a second person, like any other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from casework.clock_changes import ClockChange, ClockFacts, recount
from casework.errors import NotAllowed, QorganError
from casework.facts import Actor
from casework.policy_clocks import ClockRule
from casework.policy_pack import Pack
from casework.vocabulary import ClockState, Priority, Role
from db.queries.cases import case_by_id, open_case_ids
from db.queries.clocks import running_clocks
from db.tables import CaseFile, Clock
from tasks.case_facts import facts_of, find_case
from tasks.clock_history import clock_facts, history_of, write_change
from tasks.clock_rows import refresh_due, restart_by_priority, thresholds_of
from tasks.prioritization import alert, assess_case, write_assessment
from tasks.record import note, transaction
from tasks.runtime import Runtime


class RecomputeRefused(QorganError):
    """The order to recompute lacks something; nothing was changed."""

    rule = "recompute.refused"


@dataclass(frozen=True, slots=True)
class ClockMove:
    """One clock whose due time is another by the policy and calendar in use. ``due_after`` None: its rule is gone."""

    case: str
    clock_id: int
    rule: str
    version_before: str
    due_before: datetime
    due_after: datetime | None


@dataclass(frozen=True, slots=True)
class LevelMove:
    """One case whose computed priority is another by the policy in use."""

    case: str
    before: Priority
    after: Priority

    @property
    def falls(self) -> bool:
        return self.after.rank > self.before.rank


@dataclass(frozen=True, slots=True)
class Plan:
    """What recomputing would change, and how many open cases were looked at."""

    cases: int
    clocks: tuple[ClockMove, ...]
    levels: tuple[LevelMove, ...]


def plan_recompute(runtime: Runtime) -> Plan:
    """What would change, without changing it."""
    clocks: list[ClockMove] = []
    levels: list[LevelMove] = []
    with runtime.sessions.read() as session:
        opened = open_case_ids(session)
        for case_id in opened:
            case = case_by_id(session, case_id)
            clocks += [move for move, _, _ in _clock_moves(session, runtime, case)]
            level = _level_move(session, runtime, case, runtime.now())
            if level is not None:
                levels.append(level)
    return Plan(len(opened), tuple(clocks), tuple(levels))


def apply_recompute(runtime: Runtime, actor_id: str, reason: str, confirmed_by: str | None = None) -> Plan:
    """Change what the plan lists, case by case, each change on the record; what was changed.

    Raises NotAllowed without the role head_of_unit, RecomputeRefused without a reason, and, where a priority would
    fall, without a second person.
    """
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.HEAD_OF_UNIT):
        raise NotAllowed(f"recomputing open cases is ordered by a head of unit; {actor.id} is not")
    if len(reason.strip()) < 10:
        raise RecomputeRefused("recomputing needs a reason, such as the decision that moved a day")
    plan = plan_recompute(runtime)
    for level in plan.levels:
        _second_person(runtime, level, actor, confirmed_by)
    numbers = [move.case for move in plan.clocks] + [level.case for level in plan.levels]
    for number in dict.fromkeys(numbers):
        _recompute_case(runtime, number, actor, reason, confirmed_by)
    return plan


def _second_person(runtime: Runtime, level: LevelMove, actor: Actor, confirmed_by: str | None) -> None:
    if not level.falls:
        return
    second = runtime.users.actor(confirmed_by) if confirmed_by else None
    if second is None or second.id == actor.id or not second.has(Role.HEAD_OF_UNIT, Role.LEGAL_REVIEWER):
        raise RecomputeRefused(
            f"{level.case} would fall from {level.before} to {level.after}; that takes a second person",
            rule="priority.two_people",
            next_step="A head of unit or a reviewer, who is not the one who orders, confirms with --confirmed-by.",
        )


def _recompute_case(runtime: Runtime, number: str, actor: Actor, reason: str, confirmed_by: str | None) -> None:
    at = runtime.now()
    with transaction(runtime) as session:
        case = find_case(session, number)
        for move, clock, change in _clock_moves(session, runtime, case):
            data = {
                "clock": clock.id, "rule": move.rule, "version_before": move.version_before,
                "due_before": move.due_before.isoformat(),
                "due_at": move.due_after.isoformat() if move.due_after else None,
            }  # fmt: skip
            if change is None:
                clock.state, clock.stopped_at, clock.stopped_by = ClockState.CANCELLED.value, at, "policy.changed"
                clock.next_check_at = None
            else:
                _carry_over(runtime, clock, change)
            session.flush()
            note(session, runtime, case, "clock.recomputed", actor, at, reason=reason, data=data)
        level = _level_move(session, runtime, case, at)
        if level is not None:
            _second_person(runtime, level, actor, confirmed_by)
            _write_level(session, runtime, case, at)
            data = {"from": level.before, "to": level.after, "confirmed_by": confirmed_by or ""}
            note(session, runtime, case, "priority.recomputed", actor, at, reason=reason, data=data, wake=True)
        refresh_due(session, case.id)


def _clock_moves(
    session: Session, runtime: Runtime, case: CaseFile
) -> list[tuple[ClockMove, Clock, ClockChange | None]]:
    found: list[tuple[ClockMove, Clock, ClockChange | None]] = []
    for clock in running_clocks(session, case.id):
        if clock.breached_at is not None or clock_facts(session, runtime.policies, clock, case.number) is None:
            # A breach is a fact. The clock of a rung keeps the time that its letter named.
            continue
        if _began_before(runtime.pack, clock):
            continue
        change = _by_todays_policy(runtime, clock, case.number)
        after = change.due_at if change else None
        if after != clock.due_at:
            move = ClockMove(case.number, clock.id, clock.rule_id, clock.policy_version, clock.due_at, after)
            found.append((move, clock, change))
    return found


def _began_before(pack: Pack, clock: Clock) -> bool:
    """Whether the policy in use has the clock's rule, but only from a day after its start: it keeps the old text."""
    day = pack.local_date(clock.started_at)
    versions = [rule for rule in pack.sla.clocks if rule.id == clock.rule_id]
    return bool(versions) and not (pack.in_force_on(day) and any(rule.in_force_on(day) for rule in versions))


def _todays_rule(pack: Pack, clock: Clock) -> ClockRule | None:
    return next((rule for rule in pack.at(clock.started_at).sla.clocks if rule.id == clock.rule_id), None)


def _by_todays_policy(runtime: Runtime, clock: Clock, about: str) -> ClockChange | None:
    """The clock by the rule that the policy in use has for its start; None when it has none any more."""
    rule = _todays_rule(runtime.pack, clock)
    if rule is None:
        return None
    history = history_of(clock)
    facts = ClockFacts(
        about=about,
        rule=rule,
        calendar=runtime.pack.working_calendar(rule.calendar),
        started_at=clock.started_at,
        due_at=clock.due_at,
        marks=thresholds_of(clock),
        fired=clock.fired,
        history=history,
    )
    return recount(facts, history, runtime.now())


def _carry_over(runtime: Runtime, clock: Clock, change: ClockChange) -> None:
    """From here on the clock follows the rule of the policy in use."""
    rule = _todays_rule(runtime.pack, clock)
    assert rule is not None, "a change was counted by it"
    clock.policy_version = runtime.pack.version
    clock.limit_spec = rule.limit.model_dump(mode="json")
    clock.calendar = rule.calendar
    clock.source, clock.verified, clock.statutory = rule.source.ref, rule.source.verified, rule.statutory
    clock.qualitative = rule.qualitative.en if rule.qualitative else ""
    write_change(clock, change)


def _write_level(session: Session, runtime: Runtime, case: CaseFile, at: datetime) -> None:
    """The computed priority, and the one in force where no person has set another; clocks and letters follow it."""
    before, computed = Priority(case.priority), case.priority == case.priority_floor
    assessed = assess_case(session, runtime, case, at)
    write_assessment(case, assessed)
    if computed:
        case.priority, case.priority_rank = assessed.priority.value, assessed.priority.rank
        case.lane = assessed.lane.value
    session.flush()
    if case.priority_rank != before.rank:
        restart_by_priority(session, at, facts_of(session, case), runtime.pack)
    if case.priority_rank < before.rank:
        alert(session, runtime, case, at)


def _level_move(session: Session, runtime: Runtime, case: CaseFile, at: datetime) -> LevelMove | None:
    before = Priority(case.priority_floor)
    after = assess_case(session, runtime, case, at).priority
    return LevelMove(case.number, before, after) if before is not after else None

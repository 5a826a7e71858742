"""Priority: given at triage, judged again with every new report, changed by people under two-person rules."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from casework.danger import danger_letters
from casework.errors import MoveRefused, NotAllowed
from casework.facts import SYSTEM, Actor
from casework.priority import Assessment, PriorityFacts, assess
from casework.vocabulary import Action, AgeBand, Priority, Role
from db.queries.cases import case_by_id, items_of_case
from db.queries.reports import count_reports_since
from db.tables import CaseFile, PriorityChange
from tasks.case_facts import facts_of, find_case
from tasks.clock_rows import restart_by_priority
from tasks.outbox import queue_letters
from tasks.record import move_in, note, transaction
from tasks.runtime import Runtime


def triage(session: Session, runtime: Runtime, case: CaseFile) -> None:
    """Stage: give a received or reopened case its priority and move it on."""
    write_assessment(case, assess_case(session, runtime, case, runtime.now()))
    move_in(session, runtime, case, Action.TRIAGE, SYSTEM, runtime.now(), data={"priority": case.priority})


def reassess(session: Session, runtime: Runtime, case: CaseFile, at: datetime) -> None:
    """Judge an open case again after something new; a rise is recorded, wakes its lane and may alert people."""
    before = Priority(case.priority)
    write_assessment(case, assess_case(session, runtime, case, at))
    session.flush()
    after = Priority(case.priority)
    if after.rank < before.rank:
        restart_by_priority(session, at, facts_of(session, case), runtime.pack)
        note(session, runtime, case, "priority.raised", SYSTEM, at, data={"from": before, "to": after}, wake=True)
    # Also at the same level: another category may be one that the police must hear of.
    alert(session, runtime, case, at)


def alert(session: Session, runtime: Runtime, case: CaseFile, at: datetime) -> None:
    """Intend the letters that danger to a child calls for; each goes once per case."""
    referral = runtime.pack.category(case.category).police_referral
    for name in danger_letters(Priority(case.priority), referral):
        queue_letters(session, case, name, at, runtime.pack, once=str(case.id))


def change_priority(
    runtime: Runtime, number: str, to: Priority, actor_id: str, reason: str, confirmed_by: str | None = None
) -> CaseFile:
    """A person changes the order of work.

    Anybody may raise it. Below the computed floor it takes a second person, the head of the
    unit or a reviewer, who is not the first. Raises NotAllowed or MoveRefused.
    """
    actor = runtime.users.actor(actor_id)
    second = runtime.users.actor(confirmed_by) if confirmed_by else None
    at = runtime.now()
    with transaction(runtime) as session:
        case = find_case(session, number)
        _check_change(case, to, actor, reason, second)
        before = Priority(case.priority)
        floor = Priority(case.priority_floor)
        session.add(
            PriorityChange(
                case_id=case.id,
                from_rank=before.rank,
                to_rank=to.rank,
                floor_rank=floor.rank,
                proposed_by=actor.id,
                confirmed_by=second.id if second else None,
                reason=reason,
                changed_at=at,
            )
        )
        case.priority, case.priority_rank = to.value, to.rank
        case.lane = runtime.pack.priority.lane(to, child=case.child, political=case.political).value
        session.flush()
        restart_by_priority(session, at, facts_of(session, case), runtime.pack)
        note(
            session, runtime, case, "priority.changed", actor, at, reason=reason, wake=True,
            data={"from": before, "to": to, "confirmed_by": second.id if second else ""},
        )  # fmt: skip
        if to.rank < before.rank:
            alert(session, runtime, case, at)
        return case_by_id(session, case.id)


def _check_change(case: CaseFile, to: Priority, actor: Actor, reason: str, second: Actor | None) -> None:
    if not actor.roles - {Role.AUDITOR, Role.LIAISON}:
        raise NotAllowed(f"{case.number}: {actor.id} may read only")
    if len(reason.strip()) < 5:
        raise MoveRefused(case.number, "a change of priority needs a reason", rule="priority.reason_missing")
    if to.rank <= Priority(case.priority_floor).rank:
        return
    if second is None or second.id == actor.id or not second.has(Role.HEAD_OF_UNIT, Role.LEGAL_REVIEWER):
        raise MoveRefused(
            case.number,
            f"the rules computed {case.priority_floor}; going below takes a second person",
            rule="priority.two_people",
            next_step="A head of unit or a reviewer, who is not the one who asks, confirms with --confirmed-by.",
        )


def assess_case(session: Session, runtime: Runtime, case: CaseFile, at: datetime) -> Assessment:
    """The case's priority by the rules in force at ``at``."""
    return assess(priority_facts(session, case, at), runtime.pack.at(at))


def priority_facts(session: Session, case: CaseFile, at: datetime) -> PriorityFacts:
    """What the priority rules look at."""
    return PriorityFacts(
        category=case.category,
        age_band=AgeBand(case.age_band),
        indicators=frozenset(case.indicators),
        reports=count_reports_since(session, case.id, at - timedelta(hours=24)),
        platforms=len({item.platform for item in items_of_case(session, case.id) if item.platform}),
        reporter_is_child=case.reporter_is_child,
        political=case.political,
    )


def write_assessment(case: CaseFile, assessed: Assessment) -> None:
    """Write the computed priority. One that people raised stays, and so does one that two people lowered,
    until the rules compute a higher one than they did then."""
    before = Priority(case.priority_floor)
    case.priority_floor = assessed.priority.value
    case.priority_trace = [fired.as_dict() for fired in assessed.trace]
    case.child = assessed.child
    lowered = case.priority_rank > before.rank
    if assessed.priority.rank < (before.rank if lowered else case.priority_rank):
        case.priority, case.priority_rank = assessed.priority.value, assessed.priority.rank
    case.lane = assessed.lane.value if case.priority == assessed.priority.value else case.lane

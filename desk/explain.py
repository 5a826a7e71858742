"""Why a due time, why a priority, and what happens next."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from desk.options import CaseNumber, Json, at_work
from desk.output import answer, visible

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from casework.explain import Explanation, RunningClock
    from casework.policy_pack import Pack
    from db.tables import CaseFile, Clock

app = typer.Typer(no_args_is_help=True, help="Why a due time, why a priority, what happens next.")


@app.command()
def due(number: CaseNumber, as_json: Json = False) -> None:
    """How every running clock's due time was counted, day by day."""
    from casework.explain import explain_due
    from tasks.case_facts import find_case

    runtime = at_work()
    with runtime.sessions.read() as session:
        clocks = running(session, find_case(session, number), runtime.pack)
    _say(explain_due(number, clocks, runtime.pack.working_calendar(), runtime.now()), as_json)


@app.command()
def priority(number: CaseNumber, as_json: Json = False) -> None:
    """Which rules set the priority, which were withheld, and who changed it."""
    from casework.explain import explain_priority
    from db.queries.events import events_of_case
    from tasks.case_facts import facts_of, find_case

    runtime = at_work()
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        changes = [
            {
                "from": event.data.get("from", ""),
                "to": event.data.get("to", ""),
                "by": event.actor_id,
                "confirmed_by": event.data.get("confirmed_by", ""),
                "reason": event.reason or "by the rules, after a new report",
            }
            for event in events_of_case(session, case.id)
            if event.kind in ("priority.changed", "priority.raised")
        ]
        told = explain_priority(facts_of(session, case), case.priority_floor, case.lane, case.priority_trace, changes)
    _say(told, as_json)


@app.command("next")
def what_next(number: CaseNumber, as_json: Json = False) -> None:
    """What the system will do next, when, to whom, and what would stop it."""
    from casework.explain import Later, WaitingLetter, explain_next
    from casework.vocabulary import DeliveryState
    from db.queries.letters import letters_of_case
    from db.queries.submissions import submissions_of_case
    from tasks.case_facts import facts_of, find_case

    runtime = at_work()
    settled = (DeliveryState.SENT, DeliveryState.DROPPED)
    trying = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        letters = [
            WaitingLetter(row.id, row.kind, row.recipient, row.state, row.next_attempt_at)
            for row in letters_of_case(session, case.id)
            if row.state not in settled
        ]
        attempts = tuple(
            (row.number, row.next_attempt_at) for row in submissions_of_case(session, case.id) if row.state in trying
        )
        told = explain_next(
            facts_of(session, case),
            running(session, case, runtime.pack),
            letters,
            Later(case.drive_at, attempts),
            runtime.pack.authority.zone,
            runtime.now(),
        )
    _say(told, as_json)


def running(session: Session, case: CaseFile, pack: Pack) -> list[RunningClock]:
    """A case's running clocks as plain values, earliest due first."""
    from db.queries.clocks import running_clocks
    from db.queries.submissions import submissions_of_case

    numbers = {row.id: row.number for row in submissions_of_case(session, case.id)}
    return [_plain(clock, case.number, numbers, pack) for clock in running_clocks(session, case.id)]


def _plain(clock: Clock, number: str, submissions: dict[int, str], pack: Pack) -> RunningClock:
    from casework.explain import RunningClock
    from casework.policy_clocks import LimitSpec
    from desk.case_pages import about, clock_name
    from tasks.clock_rows import thresholds_of

    ladders = {ladder.id: ladder for ladder in pack.sla.ladders}
    return RunningClock(
        about=about(clock, number, submissions),
        rule_id=clock.rule_id,
        name=clock_name(clock, pack),
        duty=clock.duty,
        statutory=clock.statutory,
        source=clock.source,
        verified=clock.verified,
        policy_version=clock.policy_version,
        limit=LimitSpec.model_validate(clock.limit_spec).limit,
        started_at=clock.started_at,
        due_at=clock.due_at,
        ahead=thresholds_of(clock)[clock.fired :],
        stop_on=tuple(clock.stop_on),
        ladder=ladders.get(clock.ladder or ""),
        next_rung=clock.next_rung,
        lapse=clock.lapse,
    )


def _say(told: Explanation, as_json: bool) -> None:
    def show(console: Console) -> None:
        for line in told.lines:
            said = line.lstrip()
            console.print(Padding(Text(visible(said)), (0, 0, 0, len(line) - len(said))))

    answer(told.data, as_json, show)

"""Why a due time, why a priority, what happens next, and why a letter went or did not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from desk.options import CaseNumber, Json, at_work
from desk.output import answer, harmless, visible

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from casework.clock_changes import History
    from casework.explain import ClockOnRecord, Explanation, LetterOnRecord
    from casework.policy_clocks import ClockRule
    from casework.policy_pack import Pack
    from db.tables import CaseFile, Clock, Event, Letter
    from tasks.runtime import Runtime

app = typer.Typer(
    no_args_is_help=True, help="Why a due time, why a priority, what happens next, why a letter went or did not."
)


@app.command()
def due(
    number: CaseNumber,
    stopped: Annotated[bool, typer.Option("--all", help="Also the clocks that were stopped.")] = False,
    as_json: Json = False,
) -> None:
    """How every running clock's due time was counted, day by day."""
    from casework.explain_due import explain_due
    from tasks.case_facts import facts_of, find_case

    runtime = at_work()
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        clocks = clocks_on_record(session, runtime, case)
        told = explain_due(
            facts_of(session, case),
            [clock for clock in clocks if stopped or clock.running],
            _decided_under(session, runtime, case),
            runtime.now(),
        )
    _say(told, as_json)


@app.command()
def priority(number: CaseNumber, as_json: Json = False) -> None:
    """Which rules set the priority, which were withheld, who changed it, and what would change it."""
    from casework.explain_priority import explain_priority
    from db.queries.events import events_of_case
    from tasks.case_facts import facts_of, find_case
    from tasks.prioritization import priority_facts

    runtime = at_work()
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        events = events_of_case(session, case.id)
        computed = [event.policy_version for event in events if event.kind in _COMPUTING]
        told = explain_priority(
            facts_of(session, case),
            priority_facts(session, case, runtime.now()),
            runtime.pack.at(runtime.now()),
            case.priority_floor,
            case.lane,
            case.priority_trace,
            computed[-1] if computed else "",
            [_priority_change(event) for event in events if event.kind in _CHANGING],
        )
    _say(told, as_json)


_CHANGING = ("priority.changed", "priority.raised", "priority.recomputed")
_COMPUTING = (
    "case.received", "moved.triage", "report.joined", "case.amended", "case.merged_in", "priority.raised",
    "priority.recomputed",
)  # fmt: skip
"""Events at which the rules judge a case."""


def _priority_change(event: Event) -> dict[str, Any]:
    return {
        "from": event.data.get("from", ""),
        "to": event.data.get("to", ""),
        "by": event.actor_id,
        "confirmed_by": event.data.get("confirmed_by", ""),
        "reason": harmless(event.reason) or "by the rules, after a new report",
        "policy_version": event.policy_version,
    }


@app.command("next")
def what_next(number: CaseNumber, as_json: Json = False) -> None:
    """What the system will do next, when, to whom, and what would stop it."""
    from casework.explain_next import Later, explain_next
    from casework.vocabulary import DeliveryState
    from db.queries.events import events_of_case
    from db.queries.letters import letters_of_case
    from db.queries.submissions import submissions_of_case
    from tasks.case_facts import facts_of, find_case

    runtime = at_work()
    settled = (DeliveryState.SENT, DeliveryState.DROPPED)
    trying = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        attempts = tuple(
            (row.number, row.next_attempt_at) for row in submissions_of_case(session, case.id) if row.state in trying
        )
        told = explain_next(
            facts_of(session, case),
            [clock for clock in clocks_on_record(session, runtime, case) if clock.running],
            [_letter(row) for row in letters_of_case(session, case.id) if row.state not in settled],
            Later(case.drive_at, attempts, _ended_at(events_of_case(session, case.id))),
            runtime.pack.at(runtime.now()),
            runtime.now(),
        )
    _say(told, as_json)


@app.command("why-not")
def why_not(
    number: CaseNumber,
    kind: Annotated[str | None, typer.Option("--letter", metavar="KIND", help="One letter of the registry.")] = None,
    as_json: Json = False,
) -> None:
    """Why each letter of a case went, waits, or was never written."""
    from casework.errors import QorganError
    from casework.explain_triggers import CaseRecord
    from casework.explain_why_not import explain_why_not
    from casework.letters import LETTERS
    from db.queries.events import events_of_case
    from db.queries.letters import letters_of_case, reporters_of_case
    from tasks.case_facts import facts_of, find_case

    if kind is not None and kind not in LETTERS:
        raise QorganError(
            f"{number}: there is no letter '{kind[:48]}'",
            rule="letter.no_such_kind",
            next_step=f"One of: {', '.join(sorted(LETTERS))}.",
        )
    runtime = at_work()
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        record = CaseRecord(
            facts_of(session, case),
            runtime.pack.at(runtime.now()),
            runtime.now(),
            letters=[_letter(row) for row in letters_of_case(session, case.id)],
            clocks=clocks_on_record(session, runtime, case),
            happened=frozenset(event.kind for event in events_of_case(session, case.id)),
            reachable=tuple(person.reachable for person in reporters_of_case(session, case.id)),
            mail_server=runtime.mailer.host is not None,
        )
    _say(explain_why_not(record, None if kind is None else [kind]), as_json)


def clocks_on_record(session: Session, runtime: Runtime, case: CaseFile) -> list[ClockOnRecord]:
    """Every clock a case ever had as plain values: those that run first, earliest due first."""
    from casework.vocabulary import ClockState
    from db.queries.clocks import clocks_of_case
    from db.queries.events import events_of_case
    from db.queries.submissions import submissions_of_case

    numbers = {row.id: row.number for row in submissions_of_case(session, case.id)}
    reordered = {event.at for event in events_of_case(session, case.id) if event.kind in _CHANGING}
    rows = sorted(clocks_of_case(session, case.id), key=lambda row: (row.state != ClockState.RUNNING, row.due_at))
    return [_clock(session, runtime, row, case.number, numbers, reordered) for row in rows]


def _clock(
    session: Session, runtime: Runtime, row: Clock, number: str, numbers: dict[int, str], reordered: set[datetime]
) -> ClockOnRecord:
    from casework.explain import ClockOnRecord
    from casework.policy_clocks import LimitSpec
    from casework.vocabulary import ClockState
    from desk.case_pages import about, clock_name
    from tasks.clock_rows import thresholds_of

    today = runtime.pack
    rule, pack, gap = _began_under(session, runtime, row)
    anew = rule is not None and not rule.statutory and bool(rule.applies.priority) and row.started_at in reordered
    ladders = {ladder.id: ladder for ladder in today.sla.ladders}
    calendars = {one.id for one in today.calendars.calendars}
    return ClockOnRecord(
        about=about(row, number, numbers),
        rule_id=row.rule_id,
        name=rule.name.en if rule is not None else clock_name(row, pack),
        duty=row.duty,
        statutory=row.statutory,
        qualitative=row.qualitative,
        source=row.source,
        verified=row.verified,
        policy_version=row.policy_version,
        limit=LimitSpec.model_validate(row.limit_spec).limit,
        calendar=pack.working_calendar(row.calendar if not gap or row.calendar in calendars else None),
        started_at=row.started_at,
        due_at=row.due_at,
        marks=thresholds_of(row),
        fired=row.fired,
        stop_on=tuple(row.stop_on),
        rule=rule,
        version_gap=gap,
        history=_history(row),
        today=today.working_calendar(row.calendar) if row.calendar is None or row.calendar in calendars else None,
        begun_by="priority.changed" if anew else "",
        ladder_id=row.ladder,
        ladder=ladders.get(row.ladder or ""),
        next_rung=row.next_rung,
        lapse=row.lapse,
        state=ClockState(row.state),
        stopped_at=row.stopped_at,
        stopped_by=row.stopped_by,
        breached_at=row.breached_at,
        late_detected=row.late_detected,
    )


def _began_under(session: Session, runtime: Runtime, row: Clock) -> tuple[ClockRule | None, Pack, str]:
    """The rule and policy version a clock began under; where that version cannot be had, today's and why."""
    from casework.errors import PackError
    from tasks.clock_history import rule_of
    from tasks.policies import PolicyUnknown

    try:
        rule, pack = rule_of(session, runtime.policies, row)
    except PolicyUnknown:
        return None, runtime.pack, "That version is not on record here."
    except PackError:
        return None, runtime.pack, "That version is on record, but this program cannot read it any more."
    return rule, pack, ""


def _history(row: Clock) -> History:
    """What happened to the clock; people's reasons with their links disarmed."""
    from tasks.clock_history import history_of

    history = history_of(row)
    return replace(history, extensions=tuple(replace(one, reason=harmless(one.reason)) for one in history.extensions))


def _letter(row: Letter) -> LetterOnRecord:
    from casework.explain import LetterOnRecord

    return LetterOnRecord(
        id=row.id,
        kind=row.kind,
        to=row.recipient,
        state=row.state,
        created_at=row.created_at,
        sent_at=row.sent_at,
        not_before=row.next_attempt_at,
        attempts=row.attempts,
        reason=harmless(row.reason),
        held=row.held_because,
        digest=row.digest_id,
    )


def _ended_at(events: Sequence[Event]) -> datetime | None:
    """When the case last came to an end; None for one that never did."""
    from casework.lifecycle import MOVES

    ending = {f"moved.{move.action}" for move in MOVES.values() if "case.ended" in move.moments}
    return next((event.at for event in reversed(events) if event.kind in ending), None)


def _decided_under(session: Session, runtime: Runtime, case: CaseFile) -> Pack:
    """The rules that the last approval was judged by; those in force now for a case that has none."""
    from casework.errors import PackError
    from casework.vocabulary import Verdict
    from db.queries.cases import reviews_of_case
    from tasks.policies import PolicyUnknown

    approving = (Verdict.APPROVED, Verdict.URGENT)
    for review in reversed(reviews_of_case(session, case.id)):
        if review.verdict in approving:
            try:
                return runtime.policies.version(session, review.policy_version).at(review.decided_at)
            except (PolicyUnknown, PackError):
                break
    return runtime.pack.at(runtime.now())


def _say(told: Explanation, as_json: bool) -> None:
    def show(console: Console) -> None:
        for line in told.lines:
            said = line.lstrip()
            console.print(Padding(Text(visible(said)), (0, 0, 0, len(line) - len(said))))

    answer(told.data, as_json, show)

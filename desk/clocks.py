"""A case's clocks at the desk: what runs, what stands still, and who gave more time."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer
from rich.console import Console

from casework.vocabulary import PauseReason
from desk.options import As, CaseNumber, Json, Reason, at_work
from desk.output import Row, answer, iso, shown, table

app = typer.Typer(no_args_is_help=True, help="Clocks of a case: list, let stand still, go on, give more time.")

RuleId = Annotated[str, typer.Argument(metavar="RULE", help="Id of the clock's rule; 'qorgan clock list' shows it.")]

Notice = Annotated[
    str,
    typer.Option("--notice", metavar="NUMBER", help="Whose clock, where one runs for each notice.", parser=str.upper),
]


@app.command("list")
def list_all(number: CaseNumber, as_json: Json = False) -> None:
    """List a case's clocks, those that run first."""
    from db.queries.clocks import clocks_of_case
    from db.queries.submissions import submissions_of_case
    from tasks.case_facts import find_case
    from tasks.clock_history import history_of

    runtime = at_work()
    now, zone = runtime.now(), runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        rows: list[Row] = []
        case_id = find_case(session, number).id
        notices = {row.id: row.number for row in submissions_of_case(session, case_id)}
        for clock in clocks_of_case(session, case_id):
            still = history_of(clock).standing_still(now) if clock.state == "running" else None
            rows.append(
                {
                    "rule": clock.rule_id,
                    "notice": notices.get(clock.subject_id, "") if clock.subject_kind == "submission" else "",
                    "state": "stands still" if still else clock.state,
                    "why": still.reason.value if still else clock.stopped_by,
                    "duty": clock.duty,
                    "started_at": iso(clock.started_at, zone),
                    "due_at": iso(clock.due_at, zone),
                    "breached_at": iso(clock.breached_at, zone),
                    "stopped_at": iso(clock.stopped_at, zone),
                    "policy": clock.policy_version,
                }
            )
    rows.sort(key=lambda row: row["state"] not in ("running", "stands still"))

    def show(console: Console) -> None:
        cells = [
            (
                row["rule"],
                row["notice"],
                row["state"],
                row["duty"],
                shown(row["due_at"]),
                shown(row["breached_at"]),
            )
            for row in rows
        ]
        console.print(table(("rule", "notice", "state", "whose", "due", "ran out"), cells))

    answer(rows, as_json, show)


@app.command()
def pause(
    number: CaseNumber,
    rule: RuleId,
    why: Annotated[PauseReason, typer.Option("--for", help="The reason; the clock's rule must list it.")],
    as_user: As,
    reason: Reason,
    notice: Notice = "",
    as_json: Json = False,
) -> None:
    """Let a clock stand still, for a reason that its rule lists. It goes on by itself after the longest pause."""
    from tasks.clock_changes import pause_clock

    runtime = at_work()
    due_at = pause_clock(runtime, number, rule, why, as_user, reason, notice)
    _say(number, rule, "stands still; due at the latest", due_at, as_json)


@app.command()
def resume(
    number: CaseNumber, rule: RuleId, as_user: As, reason: Reason, notice: Notice = "", as_json: Json = False
) -> None:
    """Let a clock that stands still go on."""
    from tasks.clock_changes import resume_clock

    due_at = resume_clock(at_work(), number, rule, as_user, reason, notice)
    _say(number, rule, "goes on; due", due_at, as_json)


@app.command()
def extend(
    number: CaseNumber,
    rule: RuleId,
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Local time, as 2026-04-01 18:30, or with an offset.")
    ],
    as_user: As,
    reason: Reason,
    notice: Notice = "",
    as_json: Json = False,
) -> None:
    """Give a clock more time, within its rule's ceiling; the reporter is told where the rule says so."""
    from casework.errors import QorganError
    from casework.local_time import local_instant
    from tasks.clock_changes import extend_clock

    runtime = at_work()
    try:
        instant = local_instant(until, runtime.pack.authority.zone)
    except ValueError as error:
        raise QorganError(f"--until: {error}", rule="time.unusable") from None
    due_at = extend_clock(runtime, number, rule, instant, as_user, reason, notice)
    _say(number, rule, "is extended; due", due_at, as_json)


def _say(number: str, rule: str, what: str, due_at: datetime, as_json: bool) -> None:
    zone = at_work().pack.authority.zone
    told = f"{number}: {rule} {what} {shown(iso(due_at, zone))}."
    answer({"case": number, "rule": rule, "due_at": iso(due_at, zone)}, as_json, lambda console: console.print(told))

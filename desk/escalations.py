"""Escalations at the desk: who was written to, and who has it in hand."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console

from desk.case_pages import acknowledged
from desk.options import As, Json, Limit, at_work
from desk.output import Row, answer, iso, shown, table

app = typer.Typer(no_args_is_help=True, help="Escalations: rungs raised, and their acknowledgement.")


class Via(StrEnum):
    """How an acknowledgement reached us."""

    MAIL = "mail"
    PHONE = "phone"
    PORTAL = "portal"
    MEETING = "meeting"


@app.command("list")
def list_all(
    case_number: Annotated[
        str | None, typer.Argument(metavar="[CASE]", parser=str.upper, help="Only of this case.")
    ] = None,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List rungs: those that nobody acknowledged first."""
    from desk.questions import escalations
    from tasks.case_facts import find_case

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        case_id = find_case(session, case_number).id if case_number else None
        rows: list[Row] = [
            {
                "id": rung.id,
                "case": number,
                "submission": submission,
                "platform": platform,
                "ladder": rung.ladder,
                "rung": rung.rung,
                "to": rung.recipient,
                "letter": rung.letter,
                "raised_at": iso(rung.raised_at, zone),
                "acknowledged_at": iso(rung.acknowledged_at, zone),
                "acknowledged_by": rung.acknowledged_by,
                "acknowledged_via": rung.acknowledged_via,
            }
            for rung, number, submission, platform in escalations(session, case_id, limit)
        ]

    def show(console: Console) -> None:
        columns = ("id", "about", "platform", "rung", "to", "raised", "acknowledged")
        console.print(
            table(
                columns,
                [
                    (
                        str(row["id"]), row["submission"], row["platform"], str(row["rung"]), row["to"],
                        shown(row["raised_at"]), acknowledged(row),
                    )
                    for row in rows
                ],
                wide=("acknowledged",),
            )
        )  # fmt: skip
        console.print(f"\n{len(rows)} escalation(s), {sum(row['acknowledged_at'] is None for row in rows)} open")

    answer(rows, as_json, show)


@app.command()
def ack(
    escalation_id: Annotated[int, typer.Argument(metavar="ID", min=1, help="Number of the escalation.")],
    as_user: As,
    via: Annotated[Via, typer.Option("--via", help="How it reached us.")],
    as_json: Json = False,
) -> None:
    """Record that the recipient has it in hand: its clock stops, a follow-up clock starts."""
    from tasks.escalation import acknowledge

    runtime = at_work()
    rung = acknowledge(runtime, escalation_id, as_user, via.value)
    done: Row = {
        "id": rung.id,
        "rung": rung.rung,
        "acknowledged_at": iso(rung.acknowledged_at, runtime.pack.authority.zone),
        "acknowledged_by": rung.acknowledged_by,
        "acknowledged_via": rung.acknowledged_via,
    }
    said = f"Escalation {rung.id} (rung {rung.rung}) acknowledged by {via.value}; a follow-up clock runs."
    answer(done, as_json, lambda console: console.print(said))

"""The holding pen at the desk: nothing is lost, everything has a way out."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from casework.vocabulary import Priority, ReportState
from desk.options import As, Json, Limit, Reason, at_work
from desk.output import Row, answer, iso, shown, table, visible

app = typer.Typer(no_args_is_help=True, help="The holding pen: list, settle, read again.")

HeldId = Annotated[int, typer.Argument(metavar="ID", min=1, help="Number in the holding pen.")]


@app.command("list")
def list_all(
    settled: Annotated[bool, typer.Option("--settled", help="What was settled, instead of what waits.")] = False,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List what waits in the holding pen, oldest first."""
    from db.queries.reports import held_items

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        rows: list[Row] = [
            {
                "id": held.id,
                "report": held.report_id,
                "source": visible(held.source),
                "part": held.part,
                "reason": held.reason,
                "message": visible(held.message),
                "next_step": held.next_step,
                "received_at": iso(held.received_at, zone),
                "settled_at": iso(held.settled_at, zone),
                "settled_by": held.settled_by,
                "resolution": visible(held.resolution),
            }
            for held in held_items(session, settled=settled, limit=limit)
        ]

    def show(console: Console) -> None:
        columns = ("id", "source", "what", "reason", "since", "what to do")
        console.print(
            table(
                columns,
                [
                    (
                        str(row["id"]), row["source"], row["part"], row["reason"], shown(row["received_at"])[:16],
                        f"{row['message']}\n→ {row['resolution'] or row['next_step']}",
                    )
                    for row in rows
                ],
                wide=("source", "what to do"),
            )
        )  # fmt: skip
        console.print(f"\n{len(rows)} {'settled' if settled else 'held'}")

    answer(rows, as_json, show)


@app.command()
def settle(held_id: HeldId, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Settle something held, with what was done about it."""
    from tasks.holding_pen import settle_by_hand as settle_held
    from tasks.record import transaction

    runtime = at_work()
    actor = runtime.users.actor(as_user)
    with transaction(runtime) as session:
        settle_held(session, runtime, held_id, actor, reason, runtime.now())
    answer({"id": held_id, "state": "settled"}, as_json, lambda console: console.print(f"Held {held_id} is settled."))


@app.command()
def replay(held_id: HeldId, as_user: As, as_json: Json = False) -> None:
    """Read a held report again under today's rules; if it can be read it leaves the pen."""
    from desk.reports import act_on_danger, as_row
    from tasks.intake import replay as read_again

    runtime = at_work()
    result = read_again(runtime, held_id, as_user)
    if result.priority == Priority.P0 and result.case_number:
        act_on_danger(runtime, [result.case_number])
    still = result.state is ReportState.HELD

    def show(console: Console) -> None:
        if still:
            console.print(f"Held {held_id} stays held: {result.reason}. {visible(result.message)}")
        else:
            console.print(f"Held {held_id} is settled: {result.state.value} {result.case_number or ''}".strip())

    answer(as_row(result), as_json, show)
    if still:
        raise typer.Exit(1)

"""Notices at the desk: the dossier for a portal, its reference, and what the platform did."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from casework.vocabulary import DeliveryState, Outcome
from desk.cases import report_move
from desk.options import As, Json, Limit, Reason, SubmissionNumber, at_work
from desk.output import Row, answer, heading, iso, local, make_console, pairs, priority_text, shown, table, visible

app = typer.Typer(no_args_is_help=True, help="Notices: dossiers, portal references, outcomes.")


@app.command("list")
def list_all(
    state: Annotated[
        DeliveryState | None, typer.Option("--state", help="Only these; 'handed_over' waits for portal entry.")
    ] = None,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List notices: those of the most urgent cases first."""
    from desk.questions import submissions_waiting

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        rows: list[Row] = [
            {
                "number": row.number,
                "case": number,
                "priority": priority,
                "kind": row.kind,
                "platform": row.platform,
                "channel": row.channel,
                "state": row.state,
                "reference": row.platform_reference,
                "created_at": iso(row.created_at, zone),
                "sent_at": iso(row.sent_at, zone),
            }
            for row, number, priority in submissions_waiting(session, state, limit)
        ]

    def show(console: Console) -> None:
        columns = ("number", "", "kind", "platform", "state", "reference", "approved")
        console.print(
            table(
                columns,
                [
                    (
                        row["number"], priority_text(row["priority"]), row["kind"], row["platform"], row["state"],
                        row["reference"] or "", shown(row["created_at"]),
                    )
                    for row in rows
                ],
                wide=("reference",),
            )
        )  # fmt: skip
        console.print(f"\n{len(rows)} notice(s)")

    answer(rows, as_json, show)


@app.command()
def dossier(number: SubmissionNumber, as_user: As, as_json: Json = False) -> None:
    """The approved notice for the officer who enters it, with real links; opening it is on the record.

    With --json: exactly the bytes that legal approved.
    """
    from tasks.submission import dossier as open_dossier

    runtime = at_work()
    payload = open_dossier(runtime, number, as_user)
    if as_json:
        typer.echo(payload, nl=False)
        return
    _show_dossier(make_console(), json.loads(payload), runtime.pack.authority.zone)


def _show_dossier(console: Console, notice: dict[str, Any], zone: str) -> None:
    """In the order in which a portal asks. Long values are never cut: they are there to be copied."""
    warning = "REAL LINKS BELOW: copy them into the portal, never open them. This reading is on the record."
    console.print(Text(warning, style="bold red"))
    heading(console, f"{notice['submission']}  {notice['kind']} to {notice['platform']}")
    pairs(
        console,
        [
            ("answers", notice["in_reply_to"] or ""),
            ("addressee", notice["legal_entity"]),
            ("authority", f"{notice['authority']['name']}, {notice['authority']['unit']}"),
            ("contact", notice["authority"]["email"]),
            ("urgency", notice["urgency"].replace("_", " ")),
            ("instrument", f"{notice['instrument']}, on {notice['ground']}"),
            ("asked for", f"{notice['requested_action']} in {', '.join(notice['territories'])}"),
            ("policy line", visible(notice["policy_line"])),
            ("reasons", visible(notice["reasons"])),
            ("proportionality", visible(notice["proportionality"])),
            ("redress", notice["redress"]),
            ("preserve data", "yes" if notice["preserve"] else ""),
            ("DSA category", " ".join(filter(None, (notice["dsa"]["category"], notice["dsa"]["keyword"])))),
        ],
    )
    if notice["legal_basis"]:
        heading(console, "Legal basis")
        for basis in notice["legal_basis"]:
            console.print(f"{basis['citation']} ({basis['code']}{'' if basis['verified'] else ', unverified'})")
    heading(console, "Items")
    for item in notice["items"]:
        seen = f", seen {local(datetime.fromisoformat(item['observed_at']), zone)}" if item["observed_at"] else ""
        console.print(f"{item['item']}. {item['kind']}, {item['category']}{seen}")
        console.print(f"   {visible(item['url'])}", soft_wrap=True)
    console.print()
    console.print(f"Then: qorgan submission record-reference {notice['submission']} REFERENCE --as USER")


@app.command("record-reference")
def record_reference(
    number: SubmissionNumber,
    reference: Annotated[str, typer.Argument(help="The platform's reference for the notice.")],
    as_user: As,
    as_json: Json = False,
) -> None:
    """The officer has entered the dossier (or found it in the portal): record the platform's reference."""
    from tasks.submission import record_reference as record

    runtime = at_work()
    record(runtime, number, reference, as_user)
    report_move(runtime, _case_of(number), as_json)


@app.command("record-outcome")
def record_outcome(
    number: SubmissionNumber,
    item: Annotated[int, typer.Argument(min=1, help="Number of the item inside the case.")],
    outcome: Annotated[Outcome, typer.Argument(help="What the platform did.")],
    as_user: As,
    reason: Annotated[str, typer.Option("--reason", help="The platform's reason or question, in its words.")] = "",
    as_json: Json = False,
) -> None:
    """Record what a portal shows about one item."""
    from tasks.collect_outcomes import record_outcome as record

    runtime = at_work()
    record(runtime, number, item, outcome, as_user, reason)
    report_move(runtime, _case_of(number), as_json)


@app.command()
def drop(number: SubmissionNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Give up a notice that the platform refused; its items count as 'no action'."""
    from tasks.submission import drop_submission

    runtime = at_work()
    drop_submission(runtime, number, as_user, reason)
    report_move(runtime, _case_of(number), as_json)


@app.command()
def appeal(number: SubmissionNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Ask the platform to look again at items that it left or acted on in part. The platform reads the reason."""
    from tasks.platform_requests import appeal as ask

    letter = ask(at_work(), number, as_user, reason)
    answer({"letter": letter}, as_json, lambda console: console.print(f"Letter {letter} goes with the next run."))


def _case_of(number: str) -> str:
    return number.partition("/")[0]

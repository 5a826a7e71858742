"""Retention at the desk: legal holds, what would be erased, what was, and a person's word before a large erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from desk.options import As, CaseNumber, Json, Limit, Reason, at_work
from desk.output import Row, answer, iso, make_console, shown, table, visible

if TYPE_CHECKING:
    from tasks.retention import Outcome
    from tasks.runtime import Runtime

holds = typer.Typer(no_args_is_help=True, help="Legal holds: nothing of a case that is held is ever erased.")
app = typer.Typer(no_args_is_help=True, help="Erase what the policy pack no longer keeps.")


@holds.command()
def place(number: CaseNumber, as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Keep every record of a case, and of those that hang together with it."""
    from tasks.legal_holds import place_hold

    hold = place_hold(at_work(), number, as_user, reason)
    said = f"{number} is held (hold {hold}); somebody else lifts it."
    answer({"case": number, "hold": hold, "state": "placed"}, as_json, lambda console: console.print(said))


@holds.command()
def lift(
    number: CaseNumber,
    as_user: As,
    reason: Reason,
    hold: Annotated[int | None, typer.Option("--hold", metavar="ID", min=1, help="Which, where several hold it.")] = (
        None
    ),
    as_json: Json = False,
) -> None:
    """Lift a hold that somebody else placed; the periods of the policy pack count again."""
    from tasks.legal_holds import lift_hold

    lifted = lift_hold(at_work(), number, as_user, reason, hold)
    said = f"Hold {lifted} of {number} is lifted."
    answer({"case": number, "hold": lifted, "state": "lifted"}, as_json, lambda console: console.print(said))


@holds.command("list")
def list_holds(
    number: Annotated[str | None, typer.Argument(metavar="CASE", help="One case, with what was lifted.")] = None,
    limit: Limit = 200,
    as_json: Json = False,
) -> None:
    """List the holds that stand, oldest first; of one case, all it ever had."""
    from db.queries.retention import holds_of_case, open_holds
    from tasks.case_facts import find_case

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        if number is None:
            found = list(open_holds(session, limit))
        else:
            case = find_case(session, number.upper())
            found = [(hold, case.number) for hold in holds_of_case(session, case.id)]
    rows: list[Row] = [
        {
            "hold": hold.id,
            "case": case_number,
            "placed_by": hold.placed_by,
            "placed_at": iso(hold.placed_at, zone),
            "reason": visible(hold.reason),
            "lifted_by": hold.lifted_by,
            "lifted_at": iso(hold.lifted_at, zone),
        }
        for hold, case_number in found
    ]

    def show(console: Console) -> None:
        lines = [
            (
                str(row["hold"]), row["case"], f"{row['placed_by']} {shown(row['placed_at'])[:16]}",
                f"{row['lifted_by'] or ''} {shown(row['lifted_at'])[:16]}".strip(), row["reason"],
            )
            for row in rows
        ]  # fmt: skip
        console.print(table(("hold", "case", "placed", "lifted", "reason"), lines, wide=("reason",)))

    answer(rows, as_json, show)


@app.command()
def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go; change nothing.")] = False,
    limit: Limit = 1_000,
    as_json: Json = False,
) -> None:
    """Erase what is due, one case a transaction. A large erasure waits until a person has confirmed it."""
    from tasks.retention import preview

    runtime = at_work()
    found = preview(runtime, limit=limit) if dry_run else _erase(runtime, limit, quiet=as_json)
    data: Row = {
        "dry_run": dry_run,
        "run": found.run,
        "due": found.due,
        "erased": found.erased,
        "rows": dict(found.rows),
        "kept": found.kept,
        "failed": found.failed,
        "waits_for_confirmation": found.waits,
    }

    def show(console: Console) -> None:
        verb = "would be erased" if dry_run else "erased"
        console.print(f"{found.due} due; {found.due if dry_run else found.erased} {verb}.")
        if found.rows:
            console.print(table(("table", "rows"), [(name, str(count)) for name, count in found.rows.most_common()]))
        for number, because in found.kept.items():
            console.print(f"Kept: {because}." if because.startswith(number) else f"Kept: {number}, as {because}.")
        for name in found.failed:
            console.print(f"{name} failed; nothing of it was erased, and the next run tries again.")
        if found.waits:
            console.print("So many wait for a person: look at this list, then 'qorgan retention confirm'.")

    answer(data, as_json, show)
    if found.failed:
        raise typer.Exit(1)


def _erase(runtime: Runtime, limit: int, *, quiet: bool) -> Outcome:
    from tasks.retention import erase_due

    console = make_console(stderr=True)
    columns = (TextColumn("erasing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal) as bar:
        job = bar.add_task("erasing", total=None)
        return erase_due(runtime, limit=limit, progress=lambda done, of: bar.update(job, completed=done, total=of))


@app.command()
def confirm(as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Let the erasure that waits go ahead; the next run begins it."""
    from tasks.retention import confirm as give_word

    due = give_word(at_work(), as_user, reason)
    said = f"The next run may erase from {due}."
    answer({"due": due, "state": "confirmed"}, as_json, lambda console: console.print(said))


@app.command("show")
def show_erased(number: CaseNumber, as_json: Json = False) -> None:
    """Show what of a case was erased: when, under which rule, by which run."""
    from db.queries.retention import erasures_of_case, tombstones_of
    from tasks.case_facts import find_case

    runtime = at_work()
    zone = runtime.pack.authority.zone
    with runtime.sessions.read() as session:
        erasures = erasures_of_case(session, find_case(session, number).id)
        stones = tombstones_of(session, [erasure.id for erasure in erasures])
    rows: list[Row] = [
        {
            "record": erasure.record,
            "erased_at": iso(erasure.erased_at, zone),
            "rule": erasure.rule,
            "policy_version": erasure.policy_version,
            "run": erasure.run_id,
            "event": erasure.event_seq,
            "rows": [
                {"table": stone.table_name, "row": stone.row_id, "hash": stone.content_hash}
                for stone in stones
                if stone.erasure_id == erasure.id
            ],
        }
        for erasure in erasures
    ]

    def show(console: Console) -> None:
        for row in rows:
            console.print(f"{row['record']}: {len(row['rows'])} row(s) erased on {shown(row['erased_at'])[:16]}")
            console.print(f"  under {row['rule']} ({row['policy_version']}); run {row['run']}, event {row['event']}")
        if not rows:
            console.print("Nothing was erased.")

    answer(rows, as_json, show)

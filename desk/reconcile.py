"""`qorgan reconcile`: put right what a crash or a lost server left behind, from the command line and after a deploy."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from desk.options import Json, at_work
from desk.output import answer, table, warn
from desk.wake import wake

if TYPE_CHECKING:
    from tasks.reconcile import Reconciled


def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would put right; change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Compare cases, letters, leases, runs and schedules, and put right what nobody would go on with."""
    from tasks import reconcile as work

    runtime = at_work()
    result = work.reconcile(runtime, dry_run=dry_run)
    if not dry_run:
        wake(result.lanes)
    answer(result.as_dict(), as_json, lambda console: _show(console, result))
    for said in result.failed:
        warn(said)
    if result.failed:
        raise typer.Exit(1)


def _show(console: Console, result: Reconciled) -> None:
    if result.prefect != "asked":
        console.print(f"Only the case file was looked at: Prefect is {result.prefect}.")
    if not result.found:
        console.print("All in order.")
        return
    verb = "put right" if result.mended else "to put right"
    console.print(f"{len(result.found)} {verb}: {_counts(result)}.")
    rows = [(trouble.what.replace("_", " "), trouble.said) for trouble in result.found]
    console.print(table(("what", "found"), rows, wide=("found",)))


def _counts(result: Reconciled) -> str:
    counts = Counter(trouble.what.replace("_", " ") for trouble in result.found)
    return ", ".join(f"{count} {what}" for what, count in counts.items())

"""Operating: drive, sweep, collect, audit, doctor, policy check. All in this process, without Prefect."""

from __future__ import annotations

import os
import socket
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.text import Text

from casework.vocabulary import Lane
from desk.findings import Part
from desk.options import Json, Limit, at_work
from desk.output import Row, answer, make_console, table
from desk.reports import lanes_with_work
from desk.wake import wake

if TYPE_CHECKING:
    from tasks.runtime import Runtime

audit = typer.Typer(no_args_is_help=True, help="Proof that nothing was altered and nothing lost.")


def drive(
    lane: Annotated[
        Lane | None, typer.Option("--lane", help="One lane; by default children first, then the rest.")
    ] = None,
    limit: Limit = 1_000,
    as_json: Json = False,
) -> None:
    """Take ready cases as far as they go, most urgent first, in this process."""
    from tasks.case_lifecycle import advance, set_aside

    runtime = at_work()
    waits: Row = {}
    failed: Row = {}
    console = make_console(stderr=True)
    numbers = _claimed(runtime, [lane] if lane else list(Lane), limit)
    for number in track(
        numbers, "driving", console=console, transient=True, disable=as_json or not console.is_terminal
    ):
        try:
            waits[number] = advance(runtime, number).name
        except Exception as error:
            # A case that fails is set aside; the others go on.
            set_aside(runtime, number, error)
            failed[number] = type(error).__name__
    counts = Counter(waits.values())

    def show(out: Console) -> None:
        out.print(f"{len(waits)} driven, {len(failed)} failed.")
        if counts:
            out.print(table(("now", "cases"), [(name, str(count)) for name, count in counts.most_common()]))
        for number, kind in failed.items():
            out.print(f"{number} failed ({kind}); it is set aside and tried again later.")

    answer({"driven": waits, "failed": failed, "waits": dict(counts)}, as_json, show)
    if failed:
        raise typer.Exit(1)


def _claimed(runtime: Runtime, lanes: list[Lane], limit: int) -> Iterator[str]:
    """One after another, so that what becomes ready meanwhile finds its place by urgency."""
    from tasks.claims import Claims

    owner = f"desk:{socket.gethostname()}:{os.getpid()}"[:80]
    left = limit
    for lane in lanes:
        with Claims(runtime, lane.value, owner, left) as claims:
            while (number := claims.take()) is not None:
                left -= 1
                yield number
                claims.done(number)


def sweep(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would do and send; change nothing.")] = False,
    confirmed: Annotated[
        int | None,
        typer.Option("--confirm", min=0, metavar="LETTERS", help="Let a first sweep go that writes at most so many."),
    ] = None,
    as_user: Annotated[str, typer.Option("--as", metavar="USER", help="Who confirms it.")] = "",
    reason: Annotated[str, typer.Option("--reason", help="Why it may go.")] = "",
    as_json: Json = False,
) -> None:
    """Act on every deadline that has come: warnings, breaches, rungs, lapses.

    The first one after a restore or an import writes nothing where it would write many letters, until it is confirmed.
    """
    from tasks import sla_sweep

    runtime = at_work()
    letters: list[Row] = []
    if dry_run:
        result, would = sla_sweep.preview(runtime)
        letters = [{"case": case, "letter": kind, "to": to.partition(":")[0]} for case, kind, to in would]
    else:
        if confirmed is not None:
            sla_sweep.confirm(runtime, confirmed, as_user, reason)
        result = sla_sweep.sweep(runtime)
        wake(lanes_with_work(runtime))
    data: Row = {"dry_run": dry_run, **result.as_dict(), "letters": letters}

    def show(console: Console) -> None:
        verb = "would be handled" if dry_run else "handled"
        console.print(
            f"{result.clocks} clock(s) {verb}: {result.warned} warned, {result.breached} ran out"
            f" ({result.late} found late), {result.rungs} rung(s), {result.lapsed} lapsed."
        )
        if letters:
            console.print("\nLetters it would write:")
            console.print(table(("case", "letter", "to"), [(row["case"], row["letter"], row["to"]) for row in letters]))
        elif dry_run:
            console.print("It would write no letter.")
        for number in result.failed:
            console.print(f"{number}: a clock could not be handled; it is tried again in an hour.")
        if result.would is not None:
            console.print(
                f"\nThis first sweep would write {result.would.letters} letters and raise {result.would.rungs} rungs."
                f" Nothing was written for it.\nRead 'qorgan sweep --dry-run', then 'qorgan sweep --confirm"
                f" {result.would.letters} --as USER --reason …'."
            )

    answer(data, as_json, show)
    if result.failed or result.would is not None:
        raise typer.Exit(1)


def collect(as_json: Json = False) -> None:
    """Read the platforms' answers; the next drive acts on them."""
    from tasks.collect_outcomes import collect as read_answers

    runtime = at_work()
    found = read_answers(runtime)
    wake(lanes_with_work(runtime))
    said = f"{found.recorded} outcome(s) recorded, {found.repeated} known already, {found.held} held."
    if found.down:
        said += f" Not reachable: {', '.join(found.down)}; nothing is lost, the next run asks again."
    data: Row = {
        "recorded": found.recorded,
        "repeated": found.repeated,
        "held": found.held,
        "down": list(found.down),
    }
    answer(data, as_json, lambda console: console.print(said))
    if found.down:
        raise typer.Exit(1)


@audit.command("verify")
def verify(as_json: Json = False) -> None:
    """Walk the event log from its first event; fails at the first that does not add up."""
    from tasks.audit import chain_mark, verify_chain

    count = verify_chain(at_work())
    head = chain_mark(at_work())[1]
    said = (
        f"{count} events; the chain verifies, and every case's status agrees with its log.\n"
        f"Head {head}\nNote the head down outside this machine: it proves later that nothing before it was changed."
    )
    answer({"events": count, "verified": True, "head": head}, as_json, lambda console: console.print(said))


@audit.command("invariants")
def invariants(as_json: Json = False) -> None:
    """Check what must hold at every moment against the case file as it is."""
    from tasks.invariants import invariants as check_all

    checks = check_all(at_work())
    data: list[Row] = [{"name": check.name, "holds": check.holds, "detail": check.detail} for check in checks]

    def show(console: Console) -> None:
        rows = [
            (
                Text("holds", style="green") if check.holds else Text("BROKEN", style="bold red"),
                check.name,
                check.detail,
            )
            for check in checks
        ]
        console.print(table(("", "what must hold", "found"), rows, wide=("what must hold", "found")))

    answer(data, as_json, show)
    if not all(check.holds for check in checks):
        raise typer.Exit(1)


def doctor(
    only: Annotated[
        list[Part] | None, typer.Option("--only", help="This part alone; may be given again. By default everything.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Is this installation fit to work? Fails when a check fails; a warning alone does not."""
    from desk.findings import Verdict
    from desk.health import examine
    from tasks.settings import Settings

    findings = examine(Settings().with_sandbox(), datetime.now(UTC), only or tuple(Part))
    data: list[Row] = [
        {"check": found.check, "verdict": found.verdict.value, "said": found.said, "remedy": found.remedy}
        for found in findings
    ]
    styles = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAILED: "bold red"}

    def show(console: Console) -> None:
        rows = [
            (
                Text(found.verdict.value, style=styles[found.verdict]), found.check,
                found.said + (f"\n→ {found.remedy}" if found.remedy else ""),
            )
            for found in findings
        ]  # fmt: skip
        console.print(table(("", "check", "found, and what to do"), rows, wide=("found, and what to do",)))

    answer(data, as_json, show)
    if any(found.verdict is Verdict.FAILED for found in findings):
        raise typer.Exit(1)

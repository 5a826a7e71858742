"""Reports in: files and folders, each report answered; danger to a child acted on before the next batch is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from casework.errors import CaseMovedMeanwhile, QorganError
from casework.vocabulary import Lane, Priority, ReportState
from desk.options import As, Json, at_work
from desk.output import Row, answer, make_console, priority_text, table, visible, warn
from desk.wake import wake

if TYPE_CHECKING:
    from casework.report_formats import RawReport
    from tasks.intake_results import Found, TakenIn
    from tasks.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Reports: take them in.")

LARGEST_FILE = 512 * 1024 * 1024
"""Bytes of one file; a larger one is split by whoever has it."""

LONGEST_TABLE = 500
"""Rows that a person is shown; above, only what needs a look. --json shows every one."""

RESULT = {ReportState.CASE: "created", ReportState.DUPLICATE: "duplicate", ReportState.HELD: "held"}


@app.command()
def add(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", exists=True, readable=True, help="JSONL, JSON, CSV, .eml, or folders."),
    ],
    as_user: As,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read everything, write nothing.")] = False,
    no_drive: Annotated[bool, typer.Option("--no-drive", help="Only take in; the schedule does the rest.")] = False,
    as_json: Json = False,
) -> None:
    """Take reports in. Each becomes a case, a duplicate or a held report; none is lost."""
    from tasks.intake import take_in, take_in_batches
    from tasks.switches import guard_after_import

    paths = list(_in_name_order(files))
    _refuse_too_large(paths)
    runtime = at_work()
    reading = _Reading(paths)
    results: list[TakenIn] = []
    if dry_run:
        results = take_in(runtime, reading, as_user, dry_run=True)
    else:
        with reading.progress(quiet=as_json) as bar:
            for batch in take_in_batches(runtime, reading, as_user):
                results += batch
                bar.advance(reading.task, len(batch))
                if not no_drive:
                    act_on_danger(runtime, _in_danger(batch))
        guard_after_import(runtime, sum(result.state is ReportState.CASE for result in results))
        if not no_drive and results:
            wake(lanes_with_work(runtime))
    _answer(results, as_json, dry_run)
    if reading.unreadable:
        names = ", ".join(reading.unreadable)
        raise QorganError(
            f"{len(reading.unreadable)} file(s) could not be read: {names}; everything else was taken in",
            rule="intake.file_unreadable",
            next_step="Correct them and hand them in again.",
        )


@app.command()
def resume(as_json: Json = False) -> None:
    """Read what an earlier intake stored and did not get to read. Not while another intake is running."""
    from tasks.intake import read_stored

    runtime = at_work()
    results = read_stored(runtime)
    act_on_danger(runtime, _in_danger(results))
    if results:
        wake(lanes_with_work(runtime))
    _answer(results, as_json, dry_run=False)


def _in_name_order(given: Iterable[Path]) -> Iterator[Path]:
    """Files as they were named; a folder gives its files in name order, hidden ones left out."""
    for path in given:
        if not path.is_dir():
            yield path
            continue
        inside = sorted(path.rglob("*"), key=lambda found: found.relative_to(path).as_posix())
        for found in inside:
            if found.is_file() and not any(part.startswith(".") for part in found.relative_to(path).parts):
                yield found


def _refuse_too_large(paths: Iterable[Path]) -> None:
    for path in paths:
        size = path.stat().st_size
        if size > LARGEST_FILE:
            raise QorganError(
                f"{path.name} has {size / 1024**2:,.0f} MB, and one file may have {LARGEST_FILE // 1024**2};"
                " nothing was taken in",
                rule="intake.file_too_large",
                next_step="Split it and hand the parts in.",
            )


class _Reading:
    """Raw reports of files, one file in memory at a time. A file that cannot be read is named, the rest go on."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.unreadable: list[str] = []
        self._paths = paths
        self._bar = Progress(disable=True)
        self.task = self._bar.add_task("")

    def __iter__(self) -> Iterator[RawReport]:
        from casework.report_formats import split_file

        for path in self._paths:
            try:
                data = path.read_bytes()
            except OSError:
                self.unreadable.append(path.name)
                continue
            self._bar.update(self.task, description=visible(path.name), total=self._expected(path, data))
            yield from split_file(path.name, data)

    def progress(self, *, quiet: bool) -> Progress:
        """The bar over everything read; on stderr, and only where a person watches."""
        console = make_console(stderr=True)
        self._bar = Progress(
            SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            console=console, transient=True, disable=quiet or not console.is_terminal,
        )  # fmt: skip
        self.task = self._bar.add_task("reading", total=0)
        return self._bar

    def _expected(self, path: Path, data: bytes) -> float:
        """Reports expected so far, by lines where a line is a report."""
        before = self._bar.tasks[0].total or 0
        by_lines = path.suffix.lower() in (".jsonl", ".csv")
        return before + (data.count(b"\n") if by_lines else 1)


def _in_danger(results: Iterable[TakenIn]) -> list[str]:
    return list(dict.fromkeys(r.case_number for r in results if r.case_number and r.priority == Priority.P0))


def act_on_danger(runtime: Runtime, numbers: Sequence[str]) -> None:
    """Danger to a child: letters first, then the case as far as it goes. What fails is a warning, never a loss."""
    from tasks.case_lifecycle import advance, set_aside

    if not numbers:
        return
    _send_urgent(runtime)
    for number in numbers:
        try:
            advance(runtime, number)
        except CaseMovedMeanwhile:
            continue
        except Exception as error:
            # One case that fails must not keep the next child waiting.
            set_aside(runtime, number, error)
            warn(f"{number} could not be driven now ({type(error).__name__}); the schedule tries it again.")


def _send_urgent(runtime: Runtime) -> None:
    from tasks.correspondence import send_letters

    if runtime.mailer.host is None:
        warn(f"no mail server is set: police referral and duty alert are stored and wait. {_CALL}")
        return
    sent = send_letters(runtime, urgent_only=True)
    waiting = sent.later + sent.repeated
    if waiting or sent.look_at:
        warn(f"{waiting + len(sent.look_at)} urgent letter(s) did not go out; they are stored. {_CALL}")


_CALL = "Call the police and the duty officer; 'qorgan letters list' shows the letters."


def lanes_with_work(runtime: Runtime) -> list[str]:
    """Lanes in which the system could drive a case now."""
    from tasks.case_lifecycle import ready

    return [lane.value for lane in Lane if ready(runtime, lane)]


def as_row(result: TakenIn) -> Row:
    """What became of one report, as plain values."""
    return {
        "source": visible(result.source),
        "row": result.row,
        "report": result.report_id,
        "result": RESULT[result.state],
        "case": result.case_number,
        "priority": result.priority,
        "reason": result.reason,
        "message": visible(result.message),
        "found": None if result.found is None else _found(result.found),
    }


def _found(found: Found) -> Row:
    return {
        "items": found.items,
        "category": found.category,
        "language": found.language,
        "authority": visible(found.authority),
        "legal_basis": [visible(basis) for basis in found.legal_basis],
        "missing": list(found.missing),
    }


def _answer(results: Sequence[TakenIn], as_json: bool, dry_run: bool) -> None:
    rows = [as_row(result) for result in results]
    counts = Counter(row["result"] for row in rows)
    urgent = Counter(result.priority for result in results if result.state is ReportState.CASE)
    totals: Row = {
        "reports": len(rows),
        "created": counts["created"],
        "duplicates": counts["duplicate"],
        "held": counts["held"],
        "by_priority": {level.value: urgent[level.value] for level in Priority},
    }

    def show(console: Console) -> None:
        shown_rows = rows
        if len(rows) > LONGEST_TABLE:
            shown_rows = [row for row in rows if row["result"] == "held" or row["priority"] == Priority.P0]
            shown_rows = shown_rows[:LONGEST_TABLE]
            console.print("Only P0 and what is held is listed; --json lists every report.", style="dim")
        console.print(
            table(
                ("source", "row", "result", "case", "", "reason"),
                [
                    (
                        row["source"], str(row["row"]), row["result"], row["case"] or "",
                        priority_text(row["priority"] or ""), _reason(row),
                    )
                    for row in shown_rows
                ],
                wide=("source", "reason"),
            )
        )  # fmt: skip
        by = ", ".join(f"{count} {level}" for level, count in totals["by_priority"].items() if count)
        console.print(
            f"\n{totals['reports']} reports: {totals['created']} created" + (f" ({by})" if by else "")
            + f", {totals['duplicates']} duplicates, {totals['held']} held."
        )  # fmt: skip
        if dry_run:
            console.print("A dry run: nothing was written; the case numbers will be others.")

    answer({"dry_run": dry_run, "reports": rows, "totals": totals}, as_json, show)


def _reason(row: Row) -> str:
    if row["result"] == "duplicate":
        return str(row["reason"]).replace("_", " ")
    said = [": ".join(part for part in (row["reason"], row["message"]) if part)]
    found = row["found"]
    if found is not None:
        items = f"{found['items']} item" + ("" if found["items"] == 1 else "s")
        basis = f"cites {found['legal_basis'][0]}" if found["legal_basis"] else ""
        read = (found["category"].replace("_", " "), found["language"], items, found["authority"], basis)
        said.append(", ".join(part for part in read if part))
        if found["missing"]:
            said.append(f"the gate misses: {', '.join(found['missing']).replace('_', ' ')}")
    return "; ".join(part for part in said if part)

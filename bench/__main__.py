"""``python -m bench``: run all parts, show the figures; exit status 1 when a target is missed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import Progress, TaskID

from bench.child import PartError, Tick, run_part
from bench.page import write_page
from bench.report import TARGETS, Figure, Target, all_met, as_data, as_table

PARTS = (
    "drive", "drive_postgres", "lifecycle", "scaling", "lanes", "volume",
    "intake", "sweep", "letters", "mail", "law", "simulate",
)  # fmt: skip

RunPart = Callable[[str, bool, Tick], list[Figure]]


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Qorgan against its targets.")
    parser.add_argument("--json", metavar="FILE", help="write the figures there too; - for standard output")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put them in this page, between its marks")
    parser.add_argument("--only", choices=(*PARTS, "memory"), help="show these figures; memory needs every part")
    parser.add_argument("--quick", action="store_true", help="smaller, and less sure")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None, *, run: RunPart = run_part, targets: Mapping[str, Target] = TARGETS) -> int:
    """0 when every target is met, 1 when one is missed or a part fails."""
    wanted = _arguments(argv)
    people = Console(stderr=wanted.json == "-", width=None if sys.stdout.isatty() else 140)
    parts = [part for part in PARTS if wanted.only in (None, "memory", part)]
    figures: list[Figure] = []
    failed: dict[str, PartError] = {}

    def keep(left: Sequence[str]) -> None:
        """What is measured is written after every part: a run that is stopped takes none of it away."""
        if wanted.json not in (None, "-"):
            Path(wanted.json).write_text(_as_json(figures, targets, wanted.quick), encoding="utf-8")
        if wanted.page is not None:
            write_page(wanted.page, figures, targets, at=datetime.now(UTC), failed=list(failed), left=left)

    for count, (part, measured) in enumerate(_run(parts, wanted.quick, run), start=1):
        if isinstance(measured, PartError):
            failed[part] = measured
        else:
            figures += [one for one in measured if wanted.only is None or one.name.startswith(f"{wanted.only}.")]
        keep(parts[count:])
    for failure in failed.values():
        Console(stderr=True).print(str(failure), markup=False)
    people.print(as_table(figures, targets))
    if wanted.json == "-":
        sys.stdout.write(_as_json(figures, targets, wanted.quick))
    return 0 if all_met(figures, targets) and not failed else 1


def _run(parts: Sequence[str], quick: bool, run: RunPart) -> Iterator[tuple[str, list[Figure] | PartError]]:
    """One part after the other, with a bar for each: they must not take each other's time.

    A part that fails takes nothing from the others.
    """
    with Progress(console=Console(stderr=True)) as progress:
        bars = {part: progress.add_task(part, total=None, start=False) for part in parts}
        for part, bar in bars.items():
            progress.start_task(bar)
            try:
                measured: list[Figure] | PartError = run(part, quick, partial(_show, progress, bar))
            except PartError as failure:
                measured = failure
            yield part, measured


def _as_json(figures: Sequence[Figure], targets: Mapping[str, Target], quick: bool) -> str:
    return json.dumps(as_data(figures, targets, quick=quick), indent=2) + "\n"


def _show(progress: Progress, bar: TaskID, done: int, steps: int) -> None:
    progress.update(bar, completed=done, total=steps)


if __name__ == "__main__":
    sys.exit(main())

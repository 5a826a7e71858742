"""``python -m tools.proof_failures``: the crash matrix and the monkey, and their tables.

The tables go to docs/proof-failures.md and, as JSON, to var/proof-failures.json. Every figure in them comes from the
run that has just ended. Ends with 1 when anything was broken. ``--no-write`` only runs and prints.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from importlib.metadata import version

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tasks.logs import configure_logs
from tests.database import PostgresServer, running_postgres
from tests.prove.crash_matrix import Tried, all_ways, run
from tests.prove.lab import Lab, laboratory
from tests.prove.monkey import Monkey, Result
from tests.prove.ways import WAYS
from tests.prove.workers import SPEED
from tools.generate_docs import ROOT
from tools.markdown import table

PAGE, JSON = ROOT / "docs" / "proof-failures.md", ROOT / "var" / "proof-failures.json"
SHOWN = 20
"""So many broken things are printed in full."""


@dataclass
class Proof:
    """Everything that one run saw."""

    minutes: float
    seed: int
    seconds: float = 0.0
    matrix: list[Tried] = field(default_factory=list)
    monkeys: list[Result] = field(default_factory=list)

    @property
    def broken(self) -> list[str]:
        found = [f"{row.way}, {row.step}, {row.point}, {row.database}: {said}"
                 for row in self.matrix for said in row.broken]  # fmt: skip
        return found + [
            f"monkey on {monkey.database}: {check.name}: {check.detail}"
            for monkey in self.monkeys
            for check in monkey.broken
        ]


def prove(minutes: float, seed: int, every: int, console: Console) -> Proof:
    """The matrix at every n-th point on both databases, then the monkey, half of the minutes on each."""
    proof, began = Proof(minutes, seed), time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress, running_postgres() as server:
        for database in (None, server):
            with _laboratory(database) as lab:
                for way in WAYS:
                    bar = progress.add_task(f"crash matrix, {lab.name}: {way}", total=None)
                    found = run(
                        lab, way, every=every,
                        seen=lambda done, of, bar=bar: progress.update(bar, completed=done, total=of),
                    )  # fmt: skip
                    proof.matrix += found.rows.values()
        for database in (None, server):
            with _laboratory(database) as lab:
                proof.monkeys.append(_monkey(lab, 30 * minutes, seed, progress))
    proof.seconds = round(time.monotonic() - began)
    return proof


@contextmanager
def _laboratory(server: PostgresServer | None) -> Iterator[Lab]:
    with laboratory(all_ways, server) as lab:
        yield lab


def _monkey(lab: Lab, seconds: float, seed: int, progress: Progress) -> Result:
    bar = progress.add_task(f"monkey, {lab.name}", total=round(seconds))

    def seen(gone: float, faults: Counter[str]) -> None:
        progress.update(bar, completed=round(gone), description=f"monkey, {lab.name}: {sum(faults.values())} faults")

    result = Monkey(lab, seed).run(seconds, seen)
    progress.update(bar, completed=round(seconds))
    return result


def page(proof: Proof) -> str:
    """The page for docs/."""
    tried = sum(row.tried for row in proof.matrix)
    faults = sum(sum(monkey.faults.values()) for monkey in proof.monkeys)
    broken = f"**{len(proof.broken)} things were broken.**" if proof.broken else "Nothing was broken."
    return f"""# The proof under failure

Written by `make prove` from its own run of {proof.seconds / 60:.0f} minutes: a process died at {tried:,} points, and
{faults:,} faults were injected under load. {broken}

What must hold is one module, `tasks/invariants.py`, which `qorgan audit invariants`, the demo and the tests share.
`tasks/outside.py` holds the practice platform's and the practice mailbox's own view against the case file.

## Crash matrix

For each point: everything is put back to before the step; a process does the step, and is killed by SIGKILL at that
point: before or after a commit, before or after a word to the mail server, before or after a call to the platform.
Eleven minutes later another process reconciles, does the step again and all that follow. *Recovered* says that the
case file is sound, that platform and recipients have everything once, and that the case came to the same end as
undisturbed.

{table(("step", "database", "commit", "mail", "platform", "recovered", "broken"), _matrix(proof.matrix))}

## Monkey

Seven processes work on one case file as a worker's runs do, at {SPEED} times the speed of time, each with a clock of
its own that is up to five minutes off. Meanwhile reports come in, some twice, some unreadable, and recipients answer.
The choice of faults follows from the seed, {proof.seed}. Then the faults stop, and everything must come to rest.

{table(("what", *(monkey.database for monkey in proof.monkeys)), _load(proof.monkeys))}

### Faults

{table(("fault", *(monkey.database for monkey in proof.monkeys)), _faults(proof.monkeys))}

### What must hold

{table(("what must hold", *(monkey.database for monkey in proof.monkeys)), _checks(proof.monkeys))}

## Machine and versions

{table(("what", "is"), _machine())}
"""


def _kind(point: str) -> str:
    return "commit" if "commit" in point else "platform" if "platform" in point else "mail"


def _matrix(rows: Sequence[Tried]) -> Iterable[Sequence[object]]:
    """One row for each step of each way and database, in the order of the ways."""
    places = dict.fromkeys((row.way, row.step, row.database) for row in rows)
    for way, step, database in places:
        here = [row for row in rows if (row.way, row.step, row.database) == (way, step, database)]
        tried = Counter[str]()
        for row in here:
            tried[_kind(row.point)] += row.tried
        broken = sum(row.tried - row.recovered for row in here)
        counts = (tried[kind] or "" for kind in ("commit", "mail", "platform"))
        recovered = f"{sum(row.recovered for row in here)} of {sum(tried.values())}"
        yield f"{way}: {step}", database, *counts, recovered, f"**{broken}**" if broken else 0
    total = Counter[str]()
    for row in rows:
        total[_kind(row.point)] += row.tried
    recovered = sum(row.recovered for row in rows)
    counts = (total[kind] for kind in ("commit", "mail", "platform"))
    yield "all", "both", *counts, f"{recovered:,} of {sum(total.values()):,}", sum(total.values()) - recovered


def _load(monkeys: Sequence[Result]) -> Iterable[Sequence[object]]:
    yield "seconds of faults under load", *(f"{monkey.seconds:,.0f}" for monkey in monkeys)
    yield "reports in", *(f"{monkey.reports:,}" for monkey in monkeys)
    yield "cases", *(f"{monkey.cases:,}" for monkey in monkeys)
    yield "notices", *(f"{monkey.notices:,}" for monkey in monkeys)
    yield "letters that recipients have", *(f"{monkey.mails:,}" for monkey in monkeys)
    yield "rounds of six hours until all was at rest", *(monkey.rounds for monkey in monkeys)
    yield "faults", *(f"{sum(monkey.faults.values()):,}" for monkey in monkeys)
    yield "jobs that ended with an error and were run again", *(f"{sum(each.errors.values()):,}" for each in monkeys)
    yield "broken", *(len(monkey.broken) for monkey in monkeys)


def _faults(monkeys: Sequence[Result]) -> Iterable[Sequence[object]]:
    kinds = sorted({kind for monkey in monkeys for kind in monkey.faults})
    return [(kind, *(monkey.faults.get(kind) or "" for monkey in monkeys)) for kind in kinds]


def _checks(monkeys: Sequence[Result]) -> Iterable[Sequence[object]]:
    found = [{check.name: check for check in monkey.checks} for monkey in monkeys]
    for name in found[0]:
        yield name, *("holds" if each[name].holds else f"**broken**: {each[name].detail}" for each in found)


def _machine() -> Iterable[Sequence[object]]:
    yield "processors", os.cpu_count() or 0
    yield "Python", platform.python_version()
    yield "SQLAlchemy", version("sqlalchemy")
    yield "psycopg", version("psycopg")


def main(argv: Sequence[str] | None = None) -> int:
    """Run, write, and end with 1 when something was broken."""
    parser = argparse.ArgumentParser(prog="python -m tools.proof_failures", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=4.0, help="how long the monkey works, on both databases")
    parser.add_argument("--seed", type=int, default=2026, help="what its choices follow from")
    parser.add_argument("--every", type=int, default=1, help="the matrix takes every n-th point")
    parser.add_argument("--no-write", action="store_true", help="run and print the page, write nothing")
    wanted = parser.parse_args(argv)
    configure_logs(as_json=True)
    logging.getLogger("qorgan").handlers = [logging.NullHandler()]
    console = Console(stderr=True)
    proof = prove(wanted.minutes, wanted.seed, wanted.every, console)
    text = page(proof)
    if wanted.no_write:
        sys.stdout.write(text)
    else:
        JSON.parent.mkdir(exist_ok=True)
        JSON.write_text(json.dumps(asdict(proof), indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{PAGE.relative_to(ROOT)}: {len(proof.broken)} broken\n")
    for said in proof.broken[:SHOWN]:
        console.print(said, style="red", markup=False)
    return 1 if proof.broken else 0


if __name__ == "__main__":
    sys.exit(main())

"""The sweep's time beside the number of running clocks: it must follow what is due, not what is open.

The same cases and the same hundred due clocks at every size; the rest are due later. The rules
are internal ones without a ladder, so that a threshold writes an event and nothing else.
"""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Literal

from sqlalchemy import text

from bench.child import Tick, peak_memory, serve
from bench.practice import AT, INTAKE, practice_reports, practice_runtime
from bench.report import Figure
from casework.report_formats import split_file
from tasks.intake import take_in
from tasks.runtime import Runtime
from tasks.sla_sweep import sweep

What = Literal["warned", "breached"]

CASES = 1_000
_STORED = "%Y-%m-%d %H:%M:%S.000000"


@dataclass(frozen=True, slots=True)
class Site:
    """A case file with ``size`` running clocks, of which ``due`` can be made due, and the seconds measured on it."""

    runtime: Runtime
    size: int
    due: int
    build_seconds: float
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"warned": [], "breached": [], "nothing due": []})


def measure(tick: Tick, *, sizes: Sequence[int], due: int, rounds: int) -> list[Figure]:
    """Sweep every size in turn, ``rounds`` times after a warm-up; sizes from small to large."""
    steps = len(sizes) * (rounds + 2)
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        template = _template(Path(folder, "template"), min(CASES, sizes[0]))
        sites: list[Site] = []
        for size in sizes:
            sites.append(_build(template, Path(folder, str(size)), size, due))
            tick(len(sites), steps)
        for number in range(rounds + 1):
            for place, site in enumerate(sites, start=1):
                _round(site)
                tick(len(sites) * (number + 1) + place, steps)
        for site in sites:
            site.runtime.engine.dispose()
    figures = [_figure("sweep.build_seconds", "building the case file", site, site.build_seconds, "s") for site in sites]
    for what in ("warned", "breached", "nothing due"):
        figures += [
            _figure(f"sweep.{what.replace(' ', '_')}", f"sweep, {_said(what, due)}", site, 1_000 * _typical(site, what), "ms")
            for site in sites
        ]
    for what in ("warned", "breached"):
        ratio = _typical(sites[-1], what) / _typical(sites[0], what)
        title = f"sweep, {_said(what, due)}, over {sites[0].size:,} clocks"
        figures.append(_figure(f"sweep.{what}_ratio", title, sites[-1], ratio, "×"))
    return [*figures, peak_memory("sweep")]


def _figure(name: str, title: str, site: Site, value: float, unit: str) -> Figure:
    return Figure(name, f"{title}, {site.size:,} clocks" if "_ratio" not in name else title, value, unit, site.size)


def _said(what: str, due: int) -> str:
    return what if what == "nothing due" else f"{due} {what}"


def _typical(site: Site, what: str) -> float:
    """The median in seconds, without the warm-up."""
    return median(site.seconds[what][1:])


def _template(home: Path, cases: int) -> Path:
    """A case file with cases whose own clocks are gone."""
    runtime = practice_runtime(home)
    take_in(runtime, split_file("practice.jsonl", practice_reports(cases)), INTAKE)
    with runtime.engine.begin() as connection:
        # One clock stays as the pattern of all others.
        connection.execute(text("DELETE FROM clock WHERE id <> (SELECT min(id) FROM clock WHERE rule_id LIKE 'internal.%')"))
    runtime.engine.dispose()
    return home


def _build(template: Path, home: Path, size: int, due: int) -> Site:
    """Copy the template and multiply its clock, in one statement."""
    begun = perf_counter()
    shutil.copytree(template, home)
    with closing(sqlite3.connect(home / "qorgan.db")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        columns = [name for _, name, *_ in connection.execute("PRAGMA table_info(clock)")]
        (cases,) = connection.execute("SELECT count(*) FROM case_file").fetchone()
        case_id = f"1 + (i - 1) * {cases} / {size}"
        # Spread over the eleven days to come, in no order.
        seconds = "(1000 + i * 7919 % 1000000)"
        warned = f"strftime('{_STORED}', '{AT:%Y-%m-%d %H:%M:%S}', '+' || {seconds} || ' seconds')"
        changed = {"id": "i", "case_id": case_id, "subject_id": case_id, "next_check_at": warned, "ladder": "NULL"}
        select = ", ".join(changed.get(name, f"pattern.{name}") for name in columns)
        connection.execute("CREATE TEMP TABLE pattern AS SELECT * FROM clock")
        connection.execute("DELETE FROM clock")
        connection.execute(
            f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {size}) "
            f"INSERT INTO clock ({', '.join(columns)}) SELECT {select} FROM n, pattern"
        )
        connection.commit()
    return Site(practice_runtime(home), size, due, perf_counter() - begun)


def _round(site: Site) -> None:
    """Each kind of threshold once, and after each a sweep that finds nothing."""
    for what in ("warned", "breached"):
        _make_due(site, what)
        seconds, clocks = _sweep(site.runtime)
        assert clocks == site.due, "every due clock is handled, and no other"
        site.seconds[what].append(seconds)
        seconds, clocks = _sweep(site.runtime)
        assert clocks == 0, "nothing is handled twice"
        site.seconds["nothing due"].append(seconds)


def _sweep(runtime: Runtime) -> tuple[float, int]:
    begun = perf_counter()
    result = sweep(runtime)
    seconds = perf_counter() - begun
    assert not result.failed, "no clock fails"
    return seconds, result.clocks


def _make_due(site: Site, what: What) -> None:
    """Wind every ``size / due``-th clock back, so that its warning or its breach came a minute ago."""
    minute = timedelta(minutes=1)
    warned_at, due_at = (AT - minute, AT + minute) if what == "warned" else (AT - 2 * minute, AT - minute)
    with site.runtime.engine.begin() as connection:
        connection.execute(
            text(
                "UPDATE clock SET fired = :fired, next_check_at = :next, due_at = :due, thresholds = :thresholds,"
                " breached_at = NULL, late_detected = 0 WHERE id IN (SELECT 1 + value * :step FROM json_each(:places))"
            ),
            {
                "fired": 0 if what == "warned" else 1,
                "next": f"{AT - minute:{_STORED}}",
                "due": f"{due_at:{_STORED}}",
                "thresholds": f'[["{warned_at.isoformat()}", "80%"], ["{due_at.isoformat()}", "breach"]]',
                "step": site.size // site.due,
                "places": str(list(range(site.due))),
            },
        )


FULL = partial(measure, sizes=(1_000, 10_000, 100_000, 1_000_000), due=100, rounds=9)
QUICK = partial(measure, sizes=(1_000, 100_000), due=100, rounds=5)

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)

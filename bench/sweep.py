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
from multiprocessing import get_context
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
    seconds: dict[str, list[float]] = field(default_factory=lambda: {"warned": [], "breached": [], "nothing_due": []})


def measure(tick: Tick, *, sizes: Sequence[int], due: int, rounds: int) -> list[Figure]:
    """Sweep every size in turn, ``rounds`` times after a warm-up; sizes from small to large."""
    steps = len(sizes) * (rounds + 2)
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        template = Path(folder, "template")
        # In a process of its own: its memory is not the sweep's.
        maker = get_context("spawn").Process(target=_template, args=(template, min(CASES, sizes[0])))
        maker.start()
        maker.join()
        assert maker.exitcode == 0, "the template is made"
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
    return [*_figures(sites), peak_memory("sweep")]


def _figures(sites: Sequence[Site]) -> list[Figure]:
    """Every size's times, and the largest size's over the smallest's."""
    first, last = sites[0], sites[-1]
    figures = [_figure("build_seconds", "case file built", site, site.build_seconds, "s") for site in sites]
    titles = {
        "warned": f"sweep, {first.due} warned",
        "breached": f"sweep, {first.due} breached",
        "nothing_due": "sweep, nothing due",
    }
    for what, title in titles.items():
        figures += [_figure(what, title, site, 1_000 * _typical(site, what), "ms") for site in sites]
    for what in ("warned", "breached"):
        ratio = _typical(last, what) / _typical(first, what)
        title = f"{titles[what]}, {last.size:,} over {first.size:,} clocks"
        figures.append(Figure(f"sweep.{what}_ratio", title, ratio, "×", last.size))
    return figures


def _figure(name: str, title: str, site: Site, value: float, unit: str) -> Figure:
    return Figure(f"sweep.{name}", f"{title}, {site.size:,} clocks", value, unit, site.size)


def _typical(site: Site, what: str) -> float:
    """The median in seconds, without the warm-up."""
    return median(site.seconds[what][1:])


def _template(home: Path, cases: int) -> None:
    """A case file with cases whose own clocks are gone."""
    runtime = practice_runtime(home)
    take_in(runtime, split_file("practice.jsonl", practice_reports(cases)), INTAKE)
    with runtime.engine.begin() as connection:
        # One clock stays as the pattern of all others.
        pattern = "SELECT min(id) FROM clock WHERE rule_id LIKE '%.internal.%'"
        connection.execute(text(f"DELETE FROM clock WHERE id <> ({pattern})"))
    runtime.engine.dispose()


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
        site.seconds["nothing_due"].append(seconds)


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

"""Five thousand cases by one worker: its memory must be flat; and what a case costs in bytes, in every database.

The worker drives them in one process on PostgreSQL, as ``drive_cases`` does. Sizes are those of closed cases with all
their events, clocks, letters and one notice each, after the databases have given back what they no longer need.
"""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import psycopg
from sqlalchemy import func, select

from bench.child import Tick, peak_memory, serve
from bench.lifecycle import all_are, approve
from bench.practice import practice_runtime
from bench.report import Figure
from bench.site import Site, received, running_site
from casework.vocabulary import DeliveryState, Status
from db.tables import Letter
from tasks.case_lifecycle import advance
from tasks.collect_outcomes import collect
from tasks.correspondence import send_letters
from tasks.runtime import Runtime

BLOCK = 250
"""Cases of one drive, so that progress is seen; the process stays the same."""
MOST_HOURS = 1_000
SAMPLE_SECONDS = 0.25


@dataclass(slots=True)
class Memory:
    """Resident memory of this process, in bytes, sampled while it works."""

    samples: list[int] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.samples.append(pages * resource.getpagesize())

    def stop(self) -> None:
        self._stop.set()

    def quarter(self, number: int) -> float:
        """The median of the first, second, third or fourth quarter of the work."""
        size = len(self.samples) // 4
        return median(self.samples[(number - 1) * size : number * size])


def measure(tick: Tick, *, cases: int, lives: int) -> list[Figure]:
    """Drive ``cases`` to legal review, watching memory; take ``lives`` of them, and as many on SQLite, to their end."""
    steps = cases // BLOCK + 3
    memory = Memory()
    with running_site(on_postgres=True) as site:
        before = _sizes(site)
        # First, or the letters of the many would go out with those of these.
        _live(site.runtime, cases, lives)
        postgres = (_sizes(site)["qorgan_test"] - before["qorgan_test"]) / lives
        tick(1, steps)
        begun = perf_counter()
        asyncio.run(_work(site.runtime, cases, memory, lambda done: tick(1 + done, steps)))
        seconds = perf_counter() - begun
        prefect = (_sizes(site)["prefect"] - before["prefect"]) / cases
        tick(steps - 1, steps)
        sqlite = _on_sqlite(site.home, lives)
        tick(steps, steps)
    kib = 1024
    return [
        Figure(
            "volume.memory_ratio",
            "memory of a worker, last over second quarter",
            memory.quarter(4) / memory.quarter(2),
            "×",
            cases,
        ),
        Figure("volume.memory", "memory of the worker in the last quarter", memory.quarter(4) / kib**2, "MiB", cases),
        Figure(
            "volume.drives_per_second",
            "routine cases driven to legal review by one worker",
            cases / seconds,
            "/s",
            cases,
        ),
        Figure(
            "volume.postgres_case",
            "a closed case in PostgreSQL, with all that belongs to it",
            postgres / kib,
            "KiB",
            lives,
        ),
        Figure("volume.sqlite_case", "the same in SQLite", sqlite / kib, "KiB", lives),
        Figure(
            "volume.prefect_drive", "a routine drive in Prefect's tables, after vacuum", prefect / kib, "KiB", cases
        ),
        peak_memory("volume"),
    ]


async def _work(runtime: Runtime, cases: int, memory: Memory, tick: Callable[[int], None]) -> None:
    from flows.drive_cases import drive_cases

    watching = threading.Thread(target=memory.watch, daemon=True)
    watching.start()
    for block in range(cases // BLOCK):
        numbers = received(runtime, block * BLOCK, BLOCK)
        await drive_cases(lane="routine")
        all_are(runtime, numbers, Status.IN_LEGAL_REVIEW)
        tick(block + 1)
    memory.stop()
    watching.join()


def _live(runtime: Runtime, first: int, lives: int) -> None:
    """Cases from intake to their end, with their letters sent; without Prefect, which is measured apart."""
    numbers = received(runtime, first, lives)
    for number in numbers:
        advance(runtime, number)
    approve(runtime, numbers)
    for number in numbers:
        advance(runtime, number)
    collect(runtime)
    for number in numbers:
        advance(runtime, number)
    all_are(runtime, numbers, Status.CLOSED)
    _send_all(runtime)


def _send_all(runtime: Runtime) -> None:
    """Every letter that is queued, hour after hour: one address gets only so many in each."""
    for hours in range(MOST_HOURS):
        send_letters(replace(runtime, now=partial(_later, runtime, hours)))
        if not _queued(runtime):
            return
    raise AssertionError("every letter goes out in the end")


def _later(runtime: Runtime, hours: int) -> datetime:
    return runtime.now() + timedelta(hours=hours)


def _queued(runtime: Runtime) -> int:
    with runtime.sessions.read() as session:
        return session.scalar(select(func.count()).where(Letter.state == DeliveryState.QUEUED)) or 0


def _sizes(site: Site) -> dict[str, int]:
    """Bytes of each database once nothing in it is waste."""
    assert site.postgres is not None
    sizes: dict[str, int] = {}
    for name in ("qorgan_test", "prefect"):
        with psycopg.connect(
            dbname=name, user="postgres", host=str(site.postgres.socket_folder), autocommit=True
        ) as line:
            line.execute("VACUUM FULL")
            row = line.execute("SELECT pg_database_size(current_database())").fetchone()
            assert row is not None
            sizes[name] = row[0]
    return sizes


def _on_sqlite(home: Path, lives: int) -> float:
    """Bytes a case in a SQLite file."""
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-", dir=home) as folder:
        place = Path(folder)
        (place / "sandbox.json").write_bytes((home / "sandbox.json").read_bytes())
        runtime = practice_runtime(place)
        before = _file_size(runtime, place)
        # Items of their own: the practice platform knows those of the other case file.
        _live(runtime, 10**6, lives)
        after = _file_size(runtime, place)
    return (after - before) / lives


def _file_size(runtime: Runtime, place: Path) -> int:
    runtime.engine.dispose()
    with closing(sqlite3.connect(place / "qorgan.db")) as connection:
        connection.execute("VACUUM")
    return (place / "qorgan.db").stat().st_size


FULL = partial(measure, cases=5_000, lives=150)
QUICK = partial(measure, cases=500, lives=60)

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)

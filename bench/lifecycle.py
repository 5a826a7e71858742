"""Cases a second through their whole life: a run per case, and in batches; beside a bare durable-execution library.

PostgreSQL that waits for the disk holds the case file, Prefect's own tables and the library's. What is timed is the
system's work: drives to legal review, to the platform, and to the end, with the collection of answers. People's
decisions lie between and are not timed. The five stages of a routine case stand against five steps of the library.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from time import perf_counter

from bench.child import Tick, peak_memory, serve
from bench.durable import workflows_per_second
from bench.practice import REVIEWER
from bench.report import Figure
from bench.site import received, running_site
from casework.move_guards import MoveDetails
from casework.vocabulary import Action, Lane, Status
from tasks.case_lifecycle import claim, status_of
from tasks.record import move_case
from tasks.runtime import Runtime
from tests.database import PostgresServer

WAYS = ("batched", "a run each")


@dataclass(slots=True)
class Times:
    """Seconds of the system's work in each round, by way, each round over so many cases as ``sizes`` says."""

    sizes: Mapping[str, int]
    seconds: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def speed(self, way: str) -> float:
        """Cases a second; the first round warms up."""
        return median(self.sizes[way] / seconds for seconds in self.seconds[way][1:])

    @property
    def done(self) -> int:
        """Cases that were taken through before."""
        return sum(self.sizes[way] * len(seconds) for way, seconds in self.seconds.items())


def measure(tick: Tick, *, backlog: int, single: int, rounds: int, workflows: int) -> list[Figure]:
    """Take a ``backlog`` through its life in batches, and ``single`` cases in runs of their own, ``rounds`` times.

    In turns with them run ``workflows`` of the library.
    """
    steps = (len(WAYS) + 1) * (rounds + 1)
    done = iter(range(1, steps + 1))
    times = Times(dict(zip(WAYS, (backlog, single), strict=True)))
    library: list[float] = []
    with running_site(on_postgres=True) as site:
        assert site.postgres is not None
        for number in range(rounds + 1):
            for way in WAYS:
                asyncio.run(_round(site.runtime, way, times))
                tick(next(done), steps)
            library.append(_library(site.postgres, number, workflows))
            tick(next(done), steps)
    return [*_figures(times, median(library[1:]), workflows), peak_memory("lifecycle")]


def _figures(times: Times, library: float, workflows: int) -> list[Figure]:
    batched, each = (times.speed(way) for way in WAYS)
    many, few = (times.sizes[way] for way in WAYS)
    title = "routine cases in batches, over bare durable workflows"
    return [
        Figure("lifecycle.over_library", title, batched / library, "×"),
        Figure("lifecycle.batched", "routine cases through five stages, in batches", batched, "/s", many),
        Figure("lifecycle.run_each", "the same, a run for each case", each, "/s", few),
        Figure("lifecycle.library", "workflows of five inserts by DBOS, one after another", library, "/s", workflows),
    ]


def _library(postgres: PostgresServer, number: int, workflows: int) -> float:
    """The library on databases of its own; it is one object a process, and gone afterwards."""
    names = f"dbos_{number}", f"work_{number}"
    postgres.execute(*(f"CREATE DATABASE {name}" for name in names))
    # A thread of its own: its event loop must not meet ours.
    with ThreadPoolExecutor(1) as aside:
        return aside.submit(workflows_per_second, postgres.url(names[0]), postgres.url(names[1]), workflows).result()


async def _round(runtime: Runtime, way: str, times: Times) -> None:
    """New routine cases from intake to their end; the seconds that the system worked on them."""
    from flows.collect_outcomes import collect_outcomes

    numbers = received(runtime, times.done, times.sizes[way])
    seconds = await _drive(runtime, numbers, way)
    all_are(runtime, numbers, Status.IN_LEGAL_REVIEW)
    approve(runtime, numbers)
    seconds += await _drive(runtime, numbers, way)
    all_are(runtime, numbers, Status.SUBMITTED)
    begun = perf_counter()
    await collect_outcomes()
    seconds += perf_counter() - begun
    seconds += await _drive(runtime, numbers, way)
    all_are(runtime, numbers, Status.CLOSED)
    times.seconds[way].append(seconds)


async def _drive(runtime: Runtime, numbers: Sequence[str], way: str) -> float:
    from flows.case_lifecycle import case_lifecycle
    from flows.drive_cases import drive_cases

    begun = perf_counter()
    if way == "batched":
        await drive_cases(lane="routine")
    else:
        for number in claim(runtime, Lane.ROUTINE, "bench", len(numbers)):
            await case_lifecycle(number)
    return perf_counter() - begun


def approve(runtime: Runtime, numbers: Sequence[str]) -> None:
    """A reviewer's decision on each."""
    basis = tuple(runtime.pack.category("fraud").basis)
    for number in numbers:
        move_case(runtime, number, Action.APPROVE, REVIEWER, MoveDetails(reason="It meets the provision.", basis=basis))


def all_are(runtime: Runtime, numbers: Sequence[str], status: Status) -> None:
    """What is measured was really done."""
    assert {status_of(runtime, number) for number in numbers} == {status}, f"every case is {status}"


FULL = partial(measure, backlog=500, single=25, rounds=4, workflows=300)
QUICK = partial(measure, backlog=200, single=10, rounds=2, workflows=100)

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)

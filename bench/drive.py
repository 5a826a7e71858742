"""One case's drive through Prefect, over a flow with as many empty tasks on the same server.

A real server with the settings of prefect.toml, the practice platform in a process of its own. Drive and floor run in
turns, each going first every other time, alone and several at once; a ratio is the median of the turns' own ratios, so
that a machine which grows slower or faster meanwhile changes nothing. Here everything is on SQLite;
``bench.drive_postgres`` is the same on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from statistics import median
from time import perf_counter

from bench.child import Tick, peak_memory, serve
from bench.practice import REVIEWER
from bench.report import Figure
from bench.site import received, running_site
from casework.move_guards import MoveDetails
from casework.vocabulary import Action, Status
from tasks.case_lifecycle import advance, status_of
from tasks.record import move_case
from tasks.runtime import Runtime

Run = Callable[[str], Awaitable[object]]

WARM_UP = 3
"""Turns that are not counted."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A stretch of a case's way: where the drive leaves it, the stages it takes, and the seconds a case took.

    The seconds are by how many were driven at once.
    """

    name: str
    title: str
    end: Status
    stages: tuple[str, ...]
    ours: dict[int, list[float]] = field(default_factory=dict)
    floor: dict[int, list[float]] = field(default_factory=dict)


def measure(tick: Tick, *, part: str, on_postgres: bool, turns: int, at_once: Sequence[int]) -> list[Figure]:
    """Drive cases to legal review and to the platform, beside their floor: ``turns`` times ``at_once`` cases each."""
    walks = (
        Walk("review", "received to legal review", Status.IN_LEGAL_REVIEW, ("prioritize", "completeness gate")),
        Walk("submission", "approved to submitted", Status.SUBMITTED, ("submit",)),
    )
    with running_site(on_postgres=on_postgres) as site:
        asyncio.run(_drive(site.runtime, walks, turns, at_once, tick))
    return [
        *(figure for walk in walks for several in at_once for figure in _figures(part, walk, several)),
        peak_memory(part),
    ]


def _figures(part: str, walk: Walk, at_once: int) -> list[Figure]:
    ours, floor = median(walk.ours[at_once]), median(walk.floor[at_once])
    ratio = median(one / nothing for one, nothing in zip(walk.ours[at_once], walk.floor[at_once], strict=True))
    name = f"{part}.{walk.name}"
    if at_once == 1:
        title, size = walk.title, len(walk.ours[1])
        return [
            Figure(f"{name}_ratio", f"drive, {title}, over empty tasks", ratio, "×", size),
            Figure(name, f"drive, {title}", 1_000 * ours, "ms", size),
            Figure(f"{name}_floor", "the same flow with empty tasks", 1_000 * floor, "ms", size),
        ]
    title = f"{walk.title}, {at_once} at once"
    return [
        Figure(f"{name}_ratio_at_once", f"drive, {title}, over empty tasks", ratio, "×", at_once),
        Figure(f"{name}_at_once", f"drives a second, {title}", 1 / ours, "/s", at_once),
    ]


async def _drive(runtime: Runtime, walks: Sequence[Walk], turns: int, at_once: Sequence[int], tick: Tick) -> None:
    from bench.floor import floor
    from flows.case_lifecycle import case_lifecycle

    # All cases exist before the first is driven.
    count = sum(at_once) * (turns + WARM_UP)
    cases = {
        "review": iter(received(runtime, 0, count)),
        "submission": iter(_approved(runtime, received(runtime, count, count))),
    }
    for turn in range(turns + WARM_UP):
        for several in at_once:
            for walk in walks:
                numbers = list(islice(cases[walk.name], several))
                drive: tuple[dict[int, list[float]], Run] = (walk.ours, case_lifecycle)
                nothing = (walk.floor, partial(floor, stages=walk.stages))
                for seconds, run in (drive, nothing) if turn % 2 else (nothing, drive):
                    taken = await _timed(run(number) for number in numbers)
                    if turn >= WARM_UP:
                        seconds.setdefault(several, []).append(taken / several)
                assert {status_of(runtime, number) for number in numbers} == {walk.end}, (
                    "they went as far as they should"
                )
        tick(turn + 1, turns + WARM_UP)


async def _timed(runs: Iterable[Awaitable[object]]) -> float:
    begun = perf_counter()
    await asyncio.gather(*runs)
    return perf_counter() - begun


def _approved(runtime: Runtime, numbers: Sequence[str]) -> Sequence[str]:
    """The same cases, reviewed."""
    basis = tuple(runtime.pack.category("fraud").basis)
    for number in numbers:
        advance(runtime, number)
        move_case(runtime, number, Action.APPROVE, REVIEWER, MoveDetails(reason="It meets the provision.", basis=basis))
    return numbers


ON_SQLITE = partial(measure, part="drive", on_postgres=False)
FULL = partial(ON_SQLITE, turns=40, at_once=(1, 2))
QUICK = partial(ON_SQLITE, turns=15, at_once=(1, 2))

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)

"""One case's drive through Prefect, over a flow with as many empty tasks on the same server.

A real server with the settings of prefect.toml, the practice platform in a process of its own. The floor is measured
twice: in Prefect as it comes, which is what a case is to cost little more than; and on even terms, with the short file
of certificate authorities that ``desk.local`` names for it, which is what our own work adds. Drive and floors run in
turns, each going first every third time, alone and several at once; a ratio is the median of the turns' own ratios, so
that a machine which grows slower or faster meanwhile changes nothing. Here everything is on SQLite;
``bench.drive_postgres`` is the same on PostgreSQL.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import cycle, islice
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
    even: dict[int, list[float]] = field(default_factory=dict)


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


def _figures(part: str, walk: Walk, several: int) -> list[Figure]:
    ours, size = walk.ours[several], len(walk.ours[several])
    floors = {
        "": (walk.floor[several], "empty tasks in Prefect as it comes"),
        "_even": (walk.even[several], "empty tasks on even terms"),
    }
    name, end = f"{part}.{walk.name}", "" if several == 1 else "_at_once"
    title = walk.title if several == 1 else f"{walk.title}, {several} at once"
    ratios = [
        Figure(f"{name}_ratio{terms}{end}", f"drive, {title}, over {what}", _ratio(ours, floor), "×", size)
        for terms, (floor, what) in floors.items()
    ]
    if several > 1:
        return [*ratios, Figure(f"{name}{end}", f"drives a second, {title}", 1 / median(ours), "/s", size)]
    return [
        *ratios,
        Figure(name, f"drive, {title}", 1_000 * median(ours), "ms", size),
        *(
            Figure(f"{name}_floor{terms}", f"{what}, {title}", 1_000 * median(floor), "ms", size)
            for terms, (floor, what) in floors.items()
        ),
    ]


def _ratio(ours: Sequence[float], floor: Sequence[float]) -> float:
    return median(one / nothing for one, nothing in zip(ours, floor, strict=True))


async def _drive(runtime: Runtime, walks: Sequence[Walk], turns: int, at_once: Sequence[int], tick: Tick) -> None:
    from prefect.settings import PREFECT_API_SSL_CERT_FILE, temporary_settings

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
                nothing = partial(floor, stages=walk.stages)
                sides: list[tuple[dict[int, list[float]], Run, bool]] = [
                    (walk.ours, case_lifecycle, False), (walk.floor, nothing, True), (walk.even, nothing, False),
                ]  # fmt: skip
                for seconds, run, as_it_comes in islice(cycle(sides), turn % 3, turn % 3 + 3):
                    with temporary_settings(restore_defaults={PREFECT_API_SSL_CERT_FILE} if as_it_comes else set()):
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

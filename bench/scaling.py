"""How a routine backlog scales: one worker's process or three, one API server or two, in batches and a run each.

PostgreSQL that waits for the disk holds the case file and Prefect's tables. What is timed is the way from intake to
legal review, from the moment at which all processes are told to begin until the last of them has ended. On a machine
with few processors the figures say what binds; they cannot say what more machines would bring.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from time import perf_counter

from bench.child import ROOT, Tick, peak_memory, serve
from bench.lifecycle import all_are
from bench.practice import AT, practice_runtime
from bench.report import Figure
from bench.site import Site, running_site, second_server
from casework.vocabulary import Lane, Status
from tasks.case_lifecycle import claim
from tasks.runtime import use

SETUPS = ((1, 1), (1, 3), (2, 3))
"""API servers and workers."""
WAYS = ("batched", "a run each")


def measure(tick: Tick, *, backlog: int, single: int) -> list[Figure]:
    """Drive a ``backlog`` in batches, and ``single`` cases in runs of their own, with each set-up."""
    speeds: dict[str, dict[tuple[int, int], float]] = {way: {} for way in WAYS}
    done = iter(range(1, len(WAYS) * len(SETUPS) + 1))
    with running_site(on_postgres=True) as site, second_server(site) as second:
        servers = os.environ["PREFECT_API_URL"], second
        for way, count in zip(WAYS, (backlog, single), strict=True):
            for setup in SETUPS:
                apis = [servers[worker % setup[0]] for worker in range(setup[1])]
                speeds[way][setup] = count / _seconds(site, way, count, apis)
                tick(next(done), len(WAYS) * len(SETUPS))
    batched, each = (speeds[way] for way in WAYS)
    return [
        *(_speed(way, setup, speed) for way in WAYS for setup, speed in speeds[way].items()),
        Figure("scaling.workers_ratio", "three workers over one, in batches", batched[1, 3] / batched[1, 1], "×"),
        Figure("scaling.servers_ratio", "two API servers over one, a run each", each[2, 3] / each[1, 3], "×"),
        peak_memory("scaling"),
    ]


def _speed(way: str, setup: tuple[int, int], speed: float) -> Figure:
    servers, workers = setup
    what = "a routine backlog in batches" if way == "batched" else "routine cases, a run each"
    title = f"{what}, {servers} API server{'s'[: servers - 1]}, {workers} worker{'s'[: workers - 1]}"
    return Figure(f"scaling.{servers}_{workers}_{way.replace(' ', '_')}", title, speed, "/s")


def _seconds(site: Site, way: str, count: int, apis: Sequence[str]) -> float:
    """All processes are ready before the first begins."""
    numbers = site.received(count)
    with ExitStack() as stack:
        workers = [stack.enter_context(_worker(site, way, api, -(-count // len(apis)))) for api in apis]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n", "a worker that imported everything"
        begun = perf_counter()
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        assert [worker.wait() for worker in workers] == [0] * len(workers), "every worker ended well"
        seconds = perf_counter() - begun
    all_are(site.runtime, numbers, Status.IN_LEGAL_REVIEW)
    return seconds


def _worker(site: Site, way: str, api: str, share: int) -> subprocess.Popen[str]:
    env = {**os.environ, "PREFECT_API_URL": api, "QORGAN_DATABASE_URL": site.runtime.settings.database}
    command = [sys.executable, "-m", "bench.scaling", "--worker", str(site.home), way, str(share)]
    return subprocess.Popen(command, cwd=ROOT, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def work(home: str, way: str, share: int) -> None:
    """Be one worker's flow run: ready, then drive when told to."""
    from flows.case_lifecycle import case_lifecycle
    from flows.drive_cases import drive_cases

    runtime = practice_runtime(Path(home), database_url=os.environ["QORGAN_DATABASE_URL"], now=lambda: AT)
    print("ready", flush=True)
    sys.stdin.readline()

    async def each() -> None:
        for number in claim(runtime, Lane.ROUTINE, f"bench:{os.getpid()}", share):
            await case_lifecycle(number)

    with use(runtime):
        asyncio.run(drive_cases(lane="routine") if way == "batched" else each())


FULL = partial(measure, backlog=900, single=60)
QUICK = partial(measure, backlog=150, single=12)

if __name__ == "__main__":
    if "--worker" in sys.argv:
        _, _, folder, driven, most = sys.argv
        work(folder, driven, int(most))
    else:
        serve(QUICK if "--quick" in sys.argv else FULL)

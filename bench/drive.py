"""One case's drive through Prefect, over a flow with as many empty tasks on the same server.

A real server on SQLite with the settings of prefect.toml, cases in a SQLite file, the practice
platform in a process of its own. Drive and floor run in turns, each going first every other time.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.child import Tick, peak_memory, serve
from bench.practice import INTAKE, REVIEWER, practice_runtime
from bench.report import Figure
from casework.move_guards import MoveDetails
from casework.report_formats import RawReport
from casework.vocabulary import Action, Status
from desk.local import Processes, plan_prefect, start_prefect, start_sandbox
from tasks.case_lifecycle import advance, status_of
from tasks.intake import take_in
from tasks.record import move_case
from tasks.runtime import Runtime, use

WARM_UP = 3
"""Pairs that are not counted."""


@dataclass(frozen=True, slots=True)
class Walk:
    """A stretch of a case's way: where the drive leaves it, the stages it takes, and the seconds measured."""

    name: str
    title: str
    end: Status
    stages: tuple[str, ...]
    ours: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)


def measure(tick: Tick, *, pairs: int) -> list[Figure]:
    """Drive ``pairs`` cases to legal review and as many to the platform, each beside its floor."""
    walks = (
        Walk("review", "received to legal review", Status.IN_LEGAL_REVIEW, ("prioritize", "completeness gate")),
        Walk("submission", "approved to submitted", Status.SUBMITTED, ("submit", "settle outcomes")),
    )
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        home = Path(folder)
        with Processes(home / "logs") as processes:
            start_sandbox(processes, home, platform_port=0, smtp_port=0)
            # Prefect reads its settings when it is imported, which must not have happened yet.
            assert "prefect" not in sys.modules
            os.environ.update(start_prefect(processes, home, plan_prefect(home, port=0)).env)
            with use(practice_runtime(home)) as runtime:
                asyncio.run(_drive(runtime, walks, pairs, tick))
                runtime.engine.dispose()
    return [*(figure for walk in walks for figure in _figures(walk)), peak_memory("drive")]


def _figures(walk: Walk) -> list[Figure]:
    ours, floor, size = median(walk.ours), median(walk.floor), len(walk.ours)
    return [
        Figure(f"drive.{walk.name}_ratio", f"drive, {walk.title}, over empty tasks", ours / floor, "×", size),
        Figure(f"drive.{walk.name}", f"drive, {walk.title}", 1_000 * ours, "ms", size),
        Figure(f"drive.{walk.name}_floor", "the same flow with empty tasks", 1_000 * floor, "ms", size),
    ]


async def _drive(runtime: Runtime, walks: Sequence[Walk], pairs: int, tick: Tick) -> None:
    from bench.floor import floor
    from flows.case_lifecycle import case_lifecycle

    # All cases exist before the first is driven.
    cases = {
        "review": [_received(runtime, number) for number in range(pairs + WARM_UP)],
        "submission": [_approved(runtime, number) for number in range(pairs + WARM_UP, 2 * (pairs + WARM_UP))],
    }
    for pair in range(pairs + WARM_UP):
        for walk in walks:
            number = cases[walk.name][pair]
            drive = (walk.ours, partial(case_lifecycle, number))
            nothing = (walk.floor, partial(floor, number, walk.stages))
            for seconds, run in (drive, nothing) if pair % 2 else (nothing, drive):
                taken = await _timed(run)
                if pair >= WARM_UP:
                    seconds.append(taken)
            assert status_of(runtime, number) is walk.end, "the case went as far as it should"
        tick(pair + 1, pairs + WARM_UP)


async def _timed(run: Callable[[], Awaitable[object]]) -> float:
    begun = perf_counter()
    await run()
    return perf_counter() - begun


def _received(runtime: Runtime, number: int) -> str:
    """A new complete case about a video on a platform with an API."""
    report = f"""{{
        "links": ["https://www.tiktok.com/@practice/video/73{number:017d}"],
        "category": "fraud", "language": "ru", "age_band": "adult",
        "description": "Обещают удвоить вклад и просят перевести деньги.",
        "quote": "Переведи сегодня и получи вдвое больше.",
        "why_unlawful": "Обман с целью завладеть чужими деньгами.",
        "observed_at": "2026-03-17T09:00:00+05:00", "policy_line": "Frauds and scams",
        "reporter": {{"name": "Practice Reporter", "email": "reporter@mail.example"}}
    }}"""
    [result] = take_in(runtime, [RawReport("practice.json", number + 1, "json", report.encode())], INTAKE)
    assert result.case_number is not None, result.message
    return result.case_number


def _approved(runtime: Runtime, number: int) -> str:
    """The same, reviewed."""
    case = _received(runtime, number)
    advance(runtime, case)
    basis = tuple(runtime.pack.category("fraud").basis)
    move_case(runtime, case, Action.APPROVE, REVIEWER, MoveDetails(reason="It meets the provision.", basis=basis))
    return case


FULL = partial(measure, pairs=40)
QUICK = partial(measure, pairs=20)

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)

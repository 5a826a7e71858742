"""Take in what lies in the inbox. Danger to a child is acted on here, at once, batch by batch.

The run that the schedule starts then watches the inbox until the next one has started: what is put there waits for a
second, and neither for a new process nor for a server of Prefect's that stands still.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from time import monotonic
from typing import Annotated

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.states import Completed, Failed
from pydantic import Field

from casework.vocabulary import Lane, Priority, ReportState
from flows.case_lifecycle import ShownBeside
from flows.drive_cases import drive_case
from flows.guarded import in_thread
from flows.showing import Progress, succeeded
from flows.waking import wake
from tasks.case_lifecycle import claim, set_aside
from tasks.correspondence import read_danger_letters, send_letters
from tasks.inbox import Turn, count_lines, something_waits, take_in_inbox
from tasks.intake_results import TakenIn
from tasks.runtime import current

LOOK_AGAIN_SECONDS = 1.0
"""Pause between two looks at the inbox."""

RELIEF_SECONDS = 180.0
"""So long at most a run watches on after its time, where no other has come to take its turn. A little more, and the
last success of this job would count as late."""


@dataclass(slots=True)
class Done:
    """What one run did: reports by what they became, and the numbers of P0 cases whose drive failed."""

    counts: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)


@task(name="take in a batch", cache_policy=NO_CACHE)
async def take_in_batch(batches: Iterator[list[TakenIn]]) -> list[TakenIn]:
    """Store and read the next batch of reports; empty when the inbox is."""
    return await in_thread(next, batches, [])


@task(name="send urgent letters", cache_policy=NO_CACHE)
async def send_urgent_letters() -> None:
    """Police referral and duty alert: before anything that can wait."""
    await in_thread(send_letters, current(), urgent_only=True)


@flow(name="intake", flow_run_name="intake from the inbox")
async def intake(watch_seconds: Annotated[int, Field(ge=0, le=600)] = 0) -> State[None]:
    """Each report becomes a case, a duplicate or a held report. A P0 is driven before the next batch is read.

    ``watch_seconds``: how long, from its start, it looks for more, and then until another run waits for its turn.
    While another run is at work it waits for its own.
    """
    async with ShownBeside() as shown:
        done = await _watch(watch_seconds, shown)
        if done is None:
            return Completed(
                name="Another intake is at work", message="Next: it. What lies in the inbox is taken in by it."
            )
        await succeeded("inbox", **done.counts)
    if done.failed:
        return Failed(name=f"{len(done.failed)} P0 failed", message=f"Set aside: {', '.join(done.failed)}")
    return Completed(name=_summary(done.counts))


async def _watch(seconds: float, shown: ShownBeside) -> Done | None:
    """Take in until the time is over and, where there was any, another run waits; None where no turn came."""
    runtime, done, turns = current(), Done(), 0
    until = monotonic() + seconds
    at_last = until + RELIEF_SECONDS if seconds else until
    if seconds:
        # Before it waits for its turn: until then another run watches.
        await in_thread(read_danger_letters, runtime)
    with await in_thread(Turn, runtime.settings.inbox) as turn:
        while True:
            ours = turn.taken()
            # The first time also what a crash left unread.
            if ours and (not turns or await in_thread(something_waits, runtime)):
                shown.begin(await _take_in_all(done))
                turns += 1
            now = monotonic()
            if now >= at_last or (now >= until and (not ours or turn.awaited())):
                break
            await asyncio.sleep(LOOK_AGAIN_SECONDS)
    return done if turns else None


async def _take_in_all(done: Done) -> list[str]:
    """Until the inbox is empty; the P0 cases that were driven."""
    counts: Counter[str] = Counter()
    driven: list[str] = []
    async with Progress("reports taken in", await in_thread(count_lines, current())) as progress:
        batches = take_in_inbox(current())
        while batch := await take_in_batch(batches):
            counts.update(result.state for result in batch)
            urgent = dict.fromkeys(r.case_number for r in batch if r.case_number and r.priority == Priority.P0)
            if urgent:
                gone, stuck = await _drive_at_once(urgent)
                driven, done.failed = driven + gone, done.failed + stuck
            await progress.step(len(batch))
    done.counts += counts
    if counts:
        wake(Lane)
    return driven


async def _drive_at_once(urgent: Collection[str]) -> tuple[list[str], list[str]]:
    """Drive these P0 cases beside their letters; which went, and which failed. Neither police nor case wait.

    The drive is a task of this run: of Prefect's server it asks nothing, which takes seconds to make a run while a
    backlog is driven.
    """
    driven: list[str] = []
    failed: list[str] = []
    letters = asyncio.create_task(send_urgent_letters())
    # Claimed, because the lane's own drive may come round meanwhile; what a lease is too short for, it may take.
    for number in await in_thread(claim, current(), None, f"intake:{flow_run.id}", len(urgent), only=urgent):
        try:
            await drive_case(number)
            driven.append(number)
        except Exception as error:
            failed.append(number)
            await in_thread(set_aside, current(), number, error)
    await letters
    return driven, failed


def _summary(counts: Counter[str]) -> str:
    if not counts:
        return "Inbox empty"
    words = ((ReportState.CASE, "case"), (ReportState.DUPLICATE, "duplicate"), (ReportState.HELD, "held"))
    return ", ".join(
        f"{counts[state]} {word}" + ("" if counts[state] == 1 or word == "held" else "s") for state, word in words
    )

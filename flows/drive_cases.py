"""Drive the ready cases of one lane, most urgent first, all in this process.

A child's case and one that failed before get a run of their own, a P0 after it was driven; a routine backlog is one
task run per case. A case that fails is set aside, the others go on, and the run ends
Failed *after* the work, with the list.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

import structlog
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.states import Completed, Failed, State
from pydantic import Field

from casework.errors import CaseMovedMeanwhile
from casework.vocabulary import Lane
from flows.case_lifecycle import case_lifecycle, show_driven
from flows.guarded import in_thread
from flows.showing import Progress, succeeded
from flows.waking import wake
from tasks.case_lifecycle import LEASE, advance, failed_before, in_danger, ready, set_aside
from tasks.claims import Claims
from tasks.correspondence import send_letters
from tasks.runtime import current

LOOK_AGAIN_SECONDS = 1.0
"""Pause between two looks at the children's lane."""

Driven = tuple[int, list[str]]
"""How many cases were driven, and the numbers of those that failed."""


@task(name="drive-case", task_run_name="{case_number}", cache_policy=NO_CACHE)
async def drive_case(case_number: str) -> str:
    """One routine case, without a run of its own; what it then waits for."""
    with structlog.contextvars.bound_contextvars(case=case_number):
        return (await in_thread(advance, current(), case_number)).name


@flow(name="drive-cases", flow_run_name="drive {lane}")
async def drive_cases(
    lane: Literal["child-safety", "routine"] = "child-safety",
    most: int = 1_000,
    watch_seconds: Annotated[int, Field(ge=0, le=600)] = 0,
) -> State[None]:
    """Drive up to ``most`` ready cases of a lane, as many at a time as the database is good for.

    The child-safety drive then watches its lane: what is raised in that time waits for no new process.
    """
    runtime = current()
    waiting = min(most, await in_thread(ready, runtime, lane))
    with Claims(runtime, lane, f"drive-cases:{flow_run.id}", most) as claims:
        async with Progress("cases driven", waiting) as progress:
            driven, failed = await _drive_ready(claims, lane, progress)
            if lane == Lane.CHILD_SAFETY:
                more, failed_too = await _watch(claims, lane, progress, watch_seconds)
                driven, failed = driven + more, failed + failed_too
    if driven:
        await _send_urgent_letters(lane)
    if driven >= most:
        wake([lane])
    # The lane works, whatever becomes of single cases: those have alarms of their own.
    await succeeded(f"lane-{lane}", driven=driven, failed=len(failed))
    if failed:
        return Failed(name=f"{len(failed)} of {driven} failed", message=f"Set aside: {', '.join(failed)}")
    return Completed(name=f"{driven} driven" if driven else "Nothing ready")


async def _drive_ready(claims: Claims, lane: str, progress: Progress) -> Driven:
    """Drive what is ready. Urgent letters leave beside it: police wait for no drive, and no drive for a mail server."""
    letters = asyncio.create_task(_send_urgent_letters(lane))
    found = await _drive_all(claims, lane, progress)
    await letters
    return found


async def _drive_all(claims: Claims, lane: str, progress: Progress) -> Driven:
    """Drive until nothing is ready."""
    failed: list[str] = []
    to_show: list[str] = []

    async def one_after_another() -> int:
        driven = 0
        while (number := await in_thread(claims.take)) is not None:
            if not await _drive(number, lane, to_show):
                failed.append(number)
            claims.done(number)
            driven += 1
            await progress.step()
        return driven

    slots = (one_after_another() for _ in range(current().settings.drives_at_once))
    driven = sum(await asyncio.gather(*slots))
    await show_driven(to_show)
    return driven, failed


async def _drive(number: str, lane: str, to_show: list[str]) -> bool:
    """Drive one case as far as it goes; False when it failed and was set aside."""
    runtime = current()
    try:
        if await in_thread(in_danger, runtime, number):
            # A task of this run: making a run of its own takes Prefect's server seconds while a backlog is driven.
            await drive_case(number)
            to_show.append(number)
        elif lane == Lane.CHILD_SAFETY or await in_thread(failed_before, runtime, number):
            await case_lifecycle(number)
        else:
            await drive_case(number)
    except CaseMovedMeanwhile as error:
        # A person was quicker; what they did stands, and the next drive goes on from there.
        await in_thread(set_aside, runtime, number, error)
    except Exception as error:
        await in_thread(set_aside, runtime, number, error)
        return False
    return True


async def _watch(claims: Claims, lane: str, progress: Progress, seconds: float) -> Driven:
    """Look again and again for so long; and for the length of a lease while another drive holds children's cases.

    If that one was killed, its cases are free by then.
    """
    driven, failed, watched, others = 0, list[str](), 0.0, True
    while watched < seconds or (watched < LEASE.total_seconds() and others):
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        watched += LOOK_AGAIN_SECONDS
        # Asked before the look, so that a claim which lapses in between is seen by one of the two.
        others = await in_thread(claims.others_lapse_at) is not None
        more, failed_too = await _drive_ready(claims, lane, progress)
        driven, failed = driven + more, failed + failed_too
    return driven, failed


async def _send_urgent_letters(lane: str) -> None:
    if lane == Lane.CHILD_SAFETY:
        await in_thread(send_letters, current(), urgent_only=True)

"""Drive the ready cases of one lane, most urgent first, all in this process.

A child's case and one that failed before get a run of their own; a routine backlog is one
task run per case. A case that fails is set aside, the others go on, and the run ends
Failed *after* the work, with the list.
"""

from __future__ import annotations

import asyncio
from typing import Literal

import structlog
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.states import Completed, Failed, State

from casework.errors import CaseMovedMeanwhile
from casework.vocabulary import Lane
from flows.case_lifecycle import case_lifecycle
from flows.guarded import in_thread
from flows.showing import Progress, succeeded
from flows.waking import wake
from tasks.case_lifecycle import LEASE, advance, failed_before, ready, set_aside
from tasks.claims import Claims
from tasks.correspondence import send_letters
from tasks.runtime import current

LOOK_AGAIN_SECONDS = 1.0
"""Pause between two looks at children's cases that another drive holds."""


@task(name="drive-case", task_run_name="{case_number}", cache_policy=NO_CACHE)
async def drive_case(case_number: str) -> str:
    """One routine case, without a run of its own; what it then waits for."""
    with structlog.contextvars.bound_contextvars(case=case_number):
        return (await in_thread(advance, current(), case_number)).name


@flow(name="drive-cases", flow_run_name="drive {lane}")
async def drive_cases(lane: Literal["child-safety", "routine"] = "child-safety", most: int = 1_000) -> State[None]:
    """Drive up to ``most`` ready cases of a lane, as many at a time as the database is good for."""
    runtime = current()
    children = lane == Lane.CHILD_SAFETY
    waiting = min(most, await in_thread(ready, runtime, lane))
    with Claims(runtime, lane, f"drive-cases:{flow_run.id}", most) as claims:
        async with Progress("cases driven", waiting) as progress:
            # Letters to police and duty officer wait for no drive, and no drive waits for a slow mail server.
            letters = asyncio.create_task(_send_urgent_letters(children))
            driven, failed = await _drive_all(claims, lane, progress)
            if children:
                more, failed_too = await _drive_what_lapses(claims, lane, progress)
                driven, failed = driven + more, failed + failed_too
            await letters
    await _send_urgent_letters(children and driven > 0)
    if driven >= most:
        wake([lane])
    # The lane works, whatever becomes of single cases: those have alarms of their own.
    await succeeded(f"lane-{lane}", driven=driven, failed=len(failed))
    if failed:
        return Failed(name=f"{len(failed)} of {driven} failed", message=f"Set aside: {', '.join(failed)}")
    return Completed(name=f"{driven} driven" if driven else "Nothing ready")


async def _drive_all(claims: Claims, lane: str, progress: Progress) -> tuple[int, list[str]]:
    """Drive until nothing is ready; how many were driven, and the numbers of those that failed."""
    failed: list[str] = []

    async def one_after_another() -> int:
        driven = 0
        while (number := await in_thread(claims.take)) is not None:
            if not await _drive(number, lane):
                failed.append(number)
            claims.done(number)
            driven += 1
            await progress.step()
        return driven

    slots = (one_after_another() for _ in range(current().settings.drives_at_once))
    return sum(await asyncio.gather(*slots)), failed


async def _drive(number: str, lane: str) -> bool:
    """Drive one case as far as it goes; False when it failed and was set aside."""
    runtime = current()
    try:
        if lane == Lane.CHILD_SAFETY or await in_thread(failed_before, runtime, number):
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


async def _drive_what_lapses(claims: Claims, lane: str, progress: Progress) -> tuple[int, list[str]]:
    """Children's cases that another drive holds: when it was killed, they are free within the length of a lease."""
    driven, failed, waited = 0, list[str](), 0.0
    while waited < LEASE.total_seconds() and await in_thread(claims.others_lapse_at):
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        waited += LOOK_AGAIN_SECONDS
        more, failed_too = await _drive_all(claims, lane, progress)
        driven, failed = driven + more, failed + failed_too
    return driven, failed


async def _send_urgent_letters(wanted: bool) -> None:
    if wanted:
        await in_thread(send_letters, current(), urgent_only=True)

"""Drive the ready cases of one lane, most urgent first, all in this process.

A child's case and one that failed before get a run of their own, a P0 after it was driven. Of a routine backlog some
cases at a time are driven together in one task run, and the run's table says what became of each. A case that fails
is set aside, the others go on, and the run ends Failed *after* the work, with the list.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Annotated, Literal

import structlog
from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run, task_run
from prefect.states import Completed, Failed
from pydantic import Field

from casework.errors import CaseMovedMeanwhile
from casework.vocabulary import Lane, Priority
from flows.case_lifecycle import ShownBeside, case_lifecycle
from flows.guarded import in_thread
from flows.showing import Progress, show_table, succeeded
from flows.waking import wake
from tasks.case_lifecycle import LEASE, Driven, advance, advance_all, alone_among, ready, set_aside
from tasks.claims import Claims
from tasks.correspondence import read_danger_letters, send_letters
from tasks.lane_watch import relieved, take_up
from tasks.run_record import Row
from tasks.runtime import current

LOOK_AGAIN_SECONDS = 1.0
"""Pause between two looks at the children's lane."""

RELIEF_SECONDS = 180.0
"""So long at most a drive watches on after its time, where no other has taken the watch up. A little more, and the
last success of this job would count as late."""

TOGETHER = 25
"""Routine cases driven together: they share commits, and whoever else writes waits for no more than these."""

Count = tuple[int, list[str]]
"""How many cases were driven, and the numbers of those that failed."""


def _first_and_more() -> str:
    first, *others = task_run.parameters["case_numbers"]
    return f"{first} and {len(others)} more" if others else str(first)


@task(name="drive-together", task_run_name=_first_and_more, cache_policy=NO_CACHE)
async def drive_together(case_numbers: list[str]) -> Driven:
    """Routine cases, without runs of their own; what became of each."""
    return await in_thread(advance_all, current(), case_numbers)


@task(name="drive-case", task_run_name="{case_number}", cache_policy=NO_CACHE)
async def drive_case(case_number: str) -> str:
    """One case in danger, without a run of its own; what it then waits for."""
    with structlog.contextvars.bound_contextvars(case=case_number):
        return (await in_thread(advance, current(), case_number)).name


@flow(name="drive-cases", flow_run_name="drive {lane}")
async def drive_cases(
    lane: Literal["child-safety", "routine"] = "child-safety",
    most: int = 1_000,
    watch_seconds: Annotated[int, Field(ge=0, le=600)] = 0,
) -> State[None]:
    """Drive up to ``most`` ready cases of a lane, as many at a time as the database is good for.

    The child-safety drive then watches its lane, so that what is raised waits for no new process: for
    ``watch_seconds`` from its start, and then until another drive watches.
    """
    runtime, began = current(), monotonic()
    watches = lane == Lane.CHILD_SAFETY.value
    if watch_seconds and watches:
        # Before it takes the watch up: until then another run watches.
        await in_thread(read_danger_letters, runtime)
    waiting = min(most, await in_thread(ready, runtime, lane))
    async with ShownBeside() as shown:
        with Claims(runtime, lane, f"drive-cases:{flow_run.id}", most) as claims:
            async with Progress("cases driven", waiting) as progress:
                driven, failed = await _drive_ready(claims, lane, progress, shown)
                if watches:
                    more, failed_too = await _watch(claims, lane, progress, shown, began, watch_seconds)
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


async def _drive_ready(claims: Claims, lane: str, progress: Progress, shown: ShownBeside) -> Count:
    """Drive what is ready. Urgent letters leave beside it: police wait for no drive, and no drive for a mail server."""
    letters = asyncio.create_task(_send_urgent_letters(lane))
    found = await _drive_all(claims, lane, progress, shown)
    await letters
    return found


async def _drive_all(claims: Claims, lane: str, progress: Progress, shown: ShownBeside) -> Count:
    """Drive until nothing is ready."""
    failed: list[str] = []
    to_show: list[str] = []
    rows: list[Row] = []

    async def page_after_page() -> int:
        driven = 0
        while numbers := await in_thread(claims.take_together, TOGETHER if lane == Lane.ROUTINE else 1):
            failed.extend(await _drive(numbers, lane, to_show, rows))
            for number in numbers:
                claims.done(number)
            driven += len(numbers)
            await progress.step(len(numbers))
        return driven

    slots = (page_after_page() for _ in range(current().settings.drives_at_once))
    driven = sum(await asyncio.gather(*slots))
    await show_table(rows, "What became of each case")
    shown.begin(to_show)
    return driven, failed


async def _drive(numbers: list[str], lane: str, to_show: list[str], rows: list[Row]) -> list[str]:
    """Drive cases as far as they go; the numbers of those that failed and were set aside."""
    runtime = current()
    alone = await in_thread(alone_among, runtime, numbers)
    errors: dict[str, Exception] = {}
    for number in alone if lane == Lane.ROUTINE else numbers:
        try:
            if alone.get(number) is Priority.P0:
                # A task of this run: making a run of its own takes Prefect's server seconds while a backlog is driven.
                await drive_case(number)
                to_show.append(number)
            else:
                await _drive_in_a_run(number)
        except Exception as error:
            errors[number] = error
    if lane == Lane.ROUTINE and (together := [number for number in numbers if number not in alone]):
        done = await drive_together(together)
        rows += [{"case": number, "now": wait.name, "waits for": wait.who} for number, wait in done.waits.items()]
        rows += [{"case": number, "now": "Set aside", "waits for": "the next try"} for number in done.failed]
        errors |= done.failed
    for number, failure in errors.items():
        await in_thread(set_aside, runtime, number, failure)
    # Where a person was quicker, what they did stands, and the next drive goes on from there.
    return [number for number, failure in errors.items() if not isinstance(failure, CaseMovedMeanwhile)]


async def _drive_in_a_run(number: str) -> None:
    """Drive a case in a run of its own.

    Raises: what the drive failed of. Not that Prefect's server kept no result: it does so when it took long to note
    the run's end, and the case went its way.
    """
    state = await case_lifecycle(number, return_state=True)
    if not state.is_completed():
        await state.aresult()


async def _watch(
    claims: Claims, lane: str, progress: Progress, shown: ShownBeside, began: float, seconds: float
) -> Count:
    """Look again and again until the time is over and, where there was any, another drive watches.

    And for the length of a lease while another drive holds children's cases: if that one was killed, they are free by
    then. While P0s wait to be shown this run keeps its place, which the next one may need: so long it watches too.
    """
    runtime, driven, failed, others = current(), 0, list[str](), True
    until, lapsed = began + seconds, monotonic() + LEASE.total_seconds()
    at_last = until + RELIEF_SECONDS if seconds else until
    if seconds:
        await in_thread(take_up, runtime, lane, claims.owner)
    while claims.left:
        now = monotonic()
        watches = now < until or (
            (now < at_last or shown.waits) and not await in_thread(relieved, runtime, lane, claims.owner)
        )
        if not watches and not (others and now < lapsed):
            break
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
        # Asked before the look, so that a claim which lapses in between is seen by one of the two.
        others = await in_thread(claims.others_lapse_at) is not None
        more, failed_too = await _drive_ready(claims, lane, progress, shown)
        driven, failed = driven + more, failed + failed_too
    return driven, failed


async def _send_urgent_letters(lane: str) -> None:
    if lane == Lane.CHILD_SAFETY:
        await in_thread(send_letters, current(), urgent_only=True)

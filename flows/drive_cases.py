"""Drive the ready cases of one lane, most urgent first, all in this process.

A child's case and one that failed before get a run of their own; a routine backlog is one
task run per case. A case that fails is set aside, the others go on, and the run ends
Failed *after* the work, with the list.
"""

from __future__ import annotations

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
from tasks.case_lifecycle import advance, claim, failed_before, set_aside
from tasks.correspondence import send_letters
from tasks.runtime import current

PAGE = 25
"""Cases claimed at a time: few enough that a second worker finds some, many enough to matter."""


@task(name="drive-case", task_run_name="{case_number}", cache_policy=NO_CACHE)
async def drive_case(case_number: str) -> str:
    """One routine case, without a run of its own; what it then waits for."""
    with structlog.contextvars.bound_contextvars(case=case_number):
        return (await in_thread(advance, current(), case_number)).name


@flow(name="drive-cases", flow_run_name="drive {lane}")
async def drive_cases(lane: Literal["child-safety", "routine"] = "child-safety", most: int = 1_000) -> State[None]:
    """Drive up to ``most`` ready cases of a lane."""
    runtime, owner = current(), f"drive-cases:{flow_run.id}"
    failed: list[str] = []
    driven = 0
    while driven < most and (numbers := claim(runtime, lane, owner, min(PAGE, most - driven))):
        for number in numbers:
            own_run = lane == Lane.CHILD_SAFETY or failed_before(runtime, number)
            try:
                await (case_lifecycle(number) if own_run else drive_case(number))
            except CaseMovedMeanwhile as error:
                # A person was quicker; what they did stands, and the next drive goes on from there.
                set_aside(runtime, number, error)
            except Exception as error:
                failed.append(number)
                set_aside(runtime, number, error)
        driven += len(numbers)
    if lane == Lane.CHILD_SAFETY and driven:
        await in_thread(send_letters, runtime, urgent_only=True)
    if failed:
        return Failed(name=f"{len(failed)} of {driven} failed", message=f"Set aside: {', '.join(failed)}")
    return Completed(name=f"{driven} driven" if driven else "Nothing ready")

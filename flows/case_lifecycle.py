"""One case, as far as it goes without a person, a platform or a deadline.

The run ends in a state named after what the case waits for; the operator reads it as a badge.
"""

from __future__ import annotations

from typing import Annotated

import structlog
from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, State
from pydantic import StringConstraints

from flows.guarded import in_thread
from tasks.case_lifecycle import BY_NAME, Stage, advance_with
from tasks.runtime import current

CaseNumber = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,6}-\d{4}-\d{6,}$")]


@task(name="stage", task_run_name="{stage}", cache_policy=NO_CACHE)
async def run_stage(stage: str, case_number: str) -> None:
    """One stage of one case. It may talk to a platform, so it has a thread of its own."""
    await in_thread(BY_NAME[stage].run, current(), case_number)


@flow(name="case-lifecycle", flow_run_name="{case_number}")
async def case_lifecycle(case_number: CaseNumber) -> State[None]:
    """Drive one case now. Safe to run again at any time: the case file knows where the case is."""

    async def run(stage: Stage) -> None:
        await run_stage(stage.name, case_number)

    with structlog.contextvars.bound_contextvars(case=case_number):
        wait = await advance_with(current(), case_number, run)
    return Completed(name=wait.name, message=f"Next: {wait.who}. {wait.what}")

"""The floor of a drive: flows shaped like ``case_lifecycle`` that do nothing. Importing this imports Prefect.

The flow and its tasks carry run names and end in a named state as ours do, so that what is compared
is the work on the case and nothing of Prefect's own.
"""

from __future__ import annotations

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed


@task(name="nothing", task_run_name="{stage}", cache_policy=NO_CACHE)
async def nothing(stage: str, case_number: str) -> None:
    """A stage that does nothing."""


@flow(name="floor", flow_run_name="{case_number}")
async def floor(case_number: str, stages: tuple[str, ...]) -> State[None]:
    """As many empty task runs as a case has stages."""
    for stage in stages:
        await nothing(stage, case_number)
    return Completed(name="Nothing", message="Nothing to do.")

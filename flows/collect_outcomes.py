"""Read the platforms' answers and wake the lanes for the cases they concern."""

from __future__ import annotations

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from casework.vocabulary import Lane
from flows.guarded import in_thread
from flows.showing import succeeded
from flows.waking import wake
from tasks.collect_outcomes import Collected, collect
from tasks.runtime import current


@task(name="read answers", cache_policy=NO_CACHE)
async def read_answers() -> Collected:
    """Every channel's new answers, item by item."""
    return await in_thread(collect, current())


@flow(name="collect-outcomes", flow_run_name="collect outcomes")
async def collect_outcomes() -> State[None]:
    """Record what platforms did; what follows from it is each case's own drive."""
    found = await read_answers()
    if found.recorded:
        wake(Lane)
    if found.down:
        return Completed(name=f"Not reached: {', '.join(found.down)}", message=f"{found.recorded} outcomes before.")
    await succeeded("outcomes", recorded=found.recorded, held=found.held)
    if not (found.recorded or found.held):
        return Completed(name="No answers")
    return Completed(name=f"{found.recorded} outcomes, {found.held} held")

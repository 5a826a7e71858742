"""Act on every clock's threshold that has come. Safe to run never, once or twelve times for one slot."""

from __future__ import annotations

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed, State

from flows.guarded import in_thread
from tasks.correspondence import send_letters
from tasks.runtime import current
from tasks.sla_sweep import SweepResult, sweep


@task(name="fire thresholds", cache_policy=NO_CACHE)
async def fire_thresholds() -> SweepResult:
    """Warn, record breaches, write letters, raise rungs."""
    return await in_thread(sweep, current())


@task(name="send urgent letters", cache_policy=NO_CACHE)
async def send_urgent_letters() -> None:
    """Warnings and escalations of children's cases leave with the sweep that wrote them."""
    await in_thread(send_letters, current(), urgent_only=True)


@flow(name="sla-sweep", flow_run_name="sla sweep")
async def sla_sweep() -> State[None]:
    """One sweep at one reading of the clock."""
    result = await fire_thresholds()
    if result.rungs or result.letters:
        await send_urgent_letters()
    if result.failed:
        return Failed(name=f"{len(result.failed)} clocks failed", message=f"Look at: {', '.join(result.failed)}")
    if not result.clocks:
        return Completed(name="Nothing due")
    return Completed(name=f"{result.breached} breached, {result.warned} warned, {result.rungs} rungs")

"""Compare the case file with itself and with Prefect, and put right what was left behind. Safe to run at any time."""

from __future__ import annotations

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from flows.guarded import in_thread
from flows.showing import succeeded
from flows.waking import wake
from tasks.reconcile import NAME, Reconciled
from tasks.reconcile import reconcile as put_right
from tasks.runtime import current


@task(name="put right", cache_policy=NO_CACHE)
async def put_all_right() -> Reconciled:
    """Deployments, schedules, runs, leases, cases and letters, in this order."""
    return await in_thread(put_right, current())


@flow(name="reconcile", flow_run_name="reconcile")
async def reconcile() -> State[None]:
    """One comparison; what became ready is driven at once."""
    result = await put_all_right()
    wake(result.lanes)
    said = " ".join(trouble.said for trouble in result.found)[:2_000]
    if result.failed:
        return Failed(name=f"{len(result.failed)} not put right", message=" ".join(result.failed)[:2_000])
    await succeeded(NAME, **result.counts)
    if not result.found:
        return Completed(name="All in order")
    return Completed(name=f"{len(result.found)} put right", message=said)

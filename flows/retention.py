"""Erase, once a week, what the policy pack no longer keeps. Safe to repeat; what a crash leaves the next run finds."""

from __future__ import annotations

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from flows.guarded import in_thread
from tasks.heartbeats import beat
from tasks.retention import Outcome, erase_due
from tasks.runtime import current


@task(name="erase what is due", cache_policy=NO_CACHE)
async def erase_what_is_due() -> Outcome:
    """One case a transaction; a legal hold is looked at again inside it."""
    return await in_thread(erase_due, current())


@task(name="note the success", cache_policy=NO_CACHE)
async def note_success(erased: int) -> None:
    await in_thread(beat, current(), "retention", {"erased": erased})


@flow(name="retention", flow_run_name="retention")
async def retention() -> State[None]:
    """More than a set number waits for a person: 'qorgan retention confirm'."""
    found = await erase_what_is_due()
    if found.failed:
        return Failed(name=f"{len(found.failed)} cases failed", message=f"Look at: {', '.join(found.failed)}")
    await note_success(found.erased)
    if found.waits:
        return Completed(
            name=f"{found.due} wait for a confirmation",
            message="Nothing was erased. See 'qorgan retention run --dry-run', then 'qorgan retention confirm'.",
        )
    kept = f", {len(found.kept)} kept" if found.kept else ""
    return Completed(name=f"{found.erased} erased{kept}" if found.erased or kept else "Nothing due")

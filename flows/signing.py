"""The head of the event log, signed once a day and written to the audit officers."""

from __future__ import annotations

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from flows.guarded import in_thread
from flows.showing import succeeded
from tasks.runtime import current
from tasks.signed_heads import Signed, sign_daily


@task(name="sign the head", cache_policy=NO_CACHE)
async def sign_the_head() -> Signed:
    """Walks the whole log first: nothing broken is signed."""
    return await in_thread(sign_daily, current())


@flow(name="sign-head", flow_run_name="signed head of the log")
async def sign_head() -> State[None]:
    """Safe to run again: a day's head is signed once."""
    signed = await sign_the_head()
    await succeeded("sign-head", letters=signed.letters)
    if not signed.new:
        return Completed(name="Signed before")
    events = signed.head.statement.seq
    return Completed(name=f"{events} events signed, {signed.letters} letters")

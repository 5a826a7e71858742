"""Send the letters that are queued."""

from __future__ import annotations

from prefect import flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, State

from flows.guarded import in_thread
from tasks.correspondence import Sent, send_letters
from tasks.runtime import current


@task(name="send letters", cache_policy=NO_CACHE)
async def send_queued_letters() -> Sent:
    """One attempt on every letter that may be tried now."""
    return await in_thread(send_letters, current())


@flow(name="correspondence", flow_run_name="correspondence")
async def correspondence() -> State[None]:
    """Urgent letters first; a letter that fails never holds up the next."""
    sent = await send_queued_letters()
    if sent.look_at:
        return Completed(
            name=f"{sent.sent} sent, {len(sent.look_at)} to look at",
            message=f"Letters: {', '.join(map(str, sent.look_at))}. See 'qorgan letters list'.",
        )
    later = sent.later + sent.repeated
    if later:
        return Completed(name=f"{sent.sent} sent, {later} again later")
    return Completed(name=f"{sent.sent} sent" if sent.sent else "Nothing to send")

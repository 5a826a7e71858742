"""Send the letters that are queued, and show operators how the correspondence stands."""

from __future__ import annotations

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from flows.guarded import in_thread
from flows.showing import show_page, succeeded
from tasks.correspondence import Sent, send_letters
from tasks.correspondence_report import standing
from tasks.runtime import current

ARTIFACT = "correspondence"


@task(name="send letters", cache_policy=NO_CACHE)
async def send_queued_letters() -> Sent:
    """One attempt on every letter that may be tried now."""
    return await in_thread(send_letters, current())


@task(name="show the correspondence", cache_policy=NO_CACHE)
async def show_correspondence() -> None:
    """The page under Artifacts: each run writes it anew under the same key."""
    found = await in_thread(standing, current())
    await show_page(ARTIFACT, found.markdown, "Letters and mails by state; what waits and what is dead.")


@flow(name="correspondence", flow_run_name="correspondence")
async def correspondence() -> State[None]:
    """Urgent letters first; a letter that fails never holds up the next."""
    sent = await send_queued_letters()
    await show_correspondence()
    if sent.muted:
        return Completed(name=f"Muted: {sent.waiting} letters wait", message=sent.muted)
    if sent.stopped:
        return Completed(name=f"{sent.sent} sent, then stopped", message=sent.stopped)
    await succeeded("letters", sent=sent.sent)
    if sent.look_at:
        return Completed(
            name=f"{sent.sent} sent, {len(sent.look_at)} to look at",
            message=f"Letters: {', '.join(map(str, sent.look_at))}. See 'qorgan letters list --dead'.",
        )
    waiting = ((sent.later + sent.repeated, "again later"), (sent.held, "held"))
    more = "".join(f", {count} {what}" for count, what in waiting if count)
    return Completed(name=f"{sent.sent} sent{more}" if sent.sent or more else "Nothing to send")

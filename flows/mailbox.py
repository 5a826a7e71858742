"""Answers come home: mails are stored as they come, then read one by one."""

from __future__ import annotations

from collections import Counter

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from casework.vocabulary import Lane
from flows.guarded import in_thread
from flows.showing import succeeded
from flows.waking import wake
from tasks.mail_reading import ReadMails, read_stored
from tasks.mailbox import Fetched, fetch
from tasks.runtime import current


@task(name="fetch mails", cache_policy=NO_CACHE)
async def fetch_mails() -> Fetched:
    """Store what waits in the folder and the mailbox; each source is told after the commit."""
    return await in_thread(fetch, current())


@task(name="read a page of mails", cache_policy=NO_CACHE)
async def read_page(after: int) -> ReadMails:
    """Classify, match and act, one mail a transaction."""
    return await in_thread(read_stored, current(), after=after)


@flow(name="mailbox", flow_run_name="mailbox")
async def mailbox() -> State[None]:
    """A mail that fails never holds up the next; the run says so after the work is done."""
    fetched = await fetch_mails()
    counts: Counter[str] = Counter(held=fetched.held)
    failed: list[int] = []
    after, done = 0, False
    while not done:
        page = await read_page(after)
        counts.update(read=page.read, held=page.held, asked=page.effects["platform.asked"])
        failed += page.failed
        after, done = page.last, page.done
    if counts["asked"]:
        wake(Lane)
    name = ", ".join(f"{counts[what]} {what}" for what in ("read", "held") if counts[what])
    if not fetched.down:
        await succeeded("mailbox", read=counts["read"], held=counts["held"], failed=len(failed) + fetched.failed)
    if failed or fetched.failed:
        said = [f"Mails: {', '.join(map(str, failed))}."] if failed else []
        said += [f"{fetched.failed} not stored; they stay where they are."] if fetched.failed else []
        return Failed(name=f"{len(failed) + fetched.failed} mails failed", message=" ".join([*said, name]).strip())
    if fetched.down:
        return Completed(name=f"Not reached: {', '.join(fetched.down)}", message=name or "No mails.")
    return Completed(name=name or "No mails")

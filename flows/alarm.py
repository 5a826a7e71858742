"""Write the operators a letter. Prefect's open server sends none: its automations start this flow instead."""

from __future__ import annotations

from typing import Annotated

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed
from pydantic import StringConstraints

from flows.guarded import in_thread
from tasks.alarms import ABOUT, What, raise_alarm
from tasks.correspondence import send_letters
from tasks.runtime import current

About = Annotated[str, StringConstraints(pattern=ABOUT)]


@task(name="write the alarm", cache_policy=NO_CACHE)
async def write_alarm(what: What, about: str) -> bool:
    """One letter an hour about one thing."""
    return await in_thread(raise_alarm, current(), what, about)


@task(name="send urgent letters", cache_policy=NO_CACHE)
async def send_urgent_letters() -> None:
    """At once: the schedule that sends letters may be what is wrong."""
    await in_thread(send_letters, current(), urgent_only=True)


@flow(name="alarm", flow_run_name="alarm: {what}")
async def alarm(what: What, about: About) -> State[None]:
    """``about`` is a case number, a flow, a deployment or a queue; nothing that a person wrote."""
    if not await write_alarm(what, about):
        return Completed(name="Written this hour already")
    await send_urgent_letters()
    return Completed(name="Letter written")

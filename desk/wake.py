"""Tell a running Prefect that cases are ready. A hint for speed: the schedule drives them anyway."""

from __future__ import annotations

import threading
from collections.abc import Iterable

import typer

EVENT = "qorgan.cases.ready"
LONGEST = 3.0
"""Seconds a person waits for Prefect at most, once its library is loaded."""


def wake(lanes: Iterable[str]) -> None:
    """Emit one event per lane, if a Prefect is known; on any failure say that nothing is lost."""
    from tasks.orchestrator import known_address, listens
    from tasks.runtime import current

    address = known_address(current().settings.home)
    names = sorted({str(lane) for lane in lanes})
    if address is None or not names:
        return
    if not (listens(address) and _emit(address, names)):
        typer.echo("Prefect is not reachable; everything is stored, the schedule will drive it.", err=True)


def _emit(address: str, lanes: list[str]) -> bool:
    """Whether Prefect confirmed the events in time."""
    import asyncio
    import logging

    from prefect.events import Event
    from prefect.events.clients import PrefectEventsClient

    logging.getLogger("prefect").setLevel(logging.CRITICAL)
    confirmed = threading.Event()

    async def send() -> None:
        async with PrefectEventsClient(api_url=address, reconnection_attempts=0) as client:
            for lane in lanes:
                await client.emit(Event(event=EVENT, resource={"prefect.resource.id": f"qorgan.lane.{lane}"}))
        confirmed.set()

    def in_time() -> None:
        try:
            asyncio.run(asyncio.wait_for(send(), LONGEST))
        except Exception:
            # Whatever Prefect's trouble is, the work is stored and its schedule comes round.
            return

    sender = threading.Thread(target=in_time, daemon=True)
    sender.start()
    sender.join(LONGEST)
    return confirmed.is_set()

"""Tell a running Prefect that cases are ready. A hint for speed: the schedule drives them anyway."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import typer

EVENT = "qorgan.cases.ready"
LONGEST = 3.0
"""Seconds a person waits for Prefect at most, once its library is loaded."""


def wake(lanes: Iterable[str]) -> None:
    """Emit one event per lane, if a Prefect is known; on any failure say that nothing is lost."""
    from tasks.runtime import current

    address = known_address(current().settings.home)
    names = sorted({str(lane) for lane in lanes})
    if address is None or not names:
        return
    if not (_listens(address) and _emit(address, names)):
        typer.echo("Prefect is not reachable; everything is stored, the schedule will drive it.", err=True)


def known_address(home: Path) -> str | None:
    """Prefect's API address from the environment, or from the note a local server leaves in ``home``."""
    if stated := os.environ.get("PREFECT_API_URL"):
        return stated
    try:
        found = json.loads((home / "prefect.json").read_text(encoding="utf-8"))["api_url"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(found)


def _listens(address: str) -> bool:
    """Whether anybody answers there; spares loading Prefect's library for a server that is gone."""
    try:
        parts = urlsplit(address)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        with socket.create_connection((parts.hostname or "", port), timeout=1.0):
            return True
    except (OSError, ValueError):
        return False


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

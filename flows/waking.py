"""Tell the lanes that cases are ready. A hint for speed: the schedules make sure."""

from __future__ import annotations

from collections.abc import Iterable

from prefect.events import emit_event

READY = "qorgan.cases.ready"
"""The event that prefect.yaml's triggers wait for."""


def wake(lanes: Iterable[str]) -> None:
    """Emit one event per lane; no case is named in it."""
    for lane in sorted(set(lanes)):
        emit_event(event=READY, resource={"prefect.resource.id": f"qorgan.lane.{lane}"})

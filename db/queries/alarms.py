"""Questions about alarms that were raised."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.tables import Event

RAISED = "alarm.raised"
"""The event of an alarm."""


def count_raised(session: Session, what: str, since: datetime) -> int:
    """How many alarms about ``what`` were raised since then."""
    found = session.scalars(select(Event.data).where(Event.kind == RAISED, Event.at >= since))
    return sum(data["what"] == what for data in found)

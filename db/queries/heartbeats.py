"""Questions about the last success of scheduled jobs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.base import JsonDict
from db.tables import Heartbeat


def heartbeats(session: Session) -> dict[str, tuple[datetime, JsonDict]]:
    """Every job's last success and what it counted."""
    rows = session.execute(select(Heartbeat.name, Heartbeat.succeeded_at, Heartbeat.detail))
    return {name: (at, detail) for name, at, detail in rows}


def expect_heartbeats(session: Session, names: Collection[str], at: datetime, detail: JsonDict) -> None:
    """Give jobs that were never seen a heartbeat to be measured from."""
    known = set(session.scalars(select(Heartbeat.name).where(Heartbeat.name.in_(names))))
    session.add_all(Heartbeat(name=name, succeeded_at=at, detail=detail) for name in names if name not in known)

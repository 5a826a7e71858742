"""Questions about policy versions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.tables import CaseFile, Clock, PolicyVersion


def policy_versions(session: Session) -> list[tuple[str, datetime, int, int]]:
    """Every version on record, oldest first: when adopted, cases opened under it, clocks that follow it."""
    cases = dict(
        session.execute(select(CaseFile.policy_version, func.count()).group_by(CaseFile.policy_version)).tuples().all()
    )
    clocks = dict(
        session.execute(select(Clock.policy_version, func.count()).group_by(Clock.policy_version)).tuples().all()
    )
    kept = PolicyVersion
    rows = session.execute(select(kept.version, kept.adopted_at).order_by(kept.adopted_at, kept.version))
    return [(version, at, cases.get(version, 0), clocks.get(version, 0)) for version, at in rows]

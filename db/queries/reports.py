"""Questions about reports and the holding pen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.vocabulary import ReportState
from db.tables import HeldItem, Party, Report


def reports_with_digests(session: Session, digests: Sequence[str]) -> dict[str, int]:
    """For each digest seen before: the id of the first report with exactly those bytes."""
    found: dict[str, int] = {}
    for start in range(0, len(digests), 500):
        rows = session.execute(
            select(Report.raw_sha256, func.min(Report.id))
            .where(Report.raw_sha256.in_(digests[start : start + 500]))
            .group_by(Report.raw_sha256)
        )
        found.update({digest: report_id for digest, report_id in rows})
    return found


def reports_not_read(session: Session, limit: int) -> Sequence[Report]:
    """Reports that were stored but not read, as after a crash between the two steps."""
    return session.scalars(
        select(Report)
        .where(Report.state == ReportState.STORED)
        .order_by(Report.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    ).all()


def reports_read(session: Session, ids: Sequence[int]) -> set[int]:
    """Which of these reports have been read already."""
    found: set[int] = set()
    for start in range(0, len(ids), 500):
        query = select(Report.id).where(Report.id.in_(ids[start : start + 500]), Report.state != ReportState.STORED)
        found.update(session.scalars(query))
    return found


def report_by_id(session: Session, report_id: int) -> Report | None:
    return session.get(Report, report_id, populate_existing=True)


def count_reports_since(session: Session, case_id: int, since: datetime) -> int:
    """How many reports of a case came in since a moment; at least the one that is being looked at.

    The same bytes again are the same report: a file that is read twice after a crash makes nothing more urgent.
    """
    query = select(func.count()).where(
        Report.case_id == case_id, Report.received_at >= since, Report.duplicate_of.is_(None)
    )
    if not any(isinstance(row, Report) for row in (*session.new, *session.dirty)):
        # What waits to be written is about other things; it is written together later.
        query = query.execution_options(autoflush=False)
    return max(session.scalar(query) or 0, 1)


def count_reports(session: Session) -> dict[str, int]:
    """Reports counted by what became of them."""
    rows = session.execute(select(Report.state, func.count()).group_by(Report.state))
    return {state: count for state, count in rows}


def held_items(session: Session, *, settled: bool = False, limit: int = 200) -> Sequence[HeldItem]:
    """The holding pen, oldest first."""
    state = "settled" if settled else "held"
    return session.scalars(select(HeldItem).where(HeldItem.state == state).order_by(HeldItem.id).limit(limit)).all()


def held_item_by_id(session: Session, held_id: int) -> HeldItem | None:
    return session.get(HeldItem, held_id, populate_existing=True)


def party_by_id(session: Session, party_id: int) -> Party | None:
    return session.get(Party, party_id)

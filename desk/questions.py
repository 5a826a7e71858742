"""Questions about the case file that only the desk asks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.vocabulary import OPEN_STATUSES, DeliveryState, ReportState
from db.tables import CaseFile, Escalation, HeldItem, Letter, Report, Submission

EscalationRow = tuple[Escalation, str, str, str]
"""An escalation, its case's number, its submission's number and its platform."""


def escalations(session: Session, case_id: int | None, limit: int) -> list[EscalationRow]:
    """Rungs of one case, or of all: those that nobody acknowledged first, then the newest."""
    query = (
        select(Escalation, CaseFile.number, Submission.number, Submission.platform)
        .join(CaseFile, CaseFile.id == Escalation.case_id)
        .join(Submission, Submission.id == Escalation.submission_id)
        .order_by(Escalation.acknowledged_at.is_not(None), Escalation.id.desc())
        .limit(limit)
    )
    if case_id is not None:
        query = query.where(Escalation.case_id == case_id)
    return [(rung, case, submission, platform) for rung, case, submission, platform in session.execute(query)]


def numbers_of_cases(session: Session, ids: set[int]) -> dict[int, str]:
    """Case numbers by id."""
    query = select(CaseFile.id, CaseFile.number).where(CaseFile.id.in_(ids))
    return dict(session.execute(query).tuples().all())


def submissions_waiting(session: Session, state: str | None, limit: int) -> Sequence[tuple[Submission, str, str]]:
    """Notices with their case's number and priority: the most urgent first."""
    query = (
        select(Submission, CaseFile.number, CaseFile.priority)
        .join(CaseFile, CaseFile.id == Submission.case_id)
        .order_by(CaseFile.priority_rank, Submission.id)
        .limit(limit)
    )
    if state:
        query = query.where(Submission.state == state)
    return [(row, number, priority) for row, number, priority in session.execute(query)]


def count_letters_for_people(session: Session) -> dict[str, int]:
    """How many letters a person must look at, by state."""
    wanted = (DeliveryState.REFUSED, DeliveryState.UNKNOWN)
    query = select(Letter.state, func.count()).where(Letter.state.in_(wanted)).group_by(Letter.state)
    return dict(session.execute(query).tuples().all())


def count_unread(session: Session) -> int:
    """How many reports were stored and not read."""
    return session.scalar(select(func.count()).select_from(Report).where(Report.state == ReportState.STORED)) or 0


def count_held(session: Session) -> int:
    """How many things wait in the holding pen."""
    return session.scalar(select(func.count()).select_from(HeldItem).where(HeldItem.state == "held")) or 0


def newest_sealed_report(session: Session) -> bytes | None:
    """The sealed bytes of the newest report: whether the vault opens is tried on it."""
    return session.scalar(
        select(Report.raw_sealed).where(func.length(Report.raw_sealed) > 0).order_by(Report.id.desc()).limit(1)
    )


def open_categories(session: Session) -> set[str]:
    """The kinds of harm of all cases in which work is still owed."""
    return set(session.scalars(select(CaseFile.category).where(CaseFile.status.in_(OPEN_STATUSES)).distinct()))

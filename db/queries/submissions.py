"""Questions about notices and outcomes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.vocabulary import Outcome
from db.queries.held import while_held
from db.tables import ChannelCursor, ContentItem, ItemOutcome, Submission

SUBMISSIONS = select(Submission).order_by(Submission.id).execution_options(populate_existing=True)
"""Notices and answers, oldest first."""


@while_held(Submission)
def submissions_of_case(session: Session, case_id: int) -> Sequence[Submission]:
    """A case's notices and answers, oldest first."""
    return session.scalars(SUBMISSIONS.where(Submission.case_id == case_id)).all()


def notice_of(session: Session, paper: Submission) -> Submission:
    """The notice that an answer of ours belongs to; a notice is its own."""
    earlier = (row for row in reversed(submissions_of_case(session, paper.case_id)) if row.id < paper.id)
    belongs = (row for row in earlier if row.kind == "notice" and set(row.item_ids) >= set(paper.item_ids))
    return paper if paper.kind == "notice" else next(belongs, paper)


def submission_by_number(session: Session, number: str) -> Submission | None:
    """The submission with this number, as in QN-2026-000123/S1."""
    return session.scalars(
        select(Submission).where(Submission.number == number).execution_options(populate_existing=True)
    ).one_or_none()


def known_answers(session: Session, submission_ids: Collection[int]) -> set[tuple[int, str]]:
    """Notice and id of every answer about these notices that was recorded before."""
    query = select(ItemOutcome.submission_id, ItemOutcome.answer_id)
    return set(session.execute(query.where(ItemOutcome.submission_id.in_(submission_ids))).tuples())


def last_question(session: Session, item_ids: Sequence[int]) -> str | None:
    """What the platform last asked about any of these items, in its own words."""
    query = select(ItemOutcome.reason).where(
        ItemOutcome.item_id.in_(item_ids), ItemOutcome.outcome == Outcome.MORE_INFO_NEEDED, ItemOutcome.reason != ""
    )
    return session.scalar(query.order_by(ItemOutcome.id.desc()).limit(1))


def count_outcomes(session: Session) -> dict[str, int]:
    """Items counted by the outcome in force, for cases that were submitted."""
    rows = session.execute(
        select(ContentItem.outcome, func.count())
        .where(ContentItem.case_id.in_(select(Submission.case_id)))
        .group_by(ContentItem.outcome)
    )
    return {outcome: count for outcome, count in rows}


def cursor_position(session: Session, name: str) -> int:
    """How far a channel's answers were read; 0 at first."""
    return session.scalar(select(ChannelCursor.position).where(ChannelCursor.name == name)) or 0


def move_cursor(session: Session, name: str, position: int) -> None:
    """Remember how far a channel's answers were read."""
    session.merge(ChannelCursor(name=name, position=position))

"""Questions about notices and outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from casework.vocabulary import DeliveryState, Outcome
from db.queries.held import while_held
from db.tables import ChannelCursor, ContentItem, ItemOutcome, Submission


@while_held(Submission)
def submissions_of_case(session: Session, case_id: int) -> Sequence[Submission]:
    """A case's notices and answers, oldest first."""
    return session.scalars(
        select(Submission)
        .where(Submission.case_id == case_id)
        .order_by(Submission.id)
        .execution_options(populate_existing=True)
    ).all()


def submission_by_number(session: Session, number: str) -> Submission | None:
    """The submission with this number, as in QN-2026-000123/S1."""
    return session.scalars(
        select(Submission).where(Submission.number == number).execution_options(populate_existing=True)
    ).one_or_none()


def claim_submission(session: Session, submission_id: int, now: datetime, lease: timedelta) -> Submission | None:
    """Take a submission to try it; None when somebody else has it or nothing may be tried now.

    An unknown one may be claimed as well: the caller asks the platform before anything else.
    """
    taken = session.execute(
        update(Submission)
        .where(
            Submission.id == submission_id,
            or_(
                Submission.state.in_((DeliveryState.QUEUED, DeliveryState.UNKNOWN)),
                (Submission.state == DeliveryState.SENDING) & (Submission.lease_until < now),
            ),
            or_(Submission.next_attempt_at.is_(None), Submission.next_attempt_at <= now),
        )
        .values(state=DeliveryState.SENDING, lease_until=now + lease, attempts=Submission.attempts + 1)
        .returning(Submission.id)
    ).scalar_one_or_none()
    if taken is None:
        return None
    return session.scalars(
        select(Submission).where(Submission.id == taken).execution_options(populate_existing=True)
    ).one()


def outcome_known(session: Session, submission_id: int, answer_id: str) -> bool:
    """Whether this answer was recorded before."""
    query = select(ItemOutcome.id).where(ItemOutcome.submission_id == submission_id, ItemOutcome.answer_id == answer_id)
    return session.scalar(query) is not None


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

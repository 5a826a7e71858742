"""A platform asks, or has decided: told of the paper that has its word, so that the right clocks stop and start.

About one item a platform may hold a notice of ours and answers to its questions. Its time runs on the newest of them,
whichever it names when it speaks.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.orm import Session

from casework.clocks import Subject
from casework.facts import Actor
from casework.moments import Moment
from casework.vocabulary import FINAL_OUTCOMES, DeliveryState, Outcome
from db.base import JsonDict
from db.queries.cases import items_of_case
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Submission
from tasks.record import note
from tasks.runtime import Runtime

ON_THEIR_WAY = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
"""States of a paper of which a try is still to find out whether the platform has it."""


def may_be_there(row: Submission) -> bool:
    """Whether it was tried, and nothing is known yet of what came of it."""
    return bool(row.attempts) and row.state in ON_THEIR_WAY


def newest_about(session: Session, named: Submission, item_ids: Collection[int]) -> Submission:
    """The last paper about any of these items that the platform has, or may have; ``named`` where there is no later."""
    return next(
        (
            row
            for row in reversed(submissions_of_case(session, named.case_id))
            if not set(item_ids).isdisjoint(row.item_ids) and (row.state == DeliveryState.SENT or may_be_there(row))
        ),
        named,
    )


def outcomes_of(session: Session, row: Submission) -> set[Outcome]:
    """The outcomes in force of the items that a notice or an answer is about."""
    return {Outcome(item.outcome) for item in items_of_case(session, row.case_id) if item.id in row.item_ids}


def platform_said(
    session: Session,
    runtime: Runtime,
    case: CaseFile,
    row: Submission,
    moment: Moment,
    actor: Actor,
    at: datetime,
    data: JsonDict | None = None,
) -> None:
    """The clocks on one paper stop when the platform has decided all its items, or asks."""
    subject = Subject("submission", row.id)
    about = {"submission": row.number, **(data or {})}
    note(session, runtime, case, moment, actor, at, moment=moment, subject=subject, data=about)


def say_what_came_first(
    session: Session, runtime: Runtime, case: CaseFile, answer: Submission, actor: Actor, at: datetime
) -> None:
    """It is known only now that the platform has our answer, and it has spoken since: its time does not begin."""
    outcomes = outcomes_of(session, answer)
    if Outcome.MORE_INFO_NEEDED in outcomes:
        platform_said(session, runtime, case, answer, "platform.asked", actor, at)
    elif outcomes <= FINAL_OUTCOMES:
        platform_said(session, runtime, case, answer, "platform.decided", actor, at)

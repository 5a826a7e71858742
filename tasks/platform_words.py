"""A platform asks, or has decided: told of the paper that has its word, so that the right clocks stop and start.

A question about one item of a notice is a word on all of it, and our answer begins the time anew for all that are open:
so a platform's time runs on the newest paper of the notice, whichever it names when it speaks.
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
from db.queries.submissions import notice_of, submissions_of_case
from db.tables import CaseFile, Submission
from tasks.record import note
from tasks.runtime import Runtime

ON_THEIR_WAY = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN)
"""States of a paper of which a try is still to find out whether the platform has it."""


def may_be_there(row: Submission) -> bool:
    """Whether it was tried, and nothing is known yet of what came of it."""
    return bool(row.attempts) and row.state in ON_THEIR_WAY


def time_runs_for(session: Session, paper: Submission) -> set[int]:
    """The items on which the platform owes a word while its time on a paper runs: those of the whole notice."""
    return set(notice_of(session, paper).item_ids)


def newest_about(session: Session, named: Submission, item_ids: Collection[int]) -> Submission:
    """The last paper that is about any of these items; ``named`` where there is no later.

    A notice that the platform has or may have; an answer also before it goes out, for its time must not begin then.
    """
    return next(
        (
            row
            for row in reversed(submissions_of_case(session, named.case_id))
            if not time_runs_for(session, row).isdisjoint(item_ids)
            and (row.state == DeliveryState.SENT or may_be_there(row) or _goes_out(row))
        ),
        named,
    )


def _goes_out(row: Submission) -> bool:
    return row.kind == "answer" and row.state not in (DeliveryState.REFUSED, DeliveryState.DROPPED)


def outcomes_of(session: Session, row: Submission) -> set[Outcome]:
    """The outcomes in force of the items for which the platform's time on a paper runs."""
    about = time_runs_for(session, row)
    return {Outcome(item.outcome) for item in items_of_case(session, row.case_id) if item.id in about}


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
    """The clocks on one paper stop when the platform has decided all that it is about, or asks."""
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


def say_that_it_has_all(
    session: Session, runtime: Runtime, case: CaseFile, given_up: Submission, actor: Actor, at: datetime
) -> None:
    """No answer comes to its question, and it owes a word on the notice's other items: its time goes on with those.

    Its time on the last paper that it has; while another answer is on its way, its time begins with that.
    """
    outcomes = outcomes_of(session, given_up)
    last = newest_about(session, notice_of(session, given_up), time_runs_for(session, given_up))
    if Outcome.MORE_INFO_NEEDED in outcomes or outcomes <= FINAL_OUTCOMES or last.state != DeliveryState.SENT:
        return
    note(
        session, runtime, case, "answer.given_up", actor, at, moment="answer.given_up",
        subject=Subject("submission", last.id), data={"submission": last.number},
    )  # fmt: skip

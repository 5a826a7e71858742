"""Answers of platforms, item by item: recorded once, and acted on in the case's next drive."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from casework.errors import NotAllowed, QorganError
from casework.facts import SYSTEM, Actor, CaseFacts
from casework.vocabulary import FINAL_OUTCOMES, Action, DeliveryState, HoldReason, Outcome, Role, Status
from db.queries.cases import case_by_id, case_by_number, items_of_case
from db.queries.events import events_together
from db.queries.held_cases import read_cases
from db.queries.submissions import (
    cursor_position,
    known_answers,
    move_cursor,
    submission_by_number,
    submissions_of_case,
)
from db.tables import CaseFile, ContentItem, ItemOutcome, Submission
from tasks.attempts import accepted
from tasks.case_facts import facts_of
from tasks.channels import Answer, ChannelDown
from tasks.holding_pen import hold_answer
from tasks.logs import logger
from tasks.platform_words import may_be_there, newest_about, outcomes_of, platform_said, time_runs_for
from tasks.record import move_in, note, transaction
from tasks.runtime import Runtime

log = logger("collect_outcomes")


@dataclass(slots=True)
class Collected:
    """Counts of one collection; ``down`` names channels that could not be asked."""

    recorded: int = 0
    repeated: int = 0
    held: int = 0
    down: tuple[str, ...] = ()


def collect(runtime: Runtime) -> Collected:
    """Read every channel's new answers. A page's answers and its cursor are committed together."""
    total = Collected()
    for kind, channel in runtime.channels.items():
        while True:
            with runtime.sessions.read() as session:
                after = cursor_position(session, kind)
            try:
                page = channel.answers(after)
            except ChannelDown as error:
                log.warning("channel down", channel=kind, error=str(error))
                total.down += (kind,)
                break
            if page.next == after and not page.answers and not page.unreadable:
                break
            with transaction(runtime) as session, events_together(session):
                read_cases(session, {_case_number(answer.submission) for answer in page.answers})
                _take(session, runtime, kind, page.answers, total)
                for _position, raw in page.unreadable:
                    _hold(session, runtime, HoldReason.UNREADABLE_ANSWER, "an answer cannot be read", raw, total)
                move_cursor(session, kind, page.next)
            if page.next == after:
                break
    return total


def _case_number(submission_number: str) -> str:
    """The case whose notice this is, as in QN-2026-000123/S1."""
    return submission_number.partition("/")[0]


def _submission(session: Session, number: str) -> Submission | None:
    case = case_by_number(session, _case_number(number))
    rows = [] if case is None else submissions_of_case(session, case.id)
    return next((row for row in rows if row.number == number), None)


def _take(session: Session, runtime: Runtime, kind: str, answers: Sequence[Answer], total: Collected) -> None:
    about = [(answer, _submission(session, answer.submission)) for answer in answers]
    known = known_answers(session, {submission.id for _, submission in about if submission is not None})
    for answer, submission in about:
        item = _item(session, submission, answer.item) if submission is not None else None
        if submission is not None and item is not None and _may_have_arrived(submission, kind, answer):
            # Nobody answers what did not arrive: so this is also the receipt that is not written yet, or got lost.
            case = case_by_id(session, submission.case_id)
            accepted(session, runtime, case, submission, answer.reference, SYSTEM, runtime.now())
        if submission is None or item is None or submission.platform_reference != answer.reference:
            message = "an answer names an item or a notice that was never sent"
            _hold(session, runtime, HoldReason.UNKNOWN_ITEM, message, answer.model_dump(mode="json"), total)
        elif (submission.id, answer.answer_id) in known:
            total.repeated += 1
        else:
            known.add((submission.id, answer.answer_id))
            _record(session, runtime, submission, item, answer, SYSTEM)
            total.recorded += 1


def _may_have_arrived(submission: Submission, kind: str, answer: Answer) -> bool:
    """Whether a notice was tried on this channel and nothing is known yet of what came of it."""
    return submission.channel == kind and bool(answer.reference) and may_be_there(submission)


def _item(session: Session, submission: Submission, number: str | None) -> ContentItem | None:
    for item in items_of_case(session, submission.case_id):
        if str(item.number) == number and item.id in submission.item_ids:
            return item
    return None


def _hold(session: Session, runtime: Runtime, reason: HoldReason, message: str, raw: Any, total: Collected) -> None:
    hold_answer(session, runtime, "platform answers", reason, message, json.dumps(raw).encode(), runtime.now())
    total.held += 1


def _record(
    session: Session, runtime: Runtime, submission: Submission, item: ContentItem, answer: Answer, actor: Actor
) -> None:
    """Write one answer. A final outcome is never taken back by a later 'more information needed'."""
    at = runtime.now()
    session.add(
        ItemOutcome(
            item_id=item.id,
            submission_id=submission.id,
            answer_id=answer.answer_id,
            outcome=answer.outcome.value,
            ground=answer.ground or "",
            territories=list(answer.territories),
            reason=answer.reason,
            decided_at=answer.decided_at,
            recorded_at=at,
        )
    )
    before = outcomes_of(session, submission)
    stale = answer.outcome not in FINAL_OUTCOMES and item.outcome in FINAL_OUTCOMES
    if not stale:
        item.outcome, item.outcome_at = answer.outcome.value, answer.decided_at
    case = case_by_id(session, submission.case_id)
    note(
        session, runtime, case, "outcome.recorded", actor, at, moment="outcome.recorded", wake=True,
        data={"submission": submission.number, "item": item.number, "outcome": answer.outcome.value},
    )  # fmt: skip
    for row in submissions_of_case(session, case.id):
        if row.kind == "answer" and row.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN):
            # It speaks: so it can be asked at once whether it has our answer.
            row.next_attempt_at = None
    if answer.outcome is Outcome.MORE_INFO_NEEDED and not stale:
        case.question = answer.reason
        if Outcome.MORE_INFO_NEEDED not in before:
            asked_about = newest_about(session, submission, [item.id])
            platform_said(session, runtime, case, asked_about, "platform.asked", actor, at)
    for row in submissions_of_case(session, case.id):
        if item.id in time_runs_for(session, row) and outcomes_of(session, row) <= FINAL_OUTCOMES:
            platform_said(session, runtime, case, row, "platform.decided", actor, at)


def record_outcome(
    runtime: Runtime, submission_number: str, item_number: int, outcome: Outcome, actor_id: str, reason: str = ""
) -> None:
    """An officer records what a portal showed about one item. Raises NotAllowed or QorganError."""
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.SPECIALIST, Role.DUTY_OFFICER):
        raise NotAllowed(f"{submission_number}: recording an outcome needs the role specialist; {actor.id} lacks it")
    with transaction(runtime) as session:
        submission = submission_by_number(session, submission_number)
        if submission is None or submission.state != DeliveryState.SENT:
            raise QorganError(f"{submission_number[:40]} is with no platform", rule="outcome.not_sent")
        item = _item(session, submission, str(item_number))
        if item is None or outcome is Outcome.PENDING:
            raise QorganError(f"{submission_number} has no item {item_number} to record this on", rule="outcome.item")
        at = runtime.now()
        answer = Answer(
            cursor=0,
            answer_id=f"portal:{item_number}:{at.isoformat()}",
            reference=submission.platform_reference or "",
            submission=submission.number,
            item=str(item_number),
            outcome=outcome,
            decided_at=at,
            reason=reason,
        )
        _record(session, runtime, submission, item, answer, actor)


def called_for(case: CaseFacts) -> Action | None:
    """The move that the outcomes of a case with the platform call for; None while it waits for an answer."""
    outcomes = {item.outcome for item in case.items}
    if case.status not in (Status.SUBMITTED, Status.MORE_INFO):
        return None
    if outcomes and outcomes <= FINAL_OUTCOMES:
        return Action.DECIDE
    if Outcome.MORE_INFO_NEEDED in outcomes and case.status == Status.SUBMITTED:
        return Action.ASK_MORE
    return None


def settle(session: Session, runtime: Runtime, case: CaseFile) -> None:
    """Stage: move a submitted case by its items' outcomes: to the platform's question, or to its end."""
    action = called_for(facts_of(session, case))
    if action is not None:
        move_in(session, runtime, case, action, SYSTEM, runtime.now())

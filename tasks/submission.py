"""Sending notices: lease, attempt, outcome. An unknown outcome is asked of the platform, never guessed."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from casework.clocks import Subject
from casework.errors import MoveRefused, NotAllowed, QorganError
from casework.facts import SYSTEM, Actor
from casework.moments import Moment
from casework.vocabulary import Action, DeliveryState, Outcome, Role, Status
from db.queries.cases import case_by_id, items_of_case
from db.queries.submissions import claim_submission, submission_by_number, submissions_of_case
from db.tables import CaseFile, Submission
from tasks.case_facts import current_submissions, facts_of, find_case
from tasks.channels import Accepted, Outgoing, Receipt
from tasks.logs import logger
from tasks.record import move_in, note, transaction
from tasks.runtime import Runtime
from tasks.switches import muted

LEASE = timedelta(minutes=2)
"""Longer than the longest attempt (connect and read time-outs together)."""

BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""Pause after the first, second, third and every later attempt that was surely not accepted."""

log = logger("submission")


def submit(runtime: Runtime, number: str) -> None:
    """Stage: try every notice of an approved case that may be tried; move on when all are accepted."""
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        ids = [row.id for row in submissions_of_case(session, case.id)]
    for submission_id in ids:
        _attempt(runtime, submission_id)
    _move_on(runtime, number)


def send_answers(runtime: Runtime, number: str) -> None:
    """Stage: send answers to the platform's questions; the case is with the platform already."""
    with runtime.sessions.read() as session:
        case = find_case(session, number)
        ids = [row.id for row in submissions_of_case(session, case.id) if row.kind == "answer"]
    for submission_id in ids:
        _attempt(runtime, submission_id)


def _attempt(runtime: Runtime, submission_id: int) -> None:
    """One attempt, in three steps: take it (committed), try, write what came of it (committed).

    While sending is muted the platform is asked about what it may have already, and sent nothing.
    """
    now = runtime.now()
    with transaction(runtime) as session:
        may_be_there, only_ask = _may_be_there(session, submission_id), bool(muted(session))
        if only_ask and not may_be_there:
            return
        row = claim_submission(session, submission_id, now, LEASE)
        if row is None:
            return
        outgoing = Outgoing(row.number, row.environment, row.idempotency_key, bytes(row.payload))
        channel = runtime.channels[row.channel]
        note(
            session, runtime, case_by_id(session, row.case_id), "submission.attempt", SYSTEM, now,
            data={"submission": row.number, "attempt": row.attempts},
        )  # fmt: skip
    try:
        receipt = channel.lookup(outgoing) if may_be_there and (only_ask or channel.kind == "api") else None
        if receipt is None or (receipt.accepted is Accepted.LATER and not only_ask):
            receipt = channel.send(outgoing, now)
            if receipt.accepted is Accepted.UNKNOWN:
                asked = channel.lookup(outgoing)
                receipt = asked if asked.accepted is Accepted.YES else receipt
    except QorganError as error:
        receipt = Receipt(Accepted.LATER, answer=error.message)
    with transaction(runtime) as session:
        _settle(session, runtime, submission_id, receipt, runtime.now())


def _may_be_there(session: Session, submission_id: int) -> bool:
    """Whether the platform may have it already; a queued one it surely has not."""
    row = session.get(Submission, submission_id, populate_existing=True)
    return row is not None and row.state in (DeliveryState.UNKNOWN, DeliveryState.SENDING)


def _settle(session: Session, runtime: Runtime, submission_id: int, receipt: Receipt, at: datetime) -> None:
    row = session.get(Submission, submission_id, populate_existing=True)
    assert row is not None, "claimed before"
    if row.state != DeliveryState.SENDING:
        return
    case = case_by_id(session, row.case_id)
    row.lease_until, row.last_error = None, receipt.answer
    data = {"submission": row.number, "attempt": row.attempts, "answer": receipt.answer}
    match receipt.accepted:
        case Accepted.YES:
            accepted(session, runtime, case, row, receipt.reference or "", SYSTEM, at)
            return
        case Accepted.HANDED_OVER:
            row.state = DeliveryState.HANDED_OVER
            note(session, runtime, case, "submission.handed_over", SYSTEM, at, data=data)
            return
        case Accepted.NO:
            row.state = DeliveryState.REFUSED
            note(session, runtime, case, "submission.refused", SYSTEM, at, data=data)
            return
        case Accepted.LATER:
            row.state = DeliveryState.QUEUED
            kind = "submission.not_accepted"
        case Accepted.UNKNOWN:
            row.state = DeliveryState.UNKNOWN
            kind = "submission.unknown"
    pause = BACK_OFF[min(row.attempts, len(BACK_OFF)) - 1]
    if receipt.retry_after is not None:
        pause = max(pause, timedelta(seconds=receipt.retry_after))
    row.next_attempt_at = case.drive_at = at + pause
    note(session, runtime, case, kind, SYSTEM, at, data=data)


def accepted(
    session: Session, runtime: Runtime, case: CaseFile, row: Submission, reference: str, actor: Actor, at: datetime
) -> None:
    """The platform has it: written before anything else happens; its clock starts here."""
    row.state, row.platform_reference, row.sent_at, row.lease_until = DeliveryState.SENT, reference, at, None
    row.next_attempt_at = None
    session.flush()
    moment: Moment = "submission.sent" if row.kind == "notice" else "answer.sent"
    note(
        session, runtime, case, moment, actor, at, moment=moment, subject=Subject("submission", row.id),
        data={"submission": row.number, "platform": row.platform, "payload_sha256": row.payload_sha256},
    )  # fmt: skip
    log.info("submission accepted", case=case.number, submission=row.number)


def _move_on(runtime: Runtime, number: str) -> None:
    with transaction(runtime) as session:
        case = find_case(session, number)
        if case.status != Status.APPROVED:
            return
        notices = [row for row in current_submissions(session, case) if row.kind == "notice"]
        standing = [row for row in notices if row.state != DeliveryState.DROPPED]
        if standing and all(row.state == DeliveryState.SENT for row in standing):
            move_in(session, runtime, case, Action.SUBMIT, SYSTEM, runtime.now())


def record_reference(runtime: Runtime, submission_number: str, reference: str, actor_id: str) -> Submission:
    """An officer entered the dossier in the portal (or found an unknown one there) and records its reference.

    Raises NotAllowed, or QorganError when there is nothing to record it on.
    """
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.SPECIALIST, Role.DUTY_OFFICER):
        raise NotAllowed(f"{submission_number}: recording a reference needs the role specialist; {actor.id} lacks it")
    said = " ".join(reference.split())
    if not 3 <= len(said) <= 200:
        raise QorganError(
            f"{submission_number}: a platform reference has 3 to 200 characters", rule="submission.reference"
        )
    with transaction(runtime) as session:
        row = _find(session, submission_number)
        if row.state not in (DeliveryState.HANDED_OVER, DeliveryState.UNKNOWN):
            raise QorganError(
                f"{submission_number} is '{row.state}': no reference can be recorded",
                rule="submission.not_waiting",
                next_step="Only a notice handed over to the portal, or one of unknown fate, takes one.",
            )
        case = case_by_id(session, row.case_id)
        row.reference_by = actor.id
        accepted(session, runtime, case, row, said, actor, runtime.now())
    _move_on(runtime, case.number)
    return row


def drop_submission(runtime: Runtime, submission_number: str, actor_id: str, reason: str) -> None:
    """Give up a notice that the platform refused: its items count as 'no action', the others go on."""
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.SPECIALIST, Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT):
        raise NotAllowed(f"{submission_number}: {actor.id} may not give up a notice")
    with transaction(runtime) as session:
        row = _find(session, submission_number)
        case = case_by_id(session, row.case_id)
        if row.state != DeliveryState.REFUSED or len(reason.strip()) < 5:
            raise MoveRefused(
                case.number, f"{row.number} is '{row.state}'; only a refused notice can be given up, with a reason",
                rule="submission.drop",
            )  # fmt: skip
        if not any(
            other.state != DeliveryState.DROPPED for other in current_submissions(session, case) if other.id != row.id
        ):
            raise MoveRefused(
                case.number, f"{row.number} is the case's only notice", rule="submission.drop_last",
                next_step="Recall the case into review: 'qorgan case recall'.",
            )  # fmt: skip
        at = runtime.now()
        row.state = DeliveryState.DROPPED
        for item in items_of_case(session, case.id):
            if item.id in row.item_ids:
                item.outcome, item.outcome_at = Outcome.NO_ACTION.value, at
        session.flush()
        note(
            session, runtime, case, "submission.dropped", actor, at, reason=reason, wake=True,
            data={"submission": row.number},
        )  # fmt: skip
    _move_on(runtime, case.number)


def dossier(runtime: Runtime, submission_number: str, actor_id: str) -> bytes:
    """The approved bytes, for the officer who enters them; opening them is on the record."""
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.SPECIALIST, Role.DUTY_OFFICER, Role.LEGAL_REVIEWER, Role.AUDITOR):
        raise NotAllowed(f"{submission_number}: {actor.id} may not open a dossier")
    with transaction(runtime) as session:
        row = _find(session, submission_number)
        case = case_by_id(session, row.case_id)
        note(session, runtime, case, "dossier.opened", actor, runtime.now(), data={"submission": row.number})
        return bytes(row.payload)


def _find(session: Session, number: str) -> Submission:
    row = submission_by_number(session, number)
    if row is None:
        raise QorganError(
            f"there is no submission {number[:40]}", rule="submission.not_found", next_step="See 'qorgan case show'."
        )
    return row


def unsettled(runtime: Runtime, number: str) -> bool:
    """Whether some notice of the case still needs a try or a person."""
    with runtime.sessions.read() as session:
        facts = facts_of(session, find_case(session, number))
        return any(s.state not in (DeliveryState.SENT, DeliveryState.DROPPED) for s in facts.submissions)

"""Attempts to send notices: taken, made, and what came of them written. An unknown outcome is asked, never guessed.

Three steps, and nothing but the middle one talks to anybody. A process that dies after the first leaves the notice
``sending``; when its lease has run out, the next attempt begins by asking the platform whether it has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from sqlalchemy.orm import Session

from casework.clocks import Subject
from casework.errors import QorganError
from casework.facts import SYSTEM, Actor
from casework.moments import Moment
from casework.vocabulary import DeliveryState, Status
from db.queries.events import events_together
from db.queries.held_cases import read_cases
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Submission
from tasks.case_facts import current_submissions, find_case
from tasks.channels import Accepted, Channel, Outgoing, Receipt
from tasks.logs import logger
from tasks.platform_words import say_what_came_first
from tasks.record import note, transaction
from tasks.runtime import Runtime
from tasks.switches import muted

LEASE = timedelta(minutes=2)
"""Longer than the longest attempt (connect and read time-outs together)."""

BACK_OFF = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(hours=1))
"""Pause after the first, second, third and every later attempt that was surely not accepted."""

WRITTEN_WITHIN_SECONDS = 1.0
"""What a platform said is written at the latest so long after it, and after the attempt that is being made then."""

TOGETHER_SECONDS = 10.0
"""After so long no further case's notices are tried in one go: something more urgent may have come."""

SETTLED = (DeliveryState.SENT, DeliveryState.DROPPED)
"""States of a notice that needs no try and no person."""

log = logger("attempts")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A notice that was taken to be tried. ``only_ask``: sending is muted; the platform is asked and sent nothing."""

    submission_id: int
    case_number: str
    outgoing: Outgoing
    channel: Channel
    may_be_there: bool
    only_ask: bool


def take(session: Session, runtime: Runtime, case: CaseFile, *, answers_only: bool = False) -> list[Attempt]:
    """Take every notice of a case that may be tried now. While sending is muted: those a platform may have already."""
    now, only_ask = runtime.now(), bool(muted(session))
    taken: list[Attempt] = []
    for row in submissions_of_case(session, case.id):
        may_be_there = row.state in (DeliveryState.UNKNOWN, DeliveryState.SENDING)
        if not _may_be_tried(row, now) or (answers_only and row.kind != "answer") or (only_ask and not may_be_there):
            continue
        row.state, row.lease_until, row.attempts = DeliveryState.SENDING, now + LEASE, row.attempts + 1
        data = {"submission": row.number, "attempt": row.attempts}
        note(session, runtime, case, "submission.attempt", SYSTEM, now, data=data)
        outgoing = Outgoing(row.number, row.environment, row.idempotency_key, bytes(row.payload))
        taken.append(Attempt(row.id, case.number, outgoing, runtime.channels[row.channel], may_be_there, only_ask))
    return taken


def take_answers(session: Session, runtime: Runtime, case: CaseFile) -> list[Attempt]:
    """Take a case's answers to a platform's questions; the case is with the platform already."""
    return take(session, runtime, case, answers_only=True)


def _may_be_tried(row: Submission, now: datetime) -> bool:
    if row.next_attempt_at is not None and row.next_attempt_at > now:
        return False
    if row.state == DeliveryState.SENDING:
        return row.lease_until is not None and row.lease_until < now
    return row.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Answered:
    """An attempt and what came of it."""

    attempt: Attempt
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Made:
    """What came of attempts and is not written yet; and what went wrong with us, by case number."""

    receipts: list[Answered]
    failed: dict[str, Exception]


def run(runtime: Runtime, attempts: Sequence[Attempt]) -> dict[str, Exception]:
    """Make attempts and write what came of them; what went wrong with us, by case number."""
    made = make(runtime, attempts)
    return made.failed | write(runtime, made.receipts)


def make(runtime: Runtime, attempts: Sequence[Attempt]) -> Made:
    """Make attempts, one after another. What has waited for a second is written; the caller writes the others."""
    made = Made([], {})
    began = written = monotonic()
    reason = ""
    for place, attempt in enumerate(attempts):
        if monotonic() - written > WRITTEN_WITHIN_SECONDS:
            made.failed.update(write(runtime, made.receipts))
            made.receipts.clear()
            written = monotonic()
            reason = _why_no_more(runtime, written - began)
        if reason and attempt.case_number != attempts[place - 1].case_number:
            made.receipts.extend(Answered(left, _not_made(left, reason)) for left in attempts[place:])
            break
        try:
            made.receipts.append(Answered(attempt, _make(attempt, runtime.now())))
        except Exception as error:
            made.failed[attempt.case_number] = error
    return made


def _why_no_more(runtime: Runtime, seconds: float) -> str:
    """Why no further case's notices are tried now; '' when they may be."""
    if seconds > TOGETHER_SECONDS:
        return "not tried: those before it took long"
    with runtime.sessions.read() as session:
        return "not tried: sending is muted" if muted(session) else ""


def _make(attempt: Attempt, now: datetime) -> Receipt:
    channel, outgoing = attempt.channel, attempt.outgoing
    try:
        asks = attempt.may_be_there and (attempt.only_ask or channel.kind == "api")
        receipt = channel.lookup(outgoing) if asks else None
        if receipt is None or (receipt.accepted is Accepted.LATER and not attempt.only_ask):
            receipt = channel.send(outgoing, now)
            if receipt.accepted is Accepted.UNKNOWN:
                asked = channel.lookup(outgoing)
                receipt = asked if asked.accepted is Accepted.YES else receipt
    except QorganError as error:
        receipt = _not_made(attempt, error.message)
    return receipt


def _not_made(attempt: Attempt, reason: str) -> Receipt:
    """As much is known as before: what a platform may have stays something to ask about."""
    return Receipt(Accepted.UNKNOWN if attempt.may_be_there else Accepted.LATER, answer=reason)


def write(runtime: Runtime, receipts: Sequence[Answered]) -> dict[str, Exception]:
    """Write what came of attempts, together; where that fails each by itself, so that none takes another's with it."""
    if not receipts:
        return {}
    try:
        with transaction(runtime) as session, events_together(session):
            read_cases(session, {one.attempt.case_number for one in receipts})
            settle_all(session, runtime, receipts)
    except Exception as error:
        if len(receipts) == 1:
            return {receipts[0].attempt.case_number: error}
        failed: dict[str, Exception] = {}
        for one in receipts:
            failed |= write(runtime, [one])
        return failed
    return {}


def settle_all(session: Session, runtime: Runtime, receipts: Sequence[Answered]) -> None:
    """Write what came of attempts in the caller's transaction."""
    for one in receipts:
        settle(session, runtime, one.attempt, one.receipt, runtime.now())


def settle(session: Session, runtime: Runtime, attempt: Attempt, receipt: Receipt, at: datetime) -> None:
    """Write what came of an attempt. What a person or another drive has settled meanwhile stands."""
    case = find_case(session, attempt.case_number)
    [row] = (row for row in submissions_of_case(session, case.id) if row.id == attempt.submission_id)
    if row.state != DeliveryState.SENDING:
        return
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


def all_is_out(session: Session, case: CaseFile) -> bool:
    """Whether no notice and no answer of the case needs a try or a person."""
    return all(row.state in SETTLED for row in current_submissions(session, case))


def say_all_is_out(session: Session, runtime: Runtime, case: CaseFile, actor: Actor, at: datetime) -> None:
    """Of a case that is with the platform: our time to bring them what we wrote ends when they have all of it."""
    if case.status in (Status.SUBMITTED, Status.MORE_INFO) and all_is_out(session, case):
        note(session, runtime, case, "case.submitted", actor, at, moment="case.submitted")


def accepted(
    session: Session, runtime: Runtime, case: CaseFile, row: Submission, reference: str, actor: Actor, at: datetime
) -> None:
    """The platform has it: written before anything else happens; its clock starts here."""
    row.state, row.platform_reference, row.sent_at, row.lease_until = DeliveryState.SENT, reference, at, None
    row.next_attempt_at = None
    moment: Moment = "submission.sent" if row.kind == "notice" else "answer.sent"
    note(
        session, runtime, case, moment, actor, at, moment=moment, subject=Subject("submission", row.id),
        data={"submission": row.number, "platform": row.platform, "payload_sha256": row.payload_sha256},
    )  # fmt: skip
    if row.kind == "answer":
        say_all_is_out(session, runtime, case, actor, at)
        say_what_came_first(session, runtime, case, row, actor, at)
    log.info("submission accepted", case=case.number, submission=row.number)

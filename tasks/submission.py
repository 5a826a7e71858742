"""What people do about notices, and when a case is with the platforms. Sending them is in attempts.py."""

from __future__ import annotations

from sqlalchemy.orm import Session

from casework.errors import MoveRefused, NotAllowed, QorganError
from casework.facts import SYSTEM
from casework.vocabulary import Action, DeliveryState, Outcome, Role, Status
from db.queries.cases import case_by_id, items_of_case
from db.queries.submissions import submission_by_number
from db.tables import CaseFile, Submission
from tasks.attempts import accepted, all_is_out, say_all_is_out
from tasks.case_facts import current_submissions, find_case
from tasks.platform_words import ON_THEIR_WAY, say_that_it_has_all
from tasks.record import move_in, note, transaction
from tasks.runtime import Runtime


def move_on(session: Session, runtime: Runtime, case: CaseFile) -> None:
    """Stage: an approved case is with the platforms once they have all its notices."""
    if case.status != Status.APPROVED:
        return
    notices = [row for row in current_submissions(session, case) if row.kind == "notice"]
    standing = [row for row in notices if row.state != DeliveryState.DROPPED]
    if standing and all(row.state == DeliveryState.SENT for row in standing):
        move_in(session, runtime, case, Action.SUBMIT, SYSTEM, runtime.now())


def _moved_on(runtime: Runtime, number: str) -> None:
    """What a person said is written already: whatever keeps the case from moving takes it from nobody."""
    with transaction(runtime) as session:
        move_on(session, runtime, find_case(session, number))


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
    _moved_on(runtime, case.number)
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
        say_all_is_out(session, runtime, case, actor, at)
        if row.kind == "answer":
            say_that_it_has_all(session, runtime, case, row, actor, at)
    _moved_on(runtime, case.number)


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


def answers_on_their_way(session: Session, case: CaseFile) -> bool:
    """Whether it is still to be found out, by a try, whether the platform has an answer to its question.

    What it said next waits for that: a case that went on would leave the answer behind.
    """
    rows = (row for row in current_submissions(session, case) if row.kind == "answer")
    return any(row.state in ON_THEIR_WAY for row in rows)


def unsettled(session: Session, case: CaseFile) -> bool:
    """Whether some notice of the case still needs a try or a person."""
    return not all_is_out(session, case)

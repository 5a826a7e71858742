"""Merging: one matter, one notice. The merged case ends; its people hear from the one it lives on in."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from casework.errors import CaseError
from casework.facts import CaseFacts
from casework.move_guards import MoveDetails
from casework.vocabulary import OPEN_STATUSES, Action
from db.queries.cases import items_of_case
from db.tables import CaseFile, Party
from tasks.case_facts import facts_of, find_case
from tasks.prioritization import reassess
from tasks.record import move_in, note, transaction
from tasks.runtime import Runtime


def merge_case(
    runtime: Runtime, number: str, into: str, actor_id: str, reason: str, *, same_content: bool = False
) -> CaseFacts:
    """Merge a case into an open one; the merged case afterwards.

    Its reporters and indicators go over, so that they are told how the matter ends. An item
    that the other case lacks must not vanish: ``same_content`` says it shows the same under
    another link. Raises NotAllowed, MoveRefused, CaseNotFound, or CaseError for the target.
    """
    actor = runtime.users.actor(actor_id)
    at = runtime.now()
    with transaction(runtime) as session:
        case = find_case(session, number)
        target = find_case(session, into)
        _check_target(session, case, target, same_content)
        details = MoveDetails(reason=reason, merge_into=target.number)
        move_in(session, runtime, case, Action.MERGE, actor, at, details)
        target.reporters += case.reporters
        target.indicators = sorted({*target.indicators, *case.indicators})
        session.execute(update(Party).where(Party.case_id == case.id).values(case_id=target.id))
        session.flush()
        note(session, runtime, target, "case.merged_in", actor, at, reason=reason, data={"from": case.number})
        reassess(session, runtime, target, at)
        return facts_of(session, find_case(session, number))


def _check_target(session: Session, case: CaseFile, target: CaseFile, same_content: bool) -> None:
    if target.status not in OPEN_STATUSES:
        raise CaseError(
            case.number,
            f"{target.number} is '{target.status}' and cannot take it over",
            rule="merge.target_ended",
            next_step="Merge into an open case, or reopen that one first.",
        )
    carried = {item.key for item in items_of_case(session, target.id)}
    lost = [str(item.number) for item in items_of_case(session, case.id) if item.key not in carried]
    if lost and target.id != case.id and not same_content:
        raise CaseError(
            case.number,
            f"item(s) {', '.join(lost)} are not in {target.number} and would be reported to nobody",
            rule="merge.items_lost",
            next_step="If they show the same content under another link, say --same-content.",
        )

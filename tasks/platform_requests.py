"""What a person asks of a platform after it has decided: to look again, or to take a restriction back."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.orm import Session

from casework.errors import MoveRefused, NotAllowed, QorganError
from casework.facts import Actor
from casework.policy_letters import APPEALABLE
from casework.vocabulary import ACTED_OUTCOMES, FINAL_OUTCOMES, DeliveryState, Outcome, Role, Verdict
from db.queries.cases import case_by_id, items_of_case, reviews_of_case
from db.queries.submissions import submission_by_number, submissions_of_case
from db.tables import CaseFile, ContentItem, Submission
from tasks.case_facts import find_case
from tasks.outbox import queue_letters
from tasks.record import note, transaction
from tasks.runtime import Runtime

SHORTEST_REASON = 20
"""Signs of reasons that a platform reads."""

APPROVING = (Verdict.ENDORSED, Verdict.APPROVED, Verdict.URGENT, Verdict.CONFIRMED)


def appeal(runtime: Runtime, submission_number: str, actor_id: str, reason: str) -> int:
    """Ask the platform to look again at items of a notice that it left, or acted on in part; the letter's id.

    Once for each decision of the platform. Raises NotAllowed, MoveRefused while it has not decided or left nothing,
    QorganError for a notice that does not exist.
    """
    actor = _may_ask(runtime, actor_id, submission_number)
    at = runtime.now()
    with transaction(runtime) as session:
        notice = submission_by_number(session, submission_number)
        if notice is None or notice.kind != "notice":
            raise QorganError(
                f"there is no notice {submission_number[:40]}", rule="submission.not_found",
                next_step="See 'qorgan submission list'.",
            )  # fmt: skip
        case = case_by_id(session, notice.case_id)
        _check_reason(case, reason)
        items = _items(session, notice)
        left = [item for item in items if item.outcome in APPEALABLE]
        if notice.state != DeliveryState.SENT or not {Outcome(item.outcome) for item in items} <= FINAL_OUTCOMES:
            raise MoveRefused(
                case.number, f"the platform has not decided {notice.number} yet", rule="appeal.not_decided",
                next_step="Wait for its answer to every item.",
            )  # fmt: skip
        if not left:
            raise MoveRefused(case.number, f"the platform acted on all of {notice.number}", rule="appeal.nothing_left")
        [letter] = _ask(session, runtime, case, [(notice, left)], "platform_appeal", actor, reason, at)
        return letter


def restore(runtime: Runtime, case_number: str, actor_id: str, reason: str) -> list[int]:
    """Tell the platforms that the ground of a restriction is gone, and ask them to restore; the letters' ids.

    One letter for each notice on which a platform acted, once for each of its decisions. Four eyes: nobody asks who
    approved the notice. Raises NotAllowed, MoveRefused where no platform acted, CaseNotFound.
    """
    actor = _may_ask(runtime, actor_id, case_number)
    at = runtime.now()
    with transaction(runtime) as session:
        case = find_case(session, case_number)
        _check_reason(case, reason)
        if any(row.reviewer_id == actor.id and row.verdict in APPROVING for row in reviews_of_case(session, case.id)):
            raise NotAllowed(
                f"{case.number}: {actor.id} approved the notice and cannot ask alone to undo it",
                rule="restoration.four_eyes", next_step="Somebody else of the reviewers asks.",
            )  # fmt: skip
        acted: list[tuple[Submission, list[ContentItem]]] = []
        asked: set[int] = set()
        # An item that two notices were about is the later one's.
        for notice in reversed(submissions_of_case(session, case.id)):
            if notice.kind == "notice" and notice.state == DeliveryState.SENT:
                of_notice = [item for item in _items(session, notice) if item.id not in asked]
                items = [item for item in of_notice if item.outcome in ACTED_OUTCOMES]
                asked |= {item.id for item in of_notice}
                if items:
                    acted.insert(0, (notice, items))
        if not acted:
            raise MoveRefused(case.number, "no platform acted on a notice of it", rule="restoration.nothing_restricted")
        return _ask(session, runtime, case, acted, "restoration_request", actor, reason, at)


def _may_ask(runtime: Runtime, actor_id: str, about: str) -> Actor:
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT):
        raise NotAllowed(
            f"{about[:40]}: {actor.id} may not ask a platform for another decision",
            next_step="A legal reviewer or the head of unit asks.",
        )
    return actor


def _check_reason(case: CaseFile, reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise MoveRefused(
            case.number, "the platform needs reasons, in a sentence it can act on", rule="request.reason_missing",
            next_step="Give them with --reason.",
        )  # fmt: skip


def _items(session: Session, notice: Submission) -> list[ContentItem]:
    return [item for item in items_of_case(session, notice.case_id) if item.id in notice.item_ids]


def _ask(
    session: Session,
    runtime: Runtime,
    case: CaseFile,
    about: Iterable[tuple[Submission, list[ContentItem]]],
    letter: str,
    actor: Actor,
    reason: str,
    at: datetime,
) -> list[int]:
    written: list[int] = []
    for notice, items in about:
        decided_at = max(item.outcome_at for item in items if item.outcome_at is not None)
        letters = queue_letters(
            session, case, letter, at, runtime.pack, once=f"{notice.id}:{decided_at:%Y%m%dT%H%M%S}",
            platform=notice.platform, context={"submission": notice.number, "reasons": reason},
        )  # fmt: skip
        if letters:
            session.flush()
            data = {"submission": notice.number, "items": [item.number for item in items], "letter": letters[0].id}
            kind = "appeal.asked" if letter == "platform_appeal" else "restoration.asked"
            note(session, runtime, case, kind, actor, at, reason=reason, data=data)
        written += [one.id for one in letters]
    if not written:
        raise MoveRefused(
            case.number, "that was asked before, and the platform has decided nothing since", rule="request.repeated",
            next_step="See 'qorgan letters list'; 'qorgan letters replay' sends a letter again that did not arrive.",
        )  # fmt: skip
    return written

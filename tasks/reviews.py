"""What a review writes: the reviewer's decision, the approved bytes, and the submissions that carry them."""

from __future__ import annotations

from sqlalchemy import update
from sqlalchemy.orm import Session

from casework.facts import CaseFacts, ItemFacts
from casework.lifecycle import Decision
from casework.payload import build_notice, idempotency_key, sha256
from casework.vocabulary import Action, DeliveryState, Outcome, Role, Verdict
from db.queries.submissions import submissions_of_case
from db.tables import ApprovedPayload, CaseFile, ContentItem, Review, Submission
from tasks.case_facts import current_submissions, facts_of
from tasks.runtime import Runtime

NOT_ENTERED = (DeliveryState.QUEUED, DeliveryState.REFUSED, DeliveryState.HANDED_OVER)
"""States of a notice that is not with the platform; of one handed over the officer has said so."""


def write_review(session: Session, runtime: Runtime, case: CaseFile, decision: Decision) -> None:
    """Record the verdict; for an approval also the exact notices, queued to go out."""
    if decision.actor.has(Role.SYSTEM):
        return
    said = decision.details
    review = Review(
        case_id=case.id,
        intake_by=case.intake_by,
        reviewer_id=decision.actor.id,
        reviewer_name=decision.actor.name,
        verdict=(decision.verdict or Verdict.RETURNED).value,
        reason=decision.reason,
        basis=list(said.basis),
        policy_line=said.policy_line,
        proportionality=said.proportionality,
        policy_version=decision.policy_version,
        decided_at=decision.at,
    )
    session.add(review)
    session.flush()
    facts = facts_of(session, case)
    if decision.action in (Action.APPROVE, Action.APPROVE_URGENTLY):
        for platform in facts.platforms:
            items = tuple(item for item in facts.items if item.platform == platform)
            for part in _parts(runtime, platform, items):
                _queue(session, runtime, case, facts, decision, review, platform, part)
            # A reopened case asks anew: what the platform said about the earlier notice does not end this one.
            _ask_again(session, items)
    elif decision.action is Action.ANSWER:
        for asked in [row for row in current_submissions(session, case) if row.state == DeliveryState.SENT]:
            open_items = tuple(
                item for item in facts.items if item.id in asked.item_ids and item.outcome is Outcome.MORE_INFO_NEEDED
            )
            if open_items and asked.kind == "notice":
                _queue(session, runtime, case, facts, decision, review, asked.platform, open_items, asked)
                _ask_again(session, open_items)
        case.question = ""


def _parts(runtime: Runtime, platform: str, items: tuple[ItemFacts, ...]) -> list[tuple[ItemFacts, ...]]:
    """The items in notices no longer than the platform takes."""
    reached = runtime.pack.platform(platform)
    most = reached.max_items if reached is not None else len(items)
    return [items[start : start + most] for start in range(0, len(items), most)]


def _ask_again(session: Session, items: tuple[ItemFacts, ...]) -> None:
    """What is answered waits for the platform again."""
    ids = [item.id for item in items]
    session.execute(update(ContentItem).where(ContentItem.id.in_(ids)).values(outcome=Outcome.PENDING.value))


def drop_unsent(session: Session, case_id: int, reason: str) -> None:
    """Take back notices that are not out: the case goes elsewhere."""
    session.execute(
        update(Submission)
        .where(Submission.case_id == case_id, Submission.state.in_(NOT_ENTERED))
        .values(state=DeliveryState.DROPPED, last_error=reason)
        .execution_options(synchronize_session=False)
    )


def _queue(
    session: Session,
    runtime: Runtime,
    case: CaseFile,
    facts: CaseFacts,
    decision: Decision,
    review: Review,
    platform: str,
    items: tuple[ItemFacts, ...],
    answers: Submission | None = None,
) -> None:
    earlier = submissions_of_case(session, case.id)
    number = f"{case.number}/S{len(earlier) + 1}"
    kind = "answer" if answers is not None else "notice"
    round_ = 1 + sum(row.kind == kind and row.platform == platform for row in earlier)
    said = decision.details
    payload = build_notice(
        facts,
        runtime.pack,
        submission_number=number,
        platform=platform,
        items=items,
        basis=said.basis,
        reasons=decision.reason,
        policy_line=said.policy_line or facts.policy_line,
        proportionality=said.proportionality,
        at=decision.at,
        kind=kind,
        in_reply_to=answers.platform_reference if answers is not None else None,
    )
    digest = sha256(payload)
    reached = runtime.pack.platform(platform)
    assert reached is not None, "guarded by the lifecycle: submission.no_channel"
    session.add(ApprovedPayload(review_id=review.id, payload_sha256=digest))
    session.flush()
    session.add(
        Submission(
            case_id=case.id,
            number=number,
            platform=platform,
            channel=reached.channel,
            environment=reached.environment,
            kind=kind,
            in_reply_to=answers.platform_reference if answers is not None else None,
            item_ids=[item.id for item in items],
            review_id=review.id,
            payload=payload,
            payload_sha256=digest,
            idempotency_key=idempotency_key(case.number, platform, items, case.instrument, kind, round_),
            state=DeliveryState.QUEUED,
            created_at=decision.at,
        )
    )
    session.flush()

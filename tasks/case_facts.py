"""From rows to the plain values that casework's rules look at."""

from __future__ import annotations

from sqlalchemy.orm import Session

from casework.errors import CaseNotFound
from casework.facts import CaseFacts, ItemFacts, OpinionFacts, SubmissionFacts
from casework.vocabulary import AgeBand, Outcome, Priority, Status, Verdict
from db.queries.cases import case_by_number, items_of_case, last_opinion, reviews_of_case
from db.queries.events import last_event_at
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, ContentItem, Submission


def find_case(session: Session, number: str) -> CaseFile:
    """The case, read afresh. Raises CaseNotFound."""
    case = case_by_number(session, number)
    if case is None:
        raise CaseNotFound(number[:32], "there is no case with this number", next_step="See 'qorgan cases'.")
    return case


def facts_of(session: Session, case: CaseFile) -> CaseFacts:
    """Everything the rules may look at, read in this transaction.

    Endorsements count since the case was last decided, returned or amended only: what was
    endorsed before is another text.
    """
    endorsed: set[str] = set()
    declined: set[str] = set()
    urgent_by: str | None = None
    amended_at = last_event_at(session, case.id, "case.amended") if case.political else None
    for review in reviews_of_case(session, case.id):
        if review.verdict == Verdict.ENDORSED:
            if amended_at is None or amended_at <= review.decided_at:
                endorsed.add(review.reviewer_id)
        elif review.verdict != Verdict.CONFIRMED:
            endorsed.clear()
        if review.verdict == Verdict.DECLINED:
            declined.add(review.reviewer_id)
        if review.verdict == Verdict.URGENT:
            urgent_by = review.reviewer_id
    return CaseFacts(
        id=case.id,
        number=case.number,
        status=Status(case.status),
        priority=Priority(case.priority),
        category=case.category,
        political=case.political,
        child=case.child,
        age_band=AgeBand(case.age_band),
        language=case.language,
        instrument=case.instrument,
        ground=case.ground,
        requested_action=case.requested_action,
        intake_by=case.intake_by,
        received_at=case.received_at,
        indicators=frozenset(case.indicators),
        quote=case.quote,
        translation=case.translation,
        description=case.description,
        why_unlawful=case.why_unlawful,
        policy_line=case.policy_line,
        cited_basis=tuple(case.cited_basis),
        expert_decision=case.expert_decision,
        opinion=_opinion(session, case.id) if case.expert_decision else None,
        provider_told_at=case.provider_told_at,
        territories=tuple(case.territories),
        items=tuple(item_facts(item) for item in items_of_case(session, case.id)),
        reporters=case.reporters,
        reporter_is_child=case.reporter_is_child,
        anonymous=case.anonymous,
        official=bool(case.issuing_authority),
        endorsed_by=frozenset(endorsed),
        declined_by=frozenset(declined),
        urgent_by=urgent_by,
        submissions=tuple(submission_facts(row) for row in current_submissions(session, case)),
        missing=tuple(case.missing),
    )


def current_submissions(session: Session, case: CaseFile) -> list[Submission]:
    """Notices since the case was last reopened: what went out before has had its answer."""
    rows = submissions_of_case(session, case.id)
    reopened_at = last_event_at(session, case.id, "moved.reopen") if rows else None
    return [row for row in rows if reopened_at is None or row.created_at >= reopened_at]


def item_facts(item: ContentItem) -> ItemFacts:
    """One item for the rules; the canonical link is what a platform is given."""
    return ItemFacts(
        id=item.id,
        number=item.number,
        key=item.key,
        url=item.url_canonical,
        kind=item.kind,
        platform=item.platform,
        account=item.account,
        exact=item.exact,
        opaque=item.opaque,
        observed_at=item.observed_at,
        outcome=Outcome(item.outcome),
    )


def submission_facts(row: Submission) -> SubmissionFacts:
    return SubmissionFacts(
        id=row.id,
        number=row.number,
        platform=row.platform,
        kind=row.kind,
        state=row.state,
        reference=row.platform_reference,
        item_ids=frozenset(row.item_ids),
    )


def _opinion(session: Session, case_id: int) -> OpinionFacts | None:
    """The last opinion of an expert group; None when only a number was given by somebody."""
    row = last_opinion(session, case_id)
    return None if row is None else OpinionFacts(row.group_id, row.confirmed, row.reference, row.decided_at)

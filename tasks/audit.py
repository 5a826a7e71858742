"""Proof that nothing was altered and nothing lost: the chain, and the invariants of the case file."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from casework.errors import AuditBroken
from casework.event_chain import verify
from casework.payload import sha256
from casework.vocabulary import DeliveryState, MailKind, ReportState, Status
from db.queries.events import chain_head, chain_of_events, last_statuses
from db.queries.reports import count_reports
from db.tables import CaseFile, Clock, ContentItem, Escalation, InboundMail, Letter, Review, Submission
from tasks.correspondence import MESSAGE
from tasks.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant: what holds, whether it does, and the first thing that breaks it."""

    name: str
    holds: bool
    detail: str


def chain_mark(runtime: Runtime) -> tuple[int, str]:
    """Position and hash of the newest event: noted down elsewhere, it shows later that nothing before it changed."""
    with runtime.sessions.read() as session:
        return chain_head(session)


def verify_chain(runtime: Runtime) -> int:
    """Walk the event log; the number of events. Raises AuditBroken at the first that does not add up."""
    with runtime.sessions.read() as session:
        with closing(chain_of_events(session)) as events:
            count = verify(events, chain_head(session))
        logged = last_statuses(session)
        for case_id, number, status in session.execute(select(CaseFile.id, CaseFile.number, CaseFile.status)):
            if logged.get(case_id) != status:
                raise AuditBroken(f"{number} is '{status}', but its log says '{logged.get(case_id)}'")
        return count


def invariants(runtime: Runtime) -> list[Check]:
    """What must hold at every moment, checked against the case file as it is."""
    try:
        chain = Check("the event log's chain verifies", True, f"{verify_chain(runtime)} events")
    except AuditBroken as error:
        chain = Check("the event log's chain verifies", False, error.message)
    with runtime.sessions.read() as session:
        return [chain, *(check(session) for check in _CHECKS), _letters_as_sent(session, runtime)]


def _reports_add_up(session: Session) -> Check:
    counts = count_reports(session)
    total = sum(counts.values())
    settled = sum(counts.get(state, 0) for state in (ReportState.CASE, ReportState.DUPLICATE, ReportState.HELD))
    cases = session.scalar(select(func.count()).select_from(CaseFile)) or 0
    holds = settled + counts.get(ReportState.STORED, 0) == total and cases == counts.get(ReportState.CASE, 0)
    return Check("reports in = cases + duplicates + held", holds, f"{total} reports, {cases} cases")


def _one_notice_per_payload(session: Session) -> Check:
    doubled = session.execute(
        select(Submission.payload_sha256).group_by(Submission.payload_sha256).having(func.count() > 1)
    ).all()
    references = session.execute(
        select(Submission.platform_reference)
        .where(Submission.platform_reference.is_not(None))
        .group_by(Submission.platform, Submission.platform_reference)
        .having(func.count() > 1)
    ).all()
    return Check(
        "at most one notice per payload and per reference", not doubled and not references, f"{len(doubled)} twice"
    )


def _approved_bytes_went_out(session: Session) -> Check:
    for row in session.scalars(select(Submission).execution_options(yield_per=200)):
        if sha256(bytes(row.payload)) != row.payload_sha256:
            return Check("what legal approved is what went out", False, row.number)
    return Check("what legal approved is what went out", True, "every payload has its approved hash")


def _nobody_judged_own_intake(session: Session) -> Check:
    bad = session.scalar(
        select(func.count())
        .select_from(Review)
        .where(Review.reviewer_id == Review.intake_by, Review.verdict != "returned")
    )
    return Check("four eyes on every decision", not bad, f"{bad or 0} by the intake person")


def _outcomes_add_up(session: Session) -> Check:
    """A decided or closed case that was submitted has a final outcome on every item."""
    waiting = session.scalar(
        select(func.count())
        .select_from(ContentItem)
        .join(CaseFile, CaseFile.id == ContentItem.case_id)
        .where(
            CaseFile.status.in_((Status.DECIDED, Status.CLOSED)),
            CaseFile.id.in_(select(Submission.case_id)),
            ContentItem.outcome.in_(("pending", "more_info_needed")),
        )
    )
    return Check("outcomes add up to the items", not waiting, f"{waiting or 0} item(s) without an outcome")


def _breaches_recorded(session: Session) -> Check:
    """A clock that fired all its thresholds has its breach's own time."""
    bad = session.scalar(
        select(func.count()).select_from(Clock).where(Clock.breached_at.is_not(None), Clock.breached_at != Clock.due_at)
    )
    return Check("every breach has its own time", not bad, f"{bad or 0} differ")


def _notices_only_after_approval(session: Session) -> Check:
    early = session.scalar(
        select(func.count()).select_from(Submission).join(Review, Review.id == Submission.review_id).where(
            Review.verdict.not_in(("approved", "urgent"))
        )
    )  # fmt: skip
    return Check("no notice without an approval", not early, f"{early or 0} without")


def _digests_speak_for_their_lines(session: Session) -> Check:
    """What became of a digest became of every letter in it; until then they wait for it."""
    digest = aliased(Letter)
    settled = (DeliveryState.SENT, DeliveryState.REFUSED, DeliveryState.UNKNOWN)
    bad = session.scalar(
        select(func.count())
        .select_from(Letter)
        .join(digest, digest.id == Letter.digest_id)
        .where(
            or_(
                and_(
                    digest.state == DeliveryState.SENT, Letter.state.not_in((DeliveryState.SENT, DeliveryState.REFUSED))
                ),
                and_(digest.state.not_in(settled), Letter.state == DeliveryState.SENT),
            )
        )
    )
    return Check("a digest speaks for its lines", not bad, f"{bad or 0} differ")


def _only_answers_acknowledge(session: Session) -> Check:
    """A mail that acknowledged a rung was written by a person: no absence note, no bounce, no mail of our own."""
    bad = session.scalar(
        select(func.count())
        .select_from(Escalation)
        .join(InboundMail, InboundMail.id == Escalation.acknowledged_mail_id)
        .where(InboundMail.kind != MailKind.ANSWER)
    )
    return Check("only an answer acknowledges", not bad, f"{bad or 0} by a machine")


_CHECKS = (
    _reports_add_up,
    _one_notice_per_payload,
    _approved_bytes_went_out,
    _nobody_judged_own_intake,
    _notices_only_after_approval,
    _outcomes_add_up,
    _breaches_recorded,
    _digests_speak_for_their_lines,
    _only_answers_acknowledge,
)


def _letters_as_sent(session: Session, runtime: Runtime) -> Check:
    """The stored message of every sent letter has the hash that was recorded."""
    name = "every sent letter is kept as it was sent"
    of_its_own = select(Letter).where(Letter.state == DeliveryState.SENT, Letter.digest_id.is_(None))
    for row in session.scalars(of_its_own):
        if row.message_sealed is None:
            return Check(name, False, f"letter {row.id} has no message")
        message = json.loads(runtime.vault.open(row.message_sealed, MESSAGE))["message"].encode("latin-1")
        if sha256(message) != row.message_sha256:
            return Check(name, False, f"letter {row.id} differs")
    return Check(name, True, "hashes agree")

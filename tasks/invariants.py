"""What must hold at every moment, checked against the case file as it is. Tests, demo and command line share it.

Every check streams: memory does not grow with the case file. All see one moment of it, whatever others write
meanwhile. What is outside the case file is checked by tasks/outside.py, against what was seen there.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, exists, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from casework.errors import AuditBroken
from casework.lifecycle import MOVES
from casework.payload import sha256
from casework.vocabulary import (
    FINAL_OUTCOMES,
    DeliveryState,
    MailKind,
    MailState,
    Outcome,
    ReportState,
    Status,
    Verdict,
)
from db.queries.mails import hold_of_mail
from db.queries.reports import count_reports
from db.queries.retention import has_tombstone
from db.tables import (
    CaseFile,
    ContentItem,
    Escalation,
    Event,
    HeldItem,
    InboundMail,
    ItemOutcome,
    Letter,
    Report,
    Review,
    Submission,
)
from tasks.attempts import LEASE as NOTICE_LEASE
from tasks.audit import one_moment, verify_chain
from tasks.case_lifecycle import LEASE as DRIVE_LEASE
from tasks.checks import PAGE, Check, Invariant, Walk, judge, stream
from tasks.clock_invariants import breaches_have_their_time, thresholds_have_their_events
from tasks.correspondence import LEASE as LETTER_LEASE
from tasks.letter_invariants import (
    answered_before_sent,
    attempts_recorded,
    digests_speak_for_their_lines,
    kept_as_sent,
    not_repeated,
    one_effect_per_key,
)
from tasks.retention_invariants import erasures_told_by_their_event, tombstones_tell_the_truth
from tasks.runtime import Runtime

SKEW = timedelta(minutes=10)
"""Two hosts' clocks may differ by so much: each is five minutes off at most."""


def invariants(runtime: Runtime) -> list[Check]:
    """Every invariant, in the order in which an auditor asks."""
    with one_moment(runtime) as session:
        found = [judge(name, check(session, runtime)) for name, check in INVARIANTS.items()]
    return [_chain(runtime), *found]


def _chain(runtime: Runtime) -> Check:
    name = "the event log's chain verifies"
    try:
        return Check(name, True, f"{verify_chain(runtime)} events")
    except AuditBroken as error:
        return Check(name, False, error.message)


def _moves_are_legal(session: Session, _runtime: Runtime) -> Walk:
    """A case begins with its report, and each move goes from where the last one led."""
    case, status, count = None, None, 0
    query = (
        select(Event.case_id, Event.seq, Event.kind, Event.from_status, Event.to_status)
        .where(Event.case_id.is_not(None), Event.to_status.is_not(None))
        .order_by(Event.case_id, Event.seq)
    )
    for case_id, seq, kind, before, after in stream(session, query):
        if case_id != case:
            case, status = case_id, None
        if before != status or not _legal(kind, before, after):
            yield f"event {seq}: '{kind}' from '{before}' to '{after}', of a case that was '{status}'"
        status, count = after, count + 1
    return f"{count} moves"


_BY_KIND = {f"moved.{action}": move for action, move in MOVES.items()}


def _legal(kind: str, before: str | None, after: str) -> bool:
    if kind == "case.received":
        return before is None and after == Status.RECEIVED
    move = _BY_KIND.get(kind)
    return move is not None and before in move.sources and after == (move.to or before)


def _reports_add_up(session: Session, _runtime: Runtime) -> Walk:
    counts = count_reports(session)
    total = sum(counts.values())
    known = sum(counts.get(state, 0) for state in ReportState)
    cases = session.scalar(select(func.count()).select_from(CaseFile)) or 0
    if known != total or cases != counts.get(ReportState.CASE, 0):
        yield f"{total} reports, {counts.get(ReportState.CASE, 0)} opened a case, {cases} cases"
    held = exists().where(HeldItem.report_id == Report.id, HeldItem.part == "report")
    lost = session.execute(
        select(Report.id, Report.state)
        .where(
            or_(
                and_(Report.state == ReportState.CASE, Report.case_id.is_(None)),
                and_(
                    Report.state == ReportState.DUPLICATE, Report.case_id.is_(None), Report.duplicate_of.is_(None)
                ),
                and_(Report.state == ReportState.HELD, ~held),
            )
        )
        .limit(1)
    ).one_or_none()  # fmt: skip
    if lost is not None:
        yield f"report {lost[0]} is '{lost[1]}', and nothing shows where it went"
    return f"{total} reports, {cases} cases"


def _mails_add_up(session: Session, _runtime: Runtime) -> Walk:
    total = session.scalar(select(func.count()).select_from(InboundMail)) or 0
    odd = session.scalar(select(InboundMail.id).where(InboundMail.state.not_in(list(MailState))).limit(1))
    if odd is not None:
        yield f"mail {odd} is in no known state"
    for (mail_id,) in stream(session, select(InboundMail.id).where(InboundMail.state == MailState.HELD)):
        if hold_of_mail(session, mail_id) is None:
            yield f"mail {mail_id} is held, and is not in the holding pen"
    return f"{total} mails"


def _one_notice_per_payload(session: Session, _runtime: Runtime) -> Walk:
    keys: dict[str, list[InstrumentedAttribute[Any]]] = {
        "payload": [Submission.payload_sha256],
        "reference": [Submission.platform, Submission.platform_reference],
    }
    for what, columns in keys.items():
        several = (
            select(func.min(Submission.number), func.count())
            .where(columns[-1].is_not(None))
            .group_by(*columns)
            .having(func.count() > 1)
        )
        for number, count in stream(session, several):
            yield f"{number}: its {what} has {count} notices"
    return f"{session.scalar(select(func.count()).select_from(Submission)) or 0} notices"


def _approved_bytes_went_out(session: Session, _runtime: Runtime) -> Walk:
    count = 0
    for number, payload, digest in stream(
        session,
        select(Submission.number, Submission.payload, Submission.payload_sha256).where(
            ~has_tombstone("submission", Submission.id)
        ),
    ):
        count += 1
        if sha256(bytes(payload)) != digest:
            yield f"{number} is not what was approved"
    return f"{count} payloads have their approved hash"


def _nobody_judged_own_intake(session: Session, _runtime: Runtime) -> Walk:
    own = select(Review.id).where(Review.reviewer_id == Review.intake_by, Review.verdict != Verdict.RETURNED)
    for (review_id,) in stream(session, own):
        yield f"review {review_id} is by the intake person"
    return f"{session.scalar(select(func.count()).select_from(Review)) or 0} decisions"


def _notices_only_after_approval(session: Session, _runtime: Runtime) -> Walk:
    early = (
        select(Submission.number)
        .join(Review, Review.id == Submission.review_id)
        .where(Review.verdict.not_in((Verdict.APPROVED, Verdict.URGENT)))
    )
    for (number,) in stream(session, early):
        yield f"{number} has no approval"
    return "each has its review"


def _outcomes_add_up(session: Session, _runtime: Runtime) -> Walk:
    """Every item of a notice is an item of its case; a case that is decided has a final outcome on each.

    An outcome in force is one that the platform told, or that came with giving up a notice it refused.
    """
    rows = session.execute(
        select(Submission.number, Submission.case_id, Submission.item_ids, Submission.state, CaseFile.status)
        .join(CaseFile, CaseFile.id == Submission.case_id)
        .execution_options(yield_per=PAGE)
    )
    items = 0
    for page in rows.partitions(PAGE):
        outcomes = _outcomes_of_cases(session, {row.case_id for row in page})
        for number, case_id, item_ids, state, status in page:
            told = [outcomes.get((case_id, item_id)) for item_id in item_ids]
            items += len(told)
            if not told or None in told:
                yield f"{number} names items that its case has not"
            unknown = [outcome for outcome in told if outcome not in set(Outcome)]
            if unknown:
                yield f"{number} has an item with the outcome '{unknown[0]}'"
            decided = status in (Status.DECIDED, Status.CLOSED) and state == DeliveryState.SENT
            if decided and not set(told) <= FINAL_OUTCOMES:
                yield f"{number}: its case is '{status}', and an item has no final outcome"
    for item_id, outcome in stream(session, _OUTCOMES_OUT_OF_NOWHERE):
        yield f"item {item_id} is '{outcome}', and no answer says so"
    return f"{items} items of notices"


def _outcomes_of_cases(session: Session, case_ids: set[int]) -> dict[tuple[int, int], str]:
    rows = session.execute(
        select(ContentItem.case_id, ContentItem.id, ContentItem.outcome).where(ContentItem.case_id.in_(case_ids))
    )
    return {(case_id, item_id): outcome for case_id, item_id, outcome in rows}


_OUTCOMES_OUT_OF_NOWHERE = (
    select(ContentItem.id, ContentItem.outcome)
    .where(
        ContentItem.outcome != Outcome.PENDING,
        ~exists().where(ItemOutcome.item_id == ContentItem.id, ItemOutcome.outcome == ContentItem.outcome),
        ~and_(
            ContentItem.outcome == Outcome.NO_ACTION,
            exists().where(Submission.case_id == ContentItem.case_id, Submission.state == DeliveryState.DROPPED),
        ),
    )
    .order_by(ContentItem.id)
)  # fmt: skip


def _nobody_is_forgotten(session: Session, _runtime: Runtime) -> Walk:
    """A case in which the system knows a next step has a time for it: otherwise nothing would ever look at it."""
    to_try = exists().where(
        Submission.case_id == CaseFile.id, Submission.state.in_((DeliveryState.QUEUED, DeliveryState.SENDING))
    )
    open_item = exists().where(ContentItem.case_id == CaseFile.id, ContentItem.outcome.not_in(list(FINAL_OUTCOMES)))
    asked = exists().where(ContentItem.case_id == CaseFile.id, ContentItem.outcome == Outcome.MORE_INFO_NEEDED)
    at_once = (Status.RECEIVED, Status.REOPENED, Status.TRIAGED, Status.DECIDED)
    forgotten = (
        select(CaseFile.number, CaseFile.status)
        .where(
            CaseFile.drive_at.is_(None),
            or_(
                CaseFile.status.in_(at_once),
                and_(CaseFile.status.in_((Status.APPROVED, Status.SUBMITTED)), to_try),
                and_(CaseFile.status.in_((Status.SUBMITTED, Status.MORE_INFO)), ~open_item),
                and_(CaseFile.status == Status.SUBMITTED, asked),
            ),
        )
        .order_by(CaseFile.id)
    )  # fmt: skip
    for number, status in stream(session, forgotten):
        yield f"{number} is '{status}', something is left to do, and nothing drives it"
    return "who can go on has a time for it"


def _leases_end(session: Session, runtime: Runtime) -> Walk:
    """Nobody holds anything for longer than one takes with it; who died with it is followed after that time."""
    now = runtime.now()
    held: Sequence[tuple[Select[Any], timedelta]] = (
        (select(CaseFile.number, CaseFile.lease_until).where(CaseFile.lease_owner.is_not(None)), DRIVE_LEASE),
        (select(Letter.id, Letter.lease_until).where(_under_way(Letter)), LETTER_LEASE),
        (select(Submission.number, Submission.lease_until).where(_under_way(Submission)), NOTICE_LEASE),
    )
    count = expired = 0
    for query, limit in held:
        for what, until in stream(session, query):
            name = f"letter {what}" if isinstance(what, int) else what
            if until is None:
                yield f"{name} is held, and nothing says until when"
            if until > now + limit + SKEW:
                yield f"{name} is held until {until.isoformat()}, longer than anybody may"
            count, expired = count + 1, expired + (until < now)
    return f"{count} held, of which {expired} ran out and wait for the next run"


def _under_way(table: type[Letter | Submission]) -> Any:
    return or_(table.state == DeliveryState.SENDING, table.lease_until.is_not(None))


def _only_answers_acknowledge(session: Session, _runtime: Runtime) -> Walk:
    """A mail that acknowledged a rung was written by a person: no absence note, no bounce, no mail of our own."""
    query = (
        select(Escalation.id, InboundMail.kind)
        .join(InboundMail, InboundMail.id == Escalation.acknowledged_mail_id)
        .where(InboundMail.kind != MailKind.ANSWER)
    )
    for rung_id, kind in stream(session, query):
        yield f"escalation {rung_id} was acknowledged by a mail that is '{kind}'"
    return "no machine did"


INVARIANTS: dict[str, Invariant] = {
    "every recorded move is one of the lifecycle's": _moves_are_legal,
    "reports in = cases + duplicates + held": _reports_add_up,
    "mails in = read + held + settled": _mails_add_up,
    "no case is forgotten": _nobody_is_forgotten,
    "every lease ends": _leases_end,
    "four eyes on every decision": _nobody_judged_own_intake,
    "no notice without an approval": _notices_only_after_approval,
    "what legal approved is what went out": _approved_bytes_went_out,
    "at most one notice per payload and per reference": _one_notice_per_payload,
    "one effect per once-per key": one_effect_per_key,
    "every attempt is on the record": attempts_recorded,
    "outcomes add up to the items": _outcomes_add_up,
    "every threshold that came has its event, once": thresholds_have_their_events,
    "every breach has its own time": breaches_have_their_time,
    "a letter is sent when the mail server said so": answered_before_sent,
    "every sent letter is kept as it was sent": kept_as_sent,
    "a letter that may not be repeated was not": not_repeated,
    "a digest speaks for its lines": digests_speak_for_their_lines,
    "only an answer acknowledges": _only_answers_acknowledge,
    "every erasure is told by its event": erasures_told_by_their_event,
    "what is said to be erased is gone, and nothing else": tombstones_tell_the_truth,
}

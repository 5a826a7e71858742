"""Questions about notices that a platform still has to answer, for summaries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, defer

from casework.vocabulary import ClockState, DeliveryState, Duty, Outcome, Status
from db.queries.submissions import notice_of, submissions_of_case
from db.tables import CaseFile, Clock, ContentItem, Escalation, Event, Letter, Submission


@dataclass(frozen=True, slots=True)
class OpenNotice:
    """A notice that the platform has and has not decided; ``due_at`` None: no clock of the platform's runs."""

    case_id: int
    case_number: str
    instrument: str
    submission_id: int
    number: str
    newest: str
    """The number of the last paper of it that the platform has, on which its time runs: the notice, or our answer."""
    sent_at: datetime
    due_at: datetime | None
    rung: int
    """The highest rung raised on that paper; 0: none."""
    acknowledged: bool
    """Whether that rung was acknowledged."""


def open_notices(session: Session, platforms: Collection[str]) -> list[OpenNotice]:
    """Notices with these platforms on which an item still waits for the platform, oldest first."""
    rows = session.execute(
        select(Submission, CaseFile.number, CaseFile.instrument)
        .join(CaseFile, CaseFile.id == Submission.case_id)
        .where(
            CaseFile.status.in_((Status.SUBMITTED, Status.MORE_INFO)),
            Submission.platform.in_(platforms),
            Submission.kind == "notice",
            Submission.state == DeliveryState.SENT,
        )
        .options(defer(Submission.payload))
        .order_by(Submission.sent_at, Submission.id)
    ).all()
    found = []
    for notice, number, instrument in rows:
        if notice.sent_at is not None and _waits(session, notice):
            newest = _newest(session, notice)
            rung, acknowledged = _rung(session, newest.id)
            due = _due(session, newest.id)
            found.append(
                OpenNotice(
                    notice.case_id,
                    number,
                    instrument,
                    notice.id,
                    notice.number,
                    newest.number,
                    notice.sent_at,
                    due,
                    rung,
                    acknowledged,
                )
            )
    return found


def _waits(session: Session, notice: Submission) -> bool:
    query = select(ContentItem.id).where(ContentItem.id.in_(notice.item_ids), ContentItem.outcome == Outcome.PENDING)
    return session.scalar(query.limit(1)) is not None


def _newest(session: Session, notice: Submission) -> Submission:
    papers = reversed(submissions_of_case(session, notice.case_id))
    return next(row for row in papers if row.state == DeliveryState.SENT and notice_of(session, row).id == notice.id)


def _rung(session: Session, submission_id: int) -> tuple[int, bool]:
    query = (
        select(Escalation.rung, Escalation.acknowledged_at)
        .where(Escalation.submission_id == submission_id)
        .order_by(Escalation.rung.desc(), Escalation.id.desc())
        .limit(1)
    )
    row = session.execute(query).tuples().first()
    return (0, False) if row is None else (row[0], row[1] is not None)


def _due(session: Session, submission_id: int) -> datetime | None:
    """The platform's own time, not that of a rung: the clock that began first."""
    query = (
        select(Clock.due_at)
        .where(
            Clock.subject_kind == "submission",
            Clock.subject_id == submission_id,
            Clock.duty == Duty.PLATFORM,
            Clock.state == ClockState.RUNNING,
        )
        .order_by(Clock.id)
        .limit(1)
    )
    return session.scalar(query)


def last_letter_about(
    session: Session, case_id: int, papers: Collection[str], recipients: Collection[str]
) -> int | None:
    """The last letter to these roles about papers with these numbers; None when there was none."""
    rows = session.execute(
        select(Letter.id, Letter.context)
        .where(Letter.case_id == case_id, Letter.recipient.in_(recipients), Letter.state != DeliveryState.DROPPED)
        .order_by(Letter.id.desc())
    ).tuples()
    return next((letter_id for letter_id, said in rows if said.get("submission") in papers), None)


def decided_between(session: Session, platforms: Collection[str], since: datetime, until: datetime) -> int:
    """How many cases got an answer of these platforms to all of a notice, from ``since`` to before ``until``."""
    events: Sequence[Event] = session.scalars(
        select(Event).where(Event.kind == "platform.decided", Event.at >= since, Event.at < until)
    ).all()
    numbers = {str(event.data.get("submission")) for event in events}
    query = select(Submission.case_id).where(Submission.number.in_(numbers), Submission.platform.in_(platforms))
    return len(set(session.scalars(query)))


def count_sent(session: Session, since: datetime, until: datetime) -> int:
    """How many letters went out from ``since`` to before ``until``."""
    query = select(func.count()).select_from(Letter).where(
        Letter.state == DeliveryState.SENT, Letter.sent_at >= since, Letter.sent_at < until
    )  # fmt: skip
    return session.scalar(query) or 0

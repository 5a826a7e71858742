"""Questions about legal holds, and about records that may have to go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from casework.vocabulary import OPEN_STATUSES, ClockState, DeliveryState, MailState
from db.tables import (
    CaseFile,
    Clock,
    Erasure,
    ErasureRun,
    Event,
    HeldItem,
    InboundMail,
    LegalHold,
    Letter,
    Report,
    Submission,
    Tombstone,
)

UNDER_WAY = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.BUNDLED)
NOTICE_UNDER_WAY = (DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.HANDED_OVER)
JOINED_WITHIN = 5_000
"""Events after a report's own among which its joins stand: they are written with it, in one batch."""


def holds_of_case(session: Session, case_id: int, *, only_open: bool = False) -> Sequence[LegalHold]:
    """A case's legal holds, oldest first."""
    query = select(LegalHold).where(LegalHold.case_id == case_id).order_by(LegalHold.id)
    return session.scalars(query.where(LegalHold.lifted_at.is_(None)) if only_open else query).all()


def open_holds(session: Session, limit: int) -> Sequence[tuple[LegalHold, str]]:
    """Every hold that is not lifted, with its case's number, oldest first."""
    query = (
        select(LegalHold, CaseFile.number)
        .join(CaseFile, CaseFile.id == LegalHold.case_id)
        .where(LegalHold.lifted_at.is_(None))
        .order_by(LegalHold.id)
        .limit(limit)
    )
    return session.execute(query).tuples().all()


def cases_to_erase(session: Session, before: Mapping[str, datetime], after: int, limit: int) -> list[int]:
    """A page of ended cases that still have a class of records to erase, in order of id, those after id ``after``.

    ``before`` says by class which cases are old enough to be looked at. A class that was erased counts again where
    the case was taken up and ended once more.
    """
    moved_since = exists().where(
        Event.case_id == CaseFile.id, Event.to_status.is_not(None), Event.at > Erasure.erased_at
    )
    left = [
        and_(
            CaseFile.received_at <= received,
            ~exists().where(Erasure.case_id == CaseFile.id, Erasure.record == record, ~moved_since),
        )
        for record, received in before.items()
    ]
    query = (
        select(CaseFile.id)
        .where(CaseFile.id > after, CaseFile.status.not_in(OPEN_STATUSES), or_(*left))
        .order_by(CaseFile.id)
        .limit(limit)
    )
    return list(session.scalars(query))


def erased_since(session: Session, case_id: int, ended_at: datetime) -> set[str]:
    """Classes of a case's records that were erased after its last end."""
    query = select(Erasure.record).where(Erasure.case_id == case_id, Erasure.erased_at >= ended_at)
    return set(session.scalars(query))


def cases_together(session: Session, case_id: int) -> list[int]:
    """The ids of all cases that hang together with one, itself first: merged, or by a report that joined both."""
    found, ahead = [case_id], [case_id]
    while ahead:
        near = _linked(session, ahead.pop())
        fresh = [other for other in near if other not in found]
        found += fresh
        ahead += fresh
    return found


def _linked(session: Session, case_id: int) -> list[int]:
    number, into = session.execute(select(CaseFile.number, CaseFile.merged_into).where(CaseFile.id == case_id)).one()
    merged = select(CaseFile.id).where(or_(CaseFile.merged_into == number, CaseFile.number == (into or "")))
    return [*session.scalars(merged), *_joined_here(session, case_id), *_joined_elsewhere(session, case_id)]


def _joined_here(session: Session, case_id: int) -> list[int]:
    """Cases whose report joined this one as well."""
    joins = select(Event.data).where(Event.case_id == case_id, Event.kind == "report.joined")
    reports = [data["report"] for data in session.scalars(joins)]
    if not reports:
        return []
    query = select(Report.case_id).where(Report.id.in_(reports), Report.case_id.is_not(None))
    return [other for other in session.scalars(query) if other is not None]


def _joined_elsewhere(session: Session, case_id: int) -> list[int]:
    """Cases that this one's reports joined as well. Only a case opened beside others has any."""
    opened = session.execute(
        select(Event.seq, Event.data).where(Event.case_id == case_id, Event.kind == "case.received")
    ).first()
    if opened is None or not opened[1].get("related"):
        return []
    seq, data = opened
    beside = select(Event.case_id, Event.data).where(
        Event.seq > seq, Event.seq <= seq + JOINED_WITHIN, Event.kind == "report.joined"
    )
    return [other for other, said in session.execute(beside) if other is not None and said["report"] == data["report"]]


def ended_at(session: Session, case_id: int) -> datetime:
    """When a case last came to where it is."""
    at = session.scalar(
        select(Event.at)
        .where(Event.case_id == case_id, Event.to_status.is_not(None))
        .order_by(Event.seq.desc())
        .limit(1)
    )
    assert at is not None, "every case has the event that opened it"
    return at


def still_open(session: Session, case_id: int) -> dict[str, int]:
    """Counts of what keeps a case's records, by the names of casework.retention.Standing."""
    counts: dict[str, tuple[Any, ColumnElement[bool]]] = {
        "holds": (LegalHold, LegalHold.lifted_at.is_(None)),
        "running_clocks": (Clock, Clock.state == ClockState.RUNNING),
        "letters_under_way": (Letter, Letter.state.in_(UNDER_WAY)),
        "notices_under_way": (Submission, Submission.state.in_(NOTICE_UNDER_WAY)),
    }
    found = {
        name: session.scalar(select(func.count()).select_from(table).where(table.case_id == case_id, open_)) or 0
        for name, (table, open_) in counts.items()
    }
    return {**found, "waiting_for_a_person": _waiting(session, case_id), "open_appeals": _appeals(session, case_id)}


def _waiting(session: Session, case_id: int) -> int:
    held = (
        select(func.count())
        .select_from(HeldItem)
        .join(Report, Report.id == HeldItem.report_id)
        .where(Report.case_id == case_id, HeldItem.state == "held")
    )
    mails = select(func.count()).where(
        InboundMail.case_id == case_id, InboundMail.state.in_((MailState.STORED, MailState.HELD))
    )
    return (session.scalar(held) or 0) + (session.scalar(mails) or 0)


def _appeals(session: Session, case_id: int) -> int:
    """Appeals to a platform after which neither an outcome was recorded nor the case moved."""
    asked = session.scalar(select(func.max(Event.seq)).where(Event.case_id == case_id, Event.kind == "appeal.asked"))
    if asked is None:
        return 0
    answered = exists().where(
        Event.case_id == case_id,
        Event.seq > asked,
        or_(Event.kind == "outcome.recorded", Event.to_status.is_not(None)),
    )
    return 0 if session.scalar(select(answered)) else 1


def run_under_way(session: Session) -> ErasureRun | None:
    """The run that is not done, waiting or running; None when there is none."""
    return session.scalars(select(ErasureRun).where(ErasureRun.state != "done").order_by(ErasureRun.id)).first()


def runs(session: Session, limit: int) -> Sequence[ErasureRun]:
    """Runs, newest first."""
    return session.scalars(select(ErasureRun).order_by(ErasureRun.id.desc()).limit(limit)).all()


def erasures_of_case(session: Session, case_id: int) -> Sequence[Erasure]:
    """What was erased of a case, oldest first: when, under which rule, by which run."""
    return session.scalars(select(Erasure).where(Erasure.case_id == case_id).order_by(Erasure.id)).all()


def tombstones_of(session: Session, erasure_ids: Sequence[int]) -> Sequence[Tombstone]:
    """The tombstones of erasures, in order."""
    return session.scalars(
        select(Tombstone).where(Tombstone.erasure_id.in_(erasure_ids)).order_by(Tombstone.erasure_id, Tombstone.id)
    ).all()


def erasure_of_row(session: Session, table: str, row_id: int) -> Erasure | None:
    """The erasure that took something of a row; None for a row that is whole."""
    return session.scalars(
        select(Erasure)
        .join(Tombstone, Tombstone.erasure_id == Erasure.id)
        .where(Tombstone.table_name == table, Tombstone.row_id == row_id)
    ).one_or_none()


def has_tombstone(table: str, row_id: Any) -> ColumnElement[bool]:
    """A condition: the row of a table is one of which something was erased."""
    return exists().where(and_(Tombstone.table_name == table, Tombstone.row_id == row_id))


def empty_the_log(engine: Engine) -> None:
    """SQLite keeps what it overwrote in its write-ahead log until that is emptied; other readers may put that off."""
    if engine.dialect.name == "sqlite":
        connection = engine.raw_connection()
        try:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()

"""Records that belong to no case, or came to one after its own were erased: candidates for erasure, oldest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from casework.vocabulary import DeliveryState, MailState, ReportState
from db.queries.retention import has_tombstone
from db.tables import Erasure, HeldItem, InboundMail, LegalHold, Letter, LetterMessage, Report

Candidate = tuple[int, datetime]
"""A row's id, and from when on its period runs."""

SETTLED_LETTER = (DeliveryState.SENT, DeliveryState.REFUSED, DeliveryState.DROPPED)


def loose_reports(session: Session, after: int, limit: int) -> list[Candidate]:
    """Reports that opened and joined no case and wait for nobody."""
    original = func.coalesce(Report.duplicate_of, Report.id)
    settled = select(func.max(HeldItem.settled_at)).where(HeldItem.report_id == original).scalar_subquery()
    query = select(Report.id, Report.received_at, settled).where(
        Report.id > after,
        Report.case_id.is_(None),
        Report.state != ReportState.STORED,
        ~has_tombstone("report", Report.id),
        ~exists().where(HeldItem.report_id == original, HeldItem.state == "held"),
    )
    rows = session.execute(query.order_by(Report.id).limit(limit)).tuples()
    return [(row_id, max(received, settled or received)) for row_id, received, settled in rows]


def loose_held(session: Session, after: int, limit: int) -> list[Candidate]:
    """Things that were held, are no report, and are settled: answers of a platform that fitted nothing."""
    query = select(HeldItem.id, func.coalesce(HeldItem.settled_at, HeldItem.received_at)).where(
        HeldItem.id > after,
        HeldItem.report_id.is_(None),
        HeldItem.state == "settled",
        ~has_tombstone("held_item", HeldItem.id),
    )
    return list(session.execute(query.order_by(HeldItem.id).limit(limit)).tuples())


def loose_letters(session: Session, after: int, limit: int) -> list[Candidate]:
    """Letters about several cases, of which none still has its own letters."""
    line = aliased(Letter)
    query = select(Letter.id, func.coalesce(Letter.sent_at, Letter.created_at)).where(
        Letter.id > after,
        Letter.case_id.is_(None),
        Letter.state.in_(SETTLED_LETTER),
        ~has_tombstone("letter", Letter.id),
        ~exists().where(line.digest_id == Letter.id, ~_letters_gone(line.case_id)),
    )
    return list(session.execute(query.order_by(Letter.id).limit(limit)).tuples())


def loose_mails(session: Session, after: int, limit: int) -> list[Candidate]:
    """Mails of no case, and those that came to a case after its letters were erased."""
    mail = InboundMail
    query = select(mail.id, func.coalesce(mail.settled_at, mail.read_at, mail.stored_at)).where(
        mail.id > after,
        mail.state.in_((MailState.READ, MailState.SETTLED)),
        ~has_tombstone("inbound_mail", mail.id),
        or_(mail.case_id.is_(None), _letters_gone(mail.case_id)),
        ~exists().where(LegalHold.case_id == mail.case_id, LegalHold.lifted_at.is_(None)),
        or_(mail.letter_id.is_(None), ~exists().where(LetterMessage.letter_id == mail.letter_id)),
    )
    return list(session.execute(query.order_by(mail.id).limit(limit)).tuples())


def _letters_gone(case_id: Any) -> ColumnElement[bool]:
    return exists().where(Erasure.case_id == case_id, Erasure.record == "letter")

"""What must hold of erasures: each is told by its event, and what has a tombstone is really gone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from db.queries.retention import has_tombstone, tombstones_of
from db.tables import (
    CaseFile,
    ContentItem,
    Erasure,
    Event,
    HeldItem,
    InboundMail,
    LetterMessage,
    Party,
    Report,
    Submission,
    Tombstone,
)
from tasks.checks import Walk, stream
from tasks.retention_erasing import Gone, digest_of
from tasks.runtime import Runtime


def erasures_told_by_their_event(session: Session, _runtime: Runtime) -> Walk:
    """The chained event says how many tombstones each erasure has, and their digest."""
    count = 0
    query = select(Erasure.id, Erasure.record, Erasure.rows, Event.kind, Event.data).outerjoin(
        Event, Event.seq == Erasure.event_seq
    )
    for erasure_id, record, rows, kind, data in stream(session, query):
        count += 1
        gone = [Gone(row.table_name, row.row_id, row.content_hash) for row in tombstones_of(session, [erasure_id])]
        told = (data or {}).get("erased", {}).get(record)
        if kind != "records.erased" or len(gone) != rows or told != [rows, digest_of(gone)]:
            yield f"erasure {erasure_id} differs from its event"
    return f"{count} erasures agree with their events"


_STILL_THERE: dict[str, tuple[Any, ColumnElement[bool]]] = {
    "report": (Report, func.length(Report.raw_sealed) > 0),
    "held_item": (HeldItem, HeldItem.sealed.is_not(None)),
    "inbound_mail": (InboundMail, func.length(InboundMail.raw_sealed) > 0),
    "submission": (Submission, func.length(Submission.payload) > 0),
    "content_item": (ContentItem, ContentItem.url_original != ""),
    "case_file": (CaseFile, CaseFile.description != ""),
}


_EMPTY: dict[str, tuple[Any, ColumnElement[bool]]] = {
    "report": (Report, func.length(Report.raw_sealed) == 0),
    "submission": (Submission, func.length(Submission.payload) == 0),
    "inbound_mail": (InboundMail, func.length(InboundMail.raw_sealed) == 0),
}


def tombstones_tell_the_truth(session: Session, _runtime: Runtime) -> Walk:
    """Nothing that is said to be erased is there, and nothing is empty that no erasure emptied."""
    for name, (table, there) in _STILL_THERE.items():
        for [found] in stream(session, select(table.id).where(there, has_tombstone(name, table.id))):
            yield f"{name} {found} is said to be erased, and is there"
    for name, key in (("letter", LetterMessage.letter_id), ("party", Party.id)):
        for [found] in stream(session, select(key).where(has_tombstone(name, key))):
            yield f"{name} {found} is said to be erased, and is there"
    for name, (table, emptied) in _EMPTY.items():
        for [found] in stream(session, select(table.id).where(emptied, ~has_tombstone(name, table.id))):
            yield f"{name} {found} is empty, and no erasure says why"
    total = session.scalar(select(func.count()).select_from(Tombstone)) or 0
    return f"{total} tombstones"

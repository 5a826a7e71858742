"""What goes with each class of records, row by row, and the tombstone that stays in its place.

The tombstones are written first: without one the database refuses the change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import String, cast, delete, select, update
from sqlalchemy.orm import Session

from casework.payload import canonical, sha256
from casework.retention import ERASED_TEXT
from db.base import Base
from db.queries.retention import has_tombstone
from db.queries.rows import insert_rows
from db.tables import (
    AddressHealth,
    CaseFile,
    ContentItem,
    ExpertOpinion,
    HeldItem,
    InboundMail,
    ItemOutcome,
    Letter,
    LetterMessage,
    Party,
    Report,
    Submission,
    Tombstone,
)
from tasks.vault import Vault


@dataclass(frozen=True, slots=True)
class Gone:
    """One row of which something goes: what it was, as a keyed hash."""

    table: str
    row_id: int
    content_hash: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes of one table, and how: found first, done once its tombstones stand."""

    gone: tuple[Gone, ...]
    do: Callable[[Session], None]


def plan_case(session: Session, vault: Vault, record: str, case_id: int) -> list[Plan]:
    """What goes of one case with a class of its records."""
    match record:
        case "raw_report":
            reports = list(session.scalars(select(Report.id).where(Report.case_id == case_id)))
            return [plan_reports(session, vault, reports), _held_of(session, vault, reports)]
        case "party":
            return [_parties(session, vault, case_id)]
        case "letter":
            letters = list(session.scalars(select(Letter.id).where(Letter.case_id == case_id)))
            mails = list(session.scalars(select(InboundMail.id).where(InboundMail.case_id == case_id)))
            return [plan_letters(session, vault, letters), plan_mails(session, vault, mails)]
        case _:
            return _file(session, vault, case_id)


def plan_reports(session: Session, vault: Vault, ids: Sequence[int]) -> Plan:
    """The bytes as they came, and the names of the file and its columns. The digest stays: it finds a copy."""
    return _emptied(session, vault, Report, ids, {"raw_sealed": b"", "source": "", "header": ""})


def plan_held(session: Session, vault: Vault, ids: Sequence[int]) -> Plan:
    """What was held, and where it came from. Why, and how it was settled, stays."""
    return _emptied(session, vault, HeldItem, ids, {"sealed": None, "source": ""})


def plan_letters(session: Session, vault: Vault, ids: Sequence[int]) -> Plan:
    """Messages as sent, and which address they went to. That, when and how they went out stays."""
    kept = Base.metadata.tables[LetterMessage.__tablename__]
    sealed = dict(
        session.execute(select(kept.c.letter_id, kept.c.sealed).where(kept.c.letter_id.in_(ids))).tuples().all()
    )
    emptied = _emptied(session, vault, Letter, ids, {"address_hash": None}, sealed)

    def do(session: Session) -> None:
        gone = [row.row_id for row in emptied.gone]
        session.execute(delete(LetterMessage).where(LetterMessage.letter_id.in_(gone)))
        session.execute(delete(AddressHealth).where(AddressHealth.letter_id.in_(gone)))
        emptied.do(session)

    return Plan(emptied.gone, do)


def plan_mails(session: Session, vault: Vault, ids: Sequence[int]) -> Plan:
    """Mails as they came, attachments and all. Their kind, their times and what followed from them stay."""
    key = "erased:" + cast(InboundMail.id, String)
    changes = {"raw_sealed": b"", "message_id": "", "because": "", "reason": "", "message_key": key}
    emptied = _emptied(session, vault, InboundMail, ids, changes)

    def do(session: Session) -> None:
        session.execute(delete(AddressHealth).where(AddressHealth.mail_id.in_([row.row_id for row in emptied.gone])))
        emptied.do(session)

    return Plan(emptied.gone, do)


def _held_of(session: Session, vault: Vault, reports: Sequence[int]) -> Plan:
    ids = list(session.scalars(select(HeldItem.id).where(HeldItem.report_id.in_(reports))))
    return plan_held(session, vault, ids)


def _parties(session: Session, vault: Vault, case_id: int) -> Plan:
    """The whole row: who took part is nobody any more."""
    rows = session.execute(select(Party.id, Party.sealed).where(Party.case_id == case_id).order_by(Party.id)).all()
    gone = tuple(Gone("party", row_id, _hash(vault, {"sealed": sealed})) for row_id, sealed in rows)

    def do(session: Session) -> None:
        contacts = [f"party:{row.row_id}" for row in gone]
        session.execute(delete(AddressHealth).where(AddressHealth.contact.in_(contacts)))
        session.execute(delete(Party).where(Party.id.in_([row.row_id for row in gone])))

    return Plan(gone, do)


_WORDS: dict[str, Any] = {
    "quote": "", "translation": "", "description": "", "why_unlawful": "", "policy_line": "", "question": "",
    "issuing_authority": "", "expert_decision": "", "cited_basis": [], "indicators": [],
}  # fmt: skip


def _file(session: Session, vault: Vault, case_id: int) -> list[Plan]:
    """Words, links and payloads. Number, dates, category, priority, disposition and outcomes stay as a skeleton."""

    def ids(table: Any) -> list[int]:
        return list(session.scalars(select(table.id).where(table.case_id == case_id)))

    items = ids(ContentItem)
    outcomes = list(session.scalars(select(ItemOutcome.id).where(ItemOutcome.item_id.in_(items))))
    link = {
        "url_original": "", "url_canonical": "", "account": None, "locator": None,
        "key": "erased:" + cast(ContentItem.id, String),
    }  # fmt: skip
    return [
        _emptied(session, vault, CaseFile, [case_id], _WORDS),
        _emptied(session, vault, ContentItem, items, link),
        _emptied(session, vault, Submission, ids(Submission), {"payload": b"", "last_error": ""}),
        _emptied(session, vault, ItemOutcome, outcomes, {"reason": ""}),
        _emptied(session, vault, ExpertOpinion, ids(ExpertOpinion), {"reasons": ERASED_TEXT, "dissent": []}),
    ]


def _emptied(
    session: Session,
    vault: Vault,
    table: Any,
    ids: Sequence[int],
    changes: dict[str, Any],
    beside: Mapping[int, bytes] | None = None,
) -> Plan:
    """These columns of these rows, emptied; a row that has nothing in them, or is erased already, is left alone.

    ``beside`` is content in another table that goes with a row.
    """
    other = beside or {}
    columns = [getattr(table, name) for name in changes]
    name = table.__tablename__
    found = session.execute(
        select(table.id, *columns).where(table.id.in_(ids), ~has_tombstone(name, table.id)).order_by(table.id)
    )
    gone: list[Gone] = []
    for row_id, *values in found:
        content = {**dict(zip(changes, values, strict=True)), "beside": other.get(row_id)}
        if any(content.values()):
            gone.append(Gone(name, row_id, _hash(vault, content)))

    def do(session: Session) -> None:
        session.execute(
            update(table)
            .where(table.id.in_([row.row_id for row in gone]))
            .values(**changes)
            .execution_options(synchronize_session=False)
        )

    return Plan(tuple(gone), do)


def _hash(vault: Vault, content: Mapping[str, Any]) -> str:
    """A keyed hash of what goes: with the key and a copy one can show that the copy is it."""
    plain = {name: sha256(value) if isinstance(value, bytes) else value for name, value in content.items()}
    return vault.fingerprint(canonical(plain).decode())


def write_tombstones(session: Session, erasure_id: int, case_id: int | None, gone: Sequence[Gone]) -> None:
    """One tombstone a row. The database refuses one for a case under a legal hold."""
    rows = [
        {
            "erasure_id": erasure_id, "case_id": case_id, "table_name": row.table, "row_id": row.row_id,
            "content_hash": row.content_hash,
        }
        for row in gone
    ]  # fmt: skip
    insert_rows(session, Tombstone, rows)


def digest_of(gone: Sequence[Gone]) -> str:
    """What the event says of the tombstones: none can be added, taken away or changed afterwards."""
    lines = sorted(f"{row.table}:{row.row_id}:{row.content_hash}" for row in gone)
    return sha256("\n".join(lines).encode())

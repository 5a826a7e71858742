"""Everything the case file knows of one case, in files that a stranger can check without our software.

Order and why: (1) the export is on the record, with its purpose, before anything is read for it; what is read is read
in that same transaction, so that the facts and the newest event fit each other, (2) the log is hashed into a tree and
its head signed, (3) the files are written beside their place and moved there as a whole.

The form of the files is what ``tools/verify_export.py`` checks.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import LargeBinary, inspect, select
from sqlalchemy.orm import Session

from casework.errors import CaseError, NotAllowed, QorganError
from casework.facts import Actor
from casework.payload import sha256
from casework.signed_head import KIND as HEAD_KIND
from casework.signed_head import tree_over
from casework.vocabulary import Role
from db.base import Base, JsonDict
from db.queries.audit_heads import hashes_up_to
from db.queries.cases import items_of_case, reviews_of_case
from db.queries.clocks import clocks_of_case
from db.queries.events import chain_head, events_of_case
from db.queries.letters import escalations_of_case, letters_of_case
from db.queries.mails import mails_of_case
from db.queries.retention import erasures_of_case
from db.queries.submissions import submissions_of_case
from db.tables import (
    CaseFile,
    Event,
    ExpertOpinion,
    ItemOutcome,
    MailAttachment,
    Party,
    PriorityChange,
    Report,
    Submission,
)
from tasks.case_facts import find_case
from tasks.contacts import open_party
from tasks.letter_parts import letter_number
from tasks.record import note, transaction
from tasks.runtime import Runtime
from tasks.signed_heads import Measured, write_head
from tasks.signing_key import SigningKey, find_key

KIND = "qorgan.case_export/1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.signature.json"

MAY_EXPORT = (Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT, Role.AUDITOR)
MAY_NAME_PEOPLE = (Role.HEAD_OF_UNIT,)
"""Who may take a case out with the identities of its people."""
LONGEST_PURPOSE = 500
"""Characters."""
MOST_EVENTS = 50_000
"""Events of one case that are exported; a case with more is a fault, not a file for a court."""

OURS = frozenset(
    {"id", "case_id", "lease_owner", "lease_until", "drive_at", "next_attempt_at", "next_check_at", "failures",
     "priority_rank", "context", "once_key", "address_hash", "message_key", "held_because", "idempotency_key"}
)  # fmt: skip
"""Columns about our own work, or without a meaning outside; sealed columns are left out by their type."""


@dataclass(frozen=True, slots=True)
class Export:
    """What an export says, before it is written: files by name, and what signs them."""

    number: str
    authority: str
    purpose: str
    by: str
    made_at: datetime
    case: JsonDict
    proof: JsonDict
    identities: JsonDict | None
    key: SigningKey | None


def collect_export(
    runtime: Runtime, number: str, actor_id: str, purpose: str, *, with_identities: bool = False
) -> Export:
    """Put the export on the record, and gather everything that it says.

    ``with_identities`` opens the vault for every person of the case, each opening with its event.
    Raises NotAllowed, CaseNotFound, or QorganError for a purpose that is none; then nothing was written.
    """
    actor = _allowed(runtime, number, actor_id, purpose, with_identities=with_identities)
    key, now = find_key(runtime.settings), runtime.now()
    with transaction(runtime) as session:
        case = find_case(session, number)
        data: JsonDict = {"identities": with_identities, "key": key.key_id if key else None}
        exported = note(session, runtime, case, "case.exported", actor, now, reason=purpose, data=data)
        people = _people(session, runtime, case, actor, purpose, now) if with_identities else None
        told = _told(session, case)
        events = [_event(event) for event in events_of_case(session, case.id)]
        authority, (seq, head) = case.authority, chain_head(session)
    if len(events) > MOST_EVENTS:
        raise CaseError(number, f"it has {len(events)} events, and {MOST_EVENTS} is the most", rule="export.too_large")
    with runtime.sessions.read() as session, closing(hashes_up_to(session, seq)) as hashes:
        tree = tree_over(hashes, [event["content"]["seq"] for event in events])
    for event in events:
        event["path"] = tree.paths[event["content"]["seq"]]
    measured = Measured(seq, head, tree.root)
    if key is None:
        said = _unsigned(authority, measured, now)
    else:
        with transaction(runtime) as session:
            said = write_head(session, runtime, key, measured, f"export:{number}:{exported}", now).as_dict()
    proof: JsonDict = {"case": number, "head": said, "events": events}
    return Export(number, authority, purpose, actor.id, now, told, proof, people, key)


def _allowed(runtime: Runtime, number: str, actor_id: str, purpose: str, *, with_identities: bool) -> Actor:
    actor = runtime.users.actor(actor_id)
    if not actor.has(*MAY_EXPORT):
        raise NotAllowed(
            f"{number}: {actor.id} may not export it", next_step="Ask a reviewer, the head of the unit or an auditor."
        )
    if with_identities and not actor.has(*MAY_NAME_PEOPLE):
        raise NotAllowed(
            f"{number}: {actor.id} may not export who its people are", next_step="Ask the head of the unit."
        )
    if not 5 <= len(purpose.strip()) <= LONGEST_PURPOSE:
        raise QorganError(
            f"{number}: an export needs a purpose of 5 to {LONGEST_PURPOSE} characters",
            rule="export.purpose_missing",
            next_step="Say with --purpose for whom it is and what for; it stays on the record.",
        )
    return actor


def _unsigned(authority: str, measured: Measured, at: datetime) -> JsonDict:
    """The head of the log without a signature: it says the same, and nobody vouches for it."""
    statement: JsonDict = {
        "kind": HEAD_KIND, "authority": authority, "seq": measured.seq, "hash": measured.hash, "root": measured.root,
        "at": at.astimezone(UTC).isoformat(timespec="microseconds"),
    }  # fmt: skip
    return {"statement": statement, "signature": None, "public_key": None}


def _people(session: Session, runtime: Runtime, case: CaseFile, actor: Actor, purpose: str, at: datetime) -> JsonDict:
    parties = session.scalars(select(Party).where(Party.case_id == case.id).order_by(Party.id)).all()
    return {
        "case": case.number,
        "people": [
            {
                "party": party.id,
                "role": party.role,
                "language": party.language,
                **open_party(session, runtime, party, case, f"export: {purpose}"[:LONGEST_PURPOSE], actor, at),
            }
            for party in parties
        ],
    }


def _event(event: Event) -> JsonDict:
    """An event as its hash covers it."""
    content = {
        "seq": event.seq, "case_id": event.case_id, "at": event.at.isoformat(timespec="microseconds"),
        "kind": event.kind, "actor_id": event.actor_id, "actor_name": event.actor_name,
        "from_status": event.from_status, "to_status": event.to_status, "reason": event.reason,
        "policy_version": event.policy_version, "data": event.data,
    }  # fmt: skip
    return {"content": content, "previous": event.previous, "hash": event.hash}


# The facts of the case


def _told(session: Session, case: CaseFile) -> JsonDict:
    items = items_of_case(session, case.id)
    numbers = {item.id: item.number for item in items}
    notices = submissions_of_case(session, case.id)
    named = {notice.id: notice.number for notice in notices}
    letters = letters_of_case(session, case.id)
    mails = mails_of_case(session, case.id)
    outcomes = session.scalars(select(ItemOutcome).where(ItemOutcome.submission_id.in_(named)).order_by(ItemOutcome.id))
    attachments = session.scalars(
        select(MailAttachment)
        .where(MailAttachment.mail_id.in_([mail.id for mail in mails]))
        .order_by(MailAttachment.id)
    )
    return {
        "case": row_of(case),
        "items": [row_of(item, "report_id") for item in items],
        "reports": _rows(session, Report, case.id, "header", "duplicate_of"),
        "priority_changes": _rows(session, PriorityChange, case.id),
        "expert_opinions": _rows(session, ExpertOpinion, case.id),
        "reviews": [row_of(review) for review in reviews_of_case(session, case.id)],
        "clocks": [row_of(clock, "subject_id") for clock in clocks_of_case(session, case.id)],
        "submissions": [_notice(notice, numbers) for notice in notices],
        "outcomes": [
            {**row_of(outcome, "item_id", "submission_id"), "item": numbers[outcome.item_id],
             "notice": named[outcome.submission_id]}
            for outcome in outcomes
        ],
        "escalations": [
            {**row_of(rung, "submission_id", "clock_id", "acknowledged_mail_id"), "notice": named[rung.submission_id]}
            for rung in escalations_of_case(session, case.id)
        ],
        "letters": [
            {"number": letter_number(case.number, letter.id), **row_of(letter, "digest_id")} for letter in letters
        ],
        "mails": [{"mail": mail.id, **row_of(mail, "letter_id")} for mail in mails],
        "attachments": [{"mail": one.mail_id, **row_of(one, "mail_id")} for one in attachments],
        "erasures": [row_of(erasure, "run_id") for erasure in erasures_of_case(session, case.id)],
    }  # fmt: skip


def _rows(session: Session, table: type[Any], case_id: int, *leave_out: str) -> list[JsonDict]:
    rows = session.scalars(select(table).where(table.case_id == case_id).order_by(table.id))
    return [row_of(row, *leave_out) for row in rows]


def _notice(notice: Submission, numbers: Mapping[int, int]) -> JsonDict:
    """A notice with the bytes that were approved; none where they were erased."""
    payload = bytes(notice.payload).decode() if notice.payload else None
    items = [numbers[item] for item in notice.item_ids if item in numbers]
    return {**row_of(notice, "item_ids", "review_id"), "items": items, "payload": payload}


def row_of(row: Base, *leave_out: str) -> JsonDict:
    """A row as data: what is sealed and what is only about our own work is left out, times are ISO 8601 in UTC."""
    columns = [column for column in inspect(type(row)).columns if not isinstance(column.type, LargeBinary)]
    values = {column.key: getattr(row, column.key) for column in columns if column.key not in OURS.union(leave_out)}
    return {key: value.isoformat() if isinstance(value, datetime) else value for key, value in values.items()}


# The files


def write_export(folder: Path, export: Export, page: str) -> list[str]:
    """Write the files of an export as one new folder (0700, files 0600); their names. ``page`` is its readable form.

    Raises QorganError where something is there already or the folder cannot be written; then nothing is there.
    """
    files = {"case.json": _pretty(export.case), "proof.json": _pretty(export.proof), "case.html": page.encode()}
    if export.identities is not None:
        files["identities.json"] = _pretty(export.identities)
    manifest: JsonDict = {
        "kind": KIND,
        "case": export.number,
        "authority": export.authority,
        "made_at": export.made_at.astimezone(UTC).isoformat(timespec="seconds"),
        "by": export.by,
        "purpose": export.purpose,
        "files": {name: {"bytes": len(data), "sha256": sha256(data)} for name, data in sorted(files.items())},
    }
    signed = _pretty(manifest)
    files |= {MANIFEST: signed, SIGNATURE: _signature(export.key, signed)}
    _write_all(folder, files)
    return sorted(files)


def _signature(key: SigningKey | None, signed: bytes) -> bytes:
    said: JsonDict = {"signed": False}
    if key is not None:
        said = {
            "signed": True, "key_id": key.key_id, "public_key": key.public_key.hex(),
            "signature": key.sign(signed).hex(),
        }  # fmt: skip
    return json.dumps(said, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _pretty(data: JsonDict) -> bytes:
    return json.dumps(data, ensure_ascii=False, indent=1).encode() + b"\n"


def check_free(folder: Path) -> None:
    """Raises QorganError where something has the name of the new folder: nothing is ever written over."""
    if folder.exists() or folder.is_symlink():
        raise QorganError(
            f"there is something called '{folder.name}' already",
            rule="export.folder_exists",
            next_step="Give a new folder with --to.",
        )


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    check_free(folder)
    part = folder.with_name(f"{folder.name}.part-{os.getpid()}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part.mkdir(mode=0o700)
        for name, data in files.items():
            _write(part / name, data)
        part.rename(folder)
    except OSError as error:
        raise QorganError(
            f"the export cannot be written: {error.strerror}",
            rule="export.not_written",
            next_step="Nothing of it is left; that it was begun stays on the record.",
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(path: Path, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())

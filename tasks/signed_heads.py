"""Signing the head of the event log, sending it to two officers, and checking what they kept against the log.

Order and why: (1) walk the log, because nothing broken may be signed, (2) hash it into a tree, both without holding
anybody up, (3) in one transaction write statement, letters and event. A run that dies before 3 has done nothing.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.errors import AuditBroken
from casework.event_chain import GENESIS
from casework.facts import SYSTEM
from casework.letters import language_of, letter
from casework.signed_head import HeadStatement, SignedHead, StatementRefused, compare, read_statement, tree_over
from casework.vocabulary import Recipient
from db.base import JsonDict
from db.queries.audit_heads import hash_at, hashes_up_to, head_of, heads, heads_in_order, last_head, signing_key
from db.queries.events import chain_head
from db.tables import AuditHead, SigningKey
from tasks.audit import verify_chain
from tasks.logs import logger
from tasks.outbox import queue_about_several
from tasks.record import note, transaction
from tasks.runtime import Runtime
from tasks.signing_key import SigningKey as Key
from tasks.signing_key import key_of

log = logger("signed_heads")


@dataclass(frozen=True, slots=True)
class Signed:
    """What a run did: the statement, whether it is new, and how many letters carry it."""

    head: SignedHead
    new: bool
    letters: int


def sign_daily(runtime: Runtime) -> Signed:
    """Sign the head of the log once a day (of the authority's zone), and write it to the audit officers.

    Raises AuditBroken when the log does not verify, and ConfigurationError where there is no key: nothing is signed.
    """
    key, now = key_of(runtime.settings), runtime.now()
    once = f"daily:{now.astimezone(ZoneInfo(runtime.pack.authority.zone)).date().isoformat()}"
    with runtime.sessions.read() as session:
        before = head_of(session, once)
        if before is not None:
            return Signed(as_signed(session, before), new=False, letters=0)
    verify_chain(runtime)
    statement = measure_log(runtime)
    with transaction(runtime) as session:
        before = head_of(session, once)
        if before is not None:
            return Signed(as_signed(session, before), new=False, letters=0)
        signed = write_head(session, runtime, key, statement, once, now)
        letters = _write_letters(session, runtime, signed, once, now)
        data: JsonDict = {"seq": signed.statement.seq, "key": key.key_id, "letters": letters}
        note(session, runtime, None, "audit.head_signed", SYSTEM, now, data=data)
    log.info("head signed", events=signed.statement.seq, letters=letters)
    return Signed(signed, new=True, letters=letters)


@dataclass(frozen=True, slots=True)
class Measured:
    """The log at one moment: its newest event, and the root over all of them."""

    seq: int
    hash: str
    root: str


def measure_log(runtime: Runtime) -> Measured:
    """Position, hash and root of the log as it is."""
    with runtime.sessions.read() as session:
        seq, digest = chain_head(session)
        return Measured(seq, digest, _root(session, seq))


def _root(session: Session, seq: int) -> str:
    with closing(hashes_up_to(session, seq)) as hashes:
        return tree_over(hashes).root


def write_head(session: Session, runtime: Runtime, key: Key, measured: Measured, once: str, at: datetime) -> SignedHead:
    """Sign a head and store it, inside the caller's transaction; the key too, where it signs first."""
    if signing_key(session, key.key_id) is None:
        session.add(SigningKey(key_id=key.key_id, public_key=key.public_key, first_used_at=at))
        session.flush()
    before = last_head(session)
    statement = HeadStatement(
        authority=runtime.pack.authority.id,
        seq=measured.seq,
        hash=measured.hash,
        root=measured.root,
        at=at,
        previous=GENESIS if before is None else as_signed(session, before).statement.digest(),
        key_id=key.key_id,
    )
    signed = SignedHead(statement, key.sign(statement.canonical()), key.public_key)
    session.add(
        AuditHead(
            once_key=once,
            seq=statement.seq,
            hash=statement.hash,
            root=statement.root,
            signed_at=at,
            previous=statement.previous,
            key_id=key.key_id,
            statement=statement.canonical().decode(),
            signature=signed.signature,
        )
    )
    session.flush()
    return signed


def _write_letters(session: Session, runtime: Runtime, signed: SignedHead, once: str, at: datetime) -> int:
    """A letter to each officer of the pack; how many."""
    line, authority = letter("audit_head"), runtime.pack.authority
    officers = runtime.pack.at(at).liaisons.audit_officers
    said: JsonDict = {
        "rows": [],
        "period_to": signed.statement.at.isoformat(),
        "signed_head": {
            "seq": signed.statement.seq,
            "hash": signed.statement.hash,
            "key_id": signed.statement.key_id,
            "lines": signed.armoured(),
        },
    }
    for place, officer in enumerate(officers, start=1):
        contact = f"{Recipient.AUDIT_OFFICER}:{place}"
        language = language_of(line, officer.language, None, authority)
        once_key = f"{line.name}:{once}:{contact}"
        queue_about_several(session, line.name, contact, language, at, once=once_key, context=said)
    return len(officers)


def as_signed(session: Session, row: AuditHead) -> SignedHead:
    """A stored statement, read from the bytes that were signed and not from the columns beside them.

    Raises StatementRefused where signature or key do not fit.
    """
    key = signing_key(session, row.key_id)
    public_key = "" if key is None else key.public_key.hex()
    return read_statement(
        f'{{"statement":{row.statement},"signature":"{row.signature.hex()}","public_key":"{public_key}"}}'.encode()
    )


# Checking


@dataclass(frozen=True, slots=True)
class Listed:
    """One stored statement, and what is wrong with it: '' where it holds."""

    number: int
    signed_at: datetime
    seq: int
    hash: str
    key_id: str
    occasion: str
    wrong: str


def list_heads(runtime: Runtime, limit: int) -> list[Listed]:
    """Signed statements, newest first, each compared with the log: signature, hash, and the statement before it."""
    with runtime.sessions.read() as session:
        rows = heads(session, limit + 1)
        wrong = {row.id: _wrong(session, row) for row in rows}
        for later, earlier in pairwise(rows):
            if not wrong[later.id] and not wrong[earlier.id]:
                follows = as_signed(session, earlier).statement.digest() == later.previous
                wrong[later.id] = "" if follows else "the statement before it is another one"
        return [
            Listed(row.id, row.signed_at, row.seq, row.hash, row.key_id, row.once_key, wrong[row.id])
            for row in rows[:limit]
        ]


def _wrong(session: Session, row: AuditHead) -> str:
    try:
        signed = as_signed(session, row).statement
    except StatementRefused as refused:
        return refused.message
    said = (signed.seq, signed.hash, signed.root, signed.at, signed.previous, signed.key_id)
    if said != (row.seq, row.hash, row.root, row.signed_at, row.previous, row.key_id):
        return "the row says something else than what was signed"
    found = hash_at(session, row.seq) if row.seq else GENESIS
    if found is None:
        return "the log does not reach so far any more"
    return "" if found == row.hash else "the log has another event there"


@dataclass(frozen=True, slots=True)
class Agreed:
    """A kept statement that the log still agrees with, and how many events the log has now."""

    head: SignedHead
    events: int


def check_statement(runtime: Runtime, signed: SignedHead) -> Agreed:
    """Compare a statement that somebody kept with the log as it is; the whole log is walked first.

    Raises AuditBroken with the position where the log was altered, cut or rewritten, StatementRefused for a
    statement of another authority or of a key that never signed here.
    """
    statement = signed.statement
    if statement.authority != runtime.pack.authority.id:
        raise StatementRefused(
            f"the statement is of '{statement.authority[:64]}', and this is '{runtime.pack.authority.id}'",
            rule="audit.statement_elsewhere",
        )
    with runtime.sessions.read() as session:
        known = signing_key(session, statement.key_id)
        if known is None or known.public_key != signed.public_key:
            raise StatementRefused(
                f"the key {statement.key_id[:32]} never signed here",
                rule="audit.statement_key",
                next_step="Compare it with the public key that was noted down when it was made.",
            )
    events = verify_chain(runtime)
    with runtime.sessions.read() as session:
        found = hash_at(session, statement.seq) if statement.seq else GENESIS
        root = GENESIS if found is None else _root(session, statement.seq)
        try:
            compare(statement, chain_head(session), found, root)
        except AuditBroken as broken:
            raise AuditBroken(
                broken.message, rule=broken.rule, next_step=_last_that_agrees(session, statement.seq)
            ) from None
    return Agreed(signed, events)


def _last_that_agrees(session: Session, before: int) -> str:
    """How far back the log is still as it was signed, by the statements that lie beside it."""
    good = 0
    with closing(heads_in_order(session)) as rows:
        for row in rows:
            if row.seq < before and not _wrong(session, row):
                good = max(good, row.seq)
    if not good:
        return "No earlier signed head agrees either: take the officers' older letters, and a backup."
    return f"Up to event {good} it agrees with what was signed: compare what follows with a backup."

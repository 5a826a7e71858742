"""Mails in: stored sealed as they came, before anything in them is looked at; then their source is told.

Order and why: (1) take mails from their source, (2) store them and commit, (3) tell the source. A reader that
dies between 2 and 3 finds the mail again and knows it by its key and its bytes: a repeat, never a second effect.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from casework.errors import ConfigurationError
from casework.facts import SYSTEM
from casework.payload import sha256
from casework.vocabulary import HoldReason, MailState
from db.base import JsonDict
from db.queries.events import NewEvent, append_events
from db.queries.mails import bodies_by_key, ids_by_key, mail_by_id
from db.queries.rows import insert_rows
from db.tables import InboundMail
from tasks.held_mails import hold_mail
from tasks.logs import logger
from tasks.mail_sources import Folder, Incoming, Source, SourceAway, head_of, imap_mailbox
from tasks.record import transaction
from tasks.runtime import Runtime

RAW = "inbound mail"
"""Purpose that binds a sealed mail to its table."""

AT_MOST = 2_000
"""Mails of one source in one run, so that reading them begins soon."""

BATCH, BATCH_BYTES = 50, 4_000_000
"""Mails a transaction, and their bytes: few enough to let others write in between."""

log = logger("mailbox")

Stored = Literal["stored", "repeated", "held"]


@dataclass(slots=True)
class Fetched:
    """Counts of one run. ``down`` names sources that could not be read; ``failed`` counts mails that stay there."""

    stored: int = 0
    repeated: int = 0
    held: int = 0
    failed: int = 0
    down: tuple[str, ...] = ()


def fetch(runtime: Runtime, *, at_most: int = AT_MOST) -> Fetched:
    """Store what waits in the folder and the mailbox. A mail or a source that fails never holds up the next."""
    total = Fetched()
    for name, opened in _sources(runtime):
        try:
            with opened as source:
                fetch_from(runtime, source, total, at_most=at_most)
        except (SourceAway, ConfigurationError) as error:
            log.warning("mail source away", source=name, error=error.message)
            total.down += (name,)
    if total.stored or total.held:
        log.info("mails stored", stored=total.stored, repeated=total.repeated, held=total.held)
    return total


def _sources(runtime: Runtime) -> Iterator[tuple[str, AbstractContextManager[Source]]]:
    settings = runtime.settings
    yield "folder", nullcontext(Folder(settings.mail_folder))
    if settings.imap_host is not None:
        yield "imap", imap_mailbox(settings)


def fetch_from(runtime: Runtime, source: Source, total: Fetched, *, at_most: int = AT_MOST) -> None:
    """Store what waits in one source, a few mails a transaction. Raises SourceAway, after storing what it had given."""
    taken: dict[str, Incoming] = {}
    try:
        for handle in source.waiting()[:at_most]:
            incoming = _take(runtime, source, handle, total)
            if incoming is None:
                continue
            taken[handle] = incoming
            if len(taken) >= BATCH or sum(len(one.raw) for one in taken.values()) >= BATCH_BYTES:
                _keep(runtime, source, taken, total)
                taken = {}
    finally:
        if taken:
            _keep(runtime, source, taken, total)


def _take(runtime: Runtime, source: Source, handle: str, total: Fetched) -> Incoming | None:
    try:
        return source.take(handle, runtime.settings.mail_max_bytes)
    except SourceAway:
        raise
    except Exception as error:
        _failed(source, error, total)
        return None


def _keep(runtime: Runtime, source: Source, taken: Mapping[str, Incoming], total: Fetched) -> None:
    """Store a batch and tell the source; where the batch cannot be stored, its mails one by one."""
    try:
        with transaction(runtime) as session:
            became = store(session, runtime, source.name, list(taken.values()))
    except OperationalError:
        raise
    except Exception as error:
        if len(taken) == 1:
            _failed(source, error, total)
            return
        for handle, incoming in taken.items():
            _keep(runtime, source, {handle: incoming}, total)
        return
    total.stored += became.count("stored")
    total.repeated += became.count("repeated")
    total.held += became.count("held")
    for handle, incoming in taken.items():
        source.done(handle, whole=incoming.whole)


def _failed(source: Source, error: Exception, total: Fetched) -> None:
    """The mail stays where it is, and the next run tries again."""
    log.error("mail not stored", source=source.name, error=type(error).__name__)
    total.failed += 1


def store(session: Session, runtime: Runtime, mailbox: str, batch: Sequence[Incoming]) -> list[Stored]:
    """Mails into the case file, as they came; what became of each.

    The same key and the same body make a repeat. The same key with another body is kept under a key of its own
    and held: one of the two is not what it says it is. Of a mail that is too long the head is held.
    """
    at = runtime.now()
    mails = [_Mail.of(incoming) for incoming in batch]
    bodies = bodies_by_key(session, mailbox, [key for mail in mails for key in (mail.key, mail.own_key)])
    new: dict[str, _Mail] = {}
    keys, clashes = [], {}
    for mail in mails:
        key = mail.key
        if key in bodies and bodies[key] != mail.body_sha256:
            key = mail.own_key
            # A head that was kept alone before clashes with nothing: now the whole mail came.
            if key not in bodies and bodies[mail.key] and mail.body_sha256:
                clashes[key] = mail.key
        keys.append(key)
        if key not in bodies:
            bodies[key], new[key] = mail.body_sha256, mail
    rows = [mail.as_row(runtime, mailbox, key, at) for key, mail in new.items()]
    insert_rows(session, InboundMail, rows)
    ids = ids_by_key(session, mailbox, [*keys, *clashes.values()])
    became: list[Stored] = []
    unseen = set(new)
    events: list[JsonDict] = []
    for key, mail in zip(keys, mails, strict=True):
        fresh = key in unseen
        unseen.discard(key)
        data: JsonDict = {"mail": ids[key], "mailbox": mailbox}
        events.append({**data, "sha256": mail.sha256} if fresh else data)
        became.append("repeated" if not fresh else "held" if key in clashes or not mail.whole else "stored")
    kinds = ["mail.repeated" if one == "repeated" else "mail.stored" for one in became]
    version = runtime.pack.version
    append_events(
        session,
        [
            NewEvent(None, at, kind, SYSTEM.id, SYSTEM.name, version, data=data)
            for kind, data in zip(kinds, events, strict=True)
        ],
    )
    for key, mail in new.items():
        if key in clashes:
            said = f"mail {ids[clashes[key]]} has the same Message-ID and says something else"
            hold_mail(session, runtime, _row(session, ids[key]), HoldReason.UNKNOWN_ITEM, said, at)
        elif not mail.whole:
            said = f"it is longer than {runtime.settings.mail_max_bytes} bytes: only its head was kept here"
            hold_mail(session, runtime, _row(session, ids[key]), HoldReason.TOO_LARGE, said, at)
    return became


def _row(session: Session, mail_id: int) -> InboundMail:
    row = mail_by_id(session, mail_id)
    assert row is not None, "stored in this transaction"
    return row


@dataclass(frozen=True, slots=True)
class _Mail:
    """What is known of a mail before it is read."""

    raw: bytes
    length: int
    whole: bool
    message_id: str
    sha256: str
    body_sha256: str
    """'' for a mail of which only the head came."""

    @classmethod
    def of(cls, incoming: Incoming) -> _Mail:
        raw = incoming.raw
        body = body_sha256(raw) if incoming.whole else ""
        return cls(raw, incoming.length, incoming.whole, message_id_of(raw), sha256(raw), body)

    @property
    def key(self) -> str:
        """Its Message-ID; without one a hash of its bytes."""
        if not self.message_id:
            return f"sha256:{self.sha256}"
        if len(self.message_id) <= 242:
            return self.message_id
        return f"{self.message_id[:200]}#{sha256(self.message_id.encode())[:12]}"

    @property
    def own_key(self) -> str:
        """Its key where another mail has the same Message-ID."""
        return f"{self.key[:242]}#{self.sha256[:12]}"

    def as_row(self, runtime: Runtime, mailbox: str, key: str, at: datetime) -> dict[str, object]:
        return {
            "mailbox": mailbox,
            "message_key": key,
            "message_id": self.message_id[:255],
            "raw_sealed": runtime.vault.seal(self.raw, RAW),
            "raw_sha256": self.sha256,
            "raw_bytes": self.length,
            "body_sha256": self.body_sha256,
            "stored_at": at,
            "state": MailState.STORED.value,
            "kind": "", "because": "", "matched_by": "", "contact": "", "reason": "", "settled_by": "",
        }  # fmt: skip


_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:[ \t]*(?:\r?\n[ \t]+)?(<[^<>\r\n]{1,998}>|[^\s]{1,998})", re.I | re.M)
_LINE_ENDS = re.compile(rb"\r\n?")


def message_id_of(raw: bytes) -> str:
    """The first Message-ID of a mail's head; '' without one. Never fails, whatever the bytes are."""
    found = _MESSAGE_ID.search(head_of(raw))
    return "" if found is None else "".join(chr(byte) if 32 < byte < 127 else "?" for byte in found[1])


def body_sha256(raw: bytes) -> str:
    """SHA-256 of all after the head, whatever the line ends: it differs only where the mail says something else."""
    return sha256(_LINE_ENDS.sub(b"\n", raw[len(head_of(raw)) :]))

"""Mails that were stored are read: what each is, which case it belongs to, and what follows from it.

One mail a transaction. Mails are taken apart and matched before it begins, so that nobody waits for that; kind, match,
attachments, effects and events are written together or not at all. A mail that fails is tried again by the next runs,
then held; the next mail is read in any case.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.inbound_mail import InboundMail as Read
from casework.inbound_mail import MailUnreadable, read_mail
from casework.mail_answer import Answer, read_answer
from casework.mail_kinds import Classified, OurMail, classify
from casework.mail_matching import Matched, match
from casework.vocabulary import HoldReason, MailKind, MailState, MatchedBy
from db.queries.mails import mail_and_twin, mail_by_id, mails_not_read, sealed_mail
from db.tables import InboundMail, MailAttachment
from tasks.arrived_mail import Arrived, Done
from tasks.held_mails import hold_mail
from tasks.known_mail import Keys, KnownMail
from tasks.logs import logger
from tasks.mail_effects import act
from tasks.mailbox import RAW
from tasks.outbox import our_addresses
from tasks.record import transaction
from tasks.runtime import Runtime

ATTEMPTS = 3
"""Attempts to read one mail, each in a run of its own, before a person looks."""

PAGE = 500

GROUP, GROUP_BYTES = 25, 8_000_000
"""Mails that are opened before the first of them takes effect, and their bytes."""

WITHOUT_CASE = frozenset({MailKind.OWN, MailKind.LOOP, MailKind.DUPLICATE, MailKind.AUTO_REPLY, MailKind.DELIVERED,
                          MailKind.BOUNCE_TRANSIENT})  # fmt: skip
"""Kinds that nobody need look at where they fit no case: nothing would follow from them."""

log = logger("mail_reading")


@dataclass(slots=True)
class ReadMails:
    """What became of one page of mails. ``last`` is where the next page begins; ``done`` when there is none."""

    read: int = 0
    held: int = 0
    failed: list[int] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    effects: Counter[str] = field(default_factory=Counter)
    last: int = 0
    done: bool = False


def read_stored(runtime: Runtime, limit: int = PAGE, *, after: int = 0) -> ReadMails:
    """Read up to ``limit`` stored mails, oldest first, behind the mail ``after``."""
    page = ReadMails(last=after)
    with runtime.sessions.read() as session:
        waiting = mails_not_read(session, limit, after=after)
    page.done = len(waiting) < limit
    reader = MailReader(runtime)
    for group in _groups(waiting):
        for mail_id, seen in reader.look_at(group):
            page.last = mail_id
            try:
                became = reader.settle(mail_id, seen)
            except Exception as error:
                became = reader.failed(mail_id, error)
                page.failed.append(mail_id)
            if became is None:
                continue
            page.read += became.state == MailState.READ
            page.held += became.state == MailState.HELD
            page.kinds[became.kind] += 1
            page.effects.update(became.effects)
    if waiting:
        log.info("mails read", read=page.read, held=page.held, failed=len(page.failed))
    return page


def _groups(waiting: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Mails that are opened together: few, and few bytes."""
    group: list[int] = []
    size = 0
    for mail_id, length in waiting:
        if group and (len(group) == GROUP or size + length > GROUP_BYTES):
            yield group
            group, size = [], 0
        group.append(mail_id)
        size += length
    if group:
        yield group


@dataclass(frozen=True, slots=True)
class Understood:
    """What a mail says, and where it belongs."""

    mail: Read
    kind: Classified
    answer: Answer
    matched: Matched
    letter_id: int | None


Seen = Understood | Exception
"""An exception that is no MailUnreadable is a fault of ours."""


class MailReader:
    """Reads mails of one installation; what it derives from keys and pack is derived once."""

    def __init__(self, runtime: Runtime) -> None:
        self.runtime = runtime
        self.keys = Keys(runtime)
        self.ours = our_mail(runtime)

    def look_at(self, mail_ids: Sequence[int]) -> list[tuple[int, Seen]]:
        """Open mails, read them and find their cases. Nothing is written and nobody waits."""
        with self.runtime.sessions.read() as session:
            known = KnownMail(session, self.keys)
            return [(mail_id, self._look(session, known, mail_id)) for mail_id in mail_ids]

    def _look(self, session: Session, known: KnownMail, mail_id: int) -> Seen:
        try:
            mail = read_mail(self.runtime.vault.open(sealed_mail(session, mail_id), RAW))
            kind = classify(mail, self.ours)
            matched = match(mail, kind.kind, known, self.runtime.pack.authority.number_prefix)
            letter_id = None if matched.found is None else known.answered_letter(matched.found, mail.references)
            return Understood(mail, kind, read_answer(mail.text), matched, letter_id)
        except Exception as error:
            return error

    def settle(self, mail_id: int, seen: Seen) -> InboundMail | None:
        """Write what a mail is, where it belongs and what follows from it; None when another reader has."""
        if isinstance(seen, Exception) and not isinstance(seen, MailUnreadable):
            raise seen
        with transaction(self.runtime) as session:
            row, twin = mail_and_twin(session, mail_id) or (None, None)
            if row is None or row.state != MailState.STORED:
                return None
            if isinstance(seen, MailUnreadable):
                row.attempts, row.read_at = row.attempts + 1, self.runtime.now()
                row.kind, row.because = MailKind.UNREADABLE.value, seen.rule
                row.matched_by = MatchedBy.NOTHING.value
                hold_mail(session, self.runtime, row, HoldReason.MALFORMED, seen.message, row.read_at)
                return row
            if twin is not None:
                seen = replace(seen, kind=Classified(MailKind.DUPLICATE, f"mail {twin}"))
            self.write(session, row, seen, self.runtime.now())
            return row

    def write(self, session: Session, row: InboundMail, seen: Understood, at: datetime) -> None:
        """The columns, the attachments and the effects; a mail that fits nothing is held."""
        kind, matched, found = seen.kind.kind, seen.matched, seen.matched.found
        case_id, contact = (None, "") if found is None else (found.case_id, found.contact)
        keep_attachments(session, row.id, seen.mail)
        if kind not in WITHOUT_CASE and (matched.look or found is None):
            # Where it seems to belong is written down; what would follow waits for a person.
            done = Done(hold=matched.because)
        else:
            arrived = Arrived(row.id, kind, matched.by, case_id, seen.letter_id, contact, seen.mail, seen.answer)
            done = act(session, self.runtime, arrived, at)
        # Written last, in one statement: whatever asked the database before would have written it too.
        row.kind, row.because, row.matched_by = kind.value, seen.kind.because, matched.by.value
        row.case_id, row.letter_id, row.contact = case_id, seen.letter_id, contact
        row.read_at, row.written_at, row.attempts = at, seen.mail.written_at, row.attempts + 1
        row.state, row.reason, row.effects = MailState.READ.value, "", list(done.effects)
        session.flush()
        if done.hold:
            hold_mail(session, self.runtime, row, HoldReason.UNKNOWN_ITEM, done.hold, at)

    def failed(self, mail_id: int, error: Exception) -> InboundMail | None:
        """Count an attempt that came to nothing; after the last one a person looks."""
        name = type(error).__name__
        log.error("mail not read", mail=mail_id, error=name)

        with transaction(self.runtime) as session:
            row = mail_by_id(session, mail_id)
            if row is None or row.state != MailState.STORED:
                return None
            row.attempts += 1
            row.reason = f"cannot be read: {name}"
            if row.attempts >= ATTEMPTS:
                row.read_at = self.runtime.now()
                hold_mail(session, self.runtime, row, HoldReason.MALFORMED, row.reason, row.read_at)
            return row


def our_mail(runtime: Runtime) -> OurMail:
    """What tells a mail of our own: our mailboxes, and the domain of our Message-IDs."""
    return OurMail(our_addresses(runtime).mailboxes, runtime.pack.authority.email.rpartition("@")[2].lower())


def keep_attachments(session: Session, mail_id: int, mail: Read) -> None:
    """What is known of each attachment: its hash, never its bytes. A mail that is read again has them already."""
    if not mail.attachments:
        return
    known = set(session.scalars(select(MailAttachment.part).where(MailAttachment.mail_id == mail_id)))
    session.add_all(
        MailAttachment(
            mail_id=mail_id, part=part.number, sha256=part.sha256, length=part.length,
            declared_type=part.declared_type[:100],
        )
        for part in mail.attachments
        if part.number not in known
    )  # fmt: skip

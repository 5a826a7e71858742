"""What people do with mails: open one, say which case it belongs to, settle it, have it read again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from casework.errors import NotAllowed, QorganError
from casework.facts import Actor
from casework.mail_matching import Found, Matched
from casework.vocabulary import MailState, MatchedBy, Role
from db.base import JsonDict
from db.queries.cases import case_by_id
from db.queries.mails import WrittenTo, mail_by_id, written_to, written_to_of_case
from db.tables import CaseFile, InboundMail
from tasks.case_facts import find_case
from tasks.held_mails import let_out
from tasks.mail_reading import MailReader, Understood
from tasks.record import note, transaction
from tasks.runtime import Runtime

READERS = (Role.SPECIALIST, Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT, Role.AUDITOR)
"""Who may open a mail."""

DECIDERS = (Role.SPECIALIST, Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT)
"""Who may say what a held mail is."""


@dataclass(frozen=True, slots=True)
class Opened:
    """One mail, opened for a person; ``seen`` is None where nobody can read it."""

    row: InboundMail
    case_number: str | None
    seen: Understood | None


def open_mail(runtime: Runtime, mail_id: int, actor_id: str) -> Opened:
    """Open a mail; opening it is on the record. Raises NotAllowed, or QorganError where there is none."""
    actor = _somebody(runtime, mail_id, actor_id, READERS, "open")
    with transaction(runtime) as session:
        row = _find(session, mail_id)
        case = None if row.case_id is None else case_by_id(session, row.case_id)
        note(session, runtime, case, "mail.opened", actor, runtime.now(), data={"mail": row.id})
    seen = _seen(MailReader(runtime), mail_id)
    return Opened(row, None if case is None else case.number, seen)


def assign(
    runtime: Runtime, mail_id: int, case_number: str, actor_id: str, reason: str, *, letter_id: int | None = None
) -> InboundMail:
    """A person says which case a held mail belongs to, and which letter it answers; its effects follow as always.

    Raises NotAllowed, CaseNotFound, or QorganError where the mail is not held or the letter is of another case.
    """
    actor = _somebody(runtime, mail_id, actor_id, DECIDERS, "assign")
    _said(mail_id, reason)
    with runtime.sessions.read() as session:
        _find(session, mail_id)
    reader = MailReader(runtime)
    seen = _seen(reader, mail_id)
    with transaction(runtime) as session:
        row, at = _held(session, mail_id), runtime.now()
        case = find_case(session, case_number)
        to = _written_to(session, runtime, case, letter_id, seen)
        found = Found(case.id, None if to is None else to.letter_id, "" if to is None else to.contact)
        data: JsonDict = {"mail": row.id, "letter": found.letter_id, "contact": found.contact}
        note(session, runtime, case, "mail.assigned", actor, at, reason=reason, data=data)
        if seen is None:
            row.case_id, row.letter_id, row.contact = found.case_id, found.letter_id, found.contact
            row.matched_by = MatchedBy.PERSON.value
        else:
            matched = Matched(MatchedBy.PERSON, found, "a person said so")
            reader.write(session, row, replace(seen, matched=matched, letter_id=found.letter_id), at)
        _settled(session, runtime, row, actor, reason)
        return row


def settle_mail(runtime: Runtime, mail_id: int, actor_id: str, reason: str) -> InboundMail:
    """A person says that nothing follows from a held mail, and why. Raises NotAllowed, or QorganError."""
    actor = _somebody(runtime, mail_id, actor_id, DECIDERS, "settle")
    _said(mail_id, reason)
    with transaction(runtime) as session:
        row = _held(session, mail_id)
        note(session, runtime, None, "mail.settled", actor, runtime.now(), reason=reason, data={"mail": row.id})
        _settled(session, runtime, row, actor, reason)
        return row


def replay_mail(runtime: Runtime, mail_id: int, actor_id: str) -> InboundMail:
    """Read a held mail again, under today's rules. Readable now, it leaves the holding pen; otherwise it stays.

    Raises NotAllowed, or QorganError where the mail is not held.
    """
    actor = _somebody(runtime, mail_id, actor_id, DECIDERS, "replay")
    with transaction(runtime) as session:
        row = _held(session, mail_id)
        row.state, row.attempts = MailState.STORED.value, 0
        note(session, runtime, None, "mail.replayed", actor, runtime.now(), data={"mail": row.id})
    reader = MailReader(runtime)
    [(_, seen)] = reader.look_at([mail_id])
    try:
        reader.settle(mail_id, seen)
    except Exception as error:
        reader.failed(mail_id, error)
    with transaction(runtime) as session:
        row = _find(session, mail_id)
        if row.state == MailState.READ:
            let_out(session, runtime, row, actor, f"Read again: {row.kind}", runtime.now())
        return row


def _seen(reader: MailReader, mail_id: int) -> Understood | None:
    """What a mail says, as far as anybody can read it."""
    [(_, seen)] = reader.look_at([mail_id])
    return None if isinstance(seen, Exception) else seen


def _somebody(runtime: Runtime, mail_id: int, actor_id: str, roles: tuple[Role, ...], what: str) -> Actor:
    actor = runtime.users.actor(actor_id)
    if not actor.has(*roles):
        raise NotAllowed(
            f"mail {mail_id}: {actor.id} may not {what} it", next_step=f"It takes one of the roles {', '.join(roles)}."
        )
    return actor


def _said(mail_id: int, reason: str) -> None:
    if len(reason.strip()) < 5:
        raise QorganError(f"mail {mail_id}: say how you know", rule="mail.reason_missing")


def _find(session: Session, mail_id: int) -> InboundMail:
    row = mail_by_id(session, mail_id)
    if row is None:
        raise QorganError(f"there is no mail {mail_id}", rule="mail.not_found", next_step="See 'qorgan mail list'.")
    return row


def _held(session: Session, mail_id: int) -> InboundMail:
    row = _find(session, mail_id)
    if row.state != MailState.HELD:
        raise QorganError(
            f"mail {mail_id} is '{row.state}' and waits for nobody",
            rule="mail.not_held",
            next_step="See 'qorgan mail list --state held'.",
        )
    return row


def _written_to(
    session: Session, runtime: Runtime, case: CaseFile, letter_id: int | None, seen: Understood | None
) -> WrittenTo | None:
    """The letter that is answered: the one the person names, or the last one to the address of the sender."""
    if letter_id is not None:
        named = written_to(session, letter_id)
        if named is None or named.case_id not in (case.id, None):
            raise QorganError(
                f"letter {letter_id} is none of {case.number}",
                rule="mail.other_case",
                next_step="See 'qorgan case show'.",
            )
        return named
    if seen is None or not seen.mail.sender:
        return None
    fingerprint = runtime.vault.fingerprint(seen.mail.sender)
    return next((one for one in written_to_of_case(session, case.number) if one.address_hash == fingerprint), None)


def _settled(session: Session, runtime: Runtime, row: InboundMail, actor: Actor, reason: str) -> None:
    at = runtime.now()
    row.state, row.reason = MailState.SETTLED.value, reason
    row.settled_by, row.settled_at = actor.id, at
    session.flush()
    let_out(session, runtime, row, actor, reason, at)

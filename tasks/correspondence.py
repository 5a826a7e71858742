"""Letters out: claimed under a lease, made once, attempted once, and every answer written down.

Order and why: (1) take the letter and count the attempt, (2) make the message and store it
with its fixed Message-ID, (3) commit, (4) send those bytes, (5) write what the server said
before anything else. A sender that dies between 3 and 5 leaves the letter 'sending' with a
lease; when that has run out the letter's promise decides: repeat it, or ask a person.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from casework.errors import ConfigurationError, NotAllowed, QorganError
from casework.facts import SYSTEM, Actor
from casework.letters import LETTERS
from casework.payload import sha256
from casework.vocabulary import DeliveryPromise, DeliveryState, Recipient, Role
from db.queries.cases import case_by_id
from db.queries.letters import claim_letter, letter_by_id, letters_abandoned, letters_due, still_to_go
from db.queries.reports import party_by_id
from db.tables import Letter
from tasks.intake_writing import PARTY
from tasks.letter_contexts import letter_context
from tasks.letterpress import Rendered, RenderFailed
from tasks.logs import logger
from tasks.mailer import Attempt, Delivered, Envelope, compose
from tasks.outbox import find_contact
from tasks.record import note, transaction
from tasks.runtime import Runtime

LEASE = timedelta(minutes=5)
"""Longer than the longest send: two time-outs of the mail server and a margin."""

BACK_OFF = (timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=2))
"""Pause after the first, second, third and every later attempt that was surely not accepted."""

MESSAGE = "letter"
"""Purpose that binds a sealed message to its table."""

log = logger("correspondence")


@dataclass(slots=True)
class Sent:
    """Counts of one run, and the numbers of letters a person must look at."""

    sent: int = 0
    later: int = 0
    refused: int = 0
    unknown: int = 0
    repeated: int = 0
    look_at: list[int] = field(default_factory=list)


def send_letters(runtime: Runtime, *, urgent_only: bool = False, limit: int = 1_000) -> Sent:
    """Send what is queued, urgent letters first. A letter that fails never holds up the next."""
    total = Sent()
    _recover(runtime, total)
    with runtime.sessions.read() as session:
        due = letters_due(session, runtime.now(), limit, urgent_only=urgent_only)
    for letter_id in due:
        try:
            _send(runtime, letter_id, total)
        except ConfigurationError as error:
            log.warning("letter cannot be sent", letter=letter_id, error=error.message)
            total.look_at.append(letter_id)
            if error.rule == "mail.no_server":
                break
    return total


def _recover(runtime: Runtime, total: Sent) -> None:
    """Letters whose sender died. Repeat what may be repeated, under the same Message-ID; ask about the rest."""
    now = runtime.now()
    with transaction(runtime) as session:
        for letter in letters_abandoned(session, now):
            case = case_by_id(session, letter.case_id)
            letter.lease_until = None
            if letter.promise == DeliveryPromise.AT_LEAST_ONCE:
                letter.state, letter.next_attempt_at = DeliveryState.QUEUED, None
                total.repeated += 1
            else:
                letter.state, letter.reason = DeliveryState.UNKNOWN, "the sender stopped before the answer was written"
                total.unknown += 1
                total.look_at.append(letter.id)
            session.flush()
            data = {"letter": letter.id, "kind": letter.kind, "state": letter.state}
            note(session, runtime, case, "letter.abandoned", SYSTEM, now, data=data)


def _send(runtime: Runtime, letter_id: int, total: Sent) -> None:
    if runtime.mailer.host is None:
        raise ConfigurationError(
            "no mail server is set", rule="mail.no_server", next_step="Set QORGAN_SMTP_HOST, or start the sandbox."
        )
    envelope = _prepare(runtime, letter_id, total)
    if envelope is None:
        return
    attempt = runtime.mailer.send(envelope)
    with transaction(runtime) as session:
        _settle(session, runtime, letter_id, attempt, runtime.now(), total)


def _prepare(runtime: Runtime, letter_id: int, total: Sent) -> Envelope | None:
    """Take the letter and store the message that will go out; None when there is nothing to send."""
    now = runtime.now()
    with transaction(runtime) as session:
        letter = claim_letter(session, letter_id, now, LEASE)
        if letter is None:
            return None
        try:
            envelope = _made_before(runtime, letter) or _make(session, runtime, letter)
        except (RenderFailed, LookupError, ValueError) as error:
            letter.state, letter.lease_until = DeliveryState.REFUSED, None
            letter.reason = error.message if isinstance(error, QorganError) else f"not made: {type(error).__name__}"
            total.refused += 1
            total.look_at.append(letter.id)
            _note(session, runtime, letter, "letter.not_made", now)
            return None
        _note(session, runtime, letter, "letter.attempt", now)
        return envelope


def _made_before(runtime: Runtime, letter: Letter) -> Envelope | None:
    """A letter is made once: a later attempt sends the same bytes under the same Message-ID."""
    if letter.message_sealed is None:
        return None
    stored = json.loads(runtime.vault.open(letter.message_sealed, MESSAGE))
    return Envelope(stored["sender"], stored["recipient"], stored["message"].encode("latin-1"))


def _make(session: Session, runtime: Runtime, letter: Letter) -> Envelope:
    name, address = recipient_of(session, runtime, letter)
    rendered = render_letter(session, runtime, letter, name)
    authority = runtime.pack.authority
    domain = authority.email.rpartition("@")[2]
    message_id = f"<letter.{letter.id}.{sha256(letter.once_key.encode())[:16]}@{domain}>"
    sender = (authority.unit.in_language(letter.language), authority.email)
    message = compose(
        message_id=message_id,
        sender=sender,
        recipient=(name, address),
        reply_to=authority.email,
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        at=letter.created_at,
        headers={"Content-Language": letter.language, "X-Qorgan-Letter": str(letter.id)},
    )
    stored = {"sender": authority.email, "recipient": address, "message": message.decode("latin-1")}
    letter.message_id = message_id
    letter.template_version = runtime.letterpress.version
    letter.message_sha256 = sha256(message)
    letter.message_sealed = runtime.vault.seal(json.dumps(stored).encode(), MESSAGE)
    session.flush()
    return Envelope(authority.email, address, message)


def recipient_of(session: Session, runtime: Runtime, letter: Letter) -> tuple[str, str]:
    """Name and address of a letter's recipient. Raises LookupError when there is none any more.

    Opening the vault for a reporter is on the record, with its purpose.
    """
    if letter.contact.startswith("party:"):
        party = party_by_id(session, int(letter.contact.partition(":")[2]))
        if party is None:
            raise LookupError("the person is not in the vault any more")
        person = json.loads(runtime.vault.open(party.sealed, PARTY))
        data = {"party": party.id, "purpose": f"letter {letter.id}"}
        case = case_by_id(session, letter.case_id)
        note(session, runtime, case, "vault.opened", SYSTEM, runtime.now(), data=data)
        return person["name"], person["email"]
    role, _, platform = letter.contact.partition(":")
    contact = find_contact(runtime.pack, Recipient(role), platform or None)
    if contact is None:
        authority = runtime.pack.authority
        return authority.unit.in_language(letter.language), authority.unit_mailbox
    return contact.name.in_language(letter.language), contact.email


def render_letter(session: Session, runtime: Runtime, letter: Letter, recipient_name: str) -> Rendered:
    """The letter's parts, from the facts at the time it was intended."""
    return runtime.letterpress.render(letter.kind, letter_context(session, runtime, letter, recipient_name))


def _settle(session: Session, runtime: Runtime, letter_id: int, attempt: Attempt, now: datetime, total: Sent) -> None:
    letter = letter_by_id(session, letter_id)
    assert letter is not None, "claimed before"
    if letter.state != DeliveryState.SENDING:
        return
    letter.lease_until, letter.server_answer = None, attempt.answer
    match attempt.result:
        case Delivered.YES:
            letter.state, letter.sent_at = DeliveryState.SENT, now
            total.sent += 1
        case Delivered.NO:
            letter.state, letter.reason = DeliveryState.REFUSED, "the mail server refused it"
            total.refused += 1
        case Delivered.LATER:
            letter.state = DeliveryState.QUEUED
            letter.next_attempt_at = now + BACK_OFF[min(letter.attempts, len(BACK_OFF)) - 1]
            total.later += 1
        case Delivered.UNKNOWN if letter.promise == DeliveryPromise.AT_LEAST_ONCE:
            letter.state = DeliveryState.QUEUED
            letter.next_attempt_at = now + BACK_OFF[min(letter.attempts, len(BACK_OFF)) - 1]
            total.repeated += 1
        case Delivered.UNKNOWN:
            letter.state, letter.reason = DeliveryState.UNKNOWN, "it may have arrived"
            total.unknown += 1
    if letter.state in (DeliveryState.REFUSED, DeliveryState.UNKNOWN):
        total.look_at.append(letter.id)
    session.flush()
    _note(session, runtime, letter, f"letter.{letter.state}", now)
    if letter.state == DeliveryState.SENT:
        _done_by(session, runtime, letter, now)


def _done_by(session: Session, runtime: Runtime, letter: Letter, at: datetime) -> None:
    """Some duties are done when their letter is out: the last of them, where several people are told."""
    moment = LETTERS[letter.kind].does
    if moment is not None and not still_to_go(session, letter):
        case = case_by_id(session, letter.case_id)
        note(session, runtime, case, moment, SYSTEM, at, moment=moment, data={"letter": letter.id})


def _note(session: Session, runtime: Runtime, letter: Letter, kind: str, at: datetime) -> None:
    data = {
        "letter": letter.id, "kind": letter.kind, "to": letter.recipient, "language": letter.language,
        "attempt": letter.attempts, "answer": letter.server_answer,
    }  # fmt: skip
    note(session, runtime, case_by_id(session, letter.case_id), kind, SYSTEM, at, data=data)


def settle_letter(runtime: Runtime, letter_id: int, actor_id: str, arrived: bool, reason: str) -> Letter:
    """A person finds out what became of an unknown or refused letter: it arrived, or it is sent again.

    Raises NotAllowed, or QorganError when the letter needs nobody.
    """
    actor: Actor = runtime.users.actor(actor_id)
    if not actor.has(Role.SPECIALIST, Role.DUTY_OFFICER, Role.HEAD_OF_UNIT):
        raise NotAllowed(f"letter {letter_id}: {actor.id} may not settle it")
    if len(reason.strip()) < 5:
        raise QorganError(f"letter {letter_id}: say how you know", rule="letter.reason_missing")
    at = runtime.now()
    with transaction(runtime) as session:
        letter = letter_by_id(session, letter_id)
        if letter is None or letter.state not in (DeliveryState.UNKNOWN, DeliveryState.REFUSED):
            raise QorganError(
                f"letter {letter_id} needs nobody", rule="letter.not_open", next_step="See 'qorgan letters list'."
            )
        if letter.state == DeliveryState.REFUSED and not arrived:
            # Surely not delivered: it may be made anew, with an address or a template that was mended.
            letter.message_sealed = None
        letter.state = DeliveryState.SENT if arrived else DeliveryState.QUEUED
        letter.sent_at = at if arrived else None
        letter.next_attempt_at, letter.reason = None, reason
        session.flush()
        if arrived:
            _done_by(session, runtime, letter, at)
        kind = "letter.found_arrived" if arrived else "letter.replayed"
        case = case_by_id(session, letter.case_id)
        note(session, runtime, case, kind, actor, at, reason=reason, data={"letter": letter.id, "kind": letter.kind})
        return letter

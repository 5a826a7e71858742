"""A rendered letter becomes a message: its addresses, its thread, its headers, its protection, and its stored bytes."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy.orm import Session

from casework.mail_tokens import bounce_address, reply_address
from casework.payload import sha256
from casework.vocabulary import DeliveryState
from db.queries.letter_messages import keep_message, message_of
from db.queries.letters import letters_of_thread
from db.tables import Letter
from tasks.composer import compose
from tasks.contacts import Reached
from tasks.delivery import case_of
from tasks.letterpress import Rendered
from tasks.mail_protection import Sign, encrypt
from tasks.mailer import Envelope
from tasks.runtime import Runtime

MESSAGE = "letter"
"""Purpose that binds a sealed message to its table."""

REFERENCES = 10
"""A letter names the first letter of its thread and so many of the last: enough for every mail client, and bounded."""


def reply_to_of(runtime: Runtime, case_number: str, contact: str) -> str:
    """Where this recipient answers about this case; our plain mailbox for a letter about several ('')."""
    mailbox = runtime.pack.authority.email
    return reply_address(mailbox, case_number, contact, runtime.vault.key_for("reply")) if case_number else mailbox


def make_message(
    session: Session,
    runtime: Runtime,
    letter: Letter,
    reached: Reached,
    rendered: Rendered,
    sign: Sign | None,
    now: datetime,
) -> Envelope:
    """Make the message, sign it and store it with its Message-ID. It is made once: every attempt sends these bytes.

    Raises ValueError for a header with a line break in it, CertificateUnusable where it cannot be encrypted as the
    recipient wants.
    """
    authority, case = runtime.pack.authority, case_of(session, letter)
    number = "" if case is None else case.number
    letter.message_id = (
        f"<letter.{letter.id}.{sha256(letter.once_key.encode())[:16]}@{authority.email.rpartition('@')[2]}>"
    )
    about = {} if case is None else {"X-Qorgan-Case": number, **_thread(session, letter, case.id, reached.contact)}
    message = compose(
        message_id=letter.message_id,
        sender=(authority.unit.in_language(reached.language), authority.email),
        recipient=(reached.name, reached.address),
        reply_to=reply_to_of(runtime, number, reached.contact),
        subject=rendered.subject,
        text=rendered.text,
        html=rendered.html,
        at=letter.created_at,
        headers={"Content-Language": reached.language, "X-Qorgan-Letter": str(letter.id), **about},
    )
    if reached.certificate is not None:
        name = f"{number}/L{letter.id}" if number else f"L{letter.id}"
        message = encrypt(message, reached.address, reached.certificate, name, now)
    if sign is not None:
        message = sign(message)
    sender = bounce_address(authority.email, letter.id, runtime.vault.key_for("bounce"))
    stored = {"sender": sender, "recipient": reached.address, "message": message.decode("latin-1")}
    letter.template_version = runtime.letterpress.version
    letter.message_sha256 = sha256(message)
    keep_message(session, letter.id, runtime.vault.seal(json.dumps(stored).encode(), MESSAGE))
    return Envelope(sender, reached.address, message, str(letter.id))


def made_before(session: Session, runtime: Runtime, letter: Letter) -> Envelope | None:
    """The message that was made before; None where it is not made, or was erased."""
    sealed = message_of(session, letter.id)
    if sealed is None:
        return None
    stored = json.loads(runtime.vault.open(sealed, MESSAGE))
    return Envelope(stored["sender"], stored["recipient"], stored["message"].encode("latin-1"), str(letter.id))


def _thread(session: Session, letter: Letter, case_id: int, contact: str) -> dict[str, str]:
    """The headers that make the letters about one case to one recipient one thread; none for the first of them."""
    never_out = (DeliveryState.REFUSED, DeliveryState.DROPPED)
    before = [
        row.message_id
        for row in letters_of_thread(session, case_id, contact)
        if row.id != letter.id and row.state not in never_out and row.message_id is not None
    ]
    if not before:
        return {}
    named = [before[0], *before[1:][-REFERENCES:]]
    return {"In-Reply-To": named[-1], "References": " ".join(named)}

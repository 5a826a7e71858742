"""What matching may ask about a mail that came in, answered from the case file and the keys."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from casework.mail_matching import Found
from casework.mail_tokens import looks_signed, read_bounce_address, read_reply_address, recipient_tag
from db.queries.mails import WrittenTo, written_as, written_to, written_to_of_case
from tasks.runtime import Runtime


class Keys:
    """The keys of signed addresses, derived once for many mails."""

    def __init__(self, runtime: Runtime) -> None:
        self.mailbox = runtime.pack.authority.email
        self.reply, self.bounce = runtime.vault.key_for("reply"), runtime.vault.key_for("bounce")
        self.fingerprint = runtime.vault.fingerprint


class KnownMail:
    """``casework.mail_matching.Known`` over the database, inside the caller's transaction."""

    def __init__(self, session: Session, keys: Keys) -> None:
        self._session, self._keys = session, keys
        self._as: dict[str, WrittenTo | None] = {}

    def reply_token(self, address: str) -> Found | None:
        """The case and recipient that a genuine reply address was made for, with the last letter to that recipient."""
        token = read_reply_address(address, self._keys.mailbox, self._keys.reply)
        if token is None:
            return None
        for written in written_to_of_case(self._session, token.case_number):
            for contact in dict.fromkeys((written.contact, written.intended)):
                if recipient_tag(token.case_number, contact, self._keys.reply) == token.tag:
                    return Found(written.case_id, written.letter_id, contact)
        return None

    def bounced_letter(self, address: str) -> Found | None:
        """The letter whose own envelope sender this is."""
        letter_id = read_bounce_address(address, self._keys.mailbox, self._keys.bounce)
        return None if letter_id is None else _found(written_to(self._session, letter_id))

    def message(self, message_id: str) -> Found | None:
        """The letter that was sent under this Message-ID."""
        return _found(self._written_as(message_id))

    def _written_as(self, message_id: str) -> WrittenTo | None:
        """Asked several times of one mail, answered once."""
        if message_id not in self._as:
            self._as[message_id] = written_as(self._session, message_id)
        return self._as[message_id]

    def case_of_sender(self, case_number: str, sender: str) -> Found | None:
        """The case of this number, where the sender's address is one that a letter of the case went to."""
        fingerprint = self._keys.fingerprint(sender.lower())
        written = written_to_of_case(self._session, case_number.upper())
        return _found(next((one for one in written if one.address_hash == fingerprint), None))

    def forged(self, address: str) -> bool:
        """Whether it has the shape of one of our signed addresses, and we never made it."""
        mailbox = self._keys.mailbox
        return (
            looks_signed(address, mailbox)
            and read_reply_address(address, mailbox, self._keys.reply) is None
            and read_bounce_address(address, mailbox, self._keys.bounce) is None
        )

    def answered_letter(self, found: Found, references: Sequence[str]) -> int | None:
        """The letter that was answered: the last of the references that is a letter to the same contact and case.

        A reply address names a case and a recipient; the references say which of the letters it was.
        """
        for message_id in reversed(references):
            written = self._written_as(message_id)
            if (
                written is not None
                and written.case_id == found.case_id
                and found.contact in (written.contact, written.intended)
            ):
                return written.letter_id
        return found.letter_id


def _found(written: WrittenTo | None) -> Found | None:
    return None if written is None else Found(written.case_id, written.letter_id, written.contact)

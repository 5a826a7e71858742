"""The two cases that the mails are about: both of one liaison, each with a letter to her."""

from __future__ import annotations

from dataclasses import dataclass

from casework.mail_kinds import OurMail
from casework.mail_matching import Found
from casework.mail_tokens import bounce_address, looks_signed, read_bounce_address, read_reply_address, reply_address

BOX, DOMAIN, PREFIX, KEY = "notices@ministry.example", "ministry.example", "KZ", b"k" * 32
CASE, OTHER_CASE = "KZ-2026-000123", "KZ-2026-000456"
LIAISON, CONTACT = "liaison@platform.example", "liaison:facebook"
MESSAGE_ID, OTHER_MESSAGE_ID = (
    "<letter.7.0123456789abcdef@ministry.example>",
    "<letter.9.fedcba9876543210@ministry.example>",
)

VALUES = {
    "box": BOX,
    "case": CASE,
    "other_case": OTHER_CASE,
    "liaison": LIAISON,
    "reply_liaison": reply_address(BOX, CASE, CONTACT, KEY),
    "reply_other": reply_address(BOX, OTHER_CASE, CONTACT, KEY),
    "bounce_liaison": bounce_address(BOX, 7, KEY),
    "message_id_liaison": MESSAGE_ID,
    "message_id_other": OTHER_MESSAGE_ID,
    "forged": reply_address(BOX, CASE, CONTACT, b"another key of 32 bytes, not ours"),
}
OURS = OurMail(frozenset({BOX}), DOMAIN)
FOUND = Found(1, 7, CONTACT)
OTHER_FOUND = Found(2, 9, CONTACT)


@dataclass(frozen=True)
class KnownCast:
    """The case files of these two cases."""

    def reply_token(self, address: str) -> Found | None:
        token = read_reply_address(address, BOX, KEY)
        return None if token is None else {CASE: FOUND, OTHER_CASE: OTHER_FOUND}[token.case_number]

    def bounced_letter(self, address: str) -> Found | None:
        letter = read_bounce_address(address, BOX, KEY)
        return None if letter is None else {7: FOUND, 9: OTHER_FOUND}.get(letter)

    def message(self, message_id: str) -> Found | None:
        return {MESSAGE_ID: FOUND, OTHER_MESSAGE_ID: OTHER_FOUND}.get(message_id)

    def case_of_sender(self, case_number: str, sender: str) -> Found | None:
        return {CASE: FOUND, OTHER_CASE: OTHER_FOUND}.get(case_number) if sender == LIAISON else None

    def forged(self, address: str) -> bool:
        genuine = read_reply_address(address, BOX, KEY) or read_bounce_address(address, BOX, KEY)
        return looks_signed(address, BOX) and genuine is None

"""The registry of letters: one line a letter. Wording lives in templates/, never here.

A letter's folder under templates/ has the letter's name; each language in it has
subject.txt, body.txt and body.html. What a template may use is exactly what
:class:`LetterContext` declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypedDict

from casework.vocabulary import DeliveryPromise, Recipient


class Phrase(TypedDict):
    """A moment, ready to print: local time with zone and offset, and UTC."""

    local: str
    utc: str


class ItemRow(TypedDict):
    """One item of the case as a letter's table shows it."""

    number: int
    link: str
    kind: str
    category: str
    outcome: str
    reason: str


class DeadlineText(TypedDict):
    """A due date and the sentence that says how it was counted."""

    due: Phrase
    counted: list[str]
    source: str
    verified: bool
    statutory: bool


class RungRow(TypedDict):
    """One earlier step of the escalation: what was sent, to whom, when."""

    number: int
    name: str
    sent: Phrase
    acknowledged: bool


class AuthorityText(TypedDict):
    """Who writes, in the letter's language."""

    name: str
    unit: str
    address: str
    email: str
    phone: str
    duty_phone: str
    signatory: str
    signatory_position: str


class LegalBasisRow(TypedDict):
    """One provision the notice rests on, in the letter's language."""

    citation: str
    title: str
    verified: bool


class LetterContext(TypedDict):
    """Everything a template may use. All keys are always present; lists may be empty, texts may be ''."""

    language: str
    letter_number: str
    case_number: str
    submission_number: str
    written: Phrase
    received: Phrase
    submitted: Phrase
    recipient_name: str
    authority: AuthorityText
    platform: str
    platform_legal_entity: str
    platform_reference: str
    instrument: str
    ground: str
    requested_action: str
    priority: str
    category: str
    territories: list[str]
    legal_basis: list[LegalBasisRow]
    policy_basis: list[str]
    reasons: str
    items: list[ItemRow]
    deadline: DeadlineText | None
    overdue: str
    missing: list[str]
    question: str
    rungs: list[RungRow]
    rung: int
    ack_due: Phrase | None
    preserve: bool
    child: bool
    disposition: str
    disposition_code: str
    redress: str
    emergency_numbers: list[str]
    reply_to: str
    authentic_language: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One kind of letter.

    ``must_contain`` names context keys whose value has to stand in the rendered text;
    a letter that lacks one is refused rather than sent empty.
    """

    name: str
    recipient: Recipient
    promise: DeliveryPromise
    purpose: str
    must_contain: tuple[str, ...] = ("case_number",)


_ONCE = DeliveryPromise.AT_MOST_ONCE
_REPEAT = DeliveryPromise.AT_LEAST_ONCE

LETTERS: dict[str, Letter] = {
    letter.name: letter
    for letter in (
        Letter("receipt", Recipient.REPORTER, _REPEAT, "Confirms that a report arrived, with its number."),
        Letter(
            "information_request",
            Recipient.REPORTER,
            _REPEAT,
            "Asks the reporter for what the completeness gate or a reviewer missed.",
        ),
        Letter(
            "decline",
            Recipient.REPORTER,
            _ONCE,
            "Tells the reporter why nothing was sent, and how to appeal.",
        ),
        Letter("closure", Recipient.REPORTER, _ONCE, "Tells the reporter how the case ended."),
        Letter(
            "platform_notice",
            Recipient.PLATFORM,
            _ONCE,
            "The covering letter of a notice entered in the platform's channel.",
            ("case_number", "submission_number"),
        ),
        Letter("platform_reminder", Recipient.PLATFORM, _REPEAT, "Reminds the platform after its time ran out."),
        Letter("liaison_escalation", Recipient.LIAISON, _REPEAT, "Asks the regional liaison to act."),
        Letter(
            "liaison_head_escalation",
            Recipient.LIAISON_HEAD,
            _REPEAT,
            "Asks the head of the regional office when the liaison has not acknowledged.",
        ),
        Letter(
            "authority_escalation",
            Recipient.AUTHORITY,
            _ONCE,
            "Lays the matter before the next authority when the platform stays silent.",
        ),
        Letter("police_referral", Recipient.POLICE, _ONCE, "Refers a danger to a child to the police at once."),
        Letter("duty_alert", Recipient.UNIT, _REPEAT, "Tells our own duty officer that a P0 case came in."),
    )
}


def letter(name: str) -> Letter:
    """The registry line of a letter; KeyError names the known letters."""
    try:
        return LETTERS[name]
    except KeyError:
        raise KeyError(f"no letter '{name}'; known: {', '.join(sorted(LETTERS))}") from None

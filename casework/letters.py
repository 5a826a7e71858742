"""The registry of letters: one line a letter. Wording lives in templates/, never here.

A letter's folder under templates/ has the letter's name; each language in it has
subject.txt, body.txt and body.html. What a template may use is exactly what
:class:`LetterContext` declares.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import NoneType
from typing import Any, TypedDict, cast, get_args, get_origin, get_type_hints, is_typeddict

from casework.moments import Moment
from casework.vocabulary import DeliveryPromise, Disposition, Recipient


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
    qualitative: str
    """The law's words where it sets a duty without a number ("without undue delay"), else ''. The date is then our own
    target, whatever ``statutory`` says, and ``source`` is where the words stand."""


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
    """Everything a template may use. All keys are always present; lists may be empty, texts may be ''.

    ``duty_name`` is the duty a letter is about and ``repeat`` how often it was sent before; ``''`` and 0 where a
    letter is about no single duty.
    """

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
    instrument_code: str
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
    duty_name: str
    repeat: int
    missing: list[str]
    question: str
    rungs: list[RungRow]
    rung: int
    ack_due: Phrase | None
    preserve: bool
    child: bool
    disposition: str
    disposition_code: str
    statement: str
    redress: str
    emergency_numbers: list[str]
    reply_to: str
    authentic_language: str


@dataclass(frozen=True, slots=True)
class Letter:
    """One kind of letter.

    ``must_contain`` names context keys whose value has to stand in the rendered text, with dots into a value
    that has fields; a letter that lacks one is refused rather than sent empty.
    """

    name: str
    recipient: Recipient
    promise: DeliveryPromise
    purpose: str
    must_contain: tuple[str, ...] = ("case_number",)
    does: Moment | None = None
    """The moment that has come when it is sent: some duties are done by a letter."""


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
            does="case.answered",
        ),
        Letter("closure", Recipient.REPORTER, _ONCE, "Tells the reporter how the case ended.", does="case.answered"),
        Letter(
            "extension_notice",
            Recipient.REPORTER,
            _ONCE,
            "Tells the reporter that the time for considering the report was extended, why, and how to object.",
            ("case_number", "deadline.due.utc", "reasons", "redress"),
            "extension.notified",
        ),
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
        Letter(
            "overdue_reminder",
            Recipient.UNIT,
            _REPEAT,
            "Tells our own unit, again and again, that a duty of ours has run out and is still owed.",
            ("case_number", "duty_name", "deadline.due.utc"),
        ),
    )
}


def letter(name: str) -> Letter:
    """The registry line of a letter; KeyError names the known letters."""
    try:
        return LETTERS[name]
    except KeyError:
        raise KeyError(f"no letter '{name}'; known: {', '.join(sorted(LETTERS))}") from None


def sample_context(language: str, *, filled: bool) -> LetterContext:
    """A context made of nothing real: every key filled, or every key as empty as it may be."""
    made = _sample(LetterContext, "", filled)
    return cast(LetterContext, {**made, "language": language, "disposition_code": Disposition.ACTION_TAKEN.value})


def _sample(kind: Any, key: str, filled: bool) -> Any:
    if is_typeddict(kind):
        return {name: _sample(of, name, filled) for name, of in get_type_hints(kind).items()}
    if get_origin(kind) is list:
        return [_sample(get_args(kind)[0], key, filled)] if filled else []
    if NoneType in get_args(kind):
        return _sample(get_args(kind)[0], key, filled) if filled else None
    return (key if filled else "") if kind is str else kind(filled)

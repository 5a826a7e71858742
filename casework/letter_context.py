"""What a letter may say: every key a template may use, its type, and how far it may go."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType, NoneType
from typing import Annotated, Any, TypedDict, cast, get_args, get_origin, get_type_hints, is_typeddict

from casework.sealed import Sealed
from casework.vocabulary import Disposition


class Exposure(StrEnum):
    """How far a value may go."""

    PUBLIC = "public"
    """Into any letter."""
    INTERNAL = "internal"
    """Only into letters to our own people and to the expert group."""
    SECRET = "secret"  # noqa: S105  a word, no secret
    """Into none: a template may ask whether it is there, and never print it."""


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


class SummaryRow(TypedDict):
    """One line of a letter about several cases: a digest, a weekly summary, a list."""

    case_number: str
    letter_number: str
    what: str
    since: Phrase
    due: Phrase | None
    overdue: str
    rung: int
    state: str
    ack_link: str


class CountRow(TypedDict):
    """One figure of a summary."""

    label: str
    count: int


class FailedLetter(TypedDict):
    """A letter that did not arrive: which, to which role, and the mail server's words without addresses."""

    letter_number: str
    kind: str
    recipient: str
    words: str


class SignedHeadText(TypedDict):
    """A signed head of the event log; ``lines`` are what a program reads back, each at most 64 characters."""

    seq: int
    hash: str
    key_id: str
    lines: list[str]


class LetterContext(TypedDict):
    """Everything a template may use, and how far it may go. All keys are always present; lists may be empty, texts ''.

    ``duty_name`` is the duty a letter is about and ``repeat`` how often it was sent before; ``''`` and 0 where a
    letter is about no single duty.
    """

    language: Annotated[str, Exposure.PUBLIC]
    letter_number: Annotated[str, Exposure.PUBLIC]
    case_number: Annotated[str, Exposure.PUBLIC]
    submission_number: Annotated[str, Exposure.PUBLIC]
    written: Annotated[Phrase, Exposure.PUBLIC]
    received: Annotated[Phrase, Exposure.PUBLIC]
    submitted: Annotated[Phrase, Exposure.PUBLIC]
    recipient_name: Annotated[str, Exposure.PUBLIC]
    authority: Annotated[AuthorityText, Exposure.PUBLIC]
    platform: Annotated[str, Exposure.PUBLIC]
    platform_legal_entity: Annotated[str, Exposure.PUBLIC]
    platform_reference: Annotated[str, Exposure.PUBLIC]
    instrument: Annotated[str, Exposure.PUBLIC]
    instrument_code: Annotated[str, Exposure.PUBLIC]
    ground: Annotated[str, Exposure.PUBLIC]
    requested_action: Annotated[str, Exposure.PUBLIC]
    priority: Annotated[str, Exposure.PUBLIC]
    category: Annotated[str, Exposure.PUBLIC]
    territories: Annotated[list[str], Exposure.PUBLIC]
    legal_basis: Annotated[list[LegalBasisRow], Exposure.PUBLIC]
    policy_basis: Annotated[list[str], Exposure.PUBLIC]
    reasons: Annotated[str, Exposure.PUBLIC]
    items: Annotated[list[ItemRow], Exposure.PUBLIC]
    deadline: Annotated[DeadlineText | None, Exposure.PUBLIC]
    overdue: Annotated[str, Exposure.PUBLIC]
    duty_name: Annotated[str, Exposure.PUBLIC]
    repeat: Annotated[int, Exposure.PUBLIC]
    missing: Annotated[list[str], Exposure.PUBLIC]
    question: Annotated[str, Exposure.PUBLIC]
    rungs: Annotated[list[RungRow], Exposure.PUBLIC]
    rung: Annotated[int, Exposure.PUBLIC]
    ack_due: Annotated[Phrase | None, Exposure.PUBLIC]
    preserve: Annotated[bool, Exposure.PUBLIC]
    child: Annotated[bool, Exposure.PUBLIC]
    disposition: Annotated[str, Exposure.PUBLIC]
    disposition_code: Annotated[str, Exposure.PUBLIC]
    statement: Annotated[str, Exposure.PUBLIC]
    redress: Annotated[str, Exposure.PUBLIC]
    emergency_numbers: Annotated[list[str], Exposure.PUBLIC]
    reply_to: Annotated[str, Exposure.PUBLIC]
    authentic_language: Annotated[str, Exposure.PUBLIC]
    rows: Annotated[list[SummaryRow], Exposure.PUBLIC]
    counts: Annotated[list[CountRow], Exposure.PUBLIC]
    period_from: Annotated[Phrase | None, Exposure.PUBLIC]
    period_to: Annotated[Phrase | None, Exposure.PUBLIC]
    answer: Annotated[str, Exposure.PUBLIC]
    expert_group: Annotated[str, Exposure.INTERNAL]
    threshold: Annotated[str, Exposure.INTERNAL]
    failed: Annotated[FailedLetter | None, Exposure.INTERNAL]
    signed_head: Annotated[SignedHeadText | None, Exposure.INTERNAL]
    ack_link: Annotated[str, Exposure.PUBLIC]
    ack_link_until: Annotated[Phrase | None, Exposure.PUBLIC]
    reporter_name: Annotated[Sealed, Exposure.SECRET]
    reporter_address: Annotated[Sealed, Exposure.SECRET]


EXPOSURE: Mapping[str, Exposure] = MappingProxyType(
    {
        key: next(mark for mark in kind.__metadata__ if isinstance(mark, Exposure))
        for key, kind in get_type_hints(LetterContext, include_extras=True).items()
    }
)
"""How far each key may go."""

WRITTEN_BY_PEOPLE = frozenset(
    {"recipient_name", "platform_reference", "policy_basis", "reasons", "items", "question", "answer", "failed"}
)
"""Keys whose text a person, a platform or a mail server wrote: any sign may stand in it. All other texts are ours."""

SUBJECT_KEYS = frozenset(
    {"language", "case_number", "letter_number", "submission_number"}
    | {"repeat", "rung", "threshold", "rows", "counts", "period_from", "period_to"}
)
"""Keys that a subject may use: numbers and dates. It passes servers and screens that the letter itself does not."""


def seal(key: str, value: object) -> Sealed:
    """A guard in place of a value: it says whether there is one."""
    return value if isinstance(value, Sealed) else Sealed(key, EXPOSURE[key].value, bool(value))


def empty_context(language: str) -> LetterContext:
    """A context in which every key is as empty as it may be."""
    return cast(LetterContext, {**_sample(LetterContext, "", False), "language": language})


def sample_context(language: str, *, filled: bool) -> LetterContext:
    """A context made of nothing real: every key filled with its own name, or as empty as it may be."""
    made = _sample(LetterContext, "", filled)
    return cast(LetterContext, {**made, "language": language, "disposition_code": Disposition.ACTION_TAKEN.value})


@cache
def _fields(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind)


def _sample(kind: Any, key: str, filled: bool) -> Any:
    if is_typeddict(kind):
        return {name: _sample(of, name, filled) for name, of in _fields(kind).items()}
    if get_origin(kind) is list:
        return [_sample(get_args(kind)[0], key, filled)] if filled else []
    if NoneType in get_args(kind):
        return _sample(get_args(kind)[0], key, filled) if filled else None
    if kind is Sealed:
        return seal(key, filled)
    return (key if filled else "") if kind is str else kind(filled)

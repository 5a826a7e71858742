"""Which case a mail that came in belongs to: what is signed wins, then what we sent, then a known sender."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from casework.inbound_mail import InboundMail
from casework.mail_reports import addresses_in
from casework.vocabulary import MailKind, MatchedBy


@dataclass(frozen=True, slots=True)
class Found:
    """A letter of ours, its case and its recipient."""

    case_id: int | None
    """None for a letter about several cases."""
    letter_id: int | None
    contact: str


class Known(Protocol):
    """What matching may ask of the case files. Addresses come in lower case."""

    def reply_token(self, address: str) -> Found | None:
        """What a genuine reply address stands for."""

    def bounced_letter(self, address: str) -> Found | None:
        """The letter that a genuine bounce address stands for."""

    def message(self, message_id: str) -> Found | None:
        """The letter sent under this Message-ID."""

    def case_of_sender(self, case_number: str, sender: str) -> Found | None:
        """The case of this number, if the sender is one of its recipients."""

    def forged(self, address: str) -> bool:
        """Whether the address looks signed and is not genuine."""


@dataclass(frozen=True, slots=True)
class Matched:
    """How a mail found its case; no addresses in ``because``."""

    by: MatchedBy
    found: Found | None
    because: str
    look: bool = False
    """It is matched, but it also names something else: a person should look."""


BY_MACHINES = frozenset(MailKind) - {MailKind.ANSWER}
"""Kinds that machines send to the envelope's sender, which is one letter's bounce address."""


def match(mail: InboundMail, kind: MailKind, known: Known, case_number_prefix: str) -> Matched:
    """The first that fits: signed address, what it answers, what came back, the number in its subject."""
    numbers = _numbers(mail.subject, case_number_prefix)
    return (
        _by_address(mail, kind, known, numbers)
        or _forged(mail, known)
        or _by_thread(mail, known, numbers)
        or _by_returned(mail, known)
        or _by_subject(mail, known, numbers)
    )


def _by_address(mail: InboundMail, kind: MailKind, known: Known, numbers: list[str]) -> Matched | None:
    """What a person answers goes to the reply address; what a machine returns goes to the letter's own."""
    asked = ((MatchedBy.REPLY_ADDRESS, known.reply_token), (MatchedBy.BOUNCE_ADDRESS, known.bounced_letter))
    for by, ask in reversed(asked) if kind in BY_MACHINES else asked:
        genuine = [(address, found) for address in mail.recipients if (found := ask(address)) is not None]
        if not genuine:
            continue
        address, found = genuine[0]
        doubts = []
        if len({other.case_id for _, other in genuine}) > 1:
            doubts.append("it came to the addresses of several cases")
        in_address = _IN_ADDRESS.search(address)
        own_number = in_address[1].upper() if in_address else None
        doubts += _other_numbers(mail, known, numbers, found, own_number)
        thread = _newest(mail, known)
        if thread is not None and _other_case(thread, found):
            doubts.append("it answers a letter about another case")
        return _matched(by, found, f"a genuine {by.replace('_', ' ')}", doubts)
    return None


def _forged(mail: InboundMail, known: Known) -> Matched | None:
    if any(known.forged(address) for address in mail.recipients):
        return Matched(MatchedBy.NOTHING, None, "forged reply address")
    return None


def _by_thread(mail: InboundMail, known: Known, numbers: list[str]) -> Matched | None:
    found = _newest(mail, known)
    if found is None:
        return None
    return _matched(MatchedBy.THREAD, found, "it answers a letter of ours", _other_numbers(mail, known, numbers, found))


def _by_returned(mail: InboundMail, known: Known) -> Matched | None:
    message_id = mail.report.message_id if mail.report is not None else ""
    found = known.message(message_id) if message_id else None
    return Matched(MatchedBy.THREAD, found, "a letter of ours came back in it") if found is not None else None


def _by_subject(mail: InboundMail, known: Known, numbers: list[str]) -> Matched:
    """A number can be read off any letter: it counts only from a sender whom the case knows."""
    if not numbers:
        return Matched(MatchedBy.NOTHING, None, "it names no case and answers no letter of ours")
    if mail.report is not None:
        return Matched(MatchedBy.NOTHING, None, "a report that names no letter of ours")
    senders = {address for value in mail.headers.get("from", ()) for address in addresses_in(value)}
    if len(senders) > 1:
        return Matched(MatchedBy.NOTHING, None, "its subject names a case, but it states several senders")
    every = [(number, found) for number in numbers if (found := known.case_of_sender(number, mail.sender)) is not None]
    if not mail.sender or not every:
        return Matched(MatchedBy.NOTHING, None, "its subject names a case, but its sender is no recipient of it")
    if len(every) > 1:
        return Matched(MatchedBy.NOTHING, None, "its subject names several cases")
    number, found = every[0]
    others = [f"its subject also names {other}" for other in numbers if other != number]
    return _matched(MatchedBy.SUBJECT, found, f"its subject names {number}, and the case knows its sender", others)


# --- What speaks against ---------------------------------------------------------------------------------

_IN_ADDRESS = re.compile(r"\+([a-z]{2,6}-\d{4}-\d{6,9})\.")
_MAX_NUMBERS = 20


def _numbers(subject: str, prefix: str) -> list[str]:
    shape = re.compile(rf"(?<![A-Z0-9-]){re.escape(prefix)}-\d{{4}}-\d{{6,9}}(?![0-9-])", re.IGNORECASE)
    return list(dict.fromkeys(found.upper() for found in shape.findall(subject)))[:_MAX_NUMBERS]


def _newest(mail: InboundMail, known: Known) -> Found | None:
    """The letter answered last; a mail that refers to several cases is about the newest of them."""
    return next((found for name in reversed(mail.references) if (found := known.message(name)) is not None), None)


def _other_case(one: Found, other: Found) -> bool:
    return one.case_id is not None and other.case_id is not None and one.case_id != other.case_id


def _other_numbers(
    mail: InboundMail, known: Known, numbers: list[str], found: Found, own_number: str | None = None
) -> list[str]:
    """Numbers in the subject of other cases than the one found.

    An address tells its own number. For a letter found otherwise only a case that knows the sender can be told apart.
    """
    if found.case_id is None:
        return []
    doubts = []
    for number in numbers:
        if own_number is not None:
            other = number != own_number
        else:
            named = known.case_of_sender(number, mail.sender) if mail.sender else None
            other = named is not None and _other_case(named, found)
        if other:
            doubts.append(f"its subject names {number}: a reply to the wrong case?")
    return doubts


def _matched(by: MatchedBy, found: Found, because: str, doubts: list[str]) -> Matched:
    return Matched(by, found, "; ".join((because, *doubts)), look=bool(doubts))

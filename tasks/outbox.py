"""Letters as intents: written inside the move that calls for them, sent later by correspondence.

A letter is unique on its once-per key. Who receives it, in which language, and why nobody
does, is decided here; its wording is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from casework.letters import letter
from casework.policy_pack import Pack
from casework.policy_people import Contact
from casework.vocabulary import DeliveryState, Recipient
from db.base import JsonDict
from db.queries.letters import known_once_keys, reporters_of_case
from db.tables import CaseFile, Letter


@dataclass(frozen=True, slots=True)
class Addressee:
    """``contact`` points into the vault or the pack; it is never an address. ``None`` language: nobody."""

    contact: str
    language: str
    reachable: bool = True
    reason: str = ""


def addressees(
    session: Session, case: CaseFile, recipient: Recipient, platform: str | None, pack: Pack
) -> list[Addressee]:
    """Who gets a letter of this kind. Never empty: the unit's own mailbox is the last resort."""
    if recipient is Recipient.REPORTER:
        people = reporters_of_case(session, case.id)
        found = [
            Addressee(
                f"party:{person.id}",
                person.language,
                person.reachable,
                "" if person.reachable else "the reporter left no address",
            )
            for person in people
        ]
        return found or [Addressee("party:none", case.language, False, "the reporter is anonymous")]
    contact = find_contact(pack, recipient, platform)
    if contact is None:
        return [Addressee("unit", pack.authority.default_language)]
    suffix = f":{platform}" if recipient in _OF_PLATFORM else ""
    return [Addressee(f"{recipient.value}{suffix}", contact.language)]


_OF_PLATFORM = (Recipient.PLATFORM, Recipient.LIAISON, Recipient.LIAISON_HEAD)


def find_contact(pack: Pack, recipient: Recipient, platform: str | None) -> Contact | None:
    """The pack's contact for a role; None when it has none, and the unit's mailbox must do."""
    reached = pack.platform(platform)
    match recipient:
        case Recipient.PLATFORM:
            return reached.contact if reached else None
        case Recipient.LIAISON:
            return pack.liaison(platform, "liaison")
        case Recipient.LIAISON_HEAD:
            return pack.liaison(platform, "head") or pack.liaison(platform, "liaison")
        case Recipient.POLICE:
            return pack.liaisons.police
        case Recipient.AUTHORITY:
            return pack.liaisons.authority
        case Recipient.UNIT | Recipient.REPORTER:
            return None


def queue_letters(
    session: Session,
    case: CaseFile,
    name: str,
    at: datetime,
    pack: Pack,
    *,
    once: str,
    platform: str | None = None,
    context: JsonDict | None = None,
) -> list[int]:
    """Intend a letter to everybody who gets it; ids of the letters written now.

    ``once`` completes the once-per key: the same key never makes a second letter, whoever asks.
    """
    line = letter(name)
    to = addressees(session, case, line.recipient, platform, pack)
    keys = {person.contact: f"{name}:{once}:{person.contact}" for person in to}
    known = known_once_keys(session, list(keys.values()))
    written: list[Letter] = []
    for person in to:
        if keys[person.contact] in known:
            continue
        row = Letter(
            case_id=case.id,
            kind=name,
            recipient=line.recipient.value,
            contact=person.contact,
            language=pack.authority.language_of_letter(person.language),
            once_key=keys[person.contact],
            promise=line.promise.value,
            urgent=case.priority_rank <= 1 and line.recipient is not Recipient.REPORTER,
            context={"platform": platform, **(context or {})},
            state=DeliveryState.QUEUED if person.reachable else DeliveryState.DROPPED,
            reason=person.reason,
            created_at=at,
        )
        session.add(row)
        written.append(row)
    session.flush()
    return [row.id for row in written]

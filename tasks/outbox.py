"""Letters as intents: written inside the move that calls for them, sent later by correspondence.

A letter is unique on its once-per key. Who receives it, in which language, and why nobody
does, is decided here; its wording is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from casework.addressing import OF_PLATFORM, Ours, find_contact, ours
from casework.letters import language_of, letter
from casework.policy_pack import Pack
from casework.vocabulary import DeliveryState, Recipient
from db.base import JsonDict
from db.queries.letters import once_keys_of_case, reporters_of_case
from db.tables import CaseFile, Letter
from tasks.runtime import Runtime

__all__ = ["Addressee", "addressees", "find_contact", "our_addresses", "queue_about_several", "queue_letters"]


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
                "" if person.reachable else "the reporter left no address that we may write to",
            )
            for person in people
        ]
        return found or [Addressee("party:none", case.language, False, "the reporter is anonymous")]
    about = _about(case, recipient, platform, pack)
    contact = find_contact(pack, recipient, about)
    if contact is None:
        return [Addressee(Recipient.UNIT.value, pack.authority.default_language)]
    return [Addressee(f"{recipient.value}:{about}" if about else recipient.value, contact.language)]


def _about(case: CaseFile, recipient: Recipient, platform: str | None, pack: Pack) -> str | None:
    """What a contact key names beside the role: the platform, or the expert group that the case needs."""
    if recipient is Recipient.EXPERT_GROUP:
        group = pack.expert_group(case.instrument, case.category)
        return group.id if group else None
    return platform if recipient in OF_PLATFORM else None


def our_addresses(runtime: Runtime) -> Ours:
    """The addresses that are ours: those of the pack, and our accounts at the mail servers."""
    settings = runtime.settings
    return ours(runtime.pack, (settings.smtp_user, settings.imap_user))


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
) -> list[Letter]:
    """Intend a letter to everybody who gets it; the letters written now, which have ids once the session is flushed.

    ``once`` completes the once-per key: the same key never makes a second letter, whoever asks.
    """
    line = letter(name)
    to = addressees(session, case, line.recipient, platform, pack)
    keys = {person.contact: f"{name}:{once}:{person.contact}" for person in to}
    known = once_keys_of_case(session, case.id)
    written: list[Letter] = []
    for person in to:
        if keys[person.contact] in known:
            continue
        row = Letter(
            case_id=case.id,
            kind=name,
            recipient=line.recipient.value,
            contact=person.contact,
            language=language_of(line, person.language, case.language, pack.authority),
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
    return written


def queue_about_several(
    session: Session,
    kind: str,
    contact: str,
    language: str,
    at: datetime,
    *,
    once: str,
    context: JsonDict,
    recipient: str | None = None,
    urgent: bool = False,
) -> Letter:
    """Intend a letter that is about several cases, or about none: a digest, a summary, an alarm.

    ``once`` is the whole once-per key; whoever calls has asked whether it is known. ``recipient`` is the letter's own
    role unless said.
    """
    line = letter(kind)
    row = Letter(
        case_id=None,
        kind=kind,
        recipient=recipient or line.recipient.value,
        contact=contact,
        language=language,
        once_key=once,
        promise=line.promise.value,
        urgent=urgent,
        context=context,
        state=DeliveryState.QUEUED,
        created_at=at,
    )
    session.add(row)
    session.flush()
    return row

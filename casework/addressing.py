"""Whom a contact key stands for, who stands in for him, and which addresses are ours.

A contact key names a role, never an address: ``liaison:facebook``, ``expert_group:pupils``, ``police``, ``unit``.
The deputy of a contact is ``deputy:`` and the contact's own key. ``party:ID`` points into the vault and is not known
here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from casework.letters import OWN
from casework.policy_pack import Pack
from casework.policy_people import Contact
from casework.vocabulary import Recipient

DEPUTY = "deputy:"
OF_PLATFORM = (Recipient.PLATFORM, Recipient.LIAISON, Recipient.LIAISON_HEAD)
UNIT = Recipient.UNIT.value


def find_contact(pack: Pack, recipient: Recipient, about: str | None) -> Contact | None:
    """The pack's contact for a role; None when it has none, and the unit's mailbox must do.

    ``about`` is the platform's code, or the id of the expert group.
    """
    match recipient:
        case Recipient.PLATFORM:
            reached = pack.platform(about)
            return reached.contact if reached else None
        case Recipient.LIAISON:
            return pack.liaison(about, "liaison")
        case Recipient.LIAISON_HEAD:
            return pack.liaison(about, "head") or pack.liaison(about, "liaison")
        case Recipient.POLICE:
            return pack.liaisons.police
        case Recipient.AUTHORITY:
            return pack.liaisons.authority
        case Recipient.EXPERT_GROUP:
            return next((group.contact for group in pack.regime.expert_groups if group.id == about), None)
        case Recipient.HEAD_OF_UNIT:
            return _own(pack, pack.authority.head_mailbox or pack.authority.unit_mailbox)
        case Recipient.UNIT:
            return _own(pack, pack.authority.unit_mailbox)
        case Recipient.AUDIT_OFFICER:
            return next((officer for place, officer in _officers(pack) if place == about), None)
        case Recipient.REPORTER:
            return None


def _officers(pack: Pack) -> Iterator[tuple[str, Contact]]:
    """The audit officers, by the number that stands in their contact key."""
    yield from ((str(place), officer) for place, officer in enumerate(pack.liaisons.audit_officers, start=1))


def _own(pack: Pack, mailbox: str) -> Contact:
    return Contact(name=pack.authority.unit, email=mailbox, language=pack.authority.default_language)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Somebody who may get a letter: ``how`` is '' for the one it was meant for."""

    key: str
    contact: Contact
    how: str


def candidates(pack: Pack, key: str) -> list[Candidate]:
    """Who may get a letter to a contact, in order; the unit's own mailbox always stands last."""
    role, _, about = key.partition(":")
    found = list(_with_deputies(key, find_contact(pack, Recipient(role), about or None), ""))
    if role == Recipient.LIAISON:
        head = f"{Recipient.LIAISON_HEAD}:{about}"
        found += _with_deputies(head, pack.liaison(about, "head"), "head")
    if not any(candidate.key == UNIT for candidate in found):
        found.append(Candidate(UNIT, _own(pack, pack.authority.unit_mailbox), "last resort"))
    return found


def _with_deputies(key: str, contact: Contact | None, how: str) -> Iterator[Candidate]:
    while contact is not None:
        yield Candidate(key, contact, how)
        key, contact, how = f"{DEPUTY}{key}", contact.deputy, "deputy"


def known_contacts(pack: Pack) -> list[Candidate]:
    """Every contact of the pack, deputies too, each once; the unit's mailbox first."""
    keys = [UNIT, Recipient.HEAD_OF_UNIT.value, Recipient.POLICE.value, Recipient.AUTHORITY.value]
    keys += [f"{Recipient.EXPERT_GROUP}:{group.id}" for group in pack.regime.expert_groups if group.contact]
    keys += [f"{Recipient.AUDIT_OFFICER}:{place}" for place, _ in _officers(pack)]
    for platform in pack.platforms.platforms:
        keys += [f"{role}:{platform.code}" for role in (Recipient.PLATFORM, Recipient.LIAISON)]
        if pack.liaison(platform.code, "head"):
            keys.append(f"{Recipient.LIAISON_HEAD}:{platform.code}")
    found: list[Candidate] = []
    for key in keys:
        role, _, about = key.partition(":")
        found += _with_deputies(key, find_contact(pack, Recipient(role), about or None), "")
    return found


def role_of(key: str) -> Recipient:
    """The role of a contact key; a deputy has the role of the one he stands in for."""
    principal = key
    while principal.startswith(DEPUTY):
        principal = principal.removeprefix(DEPUTY)
    role = principal.partition(":")[0]
    return Recipient.REPORTER if role == "party" else Recipient(role)


@dataclass(frozen=True, slots=True)
class Ours:
    """The addresses that are ours."""

    read: str
    """The mailbox that is read for answers: a letter to it would come back as an answer."""
    mailboxes: frozenset[str]
    domains: frozenset[str]

    def refusal(self, address: str, *, own: bool) -> str:
        """Why no letter goes to an address, or ''. ``own``: the letter is to our own people."""
        mailbox = _mailbox(address)
        if mailbox == self.read:
            return "it is the mailbox that is read for answers"
        if not own and (mailbox in self.mailboxes or mailbox.rpartition("@")[2] in self.domains):
            return "it is an address of ours"
        return ""


def ours(pack: Pack, accounts: Iterable[str | None] = ()) -> Ours:
    """The addresses of a pack that are ours, and the ``accounts`` of our mail servers that are addresses."""
    authority, said = pack.authority, pack.mail.ours
    known = [authority.email, authority.unit_mailbox, authority.head_mailbox, *said.addresses, *accounts]
    mailboxes = frozenset(_mailbox(address) for address in known if address and "@" in address)
    return Ours(_mailbox(authority.email), mailboxes, frozenset(said.domains))


def is_own(recipient: Recipient) -> bool:
    """Whether letters to a role stay among our own people."""
    return recipient in OWN


def _mailbox(address: str) -> str:
    """The mailbox an address leads to: what stands behind a plus in it only sorts mail."""
    local, _, domain = address.strip().lower().rpartition("@")
    return f"{local.partition('+')[0]}@{domain}"

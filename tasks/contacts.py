"""Where a letter goes at the moment of sending: the contact, a deputy, the next in line, the last resort.

A letter's own contact, the record of what was intended, never changes. Absences and failing addresses are looked up
when the letter goes, so that who comes back gets the next letter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.orm import Session

from casework.addressing import UNIT, Candidate, candidates, find_contact, is_own, known_contacts
from casework.errors import NotAllowed, QorganError
from casework.facts import SYSTEM, Actor
from casework.letters import LETTERS, language_of
from casework.vocabulary import Recipient, Role
from db.base import JsonDict
from db.queries.addresses import absences_not_over, absent_at, address_health, health_of_contact
from db.queries.cases import case_by_id
from db.queries.reports import party_by_id
from db.tables import Absence, AddressHealth, CaseFile, Letter, Party
from tasks.intake_writing import PARTY
from tasks.outbox import our_addresses
from tasks.record import note, transaction
from tasks.runtime import Runtime

__all__ = ["NotReached", "Reached", "end_absence", "find_contact", "mark_address", "mend", "reach", "record_absence"]

FULL, DEAD = "full", "dead"
FULL_FOR = timedelta(days=1)
"""A full mailbox is tried again after this; nobody has to say so."""

MAY_ACT = (Role.SPECIALIST, Role.DUTY_OFFICER, Role.HEAD_OF_UNIT)
PERSON = "party:"
_ADDRESS = re.compile(r"[^@\s<>,;]{1,64}@[A-Za-z0-9.\-]{1,253}")
_ANY_ADDRESS = re.compile(r"<?[^\s<>@,;]+@[^\s<>@,;]+>?")


class NotReached(QorganError, LookupError):
    """A person who cannot be written to; the message says why."""

    rule = "letter.nobody"


@dataclass(frozen=True, slots=True)
class Reached:
    """Where a letter goes at the moment of sending."""

    contact: str
    """The contact key really used."""
    name: str
    address: str
    language: str
    certificate: str | None
    """PEM, where this contact wants S/MIME."""
    because: str
    """'' for the one it was meant for; else who stands in and why: 'deputy: absent', 'last resort: address fails'."""


@dataclass(frozen=True, slots=True)
class Directory:
    """Who is absent and which addresses fail, as of one moment."""

    runtime: Runtime
    absent: dict[str, datetime]
    fails: Callable[[str], bool]
    """Whether letters to an address, by its fingerprint, do not arrive."""

    @classmethod
    def at(cls, session: Session, runtime: Runtime, now: datetime) -> Directory:
        return cls(runtime, absent_at(session, now), lambda known: _fails(session, known, now))

    def find(self, key: str, now: datetime) -> tuple[Candidate, str]:
        """Who gets letters to a contact of the pack now, and why not the one they are meant for."""
        why = ""
        for candidate in candidates(self.runtime.pack.at(now), key):
            if candidate.key == UNIT:
                return candidate, f"{candidate.how}: {why}" if candidate.how and why else candidate.how
            because = f"{candidate.how}: {why}" if candidate.how else ""
            if candidate.key in self.absent:
                why = why or "absent"
            elif self.fails(fingerprint(self.runtime, candidate.contact.email)):
                why = why or "address fails"
            else:
                return candidate, because
        raise AssertionError("the unit's mailbox stands last")


def fingerprint(runtime: Runtime, address: str) -> str:
    """What is stored of an address: its keyed hash."""
    return runtime.vault.fingerprint(address.lower())


def reach(session: Session, runtime: Runtime, letter: Letter, now: datetime) -> Reached:
    """Where a letter goes now. For a reporter the vault is opened, with its event.

    Raises NotReached, a LookupError, for a person who cannot be written to; QorganError ``letter.own_address`` for an
    address of ours. A contact of the pack can always be reached: the unit's mailbox is the last resort.
    """
    recipient = Recipient(letter.recipient)
    if letter.contact.startswith(PERSON):
        reached = _reach_person(session, runtime, letter, now)
    else:
        found, because = Directory.at(session, runtime, now).find(letter.contact, now)
        language = letter.language
        if found.how == "deputy":
            authority = runtime.pack.authority
            language = language_of(LETTERS[letter.kind], found.contact.language, letter.language, authority)
        to = found.contact
        reached = Reached(found.key, to.name.in_language(language), to.email, language, to.certificate, because)
    own = is_own(recipient) or reached.contact == UNIT
    refusal = our_addresses(runtime).refusal(reached.address, own=own)
    if refusal:
        raise QorganError(
            f"letter {letter.id} to '{reached.contact}' is not sent: {refusal}",
            rule="letter.own_address",
            next_step="Give the contact another address, then 'qorgan letters replay'.",
        )
    return reached


def _reach_person(session: Session, runtime: Runtime, letter: Letter, now: datetime) -> Reached:
    party_id = letter.contact.removeprefix(PERSON)
    party = party_by_id(session, int(party_id)) if party_id.isdecimal() else None
    if party is None:
        raise NotReached("the person is not in the vault any more")
    if not party.reachable:
        raise NotReached("the person left no address that we may write to")
    # What is known without opening the vault is asked first.
    _not_dead(next(iter(health_of_contact(session, letter.contact)), None))
    person = open_party(session, runtime, party, _case_of(session, letter), f"letter {letter.id}", SYSTEM, now)
    _not_dead(address_health(session, fingerprint(runtime, person["email"])))
    return Reached(letter.contact, person["name"], person["email"], letter.language, None, "")


def _not_dead(health: AddressHealth | None) -> None:
    if health is not None and health.state == DEAD:
        raise NotReached(
            f"letters to this person do not arrive since {health.since:%Y-%m-%d}",
            next_step="Ask for another address, then 'qorgan contact mend'.",
        )


def open_party(
    session: Session, runtime: Runtime, party: Party, case: CaseFile | None, purpose: str, actor: Actor, at: datetime
) -> dict[str, str]:
    """Who a person is. On the record, with the purpose."""
    data: JsonDict = {"party": party.id, "purpose": purpose}
    note(session, runtime, case, "vault.opened", actor, at, data=data)
    person: dict[str, str] = json.loads(runtime.vault.open(party.sealed, PARTY))
    return person


def _fails(session: Session, address_hash: str, now: datetime) -> bool:
    health = address_health(session, address_hash)
    return health is not None and (health.state == DEAD or now < health.since + FULL_FOR)


def full_until(session: Session, runtime: Runtime, address: str, now: datetime) -> datetime | None:
    """When a full mailbox is tried again; None for one that is not full."""
    health = address_health(session, fingerprint(runtime, address))
    if health is None or health.state != FULL or health.since + FULL_FOR <= now:
        return None
    return health.since + FULL_FOR


# Addresses that fail


def mark_address(
    session: Session, runtime: Runtime, letter: Letter, kind: str, words: str, at: datetime, mail_id: int | None = None
) -> AddressHealth | None:
    """A letter did not arrive: its address is ``full`` or ``dead``. None for a letter that went nowhere yet.

    ``words`` are the mail server's, kept without addresses. What is dead is never called full again.
    """
    if kind not in (FULL, DEAD):
        raise ValueError(f"an address is '{FULL}' or '{DEAD}', not '{kind}'")
    if letter.address_hash is None:
        return None
    contact = letter.sent_to or letter.contact
    said = _ANY_ADDRESS.sub("(address)", words)[:500]
    known = address_health(session, letter.address_hash)
    if known is None:
        known = AddressHealth(address_hash=letter.address_hash, contact=contact, state=kind, since=at, words=said)
        session.add(known)
    elif known.state == DEAD:
        return known
    elif kind == DEAD or known.since + FULL_FOR <= at:
        known.state, known.since, known.words = kind, at, said
    known.letter_id, known.mail_id = letter.id, mail_id
    session.flush()
    data: JsonDict = {"contact": contact, "state": kind, "letter": letter.id, "mail": mail_id}
    note(session, runtime, _case_of(session, letter), "address.failed", SYSTEM, at, data=data)
    return known


def mend(runtime: Runtime, contact: str, actor_id: str, reason: str, address: str | None = None) -> int:
    """A person gives the all-clear for a contact's address, or seals a new address of a reporter in the vault.

    How many failing addresses are good again. Raises NotAllowed, or QorganError where there is nothing to mend.
    """
    actor = allowed(runtime, actor_id, contact, reason)
    now = runtime.now()
    with transaction(runtime) as session:
        if contact.startswith(PERSON):
            return _mend_person(session, runtime, contact, actor, reason, address, now)
        if address is not None:
            raise QorganError(
                f"the address of '{contact}' is the policy pack's",
                rule="contact.address_in_pack",
                next_step="Change it in the pack's files: the new one counts at once.",
            )
        return _all_clear(session, runtime, None, contact, actor, reason, now)


def _mend_person(
    session: Session,
    runtime: Runtime,
    contact: str,
    actor: Actor,
    reason: str,
    address: str | None,
    now: datetime,
) -> int:
    party_id = contact.removeprefix(PERSON)
    party = party_by_id(session, int(party_id)) if party_id.isdecimal() else None
    if party is None:
        raise QorganError(f"nobody in the vault is '{contact[:40]}'", rule="contact.unknown")
    case = case_by_id(session, party.case_id)
    if address is None:
        return _all_clear(session, runtime, case, contact, actor, reason, now)
    if not _ADDRESS.fullmatch(address):
        raise QorganError("that is no address", rule="contact.no_address", next_step="Write it as name@domain.")
    refusal = our_addresses(runtime).refusal(address, own=False)
    if refusal:
        raise QorganError(f"'{contact}' cannot have that address: {refusal}", rule="letter.own_address")
    person = open_party(session, runtime, party, case, "a new address of this person", actor, now)
    party.sealed = runtime.vault.seal(json.dumps({**person, "email": address}).encode(), PARTY)
    party.reachable = True
    done = _forget(session, contact)
    data: JsonDict = {"party": party.id, "contact": contact, "new_address": True}
    note(session, runtime, case, "address.mended", actor, now, reason=reason, data=data)
    return done


def _all_clear(
    session: Session,
    runtime: Runtime,
    case: CaseFile | None,
    contact: str,
    actor: Actor,
    reason: str,
    now: datetime,
) -> int:
    done = _forget(session, contact)
    if not done:
        raise QorganError(
            f"no address of '{contact[:80]}' fails",
            rule="contact.not_failing",
            next_step="See 'qorgan contact health'.",
        )
    note(session, runtime, case, "address.mended", actor, now, reason=reason, data={"contact": contact})
    return done


def _forget(session: Session, contact: str) -> int:
    done = session.execute(delete(AddressHealth).where(AddressHealth.contact == contact))
    return int(done.rowcount)  # type: ignore[attr-defined]


# Absences


def record_absence(
    runtime: Runtime, contact: str, from_at: datetime, until_at: datetime, actor_id: str, reason: str
) -> Absence:
    """A contact does not read mail in [``from_at``, ``until_at``): letters go to the deputy, or the next in line.

    Raises NotAllowed, or QorganError for a contact that the pack does not have or a time that cannot be.
    """
    actor = allowed(runtime, actor_id, contact, reason)
    now = runtime.now()
    known = {candidate.key for candidate in known_contacts(runtime.pack.at(now))} - {UNIT}
    if contact not in known:
        raise QorganError(
            f"'{contact[:80]}' is no contact that can be absent",
            rule="contact.unknown",
            next_step="See 'qorgan contact list'. The unit's own mailbox is the last resort and always there.",
        )
    if until_at <= max(from_at, now):
        raise QorganError(
            "an absence ends after it begins, and not in the past",
            rule="contact.absence_times",
            next_step="Check --from and --until.",
        )
    with transaction(runtime) as session:
        row = Absence(
            contact=contact, from_at=from_at, until_at=until_at, recorded_by=actor.id, recorded_at=now, reason=reason
        )
        session.add(row)
        session.flush()
        data: JsonDict = {
            "absence": row.id, "contact": contact, "from": from_at.isoformat(), "until": until_at.isoformat(),
        }  # fmt: skip
        note(session, runtime, None, "contact.absent", actor, now, reason=reason, data=data)
        return row


def end_absence(runtime: Runtime, contact: str, actor_id: str) -> int:
    """A contact is back, and does not go on an absence that was planned; how many ended. Raises as above."""
    actor = allowed(runtime, actor_id, contact)
    now = runtime.now()
    with transaction(runtime) as session:
        rows = absences_not_over(session, contact, now)
        if not rows:
            raise QorganError(
                f"'{contact[:80]}' is not absent", rule="contact.not_absent", next_step="See 'qorgan contact list'."
            )
        for row in rows:
            row.until_at, row.ended_by = max(row.from_at, now), actor.id
        session.flush()
        data: JsonDict = {"contact": contact, "absences": [row.id for row in rows]}
        note(session, runtime, None, "contact.back", actor, now, data=data)
        return len(rows)


def allowed(runtime: Runtime, actor_id: str, contact: str, reason: str | None = None) -> Actor:
    """Somebody who may change how a contact is reached. Raises NotAllowed, or QorganError where no reason is given."""
    actor = runtime.users.actor(actor_id)
    if not actor.has(*MAY_ACT):
        raise NotAllowed(f"'{contact[:80]}': {actor.id} may not change how it is reached")
    if reason is not None and len(reason.strip()) < 5:
        raise QorganError(f"'{contact[:80]}': say why", rule="contact.reason_missing")
    return actor


def _case_of(session: Session, letter: Letter) -> CaseFile | None:
    return None if letter.case_id is None else case_by_id(session, letter.case_id)

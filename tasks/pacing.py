"""No flood and no silence: whether a letter goes now, and when many become one.

The order of a run: :func:`bundle` first, then each letter that is due is taken, reached, and asked of :func:`pace`;
what does not go is put back by :func:`hold`. Limits are those of the pack in use now, also for letters queued before.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from casework.facts import SYSTEM
from casework.letters import LETTERS
from casework.pacing import (
    BREAKER,
    CAP,
    HOUR,
    QUIET,
    History,
    LetterFacts,
    Pace,
    becomes_digest,
    decide,
    quiet_until,
)
from casework.policy_mail import MailLimits
from casework.vocabulary import DeliveryState, Lane, Priority, Recipient
from db.base import JsonDict
from db.queries.addresses import (
    Waiting,
    bundle_into,
    contacts_of_digest,
    count_on_their_way,
    digest_on_its_way,
    last_letter_at,
    last_turns,
    open_digests,
    recipients_held,
    release_held,
    same_letter_to,
    sent_about_case,
    sent_to_since,
    unbundle,
    waiting_for_digest,
    was_released,
)
from db.queries.cases import case_by_id
from db.queries.events import NewEvent, append_events
from db.queries.letters import still_to_go
from db.tables import CaseFile, Letter
from tasks.case_letters import END_WITH_CASE
from tasks.contacts import Directory, Reached, fingerprint, full_until
from tasks.outbox import queue_about_several
from tasks.record import note, transaction
from tasks.runtime import Runtime

__all__ = ["DUPLICATE", "MAILBOX_FULL", "Pace", "bundle", "hold", "pace"]

DIGESTIBLE = tuple(sorted(name for name, line in LETTERS.items() if line.digest))
DIGESTS = ("digest", "unit_digest")
ALONE = Priority.P1.rank
"""Letters of cases as urgent as this, or more, are never held and never a line among others."""

MAILBOX_FULL, DUPLICATE = "mailbox full", "same address"


def pace(session: Session, runtime: Runtime, letter: Letter, reached: Reached, now: datetime) -> Pace:
    """Whether a letter goes now. Reads what its address got; writes nothing."""
    address = fingerprint(runtime, reached.address)
    if letter.recipient == Recipient.REPORTER and same_letter_to(session, letter, address) is not None:
        return Pace(False, None, DUPLICATE)
    case = None if letter.case_id is None else case_by_id(session, letter.case_id)
    urgent = letter.urgent or (case is not None and case.priority_rank <= ALONE)
    if urgent:
        return Pace(True)
    full = full_until(session, runtime, reached.address, now) if letter.recipient == Recipient.REPORTER else None
    if full is not None:
        return Pace(False, full, MAILBOX_FULL)
    limits = _limits(runtime, letter.recipient)
    facts = LetterFacts(
        urgent=False,
        child_safety=case is not None and case.lane == Lane.CHILD_SAFETY,
        digestible=LETTERS[letter.kind].digest,
        is_digest=letter.kind in DIGESTS,
    )
    found = decide(facts, _history(session, letter, case, address, limits, now), limits, now)
    if found.because == BREAKER and was_released(session, letter):
        return Pace(True)
    return found


def _limits(runtime: Runtime, recipient: str) -> MailLimits:
    return runtime.pack.mail.limits(Recipient(recipient))


def _rests(runtime: Runtime, recipient: str, now: datetime) -> bool:
    quiet = _limits(runtime, recipient).quiet
    return quiet is not None and quiet_until(quiet, now) is not None


def _history(
    session: Session, letter: Letter, case: CaseFile | None, address: str, limits: MailLimits, now: datetime
) -> History:
    sent = [*sent_to_since(session, address, now - HOUR), *[now] * count_on_their_way(session, address, but=letter.id)]
    full = len(sent) >= limits.per_hour
    window = timedelta(minutes=limits.digest.within_minutes)
    about_case = 0
    if case is not None:
        since = now - timedelta(hours=limits.breaker.hours)
        about_case = sent_about_case(session, case.id, address, since, but=letter.id)
    return History(
        sent=sent,
        planned=last_turns(session, address, CAP, limits.per_hour, but=letter.id) if full else (),
        about_case=about_case,
        last_digest=last_digest(session, address, now - window, now),
    )


def last_digest(session: Session, address: str, since: datetime, now: datetime) -> datetime | None:
    """When an address last got a digest, after ``since``; ``now`` while one is on its way."""
    return now if digest_on_its_way(session, address, DIGESTS) else last_letter_at(session, address, since, DIGESTS)


def hold(session: Session, runtime: Runtime, letter: Letter, reached: Reached, pace: Pace, now: datetime) -> None:
    """Put a letter that was taken and does not go back: until ``pace.until``, or until a person has looked.

    An attempt was not made, so none is counted. The event is written once for each reason, not at each look.
    """
    told_before = letter.held_because == pace.because
    letter.lease_until, letter.attempts = None, max(letter.attempts - 1, 0)
    letter.held_because, letter.next_attempt_at = pace.because, pace.until
    letter.address_hash = fingerprint(runtime, reached.address)
    case = None if letter.case_id is None else case_by_id(session, letter.case_id)
    data: JsonDict = {"letter": letter.id, "kind": letter.kind, "to": letter.recipient, "because": pace.because}
    if pace.until is not None:
        letter.state = DeliveryState.QUEUED
        session.flush()
        if not told_before:
            data["until"] = pace.until.isoformat()
            note(session, runtime, case, "letter.held", SYSTEM, now, data=data)
        return
    if pace.because == DUPLICATE:
        letter.state, letter.held_because = DeliveryState.DROPPED, ""
        letter.reason = "the same letter went to the same address: one person reported twice"
        session.flush()
        note(session, runtime, case, "letter.dropped", SYSTEM, now, reason=letter.reason, data=data)
        moment = LETTERS[letter.kind].does
        if moment is not None and not still_to_go(session, letter):
            note(session, runtime, case, moment, SYSTEM, now, moment=moment, data={"letter": letter.id})
        return
    limits = _limits(runtime, letter.recipient).breaker
    letter.state = DeliveryState.REFUSED
    letter.reason = (
        f"stopped: {limits.letters} letters about this case went to this address within {limits.hours} h; "
        "a person looks, and says 'qorgan letters replay' if it shall go"
    )
    session.flush()
    note(session, runtime, case, "letter.stopped", SYSTEM, now, reason=letter.reason, data=data)


# Digests


@dataclass(frozen=True, slots=True)
class _Group:
    """Letters that may stand in one digest: one address, one language, all to our own people or none."""

    address: str
    language: str
    internal: bool
    stands_in_for: str
    """Where it is not the one they were meant for that gets them: whom they were meant for, so that what happens to
    be read by one person now is not mixed."""

    @property
    def kind(self) -> str:
        return "unit_digest" if self.internal else "digest"


def bundle(runtime: Runtime) -> list[int]:
    """Let many waiting letters to one address become one; ids of the digests written now. One transaction.

    Who runs it again, or at the same time, finds nothing left to bundle. A digest that nobody has made yet, as in the
    recipient's quiet hours, takes what gathers until it goes: one page in the morning.
    """
    now = runtime.now()
    with runtime.sessions.read() as session:
        awake = [role for role in recipients_held(session, QUIET, now) if not _rests(runtime, role, now)]
        waiting = waiting_for_digest(session, DIGESTIBLE, ALONE + 1, END_WITH_CASE, limit=1)
        idle = not waiting and not open_digests(session, DIGESTS)
    if idle and not awake:
        return []
    with transaction(runtime) as session:
        # Their quiet hours were changed in the pack since.
        release_held(session, QUIET, awake)
        directory = Directory.at(session, runtime, now)
        _dissolve(session, runtime, directory, now)
        written: list[int] = []
        opened = {_group_of(runtime, directory, row, now): row for row in open_digests(session, DIGESTS)}
        for group, letters in _grouped(session, runtime, directory, now).items():
            digest = opened.get(group)
            if digest is None:
                if not _many(session, runtime, group, letters, now):
                    continue
                digest = _write_digest(session, runtime, group, letters, now)
                written.append(digest.id)
            _add_lines(session, runtime, digest, letters, now)
        return written


def _grouped(session: Session, runtime: Runtime, directory: Directory, now: datetime) -> dict[_Group, list[Waiting]]:
    groups: dict[_Group, list[Waiting]] = defaultdict(list)
    known: dict[tuple[str, str, str], _Group] = {}
    for waiting in waiting_for_digest(session, DIGESTIBLE, ALONE + 1, END_WITH_CASE):
        key = (waiting.contact, waiting.language, waiting.recipient)
        if key not in known:
            known[key] = _group_of(runtime, directory, waiting, now)
        groups[known[key]].append(waiting)
    return groups


def _group_of(runtime: Runtime, directory: Directory, letter: Waiting | Letter, now: datetime) -> _Group:
    found, because = directory.find(letter.contact, now)
    internal = LETTERS[letter.kind].internal
    address = fingerprint(runtime, found.contact.email)
    return _Group(address, letter.language, internal, letter.contact if because else "")


def _many(session: Session, runtime: Runtime, group: _Group, letters: Sequence[Waiting], now: datetime) -> bool:
    """Whether a digest is called for now."""
    limits = _limits(runtime, letters[0].recipient)
    window = now - timedelta(minutes=limits.digest.within_minutes)
    last = last_digest(session, group.address, window, now)
    child = any(letter.lane == Lane.CHILD_SAFETY for letter in letters)
    if last is not None and not (child and len(letters) > limits.digest.over):
        # What gathers in the window of the last digest becomes the next; only a child's case does not wait for that.
        return False
    recent = len(sent_to_since(session, group.address, window, DIGESTIBLE))
    return becomes_digest(len(letters), recent, limits)


def _write_digest(
    session: Session, runtime: Runtime, group: _Group, letters: Sequence[Waiting], now: datetime
) -> Letter:
    first = letters[0]
    ids = hashlib.sha256(",".join(str(letter.id) for letter in letters).encode()).hexdigest()[:32]
    digest = queue_about_several(
        session, group.kind, first.contact, group.language, now,
        once=f"{group.kind}:{ids}:{first.contact}", recipient=first.recipient,
        context={"period_from": min(letter.created_at for letter in letters).isoformat()},
    )  # fmt: skip
    digest.address_hash = group.address
    session.flush()
    note(session, runtime, None, "digest.written", SYSTEM, now, data={"letter": digest.id, "to": digest.recipient})
    return digest


def _add_lines(session: Session, runtime: Runtime, digest: Letter, letters: Sequence[Waiting], now: datetime) -> None:
    digest.context = {**digest.context, "period_to": now.isoformat()}
    session.flush()
    bundle_into(session, digest.id, [letter.id for letter in letters])
    version = runtime.pack.version
    append_events(
        session,
        [
            NewEvent(
                letter.case_id, now, "letter.bundled", SYSTEM.id, SYSTEM.name, version,
                data={"letter": letter.id, "kind": letter.kind, "digest": digest.id},
            )
            for letter in letters
        ],
    )  # fmt: skip


def _dissolve(session: Session, runtime: Runtime, directory: Directory, now: datetime) -> None:
    """A digest that nobody has made, and whose lines are not all read at its address any more, is taken apart."""
    for digest in open_digests(session, DIGESTS):
        addresses = {
            fingerprint(runtime, directory.find(contact, now)[0].contact.email)
            for contact in contacts_of_digest(session, digest.id)
        }
        if addresses == {digest.address_hash}:
            continue
        lines = unbundle(session, digest.id)
        digest.state, digest.reason = DeliveryState.DROPPED, "its recipients are no longer reached at one address"
        # The same letters may come together again.
        digest.once_key = f"{digest.once_key}:{digest.id}"
        session.flush()
        data: JsonDict = {"letter": digest.id, "lines": lines}
        note(session, runtime, None, "digest.dissolved", SYSTEM, now, reason=digest.reason, data=data)

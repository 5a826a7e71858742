"""What became of a letter: after an attempt, after its sender died, and when something proves that it arrived.

A digest speaks for its members: what becomes of it becomes of them, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from sqlalchemy.orm import Session

from casework.facts import SYSTEM, Actor
from casework.letters import LETTERS
from casework.vocabulary import DeliveryPromise, DeliveryState
from db.base import JsonDict
from db.queries.cases import case_by_id
from db.queries.events import NewEvent, append_events
from db.queries.letters import (
    any_abandoned,
    delivered_at,
    letters_abandoned,
    letters_without_proof,
    members_of,
    settle_claimed,
    still_to_go,
)
from db.tables import CaseFile, Letter
from tasks.mailer import Attempt, Delivered
from tasks.record import note, transaction
from tasks.runtime import Runtime

BACK_OFF = (timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=2))
"""Longest pause after the first, second, third and every later attempt that was surely not accepted."""

ATTEMPTS = 40
"""After so many attempts, about three days, a letter is given up and a person looks."""

REPEATS = 5
"""An at-least-once letter is sent again while nobody knows whether it arrived, up to so many attempts."""

GIVEN_UP = "not accepted for three days"
PROVEN = (DeliveryState.UNKNOWN, DeliveryState.QUEUED)
"""States from which proof makes a letter sent: nobody knew, or it was to be repeated because nobody knew."""


def case_of(session: Session, letter: Letter) -> CaseFile | None:
    """The letter's case; None for a letter about several."""
    return None if letter.case_id is None else case_by_id(session, letter.case_id)


def letter_event(runtime: Runtime, letter: Letter, kind: str, at: datetime, **more: object) -> NewEvent:
    """An event about a letter, on its case."""
    data: JsonDict = {
        "letter": letter.id, "kind": letter.kind, "to": letter.recipient, "language": letter.language,
        "attempt": letter.attempts, "answer": letter.server_answer, **more,
    }  # fmt: skip
    return NewEvent(letter.case_id, at, kind, SYSTEM.id, SYSTEM.name, runtime.pack.version, data=data)


def note_letter(session: Session, runtime: Runtime, letter: Letter, kind: str, at: datetime, **more: object) -> None:
    """Record an event about a letter."""
    append_events(session, [letter_event(runtime, letter, kind, at, **more)])


def settle_attempt(
    session: Session, runtime: Runtime, letter: Letter, attempt: Attempt, now: datetime
) -> list[NewEvent]:
    """Write down what one attempt on a letter came to; ``letter`` is as it was taken, and takes the new state.

    Gives back the event, for the caller to append with others of the transaction: except where something follows
    from it, which is on the record after it. Nothing happens to a letter that somebody else has settled meanwhile.
    """
    if attempt.result is Delivered.UNKNOWN:
        # Something may have proven meanwhile that it arrived.
        letter.delivered_at = delivered_at(session, letter.id)
    changes = {"server_answer": attempt.answer, **_outcome(letter, attempt, now)}
    if not settle_claimed(session, letter.id, **changes):
        return []
    for name, value in changes.items():
        setattr(letter, name, value)
    events = [letter_event(runtime, letter, f"letter.{letter.state}", now)]
    if letter.state == DeliveryState.QUEUED or (letter.case_id is not None and LETTERS[letter.kind].does is None):
        return events
    append_events(session, events)
    became(session, runtime, letter, now)
    return []


def _outcome(letter: Letter, attempt: Attempt, now: datetime) -> JsonDict:
    """The columns that an attempt changes."""
    last = letter.attempts >= (REPEATS if attempt.result is Delivered.UNKNOWN else ATTEMPTS)
    match attempt.result:
        case Delivered.YES:
            return {"state": DeliveryState.SENT, "sent_at": now, "queue_id": attempt.queue_id}
        case Delivered.UNKNOWN if letter.delivered_at is not None:
            return {"state": DeliveryState.SENT, "sent_at": now}
        case Delivered.NO:
            return {"state": DeliveryState.REFUSED, "reason": "the mail server refused it"}
        case Delivered.LATER if last:
            return {"state": DeliveryState.REFUSED, "reason": GIVEN_UP}
        case Delivered.UNKNOWN if last or letter.promise == DeliveryPromise.AT_MOST_ONCE:
            return {"state": DeliveryState.UNKNOWN, "reason": "it may have arrived"}
        case Delivered.LATER | Delivered.UNKNOWN:
            return {"state": DeliveryState.QUEUED, "next_attempt_at": now + pause_after(letter)}


def pause_after(letter: Letter) -> timedelta:
    """How long a letter waits after an attempt: up to a tenth less than the full pause, so that they spread."""
    pause = BACK_OFF[min(letter.attempts, len(BACK_OFF)) - 1]
    return pause * (1 - Random(f"{letter.id}:{letter.attempts}").uniform(0, 0.1))  # noqa: S311  no secret


def became(session: Session, runtime: Runtime, letter: Letter, at: datetime, *, actor: Actor = SYSTEM) -> None:
    """What follows when a letter is sent, refused or unknown: for its members, and for the duty that it does."""
    for member in members_of(session, letter.id) if letter.case_id is None else ():
        # The address got one letter, the digest: its members count for nothing there.
        member.state, member.sent_at, member.address_hash = letter.state, letter.sent_at, None
        member.reason = "" if letter.state == DeliveryState.SENT else f"as its digest, letter {letter.id}"
        session.flush()
        data: JsonDict = {"letter": member.id, "kind": member.kind, "to": member.recipient, "digest": letter.id}
        note(session, runtime, case_of(session, member), f"letter.{member.state}", actor, at, data=data)
        if member.state == DeliveryState.SENT:
            duty_done(session, runtime, member, at)
    if letter.state == DeliveryState.SENT:
        duty_done(session, runtime, letter, at)


def duty_done(session: Session, runtime: Runtime, letter: Letter, at: datetime) -> None:
    """Some duties are done when their letter is out: the last of them, where several people are told."""
    moment = LETTERS[letter.kind].does
    if moment is not None and not still_to_go(session, letter):
        case = case_of(session, letter)
        note(session, runtime, case, moment, SYSTEM, at, moment=moment, data={"letter": letter.id})


def recover(runtime: Runtime) -> list[Letter]:
    """Letters whose sender died. Repeat what may be repeated, under the same Message-ID; ask about the rest."""
    now = runtime.now()
    with runtime.sessions.read() as session:
        if not any_abandoned(session, now):
            return []
    with transaction(runtime) as session:
        found = list(letters_abandoned(session, now))
        for letter in found:
            letter.lease_until = None
            if letter.delivered_at is not None:
                letter.state, letter.sent_at = DeliveryState.SENT, now
            elif letter.promise == DeliveryPromise.AT_LEAST_ONCE and letter.attempts < REPEATS:
                letter.state, letter.next_attempt_at = DeliveryState.QUEUED, None
            else:
                letter.state, letter.reason = DeliveryState.UNKNOWN, "the sender stopped before the answer was written"
            session.flush()
            data: JsonDict = {"letter": letter.id, "kind": letter.kind, "state": letter.state}
            note(session, runtime, case_of(session, letter), "letter.abandoned", SYSTEM, now, data=data)
            if letter.state != DeliveryState.QUEUED:
                became(session, runtime, letter, now)
        return found


def prove(session: Session, runtime: Runtime, letter: Letter, at: datetime, *, by: str) -> None:
    """Something shows that a letter arrived: a report of delivery, or an answer to it. ``by`` names it, as "mail:12".

    A letter of which nobody knew whether it arrived is sent now, and is not repeated. The first proof counts.
    """
    if letter.delivered_at is not None:
        return
    letter.delivered_at = at
    if letter.state in PROVEN and letter.message_sha256 is not None:
        letter.state, letter.sent_at, letter.next_attempt_at, letter.reason = DeliveryState.SENT, at, None, ""
        session.flush()
        became(session, runtime, letter, at)
    session.flush()
    note_letter(session, runtime, letter, "letter.delivered", at, by=by, state=letter.state)


def unproven(session: Session, since: datetime, until: datetime) -> Sequence[Letter]:
    """Letters sent from ``since`` to before ``until`` whose arrival nothing shows: no report, no answer."""
    return letters_without_proof(session, since, until)

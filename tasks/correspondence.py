"""The one path by which letters leave, and how a person settles a letter of which nobody knows what became."""

from __future__ import annotations

from collections import deque
from typing import Literal

from casework.danger import danger_letters
from casework.errors import ConfigurationError, NotAllowed, QorganError
from casework.facts import Actor
from casework.vocabulary import DeliveryState, Priority, Role
from db.queries.letter_messages import drop_messages
from db.queries.letters import letter_by_id, letters_due, members_of
from db.tables import Letter
from tasks.delivery import became, case_of, duty_done, recover
from tasks.letter_run import LEASE, Run, Sent
from tasks.logs import logger
from tasks.mail_protection import signer
from tasks.pacing import bundle
from tasks.record import note, transaction
from tasks.runtime import Runtime
from tasks.switches import muted

__all__ = ["LEASE", "Sent", "Settled", "read_danger_letters", "send_letters", "settle_letter"]

Settled = Literal["arrived", "again", "dropped"]
"""What a person may say of a letter."""

_SETTLED: dict[Settled, tuple[DeliveryState, str]] = {
    "arrived": (DeliveryState.SENT, "letter.found_arrived"),
    "again": (DeliveryState.QUEUED, "letter.replayed"),
    "dropped": (DeliveryState.DROPPED, "letter.given_up"),
}

log = logger("correspondence")


def send_letters(runtime: Runtime, *, urgent_only: bool = False, limit: int = 1_000) -> Sent:
    """Send what is queued, urgent letters first. A letter that fails never holds up the next.

    What the installation lacks (a server, protection, a key) ends the run before the next letter is taken. While
    sending is muted nothing is touched.
    """
    total = Sent()
    with runtime.sessions.read() as session:
        total.muted = muted(session)
        if total.muted:
            total.waiting = len(letters_due(session, runtime.now(), limit, urgent_only=urgent_only))
            return total
    if not urgent_only:
        bundle(runtime)
    for letter in recover(runtime):
        total.count(letter)
    with runtime.sessions.read() as session:
        due = deque(letters_due(session, runtime.now(), limit, urgent_only=urgent_only))
    if not due:
        return total
    run = Run(runtime, due, total)
    try:
        run.sign = signer(runtime.settings, runtime.pack.authority.email.rpartition("@")[2])
        with runtime.mailer.connected() as line:
            run.go(line)
    except ConfigurationError as error:
        waiting = [*(letter.id for letter, _ in run.made), *due]
        log.warning("letters cannot be sent", letters=len(waiting), error=error.message)
        total.look_at += waiting[:1]
        total.stopped = str(error)
    return total


def read_danger_letters(runtime: Runtime) -> None:
    """Read now what the letters of a P0 will be made of; a process that waits for one does so before it watches."""
    for name in danger_letters(Priority.P0, police_referral=True):
        for language in runtime.pack.authority.languages:
            runtime.letterpress.read_ahead(name, language)


def settle_letter(runtime: Runtime, letter_id: int, actor_id: str, found: Settled, reason: str) -> Letter:
    """A person finds out what became of an unknown or refused letter: it arrived, is sent again, or is given up.

    Raises NotAllowed, or QorganError when the letter needs nobody.
    """
    actor: Actor = runtime.users.actor(actor_id)
    if not actor.has(Role.SPECIALIST, Role.DUTY_OFFICER, Role.HEAD_OF_UNIT):
        raise NotAllowed(f"letter {letter_id}: {actor.id} may not settle it")
    if len(reason.strip()) < 5:
        raise QorganError(f"letter {letter_id}: say how you know", rule="letter.reason_missing")
    at = runtime.now()
    with transaction(runtime) as session:
        letter = letter_by_id(session, letter_id)
        if letter is None or letter.state not in (DeliveryState.UNKNOWN, DeliveryState.REFUSED):
            raise QorganError(
                f"letter {letter_id} needs nobody", rule="letter.not_open", next_step="See 'qorgan letters list'."
            )
        if letter.digest_id is not None:
            raise QorganError(
                f"letter {letter_id} goes out in a digest",
                rule="letter.in_digest",
                next_step=f"Settle letter {letter.digest_id}; what becomes of it becomes of its lines.",
            )
        if letter.state == DeliveryState.REFUSED and found == "again":
            # Surely not delivered: it is made anew, with an address or a template that was mended.
            letter.message_sha256, letter.delivered_at, letter.attempts = None, None, 0
            drop_messages(session, [letter.id])
        letter.state, kind = _SETTLED[found]
        # It went out from a case file that is gone, or from elsewhere: this one has no message to keep as sent.
        elsewhere = found == "arrived" and letter.message_sha256 is None
        if elsewhere:
            letter.state = DeliveryState.DROPPED
        letter.sent_at = at if letter.state == DeliveryState.SENT else None
        letter.next_attempt_at, letter.reason = None, reason
        session.flush()
        data = {"letter": letter.id, "kind": letter.kind}
        note(session, runtime, case_of(session, letter), kind, actor, at, reason=reason, data=data)
        if found == "again":
            for member in members_of(session, letter.id):
                member.state, member.reason = DeliveryState.BUNDLED, ""
        elif elsewhere:
            duty_done(session, runtime, letter, at)
        else:
            became(session, runtime, letter, at, actor=actor)
        return letter

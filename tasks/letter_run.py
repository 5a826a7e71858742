"""One run over the letters that are due: made a few at a time, taken under a lease, attempted once, written down.

Order and why: (1) see to whom the letter goes now and whether it may go now, make the message
and store it with its fixed Message-ID, (2) tell the server who sends, (3) take the letter, count
the attempt and commit, while the server thinks about that, (4) send those bytes, (5) write what
the server said before the text of any other letter is sent. A sender that dies between 3 and 5
leaves the letter 'sending' with a lease; when that has run out the letter's promise decides:
repeat it, or ask a person.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from casework.errors import ConfigurationError, QorganError
from casework.vocabulary import DeliveryState
from db.queries.events import NewEvent, append_events
from db.queries.held_cases import read_cases_of_letters
from db.queries.letter_messages import drop_messages
from db.queries.letters import claim_letter, claim_made, papers_of, put_off
from db.tables import Letter
from tasks.case_letters import still_wanted
from tasks.contacts import Reached, reach
from tasks.delivery import BACK_OFF, became, letter_event, note_letter, settle_attempt
from tasks.letter_contexts import letter_context
from tasks.letter_message import made_before, make_message
from tasks.letterpress import Rendered
from tasks.logs import logger
from tasks.mail_protection import Sign
from tasks.mailer import Attempt, Delivered, Envelope, Line
from tasks.pacing import hold, pace
from tasks.record import transaction
from tasks.runtime import Runtime
from tasks.switches import muted

LEASE = timedelta(minutes=5)
"""Longer than the longest send: four time-outs of the mail server, each at most a minute, and a margin."""

A_FEW = 10
"""Letters that are made in one transaction, before the first of them is sent."""

TROUBLES = 3
"""After so many letters in a row that found no server, or lost it, the run ends: the others wait untouched."""

log = logger("correspondence")


@dataclass(slots=True)
class Sent:
    """Counts of one run, and the numbers of letters a person must look at.

    ``stopped`` says why the run ended before all letters were tried; '' where it did not. ``muted`` says why nothing
    may leave at all, and ``waiting`` counts the letters that would.
    """

    sent: int = 0
    later: int = 0
    refused: int = 0
    unknown: int = 0
    repeated: int = 0
    held: int = 0
    look_at: list[int] = field(default_factory=list)
    stopped: str = ""
    muted: str = ""
    waiting: int = 0

    def count(self, letter: Letter, *, by: Attempt | None = None) -> None:
        """Count what became of a letter."""
        match letter.state:
            case DeliveryState.SENT:
                self.sent += 1
            case DeliveryState.REFUSED:
                self.refused += 1
                self.look_at.append(letter.id)
            case DeliveryState.UNKNOWN:
                self.unknown += 1
                self.look_at.append(letter.id)
            case DeliveryState.QUEUED if by is None or by.result is Delivered.UNKNOWN:
                self.repeated += 1
            case DeliveryState.QUEUED:
                self.later += 1


@dataclass(slots=True)
class Run:
    """One run over the letters due, a few at a time: first they are made, then sent one after the other.

    Making is slow and sending is not, so that nothing slow stands between a server's yes and its record: the
    transaction that settles one letter takes the next, which is made already.
    """

    runtime: Runtime
    due: deque[int]
    total: Sent
    sign: Sign | None = None
    made: deque[tuple[Letter, Envelope]] = field(default_factory=deque)
    """Letters that are made and may go."""
    addresses: Counter[str | None] = field(default_factory=Counter)
    """How many of them go to one address."""
    troubles: int = 0
    """Letters in a row for which there was no server, or which it left without an answer."""

    def go(self, line: Line) -> None:
        """Until nothing is due. Raises ConfigurationError when the server may not be used."""
        sent: tuple[Letter, Attempt] | None = None
        while sent or self.made or self.due:
            if sent and not (self.made and line.ready and self.troubles < TROUBLES):
                self._settle_alone(*sent)
                sent = None
                continue
            if self.troubles >= TROUBLES:
                self.total.stopped = f"{self.troubles} letters in a row found no mail server, or lost it"
                return
            if sent is None:
                line.open()
            if not self.made:
                self.make(A_FEW)
                continue
            letter, envelope = self.made.popleft()
            attempt = line.send(envelope, partial(self._settle_and_take, sent, letter, envelope))
            sent = None
            if attempt is not None:
                unanswered = not attempt.connected or attempt.result is Delivered.UNKNOWN
                self.troubles = self.troubles + 1 if unanswered else 0
                sent = letter, attempt

    def make(self, count: int) -> None:
        """Make the next letters ready to go, in one transaction; their templates are read before it."""
        now = self.runtime.now()
        some = [self.due.popleft() for _ in range(min(count, len(self.due)))]
        self.addresses.clear()
        with self.runtime.sessions.read() as session:
            papers = papers_of(session, some)
        for kind, language in papers:
            self.runtime.letterpress.read_ahead(kind, language)
        with transaction(self.runtime) as session:
            read_cases_of_letters(session, some)
            for letter_id in some:
                ready = self._ready(session, letter_id, now)
                if ready is not None:
                    self.made.append(ready)
                    self.addresses[ready[0].address_hash] += 1

    def _ready(self, session: Session, letter_id: int, now: datetime) -> tuple[Letter, Envelope] | None:
        """A letter that may go now, and its message. Whatever its making fails at stays its own."""
        try:
            with session.begin_nested():
                return self._make(session, letter_id, now)
        except OperationalError:
            # The database itself is away or busy: no fault of the letter.
            raise
        except ConfigurationError as error:
            # Something sealed that does not open: a person mends it, and the letter is whole. It waits at the back.
            log.warning("letter cannot be made", letter=letter_id, error=error.message)
            self.total.look_at.append(letter_id)
            put_off(session, letter_id, now + BACK_OFF[1])
        except Exception as error:
            letter = claim_letter(session, letter_id, now, LEASE)
            if letter is not None:
                letter.state, letter.lease_until = DeliveryState.REFUSED, None
                letter.reason = error.message if isinstance(error, QorganError) else f"not made: {type(error).__name__}"
                self.total.count(letter)
                session.flush()
                note_letter(session, self.runtime, letter, "letter.not_made", now)
                became(session, self.runtime, letter, now)
        return None

    def _make(self, session: Session, letter_id: int, now: datetime) -> tuple[Letter, Envelope] | None:
        """Ask to whom the letter goes and whether it goes now, and store the message that will go out."""
        runtime = self.runtime
        letter = claim_letter(session, letter_id, now, LEASE)
        if letter is None:
            return None
        # What was tried before may have arrived: then it is not for us to say that nothing was sent.
        why_not = still_wanted(session, letter) if letter.attempts == 1 else ""
        if why_not:
            self._drop(session, letter, why_not, now)
            return None
        tried_before = made_before(session, runtime, letter) if letter.attempts > 1 else None
        reached = _reached_before(letter, tried_before) if tried_before else reach(session, runtime, letter, now)
        if not self._may_go(session, letter, reached, now):
            return None
        envelope = tried_before
        if envelope is None:
            letter.language = reached.language
            letter.sent_to = None if reached.contact == letter.contact else reached.contact
            letter.address_hash = runtime.vault.fingerprint(reached.address.lower())
            # Nothing that is asked meanwhile is about this letter: it is written once, below.
            with session.no_autoflush:
                rendered = render_letter(session, runtime, letter, reached.name)
                envelope = make_message(session, runtime, letter, reached, rendered, self.sign, now)
            if reached.because:
                instead = {"sent_to": reached.contact, "because": reached.because}
                note_letter(session, runtime, letter, "letter.redirected", now, **instead)
        _put_back(letter)
        session.flush()
        return letter, envelope

    def _drop(self, session: Session, letter: Letter, why: str, now: datetime) -> None:
        """A letter that lost its sense before it went: nothing is sent, and the reason is on the record."""
        letter.state, letter.lease_until, letter.attempts = DeliveryState.DROPPED, None, letter.attempts - 1
        letter.reason, letter.held_because = why, ""
        session.flush()
        note_letter(session, self.runtime, letter, "letter.dropped", now, because=why)

    def _may_go(self, session: Session, letter: Letter, reached: Reached, now: datetime) -> bool:
        """Whether a letter that was taken goes now; if not, it is put back."""
        may = pace(session, self.runtime, letter, reached, now)
        if may.go:
            letter.held_because = ""
            return True
        hold(session, self.runtime, letter, reached, may, now)
        if not letter.attempts:
            # Nobody has tried it: it may still become a line of a digest, or go to somebody else.
            letter.message_sha256 = None
            drop_messages(session, [letter.id])
        self.total.held += letter.state == DeliveryState.QUEUED
        if letter.state == DeliveryState.REFUSED:
            self.total.count(letter)
        return False

    def _settle_and_take(self, sent: tuple[Letter, Attempt] | None, letter: Letter, envelope: Envelope) -> bool:
        """Write down what the server said to one letter, and take the next: both, or the first at least."""
        try:
            with transaction(self.runtime) as session:
                events = [] if sent is None else self._settle(session, *sent)
                taken = self._take(session, letter, envelope)
                append_events(session, [*events, *taken])
        except Exception:
            if sent is not None:
                self._settle_alone(*sent)
            raise
        if sent is not None:
            self.total.count(sent[0], by=sent[1])
        return bool(taken)

    def _settle_alone(self, letter: Letter, attempt: Attempt) -> None:
        with transaction(self.runtime) as session:
            append_events(session, self._settle(session, letter, attempt))
        self.total.count(letter, by=attempt)

    def _settle(self, session: Session, letter: Letter, attempt: Attempt) -> list[NewEvent]:
        return settle_attempt(session, self.runtime, letter, attempt, self.runtime.now())

    def _take(self, session: Session, letter: Letter, envelope: Envelope) -> list[NewEvent]:
        """Take a letter that is made, and count the attempt: its event. Nothing when it does not go after all.

        Somebody else may have taken it or made it anew; an address that gets several of these few may have had enough;
        somebody may just have muted sending, which ends the run.
        """
        now = self.runtime.now()
        self.total.muted = muted(session)
        if self.total.muted:
            self.total.waiting = 1 + len(self.made) + len(self.due)
            self.made.clear()
            self.due.clear()
            return []
        if self.addresses[letter.address_hash] > 1 and not self._may_still_go(session, letter.id, envelope, now):
            return []
        assert letter.message_sha256 is not None, "it is made"
        if not claim_made(session, letter.id, letter.message_sha256, now, LEASE):
            return []
        letter.state, letter.attempts = DeliveryState.SENDING, letter.attempts + 1
        return [letter_event(self.runtime, letter, "letter.attempt", now)]

    def _may_still_go(self, session: Session, letter_id: int, envelope: Envelope, now: datetime) -> bool:
        letter = claim_letter(session, letter_id, now, LEASE)
        if letter is None or not self._may_go(session, letter, _reached_before(letter, envelope), now):
            return False
        _put_back(letter)
        session.flush()
        return True


def _put_back(letter: Letter) -> None:
    """It was taken for the time of this transaction only; the attempt is still to come."""
    letter.state, letter.lease_until, letter.attempts = DeliveryState.QUEUED, None, letter.attempts - 1


def _reached_before(letter: Letter, envelope: Envelope) -> Reached:
    """Whom a message that is made already goes to."""
    return Reached(letter.sent_to or letter.contact, "", envelope.recipient, letter.language, None, "")


def render_letter(session: Session, runtime: Runtime, letter: Letter, recipient_name: str) -> Rendered:
    """The letter's parts, from the facts at the time it was intended."""
    return runtime.letterpress.render(letter.kind, letter_context(session, runtime, letter, recipient_name))

"""Invariants of what leaves the house: once, on the record, kept, and never 'sent' without the other side's yes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Integer, and_, case, cast, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from casework.payload import sha256
from casework.vocabulary import DeliveryPromise, DeliveryState
from db.queries.retention import has_tombstone
from db.tables import Escalation, Event, ItemOutcome, Letter, Submission
from tasks.checks import Walk, stream
from tasks.letter_message import made_before
from tasks.runtime import Runtime

_letter = cast(Event.data["letter"].as_string(), Integer)
_notice = Event.data["submission"].as_string()


def one_effect_per_key(session: Session, _runtime: Runtime) -> Walk:
    """No key has two rows; no notice, rung or letter has two events that say it is out.

    A letter that came back, and that a person sent again, is out as often as somebody said so.
    """
    keys: dict[str, Sequence[Any]] = {
        "letter": [Letter.once_key],
        "notice": [Submission.idempotency_key],
        "rung": [Escalation.submission_id, Escalation.ladder, Escalation.rung],
        "answer": [ItemOutcome.submission_id, ItemOutcome.answer_id],
    }
    for what, columns in keys.items():
        for row in stream(session, select(*columns, func.count()).group_by(*columns).having(func.count() > 1)):
            yield f"{what} {':'.join(str(part) for part in row[:-1])} is there {row[-1]} times"
    accepted = select(_notice, func.count()).where(Event.kind.in_(("submission.sent", "answer.sent")))
    for number, count in stream(session, accepted.group_by(_notice).having(func.count() > 1)):
        yield f"{number} was accepted {count} times"
    rungs = session.scalar(select(func.count()).select_from(Escalation)) or 0
    raised = session.scalar(select(func.count()).where(Event.kind == "rung.raised").select_from(Event)) or 0
    if rungs != raised:
        yield f"{rungs} rungs, and {raised} events raise one"
    sent = (
        select(_letter, func.count())
        .where(Event.kind == "letter.sent")
        .group_by(_letter)
        .having(func.count() > 1)
    )  # fmt: skip
    for letter_id, count in stream(session, sent):
        if count > 1 + _sent_again(session, letter_id):
            yield f"letter {letter_id} was sent {count} times"
    return "every key once"


def _sent_again(session: Session, letter_id: int) -> int:
    """How often a person sent a letter, or the digest whose line it is, once more."""
    digest_id = session.scalar(select(Letter.digest_id).where(Letter.id == letter_id))
    query = select(func.count()).where(Event.kind == "letter.replayed", _letter == (digest_id or letter_id))
    return session.scalar(query.select_from(Event)) or 0


def attempts_recorded(session: Session, _runtime: Runtime) -> Walk:
    """An attempt is on the record before it is made; who has the other side's yes has made one or was told by a person.

    A letter that a person sent again begins to count anew: its record has more attempts than it.
    """
    tried = (
        select(_letter.label("letter"), func.count().label("attempts"))
        .where(Event.kind == "letter.attempt")
        .group_by(_letter)
        .subquery()
    )
    tried_by = func.coalesce(tried.c.attempts, 0)
    under_way = (DeliveryState.SENDING, DeliveryState.SENT, DeliveryState.UNKNOWN)
    unrecorded = (
        select(Letter.id, Letter.attempts, tried_by)
        .outerjoin(tried, tried.c.letter == Letter.id)
        .where(Letter.state.in_(under_way), Letter.digest_id.is_(None), Letter.attempts > tried_by)
    )
    for letter_id, attempts, events in stream(session, unrecorded):
        yield f"letter {letter_id}: {attempts} attempts, {events} on the record"
    asked = (
        select(_notice.label("number"), func.count().label("attempts"))
        .where(Event.kind == "submission.attempt")
        .group_by(_notice)
        .subquery()
    )
    asked_by = func.coalesce(asked.c.attempts, 0)
    notices = (
        select(Submission.number, Submission.attempts, asked_by)
        .outerjoin(asked, asked.c.number == Submission.number)
        .where(Submission.attempts != asked_by)
    )
    for number, attempts, events in stream(session, notices):
        yield f"{number}: {attempts} attempts, {events} on the record"
    silent = select(Submission.number).where(
        Submission.state == DeliveryState.SENT,
        or_(Submission.platform_reference.is_(None), and_(Submission.attempts == 0, Submission.reference_by.is_(None))),
    )
    for (number,) in stream(session, silent):
        yield f"{number} is 'sent', and nothing shows that the platform has it"
    return "each before it was made"


def answered_before_sent(session: Session, _runtime: Runtime) -> Walk:
    """A letter of its own is sent by the server's yes, by a proof that it arrived, or by a person's word."""
    found = exists().where(Event.kind == "letter.found_arrived", _letter == Letter.id)
    query = (
        select(Letter.id)
        .where(
            Letter.state == DeliveryState.SENT,
            Letter.digest_id.is_(None),
            or_(
                Letter.sent_at.is_(None),
                Letter.message_id.is_(None),
                and_(Letter.server_answer.not_like("2%"), Letter.delivered_at.is_(None), ~found),
            ),
        )
        .order_by(Letter.id)
    )
    for (letter_id,) in stream(session, query):
        yield f"letter {letter_id} is 'sent', and nothing shows that it is"
    count = session.scalar(select(func.count()).where(Letter.state == DeliveryState.SENT).select_from(Letter))
    return f"{count or 0} letters"


def kept_as_sent(session: Session, runtime: Runtime) -> Walk:
    """The stored message of every sent letter has the hash that was recorded; one that was erased has a tombstone."""
    count = 0
    of_its_own = select(Letter).where(
        Letter.state == DeliveryState.SENT, Letter.digest_id.is_(None), ~has_tombstone("letter", Letter.id)
    )
    for (letter,) in stream(session, of_its_own):
        count += 1
        envelope = made_before(session, runtime, letter)
        if envelope is None:
            yield f"letter {letter.id} has no message"
        elif sha256(envelope.message) != letter.message_sha256:
            yield f"letter {letter.id} differs"
    return f"{count} messages have their hash"


def not_repeated(session: Session, _runtime: Runtime) -> Walk:
    """A legal notice is tried again only after a clear no, or because a person said so."""
    again = case((Event.kind.in_(("letter.queued", "letter.replayed")), 1), else_=0)
    tried = case((Event.kind == "letter.attempt", 1), else_=0)
    query = (
        select(_letter, func.sum(tried), func.sum(again))
        .join(Letter, Letter.id == _letter)
        .where(
            Letter.promise == DeliveryPromise.AT_MOST_ONCE,
            Event.kind.in_(("letter.attempt", "letter.queued", "letter.replayed")),
        )
        .group_by(_letter)
        .having(func.sum(tried) > 1 + func.sum(again))
    )
    for letter_id, attempts, allowed in stream(session, query):
        yield f"letter {letter_id} was tried {attempts} times, and {allowed} of them may be repeated"
    once = select(func.count()).where(Letter.promise == DeliveryPromise.AT_MOST_ONCE).select_from(Letter)
    return f"{session.scalar(once) or 0} letters of that kind"


def digests_speak_for_their_lines(session: Session, _runtime: Runtime) -> Walk:
    """What became of a digest became of every letter in it; until then they wait for it. It is about no one case."""
    digest = aliased(Letter)
    settled = (DeliveryState.SENT, DeliveryState.REFUSED, DeliveryState.UNKNOWN)
    query = (
        select(Letter.id, digest.id)
        .join(digest, digest.id == Letter.digest_id)
        .where(
            or_(
                and_(
                    digest.state == DeliveryState.SENT, Letter.state.not_in((DeliveryState.SENT, DeliveryState.REFUSED))
                ),
                and_(digest.state.not_in(settled), Letter.state == DeliveryState.SENT),
                digest.case_id.is_not(None),
            )
        )
    )
    for letter_id, digest_id in stream(session, query):
        yield f"letter {letter_id} is a line of digest {digest_id}, and something else became of it"
    alone = session.scalar(
        select(Letter.id).where(Letter.state == DeliveryState.BUNDLED, Letter.digest_id.is_(None)).limit(1)
    )
    if alone is not None:
        yield f"letter {alone} waits for a digest that is not there"
    lines = session.scalar(select(func.count()).where(Letter.digest_id.is_not(None)).select_from(Letter))
    return f"{lines or 0} lines"

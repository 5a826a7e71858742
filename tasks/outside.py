"""What was seen outside the case file, held against it: at the platform, in mailboxes, on the network, in other stores.

Whoever watches hands over the evidence; nothing here asks anybody.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from casework.vocabulary import DeliveryPromise, DeliveryState
from db.tables import ContentItem, Event, ItemOutcome, Letter, Submission
from tasks.audit import one_moment
from tasks.checks import Check, Walk, judge
from tasks.runtime import Runtime


@dataclass(frozen=True, slots=True)
class AtPlatform:
    """A notice or an answer that a platform has."""

    submission: str
    key: str
    reference: str
    sha256: str


@dataclass(frozen=True, slots=True)
class InMailbox:
    """A letter that a recipient has; ``letter`` is our number of it."""

    letter: int
    message_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that a platform says it has given about one item of a notice."""

    submission: str
    reference: str
    item: str
    answer_id: str


def once_outside(runtime: Runtime, notices: Sequence[AtPlatform], mails: Sequence[InMailbox]) -> list[Check]:
    """What left the house left once, as it was approved or made, and the case file knows of it."""
    with one_moment(runtime) as session:
        return [
            judge("what the platform has is what we sent, once", _notices(session, notices)),
            judge("what recipients have is what we sent", _letters(session, mails)),
        ]


def _notices(session: Session, notices: Sequence[AtPlatform]) -> Walk:
    seen = {notice.key: notice for notice in notices}
    if len(seen) < len(notices):
        yield f"{len(notices)} notices under {len(seen)} keys"
    rows = session.execute(
        select(
            Submission.number, Submission.idempotency_key, Submission.payload_sha256, Submission.state,
            Submission.platform_reference, Submission.channel,
        ).execution_options(yield_per=500)
    )  # fmt: skip
    for number, key, digest, state, reference, channel in rows:
        there = seen.pop(key, None)
        if there is None:
            if state == DeliveryState.SENT and channel == "api":
                yield f"{number} is 'sent', and the platform does not have it"
            continue
        if (there.submission, there.sha256) != (number, digest):
            yield f"{number}: the platform has something else under its key"
        if state == DeliveryState.QUEUED:
            yield f"{number} is 'queued', and the platform has it"
        if state == DeliveryState.SENT and there.reference != reference:
            yield f"{number}: the platform's reference is another"
    if seen:
        yield f"the platform has {len(seen)} notices that we never made"
    return f"{len(notices)} at the platform"


def answers_recorded(runtime: Runtime, told: Sequence[Told]) -> Check:
    """What platforms answered about our notices, all of it read, is on the record; none waits for a person instead."""
    with one_moment(runtime) as session:
        return judge("what the platform answered is on its case", _answers(session, told))


def _answers(session: Session, told: Sequence[Told]) -> Walk:
    items = {one: str(number) for one, number in session.execute(select(ContentItem.id, ContentItem.number)).tuples()}
    about: dict[str, tuple[str | None, set[str]]] = {
        number: (reference, {items[one] for one in item_ids})
        for number, reference, item_ids in session.execute(
            select(Submission.number, Submission.platform_reference, Submission.item_ids)
        ).tuples()
    }
    answers = select(Submission.number, ItemOutcome.answer_id)
    recorded = set(session.execute(answers.where(Submission.id == ItemOutcome.submission_id)).tuples())
    ours = []
    for one in told:
        reference, own = about.get(one.submission, (None, ()))
        if one.item in own and reference in (None, one.reference):
            ours.append(one)
    for one in ours:
        if (one.submission, one.answer_id) not in recorded:
            yield f"{one.submission}: answer {one.answer_id} about item {one.item} is not on the record"
    return f"{len(ours)} answers"


def _letters(session: Session, mails: Sequence[InMailbox]) -> Walk:
    """A letter that may be repeated arrives in equal copies, at most as many as attempts were made."""
    copies = Counter(mail.letter for mail in mails)
    made = {(mail.letter, mail.message_id, mail.sha256) for mail in mails}
    for letter_id, texts in Counter(letter_id for letter_id, _, _ in made).items():
        if texts > 1:
            yield f"letter {letter_id} arrived with {texts} texts"
    about = {mail.letter: mail for mail in mails}
    replayed = _events_of_letters(session, "letter.replayed")
    attempts = _events_of_letters(session, "letter.attempt")
    query = select(
        Letter.id, Letter.state, Letter.promise, Letter.digest_id, Letter.message_id, Letter.message_sha256,
        Letter.server_answer,
    )  # fmt: skip
    for letter_id, state, promise, digest_id, message_id, digest, answer in session.execute(
        query.execution_options(yield_per=500)
    ):
        arrived, mail = copies.pop(letter_id, 0), about.get(letter_id)
        if mail is not None and (mail.message_id, mail.sha256) != (message_id, digest):
            yield f"letter {letter_id} arrived as another than was made"
        most = 1 + replayed[letter_id] if promise == DeliveryPromise.AT_MOST_ONCE else attempts[letter_id]
        if arrived > most:
            yield f"letter {letter_id} arrived {arrived} times"
        if state == DeliveryState.SENT and digest_id is None and answer.startswith("2") and not arrived:
            yield f"letter {letter_id} is 'sent', and nobody has it"
    if copies:
        yield f"letter {next(iter(copies))} arrived, and is none of ours"
    return f"{len(mails)} mails, {len(made)} letters"


def _events_of_letters(session: Session, kind: str) -> Counter[int]:
    letter = cast(Event.data["letter"].as_string(), Integer)
    rows = session.execute(select(letter, func.count()).where(Event.kind == kind).group_by(letter))
    return Counter(dict(rows.tuples().all()))


def no_reported_url_requested(requests: Sequence[str]) -> Check:
    """Where reported links lead, a trap listens; ``requests`` is what came to it."""
    name = "no reported link was opened"
    return Check(name, not requests, f"{len(requests)} requests" if requests else "nobody came")


def connected_only_to(connected: Iterable[str], known: Collection[str]) -> Check:
    """Every address that our processes connected to is one of the servers that they were given."""
    seen = set(connected)
    strange = sorted(seen - set(known))
    said = f"{len(strange)} strange addresses, the first {strange[0]}" if strange else f"{len(seen)} servers"
    return Check("nothing else was connected to", not strange, said)


def canaries_nowhere(canaries: Mapping[str, str], places: Mapping[str, str]) -> Check:
    """What was planted in names, links and texts is in none of the places, in no spelling. Says what and where."""
    name = "no name, link or text of a report is where it must not be"
    for place, text in places.items():
        read = text.lower()
        for what, canary in canaries.items():
            spellings = (canary.lower(), *(json.dumps(word)[1:-1].lower() for word in (canary, canary.lower())))
            for spelling in spellings:
                if spelling in read:
                    return Check(name, False, f"the {what} is in {place}")
    return Check(name, True, f"{len(canaries)} canaries, {len(places)} places")

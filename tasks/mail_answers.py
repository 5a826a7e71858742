"""Answers that people wrote: a rung is in hand, a platform asks, an outcome is suggested. People decide the rest."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from casework.clocks import Subject
from casework.facts import SYSTEM
from casework.vocabulary import FINAL_OUTCOMES, Action, DeliveryState, Outcome, Recipient, Status
from db.queries.cases import case_by_id, items_of_case
from db.queries.letters import escalations_of_case, letter_by_id, members_of
from db.queries.submissions import submission_by_number
from db.tables import CaseFile, Escalation, ItemOutcome, Letter, Submission
from tasks.arrived_mail import Arrived, Done, note_mail
from tasks.delivery import prove
from tasks.escalation import recipient_actor, record_acknowledgement
from tasks.platform_words import newest_about, platform_said
from tasks.record import move_in, note
from tasks.runtime import Runtime

PLATFORMS = frozenset({Recipient.PLATFORM, Recipient.LIAISON, Recipient.LIAISON_HEAD})
"""Who speaks for a platform: states outcomes, asks for more."""

OUTSIDE = PLATFORMS | {Recipient.AUTHORITY, Recipient.POLICE}
"""Whose answer is a moment of the case. A reporter's is not: the specialist looks, and supplies what was missing."""

QUESTION = 5_000
"""Characters of a question that are kept on the case, as many as of one over a channel."""


def answered(session: Session, runtime: Runtime, arrived: Arrived, at: datetime) -> Done:
    """Somebody answered one of our letters."""
    letter = None if arrived.letter_id is None else letter_by_id(session, arrived.letter_id)
    done = Done()
    if letter is not None:
        prove(session, runtime, letter, at, by=f"mail:{arrived.id}")
    if arrived.case_id is None:
        return _digest_answered(session, runtime, arrived, letter, at, done)
    case = case_by_id(session, arrived.case_id)
    submission = _submission_of(session, letter)
    _note_answer(session, runtime, arrived, case, submission, at)
    done.effects.append("answered")
    if any(_is_media(part.declared_type) for part in arrived.mail.attachments):
        done.effects.append("media.quarantined")
    if _role(arrived.contact) in OUTSIDE and _says_something(arrived):
        rungs = _rungs(session, case.id, arrived.contact, submission)
        done.effects += _acknowledge(session, runtime, arrived, rungs, arrived.contact, at)
    if _role(arrived.contact) in PLATFORMS:
        done.effects += _suggest(session, runtime, arrived, case, submission, at)
        done.effects += _asked(session, runtime, arrived, case, submission, at)
    return done


def _note_answer(
    session: Session, runtime: Runtime, arrived: Arrived, case: CaseFile, submission: Submission | None, at: datetime
) -> None:
    parts = arrived.mail.attachments
    outside = _role(arrived.contact) in OUTSIDE
    note_mail(
        session, runtime, case, "mail.answered", arrived, at,
        moment="recipient.answered" if outside else None,
        # An answer about one notice says nothing about another.
        subject=None if submission is None else Subject("submission", submission.id),
        data={"attachments": len(parts), "media": sum(_is_media(part.declared_type) for part in parts)},
    )  # fmt: skip


def _digest_answered(
    session: Session, runtime: Runtime, arrived: Arrived, letter: Letter | None, at: datetime, done: Done
) -> Done:
    """An answer to a letter about several cases counts for those that it names, or for all where it says so."""
    members = [] if letter is None else [one for one in members_of(session, letter.id) if one.case_id is not None]
    cases = {
        case_id: case_by_id(session, case_id) for case_id in dict.fromkeys(one.case_id for one in members) if case_id
    }
    named = {number.upper() for number in arrived.answer.cases}
    everything = arrived.answer.all_cases or (arrived.answer.acknowledges and not named)
    about = [case for case in cases.values() if everything or case.number in named]
    if not about:
        done.hold = f"it answers a letter about {len(cases)} cases and names none of them"
        return done
    for case in about:
        _note_answer(session, runtime, arrived, case, None, at)
        of_case = {one.context.get("escalation") for one in members if one.case_id == case.id}
        rungs = [r for r in escalations_of_case(session, case.id) if r.id in of_case and r.acknowledged_at is None]
        done.effects += _acknowledge(session, runtime, arrived, rungs, arrived.contact, at)
    done.effects.insert(0, "answered")
    return done


def _acknowledge(
    session: Session, runtime: Runtime, arrived: Arrived, rungs: Iterable[Escalation], contact: str, at: datetime
) -> list[str]:
    """Whoever answers a letter of a rung has it in hand: its clock stops, the follow-up begins."""
    done = []
    actor = recipient_actor(contact, runtime.pack)
    for rung in rungs:
        record_acknowledgement(session, runtime, rung, actor, "mail", at, mail_id=arrived.id)
        done.append("rung.acknowledged")
    return done


def _rungs(session: Session, case_id: int, contact: str, submission: Submission | None) -> list[Escalation]:
    """Rungs whose letter went to this contact and that nobody has acknowledged; of one notice, where it is known."""
    letters = select(Letter.context).where(
        Letter.case_id == case_id, or_(Letter.contact == contact, Letter.sent_to == contact)
    )
    written = {context.get("escalation") for context in session.scalars(letters)}
    return [
        rung
        for rung in escalations_of_case(session, case_id)
        if rung.id in written
        and rung.acknowledged_at is None
        and (submission is None or rung.submission_id == submission.id)
    ]


def _suggest(
    session: Session, runtime: Runtime, arrived: Arrived, case: CaseFile, submission: Submission | None, at: datetime
) -> list[str]:
    """Outcomes that the mail states are shown on the case; an officer records them, or does not."""
    said = arrived.answer.outcomes
    if not said:
        return []
    outcomes = [[number, outcome.value] for number, outcome in said]
    about = None if submission is None else submission.number
    note_mail(
        session, runtime, case, "outcomes.suggested", arrived, at, data={"submission": about, "outcomes": outcomes}
    )
    return ["outcomes.suggested"]


def _asked(
    session: Session, runtime: Runtime, arrived: Arrived, case: CaseFile, submission: Submission | None, at: datetime
) -> list[str]:
    """A request for information opens the loop with its clock, where the case is with the platform."""
    needed = {number for number, outcome in arrived.answer.outcomes if outcome is Outcome.MORE_INFO_NEEDED}
    if not (arrived.answer.asks or needed):
        return []
    items = [
        item
        for item in items_of_case(session, case.id)
        if submission is not None
        and item.id in submission.item_ids
        and item.outcome not in FINAL_OUTCOMES
        and (not needed or item.number in needed)
    ]
    if case.status != Status.SUBMITTED or submission is None or submission.state != DeliveryState.SENT or not items:
        note_mail(session, runtime, case, "question.noted", arrived, at)
        return ["question.noted"]
    for item in items:
        session.add(
            ItemOutcome(
                item_id=item.id,
                submission_id=submission.id,
                answer_id=f"mail:{arrived.id}:{item.number}",
                outcome=Outcome.MORE_INFO_NEEDED.value,
                territories=[],
                reason=arrived.answer.own_words[:QUESTION],
                decided_at=at,
                recorded_at=at,
            )
        )
        item.outcome, item.outcome_at = Outcome.MORE_INFO_NEEDED.value, at
        data = {"submission": submission.number, "item": item.number, "outcome": item.outcome, "mail": arrived.id}
        note(session, runtime, case, "outcome.recorded", SYSTEM, at, moment="outcome.recorded", data=data)
    case.question = arrived.answer.own_words[:QUESTION]
    session.flush()
    about = newest_about(session, submission, [item.id for item in items])
    platform_said(session, runtime, case, about, "platform.asked", SYSTEM, at, {"mail": arrived.id})
    move_in(session, runtime, case, Action.ASK_MORE, SYSTEM, at)
    return ["platform.asked"]


def _submission_of(session: Session, letter: Letter | None) -> Submission | None:
    number = None if letter is None else letter.context.get("submission")
    return submission_by_number(session, number) if isinstance(number, str) else None


def _role(contact: str) -> str:
    return contact.partition(":")[0]


def _says_something(arrived: Arrived) -> bool:
    """An empty answer, or one that has a signature and nothing else, shows nobody who took it in hand."""
    words = arrived.answer.own_words.strip()
    return arrived.answer.acknowledges or bool(words.partition("-- \n")[0].strip())


def _is_media(declared_type: str) -> bool:
    return declared_type.lower().startswith(("image/", "video/", "audio/"))

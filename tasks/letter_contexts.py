"""From rows to what a letter may say. Frozen facts come from the letter's own row, so that a
letter made late says what was true when it was intended."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.facts import CaseFacts
from casework.letter_context import FailedLetter, ItemRow, LegalBasisRow, LetterContext, RungRow, seal
from casework.letters import LETTERS
from casework.links import defang
from casework.policy_clocks import Ladder
from casework.policy_pack import Pack
from casework.policy_regime import InstrumentRule
from casework.text_links import defang_text
from casework.vocabulary import Outcome, Recipient
from db.queries.cases import case_by_id, reviews_of_case
from db.queries.clocks import running_clocks
from db.queries.letters import escalations_of_case, reporters_of_case
from db.queries.submissions import last_question, notice_of
from db.tables import CaseFile, Clock, Escalation, Letter, Review, Submission
from tasks.case_facts import facts_of
from tasks.clock_history import rule_of
from tasks.deadline_text import deadline_text, duty_name, phrase
from tasks.letter_parts import (
    NOWHERE,
    letter_head,
    letter_number,
    link_of,
    overdue_since,
    repeats_before,
    submission_named,
    threshold_text,
)
from tasks.letterpress import Letterpress
from tasks.runtime import Runtime
from tasks.summary_contexts import summary_context


def letter_context(session: Session, runtime: Runtime, letter: Letter, recipient_name: str) -> LetterContext:
    """Everything the letter's template may use, in the letter's language."""
    if letter.case_id is None:
        return summary_context(session, runtime, letter, recipient_name)
    case = case_by_id(session, letter.case_id)
    facts = facts_of(session, case)
    pack, press, language = runtime.pack.at(letter.created_at), runtime.letterpress, letter.language
    zone = ZoneInfo(pack.authority.zone)
    said = letter.context
    submission = submission_named(session, case.id, said)
    platform = pack.platform(said.get("platform") or (facts.platforms[0] if facts.platforms else None))
    review = _last_decision(session, case.id)
    category = pack.category(case.category)
    instrument = pack.instrument(case.instrument, case.category)
    clock = session.get(Clock, said["clock"]) if said.get("clock") else None
    if clock is None and not LETTERS[letter.kind].internal:
        clock = _running_deadline(session, submission, case)
    answer_by = session.get(Clock, said["acknowledge_clock"]) if said.get("acknowledge_clock") else None
    about_duty = "duty_name" in LETTERS[letter.kind].must_contain
    link = link_of(runtime, letter, case.number, letter.created_at)
    reporters = reporters_of_case(session, case.id)
    return {
        **letter_head(pack, letter, letter_number(case.number, letter.id), recipient_name),
        "case_number": case.number,
        "submission_number": submission.number if submission else "",
        "received": phrase(case.received_at, zone, language),
        "submitted": phrase(submission.sent_at, zone, language) if submission and submission.sent_at else NOWHERE,
        "platform": platform.name if platform else "",
        "platform_legal_entity": platform.legal_entity if platform else "",
        "platform_reference": (submission.platform_reference or "") if submission else "",
        "instrument": press.word("instrument", case.instrument, language),
        "instrument_code": case.instrument,
        "ground": press.word("ground", case.ground, language),
        "requested_action": press.word("requested_action", case.requested_action, language),
        "priority": press.word("priority", case.priority, language),
        "category": (category.plain_name if letter.recipient == Recipient.REPORTER else category.name).in_language(
            language
        ),
        "territories": [_country(press, code, language) for code in facts.territories],
        "legal_basis": _basis(session, runtime, review, language),
        "policy_basis": [
            line for line in (defang_text((review.policy_line if review else "") or case.policy_line),) if line
        ],
        "reasons": defang_text(said.get("reasons") or (review.reason if review else "")),
        "items": _items(
            facts, _about(session, letter, submission), category.name.in_language(language), press, language
        ),
        "deadline": None if clock is None else deadline_text(session, runtime, clock, language),
        "overdue": overdue_since(clock.due_at if clock else None, letter.created_at, press, language),
        "duty_name": duty_name(session, runtime, clock, language) if clock is not None and about_duty else "",
        "repeat": repeats_before(said),
        "missing": [press.word("missing", code, language) for code in said.get("missing", ())],
        "question": defang_text(_question(session, letter, case, submission)),
        "rungs": _rungs(session, runtime, case.id, zone, language, said),
        "rung": int(said.get("rung", 0)),
        "ack_due": phrase(answer_by.due_at, zone, language) if answer_by else None,
        "preserve": category.preserve,
        "child": case.child,
        "disposition": press.word("disposition", case.disposition, language) if case.disposition else "",
        "disposition_code": case.disposition or "",
        "statement": instrument.statement.in_language(language) if instrument and instrument.statement else "",
        "redress": _redress(letter.kind, instrument, pack, language),
        "answer": defang_text(_answer(letter, review)),
        "expert_group": _expert_group(pack, said.get("expert_group"), case, language),
        "threshold": threshold_text(said["threshold"], press, language) if said.get("threshold") else "",
        "failed": _failed(said.get("failed"), case.number, press, language),
        "ack_link": link[0] if link else "",
        "ack_link_until": phrase(link[1], zone, language) if link else None,
        "reporter_name": seal("reporter_name", bool(reporters)),
        "reporter_address": seal("reporter_address", any(person.reachable for person in reporters)),
    }


def _answer(letter: Letter, review: Review | None) -> str:
    """Our answer to the platform's question: as frozen, else what the lawyer who answered last wrote."""
    if letter.kind != "platform_answer":
        return ""
    return letter.context.get("answer") or (review.reason if review else "")


def _question(session: Session, letter: Letter, case: CaseFile, submission: Submission | None) -> str:
    """What is open now; in our answer, what the platform asked, which by then is no open question any more."""
    if letter.kind != "platform_answer" or submission is None:
        return case.question
    return last_question(session, submission.item_ids) or case.question


def _expert_group(pack: Pack, named: str | None, case: CaseFile, language: str) -> str:
    """The group in words: the one the letter names, else the one whose opinion the case's instrument needs."""
    group = next((group for group in pack.regime.expert_groups if group.id == named), None)
    group = group or pack.expert_group(case.instrument, case.category)
    return group.name.in_language(language) if group else ""


def _failed(said: Mapping[str, Any] | None, case_number: str, press: Letterpress, language: str) -> FailedLetter | None:
    if said is None:
        return None
    return FailedLetter(
        letter_number=letter_number(case_number, said["letter"]),
        kind=press.word("letter", said["kind"], language),
        recipient=press.word("recipient", said["recipient"], language),
        words=said["words"],
    )


def _running_deadline(session: Session, submission: Submission | None, case: CaseFile) -> Clock | None:
    """The platform's clock on this notice, or the reporter's time to answer."""
    for clock in running_clocks(session, case.id):
        about = submission is not None and (clock.subject_kind, clock.subject_id) == ("submission", submission.id)
        if (about and clock.ladder and clock.next_rung == 1) or clock.duty == "reporter":
            return clock
    return None


def _last_decision(session: Session, case_id: int) -> Review | None:
    """The review a letter speaks for: the last approval or refusal."""
    decisions = [review for review in reviews_of_case(session, case_id) if review.verdict != "endorsed"]
    return decisions[-1] if decisions else None


def _basis(session: Session, runtime: Runtime, review: Review | None, language: str) -> list[LegalBasisRow]:
    """The provisions cited, by the policy version the review was made under."""
    if review is None:
        return []
    pack = runtime.policies.version(session, review.policy_version)
    return [
        LegalBasisRow(
            citation=pack.basis(code).citation.in_language(language),
            title=pack.basis(code).title.in_language(language),
            verified=pack.basis(code).source.verified,
        )
        for code in review.basis
    ]


def _about(session: Session, letter: Letter, submission: Submission | None) -> set[int] | None:
    """The items a letter is about: our answer names its own, others a whole notice's; None: all of the case."""
    if submission is None:
        return None
    return set((submission if letter.kind == "platform_answer" else notice_of(session, submission)).item_ids)


def _items(
    facts: CaseFacts, wanted: Collection[int] | None, category: str, press: Letterpress, language: str
) -> list[ItemRow]:
    return [
        ItemRow(
            number=item.number,
            link=defang(item.url),
            kind=press.word("kind", item.kind, language),
            category=category,
            outcome="" if item.outcome is Outcome.PENDING else press.word("outcome", item.outcome, language),
            reason=item.reason,
        )
        for item in facts.items
        if wanted is None or item.id in wanted
    ]


def _rungs(
    session: Session, runtime: Runtime, case_id: int, zone: ZoneInfo, language: str, said: dict[str, object]
) -> list[RungRow]:
    """Rungs raised before this letter's own, on the same notice."""
    own = said.get("escalation")
    rows = escalations_of_case(session, case_id)
    mine = next((row for row in rows if row.id == own), None)
    if mine is None:
        return []
    return [
        RungRow(
            number=row.rung,
            name=_ladder_of(session, runtime, row).rungs[row.rung - 1].name.in_language(language),
            sent=phrase(row.raised_at, zone, language),
            acknowledged=row.acknowledged_at is not None,
        )
        for row in rows
        if row.submission_id == mine.submission_id and row.rung < mine.rung
    ]


def _ladder_of(session: Session, runtime: Runtime, rung: Escalation) -> Ladder:
    """The ladder by the policy that the rung's clock follows."""
    pack = rule_of(session, runtime.policies, session.get_one(Clock, rung.clock_id))[1]
    return pack.sla.ladder(rung.ladder)


def _country(press: Letterpress, code: str, language: str) -> str:
    try:
        return press.word("country", code, language)
    except KeyError:
        return code


def _redress(kind: str, instrument: InstrumentRule | None, pack: Pack, language: str) -> str:
    """A reporter may appeal against us; a platform has redress against the instrument."""
    if kind in ("decline", "closure", "extension_notice"):
        return pack.regime.appeal.in_language(language)
    if instrument is None or kind in ("receipt", "decision_confirmed"):
        return ""
    return instrument.redress.in_language(language)

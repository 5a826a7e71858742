"""From rows to what a letter may say. Frozen facts come from the letter's own row, so that a
letter made late says what was true when it was intended."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.facts import CaseFacts
from casework.letters import ItemRow, LegalBasisRow, LetterContext, Phrase, RungRow
from casework.links import defang
from casework.policy_clocks import Ladder
from casework.policy_pack import Pack
from casework.vocabulary import Outcome, Recipient
from db.queries.cases import case_by_id, reviews_of_case
from db.queries.clocks import running_clocks
from db.queries.letters import escalations_of_case
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Clock, Escalation, Letter, Review, Submission
from tasks.case_facts import facts_of
from tasks.clock_history import rule_of
from tasks.deadline_text import deadline_text, duty_name, phrase
from tasks.letterpress import Letterpress
from tasks.runtime import Runtime

NOWHERE = Phrase(local="", utc="")


def letter_context(session: Session, runtime: Runtime, letter: Letter, recipient_name: str) -> LetterContext:
    """Everything the letter's template may use, in the letter's language."""
    case = case_by_id(session, letter.case_id)
    facts = facts_of(session, case)
    pack, press, language = runtime.pack.at(letter.created_at), runtime.letterpress, letter.language
    zone = ZoneInfo(pack.authority.zone)
    said = letter.context
    day = letter.created_at.astimezone(zone).date()
    submission = _submission(session, case.id, said)
    platform = pack.platform(said.get("platform") or (facts.platforms[0] if facts.platforms else None))
    review = _last_decision(session, case.id)
    category = pack.category(case.category)
    instrument = pack.instrument(case.instrument, case.category)
    clock = session.get(Clock, said["clock"]) if said.get("clock") else _running_deadline(session, submission, case)
    answer_by = session.get(Clock, said["acknowledge_clock"]) if said.get("acknowledge_clock") else None
    signatory = pack.authority.signatory_on(day)
    return LetterContext(
        language=language,
        letter_number=f"{case.number}/L{letter.id}",
        case_number=case.number,
        submission_number=submission.number if submission else "",
        written=phrase(letter.created_at, zone, language),
        received=phrase(case.received_at, zone, language),
        submitted=phrase(submission.sent_at, zone, language) if submission and submission.sent_at else NOWHERE,
        recipient_name=recipient_name,
        authority={
            "name": pack.authority.name_on(day).name.in_language(language),
            "unit": pack.authority.unit.in_language(language),
            "address": pack.authority.address.in_language(language),
            "email": pack.authority.email,
            "phone": pack.authority.phone,
            "duty_phone": pack.authority.duty_phone,
            "signatory": signatory.name.in_language(language),
            "signatory_position": signatory.position.in_language(language),
        },
        platform=platform.name if platform else "",
        platform_legal_entity=platform.legal_entity if platform else "",
        platform_reference=(submission.platform_reference or "") if submission else "",
        instrument=press.word("instrument", case.instrument, language),
        instrument_code=case.instrument,
        ground=press.word("ground", case.ground, language),
        requested_action=press.word("requested_action", case.requested_action, language),
        priority=press.word("priority", case.priority, language),
        category=(category.plain_name if letter.recipient == Recipient.REPORTER else category.name).in_language(
            language
        ),
        territories=[_country(press, code, language) for code in facts.territories],
        legal_basis=_basis(session, runtime, review, language),
        policy_basis=[line for line in ((review.policy_line if review else "") or case.policy_line,) if line],
        reasons=said.get("reasons") or (review.reason if review else ""),
        items=_items(facts, submission, category.name.in_language(language), press, language),
        deadline=None if clock is None else deadline_text(session, runtime, clock, language),
        overdue=_overdue(clock, letter.created_at, press, language),
        duty_name=duty_name(session, runtime, clock, language) if clock is not None and said.get("repeat") else "",
        repeat=max(int(said.get("repeat", 0)) - 1, 0),
        missing=[press.word("missing", code, language) for code in said.get("missing", ())],
        question=case.question,
        rungs=_rungs(session, runtime, case.id, zone, language, said),
        rung=int(said.get("rung", 0)),
        ack_due=phrase(answer_by.due_at, zone, language) if answer_by else None,
        preserve=category.preserve,
        child=case.child,
        disposition=press.word("disposition", case.disposition, language) if case.disposition else "",
        disposition_code=case.disposition or "",
        statement=instrument.statement.in_language(language) if instrument and instrument.statement else "",
        redress=_redress(letter.kind, instrument.redress.in_language(language) if instrument else "", pack, language),
        emergency_numbers=list(pack.authority.emergency_numbers[language]),
        reply_to=pack.authority.email,
        authentic_language=pack.authority.authentic_language.in_language(language),
    )


def _overdue(clock: Clock | None, at: datetime, press: Letterpress, language: str) -> str:
    if clock is None or at <= clock.due_at:
        return ""
    minutes = int((at - clock.due_at) / timedelta(minutes=1))
    return press.word("counting", "overdue", language).format(hours=minutes // 60, minutes=minutes % 60)


def _submission(session: Session, case_id: int, said: dict[str, object]) -> Submission | None:
    rows = submissions_of_case(session, case_id)
    named = [row for row in rows if row.number == said.get("submission")]
    return next(iter(named or rows), None)


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


def _items(
    facts: CaseFacts, submission: Submission | None, category: str, press: Letterpress, language: str
) -> list[ItemRow]:
    """The items a letter is about: a notice's own, else all of the case."""
    wanted = set(submission.item_ids) if submission else None
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


def _redress(kind: str, of_instrument: str, pack: Pack, language: str) -> str:
    """A reporter may appeal against us; a platform has redress against the instrument."""
    if kind in ("decline", "closure", "extension_notice"):
        return pack.regime.appeal.in_language(language)
    return of_instrument if kind != "receipt" else ""

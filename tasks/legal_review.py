"""The completeness gate and the reviewers' decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.completeness import GateResult, check
from casework.errors import MoveRefused, NotAllowed
from casework.facts import SYSTEM, CaseFacts
from casework.move_guards import MoveDetails
from casework.vocabulary import Action, AgeBand, Instrument, Priority, Role
from db.queries.cases import items_of_case, next_for_review
from db.queries.letters import reporters_of_case
from db.tables import CaseFile
from tasks.case_facts import facts_of, find_case
from tasks.prioritization import reassess
from tasks.record import move_case, move_in, note, transaction
from tasks.runtime import Runtime


def local_day(runtime: Runtime) -> date:
    """Today in the authority's zone."""
    return runtime.now().astimezone(ZoneInfo(runtime.pack.authority.zone)).date()


def gate(session: Session, runtime: Runtime, case: CaseFile) -> GateResult:
    """Stage: let a triaged case into review, or return it to the reporter for what is missing.

    A P0 passes whatever is missing: the reviewer sees the list. So does a case whose
    reporter cannot be asked: returning it would only bury it.
    """
    facts = facts_of(session, case)
    result = check(facts, runtime.pack, local_day(runtime))
    case.missing = sorted({*result.for_reporter, *result.for_reviewer})
    data = {"score": result.score, "missing": list(case.missing)}
    can_ask = any(person.reachable for person in reporters_of_case(session, case.id))
    if result.for_reporter and can_ask and facts.priority is not Priority.P0:
        details = MoveDetails(reason="The completeness gate found something missing.", missing=result.for_reporter)
        move_in(session, runtime, case, Action.RETURN, SYSTEM, runtime.now(), details, data=data)
    else:
        move_in(session, runtime, case, Action.COMPLETE, SYSTEM, runtime.now(), data=data)
    return result


@dataclass(frozen=True, slots=True)
class ReviewSheet:
    """Everything a reviewer needs on one page."""

    case: CaseFile
    facts: CaseFacts
    gate: GateResult


def next_review(runtime: Runtime, reviewer_id: str) -> ReviewSheet | None:
    """The most urgent case this reviewer may decide; None when there is none. NotAllowed for others."""
    reviewer = runtime.users.actor(reviewer_id)
    if not reviewer.has(Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT):
        raise NotAllowed(f"{reviewer.id} is no legal reviewer")
    with runtime.sessions.read() as session:
        case = next_for_review(session, reviewer.id)
        return None if case is None else _sheet(session, runtime, case)


def review_sheet(runtime: Runtime, number: str) -> ReviewSheet:
    """The same page for a case of one's choice."""
    with runtime.sessions.read() as session:
        return _sheet(session, runtime, find_case(session, number))


def _sheet(session: Session, runtime: Runtime, case: CaseFile) -> ReviewSheet:
    facts = facts_of(session, case)
    return ReviewSheet(case, facts, check(facts, runtime.pack, local_day(runtime)))


@dataclass(frozen=True, slots=True)
class Supplied:
    """What a reporter added. Empty fields change nothing."""

    quote: str = ""
    translation: str = ""
    why_unlawful: str = ""
    description: str = ""
    policy_line: str = ""
    expert_decision: str = ""
    category: str = ""
    age_band: AgeBand | None = None
    observed_at: str = ""
    provider_told_at: str = ""
    instrument: Instrument | None = None


def supply(runtime: Runtime, number: str, actor_id: str, supplied: Supplied, reason: str) -> CaseFacts:
    """Add what was missing and send a returned case on; the gate judges it again."""

    def change(session: Session, case: CaseFile) -> None:
        _write_supplied(session, runtime, case, supplied)

    return move_case(runtime, number, Action.SUPPLY, actor_id, MoveDetails(reason=reason), change=change)


def amend(runtime: Runtime, number: str, actor_id: str, supplied: Supplied, reason: str) -> CaseFile:
    """A specialist or reviewer corrects the file while it is being worked on, with a reason on the record."""
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.SPECIALIST, Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT):
        raise NotAllowed(f"{number}: {actor.id} may not change the file")
    with transaction(runtime) as session:
        case = find_case(session, number)
        if case.status not in ("received", "triaged", "returned", "in_legal_review", "reopened"):
            raise MoveRefused(
                number, f"the file is fixed once a case is '{case.status}'", rule="case.fixed",
                next_step="Recall or reopen the case first.",
            )  # fmt: skip
        if len(reason.strip()) < 5:
            raise MoveRefused(number, "a change of the file needs a reason", rule="case.reason_missing")
        changed = _write_supplied(session, runtime, case, supplied)
        session.flush()
        at = runtime.now()
        note(session, runtime, case, "case.amended", actor, at, reason=reason, data={"fields": changed}, wake=True)
        reassess(session, runtime, case, at)
        return case


def _write_supplied(session: Session, runtime: Runtime, case: CaseFile, supplied: Supplied) -> list[str]:
    changed = []
    for field in ("quote", "translation", "why_unlawful", "description", "policy_line", "expert_decision"):
        value = getattr(supplied, field)
        if value:
            setattr(case, field, value[:20_000])
            changed.append(field)
    if supplied.age_band is not None:
        case.age_band = supplied.age_band.value
        changed.append("age_band")
    if supplied.category:
        _reclassify(runtime, case, supplied.category)
        changed.append("category")
    if supplied.instrument is not None:
        _another_form(runtime, case, supplied.instrument)
        changed.append("instrument")
    if supplied.observed_at:
        _observe(session, runtime, case, supplied.observed_at)
        changed.append("observed_at")
    if supplied.provider_told_at:
        case.provider_told_at = _past(case, runtime, "provider_told_at", supplied.provider_told_at)
        changed.append("provider_told_at")
    return changed


def _reclassify(runtime: Runtime, case: CaseFile, code: str) -> None:
    """A category brings its own instrument, ground and action."""
    try:
        category = runtime.pack.category(code)
    except KeyError:
        known = ", ".join(category.code for category in runtime.pack.categories)
        raise MoveRefused(
            case.number, f"the policy pack has no category '{code[:64]}'", rule="case.category_unknown",
            next_step=f"Known: {known}.",
        ) from None  # fmt: skip
    case.category = category.code
    # What reads politically keeps its second reviewer, whatever category somebody gives it later.
    case.political = case.political or category.political
    case.instrument, case.ground = category.instrument.value, category.ground.value
    case.requested_action = category.requested_action.value


def _another_form(runtime: Runtime, case: CaseFile, instrument: Instrument) -> None:
    """Another form of notice for the same kind of harm, such as a report while an order may not go out yet."""
    rule = runtime.pack.at(runtime.now()).instrument(instrument, case.category)
    if rule is None:
        raise MoveRefused(
            case.number, f"this authority may not use a '{instrument}' for '{case.category}'",
            rule="case.instrument_unknown",
        )  # fmt: skip
    case.instrument = instrument.value
    if case.ground not in rule.grounds:
        case.ground = rule.grounds[0].value


def _observe(session: Session, runtime: Runtime, case: CaseFile, stated: str) -> None:
    """When the items were seen, for those that lack it. Refuses a naive time and the future."""
    seen = _past(case, runtime, "observed_at", stated)
    for item in items_of_case(session, case.id):
        if item.observed_at is None:
            item.observed_at = seen


def _past(case: CaseFile, runtime: Runtime, field: str, stated: str) -> datetime:
    """A past time as somebody wrote it, with an offset."""
    try:
        at = datetime.fromisoformat(stated)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None or at > runtime.now():
        raise MoveRefused(
            case.number, f"'{field}' must be a past time with its offset", rule=f"case.{field}",
            next_step="Write it as 2026-03-18T09:00+05:00.",
        )  # fmt: skip
    return at

"""Many new cases in few statements. The rows are those of record.py's moves; only the way in is wholesale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from casework.clocks import Subject, applies, start_clocks
from casework.completeness import check
from casework.danger import danger_letters
from casework.facts import Actor, CaseFacts, ItemFacts
from casework.letters import letter
from casework.vocabulary import DeliveryState, Outcome, PartyRole, Status
from db.queries.cases import take_numbers
from db.queries.events import NewEvent, append_events
from db.queries.rows import insert_numbered, insert_rows
from db.tables import CaseFile, Clock, ContentItem, Letter, Party
from tasks.clock_rows import clock_row
from tasks.intake_reading import ReadReport
from tasks.intake_results import Stored
from tasks.outbox import find_contact, our_addresses
from tasks.runtime import Runtime


@dataclass(slots=True)
class NewCase:
    """A case about to be written, and where it ended up."""

    stored: Stored
    read: ReadReport
    related: int = 0
    missing: tuple[str, ...] = ()
    case_id: int = 0
    number: str = ""


def write_cases(session: Session, runtime: Runtime, new: Sequence[NewCase], actor: Actor, at: datetime) -> None:
    """Write the cases with their items, people, clocks, letters and events; fills in ids and numbers."""
    if not new:
        return
    _number(session, runtime, new, at)
    day = at.astimezone(ZoneInfo(runtime.pack.authority.zone)).date()
    facts = [_facts(case, at, runtime) for case in new]
    for case, seen in zip(new, facts, strict=True):
        found = check(seen, runtime.pack.at(at), day)
        case.missing = tuple(sorted({*found.for_reporter, *found.for_reviewer}))
    rows = [_case_row(case, runtime, actor, at) for case in new]
    ids = insert_numbered(session, CaseFile, CaseFile.id, rows)
    for case, case_id in zip(new, ids, strict=True):
        case.case_id = case_id
    insert_rows(session, ContentItem, [row for case in new for row in _item_rows(case)])
    parties = _write_parties(session, runtime, [(case.case_id, case.stored.id, case.read) for case in new])
    insert_rows(session, Clock, _clock_rows(new, facts, runtime, at))
    letters = [row for case, party in zip(new, parties, strict=True) for row in _letter_rows(case, party, runtime, at)]
    insert_rows(session, Letter, letters)
    append_events(session, [_event(case, runtime, actor, at) for case in new])


def _number(session: Session, runtime: Runtime, new: Sequence[NewCase], at: datetime) -> None:
    authority = runtime.pack.authority
    year = at.astimezone(ZoneInfo(authority.zone)).year
    taken = take_numbers(session, authority.id, year, len(new))
    for case, serial in zip(new, taken, strict=True):
        case.number = f"{authority.number_prefix}-{year}-{serial:06d}"


def _case_row(case: NewCase, runtime: Runtime, actor: Actor, at: datetime) -> dict[str, Any]:
    read, report, assessed = case.read, case.read.report, case.read.assessment
    category = read.category
    return {
        "number": case.number,
        "authority": runtime.pack.authority.id,
        "status": Status.RECEIVED.value,
        "priority": assessed.priority.value,
        "priority_rank": assessed.priority.rank,
        "priority_floor": assessed.priority.value,
        "priority_trace": [fired.as_dict() for fired in assessed.trace],
        "lane": assessed.lane.value,
        "category": category.code,
        "political": read.political,
        "child": assessed.child,
        "age_band": report.age_band.value,
        "language": read.language or runtime.pack.authority.default_language,
        "instrument": category.instrument.value,
        "ground": runtime.pack.ground_for(category, report.ground).value,
        "requested_action": (report.requested_action or category.requested_action).value,
        "territories": list(report.territories or runtime.pack.regime.territorial_scope),
        "indicators": sorted(report.indicators),
        "quote": report.quote,
        "translation": report.translation,
        "description": report.description,
        "why_unlawful": report.why_unlawful,
        "policy_line": report.policy_line,
        "cited_basis": list(report.legal_basis),
        "expert_decision": report.expert_decision,
        "provider_told_at": report.provider_told_at,
        "issuing_authority": read.issuing_authority,
        "anonymous": report.anonymous or not (report.reporter.name or report.reporter.email),
        "reporter_is_child": report.reporter.is_child,
        "reporters": 1,
        "missing": list(case.missing),
        "question": "",
        "intake_by": actor.id,
        "received_at": case.stored.received_at,
        "policy_version": runtime.pack.version,
        "drive_at": at,
        "next_due_at": None,
        "failures": 0,
    }


def _item_rows(case: NewCase) -> list[dict[str, Any]]:
    return [
        {
            "case_id": case.case_id,
            "number": number,
            "report_id": case.stored.id,
            "url_original": item.link.original,
            "url_canonical": item.link.canonical,
            "key": item.link.key,
            "kind": item.link.kind,
            "platform": item.link.platform,
            "account": item.link.account,
            "locator": item.link.locator,
            "exact": item.link.exact,
            "opaque": item.link.opaque,
            "observed_at": item.observed_at,
            "outcome": Outcome.PENDING.value,
        }
        for number, item in enumerate(case.read.items, start=1)
    ]


PARTY = "party"
"""Purpose that binds a sealed party to its table."""


def write_party(session: Session, runtime: Runtime, case_id: int, report_id: int, read: ReadReport) -> int | None:
    """Put one report's people into the vault; the reporter's id, or None when they gave nothing."""
    return _write_parties(session, runtime, [(case_id, report_id, read)])[0]


def _write_parties(
    session: Session, runtime: Runtime, reports: Sequence[tuple[int, int, ReadReport]]
) -> list[int | None]:
    rows: list[dict[str, Any]] = []
    reporter_at: list[int | None] = []
    for case_id, report_id, read in reports:
        report = read.report
        people = [(PartyRole.REPORTER, report.reporter), (PartyRole.VICTIM, report.victim)]
        reporter_at.append(None)
        for role, person in people:
            if person is None or not (person.name or person.email or person.phone):
                continue
            if role is PartyRole.REPORTER:
                reporter_at[-1] = len(rows)
            identity = json.dumps({"name": person.name, "email": person.email, "phone": person.phone})
            rows.append(
                {
                    "report_id": report_id,
                    "case_id": case_id,
                    "role": role.value,
                    "language": read.language or runtime.pack.authority.default_language,
                    "reachable": may_write_to(runtime, person.email),
                    "sealed": runtime.vault.seal(identity.encode(), PARTY),
                }
            )
    ids = insert_numbered(session, Party, Party.id, rows)
    return [None if position is None else ids[position] for position in reporter_at]


def _clock_rows(
    new: Sequence[NewCase], facts: Sequence[CaseFacts], runtime: Runtime, at: datetime
) -> list[dict[str, Any]]:
    """All cases of a batch start at one moment: each rule's times are reckoned once, for every case it is for."""
    rules = runtime.pack.at(at)
    starts = start_clocks("case.received", Subject("case", 0), at, None, rules)
    shapes = [(rules.sla.clock(start.rule_id), clock_row(start, None)) for start in starts]
    return [
        {**shape, "case_id": case.case_id, "subject_id": case.case_id}
        for case, seen in zip(new, facts, strict=True)
        for rule, shape in shapes
        if applies(rule, seen)
    ]


def _facts(case: NewCase, at: datetime, runtime: Runtime) -> CaseFacts:
    """The case as the rules see it before it has rows: for clocks' conditions and a first look of the gate."""
    read, report = case.read, case.read.report
    return CaseFacts(
        id=case.case_id,
        number=case.number,
        status=Status.RECEIVED,
        priority=read.assessment.priority,
        category=read.category.code,
        political=read.political,
        child=read.assessment.child,
        age_band=read.report.age_band,
        language=read.language,
        instrument=read.category.instrument.value,
        ground=runtime.pack.ground_for(read.category, report.ground).value,
        requested_action=(report.requested_action or read.category.requested_action).value,
        intake_by="",
        received_at=at,
        official=bool(read.issuing_authority),
        quote=report.quote,
        translation=report.translation,
        description=report.description,
        why_unlawful=report.why_unlawful,
        policy_line=report.policy_line,
        cited_basis=report.legal_basis,
        expert_decision=report.expert_decision,
        provider_told_at=report.provider_told_at,
        territories=report.territories,
        items=tuple(
            ItemFacts(
                0, number, item.link.key, item.link.canonical, item.link.kind, item.link.platform, item.link.account,
                item.link.exact, item.link.opaque, item.observed_at,
            )
            for number, item in enumerate(read.items, start=1)
        ),
    )  # fmt: skip


def may_write_to(runtime: Runtime, address: str) -> bool:
    """Whether a person left an address, and none of ours: a letter to ourselves would come back as a report."""
    return bool(address) and not our_addresses(runtime).refusal(address, own=False)


def _no_receipt(runtime: Runtime, address: str) -> str:
    """Why a reporter gets none."""
    if may_write_to(runtime, address):
        return ""
    return "an address of ours" if address else "no address"


def _letter_rows(case: NewCase, party: int | None, runtime: Runtime, at: datetime) -> list[dict[str, Any]]:
    names = danger_letters(case.read.assessment.priority, case.read.category.police_referral)
    rows = [letter_row(runtime, case.case_id, case.read, name, None, at, str(case.case_id)) for name in names]
    if party is not None and may_write_to(runtime, case.read.report.reporter.email):
        rows.append(letter_row(runtime, case.case_id, case.read, "receipt", party, at, str(case.stored.id)))
    return rows


def letter_row(
    runtime: Runtime, case_id: int, read: ReadReport, name: str, party: int | None, at: datetime, once: str
) -> dict[str, Any]:
    """A letter's columns, for those that intake itself intends."""
    line = letter(name)
    contact = find_contact(runtime.pack, line.recipient, None)
    default = runtime.pack.authority.default_language
    language = read.language if party is not None else (contact.language if contact else default)
    return {
        "case_id": case_id,
        "kind": name,
        "recipient": line.recipient.value,
        "contact": f"party:{party}" if party is not None else line.recipient.value,
        "language": runtime.pack.authority.language_of_letter(language),
        "once_key": f"{name}:{once}:{party or line.recipient.value}",
        "promise": line.promise.value,
        "urgent": party is None,
        "context": {"platform": None},
        "state": DeliveryState.QUEUED.value,
        "reason": "",
        "attempts": 0,
        "server_answer": "",
        "created_at": at,
    }


def _event(case: NewCase, runtime: Runtime, actor: Actor, at: datetime) -> NewEvent:
    read = case.read
    data = {
        "report": case.stored.id,
        "items": len(read.items),
        "priority": read.assessment.priority.value,
        "category": read.category.code,
        "suggested": list(read.suggested),
        "unread_fields": list(read.unread),
        "left_out": [part.part for part in read.left_out],
        "related": case.related,
        "receipt": _no_receipt(runtime, read.report.reporter.email),
    }
    return NewEvent(
        case_id=case.case_id,
        at=at,
        kind="case.received",
        actor_id=actor.id,
        actor_name=actor.name,
        policy_version=runtime.pack.version,
        to_status=Status.RECEIVED.value,
        data={key: value for key, value in data.items() if value},
    )

"""Duplicates: the same bytes again, or another report of items that an open case has.

Equal keys join by themselves; anything less certain is for a person. A join counts the
reporter, adds what is new to the case's indicators, and may raise its priority.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import insert
from sqlalchemy.orm import Session

from casework.facts import Actor
from casework.vocabulary import CHILD_BANDS, ReportState
from db.queries.cases import case_by_id, open_cases_by_key
from db.queries.reports import report_by_id
from db.tables import Letter
from tasks.holding_pen import hold_parts
from tasks.intake_reading import ReadReport
from tasks.intake_results import Stored, TakenIn
from tasks.intake_writing import NewCase, letter_row, may_write_to, write_party
from tasks.prioritization import reassess
from tasks.record import note
from tasks.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Join:
    """A report of items that a case has already. ``partly``: the report opened a case for its other items."""

    stored: Stored
    read: ReadReport
    target: int | NewCase
    partly: bool


def sort_out(session: Session, readable: Sequence[tuple[Stored, ReadReport]]) -> tuple[list[NewCase], list[Join]]:
    """Which reports open a case, and which join one that is open or was opened earlier in this batch.

    A report with some known items and some new ones opens a case for the new ones only:
    one item, one notice.
    """
    keys = list({item.link.key for _, read in readable for item in read.items})
    owner: dict[str, int | NewCase] = dict(open_cases_by_key(session, keys))
    new: list[NewCase] = []
    joins: list[Join] = []
    for stored, read in readable:
        fresh = tuple(item for item in read.items if item.link.key not in owner)
        known = [owner[item.link.key] for item in read.items if item.link.key in owner]
        targets = {id(target) if isinstance(target, NewCase) else target: target for target in known}
        joins += [Join(stored, read, target, bool(fresh)) for target in targets.values()]
        if fresh:
            case = NewCase(stored, replace(read, items=fresh), related=len(targets))
            owner.update({item.link.key: case for item in fresh})
            new.append(case)
    return new, joins


def join_case(session: Session, runtime: Runtime, join: Join, actor: Actor, at: datetime) -> TakenIn:
    """Add a report to the case that has its items."""
    case_id = join.target.case_id if isinstance(join.target, NewCase) else join.target
    case = case_by_id(session, case_id)
    report = report_by_id(session, join.stored.id)
    assert report is not None, "stored in the transaction before"
    case.reporters += 1
    case.indicators = sorted({*case.indicators, *join.read.report.indicators})
    if join.read.report.age_band in CHILD_BANDS and case.age_band not in CHILD_BANDS:
        # One reporter who knows of a child is enough.
        case.age_band = join.read.report.age_band.value
    case.reporter_is_child = case.reporter_is_child or join.read.report.reporter.is_child
    if not join.partly and report.case_id is None:
        report.state, report.reason = ReportState.DUPLICATE, "same_items"
        report.case_id, report.read_at = case_id, at
        hold_parts(session, runtime, report.id, report.source, join.read.left_out, at)
        _receipt(session, runtime, case_id, report.id, join.read, at)
    session.flush()
    note(session, runtime, case, "report.joined", actor, at, data={"report": report.id, "reporters": case.reporters})
    reassess(session, runtime, case, at)
    return TakenIn.of(
        join.stored,
        ReportState.DUPLICATE,
        case_number=case.number,
        priority=case.priority,
        reason="same_items",
        message=f"the same items as {case.number}",
    )


def _receipt(session: Session, runtime: Runtime, case_id: int, report_id: int, read: ReadReport, at: datetime) -> None:
    party = write_party(session, runtime, case_id, report_id, read)
    if party is not None and may_write_to(runtime, read.report.reporter.email):
        row = letter_row(runtime, case_id, read, "receipt", party, at, str(report_id))
        session.execute(insert(Letter), [row])


def join_same_bytes(session: Session, stored: Stored, first_id: int, at: datetime) -> TakenIn:
    """The same bytes were handed in before: counted, linked, and nothing else happens."""
    first = report_by_id(session, first_id)
    again = report_by_id(session, stored.id)
    assert first is not None, "stored earlier"
    assert again is not None, "stored in the transaction before"
    again.state, again.reason = ReportState.DUPLICATE, "same_bytes"
    again.duplicate_of, again.case_id, again.read_at = first_id, first.case_id, at
    number = case_by_id(session, first.case_id).number if first.case_id is not None else None
    return TakenIn.of(
        stored,
        ReportState.DUPLICATE,
        case_number=number,
        reason="same_bytes",
        message=f"exactly the same report as number {first_id}",
    )

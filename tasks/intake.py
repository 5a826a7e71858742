"""Reports in: stored first, then read; each becomes a case, a duplicate or a held report.

Two transactions a batch. After the first nothing can be lost: what a crash leaves stored
but unread is read by the next intake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice

from sqlalchemy import update
from sqlalchemy.orm import Session

from casework.errors import NotAllowed, QorganError, ReportRefused
from casework.facts import SYSTEM, Actor
from casework.payload import sha256
from casework.report_formats import RawReport
from casework.vocabulary import HoldReason, ReportState, Role
from db.queries.cases import case_by_id
from db.queries.events import NewEvent, append_events, hold_chain
from db.queries.reports import (
    held_item_by_id,
    report_by_id,
    reports_not_read,
    reports_read,
    reports_with_digests,
)
from db.queries.rows import insert_numbered
from db.tables import Report
from tasks.holding_pen import hold_parts, hold_report, settle
from tasks.intake_joining import join_case, join_same_bytes, sort_out
from tasks.intake_reading import ReadReport, read_raw
from tasks.intake_results import Found, Stored, TakenIn
from tasks.intake_writing import write_cases
from tasks.logs import logger
from tasks.runtime import Runtime

BATCH = 500
"""Reports a transaction: large enough to be fast, small enough to let others write in between."""

RAW = "report"
"""Purpose that binds a sealed raw report to its table."""

log = logger("intake")


def take_in(
    runtime: Runtime, reports: Iterable[RawReport], actor: Actor | str, *, dry_run: bool = False
) -> list[TakenIn]:
    """Store and read reports; one result each, in order. ``dry_run`` does everything and writes nothing.

    Raises NotAllowed for somebody who may not take reports in; nothing else.
    """
    if not dry_run:
        return [result for batch in take_in_batches(runtime, reports, actor) for result in batch]
    who = _taker(runtime, actor)
    results: list[TakenIn] = []
    with runtime.sessions.write() as session, session.begin() as whole:
        for batch in _batches(reports):
            stored = _store(session, runtime, batch, who, runtime.now())
            results += _read(session, runtime, stored, who, runtime.now())
        whole.rollback()
    return results


def take_in_batches(runtime: Runtime, reports: Iterable[RawReport], actor: Actor | str) -> Iterator[list[TakenIn]]:
    """The same, batch by batch, each committed before it is handed out: danger found in it can be acted on."""
    who = _taker(runtime, actor)
    for batch in _batches(reports):
        with runtime.sessions.write.begin() as session:
            stored = _store(session, runtime, batch, who, runtime.now())
        with runtime.sessions.write.begin() as session:
            results = _read(session, runtime, stored, who, runtime.now())
        log.info("reports taken in", count=len(results), held=sum(r.state is ReportState.HELD for r in results))
        yield results


def _taker(runtime: Runtime, actor: Actor | str) -> Actor:
    who = actor if isinstance(actor, Actor) else runtime.users.actor(actor)
    if not who.has(Role.SPECIALIST, Role.SYSTEM):
        raise NotAllowed(f"taking reports in needs the role specialist; {who.id} lacks it")
    return who


def read_stored(runtime: Runtime) -> list[TakenIn]:
    """Read what an earlier intake stored and did not get to read."""
    results: list[TakenIn] = []
    while True:
        with runtime.sessions.write.begin() as session:
            waiting = reports_not_read(session, BATCH)
            if not waiting:
                return results
            by: dict[str, list[Stored]] = {}
            for row in waiting:
                by.setdefault(row.taken_in_by, []).append(unsealed(runtime, row))
            for person, stored in by.items():
                who = SYSTEM if person == SYSTEM.id else runtime.users.actor(person)
                results += _read(session, runtime, stored, who, runtime.now())


def replay(runtime: Runtime, held_id: int, actor_id: str) -> TakenIn:
    """Read a held report again under today's rules.

    Readable now: it becomes a case or a duplicate, and what was held is settled. Otherwise it
    stays held, with the reason of today. Raises NotAllowed, or QorganError for what is no whole report.
    """
    actor = _taker(runtime, actor_id)
    with runtime.sessions.write.begin() as session:
        held = held_item_by_id(session, held_id)
        if held is None or held.state != "held" or held.report_id is None or held.part != "report":
            raise QorganError(
                f"no whole report is held as number {held_id}",
                rule="held.no_report",
                next_step="See 'qorgan held list'; a part or an answer is settled, not read again.",
            )
        row = report_by_id(session, held.report_id)
        assert row is not None, "a foreign key holds it"
        stored, at = unsealed(runtime, row), runtime.now()
        try:
            read_raw(stored.raw, at, runtime.pack.at(at))
        except ReportRefused as refusal:
            held.reason, held.message, held.next_step = refusal.reason, refusal.message, refusal.next_step
            row.reason = refusal.reason
            again = NewEvent(
                None, at, "hold.replayed", actor.id, actor.name, runtime.pack.version,
                data={"held": held.id, "report": row.id, "reason": refusal.reason},
            )  # fmt: skip
            append_events(session, [again])
            return TakenIn.of(stored, ReportState.HELD, reason=refusal.reason, message=refusal.message)
        row.state, row.reason = ReportState.STORED, ""
        session.flush()
        # Whoever took it in first stays the intake person, who may not decide the case.
        result = _read(session, runtime, [stored], runtime.users.by_id.get(row.taken_in_by, actor), at)[0]
        session.refresh(row)
        session.execute(
            update(Report)
            .where(Report.duplicate_of == row.id, Report.case_id.is_(None))
            .values(case_id=row.case_id)
            .execution_options(synchronize_session=False)
        )
        settle(session, runtime, held.id, actor, f"Read again: {result.state}", at)
        return result


def unsealed(runtime: Runtime, row: Report) -> Stored:
    """A stored report with its bytes opened again."""
    header = tuple(row.header.split(",")) if row.header else ()
    raw = RawReport(row.source, row.row, row.format, runtime.vault.open(row.raw_sealed, RAW), header)
    return Stored(row.id, raw, row.raw_sha256, row.received_at)


def _batches(reports: Iterable[RawReport]) -> Iterator[list[RawReport]]:
    rest = iter(reports)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _store(session: Session, runtime: Runtime, batch: Sequence[RawReport], actor: Actor, at: datetime) -> list[Stored]:
    """The raw bytes, sealed, before anything in them is looked at."""
    digests = [sha256(raw.raw) for raw in batch]
    rows = [
        {
            "authority": runtime.pack.authority.id,
            "source": raw.source[-255:],
            "row": raw.row,
            "format": raw.format,
            "header": ",".join(raw.header),
            "raw_sealed": runtime.vault.seal(raw.raw, RAW),
            "raw_sha256": digest,
            "raw_bytes": len(raw.raw),
            "received_at": at,
            "taken_in_by": actor.id,
            "state": ReportState.STORED.value,
            "reason": "",
        }
        for raw, digest in zip(batch, digests, strict=True)
    ]
    ids = insert_numbered(session, Report, Report.id, rows)
    return [Stored(id_, raw, digest, at) for id_, raw, digest in zip(ids, batch, digests, strict=True)]


def _read(session: Session, runtime: Runtime, stored: Sequence[Stored], actor: Actor, at: datetime) -> list[TakenIn]:
    """Read a batch: new cases wholesale, then joins and holds one by one."""
    seen_before = reports_with_digests(session, [report.digest for report in stored])
    results: dict[int, TakenIn] = {}
    readable: list[tuple[Stored, ReadReport]] = []
    refused: list[tuple[Stored, ReportRefused]] = []
    repeated: list[Stored] = []
    for report in stored:
        if seen_before[report.digest] != report.id:
            repeated.append(report)
            continue
        try:
            readable.append((report, read_raw(report.raw, at, runtime.pack.at(at))))
        except Exception as error:
            refused.append((report, error if isinstance(error, ReportRefused) else _unexpected(report, error)))
    # From here on nobody else writes: two intakes of the same items must not both find them new,
    # and a report that another intake has read meanwhile is left as that one made it.
    hold_chain(session)
    read_already = reports_read(session, [report.id for report in stored])
    if read_already:
        results = {report.id: _as_it_is(session, report) for report in stored if report.id in read_already}
        readable = [pair for pair in readable if pair[0].id not in read_already]
        refused = [pair for pair in refused if pair[0].id not in read_already]
        repeated = [report for report in repeated if report.id not in read_already]
    for report, refusal in refused:
        hold_report(session, runtime, report.id, report.raw.source, refusal, at)
        results[report.id] = TakenIn.of(report, ReportState.HELD, reason=refusal.reason, message=refusal.message)
    new, joins = sort_out(session, readable)
    write_cases(session, runtime, new, actor, at)
    if new:
        session.execute(
            update(Report),
            [
                {"id": case.stored.id, "state": ReportState.CASE.value, "case_id": case.case_id, "read_at": at}
                for case in new
            ],
        )
    for case in new:
        hold_parts(session, runtime, case.stored.id, case.stored.raw.source, case.read.left_out, at)
        results[case.stored.id] = TakenIn.of(
            case.stored,
            ReportState.CASE,
            case_number=case.number,
            priority=case.read.assessment.priority.value,
            message="; ".join(part.message for part in case.read.left_out),
            found=Found(
                items=len(case.read.items),
                category=case.read.category.code,
                language=case.read.language,
                authority=case.read.issuing_authority,
                legal_basis=case.read.report.legal_basis,
                missing=case.missing,
            ),
        )
    for join in joins:
        joined = join_case(session, runtime, join, actor, at)
        results.setdefault(join.stored.id, joined)
    for report in repeated:
        results[report.id] = join_same_bytes(session, report, seen_before[report.digest], at)
    return [results[report.id] for report in stored]


def _as_it_is(session: Session, stored: Stored) -> TakenIn:
    """What another intake made of a report."""
    row = report_by_id(session, stored.id)
    assert row is not None, "stored in the transaction before"
    number = case_by_id(session, row.case_id).number if row.case_id is not None else None
    return TakenIn.of(stored, ReportState(row.state), case_number=number, reason=row.reason)


def _unexpected(report: Stored, error: Exception) -> ReportRefused:
    """A fault of ours must not stop the other reports: this one is held, and the log says what failed."""
    log.error("report not read", report=report.id, error=type(error).__name__)
    return ReportRefused(
        HoldReason.MALFORMED,
        f"the report could not be read: {type(error).__name__}",
        next_step="Tell the operators; replay it when the reader is mended.",
    )

"""Erase what the policy pack no longer keeps: class by class, one case a transaction, a tombstone for every row.

1. What is due is counted first. More than CONFIRM_ABOVE waits for a person's word, and nothing is erased meanwhile.
2. Each case is looked at again inside its own transaction, which holds the event log: a legal hold that was placed
   in between is seen. Event, tombstones and erasure commit together, or none.
3. What a crash leaves is found by the next run: what was erased has its tombstone, and the rest is still due.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.orm import Session

from casework.errors import NotAllowed, QorganError
from casework.facts import SYSTEM
from casework.policy_people import RetentionRule
from casework.retention import RECORDS, Standing, ended, kept_at_least, kept_because, rule_due, rule_text
from casework.vocabulary import Role, Status
from db.queries.cases import case_by_id
from db.queries.retention import (
    cases_to_erase,
    cases_together,
    empty_the_log,
    ended_at,
    erased_since,
    run_under_way,
    still_open,
)
from db.queries.retention_loose import Candidate, loose_held, loose_letters, loose_mails, loose_reports
from db.tables import CaseFile, Erasure, ErasureRun
from tasks.logs import logger
from tasks.record import note, transaction
from tasks.retention_erasing import (
    Plan,
    digest_of,
    plan_case,
    plan_held,
    plan_letters,
    plan_mails,
    plan_reports,
    write_tombstones,
)
from tasks.runtime import Runtime
from tasks.vault import Vault

LIMIT = 1_000
"""Cases, and single records of each kind, that one run erases from at most."""

CONFIRM_ABOVE = 100
"""A run that would erase from more than so many waits until a person has confirmed it."""

EVERYTHING = 10**9
PAGE = 200
WAITING, RUNNING, DONE = "waiting", "running", "done"

log = logger("retention")


@dataclass(frozen=True, slots=True)
class Due:
    """One case, or a page of single records, of which something may go, and under which rules."""

    case_id: int | None
    number: str
    rules: dict[str, RetentionRule]
    loose: str = ""
    ids: tuple[int, ...] = ()

    @property
    def size(self) -> int:
        return len(self.ids) or 1


@dataclass(slots=True)
class Outcome:
    """What a run did, or would do. ``kept`` says by case what keeps it though a period is over."""

    due: int = 0
    erased: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    kept: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    run: int | None = None
    waits: bool = False


@dataclass(frozen=True, slots=True)
class _Loose:
    """One kind of records without a case: its class, who may go, and how."""

    record: str
    candidates: Callable[[Session, int, int], list[Candidate]]
    plan: Callable[[Session, Vault, tuple[int, ...]], Plan]


_LOOSE = {
    "reports": _Loose("raw_report", loose_reports, plan_reports),
    "held items": _Loose("raw_report", loose_held, plan_held),
    "letters": _Loose("letter", loose_letters, plan_letters),
    "mails": _Loose("letter", loose_mails, plan_mails),
}


def preview(runtime: Runtime, *, limit: int = LIMIT) -> Outcome:
    """What a run would erase now. Writes nothing."""
    now, found = runtime.now(), Outcome()
    with runtime.sessions.read() as session:
        for due in _all_due(session, runtime, now, limit, found.kept):
            found.due += due.size
            for record in due.rules:
                for plan in _plans(session, runtime, due, record):
                    found.rows.update(gone.table for gone in plan.gone)
        under_way = run_under_way(session)
    found.run = under_way.id if under_way else None
    found.waits = _must_wait(under_way, found.due)
    return found


def erase_due(
    runtime: Runtime, *, limit: int = LIMIT, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> Outcome:
    """Erase what is due, at most from ``limit``; a later run goes on. ``progress`` is told how many of how many.

    One case that fails never stops the others: it is named in ``failed`` and stays due.
    """
    now, found = runtime.now(), Outcome()
    with runtime.sessions.read() as session:
        todo = list(_all_due(session, runtime, now, limit, found.kept))
        found.due = many = sum(due.size for due in todo)
        run = run_under_way(session)
        if many >= limit and (run is None or run.state == WAITING):
            # A person confirms the whole of it, not piece by piece.
            found.due = sum(due.size for due in _all_due(session, runtime, now, EVERYTHING, {}))
    run_id, left, found.waits = _open_run(runtime, found.due, now)
    found.run = run_id
    if run_id is None or found.waits:
        return found
    for due in todo:
        if due.size > left - found.erased:
            continue
        try:
            rows = _erase(runtime, due, run_id)
        except Exception as error:
            log.error("not erased", case=due.number, error=type(error).__name__)
            found.failed.append(due.number)
            continue
        if rows is not None:
            found.rows.update(rows)
            found.erased += due.size
        progress(found.erased, many)
    _close_run(runtime, run_id, found, more=many >= limit)
    empty_the_log(runtime.engine)
    log.info("records erased", run=run_id, cases=found.erased, rows=found.rows.total(), failed=len(found.failed))
    return found


def confirm(runtime: Runtime, actor_id: str, reason: str) -> int:
    """A person's word that the run that waits may erase; from how many. The next run begins.

    Raises NotAllowed, or QorganError when none waits or no reason is given.
    """
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.HEAD_OF_UNIT):
        raise NotAllowed(f"{actor.id} may not confirm an erasure", next_step="The head of the unit does.")
    if len(reason.strip()) < 5:
        raise QorganError("an erasure needs a reason", rule="retention.reason_missing", next_step="Give --reason.")
    with transaction(runtime) as session:
        run = run_under_way(session)
        if run is None or run.state != WAITING:
            raise QorganError(
                "no erasure waits for a confirmation",
                rule="retention.nothing_waits",
                next_step="See 'qorgan retention run --dry-run'.",
            )
        at = runtime.now()
        run.state, run.confirmed_by, run.confirmed_at = RUNNING, actor.id, at
        data = {"run": run.id, "due": run.due}
        note(session, runtime, None, "retention.confirmed", actor, at, reason=reason, data=data)
        return run.due


def _must_wait(run: ErasureRun | None, due: int) -> bool:
    return due > CONFIRM_ABOVE and (run is None or run.state == WAITING)


def _open_run(runtime: Runtime, due: int, now: datetime) -> tuple[int | None, int, bool]:
    """The run to go on with, from how many it may still erase, and whether it waits for a person."""
    with transaction(runtime) as session:
        run = run_under_way(session)
        if run is None:
            if not due:
                return None, 0, False
            run = ErasureRun(begun_at=now, state=WAITING, due=due, erased=0)
            session.add(run)
        if run.state == WAITING:
            run.due = due
            run.state = WAITING if _must_wait(run, due) else RUNNING
        session.flush()
        return run.id, run.due - run.erased, run.state == WAITING


def _close_run(runtime: Runtime, run_id: int, found: Outcome, *, more: bool) -> None:
    """A run is done when it erased all it may, or nothing more was due."""
    with transaction(runtime) as session:
        run = session.get_one(ErasureRun, run_id)
        if run.erased >= run.due or not (more or found.failed):
            run.state, run.done_at = DONE, runtime.now()


def _all_due(session: Session, runtime: Runtime, now: datetime, limit: int, kept: dict[str, str]) -> Iterator[Due]:
    """What may go now, at most ``limit`` cases and ``limit`` single records of each kind."""
    yield from _cases_due(session, runtime, now, limit, kept)
    for name, kind in _LOOSE.items():
        yield from _loose_due(session, runtime, now, limit, name, kind)


def _cases_due(session: Session, runtime: Runtime, now: datetime, limit: int, kept: dict[str, str]) -> Iterator[Due]:
    before: dict[str, datetime] = {}
    for rule in runtime.pack.at(now).retention.rules:
        before[rule.record] = min(now - kept_at_least(rule), before.get(rule.record, now))
    after, count = 0, 0
    while before and count < limit:
        page = cases_to_erase(session, before, after, PAGE)
        if not page:
            return
        after = page[-1]
        for case_id in page:
            due = _case_due(session, runtime, case_by_id(session, case_id), now, kept)
            if due is not None and count < limit:
                count += 1
                yield due
        session.expire_all()


def _case_due(session: Session, runtime: Runtime, case: CaseFile, now: datetime, kept: dict[str, str]) -> Due | None:
    """Which classes of a case's records may go now. What is over and still kept is told in ``kept``."""
    together = [_standing(session, other) for other in cases_together(session, case.id)]
    since = ended(together)
    pack = runtime.pack.at(now)
    erased = erased_since(session, case.id, ended_at(session, case.id))
    found = {
        record: rule_due(pack.retention.rules, record, since, now, pack.working_calendar())
        for record in RECORDS
        if record not in erased
    }
    rules = {record: rule for record, rule in found.items() if rule is not None}
    if not rules:
        return None
    because = kept_because(together)
    if because is not None:
        kept[case.number] = because
        return None
    return Due(case.id, case.number, rules)


def _standing(session: Session, case_id: int) -> Standing:
    case = case_by_id(session, case_id)
    counts = still_open(session, case_id)
    return Standing(case.number, Status(case.status), ended_at(session, case_id), **counts)


def _loose_due(session: Session, runtime: Runtime, now: datetime, limit: int, name: str, kind: _Loose) -> Iterator[Due]:
    """Single records whose period is over, oldest first: a page without any is the last that is looked at."""
    pack = runtime.pack.at(now)
    after, count = 0, 0
    while count < limit and (page := kind.candidates(session, after, min(PAGE, limit - count))):
        after = page[-1][0]
        found = {
            row_id: rule_due(pack.retention.rules, kind.record, since, now, pack.working_calendar())
            for row_id, since in page
        }
        over = {row_id: rule for row_id, rule in found.items() if rule is not None}
        if not over:
            return
        count += len(over)
        yield Due(None, name, {kind.record: next(iter(over.values()))}, name, tuple(over))


def _plans(session: Session, runtime: Runtime, due: Due, record: str) -> list[Plan]:
    if due.case_id is not None:
        return plan_case(session, runtime.vault, record, due.case_id)
    return [_LOOSE[due.loose].plan(session, runtime.vault, due.ids)]


def _still_loose(session: Session, due: Due) -> Due | None:
    """Those of a page of single records that may still go: a hold may have come in between."""
    free = {row_id for row_id, _ in _LOOSE[due.loose].candidates(session, due.ids[0] - 1, PAGE)}
    ids = tuple(row_id for row_id in due.ids if row_id in free)
    return replace(due, ids=ids) if ids else None


def _erase(runtime: Runtime, due: Due, run_id: int) -> Counter[str] | None:
    """Erase from one case, or one page, in a transaction of its own; None when it is due no longer."""
    with transaction(runtime) as session:
        now = runtime.now()
        case = None if due.case_id is None else case_by_id(session, due.case_id)
        again = _still_loose(session, due) if case is None else _case_due(session, runtime, case, now, {})
        if again is None:
            return None
        planned = {record: _plans(session, runtime, again, record) for record in again.rules}
        gone = {record: [row for plan in plans for row in plan.gone] for record, plans in planned.items()}
        told = {record: [len(rows), digest_of(rows)] for record, rows in gone.items()}
        data = {"run": run_id, "erased": told}
        seq = note(session, runtime, case, "records.erased", SYSTEM, now, data=data)
        version = runtime.pack.version
        for record, rule in again.rules.items():
            erasure = Erasure(
                run_id=run_id, case_id=again.case_id, record=record, rule=rule_text(rule), policy_version=version,
                rows=len(gone[record]), erased_at=now, event_seq=seq,
            )  # fmt: skip
            session.add(erasure)
            session.flush()
            write_tombstones(session, erasure.id, again.case_id, gone[record])
            for plan in planned[record]:
                plan.do(session)
        session.get_one(ErasureRun, run_id).erased += due.size
        return Counter(row.table for rows in gone.values() for row in rows)

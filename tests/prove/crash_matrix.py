"""The crash matrix: a process dies at every point of every step of every way, and the next one finds everything.

For each way the points are counted by an undisturbed run. Then, for each point: everything is put back to before the
step, a process does the step and is killed there, time passes, and another process does that step and all that follow.
At the end the case file must be sound, the platform and the mailboxes must have everything once, and the case must
have come to the same end as undisturbed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from casework.vocabulary import ReportState
from db.queries.cases import count_by
from db.tables import CaseFile, Escalation, Letter, Report, Submission
from desk.seen_outside import seen_outside
from tasks.invariants import invariants
from tasks.reconcile import reconcile
from tasks.runtime import Runtime
from tests.children import in_child
from tests.prove.lab import Lab, Snapshot
from tests.prove.points import Points
from tests.prove.ways import WAYS, Office, Step
from tests.stories import MovableClock

LEASES_RUN_OUT = timedelta(minutes=11)
"""Longer than any lease: whatever the dead process held is free."""


@dataclass
class Tried:
    """One row of the table: how often a process died at one kind of point of one step."""

    way: str
    step: str
    point: str
    database: str
    tried: int = 0
    recovered: int = 0
    broken: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """One point: the step, the position in it, and what is there."""

    step: int
    position: int
    point: str


@dataclass
class Matrix:
    """All that was tried on one database."""

    rows: dict[tuple[str, str, str, str], Tried] = field(default_factory=dict)

    def row(self, way: str, step: str, point: str, database: str) -> Tried:
        key = (way, step, point, database)
        return self.rows.setdefault(key, Tried(*key))

    @property
    def tried(self) -> int:
        return sum(row.tried for row in self.rows.values())

    @property
    def broken(self) -> list[str]:
        return [f"{row.way}, {row.step}, {row.point}, {row.database}: {said}"
                for row in self.rows.values() for said in row.broken]  # fmt: skip


def all_ways(runtime: Runtime, names: Iterable[str] = WAYS) -> None:
    """Every way once, or these, one after the other, undisturbed: to warm a laboratory up."""
    clock = runtime.now
    assert isinstance(clock, MovableClock)
    office = Office(runtime, clock)
    for steps in (WAYS[name] for name in names):
        with runtime.sessions.read() as session:
            office.case = f"KZ-2026-{sum(count_by(session, 'authority').values()) + 1:06d}"
        for step in steps:
            step.do(office)
    reconcile(runtime)
    invariants(runtime)


def run(lab: Lab, way: str, *, every: int = 1, seen: Callable[[int, int], None] = lambda _done, _all: None) -> Matrix:
    """One way on one database, at every point or every n-th. ``seen`` hears how many points are done, of how many."""
    lab.begin_anew()
    steps, matrix = WAYS[way], Matrix()
    snapshots, points, end = _undisturbed(lab, steps)
    chosen = points[::every]
    for number, place in enumerate(chosen, start=1):
        row = matrix.row(way, steps[place.step].name, place.point, lab.name)
        row.tried += 1
        try:
            broken = _die_and_go_on(lab, steps, place, snapshots[place.step], end)
        except AssertionError as error:
            broken = [str(error)[-2_000:]]
        row.broken += broken
        row.recovered += not broken
        seen(number, len(chosen))
    for snapshot in snapshots:
        lab.forget(snapshot)
    return matrix


def _undisturbed(lab: Lab, steps: Sequence[Step]) -> tuple[list[Snapshot], list[Place], Any]:
    """Count the points of each step, and keep everything as it was before each."""
    snapshots: list[Snapshot] = []
    places: list[Place] = []
    for number, step in enumerate(steps):
        snapshots.append(lab.take_snapshot())
        ended = in_child(partial(_do, lab, [step], Points()))
        reached = [] if step.outside else ended.said["reached"]
        lab.clock.at = lab.clock.at.fromisoformat(ended.said["at"])
        places += [Place(number, position, point) for position, point in enumerate(reached, start=1)]
    end = in_child(lambda: _conclude(lab)).said
    assert end["broken"] == [], f"undisturbed: {end['broken']}"
    return snapshots, places, end


def _do(lab: Lab, steps: Sequence[Step], points: Points) -> dict[str, Any]:
    runtime = lab.runtime()
    points.watch(runtime)
    office = Office(runtime, lab.clock)
    for step in steps:
        step.do(office)
    return {"reached": points.reached, "at": lab.clock.at.isoformat()}


def _die_and_go_on(lab: Lab, steps: Sequence[Step], place: Place, before: Snapshot, end: Any) -> list[str]:
    lab.put_back(before)
    ended = in_child(lambda: _do(lab, [steps[place.step]], Points(die_at=place.position)))
    assert ended.killed, f"it was to die at point {place.position}, and came to its end"
    lab.wait_until_quiet()
    found = in_child(lambda: _go_on(lab, steps[place.step :])).said
    broken: list[str] = list(found["broken"])
    if found["end"] != end["end"]:
        broken.append(f"another end: {found['end']} instead of {end['end']}")
    return broken


def _go_on(lab: Lab, steps: Sequence[Step]) -> dict[str, Any]:
    """The next process: once the leases have run out, repair what can be repaired, and everything from that step on."""
    runtime = lab.runtime()
    office = Office(runtime, lab.clock)
    office.time_passes(LEASES_RUN_OUT)
    reconcile(runtime)
    for step in steps:
        step.do(office)
    return _conclude(lab)


def _conclude(lab: Lab) -> dict[str, Any]:
    """Let everything settle; what is broken, and what it all came to."""
    runtime = lab.runtime()
    office = Office(runtime, lab.clock)
    for _round in range(3):
        office.time_passes(LEASES_RUN_OUT)
        office.look_after_unknown_letters()
        office.collect()
        office.drive()
        office.letters()
    checks = [*invariants(runtime), *seen_outside(runtime, lab.mailbox)]
    end = _end(runtime)
    return {"broken": [f"{check.name}: {check.detail}" for check in checks if not check.holds], "end": end}


def _reports(session: Session) -> Iterator[tuple[int, str]]:
    """Row and state of each report. A file that is read again after a crash makes duplicates by its bytes, and no
    second case: as it is promised in tasks/inbox.py, these are no other end. Anything else than a duplicate is."""
    rows = session.execute(select(Report.row, Report.raw_sha256, Report.state).order_by(Report.id)).tuples()
    seen: set[tuple[int, str]] = set()
    for row, digest, state in rows:
        if (row, digest) not in seen or state != ReportState.DUPLICATE:
            yield row, state
        seen.add((row, digest))


def _end(runtime: Runtime) -> dict[str, list[str]]:
    """What it all came to, without times and numbers that may differ."""
    with runtime.sessions.read() as session:
        cases = session.execute(select(CaseFile.number, CaseFile.status, CaseFile.disposition))
        notices = session.execute(select(Submission.number, Submission.kind, Submission.state))
        letters = session.execute(select(Letter.kind, Letter.recipient, Letter.state))
        rungs = session.execute(select(Escalation.ladder, Escalation.rung, Escalation.acknowledged_via))
        reports = _reports(session)
        told: dict[str, Iterable[Sequence[Any]]] = {
            "cases": cases, "notices": notices, "letters": letters, "rungs": rungs, "reports": reports,
        }  # fmt: skip
        return {what: sorted(" ".join(map(str, row)) for row in rows) for what, rows in told.items()}

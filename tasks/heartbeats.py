"""When each scheduled job last succeeded, and which of them are late. Known without Prefect: it may be what is dead."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import yaml
from sqlalchemy.orm import Session

from casework.schedules import late_after
from db.base import JsonDict
from db.queries.clocks import record_success
from db.queries.heartbeats import expect_heartbeats, heartbeats
from tasks.program import note_program
from tasks.record import transaction
from tasks.runtime import Runtime
from tasks.settings import ROOT

DEPLOYMENTS = ROOT / "prefect.yaml"
"""Where the schedules stand."""

_EXPECTED: JsonDict = {"expected": True}
"""The detail of a job that has not run yet: its time is when it was first waited for."""

_STEADY = "steady_since"


@dataclass(frozen=True, slots=True)
class Schedule:
    """One deployment that runs by itself."""

    name: str
    """The deployment's name, and its heartbeat's."""
    cron: str
    timezone: str
    late_after: timedelta
    """Age of the last success from which it is late."""


@dataclass(frozen=True, slots=True)
class Beat:
    """How one schedule stands."""

    schedule: Schedule
    succeeded_at: datetime | None
    """Its last success; None before the first."""
    expected_since: datetime | None
    """What lateness is counted from; None where nobody has waited for it yet."""
    late: bool


@cache
def schedules(path: Path = DEPLOYMENTS) -> list[Schedule]:
    """Every deployment with a schedule, in the order of prefect.yaml; of several schedules the first."""
    deployments = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
    found = []
    for deployment in deployments:
        for line in deployment.get("schedules", [])[:1]:
            cron, zone = line["cron"], line["timezone"]
            found.append(Schedule(deployment["name"], cron, zone, late_after(cron, zone)))
    return found


def beat(runtime: Runtime, name: str, detail: JsonDict) -> None:
    """A job has succeeded: ``name`` is its deployment's, ``detail`` what it counted."""
    with transaction(runtime) as session:
        beat_in(session, name, runtime.now(), detail)


def beat_in(session: Session, name: str, at: datetime, detail: JsonDict) -> None:
    """The same, in the transaction of the work itself. The detail also keeps since when no success was late."""
    last, before = heartbeats(session).get(name, (at, _EXPECTED))
    limit = next((schedule.late_after for schedule in schedules() if schedule.name == name), timedelta(0))
    steady = before.get(_STEADY, at.isoformat()) if at - last <= limit else at.isoformat()
    record_success(session, name, at, {**detail, _STEADY: steady})
    note_program(session, at)


def steady_for(session: Session, name: str, now: datetime) -> timedelta:
    """How long a job has succeeded without a pause. After an outage everything is late at first, and nothing wrong."""
    _, detail = heartbeats(session).get(name, (now, _EXPECTED))
    return now - datetime.fromisoformat(detail.get(_STEADY, now.isoformat()))


def expect(session: Session, now: datetime) -> None:
    """From now on wait for every schedule: one that has never run is late some day too."""
    expect_heartbeats(session, [schedule.name for schedule in schedules()], now, _EXPECTED)


def beats(session: Session, now: datetime) -> list[Beat]:
    """How every schedule stands, the late ones first."""
    known = heartbeats(session)
    found = []
    for schedule in schedules():
        at, detail = known.get(schedule.name, (None, _EXPECTED))
        late = at is not None and now - at > schedule.late_after
        found.append(Beat(schedule, None if detail == _EXPECTED else at, at, late))
    return sorted(found, key=lambda one: not one.late)

"""Put right what a crash, a lost server or a hand on the wrong switch left behind. A second run finds nothing.

The case file is compared with itself and with Prefect: deployments and schedules first, then runs, then the
leases of those runs, then cases that no drive would find, then letters whose sender died. Each repair is an
event, ``reconciled.…``. Without Prefect its part is left out, and the result says so.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from casework.errors import QorganError
from casework.facts import SYSTEM
from db.base import JsonDict
from db.queries.cases import case_by_id
from db.queries.reconcile import (
    LeaseRow,
    cases_forgotten,
    cases_with_notice_forgotten,
    free_lease,
    leases_held,
    letters_left,
    make_ready,
)
from tasks import heartbeats
from tasks.delivery import recover
from tasks.deployments import Difference, Fault, differences, planned
from tasks.logs import logger
from tasks.orchestrator import (
    Orchestrator,
    OrchestratorUnreachable,
    Run,
    heartbeat_every,
    known_address,
    orchestrator,
    runs_at_work_here,
)
from tasks.program import host
from tasks.record import note, transaction
from tasks.runtime import Runtime

NAME = "reconcile"

SILENCE = timedelta(minutes=5)
"""A run that gave no sign of life for so long has no process any more. Many heartbeats: single ones get lost."""

LATE = timedelta(minutes=10)
"""A run that should have begun so long ago, and whose deployment is gone, never will."""

_RUN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DESK = re.compile(r"^desk:(?P<host>.+):(?P<pid>\d+)$")

log = logger("reconcile")


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. ``outside`` mends it in Prefect, ``inside`` in the case file, together with its event.

    ``inside`` gives back whether it was still so.
    """

    what: str
    about: str
    said: str
    """No person, link or letter text: operators read it in Prefect's page."""
    data: JsonDict
    outside: Callable[[], None] | None = None
    inside: Callable[[Session], bool] | None = None
    case_id: int | None = None
    lane: str | None = None


@dataclass(slots=True)
class Reconciled:
    """What was found; ``mended`` says whether it was put right, or only looked at. ``prefect``: asked, or why not."""

    mended: bool
    prefect: str = ""
    found: list[Trouble] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    @property
    def lanes(self) -> set[str]:
        """The lanes in which cases became ready."""
        return {trouble.lane for trouble in self.found if trouble.lane is not None}

    @property
    def counts(self) -> dict[str, int]:
        """How much of each kind was found."""
        return dict(Counter(trouble.what for trouble in self.found))

    def as_dict(self) -> JsonDict:
        return {
            "mended": self.mended,
            "prefect": self.prefect,
            "found": [{"what": one.what, "about": one.about, "said": one.said} for one in self.found],
            "failed": list(self.failed),
        }


def reconcile(runtime: Runtime, *, dry_run: bool = False) -> Reconciled:
    """Find what is wrong and put it right; with ``dry_run`` only find it."""
    result = Reconciled(mended=not dry_run)
    now = runtime.now()
    with _prefect(runtime, result) as prefect:
        gone: set[str] = set()
        if prefect is not None:
            _handle(runtime, result, _deployments(prefect))
            dead = _dead_runs(prefect, now)
            gone = {trouble.about for trouble in dead}
            _handle(runtime, result, dead)
        _handle(runtime, result, _leases(runtime, prefect, gone, now))
    _handle(runtime, result, _cases(runtime, now))
    _letters(runtime, result, now)
    if not dry_run:
        if prefect is not None:
            with transaction(runtime) as session:
                # From now on a schedule that never runs is late as well.
                heartbeats.expect(session, now)
        log.info("reconciled", found=len(result.found), failed=len(result.failed), prefect=result.prefect)
    return result


@contextmanager
def _prefect(runtime: Runtime, result: Reconciled) -> Iterator[Orchestrator | None]:
    """Prefect where it is known and answers; else the result says why its part is left out."""
    address = known_address(runtime.settings.home)
    if address is None:
        result.prefect = "not known: PREFECT_API_URL is not set, and no local server runs here"
        yield None
        return
    try:
        with orchestrator(address) as prefect:
            result.prefect = "asked"
            yield prefect
    except OrchestratorUnreachable as error:
        if result.prefect == "asked":
            raise
        result.prefect = "not reachable: " + error.message
        yield None


def _handle(runtime: Runtime, result: Reconciled, troubles: Sequence[Trouble]) -> None:
    """Mend each by itself: one that cannot be mended is told at the end and keeps no other waiting."""
    for trouble in troubles:
        if not result.mended:
            result.found.append(trouble)
            continue
        try:
            if _mend(runtime, trouble):
                result.found.append(trouble)
        except QorganError as error:
            result.failed.append(f"{error.message}. {error.next_step}".strip())


def _mend(runtime: Runtime, trouble: Trouble) -> bool:
    if trouble.outside is not None:
        trouble.outside()
    with transaction(runtime) as session:
        if trouble.inside is not None and not trouble.inside(session):
            return False
        _note(session, runtime, trouble)
    return True


def _note(session: Session, runtime: Runtime, trouble: Trouble) -> None:
    case = None if trouble.case_id is None else case_by_id(session, trouble.case_id)
    note(session, runtime, case, f"reconciled.{trouble.what}", SYSTEM, runtime.now(), data=trouble.data)


# Deployments and schedules


_SAID = {
    Fault.DEPLOYMENT_MISSING: "was missing",
    Fault.DEPLOYMENT_PAUSED: "was paused",
    Fault.DEPLOYMENT_UNKNOWN: "is not in prefect.yaml and would have gone on running; it is paused",
    Fault.SCHEDULE_MISSING: "lacked its schedule",
    Fault.SCHEDULE_PAUSED: "had its schedule paused",
    Fault.SCHEDULE_DOUBLED: "had a schedule too many",
}


def _deployments(prefect: Orchestrator) -> list[Trouble]:
    """Where the server differs from prefect.yaml."""
    return [_difference(prefect, found) for found in differences(planned(), prefect.deployments())]


def _difference(prefect: Orchestrator, found: Difference) -> Trouble:
    cron = f" ({found.timing.cron})" if found.timing is not None else ""
    return Trouble(
        what=found.fault.value.partition(" ")[0],
        about=found.deployment,
        said=f"The deployment '{found.deployment}' {_SAID[found.fault]}{cron}.",
        data={"deployment": found.deployment, "fault": found.fault.value},
        outside=lambda: prefect.mend(found),
    )


# Runs


def _dead_runs(prefect: Orchestrator, now: datetime) -> list[Trouble]:
    """Runs that nobody will end: their process is gone, or their deployment."""
    known = {deployment.id for deployment in prefect.deployments()}
    late = [run for run in prefect.runs_waiting(now - LATE) if run.deployment_id not in known and not run.inside]
    return [
        *(_run(prefect, run, "zombie", "has no process any more") for run in _zombies(prefect, now)),
        *(_run(prefect, run, "late_run", "belongs to no deployment any more") for run in late),
    ]


def _zombies(prefect: Orchestrator, now: datetime) -> list[Run]:
    every = heartbeat_every()
    if every is None:
        # Without heartbeats nothing tells a long run from a dead one.
        return []
    silence = max(SILENCE, 3 * every)
    here = runs_at_work_here()
    quiet = [run for run in prefect.runs_begun() if now - run.at > silence and run.id not in here]
    alive = prefect.last_sign_of_life([run.id for run in quiet], now - silence, now)
    return [run for run in quiet if run.id not in alive]


def _run(prefect: Orchestrator, run: Run, what: str, why: str) -> Trouble:
    return Trouble(
        what=what,
        about=run.id,
        said=f"The run '{run.name}' of {run.at:%d %b %H:%M} UTC {why}.",
        data={"run": run.id, "state": run.state.lower()},
        outside=lambda: prefect.give_up(run, f"Reconcile: it {why}."),
    )


# Leases and cases


def _leases(runtime: Runtime, prefect: Orchestrator | None, gone: set[str], now: datetime) -> list[Trouble]:
    """Leases whose owner is dead: freed at once, so that no case waits for them to run out."""
    with runtime.sessions.read() as session:
        held = leases_held(session, now)
    dead = {owner: _why_dead(owner, prefect, gone) for owner in {lease.owner for lease in held}}
    return [_lease(lease, why) for lease in held if (why := dead[lease.owner])]


def _lease(lease: LeaseRow, why: str) -> Trouble:
    return Trouble(
        what="lease",
        about=lease.number,
        said=f"{lease.number} was held by a drive that {why}.",
        data={"owner": lease.owner, "until": lease.until.isoformat(), "because": why},
        inside=lambda session: free_lease(session, lease),
        case_id=lease.id,
        lane=lease.lane,
    )


def _why_dead(owner: str, prefect: Orchestrator | None, gone: set[str]) -> str:
    """Why the owner of a lease cannot work any more; '' where it may, or where nobody can tell."""
    desk = _DESK.match(owner)
    if desk is not None:
        return "" if desk["host"] != host() or _runs(int(desk["pid"])) else "has ended"
    named = _RUN_ID.search(owner)
    if named is None or prefect is None or named[0] in runs_at_work_here():
        return ""
    if named[0] in gone:
        return "has no process any more"
    run = prefect.run(named[0])
    if run is None:
        return "Prefect does not know"
    return "has ended" if run.ended else ""


def _runs(pid: int) -> bool:
    """Whether there is such a process here; it may be another's that got the number later, and then we wait."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _cases(runtime: Runtime, now: datetime) -> list[Trouble]:
    """Cases that the system should go on with, and which no drive would ever find."""
    with runtime.sessions.read() as session:
        notices = cases_with_notice_forgotten(session, now)
        others = cases_forgotten(session, now)
    said = (
        ("submission", notices, "had a notice to try again, and nobody would have"),
        ("ready", others, "was ready, and nobody would have driven it"),
    )
    return [
        Trouble(
            what=what,
            about=case.number,
            said=f"{case.number} {why}.",
            data={},
            inside=lambda session, case_id=case.id: make_ready(session, case_id, now),  # type: ignore[misc]
            case_id=case.id,
            lane=case.lane,
        )
        for what, cases, why in said
        for case in cases
    ]


# Letters


def _letters(runtime: Runtime, result: Reconciled, now: datetime) -> None:
    """Letters whose sender died: what becomes of each is decided where it always is."""
    with runtime.sessions.read() as session:
        found = [
            Trouble(
                what="letter", about=f"letter {letter_id}", said=f"Letter {letter_id} lost its sender.",
                data={"letter": letter_id}, case_id=case_id,
            )
            for letter_id, case_id in letters_left(session, now)
        ]  # fmt: skip
    if found and result.mended:
        recovered = {f"letter {letter.id}" for letter in recover(runtime)}
        found = [trouble for trouble in found if trouble.about in recovered]
        with transaction(runtime) as session:
            for trouble in found:
                _note(session, runtime, trouble)
    result.found += found

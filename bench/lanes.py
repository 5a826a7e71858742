"""Seconds from a P0 to its first stage, its first letter and its police referral, while a routine backlog is driven.

The whole local system as ``qorgan up`` starts it: Prefect's server on SQLite, one worker a queue, the practice platform
and the practice mailbox. A P0 comes in two ways: as a file in the inbox, and as a case that a person raises, one that
lies in the backlog and one that a reviewer has. Figures count only while routine cases are still waiting.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import TypeVar

import httpx
from sqlalchemy import select

from bench.child import Tick, serve
from bench.practice import INTAKE, practice_runtime
from bench.report import Figure
from bench.site import routine_report
from casework.report_formats import split_file
from casework.vocabulary import Lane, Priority
from db.queries.cases import case_by_number
from db.queries.events import events_of_case
from db.queries.letters import letters_of_case
from db.tables import CaseFile
from desk.local import (
    PrefectServer,
    Processes,
    ask_prefect,
    deploy,
    plan_prefect,
    start_prefect,
    start_sandbox,
    start_worker,
)
from desk.up import WORKERS
from desk.wake import wake
from tasks.case_lifecycle import advance, ready
from tasks.intake import take_in
from tasks.prioritization import change_priority
from tasks.runtime import Runtime, use
from tasks.settings import ROOT

DUTY = "olzhas"
PATIENCE_SECONDS = 180.0
"""After so long a P0 has been starved, or nothing watches the inbox, and the measurement fails."""


Found = TypeVar("Found")


class Starved(Exception):
    """A P0 did not get its turn, or the backlog was gone before it came."""


@dataclass(frozen=True, slots=True)
class Reached:
    """Seconds from the moment a P0 was there: to its first stage, its first letter, and the police referral.

    A case that a reviewer has is past its stages; there ``stage`` means nothing.
    """

    stage: float
    letter: float
    referral: float


@contextmanager
def whole_system(home: Path) -> Iterator[tuple[Runtime, PrefectServer]]:
    """A running local system in ``home``, and a runtime beside it."""
    shutil.copy(ROOT / "examples" / "users.yaml", home / "users.yaml")
    with Processes(home / "logs") as processes:
        start_sandbox(processes, home, platform_port=0, smtp_port=0)
        runtime = practice_runtime(home, now=lambda: datetime.now(UTC))
        runtime.settings.inbox.mkdir(exist_ok=True)
        server = start_prefect(processes, home, plan_prefect(home, port=0))
        deploy(server)
        for queue, limit in WORKERS.items():
            start_worker(processes, server.env, queue, limit)
        with use(runtime):
            yield runtime, server
        runtime.engine.dispose()


class Backlog:
    """Routine cases that wait to be driven. ``number`` counts reported items: each is reported once."""

    def __init__(self, runtime: Runtime, size: int) -> None:
        self.runtime, self.size, self.numbers = runtime, size, count()
        self.driven = -size
        self.fill()

    def fill(self) -> None:
        """Make it as long again as it was."""
        missing = self.size - ready(self.runtime, Lane.ROUTINE)
        self.driven += missing
        lines = b"\n".join(json.dumps(routine_report(next(self.numbers))).encode() for _ in range(missing))
        take_in(self.runtime, split_file("backlog.jsonl", lines), INTAKE)


_DANGER: dict[str, object] = {
    "category": "suicide_or_self_harm",
    "age_band": "13_17",
    "indicators": ["threat_to_life_of_child"],
}
_FIRST = 1_000_000_000
"""The number of the reported item that comes before all others."""
_CHILD: dict[str, object] = {"category": "cyberbullying_child", "age_band": "13_17"}


def run_now(server: PrefectServer, deployment: str) -> None:
    """Start a deployment, named ``flow/deployment``, as an operator would from the page."""
    with httpx.Client(base_url=server.api_url, timeout=30, trust_env=False) as client:
        found = client.get(f"/deployments/name/{deployment}").raise_for_status().json()
        scheduled: dict[str, object] = {"state": {"type": "SCHEDULED"}}
        path = f"/deployments/{found['id']}/create_flow_run"
        # A server on SQLite that is busy says so, or says nothing; the page, too, is then pressed again.
        while (answer := _answered(client, path, scheduled)) is None:
            time.sleep(1)
        answer.raise_for_status()


def _answered(client: httpx.Client, path: str, body: dict[str, object]) -> httpx.Response | None:
    try:
        return ask_prefect(client, "POST", path, body)
    except httpx.ReadTimeout:
        return None


def backlog_under_way(runtime: Runtime, server: PrefectServer, size: int) -> Backlog:
    """Make a backlog, start its drive, and wait until that is at work."""
    backlog = Backlog(runtime, size)
    run_now(server, "drive-cases/lane-routine")
    _wait(lambda: ready(runtime, Lane.ROUTINE) < size or None)
    return backlog


def inbox_watched(runtime: Runtime) -> None:
    """Wait until a run watches the inbox: the first is made within a minute of the start, and is in no figure."""
    file = _put_into_inbox(runtime, _FIRST, {})
    _wait(lambda: True if not file.exists() else None)


def through_the_inbox(runtime: Runtime, number: int) -> tuple[float, Reached]:
    """Put a P0 into the inbox; seconds until the run that watches it had taken it in, and from there."""
    dropped = datetime.now(UTC)
    _put_into_inbox(runtime, number, _DANGER)
    case = _wait(lambda: _newest(runtime, dropped))
    waited = (case.received_at - dropped).total_seconds()
    return waited, _beside_a_backlog(runtime, reached(runtime, case.number, case.received_at))


def _put_into_inbox(runtime: Runtime, number: int, fields: dict[str, object]) -> Path:
    file = runtime.settings.inbox / f"{number}.jsonl"
    part = file.with_suffix(".jsonl.part")
    part.write_text(json.dumps(routine_report(number, **fields), ensure_ascii=False), encoding="utf-8")
    return part.rename(file)


def raised_in_the_backlog(runtime: Runtime) -> Reached:
    """Raise the last case of the backlog to P0."""
    with runtime.sessions.read() as session:
        last = session.scalars(
            select(CaseFile.number).where(CaseFile.status == "received").order_by(CaseFile.id.desc()).limit(1)
        ).one()
    return _raise(runtime, last)


def raised_under_review(runtime: Runtime, number: int) -> Reached:
    """Raise a child's case that a reviewer has to P0: nothing is left to drive, but the police hear of it."""
    case_number = _take_in(runtime, number, _CHILD)
    advance(runtime, case_number)
    return _raise(runtime, case_number)


def take_in_p0(runtime: Runtime, number: int) -> str:
    """A P0 that nobody drives at once; its case number."""
    return _take_in(runtime, number, _DANGER)


def _take_in(runtime: Runtime, number: int, fields: dict[str, object]) -> str:
    line = json.dumps(routine_report(number, **fields), ensure_ascii=False).encode()
    [result] = take_in(runtime, split_file("child.jsonl", line), INTAKE)
    assert result.case_number is not None, result.message
    return result.case_number


def _raise(runtime: Runtime, number: str) -> Reached:
    at = runtime.now()
    change_priority(runtime, number, Priority.P0, DUTY, "The police say that it is urgent.")
    wake([Lane.CHILD_SAFETY])
    return _beside_a_backlog(runtime, reached(runtime, number, at))


def _newest(runtime: Runtime, since: datetime) -> CaseFile | None:
    with runtime.sessions.read() as session:
        return session.scalars(
            select(CaseFile).where(CaseFile.priority_rank == 0, CaseFile.received_at >= since).limit(1)
        ).one_or_none()


def reached(runtime: Runtime, number: str, since: datetime) -> Reached:
    """Wait until the case has gone as far as it goes and its letters are out."""

    def look() -> Reached | None:
        with runtime.sessions.read() as session:
            case = case_by_number(session, number)
            assert case is not None
            triaged = [event.at for event in events_of_case(session, case.id) if event.kind == "moved.triage"]
            urgent = [letter for letter in letters_of_case(session, case.id) if letter.urgent]
        sent = {letter.kind: letter.sent_at for letter in urgent if letter.sent_at is not None}
        if case.status != "in_legal_review" or "police_referral" not in sent or not triaged:
            return None
        first = min(sent.values())
        return Reached(*((at - since).total_seconds() for at in (triaged[0], first, sent["police_referral"])))

    return _wait(look)


def _beside_a_backlog(runtime: Runtime, found: Reached) -> Reached:
    if not ready(runtime, Lane.ROUTINE):
        raise Starved("the backlog was gone before the P0 was there")
    return found


def _wait(look: Callable[[], Found | None]) -> Found:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        time.sleep(0.1)
    raise Starved(f"what was waited for did not come within {PATIENCE_SECONDS:g} seconds")


def measure(tick: Tick, *, size: int, rounds: int) -> list[Figure]:
    """Let ``rounds`` P0 come each way while a backlog of ``size`` is driven, made as long again before each."""
    waits: list[float] = []
    inbox: list[Reached] = []
    raised: list[Reached] = []
    under_review: list[Reached] = []
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder, whole_system(Path(folder)) as (runtime, server):
        inbox_watched(runtime)
        backlog = backlog_under_way(runtime, server, size)
        begun = time.monotonic()
        for number in range(rounds):
            backlog.fill()
            waited, at_once = through_the_inbox(runtime, next(backlog.numbers))
            waits.append(waited)
            inbox.append(at_once)
            backlog.fill()
            raised.append(raised_in_the_backlog(runtime))
            under_review.append(raised_under_review(runtime, next(backlog.numbers)))
            tick(number + 1, rounds)
        backlog.fill()
        speed = backlog.driven / (time.monotonic() - begun)
    return [
        *_figures("inbox_stage", "P0 of the inbox, taken in to first stage", [one.stage for one in inbox]),
        *_figures("inbox_letter", "P0 of the inbox, taken in to first letter", [one.letter for one in inbox]),
        *_figures("inbox_referral", "P0 of the inbox, taken in to police referral", [one.referral for one in inbox]),
        *_figures("inbox_wait", "P0 in the inbox folder, until a run takes it in", waits),
        *_figures("raised_stage", "raised to P0 in the backlog, to first stage", [one.stage for one in raised]),
        *_figures("raised_letter", "raised to P0 under review, to first letter", [one.letter for one in under_review]),
        *_figures("raised_referral", "raised to P0 under review, to referral", [one.referral for one in under_review]),
        Figure("lanes.routine_per_second", "routine cases driven meanwhile", speed, "/s", size),
    ]


def _figures(name: str, title: str, seconds: Sequence[float]) -> list[Figure]:
    return [
        Figure(f"lanes.{name}_median", f"{title}, median", median(seconds), "s", len(seconds)),
        Figure(f"lanes.{name}_worst", f"{title}, worst", max(seconds), "s", len(seconds)),
    ]


FULL = partial(measure, size=5_000, rounds=5)
QUICK = partial(measure, size=2_000, rounds=2)

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)

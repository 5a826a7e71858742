"""A child in danger is not kept waiting by a backlog: a real server, a worker a queue, cases by the thousand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from sqlalchemy import func, select

from bench import lanes
from casework.vocabulary import Lane, Status
from db.tables import CaseFile
from desk.local import PrefectServer
from tasks.case_lifecycle import ready, status_of
from tasks.runtime import Runtime
from tasks.settings import ROOT

pytestmark = [pytest.mark.server, pytest.mark.prove, pytest.mark.timeout(600)]

BACKLOG = 2_000
STAGE_SECONDS, RAISED_SECONDS = 3.0, 15.0
"""From its commit to the first stage it is a second on a machine of one's own; tests share theirs."""

System = tuple[Runtime, PrefectServer, lanes.Backlog]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """Everything that ``qorgan up`` starts, with a backlog under way."""
    with lanes.whole_system(tmp_path_factory.mktemp("lanes")) as (runtime, server):
        lanes.inbox_watched(runtime)
        yield runtime, server, lanes.backlog_under_way(runtime, server, BACKLOG)


@pytest.fixture
def backlog(system: System) -> lanes.Backlog:
    """As long again as it was: a fast machine drives it in seconds."""
    system[2].fill()
    return system[2]


def test_a_p0_of_the_inbox_is_driven_at_once_while_a_backlog_is_under_way(backlog: lanes.Backlog) -> None:
    _, reached = lanes.through_the_inbox(backlog.runtime, next(backlog.numbers))
    assert reached.stage < STAGE_SECONDS
    assert reached.letter < RAISED_SECONDS
    assert reached.referral < RAISED_SECONDS


def test_a_case_deep_in_the_backlog_that_is_raised_to_p0_is_driven_next(backlog: lanes.Backlog) -> None:
    reached = lanes.raised_in_the_backlog(backlog.runtime)
    assert reached.stage < RAISED_SECONDS
    assert reached.referral < RAISED_SECONDS


def test_police_hear_of_a_case_that_is_raised_while_a_reviewer_has_it(backlog: lanes.Backlog) -> None:
    assert lanes.raised_under_review(backlog.runtime, next(backlog.numbers)).referral < RAISED_SECONDS


def test_the_backlog_goes_on_meanwhile(backlog: lanes.Backlog) -> None:
    runtime = backlog.runtime
    before = ready(runtime, Lane.ROUTINE)
    deadline = time.monotonic() + 30
    while ready(runtime, Lane.ROUTINE) == before and time.monotonic() < deadline:
        time.sleep(0.2)
    assert 0 < ready(runtime, Lane.ROUTINE) < before


def test_a_drive_that_is_cancelled_from_the_page_gives_its_cases_back(system: System, backlog: lanes.Backlog) -> None:
    runtime, server, _ = system
    with httpx.Client(base_url=server.api_url, timeout=30, trust_env=False) as client:
        running = {
            "deployments": {"name": {"any_": ["lane-routine"]}},
            "flow_runs": {"state": {"type": {"any_": ["RUNNING"]}}},
        }
        deadline = time.monotonic() + 90
        while True:
            runs = client.post("/flow_runs/filter", json=running).raise_for_status().json()
            held = [run for run in runs if held_by(runtime, run["id"])]
            if held or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        [run] = held
        cancel = {"state": {"type": "CANCELLING"}, "force": True}
        client.post(f"/flow_runs/{run['id']}/set_state", json=cancel).raise_for_status()
        deadline = time.monotonic() + 60
        while held_by(runtime, run["id"]) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert held_by(runtime, run["id"]) == 0
        assert client.get(f"/flow_runs/{run['id']}").json()["state_type"] in ("CANCELLING", "CANCELLED")


def held_by(runtime: Runtime, run: str) -> int:
    """Cases that a run has claimed, whether or not its lease still runs."""
    with runtime.sessions.read() as session:
        mine = CaseFile.lease_owner == f"drive-cases:{run}"
        return session.scalar(select(func.count()).select_from(CaseFile).where(mine)) or 0


_DRIVE_THAT_LINGERS = """
import time
from tasks.claims import Claims
from tasks.runtime import current

with Claims(current(), "child-safety", "the drive that is killed", 10) as claims:
    print("looks", flush=True)
    while (number := claims.take()) is None:
        time.sleep(0.02)
    print(number, flush=True)
    time.sleep(600)
"""


@pytest.mark.prove
def test_a_p0_whose_drive_is_killed_is_taken_over_within_about_a_minute_and_not_before(system: System) -> None:
    runtime, server, backlog = system
    process = subprocess.Popen(
        [sys.executable, "-c", _DRIVE_THAT_LINGERS], cwd=ROOT, env=dict(server.env), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "looks\n"
        number = lanes.take_in_p0(runtime, next(backlog.numbers))
        assert process.stdout.readline().strip() == number
        time.sleep(75)
        assert status_of(runtime, number) is Status.RECEIVED, "longer than a lease, over a full minute's schedule"
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    killed = datetime.now(UTC)
    reached = lanes.reached(runtime, number, killed)
    assert reached.stage < 75


@pytest.mark.prove
def test_no_p0_of_many_is_starved_under_a_backlog_of_five_thousand() -> None:
    figures = {figure.name: figure.value for figure in lanes.measure(lambda *_: None, size=5_000, rounds=3)}
    assert figures["lanes.inbox_stage_worst"] < STAGE_SECONDS
    assert figures["lanes.raised_stage_worst"] < RAISED_SECONDS
    assert figures["lanes.raised_referral_worst"] < RAISED_SECONDS

"""Prefect's database is lost altogether: a new server, a deploy and a reconcile, and the cases go on."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select, update

from casework.report_formats import split_file
from db.tables import CaseFile, Event
from desk.local import PrefectServer, Processes, deploy, plan_prefect, start_prefect, start_worker
from tasks import case_lifecycle, intake
from tasks.runtime import Runtime
from tasks.settings import Settings
from tests.stories import INTAKE, USERS, close_runtime, make_runtime, report

pytestmark = [pytest.mark.prove, pytest.mark.server, pytest.mark.timeout(900)]

DRIVEN_SECONDS = 240


@pytest.fixture
def runtime(tmp_path: Path, quiet_logs: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runtime]:
    for name in [name for name in os.environ if name.startswith(("PREFECT_", "QORGAN_"))]:
        monkeypatch.delenv(name)
    shutil.copyfile(USERS, tmp_path / "users.yaml")
    built = make_runtime(Settings(home=tmp_path), lambda: datetime.now(UTC))
    yield built
    close_runtime(built)


@contextmanager
def deployed(home: Path) -> Iterator[tuple[Processes, PrefectServer]]:
    """A Prefect server with our deployments; nothing of it runs afterwards."""
    with Processes(home / "logs") as processes:
        server = start_prefect(processes, home, plan_prefect(home))
        deploy(server)
        yield processes, server
    (home / "prefect.json").unlink()


def start_lane(server: PrefectServer, state: str) -> str:
    """A run of the routine lane, as an operator's click or the schedule makes one; its id."""
    ask = httpx.Client(base_url=server.api_url, trust_env=False, timeout=30)
    with ask:
        [lane] = [one for one in ask.post("/deployments/filter", json={}).json() if one["name"] == "lane-routine"]
        made = ask.post(f"/deployments/{lane['id']}/create_flow_run", json={"state": {"type": state}})
        return str(made.raise_for_status().json()["id"])


def take_in(runtime: Runtime, count: int) -> list[str]:
    lines = b"\n".join(json.dumps(report(), ensure_ascii=False).encode() for _ in range(count))
    return [str(one.case_number) for one in intake.take_in(runtime, split_file("reports.jsonl", lines), INTAKE)]


def statuses(runtime: Runtime) -> dict[str, str]:
    with runtime.sessions.read() as session:
        return {case.number: case.status for case in session.scalars(select(CaseFile))}


def events(runtime: Runtime) -> list[str]:
    with runtime.sessions.read() as session:
        return list(session.scalars(select(Event.kind).where(Event.kind.startswith("reconciled."))))


def test_cases_go_on_after_prefects_database_was_lost(runtime: Runtime) -> None:
    home = runtime.settings.home
    with deployed(home) as (_, server):
        numbers = take_in(runtime, 3)
        owner = f"drive-cases:{start_lane(server, 'RUNNING')}"
        assert case_lifecycle.claim(runtime, None, owner, 2) == numbers[:2]
    with runtime.sessions.write.begin() as session:
        # The drive died with its server, and would have held its cases for long.
        later = datetime.now(UTC) + timedelta(hours=6)
        session.execute(update(CaseFile).where(CaseFile.lease_owner == owner).values(lease_until=later))
    assert events(runtime) == []

    shutil.rmtree(home / "prefect")
    with deployed(home) as (processes, server):
        assert events(runtime) == ["reconciled.lease"] * 2, "the deploy has reconciled"
        start_worker(processes, server.env, "routine", 2)
        start_lane(server, "SCHEDULED")
        deadline = time.monotonic() + DRIVEN_SECONDS
        while set(statuses(runtime).values()) != {"in_legal_review"} and time.monotonic() < deadline:
            time.sleep(1)
        assert statuses(runtime) == dict.fromkeys(numbers, "in_legal_review")

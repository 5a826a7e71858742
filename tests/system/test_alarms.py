"""What Prefect notices becomes a letter: real server, real worker, the automations as their files have them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from sqlalchemy import select, text

from db.tables import Letter
from desk.local import PrefectServer, Processes, deploy_queues, plan_prefect, run_prefect, start_prefect, start_worker
from tasks.automations import FOLDER, apply, automation_files, differences
from tasks.orchestrator import orchestrator
from tasks.runtime import Runtime, build
from tasks.settings import Settings
from tests.stories import USERS
from tests.system.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.prove, pytest.mark.timeout(600)]

BROKEN_CLOCK = """
INSERT INTO clock (subject_kind, subject_id, rule_id, policy_version, duty, statutory, source, verified, limit_spec,
                   history, started_at, due_at, thresholds, fired, next_check_at, stop_on, lapse, state, late_detected)
VALUES ('hold', 1, 'broken', 'none', 'authority', 0, '', 0, '{}', '[]', '2026-01-01 00:00:00.000000',
        '2026-01-02 00:00:00.000000', '[["no time", "breach"]]', 0, '2026-01-02 00:00:00.000000', '[]', 0, 'running', 0)
"""
"""A clock that no sweep can handle: the run that meets it does the rest and ends Failed."""


@dataclass
class Installation:
    """A server, a worker for the children's queue, and the deployments that these tests need."""

    server: PrefectServer
    runtime: Runtime
    client: httpx.Client

    def ask(self, path: str, **body: Any) -> Any:
        answer = self.client.post(path, json=body)
        answer.raise_for_status()
        return answer.json()

    def sweep(self) -> dict[str, Any]:
        """Start a sweep as an operator would from the page; the run, once it has ended.

        Not by its schedule: the first scheduled runs after a deployment follow an event that Prefect never writes, and
        what follows is kept back from automations for a quarter of an hour.
        """
        path = f"/deployments/{self.clocks}/create_flow_run"
        # A server on SQLite that is busy says so; the page, too, is then pressed again.
        made = wait_for(lambda: self.ask(path, state={"type": "SCHEDULED"}), "a run made")["id"]

        def look() -> dict[str, Any]:
            run: dict[str, Any] = self.client.get(f"/flow_runs/{made}").raise_for_status().json()
            return run if run["state_type"] in ("FAILED", "COMPLETED") else {}

        return wait_for(look, "the end of the sweep")

    @property
    def clocks(self) -> str:
        """The id of the sweep's deployment."""
        found: str = self.client.get("/deployments/name/sla-sweep/clocks").raise_for_status().json()["id"]
        return found

    def stop_sweeping(self) -> bool:
        """Switch the schedule off and take away what it has planned; True when that is done."""
        self.client.patch(f"/deployments/{self.clocks}", json={"paused": True}).raise_for_status()
        planned = {"deployment_id": {"any_": [self.clocks]}, "state": {"type": {"any_": ["SCHEDULED"]}}}
        for run in self.ask("/flow_runs/filter", flow_runs=planned):
            self.client.delete(f"/flow_runs/{run['id']}")
        return True

    def last_event(self, run: str, state: str) -> dict[str, Any]:
        """The event of a run's end, as automations are given it."""

        def look() -> list[dict[str, Any]]:
            page = self.ask("/events/filter", filter={"resource": {"id": [f"prefect.flow-run.{run}"]}}, limit=50)
            return [one for one in page["events"] if one["resource"].get("prefect.state-type") == state]

        return wait_for(look, f"the event of its state {state}")[0]

    def alarms(self) -> set[tuple[str, str]]:
        with self.runtime.sessions.read() as session:
            letters = session.scalars(select(Letter).where(Letter.kind == "operations_alarm")).all()
        return {(row["what"], row["case"]) for letter in letters for row in letter.context["rows"]}


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("alarms")
    shutil.copy(USERS, home / "users.yaml")
    runtime = build(Settings(home=home))
    with Processes(home / "logs") as processes:
        server = start_prefect(processes, home, plan_prefect(home, port=0))
        deploy_queues(server)
        run_prefect(server, "--no-prompt", "deploy", "--name", "alarm", "--name", "clocks")
        with httpx.Client(base_url=server.api_url, timeout=30, trust_env=False) as client:
            made = Installation(server, runtime, client)
            wait_for(made.stop_sweeping, "a schedule switched off")
            start_worker(processes, server.env, "child-safety", 2)
            yield made
    runtime.engine.dispose()


def trigger(stem: str) -> Any:
    """An automation's trigger, as the server reads it."""
    from prefect.server.events.schemas.automations import EventTrigger

    [file] = [file for file in automation_files() if file.stem == stem]
    return EventTrigger.model_validate(file.body["trigger"])


def covered(stem: str, event: dict[str, Any]) -> bool:
    """Whether the server would count this event for this automation."""
    from prefect.server.events.schemas.events import ReceivedEvent

    found, received = trigger(stem), ReceivedEvent.model_validate(event)
    return bool(found.covers(received) and found.expects(received.event))


def test_the_automations_are_applied_once_and_then_nothing_differs(installation: Installation) -> None:
    with orchestrator(installation.server.api_url) as prefect:
        assert len(apply(prefect)) == len(automation_files())
        assert apply(prefect) == []
        assert differences(prefect) == []


def test_a_sweep_that_ends_well_counts_for_the_watch_under_whatever_name_it_ends(installation: Installation) -> None:
    run = installation.sweep()
    assert run["state_name"] == "Nothing due"
    event = installation.last_event(run["id"], "COMPLETED")
    assert covered("late-sweep", event)
    assert covered("zombie-run", event)
    assert not covered("failed-run", event)


def test_a_run_that_fails_leads_to_a_letter(installation: Installation) -> None:
    with installation.runtime.engine.begin() as connection:
        connection.execute(text(BROKEN_CLOCK))
    run = installation.sweep()
    assert run["state_name"] == "1 clocks failed"
    event = installation.last_event(run["id"], "FAILED")
    assert covered("failed-run", event)
    assert not covered("crashed-run", event)
    assert covered("zombie-run", event), "whoever has ended is no zombie"
    wait_for(lambda: ("run-failed", "sla-sweep") in installation.alarms(), "the letter about it")


def test_a_schedule_that_stands_still_leads_to_a_letter(installation: Installation, tmp_path: Path) -> None:
    for file in FOLDER.glob("*.yaml"):
        body = yaml.safe_load(file.read_text(encoding="utf-8"))
        if file.stem == "late-sweep":
            body["trigger"]["within"] = 10
        (tmp_path / file.name).write_text(yaml.safe_dump(body), encoding="utf-8")
    with orchestrator(installation.server.api_url) as prefect:
        assert [one.name for one in apply(prefect, tmp_path)] == ["qorgan: the sweep is late"]
    wait_for(lambda: ("sweep-late", "clocks") in installation.alarms(), "the letter about it")

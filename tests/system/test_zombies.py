"""A run whose process is killed unseen is set to Crashed by the automation, which leads to an alarm.

Real server, worker and runs; the automations are as their files have them, but that the silence is shorter.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from desk.local import (
    PrefectServer,
    Processes,
    deploy_queues,
    plan_prefect,
    prefect_command,
    run_prefect,
    start_prefect,
)
from tasks.automations import FOLDER, apply
from tasks.orchestrator import orchestrator
from tests.stories import USERS
from tests.system.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.prove, pytest.mark.timeout(400)]

SILENCE = 45
"""Seconds without a sign of life; a run gives one every 30, and Prefect takes no less."""


@dataclass
class Installation:
    """A server, a worker for the children's queue, and its drive, which nobody starts but these tests."""

    server: PrefectServer
    client: httpx.Client
    worker: subprocess.Popen[bytes]
    drives: list[str] = field(default_factory=list)

    def ask(self, path: str, **body: Any) -> Any:
        return self.client.post(path, json=body).raise_for_status().json()

    def run(self, run: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/flow_runs/{run}").raise_for_status().json()
        return found

    def deployment(self, name: str) -> str:
        return str(self.client.get(f"/deployments/name/{name}").raise_for_status().json()["id"])

    def drive_at_work(self) -> str:
        """A drive that watches its lane for long; the run's id once it has given its first sign of life."""
        path = f"/deployments/{self.deployment('drive-cases/lane-child-safety')}/create_flow_run"
        body = {"state": {"type": "SCHEDULED"}, "parameters": {"lane": "child-safety", "watch_seconds": 600}}
        made = str(wait_for(lambda: self.ask(path, **body), "a run made")["id"])
        wait_for(lambda: self.signs_of_life(made), "its first sign of life")
        self.drives.append(made)
        return made

    def signs_of_life(self, run: str) -> int:
        wanted = {"resource": {"id": [f"prefect.flow-run.{run}"]}, "event": {"name": ["prefect.flow-run.heartbeat"]}}
        return int(self.ask("/events/filter", filter=wanted, limit=50)["total"])

    def kill(self, run: str) -> None:
        """End a run's process, and with it all who would tell: the worker stands still meanwhile."""
        self.worker.send_signal(signal.SIGSTOP)
        os.kill(int(self.run(run)["infrastructure_pid"].rpartition(":")[2]), signal.SIGKILL)

    def alarms_started(self) -> list[dict[str, Any]]:
        only = {"deployment_id": {"any_": [self.deployment("alarm/alarm")]}}
        return [run["parameters"] for run in self.ask("/flow_runs/filter", flow_runs=only)]


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    shutil.copy(USERS, tmp_path / "users.yaml")
    with Processes(tmp_path / "logs") as processes:
        server = start_prefect(processes, tmp_path, plan_prefect(tmp_path, port=0))
        deploy_queues(server)
        run_prefect(server, "--no-prompt", "deploy", "--name", "alarm", "--name", "lane-child-safety")
        with httpx.Client(base_url=server.api_url, timeout=30, trust_env=False) as client:
            where = ("--pool", "qorgan", "--work-queue", "child-safety", "--limit", "4", "--name", "one")
            worker = processes.start("worker", [*prefect_command(), "worker", "start", *where], server.env)
            made = Installation(server, client, worker)
            drive = made.deployment("drive-cases/lane-child-safety")
            wait_for(lambda: client.patch(f"/deployments/{drive}", json={"paused": True}).is_success, "no schedule")
            yield made
            # One that still watches is a process of its own, which does not end with its worker.
            for drive in made.drives:
                if made.run(drive)["state_type"] == "RUNNING":
                    made.kill(drive)


def shorter_silence(folder: Path) -> Path:
    """The automations about runs that are broken off, with a silence that a test can wait for."""
    for stem in ("zombie-run", "crashed-run"):
        body = yaml.safe_load((FOLDER / f"{stem}.yaml").read_text(encoding="utf-8"))
        if stem == "zombie-run":
            body["trigger"]["within"] = SILENCE
        (folder / f"{stem}.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    return folder


def test_a_run_whose_process_is_killed_unseen_is_crashed_and_alarmed_about_and_one_that_lives_is_left_alone(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with orchestrator(installation.server.api_url) as prefect:
        apply(prefect, shorter_silence(tmp_path_factory.mktemp("automations")))
    living, dead = installation.drive_at_work(), installation.drive_at_work()
    installation.kill(dead)
    assert installation.run(dead)["state_type"] == "RUNNING", "nobody knows yet"
    crashed = wait_for(
        lambda: (run := installation.run(dead))["state_type"] == "CRASHED" and run, "the dead run set to Crashed"
    )
    assert crashed["state"]["message"].startswith("No sign of life")
    alarm = {"what": "run-crashed", "about": "drive-cases"}
    wait_for(lambda: alarm in installation.alarms_started(), "the alarm about it")
    wait_for(lambda: installation.signs_of_life(living) >= 3, "a sign of life after the dead run was found out")
    assert installation.run(living)["state_type"] == "RUNNING"

"""The whole local system, as ``make up`` starts it: real server, real worker, real schedules, a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from casework.danger import danger_letters
from casework.vocabulary import Priority
from sandbox.practice_mailbox import read_message
from tasks.deployments import planned
from tasks.inbox import LOCK, NEXT
from tasks.settings import ROOT
from tests.stories import in_danger
from tests.system.waiting import wait_for

pytestmark = [pytest.mark.server, pytest.mark.timeout(400)]

CODE = "from pathlib import Path; import sys; from desk.up import main; raise SystemExit(main(Path(sys.argv[1])))"
CASE = "KZ-2026-000001"


@dataclass
class LocalSystem:
    """A running ``make up`` and what it printed."""

    process: subprocess.Popen[bytes]
    state: Path
    printed: Path

    @property
    def text(self) -> str:
        return self.printed.read_text(encoding="utf-8")

    @property
    def api(self) -> str:
        return str(json.loads((self.state / "prefect.json").read_text())["api_url"])

    def ask(self, path: str, **body: Any) -> Any:
        answer = httpx.post(f"{self.api}/{path}", json=body, timeout=20, trust_env=False)
        answer.raise_for_status()
        return answer.json()

    def runs(self, flow: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("flow_runs/filter", flows={"name": {"any_": [flow]}}, limit=100)
        return found

    def finished_by_schedule(self, flow: str) -> list[dict[str, Any]]:
        return [
            run
            for run in self.runs(flow)
            if run["state_type"] == "COMPLETED" and run["auto_scheduled"] and run["created_by"]["type"] == "SCHEDULE"
        ]

    def status(self, case_number: str) -> str | None:
        with closing(sqlite3.connect(self.state / "qorgan.db", timeout=20)) as database:
            row = database.execute("SELECT status FROM case_file WHERE number = ?", (case_number,)).fetchone()
        return row[0] if row else None

    def sent(self) -> list[str]:
        """Kinds of the letters that count as sent."""
        with closing(sqlite3.connect(self.state / "qorgan.db", timeout=20)) as database:
            return [kind for (kind,) in database.execute("SELECT kind FROM letter WHERE state = 'sent'")]

    def log_of_processes(self) -> str:
        logs = self.state.glob("logs/*.log")
        return "\n".join(f"{path.name}: {path.read_text(errors='replace')[-1500:]}" for path in logs)

    def tell(self) -> str:
        """How things stand: every run with its times, and the last words of every process."""
        try:
            runs: list[dict[str, Any]] = self.ask("flow_runs/filter", sort="EXPECTED_START_TIME_ASC", limit=100)
        except (httpx.HTTPError, OSError) as error:
            return f"Prefect does not say: {error!r}\n{self.log_of_processes()}"
        times = ("expected_start_time", "start_time", "end_time")
        lines = [f"{run['name']:<40} {run['state_name']:<20} {[run[time] for time in times]}" for run in runs]
        return "\n".join([f"{datetime.now(UTC)}", *lines, self.log_of_processes()])


def processes_of(state: Path) -> list[str]:
    """Every process that has the state folder in its command or its environment."""
    needle, found = str(state).encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (folder / "cmdline").read_bytes()
            if int(folder.name) != os.getpid() and needle in command + (folder / "environ").read_bytes():
                found.append(f"{folder.name} {command.replace(bytes(1), b' ').decode(errors='replace')}")
    return found


@pytest.fixture(scope="module")
def occupied_port() -> Iterator[int]:
    """Somebody else's program listens where Prefect would like to."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Where that is so already, it is just what is needed.
        with suppress(OSError):
            other.bind(("127.0.0.1", 4200))
            other.listen()
        yield 4200


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory, occupied_port: int) -> Iterator[LocalSystem]:
    state = tmp_path_factory.mktemp("up") / "state"
    printed = state.with_name("printed.txt")
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "QORGAN_"))}
    with printed.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, str(state)],
            cwd=ROOT, env=env, stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    running = LocalSystem(process, state, printed)
    try:
        wait_for(lambda: "Ctrl-C" in running.text or process.poll() is not None, "the system is up", tell=running.tell)
        assert process.poll() is None, running.text + running.log_of_processes()
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(30)
        if process.poll() is None:
            process.kill()
            process.wait()


def test_it_moves_to_another_port_when_its_own_is_taken_and_says_where_it_is(
    system: LocalSystem, occupied_port: int
) -> None:
    printed = re.search(r"Prefect, for operators\s+(http://127\.0\.0\.1:(\d+))", system.text)
    assert printed is not None, system.text
    assert int(printed[2]) != occupied_port
    assert system.api == f"{printed[1]}/api"
    assert httpx.get(f"{system.api}/health", trust_env=False).json() is True
    sandbox = json.loads((system.state / "sandbox.json").read_text())
    assert sandbox["platform_url"] in system.text


def test_it_makes_a_key_that_only_its_owner_reads_so_that_the_daily_head_can_be_signed(system: LocalSystem) -> None:
    assert (system.state / "signing.key").stat().st_mode & 0o777 == 0o600


def test_every_deployment_of_prefect_yaml_is_there(system: LocalSystem) -> None:
    deployed = {deployment["name"] for deployment in system.ask("deployments/filter")}
    assert deployed == set(planned())


def test_an_event_for_a_lane_makes_a_drive_of_that_lane(system: LocalSystem) -> None:
    def by_event() -> list[dict[str, Any]]:
        return [run for run in system.runs("drive-cases") if run["created_by"]["type"] == "AUTOMATION"]

    assert by_event() == []
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "qorgan.cases.ready",
        "resource": {"prefect.resource.id": "qorgan.lane.routine"},
    }
    httpx.post(f"{system.api}/events", json=[event], trust_env=False).raise_for_status()
    [run] = wait_for(by_event, "a drive that the event started", tell=system.tell)
    assert run["parameters"] == {"lane": "routine"}


def test_a_scheduled_run_takes_in_what_lies_in_the_inbox_and_acts_on_danger(system: LocalSystem) -> None:
    inbox, number = system.state / "inbox", CASE.replace("2026", str(datetime.now(UTC).year))
    line = json.dumps(in_danger(), ensure_ascii=False)
    (inbox / "hotline.jsonl.part").write_text(line, encoding="utf-8")
    (inbox / "hotline.jsonl.part").rename(inbox / "hotline.jsonl")
    wait_for(lambda: system.status(number) == "in_legal_review", "a case that was driven", tell=system.tell)
    danger = set(danger_letters(Priority.P0, police_referral=True))
    wait_for(lambda: danger <= set(system.sent()), "police referral and duty alert", tell=system.tell)
    mails = [read_message(path) for path in (system.state / "mail").glob("*.eml")]
    assert len([mail for mail in mails if mail.subject.startswith(number)]) >= len(danger), "they arrived"
    wait_for(lambda: set(files_in(inbox)) == {LOCK, NEXT}, "an inbox that is empty", tell=system.tell)
    # The run goes on watching; its own page has our log line already.
    scheduled = {run["id"] for run in system.runs("intake") if run["auto_scheduled"]}

    def our_lines() -> list[dict[str, Any]]:
        rows = system.ask("logs/filter", logs={"flow_run_id": {"any_": sorted(scheduled)}})
        return [row for row in rows if "reports taken in" in row["message"]]

    wait_for(our_lines, "our own log line in the run's log", tell=system.tell)


def files_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file()]


def test_a_scheduled_sweep_really_fires(system: LocalSystem) -> None:
    runs = wait_for(lambda: system.finished_by_schedule("sla-sweep"), "a scheduled sweep", tell=system.tell)
    assert all(run["state_name"] for run in runs)


@pytest.mark.browser
def test_the_operator_sees_the_case_and_what_it_waits_for(system: LocalSystem) -> None:
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        pytest.skip("no Chromium on this system")
    from playwright.sync_api import sync_playwright

    number = CASE.replace("2026", str(datetime.now(UTC).year))
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=browser, args=arguments)
        try:
            page = started.new_page()
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            [cases] = system.ask("flows/filter", flows={"name": {"any_": ["case-lifecycle"]}})
            address = f"{system.api.removesuffix('/api')}/flows/flow/{cases['id']}"
            page.goto(address, timeout=120_000, wait_until="domcontentloaded")
            row = page.locator("li, .flow-run-list-item, .state-list-item").filter(has_text=number).first
            row.wait_for(timeout=120_000)
            assert "Awaiting legal review" in row.inner_text()
            assert any(url.startswith(system.api) for url in asked)
        finally:
            started.close()


def test_ctrl_c_ends_everything_and_leaves_no_process_and_no_address_behind(system: LocalSystem) -> None:
    before = processes_of(system.state)
    assert len(before) >= 4, "server, worker, sandbox and the system itself"
    assert any("-m desk.prefect_server server start" in one for one in before), "the server that does not stand still"
    system.process.send_signal(signal.SIGINT)
    assert system.process.wait(30) == 0, system.text
    assert processes_of(system.state) == []
    assert not (system.state / "prefect.json").exists()
    assert not (system.state / "sandbox.json").exists()

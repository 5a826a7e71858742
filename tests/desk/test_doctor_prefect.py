"""Faults of Prefect are found on a real server; only what would need another server is changed in its answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.settings import PREFECT_API_URL

from tasks import automations
from tasks.orchestrator import POOL, orchestrator
from tests.deployed import make_as_deployed
from tests.desk.conftest import AtTheDesk
from tests.desk.doctoring import assert_said, examined
from tests.prefect_server import prefect_as_installed

Change = Callable[[str, httpx.Response], bytes]


@contextmanager
def changed_answers(upstream: str, change: Change, *, ahead: timedelta = timedelta(0)) -> Iterator[str]:
    """The same server with some answers changed, or with a clock that is ahead; its address."""

    class Passing(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            path = self.path.removeprefix("/api")
            with httpx.Client(trust_env=False, timeout=30) as client:
                answer = client.request(
                    self.command, upstream + path, content=body, headers={"content-type": "application/json"}
                )
            content = change(path, answer)
            self.send_response_only(answer.status_code)
            self.send_header("date", format_datetime(datetime.now(UTC) + ahead, usegmt=True))
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self._pass_on()

        def do_POST(self) -> None:
            self._pass_on()

        def log_message(self, *parts: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Passing) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/api"
        finally:
            server.shutdown()
            thread.join()


def as_it_is(path: str, answer: httpx.Response) -> bytes:
    return answer.content


def another_version(path: str, answer: httpx.Response) -> bytes:
    return b'"3.7.0"' if path == "/admin/version" else answer.content


def setting(value: object, *where: str) -> Change:
    """The server's settings say something else in one place."""

    def change(path: str, answer: httpx.Response) -> bytes:
        if path != "/admin/settings":
            return answer.content
        settings = answer.json()
        inner = settings["server"]
        for name in where[:-1]:
            inner = inner[name]
        assert where[-1] in inner, "the server has such a setting"
        inner[where[-1]] = value
        return json.dumps(settings).encode()

    return change


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with prefect_as_installed():
        yield PREFECT_API_URL.value()


@pytest.fixture
def prefect(server: str, desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch) -> Iterator[SyncPrefectClient]:
    """A server as a deploy leaves it, and one worker."""
    monkeypatch.setenv("PREFECT_API_URL", server)
    with get_client(sync_client=True) as client:
        if POOL in {pool.name for pool in client.read_work_pools()}:
            client.delete_work_pool(POOL)
        client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))
        client.send_worker_heartbeat(POOL, "worker-1")
        make_as_deployed(client)
        with orchestrator(server) as ours:
            automations.apply(ours)
        yield client


@dataclass
class Scene:
    """A server in which a fault is made."""

    client: SyncPrefectClient
    monkeypatch: pytest.MonkeyPatch

    def deployment(self, name: str) -> tuple[object, object]:
        [found] = [one for one in self.client.read_deployments() if one.name == name]
        return found.id, found.schedules[0].id


def several_servers(scene: Scene) -> None:
    scene.monkeypatch.setenv("QORGAN_PREFECT_SERVERS", "2")


def schedule_paused(scene: Scene) -> None:
    deployment, schedule = scene.deployment("clocks")
    scene.client.update_deployment_schedule(deployment, schedule, active=False)  # type: ignore[arg-type]


def deployment_missing(scene: Scene) -> None:
    scene.client.delete_deployment(scene.deployment("letters")[0])  # type: ignore[arg-type]


def automations_gone(scene: Scene) -> None:
    for automation in scene.client.request("POST", "/automations/filter", json={}).json():
        scene.client.request("DELETE", "/automations/{id}", path_params={"id": automation["id"]})


def no_pool(scene: Scene) -> None:
    scene.client.delete_work_pool(POOL)


def no_worker(scene: Scene) -> None:
    scene.client.delete_work_pool(POOL)
    scene.client.create_work_pool(WorkPoolCreate(name=POOL, type="process"))


def queue_paused(scene: Scene) -> None:
    queue = scene.client.read_work_queue_by_name("default", work_pool_name=POOL)
    scene.client.update_work_queue(queue.id, is_paused=True)


def three_workers(scene: Scene) -> None:
    for name in ("worker-2", "worker-3"):
        scene.client.send_worker_heartbeat(POOL, name)


MADE: dict[str, Callable[[Scene], None]] = {
    "several API servers with messages in memory": several_servers,
    "a schedule is paused": schedule_paused,
    "a deployment is missing": deployment_missing,
    "automations are not applied": automations_gone,
    "there is no work pool": no_pool,
    "a queue is paused": queue_paused,
    "no worker polls": no_worker,
    "SQLite under several workers": three_workers,
}
ANSWERED: dict[str, tuple[Change, timedelta]] = {
    "another Prefect on the server": (another_version, timedelta(0)),
    "Prefect's clock is off": (as_it_is, timedelta(seconds=90)),
    "telemetry is on": (setting(True, "analytics_enabled"), timedelta(0)),
    "the vacuum is off": (setting(["events"], "services", "db_vacuum", "enabled"), timedelta(0)),
    "only a part on Redis": (setting("redis://redis:6379/0", "docket", "url"), timedelta(0)),
}
FAULTS = {*MADE, *ANSWERED}


def test_a_server_as_a_deploy_leaves_it_is_well(desk: AtTheDesk, prefect: SyncPrefectClient, server: str) -> None:
    with changed_answers(server, as_it_is) as address:
        desk_sees = {**_verdicts(desk, server), **_verdicts(desk, address)}
    wanted = ("prefect", "prefect clock", "telemetry", "vacuum", "messages", "deployments", "automations", "workers")
    assert {check: desk_sees.get(check) for check in wanted} == dict.fromkeys(wanted, "ok")


def _verdicts(desk: AtTheDesk, address: str) -> dict[str, str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_API_URL", address)
        return {found["check"]: found["verdict"] for found in examined(desk, "--only", "prefect")[1]}


@pytest.mark.parametrize("fault", MADE)
def test_doctor_finds(fault: str, desk: AtTheDesk, prefect: SyncPrefectClient, monkeypatch: pytest.MonkeyPatch) -> None:
    MADE[fault](Scene(prefect, monkeypatch))
    code, findings = examined(desk, "--only", "prefect")
    assert code == 1
    assert_said(fault, findings)


@pytest.mark.parametrize("fault", ANSWERED)
def test_doctor_finds_of_the_server(
    fault: str, desk: AtTheDesk, prefect: SyncPrefectClient, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change, ahead = ANSWERED[fault]
    with changed_answers(server, change, ahead=ahead) as address:
        monkeypatch.setenv("PREFECT_API_URL", address)
        code, findings = examined(desk, "--only", "prefect")
    assert code == 1
    assert_said(fault, findings)


def test_a_server_that_answers_with_errors_is_a_finding_and_no_crash(
    desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", server.removesuffix("/api") + "/no-such-place")
    code, findings = examined(desk, "--only", "prefect")
    assert code == 1
    assert [found["check"] for found in findings if found["verdict"] == "failed"] == ["prefect"]

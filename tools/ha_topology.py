"""What runs where in the proof: two API servers, background services apart, three workers, one data host.

Environment and settings are those of deploy/env; only addresses and secrets are the proof's own.
"""

from __future__ import annotations

import os
import sys
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import psycopg

from desk.local import prefect_command
from tasks.settings import ROOT
from tools.ha_hosts import Host
from tools.ha_outside import PLATFORM_PORT, SMTP_PORT
from tools.ha_parts import Part
from tools.ha_stores import POSTGRES_PORT, REDIS_PORT, where

DATA, FIRST, SECOND, THIRD, FRONT, OUTSIDE = "data", "one", "two", "three", "front", "outside"
HOSTS = (DATA, FIRST, SECOND, THIRD, FRONT, OUTSIDE)
API_PORT = 4200
RUNS_PER_WORKER = 3
SERVERS, SERVICES = ("api-1", "api-2"), "services"
QUEUES = {"worker-1": ("child-safety",), "worker-2": ("routine",), "worker-3": ("child-safety", "routine")}
WORKERS = tuple(QUEUES)

Hosts = Mapping[str, Host]


def env_file(name: str) -> dict[str, str]:
    """Names and values of a file in deploy/env."""
    lines = (ROOT / "deploy" / "env" / name).read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _clean() -> dict[str, str]:
    """Our own environment, without anybody's settings; flow runs import the code that is proven."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "QORGAN_"))}
    own = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    return {**kept, "PATH": own, "PYTHONPATH": str(ROOT), "NO_PROXY": "*", "no_proxy": "*"}


def server_env(hosts: Hosts, home: Path) -> dict[str, str]:
    """Of API servers and background services."""
    data, redis = hosts[DATA].address, f"redis://{hosts[DATA].address}:{REDIS_PORT}"
    return {
        **_clean(),
        **env_file("prefect-server.env"),
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_UI_API_URL": api_url(hosts),
        "PREFECT_SERVER_DATABASE_HOST": data,
        "PREFECT_SERVER_DATABASE_PORT": str(POSTGRES_PORT),
        "PREFECT_SERVER_DATABASE_USER": "postgres",
        "PREFECT_REDIS_MESSAGING_URL": f"{redis}/0",
        "PREFECT_REDIS_WORKER_CLEANUP_QUEUE_URL": f"{redis}/0",
        "PREFECT_SERVER_DOCKET_URL": f"{redis}/1",
    }


def api_url(hosts: Hosts) -> str:
    """Where everybody finds Prefect: through the balancer."""
    return f"http://{hosts[FRONT].address}:{API_PORT}/api"


def client_env(hosts: Hosts, home: Path) -> dict[str, str]:
    """Of workers: where Prefect is, and the installation's own settings."""
    outside = hosts[OUTSIDE].address
    return {
        **_clean(),
        **env_file("prefect-client.env"),
        **env_file("qorgan.env"),
        "PREFECT_HOME": str(home),
        "PREFECT_API_URL": api_url(hosts),
        "QORGAN_HOME": str(home.parent / "qorgan"),
        "QORGAN_DATABASE_URL": case_file_url(hosts),
        "QORGAN_USERS_FILE": str(ROOT / "examples" / "users.yaml"),
        "QORGAN_VAULT_KEY": vault_key(home.parent),
        "QORGAN_PLATFORM_URL": f"http://{outside}:{PLATFORM_PORT}",
        "QORGAN_SMTP_HOST": outside,
        "QORGAN_SMTP_PORT": str(SMTP_PORT),
        "QORGAN_SMTP_SECURITY": "none",
    }


def case_file_url(hosts: Hosts) -> str:
    """The case file on PostgreSQL."""
    return f"postgresql+psycopg://postgres@{hosts[DATA].address}:{POSTGRES_PORT}/qorgan?connect_timeout=5"


def vault_key(home: Path) -> str:
    """One key for all hosts, made on first use."""
    file = home / "vault.key"
    if not file.exists():
        file.write_bytes(urlsafe_b64encode(os.urandom(32)))
        file.chmod(0o600)
    return file.read_text()


def front_parts(hosts: Hosts, home: Path, seed: int) -> Iterator[Part]:
    """The world outside and the balancer. Nobody kills them: they stand for what is not ours."""
    python, outside, front = sys.executable, hosts[OUTSIDE], hosts[FRONT]
    where_outside = ("--host", outside.address, "--home", str(home / OUTSIDE), "--seed", str(seed))
    yield Part(
        "outside", outside, [python, "-m", "tools.ha_outside", *where_outside], _clean(),
        lambda: _ok(f"http://{outside.address}:{PLATFORM_PORT}/practice/state"),
    )  # fmt: skip
    upstreams = [f"{hosts[name].address}:{API_PORT}" for name in (FIRST, SECOND)]
    listen = f"{front.address}:{API_PORT}"
    yield Part("balancer", front, [python, "-m", "tools.ha_balancer", listen, *upstreams], _clean())


def server_parts(hosts: Hosts, home: Path) -> Iterator[Part]:
    """Two API servers, and the background services in a process of their own."""
    for name, host in zip(SERVERS, (hosts[FIRST], hosts[SECOND]), strict=True):
        command = [*prefect_command(), "server", "start", "--no-services", "--host", host.address]
        ready = f"http://{host.address}:{API_PORT}/api/ready"
        yield Part(name, host, [*command, "--port", str(API_PORT)], server_env(hosts, home / name), _asking(ready))
    command = [*prefect_command(), "server", "services", "start"]
    yield Part(SERVICES, hosts[THIRD], command, server_env(hosts, home / SERVICES))


def worker_parts(hosts: Hosts, home: Path) -> Iterator[Part]:
    """A worker on each of the three hosts: one for each queue, and one for both, so that each queue has two."""
    for name, host in zip(WORKERS, (hosts[FIRST], hosts[SECOND], hosts[THIRD]), strict=True):
        command = [*prefect_command(), "worker", "start", "--pool", "qorgan", "--name", name]
        command += [
            "--limit",
            str(RUNS_PER_WORKER),
            *(word for queue in QUEUES[name] for word in ("--work-queue", queue)),
        ]
        yield Part(name, host, command, client_env(hosts, home / name))


def heard_since(data: Host, worker: str, since: float) -> bool:
    """Whether Prefect's database has a heartbeat of a worker after a moment (seconds of the system's clock)."""
    return _one(data, "SELECT extract(epoch FROM max(last_heartbeat_time)) FROM worker WHERE name = %s", worker) > since


def persisted(data: Host, event_name: str) -> bool:
    """Whether an event went all the way: API server, Redis, background services, database."""
    return _one(data, "SELECT count(*) FROM events WHERE event = %s", event_name) > 0


def process_of(data: Host, flow_run: str) -> int:
    """The process of a flow run, as Prefect noted it (``host:pid``); 0 when it did not."""
    noted = "SELECT split_part(infrastructure_pid, ':', 2) FROM flow_run WHERE id::text = %s"
    return int(_one(data, noted, flow_run))


SURE = ("inbox", "lane-child-safety", "lane-routine", "clocks", "letters", "outcomes", "mailbox")
"""Deployments whose schedules the work rests on."""


def succeeded_since(data: Host, since: float) -> set[str]:
    """Which of them had a run that began after a moment and ended well: nothing holds their place."""
    question = """SELECT d.name FROM flow_run r JOIN deployment d ON d.id = r.deployment_id
        WHERE r.state_type = 'COMPLETED' AND r.start_time > to_timestamp(%s) AND d.name = ANY(%s)"""
    try:
        with psycopg.connect(where(data, "prefect")) as connection:
            return {str(row[0]) for row in connection.execute(question, (since, list(SURE)))}
    except psycopg.Error:
        return set()


def _one(data: Host, question: str, value: str) -> float:
    try:
        with psycopg.connect(where(data, "prefect")) as connection:
            row = connection.execute(question, (value,)).fetchone()
            return float(row[0] or 0) if row else 0.0
    except psycopg.Error:
        return 0.0


def _ok(url: str) -> bool:
    try:
        return httpx.get(url, timeout=3, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _asking(url: str) -> Callable[[], bool]:
    return lambda: _ok(url)

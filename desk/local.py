"""Processes of a local system: started as a group, watched, and all gone at the end."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import certifi
import httpx

from casework.errors import ConfigurationError
from tasks.settings import ROOT

HOST = "127.0.0.1"
PREFECT_PORT = 4200
"""Where Prefect's page is looked for."""

BUSY_SECONDS = 60
"""So long a server that is busy is asked again."""
BUSY_PAUSE_SECONDS = 0.2

SERVER_START_SECONDS = 120
"""A first start migrates Prefect's own database, which takes about 20 seconds."""


def free_port(wanted: int = 0) -> int:
    """The wanted port of this machine, or any free one where it is taken."""
    for port in dict.fromkeys((wanted, 0)):
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise ConfigurationError("this machine gives no free port", rule="local.no_port")


@dataclass
class Processes:
    """Child processes, each in a group of its own, so that their own children end with them."""

    log_folder: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __enter__(self) -> Processes:
        self.log_folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> subprocess.Popen[bytes]:
        """Start one; its output goes to ``<name>.log`` in the log folder."""
        with (self.log_folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S603  our own commands
                list(command), env=dict(env), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self._running[name] = process
        return process

    def ended(self) -> str | None:
        """The name of a process that is not running any more, if there is one."""
        return next((name for name, process in self._running.items() if process.poll() is not None), None)

    def stop(self) -> None:
        """Ask all to end, the newest first; whoever has not after ten seconds is killed."""
        for process in reversed(self._running.values()):
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + 10
        for process in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            # Also to groups whose leader is gone: a worker's flow runs are its children.
            _signal(process, signal.SIGKILL)
            process.wait()
        self._running.clear()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


@dataclass(frozen=True)
class PrefectServer:
    """A running local server: its addresses and the environment for its clients."""

    api_url: str
    ui_url: str
    env: Mapping[str, str]


def plan_prefect(home: Path, *, port: int = PREFECT_PORT) -> PrefectServer:
    """The addresses and the environment of a local server in ``home``, before it runs.

    The page asks for the API where it is told to: on another port than 4200 it would stay empty otherwise. Prefect
    reads a file of certificate authorities for every client it makes, some nine a run, even for a server without TLS:
    so a short one is written there and named.
    """
    chosen = free_port(port)
    api_url = f"http://{HOST}:{chosen}/api"
    env = {
        **os.environ,
        "PREFECT_HOME": str((home / "prefect").resolve()),
        "PREFECT_API_URL": api_url,
        "PREFECT_API_SSL_CERT_FILE": str(_one_authority(home / "prefect").resolve()),
        "PREFECT_SERVER_UI_API_URL": api_url,
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        "DO_NOT_TRACK": "1",
        "QORGAN_HOME": str(home.resolve()),
    }
    return PrefectServer(api_url, f"http://{HOST}:{chosen}", env)


def _one_authority(folder: Path) -> Path:
    """A file with one public certificate authority. The usual one has well over a hundred, which take 20 ms to read."""
    file, end = folder / "one-authority.pem", "-----END CERTIFICATE-----\n"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Whole or not at all: no client of Prefect starts with half a file.
        begun = file.with_suffix(".new")
        begun.write_text(certifi.contents().partition(end)[0] + end, encoding="ascii")
        begun.replace(file)
    return file


def start_prefect(processes: Processes, home: Path, server: PrefectServer) -> PrefectServer:
    """Start the planned server on SQLite and wait until it answers."""
    where = ("--host", HOST, "--port", server.ui_url.rpartition(":")[2])
    command = [sys.executable, "-m", "desk.prefect_server", "server", "start", *where]
    processes.start("prefect-server", command, server.env)
    _wait_for(f"{server.api_url}/health", processes)
    (home / "prefect.json").write_text(json.dumps({"api_url": server.api_url}))
    return server


def prefect_command() -> list[str]:
    """Prefect's command line in this very environment."""
    return [sys.executable, "-m", "prefect"]


def _wait_for(url: str, processes: Processes) -> None:
    deadline = time.monotonic() + SERVER_START_SECONDS
    while time.monotonic() < deadline:
        gone = processes.ended()
        if gone is not None:
            raise ConfigurationError(
                f"{gone} ended before it was ready", rule="local.ended", next_step=f"Read {gone}.log in the log folder."
            )
        try:
            if httpx.get(url, timeout=2, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.25)
    raise ConfigurationError("a server did not answer in time", rule="local.slow", next_step="Read its log.")


def start_sandbox(processes: Processes, home: Path, *, platform_port: int = 8025, smtp_port: int = 2525) -> None:
    """Start the practice platform and mailbox and wait for their note in ``home``."""
    note = home / "sandbox.json"
    note.unlink(missing_ok=True)
    ports = ("--platform-port", str(free_port(platform_port)), "--smtp-port", str(free_port(smtp_port)))
    processes.start("sandbox", [sys.executable, "-m", "sandbox", "--home", str(home.resolve()), *ports], os.environ)
    deadline = time.monotonic() + 30
    while not note.exists():
        if processes.ended() or time.monotonic() > deadline:
            raise ConfigurationError("the sandbox did not start", rule="local.sandbox", next_step="Read sandbox.log.")
        time.sleep(0.1)


def start_acknowledge_page(processes: Processes, server: PrefectServer, *, port: int = 8086) -> str:
    """Start the page by which letters are acknowledged and wait until it answers; its address."""
    chosen = free_port(port)
    url = f"http://{HOST}:{chosen}"
    qorgan = Path(sys.executable).with_name("qorgan")
    command = [str(qorgan), "acknowledge-page", "--host", HOST, "--port", str(chosen)]
    processes.start("acknowledge-page", command, {**server.env, "QORGAN_ACKNOWLEDGE_URL": url})
    _wait_for(f"{url}/health", processes)
    return url


def run_prefect(server: PrefectServer, *arguments: str) -> None:
    """Run one of Prefect's own commands to its end. ConfigurationError with its last line when it fails."""
    _run_to_end(server, prefect_command(), "prefect", arguments)


def _run_to_end(server: PrefectServer, command: Sequence[str], name: str, arguments: Sequence[str]) -> None:
    done = subprocess.run(  # noqa: S603  our own commands
        [*command, *arguments], env=dict(server.env), cwd=ROOT, capture_output=True, text=True, check=False,
        start_new_session=True,  # Ctrl-C asks us; a command that is cut short would look like a failure
    )  # fmt: skip
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ConfigurationError(f"{name} {' '.join(arguments[:2])} failed: {' '.join(last)}", rule="local.prefect")


def start_worker(processes: Processes, env: Mapping[str, str], queue: str, limit: int) -> None:
    """Start a worker for one queue, with so many flow runs at a time."""
    where = ("--pool", "qorgan", "--work-queue", queue, "--limit", str(limit), "--name", f"local-{queue}")
    processes.start(f"worker-{queue}", [*prefect_command(), "worker", "start", *where], env)


def deploy(server: PrefectServer) -> None:
    """Create the work pool and its two queues, apply prefect.yaml and automations/, then reconcile. May be repeated."""
    deploy_queues(server)
    run_prefect(server, "--no-prompt", "deploy", "--all")
    qorgan = Path(sys.executable).with_name("qorgan")
    _run_to_end(server, [str(qorgan)], "qorgan", ("automations", "apply"))
    # Deploying deletes late runs, and a server may be new: what nobody would go on with is made ready.
    _run_to_end(server, [str(qorgan)], "qorgan", ("reconcile",))


def deploy_queues(server: PrefectServer) -> None:
    """Create the work pool and its two queues, children before routine."""
    run_prefect(server, "work-pool", "create", "qorgan", "--type", "process", "--overwrite")
    _queue(server, "child-safety", 1)
    _queue(server, "routine", 2)


def _queue(server: PrefectServer, name: str, priority: int) -> None:
    """A work queue with its priority, made through the API because the command refuses one that exists."""
    with httpx.Client(base_url=server.api_url, timeout=30, trust_env=False) as client:
        found = ask_prefect(client, "GET", f"/work_pools/qorgan/queues/{name}")
        if found.status_code == httpx.codes.NOT_FOUND:
            ask_prefect(
                client, "POST", "/work_pools/qorgan/queues", {"name": name, "priority": priority}
            ).raise_for_status()
        else:
            ask_prefect(client, "PATCH", f"/work_pools/qorgan/queues/{name}", {"priority": priority}).raise_for_status()


def ask_prefect(
    client: httpx.Client, method: str, path: str, body: Mapping[str, object] | None = None
) -> httpx.Response:
    """Ask a local Prefect server, again while it is busy.

    On SQLite a server that was not started by us (``desk.prefect_server``) refuses at once, with 503, what read before
    it writes when another wrote in between; Prefect's own client asks again as well. After
    BUSY_SECONDS the refusal is the answer.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        answer = client.request(method, path, json=body)
        if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() >= deadline:
            return answer
        time.sleep(BUSY_PAUSE_SECONDS)

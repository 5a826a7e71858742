"""The whole local system until Ctrl-C: Prefect, deployments, workers, practice platform, mailbox, page."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from casework.errors import ConfigurationError
from desk.local import (
    PREFECT_PORT,
    PrefectServer,
    Processes,
    deploy,
    plan_prefect,
    start_acknowledge_page,
    start_prefect,
    start_sandbox,
    start_worker,
)
from tasks.settings import ROOT, Settings
from tasks.signing_key import find_key, make_key

WORKERS = {"child-safety": 5, "routine": 2}
"""Flow runs at a time of each queue's own worker. A backlog never holds a place that a child's case needs."""


def main(state: Path) -> int:
    """Start everything, print where it is, wait; the exit status. Leaves nothing running.

    Raises ConfigurationError, and touches nothing, when another one runs on this folder.
    """
    state.mkdir(parents=True, exist_ok=True)
    with _alone(state):
        try:
            return _run(state)
        finally:
            # However it ended: nobody may be sent to an address where nobody listens.
            (state / "prefect.json").unlink(missing_ok=True)


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Hold the folder: two servers on one database, and two sandboxes in one note, would be at odds.

    The system lets go of the lock when this process ends, however it does; the file stays.
    """
    with (state / "up.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ConfigurationError(
                f"a local system runs on '{state}' already: {lock.read(200).strip() or 'it is just starting'}",
                rule="local.running",
                next_step="End it with Ctrl-C where it was started, or choose another folder: make up STATE=…",
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()} since {datetime.now(UTC):%d %b %Y %H:%M} UTC\n")
        lock.flush()
        yield


def _run(state: Path) -> int:
    console = Console()
    if not (state / "users.yaml").exists():
        shutil.copy(ROOT / "examples" / "users.yaml", state / "users.yaml")
        (state / "users.yaml").chmod(0o640)
    if find_key(Settings(home=state)) is None:
        # On one machine for practice; an authority makes its own and notes the public key down elsewhere.
        make_key(Settings(home=state).signing_key)
    for folder in (Settings(home=state).inbox, Settings(home=state).mail_folder):
        folder.mkdir(exist_ok=True)
    stopping = _Stop()
    with Processes(state / "logs") as processes:
        with console.status("starting the practice platform and mailbox …"):
            start_sandbox(processes, state)
        with console.status("starting Prefect; the first time takes half a minute …"):
            server = start_prefect(processes, state, plan_prefect(state))
        with console.status("deploying the flows …"):
            deploy(server)
        with console.status("starting the acknowledgement page …"):
            page_url = start_acknowledge_page(processes, server)
        env = {**server.env, "QORGAN_ACKNOWLEDGE_URL": page_url}
        for queue, limit in WORKERS.items():
            start_worker(processes, env, queue, limit)
        _say(console, state, server, page_url)
        while not stopping.asked:
            gone = processes.ended()
            if gone is not None:
                console.print(f"[red]{gone} ended.[/red] Its last words are in {state / 'logs' / (gone + '.log')}")
                return 1
            time.sleep(0.5)
        console.print("stopping …")
    return 0


class _Stop:
    """Ctrl-C or SIGTERM asks once; a second one must not cut the stopping short."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._ask)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


def _say(console: Console, state: Path, server: PrefectServer, page_url: str) -> None:
    settings = Settings(home=state).with_sandbox()
    if not server.ui_url.endswith(f":{PREFECT_PORT}"):
        said = f"Another program listens at port {PREFECT_PORT}; Prefect has another."
        console.print(f"{'note':>24}  {said}", highlight=False, soft_wrap=True)
    for name, where in (
        ("Prefect, for operators", server.ui_url),
        ("practice platform", settings.platform_url or ""),
        ("practice mailbox", f"{state / 'mail'} (SMTP at port {settings.smtp_port})"),
        ("acknowledgement page", f"{page_url}/acknowledge/… (its links stand in letters to liaisons)"),
        ("folder for answers", f"{settings.mail_folder} (.eml files)"),
        ("inbox for reports", str(settings.inbox)),
        ("logs", str(state / "logs")),
    ):
        console.print(f"{name:>24}  {where}", highlight=False, soft_wrap=True)
    console.print(f"{'command line':>24}  QORGAN_HOME={state} .venv/bin/qorgan --help", highlight=False, soft_wrap=True)
    console.print(f"{'end':>24}  Ctrl-C", highlight=False)

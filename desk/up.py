"""The whole local system until Ctrl-C: Prefect, deployments, worker, practice platform, mailbox, page."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from types import FrameType

from rich.console import Console

from desk.local import (
    PrefectServer,
    Processes,
    deploy,
    plan_prefect,
    prefect_command,
    start_acknowledge_page,
    start_prefect,
    start_sandbox,
)
from tasks.settings import ROOT, Settings

WORKER_LIMIT = 2
"""Flow runs at a time: on SQLite more only wait for each other."""


def main(state: Path) -> int:
    """Start everything, print where it is, wait; the exit status. Leaves nothing running."""
    try:
        return _run(state)
    finally:
        # However it ended: nobody may be sent to an address where nobody listens.
        (state / "prefect.json").unlink(missing_ok=True)


def _run(state: Path) -> int:
    console = Console()
    state.mkdir(parents=True, exist_ok=True)
    if not (state / "users.yaml").exists():
        shutil.copy(ROOT / "examples" / "users.yaml", state / "users.yaml")
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
        worker = ("worker", "start", "--pool", "qorgan", "--limit", str(WORKER_LIMIT), "--name", "local")
        processes.start("worker", [*prefect_command(), *worker], env)
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

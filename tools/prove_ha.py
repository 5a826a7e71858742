"""``python -m tools.prove_ha``: drive cases over several hosts while their parts are killed; write docs/proof-ha.md.

PostgreSQL, Redis, two Prefect API servers, background services apart and three workers run as real processes, with
the environment of deploy/env. Practice reports come in, practice reviewers decide, the practice platform answers.
A worker, an API server, Redis, the services and PostgreSQL are killed (SIGKILL) at seeded moments under load and
started again after five seconds. At the end the platform's list and the mailbox are compared with the case file.

Ends with 1 when something was lost, doubled or broken, or did not settle.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.practice import practice_reports, practice_runtime
from tasks.settings import ROOT
from tests.database import quick_folder
from tools.ha_checks import compare
from tools.ha_faults import KILLED, Faults, plan
from tools.ha_hosts import Network, go_inside
from tools.ha_load import Load
from tools.ha_page import Proof, write
from tools.ha_parts import DidNotStart, Parts
from tools.ha_people import StaffAtWork
from tools.ha_stores import make_databases, postgres, redis
from tools.ha_topology import (
    DATA,
    HOSTS,
    OUTSIDE,
    SERVERS,
    Hosts,
    case_file_url,
    client_env,
    front_parts,
    server_env,
    server_parts,
    worker_parts,
)

START_SECONDS = 180
STALL_SECONDS = 900.0
"""Without any change of the case file for so long the run gives up: longer than a dead drive's lease."""

STEP_SECONDS = 0.5
LINE_SECONDS = 60.0
"""Where nobody sees the bar, it says so often how far it is."""


@dataclass
class Run:
    """One run of the proof, in a folder of its own."""

    cases: int
    seed: int
    home: Path
    console: Console
    killed: Sequence[str] = KILLED

    def go(self) -> Proof:
        """Start everything, work, kill, settle, compare. Nothing is left running."""
        with ExitStack() as all_of_it:
            network = all_of_it.enter_context(Network(HOSTS))
            parts = all_of_it.enter_context(Parts(self.home / "logs"))
            with self.console.status(f"starting the parts on {network.kind} …"):
                self._start(all_of_it, parts, network.hosts)
            settings = client_env(network.hosts, self.home / "desk")
            runtime = practice_runtime(
                self.home / "qorgan", now=partial(datetime.now, UTC), database_url=case_file_url(network.hosts),
                vault_key=settings["QORGAN_VAULT_KEY"], platform_url=settings["QORGAN_PLATFORM_URL"],
                smtp_host=settings["QORGAN_SMTP_HOST"], smtp_port=int(settings["QORGAN_SMTP_PORT"]),
                smtp_security="none",
            )  # fmt: skip
            all_of_it.callback(runtime.engine.dispose)
            with self.console.status("deploying the flows …"):
                _run("release.sh", settings)
            with self.console.status("starting the workers …"):
                for part in worker_parts(network.hosts, self.home):
                    parts.start(part)
            reports = practice_reports(self.cases, self.seed).split(b"\n")
            load = Load(runtime, network.hosts, reports)
            faults = Faults(runtime, parts, network.hosts, plan(self.seed, self.killed))
            began = time.time()
            with StaffAtWork(runtime, self.seed) as staff:
                settled = self._work(load, faults, parts)
            if staff.failed is not None:
                raise staff.failed
            ended = time.time()
            faults.conclude()
            found = compare(runtime, reports, self.home / OUTSIDE)
            return Proof(
                self.cases, self.seed, network.kind, settled, faults.done, dict(parts.ended_by_themselves),
                found, load.rhythm(began), seconds=ended - began,
            )  # fmt: skip

    def _start(self, all_of_it: ExitStack, parts: Parts, hosts: Hosts) -> None:
        for name in ("qorgan", OUTSIDE):
            (self.home / name).mkdir()
        data = all_of_it.enter_context(quick_folder("qorgan-ha-"))
        data.chmod(0o755)
        for make in (postgres, redis):
            folder = data / make.__name__
            folder.mkdir()
            parts.start(make(hosts[DATA], folder), within=START_SECONDS)
        make_databases(hosts[DATA])
        for part in front_parts(hosts, self.home, self.seed):
            parts.start(part, within=START_SECONDS)
        _run("migrate.sh", client_env(hosts, self.home / "desk") | server_env(hosts, self.home / SERVERS[0]))
        for part in server_parts(hosts, self.home):
            parts.start(part)
        for name in SERVERS:
            parts.wait_for(name, START_SECONDS)

    def _work(self, load: Load, faults: Faults, parts: Parts) -> bool:
        """Until nothing moves any more and every fault is over; False when it got stuck before."""
        columns = (TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as progress:
            bar, next_line = progress.add_task("reports come in", total=self.cases), 0.0
            while True:
                back = parts.tend()
                load.step(back)
                faults.step(load.share)
                say = f"{load.phase}; {len(faults.done)} of {len(self.killed)} parts killed"
                progress.update(bar, completed=load.finished, description=say)
                if not self.console.is_terminal and time.monotonic() >= next_line:
                    next_line = time.monotonic() + LINE_SECONDS
                    self.console.print(f"{load.finished} of {self.cases} done; {say}", highlight=False, soft_wrap=True)
                if load.settled and faults.settled():
                    return True
                if load.still_for() > STALL_SECONDS:
                    return False
                time.sleep(STEP_SECONDS)


def _run(script: str, env: Mapping[str, str]) -> None:
    """One of deploy's scripts, to its end. Raises DidNotStart with the last line it said."""
    command = ["sh", f"deploy/{script}"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=900)  # noqa: S603
    if done.returncode != 0:
        raise DidNotStart(f"{script} failed: {' '.join((done.stderr or done.stdout).strip().splitlines()[-1:])}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run, write page and JSON, end with 0 when everything held."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="python -m tools.prove_ha", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=2_000, help="practice reports that are handed in")
    parser.add_argument("--seed", type=int, default=2026, help="reports, outcomes and moments of the kills")
    parser.add_argument("--kill", nargs="*", choices=KILLED, default=list(KILLED), help="parts to kill; by default all")
    parser.add_argument("--no-write", action="store_true", help="leave docs/ and var/ alone, print the page")
    parser.add_argument("--keep", type=Path, help="folder for logs and mails, kept; by default a temporary one")
    wanted = parser.parse_args(arguments)
    go_inside(["-m", "tools.prove_ha", *arguments])
    # Told to stop, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    console = Console(stderr=True)
    with ExitStack() as places:
        home = wanted.keep or Path(places.enter_context(tempfile.TemporaryDirectory(prefix="qorgan-ha-")))
        home.mkdir(parents=True, exist_ok=True)
        proof = Run(wanted.cases, wanted.seed, home.resolve(), console, wanted.kill).go()
    text = write(proof, keep=not wanted.no_write)
    if wanted.no_write:
        sys.stdout.write(text)
    console.print(proof.verdict)
    return 0 if proof.holds else 1


if __name__ == "__main__":
    sys.exit(main())

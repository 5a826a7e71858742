"""The parts of an installation on many hosts, as processes: started, killed like a machine that lost its power,
and started again as a service manager does it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from tasks.settings import ROOT
from tools.ha_hosts import Host

RESTART_SECONDS = 5.0
"""Pause before a part that ended is started again, as in deploy/systemd (RestartSec) and compose.yaml."""


class DidNotStart(Exception):
    """A part did not answer in time; the message names it and its log."""


@dataclass
class Part:
    """One process: its host, its command, its environment, and how to see that it works."""

    name: str
    host: Host
    command: Sequence[str]
    env: Mapping[str, str]
    works: Callable[[], bool] = lambda: True
    account: str | None = None
    """Whose rights it runs with, where the run itself is root: PostgreSQL refuses root."""

    def line(self) -> list[str]:
        """The command as it is started: with the rights it needs, and gone when this process is."""
        become = (f"--reuid={self.account}", f"--regid={self.account}", "--clear-groups") if self.account else ()
        return [*self.host.enter, "setpriv", "--pdeathsig=KILL", *become, *self.command]


def descendants(pid: int) -> list[int]:
    """A process's children, and theirs, at this moment: a run may have left its worker's group."""
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, ValueError, IndexError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            parents.setdefault(int(fields[1]), []).append(int(folder.name))
    found, left = [], [pid]
    while left:
        children = parents.get(left.pop(), [])
        found += children
        left += children
    return found


@dataclass
class Parts:
    """All parts of one run. One that ends by itself is counted, and started again like one that was killed."""

    logs: Path
    ended_by_themselves: dict[str, int] = field(default_factory=dict)
    _parts: dict[str, Part] = field(default_factory=dict)
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    _again_at: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> Parts:
        self.logs.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._again_at.clear()
        for name in reversed(self._running):
            self._end(name)

    def __getitem__(self, name: str) -> Part:
        return self._parts[name]

    def start(self, part: Part, *, within: float = 0) -> None:
        """Start a part; with ``within``, wait so many seconds until it works. Raises DidNotStart."""
        self._parts[part.name] = part
        with (self.logs / f"{part.name}.log").open("ab") as log:
            self._running[part.name] = subprocess.Popen(  # noqa: S603  our own commands
                part.line(), env=dict(part.env), cwd=ROOT, stdout=log, stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        if within:
            self.wait_for(part.name, within)

    def wait_for(self, name: str, seconds: float) -> None:
        """Wait until a part works. Raises DidNotStart."""
        deadline = time.monotonic() + seconds
        while not self._parts[name].works():
            if self._running[name].poll() is not None or time.monotonic() > deadline:
                raise DidNotStart(f"{name} did not start; read {self.logs / name}.log")
            time.sleep(0.2)

    def processes(self, name: str) -> list[int]:
        """A part's process and everything it started."""
        pid = self._running[name].pid
        return [pid, *descendants(pid)]

    def kill(self, name: str) -> None:
        """SIGKILL to the process and everything it started; it comes back after ``RESTART_SECONDS``."""
        self._end(name)
        self._again_at[name] = time.monotonic() + RESTART_SECONDS

    def tend(self) -> list[str]:
        """Start again what is due; the names. To be called again and again."""
        for name, process in self._running.items():
            if process.poll() is not None and name not in self._again_at:
                self.ended_by_themselves[name] = self.ended_by_themselves.get(name, 0) + 1
                self._end(name)
                self._again_at[name] = time.monotonic() + RESTART_SECONDS
        due = [name for name, at in self._again_at.items() if at <= time.monotonic()]
        for name in due:
            del self._again_at[name]
            self.start(self._parts[name])
        return due

    def _end(self, name: str) -> None:
        process = self._running[name]
        for pid in self.processes(name):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

"""Processes that work as a worker's runs do, each at one job, over and over, until somebody kills them.

Time runs fast, and each process's clock is off by up to five minutes. What a process connects to, whose name it asks
for, what it logs and what it fails at is written down where the others' is.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from desk.demo_people import People
from tasks import case_lifecycle, correspondence
from tasks.collect_outcomes import collect
from tasks.inbox import take_in_inbox
from tasks.logs import configure_logs
from tasks.mail_reading import read_stored
from tasks.mailbox import fetch
from tasks.runtime import Runtime
from tasks.sla_sweep import sweep
from tests.children import close_all_but
from tests.prove.lab import Lab

SPEED = 240
"""Seconds of the case file in one second of ours: four minutes."""

SKEW = timedelta(minutes=5)
PAUSE_SECONDS = 0.05


@dataclass(frozen=True)
class FastClock:
    """``began`` is ours, in seconds since the epoch; ``start`` is what the case file's clocks showed then."""

    began: float
    start: datetime
    skew: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return self.start + timedelta(seconds=(time.time() - self.began) * SPEED) + self.skew


def drive(runtime: Runtime) -> None:
    """As the drive-cases flow: one that fails is set aside, the others go on."""
    numbers = case_lifecycle.claim(runtime, None, f"monkey:{os.getpid()}", 5)
    failed = case_lifecycle.advance_all(runtime, numbers).failed
    for number, error in failed.items():
        case_lifecycle.set_aside(runtime, number, error)
    for error in failed.values():
        raise error


def letters(runtime: Runtime) -> None:
    correspondence.send_letters(runtime, limit=30)


def clocks_and_answers(runtime: Runtime) -> None:
    collect(runtime)
    sweep(runtime)


def reports_and_mails(runtime: Runtime) -> None:
    for _batch in take_in_inbox(runtime):
        pass
    fetch(runtime)
    read_stored(runtime)


def people(runtime: Runtime) -> None:
    """The unit at work. Everybody looks before acting; who finds that it was done meanwhile goes on."""
    staff = People(runtime, 2026)
    staff.enter_portals()
    staff.review()
    staff.supply_missing()
    staff.answer_questions()
    staff.read_portals()
    staff.acknowledge_some()


JOBS: dict[str, Callable[[Runtime], None]] = {
    "drive": drive,
    "drive too": drive,
    "letters": letters,
    "letters too": letters,
    "clocks": clocks_and_answers,
    "intake": reports_and_mails,
    "people": people,
}


@dataclass
class Notes:
    """Files to which every process appends lines; a line is whole or not there."""

    folder: Path

    def add(self, name: str, line: str) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def read(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def watch_connections(notes: Notes) -> None:
    """Write down every address that this process connects to, and every name that it asks for."""

    def heard(event: str, said: tuple[Any, ...]) -> None:
        if event == "socket.connect":
            notes.add("connected", json.dumps(said[1]))
        elif event == "socket.getaddrinfo":
            notes.add("asked", str(said[0]))

    sys.addaudithook(heard)


def log_to(notes: Notes) -> None:
    """Our log lines, made as in production, go to a file."""
    configure_logs(as_json=True)
    ours = logging.getLogger("qorgan")
    ours.handlers = [logging.FileHandler(notes.folder / "log", encoding="utf-8")]


def start_worker(lab: Lab, job: str, clock: FastClock, notes: Notes, chance: Random, room: int | None = None) -> int:
    """Fork a worker; its process id. ``room``: so many bytes may a file have, as on a disk that is full."""
    skew = timedelta(seconds=chance.uniform(-1, 1) * SKEW.total_seconds())
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        close_all_but()
        watch_connections(notes)
        log_to(notes)
        runtime = replace(lab.runtime(), now=replace(clock, skew=skew))
        if room is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
        while os.getppid() == parent:
            try:
                JOBS[job](runtime)
            except Exception as error:
                notes.add("errors", f"{job}: {type(error).__module__}.{type(error).__name__}")
            time.sleep(PAUSE_SECONDS)
    except BaseException as error:
        notes.add("errors", f"{job}: not begun: {type(error).__name__}")
    finally:
        os._exit(1)

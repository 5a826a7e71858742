"""The monkey: seeded faults under load, for a given time; then they stop, everything settles, and must be sound.

Every choice of the monkey follows from its seed; what several processes make of it does not, and is judged by what
must hold whatever happened.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from random import Random
from typing import Any

from sqlalchemy import func, or_, select

from casework.vocabulary import DeliveryState, MailState, ReportState
from db.tables import CaseFile, Event, InboundMail, Letter, Report, Submission
from desk.seen_outside import in_mailbox, seen_outside
from sandbox.behaviour import Behaviour
from sandbox.practice_mailbox import read_message
from sandbox.running import start_platform_in_thread
from tasks.case_lifecycle import ready
from tasks.checks import Check
from tasks.collect_outcomes import collect
from tasks.correspondence import send_letters, settle_letter
from tasks.invariants import invariants
from tasks.outside import canaries_nowhere, connected_only_to, no_reported_url_requested
from tasks.reconcile import reconcile
from tasks.runtime import Runtime
from tests.children import in_child
from tests.prove.evidence import tell_platform
from tests.prove.lab import Lab
from tests.prove.own_postgres import crash_and_restart
from tests.prove.workers import (
    JOBS,
    FastClock,
    Notes,
    clocks_and_answers,
    drive,
    log_to,
    people,
    reports_and_mails,
    start_worker,
    watch_connections,
)
from tests.stories import INTAKE, START, in_danger, report

KNOWN_ERRORS = ("sqlalchemy.exc.", "casework.errors.", "builtins.OSError", "builtins.FileNotFoundError", "tasks.")
"""What a job may end with when something it needs is away, or a person was quicker: its next run goes on."""

ROUNDS = 60
"""So often everything is tried again after the faults have stopped, six hours apart, until nothing is left to do."""

CANARY = "kanarka"


@dataclass
class Result:
    """What the monkey did, and what was found at the end."""

    database: str
    seed: int
    seconds: float
    reports: int = 0
    cases: int = 0
    notices: int = 0
    mails: int = 0
    rounds: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    checks: list[Check] = field(default_factory=list)

    @property
    def broken(self) -> list[Check]:
        return [check for check in self.checks if not check.holds]


AT_ONCE = {"min": 0.0, "max": 0.0}
"""Hours: an answer is there before the receipt is written."""


class Monkey:
    """One run on one laboratory."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self.lab, self.seed, self.chance = lab, seed, Random(seed)
        folder = lab.folder / "notes"
        folder.mkdir()
        self.notes = Notes(folder)
        self.clock = FastClock(time.time(), START)
        self.workers: dict[str, int] = {}
        self.faults: Counter[str] = Counter()
        self.made = 0
        self.mail_down_until = 0.0
        self.servers: list[subprocess.Popen[bytes]] = []

    def run(self, seconds: float, seen: Callable[[float, Counter[str]], None]) -> Result:
        """Faults and load for so long, then peace. ``seen`` hears the seconds gone and the faults so far."""
        began = time.monotonic()
        for job in JOBS:
            self._start(job)
        try:
            while (gone := time.monotonic() - began) < seconds:
                self._load()
                self._fault()
                self._mend()
                seen(gone, self.faults)
                time.sleep(self.chance.uniform(0.05, 0.4))
        finally:
            for pid in self.workers.values():
                _kill(pid)
        result = self._peace(Result(self.lab.name, self.seed, round(time.monotonic() - began, 1)))
        for server in self.servers:
            assert server.stdin is not None
            server.stdin.close()
            server.wait(30)
        return result

    # Load

    def _load(self) -> None:
        """Reports come in, some of them twice, some in danger, some unreadable; the platform's clock goes on."""
        inbox = self.lab.home / "inbox"
        inbox.mkdir(exist_ok=True)
        lines = [json.dumps(self._report(), ensure_ascii=False) for _ in range(self.chance.randrange(1, 4))]
        if self.chance.random() < 0.2:
            lines += [lines[0], '{"links": "unreadable']
        unfinished = inbox / f"{self.made:06d}.part"
        unfinished.write_text("\n".join(lines), encoding="utf-8")
        unfinished.replace(unfinished.with_suffix(".jsonl"))
        self.lab.platform.set_clock(self.clock())
        if self.chance.random() < 0.3:
            self._mails_come()

    def _report(self) -> dict[str, Any]:
        self.made += 1
        number = self.made
        links = [f"https://www.tiktok.com/@{CANARY}{number}/video/73{number:017d}"]
        if number % 5 == 0:
            links.append(f"https://www.facebook.com/groups/{CANARY}/posts/{number:015d}/")
        fields: dict[str, Any] = {
            "links": links,
            "description": f"{CANARY}-description {number}",
            "quote": f"{CANARY}-quote {number}",
            "reporter": {"name": f"Kanarka {number}", "email": f"{CANARY}{number}@pochta.example"},
        }
        if number % 11 == 0:
            return in_danger(**fields)
        if number % 7 == 0:
            fields |= {"observed_at": None, "quote": "", "why_unlawful": ""}
        return report(**fields, category=self.chance.choice(("fraud", "gambling_advertising", "drugs")))

    def _mails_come(self) -> None:
        """Some recipients answer; mails come in any order, and some come twice."""
        folder = self.lab.home / "mail-in"
        folder.mkdir(exist_ok=True)
        newest = [read_message(path) for path in sorted(self.lab.mailbox.directory.glob("*.eml"))[-20:]]
        got = [kept for kept in newest if kept.message["Reply-To"]]
        for kept in self.chance.sample(got, min(2, len(got))):
            mail = (
                f"Message-ID: <again.{kept.message['X-Qorgan-Letter']}@pochta.example>\nFrom: {kept.recipients[0]}\n"
                f"To: {kept.message['Reply-To']}\nSubject: Re: letter\nIn-Reply-To: {kept.message['Message-ID']}\n"
                "Content-Type: text/plain; charset=utf-8\n\nWe have it in hand.\n"
            )
            for _copy in range(self.chance.choice((1, 1, 2))):
                path = folder / f"{self.chance.randrange(10**9):09d}.part"
                path.write_text(mail, encoding="utf-8")
                path.replace(path.with_suffix(".eml"))

    # Faults

    def _fault(self) -> None:
        kinds: dict[str, Callable[[], None]] = {
            "worker killed": self._kill_worker,
            "mail server away": self._mail_away,
            "mail server says later": self._mail_later,
            "mail server lost after the text": lambda: self._mailbox("drop_after_data_next"),
            "mail server lost before the text": lambda: self._mailbox("drop_before_data_next"),
            "mail server refuses": lambda: self._mailbox("reject_data_next"),
            "platform fails": lambda: self._platform(fail_next=2),
            "platform fails after it accepted": lambda: self._platform(fail_after_accept_next=2),
            "platform hangs up in its answer": lambda: self._platform(close_after_accept_next=1),
            "platform answers too late": lambda: self._platform(timeout_next=1, timeout_seconds=2.0),
            "platform slow": lambda: self._platform(latency_seconds=self.chance.uniform(0.0, 0.3)),
            "platform says later": lambda: self._platform(rate_limit_next=2),
            "platform answers twice": lambda: self._platform(repeat_answers=self.chance.random() < 0.5),
            "platform decides at once": lambda: self._platform(answer_delay_hours=AT_ONCE),
            "platform takes its time": lambda: self._platform(answer_delay_hours=Behaviour().answer_delay_hours),
            "platform answers about nothing": lambda: self._platform(stray_answer_next=1),
            "platform away": self._platform_away,
        }
        if self.lab.server is None:
            kinds["disk full"] = self._disk_full
        else:
            kinds["database crashes"] = self._database_crashes
        kind = self.chance.choices(list(kinds), [6, *[1] * (len(kinds) - 1)])[0]
        if kind == "mail server away" and self.mail_down_until:
            return
        kinds[kind]()
        self.faults[kind] += 1

    def _start(self, job: str, room: int | None = None) -> None:
        self.workers[job] = start_worker(self.lab, job, self.clock, self.notes, self.chance, room)
        self.faults["clock off by up to 5 min"] += 1

    def _kill_worker(self) -> None:
        job = self.chance.choice(list(self.workers))
        _kill(self.workers[job])
        self._start(job)

    def _disk_full(self) -> None:
        """A worker that may write no file longer than about as long as the database's is now."""
        job = self.chance.choice(list(self.workers))
        _kill(self.workers[job])
        sizes = [path.stat().st_size for path in self.lab.home.glob("qorgan.db*") if not path.name.endswith("-shm")]
        self._start(job, max(sizes) + self.chance.randrange(1, 60_000))

    def _database_crashes(self) -> None:
        assert self.lab.server is not None
        self.servers.append(crash_and_restart(self.lab.server))

    def _mail_away(self) -> None:
        self.lab.mailbox.stop()
        self.mail_down_until = time.monotonic() + self.chance.uniform(0.2, 1.0)

    def _mail_later(self) -> None:
        self.lab.mailbox.defer_recipients = {f"{CANARY}{self.chance.randrange(1, self.made + 1)}@pochta.example"}

    def _mailbox(self, knob: str) -> None:
        setattr(self.lab.mailbox, knob, getattr(self.lab.mailbox, knob) + 1)

    def _platform(self, **knobs: Any) -> None:
        self.lab.platform.behaviour(**knobs)

    def _platform_away(self) -> None:
        """The platform's server is gone and comes back with all that it knew."""
        gone = self.lab.platform
        port = int(gone.url.rpartition(":")[2])
        gone.stop()
        time.sleep(self.chance.uniform(0.0, 0.3))
        self.lab.platform = start_platform_in_thread(port=port)
        self.lab.platform._app.state.ledger = gone._ledger

    def _mend(self) -> None:
        """What was away comes back; a worker that ended by itself is started again."""
        if self.mail_down_until and time.monotonic() > self.mail_down_until:
            self.lab.mailbox.start()
            self.mail_down_until = 0.0
        for job, pid in list(self.workers.items()):
            if os.waitpid(pid, os.WNOHANG)[0]:
                self.notes.add("errors", f"{job}: the worker ended")
                self._start(job)

    # Peace

    def _peace(self, result: Result) -> Result:
        mailbox = self.lab.mailbox
        if self.mail_down_until:
            mailbox.start()
        mailbox.defer_recipients = set()
        mailbox.drop_after_data_next = mailbox.drop_before_data_next = mailbox.reject_data_next = 0
        self._platform(
            fail_next=0, fail_after_accept_next=0, close_after_accept_next=0, timeout_next=0, latency_seconds=0.0,
            rate_limit_next=0, stray_answer_next=0, repeat_answers=False,
        )  # fmt: skip
        found = in_child(self._settle).said
        result.rounds = found["rounds"]
        result.checks = [Check(*each) for each in found["checks"]]
        result.reports, result.cases, result.notices, result.mails = found["counts"]
        result.faults = dict(self.faults)
        result.errors = dict(Counter(self.notes.read("errors")))
        strange = [each for each in result.errors if not each.partition(": ")[2].startswith(KNOWN_ERRORS)]
        name = "jobs failed only for want of what was away"
        result.checks.append(
            Check(name, not strange, strange[0] if strange else f"{len(result.errors)} kinds of error")
        )
        return result

    def _settle(self) -> dict[str, Any]:
        """In a process of its own: repair, then rounds of all jobs until nothing is left to do; then look at all."""
        watch_connections(self.notes)
        log_to(self.notes)
        clock = replace(self.clock, start=self.clock.start + timedelta(hours=1))
        runtime = replace(self.lab.runtime(), now=clock)
        reconcile(runtime)
        rounds = 0
        while rounds < ROUNDS and (rounds < 3 or not _at_rest(runtime)):
            rounds += 1
            clock = replace(clock, start=clock.start + timedelta(hours=6))
            runtime = replace(runtime, now=clock)
            tell_platform(runtime, "clock", now=clock().isoformat())
            for job in (reports_and_mails, people, clocks_and_answers, _drive_all, _send_all, _settle_letters):
                job(runtime)
        checks = [*invariants(runtime), *seen_outside(runtime, self.lab.mailbox), *self._watched(runtime)]
        checks.append(Check("everything has come to rest", _at_rest(runtime), f"after {rounds} rounds"))
        return {
            "rounds": rounds,
            "checks": [(check.name, check.holds, check.detail) for check in checks],
            "counts": [*_counts(runtime), len(list(in_mailbox(self.lab.mailbox)))],
        }

    def _watched(self, runtime: Runtime) -> list[Check]:
        ours = {self.lab.mailbox.host, "127.0.0.1", "localhost"}
        asked = [name for name in self.notes.read("asked") if name not in ours]
        known = [json.dumps([self.lab.mailbox.host, port]) for port in self._ports()]
        with runtime.sessions.read() as session:
            events = "\n".join(f"{reason} {data}" for reason, data in session.execute(select(Event.reason, Event.data)))
        places = {
            "the logs": "\n".join(self.notes.read("log")),
            "the event log": events,
            "a subject": "\n".join(kept.subject for kept in self.lab.mailbox.messages()),
        }
        return [
            no_reported_url_requested(asked),
            connected_only_to(self.notes.read("connected"), known),
            canaries_nowhere({"canary": CANARY}, places),
        ]

    def _ports(self) -> list[int]:
        return [self.lab.mailbox.port, int(self.lab.platform.url.rpartition(":")[2])]


def _drive_all(runtime: Runtime) -> None:
    for _page in range(1_000):
        if not ready(runtime, None):
            return
        # One that fails is set aside: that nothing is left is looked at in the end.
        with suppress(Exception):
            drive(runtime)


def _send_all(runtime: Runtime) -> None:
    send_letters(runtime)


def _settle_letters(runtime: Runtime) -> None:
    """A person asks about every letter of which nobody knows, and gives up what the mail server refused."""
    with runtime.sessions.read() as session:
        query = select(Letter.id, Letter.state).where(
            Letter.state.in_((DeliveryState.UNKNOWN, DeliveryState.REFUSED)), Letter.digest_id.is_(None)
        )
        waiting = session.execute(query).all()
    for letter_id, state in waiting:
        if state == DeliveryState.UNKNOWN:
            settle_letter(runtime, letter_id, INTAKE, "arrived", "the recipient has it")
        else:
            settle_letter(runtime, letter_id, INTAKE, "dropped", "told by telephone")


def _at_rest(runtime: Runtime) -> bool:
    """Nothing is left that the system could do now, nor any answer at the platform that it has not heard."""
    if collect(runtime).recorded:
        return False
    with runtime.sessions.read() as session:
        left = [
            select(func.count()).select_from(Report).where(Report.state == ReportState.STORED),
            select(func.count()).select_from(InboundMail).where(InboundMail.state == MailState.STORED),
            select(func.count()).select_from(Letter).where(
                or_(
                    Letter.state == DeliveryState.SENDING,
                    (Letter.state == DeliveryState.QUEUED) & Letter.next_attempt_at.is_(None),
                )
            ),
            select(func.count()).select_from(Submission).where(
                Submission.state.in_((DeliveryState.SENDING, DeliveryState.UNKNOWN, DeliveryState.QUEUED))
            ),
            select(func.count()).select_from(CaseFile).where(CaseFile.drive_at.is_not(None)),
        ]  # fmt: skip
        return not any(session.scalar(query) for query in left)


def _counts(runtime: Runtime) -> list[int]:
    with runtime.sessions.read() as session:
        return [
            session.scalar(select(func.count()).select_from(table)) or 0 for table in (Report, CaseFile, Submission)
        ]


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

"""The main job on invented reports: two weeks of a unit's work in about a minute, on real Prefect.

An injected clock runs at real speed and is moved forward between the steps, through
deadlines, the Nauryz holidays and a weekend with a moved working day. Nothing leaves this machine.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from casework.errors import QorganError
from casework.pack_reader import OVERRIDES
from desk.demo_mail import Correspondents
from desk.demo_people import People
from desk.local import PrefectServer, Processes, plan_prefect, start_prefect
from sandbox.behaviour import Behaviour
from sandbox.practice_mailbox import PracticeMailbox
from sandbox.practice_platform import PlatformSettings
from sandbox.running import RunningPlatform, start_platform_in_thread
from tasks.case_lifecycle import ready
from tasks.logs import configure_logs
from tasks.runtime import Runtime, build, use
from tasks.settings import ROOT, Settings

SEED = 2026
PACK = "kz-ministry"
ALMATY = ZoneInfo("Asia/Almaty")
SILENT = ("drugs", "gambling_advertising", "hate_incitement")
"""Categories on which the practice platform stays silent at first, so that rungs are raised."""

MOVED_DAYS = (
    "calendar,day,kind,name,hours,source,url,verified_on\n"
    ',2026-03-27,closed,"Practice: day off, worked on 28 March",,practice only: no decision of a government,,\n'
    ',2026-03-28,open,"Practice: Saturday worked for Friday 27 March",,practice only: no decision of a government,,\n'
)
"""2026 has no moved working day in the public calendar; the demo adds one, to show how it is counted."""


@dataclass
class DemoClock:
    """Runs at real speed from where it was set; only ever moved forward."""

    base: datetime
    started: float = field(default_factory=time.monotonic)

    def __call__(self) -> datetime:
        return self.base + timedelta(seconds=time.monotonic() - self.started)

    def move_to(self, at: datetime) -> None:
        if at < self():
            raise ValueError("the clock does not go back")
        self.base, self.started = at, time.monotonic()


@dataclass
class World:
    """Everything the steps of the demo touch."""

    runtime: Runtime
    clock: DemoClock
    platform: RunningPlatform
    mailbox: PracticeMailbox
    people: People
    correspondents: Correspondents

    def move_to(self, day: int, hour: int, minute: int = 0, *, month: int = 3) -> None:
        """Set our clock and the platform's to a local time of 2026."""
        self.clock.move_to(datetime(2026, month, day, hour, minute, tzinfo=ALMATY).astimezone(UTC))
        self.platform.set_clock(self.clock())


def main(home: Path, console: Console | None = None) -> int:
    """Run the demo in a fresh ``home``; the exit status: 0 when every invariant held."""
    from desk.demo_report import conclude

    shown = console or Console()
    if home.exists() and not (home / "demo").exists() and any(home.iterdir()):
        raise QorganError(f"{home} holds something that is no demo; it is not overwritten", rule="demo.home")
    shutil.rmtree(home, ignore_errors=True)
    (home / "logs").mkdir(parents=True)
    (home / "demo").touch()
    shutil.copy(ROOT / "examples" / "users.yaml", home / "users.yaml")
    began = time.monotonic()
    with Processes(home / "logs") as processes, _Quiet(home):
        with shown.status("starting Prefect; it makes its own database first …"), ThreadPoolExecutor(1) as aside:
            server = plan_prefect(home, port=0)
            _point_at(server)
            starting = aside.submit(start_prefect, processes, home, server)
            # Meanwhile, what takes a few seconds of its own: our database, and importing Prefect.
            world = _world(home)
            importlib.import_module("flows.drive_cases")
            starting.result()
        try:
            with use(world.runtime):
                asyncio.run(_play(world, shown))
                return conclude(world, home, shown, seconds=time.monotonic() - began)
        finally:
            world.platform.stop()
            world.mailbox.stop()
            (home / "prefect.json").unlink(missing_ok=True)


def _point_at(server: PrefectServer) -> None:
    """Prefect reads its settings when it is first imported, which happens after this."""
    os.environ.update(
        {key: value for key, value in server.env.items() if key.startswith("PREFECT_") or key == "DO_NOT_TRACK"}
    )
    os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"


class _Quiet:
    """Our log lines go to a file while the bar is shown."""

    def __init__(self, home: Path) -> None:
        self._file = home / "logs" / "demo.log"

    def __enter__(self) -> None:
        configure_logs()
        self._handler = logging.FileHandler(self._file, encoding="utf-8")
        ours = logging.getLogger("qorgan")
        self._before, ours.handlers = ours.handlers, [self._handler]

    def __exit__(self, *_: object) -> None:
        logging.getLogger("qorgan").handlers = self._before
        self._handler.close()


def _world(home: Path) -> World:
    clock = DemoClock(datetime(2026, 3, 18, 9, 0, tzinfo=ALMATY).astimezone(UTC))
    behaviour = Behaviour(silent_categories=list(SILENT))
    platform = start_platform_in_thread(PlatformSettings(seed=SEED, behaviour=behaviour, now=clock()))
    mailbox = PracticeMailbox(home / "mail")
    mailbox.start()
    settings = Settings(
        home=home, pack=str(_practice_pack(home)), platform_url=platform.url, smtp_host="127.0.0.1",
        smtp_port=mailbox.port, smtp_security="none",
    )  # fmt: skip
    runtime = build(settings, now=clock)
    return World(runtime, clock, platform, mailbox, People(runtime, SEED), Correspondents(runtime, SEED))


def _practice_pack(home: Path) -> Path:
    """The ministry's pack with the practice days added, in a folder of the demo's own."""
    folder = home / "policy" / PACK
    shutil.copytree(ROOT / "policies" / PACK, folder)
    (folder / OVERRIDES).write_text(MOVED_DAYS, encoding="utf-8")
    return folder


Step = tuple[str, Callable[[World], Awaitable[None]]]


async def _play(world: World, console: Console) -> None:
    """The steps in order, under one bar."""
    steps: tuple[Step, ...] = (
        ("Wed 18 Mar 09:00  reports come in; danger to children is acted on at once", _intake),
        ("Wed 18 Mar 09:20  reviewers decide, most urgent first", _first_reviews),
        ("Wed 18 Mar 15:00  notices go out; some platforms fail, one loses its answer", _trouble),
        ("Thu 19 Mar 10:30  the mail server is down for an hour", _mail_down),
        ("Thu 19 Mar 16:00  a day has passed: platforms are reminded", _after_a_day),
        ("Thu 19 Mar 22:00  no answer: the regional liaison is asked", _work),
        ("Fri 20 Mar 11:00  liaisons answer by mail and telephone; one letter comes back", _acknowledged),
        ("Sat 21 Mar 12:00  Nauryz: the head of the regional office is asked", _work),
        ("Sat 28 Mar 10:00  a moved working day", _moved_working_day),
        ("Mon 30 Mar 19:00  working-day clocks run out; reporters who never answered", _work),
        ("Fri  3 Apr 12:00  the platform answers the rest", _answers),
        ("Mon  6 Apr 12:00  what is left is closed", _last),
    )
    times = ((18, 9, 0, 3), (18, 9, 20, 3), (18, 15, 0, 3), (19, 10, 30, 3), (19, 16, 0, 3), (19, 22, 0, 3),
             (20, 11, 0, 3), (21, 12, 0, 3), (28, 10, 0, 3), (30, 19, 0, 3), (3, 12, 0, 4),
             (6, 12, 0, 4))  # fmt: skip
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=len(steps))
        for (title, step), (day, hour, minute, month) in zip(steps, times, strict=True):
            progress.update(bar, description=title)
            if step is not _intake:
                world.move_to(day, hour, minute, month=month)
            await step(world)
            progress.advance(bar)


async def _intake(world: World) -> None:
    from flows.intake import intake

    inbox = world.runtime.settings.inbox
    inbox.mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / "examples" / "reports").iterdir()):
        shutil.copy(path, inbox / path.name)
    await _run(intake())
    await _work(world)


async def _work(world: World) -> None:
    """One round of the scheduled flows, as the worker runs them all day."""
    from flows.collect_outcomes import collect_outcomes
    from flows.correspondence import correspondence
    from flows.drive_cases import drive_cases
    from flows.sla_sweep import sla_sweep

    world.people.enter_portals()
    await _run(collect_outcomes())
    await _run(sla_sweep())
    for lane in ("child-safety", "routine"):
        if ready(world.runtime, lane):
            await _run(drive_cases(lane=lane))
    world.people.enter_portals()
    await _run(correspondence())


async def _run(flow_run: Awaitable[object]) -> None:
    """A flow that ends Failed has done its work and says what it set aside; the demo looks at the case file."""
    try:
        await flow_run
    except QorganError:
        raise
    except Exception as error:
        logging.getLogger("qorgan.demo").warning("a run failed: %s", type(error).__name__)


async def _first_reviews(world: World) -> None:
    world.people.review()
    await _work(world)


async def _trouble(world: World) -> None:
    world.people.supply_missing()
    world.platform.behaviour(fail_next=1, fail_after_accept_next=1, rate_limit_next=1)
    world.people.review()
    await _work(world)


async def _mail_down(world: World) -> None:
    port = world.mailbox.port
    world.mailbox.stop()
    world.people.read_portals()
    await _work(world)
    world.mailbox = PracticeMailbox(world.mailbox.directory, port=port)
    world.mailbox.start()


async def _after_a_day(world: World) -> None:
    world.mailbox.drop_after_data_next = 1
    world.people.review()
    await _work(world)


async def _acknowledged(world: World) -> None:
    from flows.mailbox import mailbox

    world.correspondents.answer(world.mailbox.messages())
    await _run(mailbox())
    world.people.acknowledge_some()
    world.people.answer_questions()
    world.people.read_portals()
    await _work(world)


async def _moved_working_day(world: World) -> None:
    world.people.supply_missing()
    world.people.review()
    world.people.answer_questions()
    await _work(world)


async def _answers(world: World) -> None:
    world.platform.behaviour(silent_categories=[])
    world.people.review()
    world.people.answer_questions()
    world.people.read_portals()
    await _work(world)


async def _last(world: World) -> None:
    world.people.answer_questions()
    world.people.read_portals()
    await _work(world)

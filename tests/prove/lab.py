"""Where processes die: a practice platform and a mailbox that live on, and an installation that is put back each time.

A process under proof is a fork of this one (see ``tests/children.py``): it makes connections of its own, and ends
without tidying up.
"""

from __future__ import annotations

import copy
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox.ledger import Ledger
from sandbox.practice_mailbox import PracticeMailbox
from sandbox.practice_platform import PlatformSettings
from sandbox.running import RunningPlatform, start_platform_in_thread
from tasks.runtime import Runtime
from tasks.settings import Settings
from tests.database import PostgresServer, make_sqlite_template, quick_folder
from tests.stories import START, USERS, MovableClock, make_runtime

DATABASE, NAME = "qorgan_proof", "qorgan.db"
QUIET_SECONDS = 20.0


@dataclass
class Snapshot:
    """Everything as it was between two steps."""

    home: Path
    mail: Path
    ledger: dict[str, Any]
    at: datetime
    database: str


class Lab:
    """One installation on one database, with its surroundings."""

    def __init__(
        self, folder: Path, server: PostgresServer | None, platform: RunningPlatform, mailbox: PracticeMailbox
    ) -> None:
        self.folder, self.server, self.platform, self.mailbox = folder, server, platform, mailbox
        self.home = folder / "home"
        self.name = "SQLite" if server is None else "PostgreSQL"
        self.clock = MovableClock()
        self.snapshots = 0
        self.mailbox.directory = folder / "mail"
        self._warm: Runtime

    @property
    def settings(self) -> Settings:
        return Settings(
            home=self.home, users_file=USERS, platform_url=self.platform.url, smtp_host=self.mailbox.host,
            smtp_security="none", smtp_port=self.mailbox.port,
            database_url=None if self.server is None else self.server.url(DATABASE),
        )  # fmt: skip

    def begin(self, warm_up: Callable[[Runtime], None]) -> None:
        """An empty installation. ``warm_up`` is done once on another: what it compiles and reads, children have."""
        self._empty()
        self._warm = make_runtime(self.settings, self.clock)
        warm_up(self._warm)
        self._warm.channels["api"]._client.close()  # type: ignore[attr-defined]
        self.begin_anew()

    def begin_anew(self) -> None:
        """The installation is empty again."""
        self._warm.engine.dispose()
        self.wait_until_quiet()
        shutil.rmtree(self.home)
        shutil.rmtree(self.mailbox.directory)
        self._empty()
        self._warm = make_runtime(self.settings, self.clock)
        self._warm.engine.dispose()

    def _empty(self) -> None:
        self.home.mkdir(parents=True)
        self.mailbox.directory.mkdir()
        self.platform.reset(PlatformSettings(now=START))
        if self.server is None:
            template = self.folder / "template.db"
            shutil.copyfile(template if template.exists() else make_sqlite_template(self.folder), self.home / NAME)
        else:
            self.server.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
            self.server.execute(
                f"CREATE DATABASE {DATABASE} TEMPLATE qorgan_template STRATEGY FILE_COPY",
                # The tests' server says yes before a commit is written; a crash would take back what it said.
                f"ALTER DATABASE {DATABASE} SET synchronous_commit = on",
            )
        self.clock.set(START)

    def runtime(self) -> Runtime:
        """The runtime, in a child: its connections are its own."""
        self._warm.engine.dispose(close=False)
        return self._warm

    def take_snapshot(self) -> Snapshot:
        """Everything as it is now; no child may be running."""
        self.wait_until_quiet()
        self.snapshots += 1
        home, mail = self.folder / f"home-{self.snapshots}", self.folder / f"mail-{self.snapshots}"
        shutil.copytree(self.home, home)
        shutil.copytree(self.mailbox.directory, mail)
        database = f"{DATABASE}_{self.snapshots}"
        if self.server is not None:
            self.server.execute(f"CREATE DATABASE {database} TEMPLATE {DATABASE} STRATEGY FILE_COPY")
        return Snapshot(home, mail, _inside(self.platform._ledger), self.clock.at, database)

    def put_back(self, snapshot: Snapshot) -> None:
        """Make everything as it was."""
        self.wait_until_quiet()
        for now, then in ((self.home, snapshot.home), (self.mailbox.directory, snapshot.mail)):
            shutil.rmtree(now)
            shutil.copytree(then, now)
        if self.server is not None:
            self.server.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")
            self.server.execute(f"CREATE DATABASE {DATABASE} TEMPLATE {snapshot.database} STRATEGY FILE_COPY")
        self.platform._ledger.__dict__.update(_inside(snapshot.ledger))
        self.mailbox._sequence = len(list(self.mailbox.directory.glob("*.eml")))
        self.clock.set(snapshot.at)

    def forget(self, snapshot: Snapshot) -> None:
        """The snapshot is needed no more."""
        shutil.rmtree(snapshot.home)
        shutil.rmtree(snapshot.mail)
        if self.server is not None:
            self.server.execute(f"DROP DATABASE {snapshot.database}")

    def wait_until_quiet(self) -> None:
        """The other side has dealt with all that it was handed, also by somebody who hung up."""
        until = time.monotonic() + QUIET_SECONDS
        controller = self.mailbox._controller
        assert controller is not None, "it is started"
        mailbox: Any = controller.server
        while self.platform._server.server_state.connections or mailbox._active_count:
            assert time.monotonic() < until, "a conversation does not end"
            time.sleep(0.002)


def _inside(ledger: Ledger | dict[str, Any]) -> dict[str, Any]:
    """A copy of what a platform remembers."""
    kept = ledger if isinstance(ledger, dict) else ledger.__dict__
    return copy.deepcopy({name: value for name, value in kept.items() if name != "_lock"})


@contextmanager
def laboratory(warm_up: Callable[[Runtime], None], server: PostgresServer | None = None) -> Iterator[Lab]:
    """A lab on SQLite, or on a PostgreSQL server. ``warm_up`` does once what its children will do."""
    with (
        quick_folder("qorgan-proof-") as folder,
        start_platform_in_thread() as platform,
        PracticeMailbox(folder / "mail-0") as mailbox,
    ):
        lab = Lab(folder, server, platform, mailbox)
        lab.begin(warm_up)
        yield lab
        # Another than at first, where it was away meanwhile.
        lab.platform.stop()

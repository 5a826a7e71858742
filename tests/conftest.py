"""Fixtures of the integration tests. Everything heavy starts once a session, and only if a test asks for it."""

from __future__ import annotations

import gc
import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis

from sandbox.practice_mailbox import PracticeMailbox
from sandbox.practice_platform import PlatformSettings
from sandbox.running import RunningPlatform, start_platform_in_thread
from tasks.logs import configure_logs
from tasks.runtime import Runtime
from tasks.settings import Settings
from tests.database import NoPostgres, PostgresServer, make_sqlite_template, quick_folder, running_postgres
from tests.stories import START, USERS, MovableClock, Story, close_runtime, make_runtime

# The same examples in every run; and a loaded machine is no fault of theirs.
hypothesis.register_profile("seeded", derandomize=True, deadline=None)
hypothesis.load_profile("seeded")


def pytest_collection_finish() -> None:
    """What lives to the end, thousands of tests among it, is looked through by the garbage collector no more."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer | str]:
    """A PostgreSQL for the session, or the reason why there is none."""
    try:
        with running_postgres() as server:
            yield server
    except NoPostgres as reason:
        yield str(reason)


@pytest.fixture(scope="session")
def sqlite_template() -> Iterator[Path]:
    with quick_folder("qorgan-sqlite-") as folder:
        yield make_sqlite_template(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated database of the test's own."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        path = template.with_name("qorgan.db")
        shutil.copyfile(template, path)
        yield f"sqlite:///{path}"
        for file in template.parent.glob("qorgan.db*"):
            file.unlink()
        return
    server = request.getfixturevalue("postgres_server")
    if isinstance(server, str):
        pytest.skip(f"no PostgreSQL: {server}")
    with server.fresh_database() as url:
        yield url


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture(scope="session")
def running_practice_platform() -> Iterator[RunningPlatform]:
    with start_platform_in_thread() as running:
        yield running


@pytest.fixture
def practice_platform(running_practice_platform: RunningPlatform) -> RunningPlatform:
    """A platform that remembers nothing, behaves, and whose clock stands where ours does."""
    running_practice_platform.reset(PlatformSettings(now=START))
    return running_practice_platform


@pytest.fixture(scope="session")
def running_practice_mailbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeMailbox]:
    with PracticeMailbox(tmp_path_factory.mktemp("mail")) as running:
        yield running


@pytest.fixture
def practice_mailbox(running_practice_mailbox: PracticeMailbox, tmp_path: Path) -> PracticeMailbox:
    """An empty mailbox without moods."""
    mailbox = running_practice_mailbox
    mailbox.directory = tmp_path / "mail"
    mailbox.directory.mkdir()
    mailbox.refuse_recipients, mailbox.defer_recipients = set(), set()
    mailbox.drop_after_data_next = mailbox.drop_before_data_next = mailbox.reject_data_next = 0
    return mailbox


@pytest.fixture
def settings(
    tmp_path: Path, database_url: str, practice_platform: RunningPlatform, practice_mailbox: PracticeMailbox
) -> Settings:
    """Settings of a practice installation."""
    return Settings(
        home=tmp_path,
        database_url=database_url,
        users_file=USERS,
        platform_url=practice_platform.url,
        smtp_host=practice_mailbox.host,
        smtp_security="none",
        smtp_port=practice_mailbox.port,
    )


@pytest.fixture
def quiet_logs() -> Iterator[None]:
    """Our log lines are made as in production and shown to nobody but a test that listens."""
    configure_logs(as_json=True)
    ours = logging.getLogger("qorgan")
    ours.handlers = [logging.NullHandler()]
    yield
    ours.handlers, ours.filters = [], []


@pytest.fixture
def runtime(settings: Settings, clock: MovableClock, quiet_logs: None) -> Iterator[Runtime]:
    built = make_runtime(settings, clock)
    yield built
    close_runtime(built)


@pytest.fixture
def story(
    runtime: Runtime, clock: MovableClock, practice_platform: RunningPlatform, practice_mailbox: PracticeMailbox
) -> Story:
    """An installation with its people, its platform and its mailbox, on both databases."""
    return Story(runtime, clock, practice_platform, practice_mailbox)

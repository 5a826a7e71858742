"""One Prefect server for all flow tests, and an installation that the flows find as theirs."""

from __future__ import annotations

import logging
import shutil
import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import pytest
from prefect.settings import (
    PREFECT_LOGGING_TO_API_BATCH_INTERVAL,
    PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL,
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL,
    temporary_settings,
)
from sqlalchemy.orm import Session

from casework.vocabulary import Status
from db.tables import CaseFile
from tasks.case_lifecycle import STAGES, Stage
from tasks.letterpress import Letterpress
from tasks.runtime import Runtime, use
from tests.flows.prefect_records import Recorded
from tests.prefect_server import prefect_as_installed
from tests.stories import Story

SECRET = "Қанат Сәрсенұлы"
"""Words that an unexpected error quotes."""

IMPATIENT = {
    PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL: 0.2,
    PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL: 0.2,
    PREFECT_LOGGING_TO_API_BATCH_INTERVAL: 0.2,
}
"""Records are written soon, so that a test need not wait for them; nothing else differs from prefect.toml."""


PATIENCE_SECONDS = 90.0
"""So long a test waits for what needs Prefect's server, on a machine that has other things to do."""


def until(there: Callable[[], bool]) -> bool:
    """Wait for it to be so; whether it is."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not there() and time.monotonic() < deadline:
        time.sleep(0.05)
    return there()


@pytest.fixture(scope="package")
def prefect_server() -> Iterator[None]:
    # Every client of Prefect loads certificates, three for each run; nothing here speaks TLS.
    no_certificates = mock.patch.object(ssl.SSLContext, "load_verify_locations")
    with no_certificates, temporary_settings(updates=IMPATIENT), prefect_as_installed():
        yield


@pytest.fixture
def recorded(prefect_server: None) -> Recorded:
    """What Prefect keeps, as an operator could read it."""
    return Recorded()


@pytest.fixture
def database_url(sqlite_template: Path, tmp_path: Path) -> str:
    """SQLite only: both databases are proved where the stages are tested."""
    path = tmp_path / "qorgan.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def runtime(runtime: Runtime, prefect_server: None) -> Iterator[Runtime]:
    """The runtime that flows find with ``current()``."""
    with use(runtime):
        yield runtime


@pytest.fixture
def lines_shown_by_prefect(runtime: Runtime) -> Iterator[None]:
    """Our logger as a worker's process has it: Prefect hangs its handlers on the ``extra_loggers`` of prefect.toml."""
    ours = logging.getLogger("qorgan")
    ours.handlers += logging.getLogger("prefect.extra").handlers
    yield
    ours.handlers = [logging.NullHandler()]


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lanes that were woken, in order, and no event sent for it."""
    lanes: list[str] = []

    def note(event: str, resource: dict[str, str]) -> None:
        assert event == "qorgan.cases.ready"
        assert set(resource) == {"prefect.resource.id"}, "an event names a lane and nothing else"
        lanes.append(resource["prefect.resource.id"])

    monkeypatch.setattr("flows.waking.emit_event", note)
    return lanes


@pytest.fixture
def inbox(story: Story) -> Path:
    folder = story.runtime.settings.inbox
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def stumbling(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the first stage raise for one case, with words that no operator may see."""

    def stumble_over(poisoned: str) -> None:
        whole = STAGES[Status.RECEIVED]

        def stumble(session: Session, runtime: Runtime, case: CaseFile) -> None:
            if case.number == poisoned:
                raise ValueError(f"cannot read '{SECRET}'")
            assert whole.within is not None
            whole.within(session, runtime, case)

        monkeypatch.setitem(STAGES, Status.RECEIVED, Stage(whole.name, stumble))

    return stumble_over


def letters_read_ahead(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The letters whose templates were read before they were needed, in order."""
    names: list[str] = []
    read_ahead = Letterpress.read_ahead

    def noted(press: Letterpress, name: str, language: str) -> None:
        read_ahead(press, name, language)
        names.append(name)

    monkeypatch.setattr(Letterpress, "read_ahead", noted)
    return names

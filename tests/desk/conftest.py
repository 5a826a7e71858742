"""A desk in a test: the `qorgan` command on an installation of its own, with a clock that stands still."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer
from click.testing import Result
from typer.testing import CliRunner

from casework.vocabulary import Action
from desk.main import app
from tasks import runtime
from tests.database import quick_folder
from tests.stories import REVIEWER, USERS, Story, portal_link

GOLDEN = Path(__file__).parent / "golden"
_built = cache(typer.main.get_command)
"""Typer reads every command of the desk anew at each call, which takes longer than what is called."""


@pytest.fixture
def database_url(sqlite_template: Path) -> Iterator[str]:
    """SQLite is enough: what the desk asks of a database the tasks ask too."""
    with quick_folder("qorgan-desk-") as folder:
        shutil.copyfile(sqlite_template, folder / "qorgan.db")
        yield f"sqlite:///{folder / 'qorgan.db'}"


@dataclass
class AtTheDesk:
    """Runs commands in this process and looks at what they say."""

    story: Story

    def run(self, *words: object) -> Result:
        with mock.patch("typer.testing._get_command", _built):
            return CliRunner().invoke(app, [str(word) for word in words])

    def says(self, *words: object) -> str:
        """What a command that succeeds prints."""
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def tells(self, *words: object) -> Any:
        """What a command that succeeds prints as JSON; nothing else may stand on stdout."""
        return json.loads(self.says(*words, "--json"))

    def refuses(self, *words: object) -> str:
        """The one line on stderr with which a command is refused."""
        result = self.run(*words)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        assert len(result.stderr.splitlines()) == 1, result.stderr
        return result.stderr.strip()

    def in_review(self, **fields: Any) -> str:
        """A case that waits for a reviewer; its number."""
        number = self.story.take_in(**fields)
        assert self.story.drive(number).name == "Awaiting legal review"
        return number

    def at_the_portal(self) -> str:
        """A case whose notice an officer must enter in a portal; its number."""
        number = self.in_review(links=[portal_link()])
        self.story.move(number, Action.APPROVE, REVIEWER)
        assert self.story.drive(number).name == "Awaiting portal entry"
        return number


@pytest.fixture
def desk(story: Story, monkeypatch: pytest.MonkeyPatch) -> Iterator[AtTheDesk]:
    """The desk of one installation. The environment says the same as the runtime; there is no Prefect."""
    settings = story.runtime.settings
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("QORGAN_HOME", str(settings.home))
    monkeypatch.setenv("QORGAN_DATABASE_URL", settings.database)
    monkeypatch.setenv("QORGAN_USERS_FILE", str(USERS))
    monkeypatch.setenv("QORGAN_SMTP_HOST", str(settings.smtp_host))
    monkeypatch.setenv("QORGAN_SMTP_SECURITY", settings.smtp_security)
    monkeypatch.setenv("QORGAN_SMTP_PORT", str(settings.smtp_port))
    monkeypatch.setenv("QORGAN_PLATFORM_URL", str(settings.platform_url))
    with runtime.use(story.runtime):
        yield AtTheDesk(story)


def assert_golden(text: str, path: Path) -> None:
    """The text is as it was when somebody last read it; QORGAN_UPDATE_SNAPSHOTS=1 writes it anew."""
    text = "\n".join(line.rstrip() for line in text.splitlines()) + "\n"
    if os.environ.get("QORGAN_UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: run once with QORGAN_UPDATE_SNAPSHOTS=1 and read it"
    assert text == path.read_text(encoding="utf-8")

"""A program knows what it is; one that is older than its database touches nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from db.migrate import DatabaseIsNewer, ahead, newest, pending
from tasks import heartbeats
from tasks.program import host, program, programs
from tasks.runtime import build
from tasks.settings import ROOT
from tests.stories import SQLITE_ONLY, Story


def test_a_program_is_named_by_version_schema_and_code() -> None:
    assert re.fullmatch(rf"\d+\.\d+\.\d+\+{newest()}\.[0-9a-f]{{12}}", program())


@pytest.mark.parametrize(("file", "same"), [("tasks/program.py", False), ("desk/main.py", True)])
def test_a_change_of_the_code_that_decides_is_another_program(tmp_path: Path, file: str, same: bool) -> None:
    for folder in ("casework", "db", "tasks", "flows", "templates", "desk", "policies"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = said_in(tmp_path)
    with (tmp_path / file).open("a") as changed:
        changed.write("\n# mended in place\n")
    assert (said_in(tmp_path) == before) is same


def said_in(folder: Path) -> str:
    """The program that a copy of the code says it is."""
    says = [sys.executable, "-c", "from tasks import program, settings; print(settings.ROOT, program.program())"]
    done = subprocess.run(says, cwd=folder, capture_output=True, text=True, check=True, timeout=60)
    root, told = done.stdout.split()
    assert root == str(folder)
    return told


def test_scheduled_work_notes_the_machine_and_the_program_that_did_it(story: Story) -> None:
    heartbeats.beat(story.runtime, "letters", {"sent": 3})
    story.later(minutes=5)
    heartbeats.beat(story.runtime, "outcomes", {})
    with story.runtime.sessions.read() as session:
        assert programs(session) == {host(): (story.clock.at, program())}
    assert story.last_successes()["letters"] == story.clock.at - timedelta(minutes=5)


def test_an_older_program_refuses_a_database_migrated_ahead_and_writes_nothing(story: Story) -> None:
    number = story.take_in()
    story.execute("UPDATE alembic_version SET version_num = '9999'")
    before = story.counts()
    with pytest.raises(DatabaseIsNewer, match=r"newer than this program: it is at revision 9999.*nothing was written"):
        build(story.runtime.settings, now=story.clock)
    assert story.counts() == before
    assert story.status(number) == "received"
    assert (ahead(story.runtime.engine), pending(story.runtime.engine)) == ("9999", [])


@SQLITE_ONLY
def test_a_command_of_an_older_program_is_refused_in_one_line(story: Story) -> None:
    story.take_in()
    story.execute("UPDATE alembic_version SET version_num = '9999'")
    settings = story.runtime.settings
    env = {**os.environ, "QORGAN_HOME": str(settings.home), "QORGAN_DATABASE_URL": settings.database}
    command = [str(Path(sys.executable).with_name("qorgan")), "drive"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert "[database.newer] Install the version that migrated it" in done.stderr
    assert len(done.stderr.splitlines()) == 1

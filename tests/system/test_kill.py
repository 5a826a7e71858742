"""A process killed at the worst moment loses nothing and says nothing twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from tasks import case_lifecycle
from tasks.settings import ROOT
from tests.stories import SQLITE_ONLY, USERS, Story

_DRIVE = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from tasks import {module} as module
from tasks.case_lifecycle import advance, claim
from tasks.correspondence import send_letters
from tasks.runtime import build
from tasks.settings import Settings

at = datetime.fromisoformat(sys.argv[1])
runtime = build(Settings(), now=lambda: at)
real = module.{function}

def killed(*args, **kwargs):
    {before}
    os.kill(os.getpid(), signal.SIGKILL)

module.{function} = killed
for number in claim(runtime, None, "the one that dies", 10):
    advance(runtime, number)
send_letters(runtime)
"""


def drive_and_die(story: Story, module: str, function: str, *, after: bool) -> None:
    """Drive everything ready in a process that is killed just before, or just after, a function."""
    settings = story.runtime.settings
    env = {
        **os.environ,
        "QORGAN_HOME": str(settings.home),
        "QORGAN_DATABASE_URL": settings.database,
        "QORGAN_USERS_FILE": str(USERS),
        "QORGAN_PLATFORM_URL": str(settings.platform_url),
        "QORGAN_SMTP_HOST": str(settings.smtp_host),
        "QORGAN_SMTP_PORT": str(settings.smtp_port),
    }
    code = _DRIVE.format(module=module, function=function, before="real(*args, **kwargs)" if after else "pass")
    done = subprocess.run(
        [sys.executable, "-c", code, story.clock.at.isoformat()],
        cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr[-800:]


def drive_again(story: Story) -> list[str]:
    """The next drive, once the dead process's leases have run out."""
    story.later(minutes=11)
    numbers = case_lifecycle.claim(story.runtime, None, "the next one", 10)
    for number in numbers:
        story.drive(number)
    return numbers


@SQLITE_ONLY
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("stage", [("prioritization", "move_in"), ("legal_review", "gate"), ("record", "note")])
def test_a_case_whose_process_was_killed_between_two_commits_is_completed_by_the_next_drive(
    story: Story, stage: tuple[str, str], after: bool
) -> None:
    number = story.take_in()
    drive_and_die(story, *stage, after=after)
    assert drive_again(story) == [number]
    assert story.status(number) == "in_legal_review"
    kinds = [event.kind for event in story.events(number)]
    assert len(kinds) == len(set(kinds)), "nothing was recorded twice"
    story.assert_sound()


@SQLITE_ONLY
@pytest.mark.parametrize("after", [False, True], ids=["before the platform was asked", "after it said yes"])
def test_a_notice_that_was_under_way_when_the_process_was_killed_reaches_the_platform_once(
    story: Story, after: bool
) -> None:
    number = story.approved()
    drive_and_die(story, "channels", "ApiChannel.send", after=after)
    assert story.notices_at_platform() == int(after)
    assert drive_again(story) == [number]
    assert story.status(number) == "submitted"
    assert story.notices_at_platform() == 1
    assert len(story.events(number, "submission.sent")) == 1
    story.assert_sound()


@SQLITE_ONLY
def test_a_notice_whose_yes_was_not_written_down_is_asked_about_and_not_sent_again(story: Story) -> None:
    number = story.approved()
    drive_and_die(story, "submission", "_settle", after=False)
    [row] = story.submissions(number)
    assert (row.state, story.notices_at_platform()) == ("sending", 1)
    story.later(minutes=1)
    story.drive(number)
    assert story.submissions(number)[0].state == "sending", "its lease still runs"
    drive_again(story)
    assert (story.status(number), story.notices_at_platform()) == ("submitted", 1)
    [row] = story.submissions(number)
    assert row.platform_reference


@SQLITE_ONLY
def test_a_letter_whose_sender_was_killed_is_repeated_or_asked_about_as_its_kind_says(story: Story) -> None:
    number = story.submitted()
    before = len(story.mail())
    drive_and_die(story, "correspondence", "_settle", after=False)
    [under_way] = [letter for letter in story.letters(number) if letter.state == "sending"]
    assert len(story.mail()) == before + 1
    story.later(minutes=6)
    story.send_letters()
    [same] = [letter for letter in story.letters(number) if letter.id == under_way.id]
    copies = [kept for kept in story.mail() if kept.message["Message-ID"] == same.message_id]
    if same.promise == "at_most_once":
        assert (same.state, len(copies)) == ("unknown", 1)
    else:
        assert (same.state, len(copies)) == ("sent", 2)
    story.assert_sound()

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
from sqlalchemy import event
from tasks.case_lifecycle import advance, advance_by_stages, claim
from tasks.correspondence import send_letters
from tasks.runtime import build
from tasks.settings import Settings

at, last_commit, letters = datetime.fromisoformat(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "letters"
runtime = build(Settings(), now=lambda: at)
commits = 0

def count(_connection):
    global commits
    commits += 1
    if commits > last_commit:
        os.kill(os.getpid(), signal.SIGKILL)

event.listen(runtime.engine, "commit", count)
if letters:
    send_letters(runtime)
for number in claim(runtime, None, "the one that dies", 10):
    if sys.argv[3] == "stage by stage":
        advance_by_stages(runtime, number)
    else:
        advance(runtime, number)
"""


def drive_and_die(story: Story, commits: int, what: str = "cases") -> None:
    """Drive everything ready, in a process that is killed at the moment of its next commit after ``commits``."""
    settings = story.runtime.settings
    env = {
        **os.environ,
        "QORGAN_HOME": str(settings.home),
        "QORGAN_DATABASE_URL": settings.database,
        "QORGAN_USERS_FILE": str(USERS),
        "QORGAN_PLATFORM_URL": str(settings.platform_url),
        "QORGAN_SMTP_HOST": str(settings.smtp_host),
        "QORGAN_SMTP_SECURITY": settings.smtp_security,
        "QORGAN_SMTP_PORT": str(settings.smtp_port),
    }
    done = subprocess.run(
        [sys.executable, "-c", _DRIVE, story.clock.at.isoformat(), str(commits), what],
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
@pytest.mark.parametrize(
    ("how", "commits", "left"),
    [
        ("together", 1, "received"),
        ("stage by stage", 1, "received"),
        ("stage by stage", 2, "triaged"),
    ],
    ids=["after the claim", "after the claim of a run of its own", "after triage"],
)
def test_a_case_whose_process_was_killed_between_two_commits_is_completed_by_the_next_drive(
    story: Story, how: str, commits: int, left: str
) -> None:
    number = story.take_in()
    drive_and_die(story, commits, how)
    assert story.status(number) == left
    assert case_lifecycle.ready(story.runtime, None) == 0, "the dead process's lease still runs"
    assert drive_again(story) == [number]
    assert story.status(number) == "in_legal_review"
    kinds = [event.kind for event in story.events(number)]
    assert len(kinds) == len(set(kinds)), "nothing was recorded twice"
    story.approve(number)
    story.drive(number)
    assert (story.status(number), story.notices_at_platform()) == ("submitted", 1)
    story.assert_sound()


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("how", "commits", "at_platform"),
    [("together", 1, 0), ("together", 2, 1), ("together", 3, 1), ("stage by stage", 2, 1)],
    ids=["after the claim", "after the attempt", "after the yes was written", "after the attempt of a run of its own"],
)
def test_a_notice_whose_process_was_killed_reaches_the_platform_once(
    story: Story, how: str, commits: int, at_platform: int
) -> None:
    number = story.approved()
    drive_and_die(story, commits, how)
    assert story.notices_at_platform() == at_platform
    waits_for_the_platform = story.status(number) == "submitted"
    assert drive_again(story) == ([] if waits_for_the_platform else [number])
    assert story.status(number) == "submitted"
    assert story.notices_at_platform() == 1
    [row] = story.submissions(number)
    assert (row.state, bool(row.platform_reference)) == ("sent", True)
    assert len(story.events(number, "submission.sent")) == 1
    story.assert_sound()


@SQLITE_ONLY
def test_a_letter_whose_sender_was_killed_is_repeated_or_asked_about_as_its_kind_says(story: Story) -> None:
    number = story.submitted()
    drive_and_die(story, 2, "letters")
    [under_way] = [letter for letter in story.letters(number) if letter.state == "sending"]
    assert len(story.mail()) == 1, "it arrived, and nobody wrote that down"
    story.later(minutes=6)
    story.send_letters()
    [same] = [letter for letter in story.letters(number) if letter.id == under_way.id]
    copies = [kept for kept in story.mail() if kept.message["Message-ID"] == same.message_id]
    if same.promise == "at_most_once":
        assert (same.state, len(copies)) == ("unknown", 1)
    else:
        assert (same.state, len(copies)) == ("sent", 2)
    story.assert_sound()

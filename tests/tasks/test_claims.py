"""A drive takes the most urgent case next, keeps what it holds while it lives, and leaves nothing locked behind."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from casework.vocabulary import Priority
from casework.waiting import Wait
from tasks import case_lifecycle, claims
from tasks.case_lifecycle import LEASE, claim, ready
from tasks.claims import Claims
from tasks.prioritization import change_priority
from tasks.settings import ROOT
from tests.stories import DUTY, SQLITE_ONLY, Story, in_danger

ROUTINE, CHILD_SAFETY = "routine", "child-safety"


@pytest.fixture(autouse=True)
def looking_before_every_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drives look for something more urgent every second at most; cases of tests take less."""
    monkeypatch.setattr(claims, "LOOK_SECONDS", 0.0)


def soon(holds: Callable[[], bool]) -> bool:
    """Whether it holds within some seconds: renewals come from a thread of their own."""
    deadline = time.monotonic() + 10
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def drive_all(story: Story, lane: str, *, meanwhile: Callable[[str], object] = lambda _: None) -> list[str]:
    """Drive a lane to its end; the numbers in the order in which they were taken."""
    taken: list[str] = []
    with Claims(story.runtime, lane, "one", 100) as drive:
        while (number := drive.take()) is not None:
            taken.append(number)
            meanwhile(number)
            story.drive(number)
            drive.done(number)
    return taken


def test_what_is_raised_to_p0_while_a_long_page_is_driven_comes_next(story: Story) -> None:
    numbers = [story.take_in(category="cyberbullying_child", age_band="13_17") for _ in range(6)]

    def raise_the_last(number: str) -> None:
        if number == numbers[1]:
            change_priority(story.runtime, numbers[5], Priority.P0, DUTY, "The police say it is urgent.")

    def hand_in_another(number: str) -> None:
        raise_the_last(number)
        if number == numbers[2]:
            story.hand_in(in_danger())

    taken = drive_all(story, CHILD_SAFETY, meanwhile=hand_in_another)
    [new] = set(taken) - set(numbers)
    assert taken == [*numbers[:2], numbers[5], numbers[2], new, *numbers[3:5]]


@SQLITE_ONLY
def test_what_becomes_ready_and_is_more_urgent_is_taken_before_the_rest_of_the_page(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "PAGE", 3)
    numbers = [story.take_in(category="cyberbullying_child", age_band="13_17") for _ in range(5)]

    def raise_the_last(number: str) -> None:
        if number == numbers[0]:
            change_priority(story.runtime, numbers[4], Priority.P0, DUTY, "The police say it is urgent.")

    taken = drive_all(story, CHILD_SAFETY, meanwhile=raise_the_last)
    assert taken == [numbers[0], numbers[4], *numbers[1:4]]


@SQLITE_ONLY
def test_a_p0_of_the_routine_lane_waits_behind_no_backlog(story: Story) -> None:
    calm, urgent = story.take_in(), story.take_in()
    change_priority(story.runtime, urgent, Priority.P0, DUTY, "The police say it is urgent.")
    assert story.case(urgent).lane == ROUTINE
    assert (ready(story.runtime, CHILD_SAFETY), ready(story.runtime, ROUTINE)) == (1, 2)
    assert drive_all(story, CHILD_SAFETY) == [urgent]
    assert drive_all(story, ROUTINE) == [calm]


@SQLITE_ONLY
def test_a_drive_that_was_killed_holds_a_case_for_half_a_minute(story: Story) -> None:
    number = story.take_in()
    claim(story.runtime, ROUTINE, "killed", 1)
    story.later(seconds=30)
    assert claim(story.runtime, ROUTINE, "next", 1) == []
    story.later(seconds=1)
    assert claim(story.runtime, ROUTINE, "next", 1) == [number]


def test_a_drive_that_lives_keeps_its_cases_however_long_one_of_them_takes(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.02)
    driven, waiting = story.take_in(), story.take_in()
    with Claims(story.runtime, ROUTINE, "one", 10) as drive:
        assert drive.take() == driven
        for _ in range(3):
            story.later(seconds=25)
            assert soon(
                lambda: story.case(driven).lease_until == story.case(waiting).lease_until == story.clock() + LEASE
            )
            assert claim(story.runtime, ROUTINE, "two", 10) == []


@SQLITE_ONLY
def test_a_drive_that_hangs_loses_its_cases(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.01)
    monkeypatch.setattr(claims, "HANGS_SECONDS", 0.0)
    number = story.take_in()
    with Claims(story.runtime, ROUTINE, "one", 10) as drive:
        assert drive.take() == number
        story.later(seconds=31)
        assert claim(story.runtime, ROUTINE, "two", 10) == [number]
    assert story.case(number).lease_owner == "two", "what was taken over is not given back by the first"


@SQLITE_ONLY
def test_a_database_that_is_away_for_a_moment_ends_no_drive(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.01)
    calls: list[int] = []
    whole = claims.renew_claims

    def stumble(*asked: object) -> int:
        calls.append(1)
        if len(calls) < 3:
            raise OSError("the database is away")
        return whole(*asked)  # type: ignore[arg-type]

    monkeypatch.setattr(claims, "renew_claims", stumble)
    number = story.take_in()
    with Claims(story.runtime, ROUTINE, "one", 10) as drive:
        assert drive.take() == number
        story.later(seconds=20)
        assert soon(lambda: story.case(number).lease_until == story.clock() + LEASE)


def test_a_drive_that_is_stopped_gives_its_cases_back_at_once(story: Story) -> None:
    numbers = [story.take_in() for _ in range(3)]
    with pytest.raises(KeyboardInterrupt), Claims(story.runtime, ROUTINE, "one", 10) as drive:
        drive.take()
        raise KeyboardInterrupt
    assert drive.take() is None, "a thread that still asks gets nothing"
    assert claim(story.runtime, ROUTINE, "two", 10) == numbers


@SQLITE_ONLY
def test_no_more_are_taken_than_asked_for_and_the_rest_is_free(story: Story) -> None:
    numbers = [story.take_in() for _ in range(3)]
    with Claims(story.runtime, ROUTINE, "one", 2) as drive:
        assert [drive.take(), drive.take(), drive.take()] == [*numbers[:2], None]
    assert ready(story.runtime, ROUTINE) == 3


@SQLITE_ONLY
def test_a_drive_sees_when_the_claims_of_another_lapse(story: Story) -> None:
    [danger] = story.hand_in(in_danger())
    with Claims(story.runtime, CHILD_SAFETY, "one", 10) as drive:
        assert drive.others_lapse_at() is None
        claim(story.runtime, CHILD_SAFETY, "killed", 1)
        assert drive.others_lapse_at() == story.clock() + LEASE
        story.later(seconds=31)
        assert drive.others_lapse_at() is None
        assert drive.take() == danger.case_number
        assert drive.others_lapse_at() is None, "one's own claim is no other's"


_DRIVE = """
import sys
from datetime import datetime
from tasks.case_lifecycle import advance
from tasks.runtime import build
from tasks.settings import Settings

at = datetime.fromisoformat(sys.argv[2])
runtime = build(Settings.model_validate_json(sys.argv[1]), now=lambda: at)
print("ready", flush=True)
sys.stdin.readline()
for number in sys.argv[3:]:
    advance(runtime, number)
"""


@pytest.mark.timeout(300)
def test_two_processes_that_drive_the_same_cases_do_everything_once(story: Story) -> None:
    """The worst that a lapsed lease can lead to: both walk every case, at the same moment, and nobody holds it."""
    story.platform.behaviour(latency_seconds=0.02)
    received, approved = [story.take_in() for _ in range(4)], [story.approved() for _ in range(4)]
    settings = story.runtime.settings.model_dump_json()
    command = [sys.executable, "-c", _DRIVE, settings, story.clock().isoformat(), *received, *approved]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        other.stdin.write("go\n")
        other.stdin.flush()
        for number in (*received, *approved):
            story.drive(number)
        other.communicate(timeout=100)
    assert other.returncode == 0
    assert {story.status(number) for number in received} == {"in_legal_review"}
    for number in approved:
        # The one that found the notice in the other's hands left it there.
        story.drive(number)
        assert story.status(number) == "submitted"
        assert len(story.events(number, "submission.sent")) == 1
    for number in (*received, *approved):
        kinds = [event.kind for event in story.events(number) if event.kind.startswith("moved.")]
        assert len(kinds) == len(set(kinds)), "every move was made once"
    assert story.notices_at_platform() == len(approved)
    story.assert_sound()


@SQLITE_ONLY
def test_a_stage_that_another_drive_did_meanwhile_is_done(story: Story) -> None:
    number = story.take_in()
    step = case_lifecycle.set_out(story.runtime, number).first
    assert isinstance(step, case_lifecycle.Step)
    assert step.stage.name == "prioritize"
    story.drive(number)
    wait = case_lifecycle.perform(story.runtime, number, step)
    assert isinstance(wait, Wait)
    assert wait.name == "Awaiting legal review"
    assert story.status(number) == "in_legal_review"
    assert len(story.events(number, "moved.triage")) == 1

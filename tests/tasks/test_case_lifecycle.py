"""The drive: one walk through the stages, from whatever the last commit left, never over a person's decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from casework.errors import CaseMovedMeanwhile, MoveRefused
from casework.vocabulary import Action, Status
from casework.waiting import Wait
from db.tables import CaseFile
from tasks import attempts, case_lifecycle, collect_outcomes
from tasks.case_lifecycle import (
    BACK_OFF,
    BACK_OFF_IN_DANGER,
    LEASE,
    STAGES,
    Stage,
    Step,
    advance,
    advance_by_stages,
    claim,
    perform,
    ready,
    set_aside,
    set_out,
)  # fmt: skip
from tasks.runtime import Runtime
from tests.stories import REVIEWER, SQLITE_ONLY, Story, in_danger, together

pytestmark = SQLITE_ONLY

ROUTINE, CHILD_SAFETY = "routine", "child-safety"


def test_a_case_is_taken_as_far_as_it_goes_and_says_what_it_waits_for(story: Story) -> None:
    number = story.take_in()
    assert str(set_out(story.runtime, number).first) == "prioritize"
    wait = story.drive(number)
    assert (wait.name, wait.who) == ("Awaiting legal review", "legal_reviewer")
    case = story.case(number)
    assert (case.drive_at, case.lease_owner, case.lease_until) == (None, None, None)
    story.approve(number)
    assert story.case(number).drive_at == story.clock()
    assert story.drive(number).name == "Awaiting platform"
    story.answer(number, "not_found")
    collect_outcomes.collect(story.runtime)
    assert story.drive(number).name == "Closed"
    assert story.case(number).drive_at is None
    assert story.drive(number).name == "Closed", "driving an ended case does nothing"


@pytest.mark.parametrize("done", [1, 2])
def test_a_drive_killed_between_two_stages_goes_on_where_it_was(story: Story, done: int) -> None:
    number = story.take_in()
    step = set_out(story.runtime, number).first
    for _ in range(done):
        assert isinstance(step, Step)
        step = perform(story.runtime, number, step)
    assert story.drive(number).name == "Awaiting legal review"
    assert len(story.events(number, "moved.triage")) == 1
    assert len(story.events(number, "moved.complete")) == 1


def test_lanes_are_claimed_apart_and_the_most_urgent_first(story: Story) -> None:
    calm = story.take_in()
    critical = story.take_in(category="csam", age_band="child")
    [danger] = story.hand_in(in_danger())
    assert (ready(story.runtime, ROUTINE), ready(story.runtime, CHILD_SAFETY), ready(story.runtime, None)) == (1, 2, 3)
    assert claim(story.runtime, CHILD_SAFETY, "one", 10) == [danger.case_number, critical]
    assert claim(story.runtime, CHILD_SAFETY, "two", 10) == []
    assert claim(story.runtime, ROUTINE, "two", 10) == [calm]
    story.clock.set(story.clock() + LEASE + timedelta(seconds=1))
    assert claim(story.runtime, None, "three", 1) == [danger.case_number]


def test_a_failed_drive_waits_longer_each_time_and_lets_the_others_go_on(story: Story) -> None:
    number = story.take_in()
    for failures in range(1, 9):
        set_aside(story.runtime, number, RuntimeError("the disk is full"))
        case = story.case(number)
        assert case.failures == failures
        assert case.drive_at == story.clock() + BACK_OFF * min(failures, 6)
        assert claim(story.runtime, None, "one", 10) == []
    story.clock.set(story.case(number).drive_at)  # type: ignore[arg-type]
    assert claim(story.runtime, None, "one", 10) == [number]
    story.drive(number)
    assert story.case(number).failures == 0


def test_why_a_drive_failed_stands_on_the_case_without_a_word_of_the_error(story: Story) -> None:
    number = story.take_in()
    try:
        find_platform(story.runtime, number)
    except KeyError as error:
        set_aside(story.runtime, number, error)
    set_aside(story.runtime, number, MoveRefused(number, "nobody may", rule="lifecycle.guard"))
    first, second = (event.data for event in story.events(number, "drive.failed"))
    assert first["error"] == "KeyError"
    assert str(first["where"]).endswith(" find_platform")
    assert (second["error"], second["failures"]) == ("MoveRefused [lifecycle.guard]", 2)
    assert "Aliya" not in str(first)
    assert not story.events(number, "drive.failed")[0].reason


def find_platform(runtime: Runtime, number: str) -> None:
    """Fails, and quotes somebody's name."""
    raise KeyError("Aliya")


def test_after_the_third_failure_in_a_row_people_are_alarmed(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    alarms: list[tuple[str, str]] = []
    monkeypatch.setattr(case_lifecycle, "raise_alarm", lambda _runtime, what, about: alarms.append((what, about)))
    number = story.take_in()
    for _ in range(2):
        set_aside(story.runtime, number, OSError())
    assert alarms == []
    set_aside(story.runtime, number, OSError())
    assert alarms == [("drive-fails", number)]
    story.drive(number)
    set_aside(story.runtime, number, OSError())
    assert len(alarms) == 1, "not in a row"


def test_of_a_child_in_danger_people_hear_at_the_first_failure_and_it_is_tried_again_in_a_minute(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    alarms: list[str] = []
    monkeypatch.setattr(case_lifecycle, "raise_alarm", lambda _runtime, _what, about: alarms.append(about))
    [danger] = story.hand_in(in_danger())
    set_aside(story.runtime, str(danger.case_number), OSError())
    assert alarms == [danger.case_number]
    assert story.case(str(danger.case_number)).drive_at == story.clock() + BACK_OFF_IN_DANGER


def test_an_alarm_that_cannot_be_raised_holds_up_nothing(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> bool:
        raise OSError

    monkeypatch.setattr(case_lifecycle, "raise_alarm", broken)
    number = story.take_in()
    for _ in range(3):
        set_aside(story.runtime, number, OSError())
    assert story.case(number).failures == 3


@pytest.mark.parametrize("drive", [advance, advance_by_stages])
def test_a_case_that_went_as_far_as_it_goes_is_held_by_nobody(
    story: Story, drive: Callable[[Runtime, str], Wait]
) -> None:
    number = story.take_in()
    assert claim(story.runtime, None, "one", 1) == [number]
    drive(story.runtime, number)
    case = story.case(number)
    assert (case.lease_owner, case.lease_until, case.drive_at) == (None, None, None)


def test_a_refusal_that_nobody_caused_meanwhile_fails_the_drive(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    number = story.take_in()

    def refuse(_session: Session, _runtime: Runtime, case: CaseFile) -> None:
        raise MoveRefused(case.number, "the rules say no", rule="test")

    monkeypatch.setitem(STAGES, Status.RECEIVED, Stage("prioritize", refuse))
    with pytest.raises(MoveRefused):
        advance_by_stages(story.runtime, number)
    assert story.status(number) == "received"
    assert ready(story.runtime, None) == 1, "it does not wait for somebody in silence"


def test_a_case_that_was_moved_meanwhile_is_free_again_at_once(story: Story) -> None:
    number = story.take_in()
    claim(story.runtime, None, "one", 1)
    set_aside(story.runtime, number, CaseMovedMeanwhile(number, "somebody was faster"))
    assert (story.case(number).failures, ready(story.runtime, None)) == (0, 1)
    assert story.events(number, "drive.failed") == [], "that is no failure"


def test_a_case_that_a_person_moved_during_the_drive_stays_ready(story: Story) -> None:
    number = story.to_review()
    story.approve(number)
    assert str(set_out(story.runtime, number).first) == "submit"
    assert ready(story.runtime, None) == 1


def test_two_drives_of_one_case_at_once_do_each_stage_once(story: Story) -> None:
    number = story.take_in()
    outcomes = together(*(lambda: story.drive(number) for _ in range(3)))
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception) and number not in str(outcome)]
    story.drive(number)
    assert len(story.events(number, "moved.triage")) == 1
    assert len(story.events(number, "moved.complete")) == 1
    assert story.status(number) == "in_legal_review"
    story.assert_sound()


def test_a_notice_that_waits_for_its_next_try_is_not_driven_before(story: Story) -> None:
    number = story.approved()
    story.platform.behaviour(fail_next=1)
    story.drive(number)
    assert story.case(number).drive_at == story.clock() + attempts.BACK_OFF[0]
    assert claim(story.runtime, None, "one", 10) == []
    story.later(minutes=1)
    assert claim(story.runtime, None, "one", 10) == [number]


def test_an_approval_wakes_the_case_and_a_refusal_does_not(story: Story) -> None:
    approved, declined = story.to_review(), story.to_review()
    assert ready(story.runtime, None) == 0
    story.approve(approved)
    story.move(declined, Action.DECLINE, REVIEWER)
    assert claim(story.runtime, None, "one", 10) == [approved]

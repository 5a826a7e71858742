"""A clock stands still only for what its rule lists, spends no time meanwhile, and goes on by itself at the latest."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from casework.clock_changes import ClockChangeRefused
from casework.vocabulary import Action, PauseReason
from tasks.clock_changes import pause_clock, resume_clock
from tasks.legal_review import Supplied, supply
from tasks.settings import Settings
from tasks.sla_sweep import sweep
from tests.stories import HEAD, INTAKE, REVIEWER, SQLITE_ONLY, Story, together
from tests.tasks.changed_packs import SOURCE, changed_pack, clock_in

REVIEW = "kz.internal.review.routine"
FORCE = PauseReason.FORCE_MAJEURE
FLOOD = "The office is flooded; by order of the ministry."


def _almaty(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=5)


DUE = _almaty(26, 18, 30)
"""Three working days from Wednesday the 18th, past Nauryz."""


def _with_pauses(sla: Any) -> None:
    rule = clock_in(sla, REVIEW)
    rule["stop"].remove("case.returned")
    rule["pause"] = [
        {
            "reason": "awaiting_applicant", "begins": ["case.returned"], "ends": ["case.supplied"],
            "at_most": {"amount": 5, "unit": "working_days"}, "source": SOURCE,
        },
        {
            "reason": "force_majeure", "ordered_by": ["head_of_unit"],
            "at_most": {"amount": 2, "unit": "working_days"}, "source": SOURCE,
        },
    ]  # fmt: skip


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> str:
    return changed_pack(tmp_path_factory.mktemp("pauses"), "2026-12", sla=_with_pauses)


@pytest.fixture
def settings(settings: Settings, pack: str) -> Settings:
    """The ministry's pack, with pauses in one clock."""
    return settings.model_copy(update={"pack": pack})


def _due(story: Story, number: str) -> datetime:
    [clock] = story.clocks(number, REVIEW)
    assert story.case(number).next_due_at == min(row.due_at for row in story.clocks(number) if row.state == "running")
    return clock.due_at


def _pause(story: Story, number: str, reason: PauseReason = FORCE, by: str = HEAD) -> datetime:
    return pause_clock(story.runtime, number, REVIEW, reason, by, FLOOD)


def _return(story: Story, number: str) -> None:
    story.move(number, Action.RETURN, REVIEWER, missing=("quote",))


def _supply(story: Story, number: str) -> None:
    supply(story.runtime, number, INTAKE, Supplied(quote="Переведи деньги."), "The reporter answered by mail.")
    story.drive(number)
    assert story.status(number) == "in_legal_review"


def test_a_returned_case_stands_still_until_the_reporter_answers_and_goes_on_as_the_same_clock(story: Story) -> None:
    number = story.to_review()
    assert _due(story, number) == DUE
    story.clock.set(_almaty(19, 9))
    _return(story, number)
    [clock] = story.clocks(number, REVIEW)
    assert (clock.state, clock.started_at) == ("running", _almaty(18, 9)), "a pause never shifts the start"
    assert clock.due_at == _almaty(2, 18, 30, month=4), "at the latest: the waiting ends with work on the 31st"
    [paused] = story.events(number, "clock.paused")
    assert (paused.actor_id, paused.at, paused.data["by"]) == ("system", _almaty(19, 9), "case.returned")
    story.clock.set(_almaty(20, 9))
    _supply(story, number)
    assert _due(story, number) == _almaty(27, 18, 30), "one working day of waiting, one working day later"
    [resumed] = story.events(number, "clock.resumed")
    assert (resumed.at, resumed.data["by"], resumed.data["due_at"]) == (
        _almaty(20, 9), "case.supplied", _almaty(27, 18, 30).isoformat(),
    )  # fmt: skip
    story.assert_sound()


@SQLITE_ONLY
def test_a_warning_that_was_given_before_a_pause_is_not_given_again(story: Story) -> None:
    number = story.to_review()
    story.clock.set(_almaty(26, 13))
    assert sweep(story.runtime).warned == 1
    _return(story, number)
    story.clock.advance(hours=1)
    _supply(story, number)
    story.clock.set(_due(story, number))
    assert sweep(story.runtime).warned == 0
    assert [event.data["level"] for event in story.events(number, "clock.warned")] == ["80%"]


def test_the_head_lets_a_clock_stand_still_and_go_on_by_hand(story: Story) -> None:
    number = story.to_review()
    story.clock.set(_almaty(19, 9))
    assert _pause(story, number) == _due(story, number) == _almaty(30, 18, 30)
    [event] = story.events(number, "clock.paused")
    assert (event.actor_id, event.reason, event.data["due_before"]) == (HEAD, FLOOD, DUE.isoformat())
    story.clock.set(_almaty(20, 9))
    with pytest.raises(ClockChangeRefused, match="may not end the pause"):
        resume_clock(story.runtime, number, REVIEW, REVIEWER, "I would like to go on.")
    assert resume_clock(story.runtime, number, REVIEW, HEAD, "The office is dry.") == _almaty(27, 18, 30)
    assert _due(story, number) == _almaty(27, 18, 30)
    story.assert_sound()


REFUSED = {
    "for a reason that the rule does not list": (
        {"reason": PauseReason.COURT_SUSPENSION}, "clock.pause_unlisted", "awaiting_applicant, force_majeure",
    ),
    "by somebody who may not": ({"by": REVIEWER}, "clock.pause_role", f"by head_of_unit; {REVIEWER} may not"),
    "for a reason that only the course of the case gives": (
        {"reason": PauseReason.AWAITING_APPLICANT}, "clock.pause_role", "begins by itself",
    ),
}  # fmt: skip


@pytest.mark.parametrize("asked", REFUSED.values(), ids=REFUSED.keys())
def test_a_pause_is_refused_and_nothing_is_written(story: Story, asked: tuple[dict[str, Any], str, str]) -> None:
    said, rule, sentence = asked
    number = story.to_review()
    before = story.counts()
    with pytest.raises(ClockChangeRefused, match=sentence) as refused:
        _pause(story, number, **said)
    assert refused.value.rule == rule
    assert story.counts() == before
    assert _due(story, number) == DUE


@SQLITE_ONLY
def test_a_clock_cannot_stand_still_twice_nor_go_on_when_it_runs_nor_after_it_ran_out(story: Story) -> None:
    number = story.to_review()
    with pytest.raises(ClockChangeRefused, match="does not stand still"):
        resume_clock(story.runtime, number, REVIEW, HEAD, "The office is dry.")
    _pause(story, number)
    with pytest.raises(ClockChangeRefused, match="stands still already"):
        _pause(story, number)
    resume_clock(story.runtime, number, REVIEW, HEAD, "The office is dry.")
    story.clock.set(DUE)
    with pytest.raises(ClockChangeRefused, match="a pause cannot undo that"):
        _pause(story, number)


@SQLITE_ONLY
def test_returning_a_case_that_is_late_does_not_undo_the_delay(story: Story) -> None:
    number = story.to_review()
    story.clock.set(DUE + timedelta(minutes=5))
    _return(story, number)
    assert story.events(number, "clock.paused") == []
    sweep(story.runtime)
    [clock] = story.clocks(number, REVIEW)
    assert (clock.breached_at, clock.history) == (DUE, [])
    story.assert_sound()


def test_the_longest_pause_ends_by_itself_once_with_its_own_time_however_many_sweeps_find_it(story: Story) -> None:
    number = story.to_review()
    story.clock.set(_almaty(19, 9))
    due = _pause(story, number)
    longest = _almaty(26, 18, 30)
    story.clock.set(longest - timedelta(minutes=1))
    sweep(story.runtime)
    assert story.events(number, "clock.resumed") == []
    story.clock.set(longest + timedelta(hours=2))
    results = together(*(lambda: sweep(story.runtime) for _ in range(2)))
    assert [outcome.failed for outcome in results] == [[], []]
    sweep(story.runtime)
    [event] = story.events(number, "clock.resumed")
    assert (event.at, event.actor_id, event.data["by"]) == (longest, "system", "longest pause")
    assert event.data["detected_at"] == story.clock().isoformat()
    assert _due(story, number) == due, "what was said while it stood still holds"
    with pytest.raises(ClockChangeRefused, match="does not stand still"):
        resume_clock(story.runtime, number, REVIEW, HEAD, "The office is dry.")
    story.assert_sound()


@SQLITE_ONLY
@pytest.mark.parametrize(("minutes", "late"), [(0, False), (30, False), (31, True)])
def test_a_breach_after_a_pause_has_its_own_time_and_says_when_it_was_found_late(
    story: Story, minutes: int, late: bool
) -> None:
    number = story.to_review()
    story.clock.set(_almaty(19, 9))
    due = _pause(story, number)
    story.clock.set(due + timedelta(minutes=minutes))
    sweep(story.runtime)
    [clock] = story.clocks(number, REVIEW)
    assert (clock.breached_at, clock.late_detected) == (due, late)
    assert [event.kind for event in story.events(number) if event.kind.startswith("clock.")] == [
        "clock.paused", "clock.resumed", "clock.warned", "clock.breached",
    ]  # fmt: skip
    story.assert_sound()


@SQLITE_ONLY
def test_a_pause_of_one_clock_moves_no_other(story: Story) -> None:
    number = story.to_review()
    before = {row.rule_id: row.due_at for row in story.clocks(number)}
    other = story.to_review()
    _pause(story, number)
    assert {row.rule_id: row.due_at for row in story.clocks(number) if row.rule_id != REVIEW} == {
        rule: due for rule, due in before.items() if rule != REVIEW
    }
    assert _due(story, other) == DUE

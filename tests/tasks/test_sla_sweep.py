"""The sweep is a function of the database and of now: late, twice or in two threads, it comes to the same."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from casework.vocabulary import Action
from db.queries.clocks import clocks_due, last_success
from db.tables import Clock, Event
from tasks.record import transaction
from tasks.sla_sweep import NAME, POISONED_FOR, SweepResult, preview, sweep
from tests.stories import REVIEWER, SQLITE_ONLY, START, Story, together

LAW = {"category": "gambling_advertising"}
"""A request under the law: the platform has 24 hours, with warnings six hours and one hour before."""


def _levels(story: Story, number: str, rule: str = "kz.platform_24h") -> list[tuple[str, str, bool]]:
    """What the log says about one clock: when, which threshold, whether found late."""
    return [
        (event.at.strftime("%d %H:%M"), event.data["level"], event.data["late_detected"])
        for event in story.events(number)
        if event.kind in ("clock.warned", "clock.breached") and event.data["rule"] == rule
    ]


@SQLITE_ONLY
def test_when_nothing_is_due_nothing_is_done(story: Story) -> None:
    story.submitted(**LAW)
    before = story.counts()
    assert sweep(story.runtime) == SweepResult()
    after = story.counts()
    assert after.pop("heartbeat") > 0, "that it ran is all that is noted"
    assert after == {what: count for what, count in before.items() if what != "heartbeat"}
    with story.runtime.sessions.read() as session:
        assert last_success(session, NAME) == START


@pytest.mark.parametrize(("minutes", "fired"), [(-1, 0), (0, 1), (1, 1)])
@SQLITE_ONLY
def test_a_threshold_fires_at_its_minute_and_not_before(story: Story, minutes: int, fired: int) -> None:
    number = story.submitted(**LAW)
    story.clock.set(START + timedelta(hours=18, minutes=minutes))
    assert sweep(story.runtime).warned == fired
    assert _levels(story, number) == [("18 22:00", "-6h", False)] * fired


def test_each_threshold_is_acted_on_once_however_often_the_sweep_runs(story: Story) -> None:
    number = story.submitted(**LAW)
    for hour in (18, 23, 24):
        story.clock.set(START + timedelta(hours=hour))
        for _run in range(4):
            sweep(story.runtime)
    assert _levels(story, number) == [
        ("18 22:00", "-6h", False),
        ("19 03:00", "-1h", False),
        ("19 04:00", "breach", False),
    ]
    assert len(story.escalations(number)) == 1
    assert len(story.letters(number, "platform_reminder")) == 1
    story.assert_sound()


def test_two_sweeps_at_once_act_once(story: Story) -> None:
    numbers = [story.submitted(**LAW) for _ in range(3)]
    story.clock.set(START + timedelta(hours=24))
    results = together(*(lambda: sweep(story.runtime) for _ in range(3)))
    assert not [outcome for outcome in results if isinstance(outcome, Exception)]
    assert not [outcome.failed for outcome in results if outcome.failed]
    assert sum(outcome.breached for outcome in results) == 3
    for number in numbers:
        assert len(story.events(number, "clock.breached")) == 1
        assert len(story.escalations(number)) == 1
        assert len(story.letters(number, "platform_reminder")) == 1
    story.assert_sound()


@SQLITE_ONLY
def test_after_three_days_of_silence_every_threshold_is_recorded_with_its_own_time(story: Story) -> None:
    """The house was without power: what came meanwhile is found late, and says so."""
    number = story.submitted(**LAW)
    story.clock.set(START + timedelta(days=3))
    result = sweep(story.runtime)
    assert _levels(story, number) == [
        ("18 22:00", "-6h", True),
        ("19 03:00", "-1h", True),
        ("19 04:00", "breach", True),
    ]
    assert result.late == 3
    [clock] = story.clocks(number, "kz.platform_24h")
    assert (clock.breached_at, clock.late_detected) == (START + timedelta(hours=24), True)
    [rung] = story.escalations(number)
    assert (rung.rung, rung.raised_at) == (1, story.clock()), "a rung raised late still gives its full time to answer"
    assert {event.data["detected_at"] for event in story.events(number, "clock.breached")} == {
        story.clock().isoformat()
    }
    story.assert_sound()


@SQLITE_ONLY
def test_a_threshold_found_within_half_an_hour_is_not_late(story: Story) -> None:
    number = story.submitted(**LAW)
    story.clock.set(START + timedelta(hours=18, minutes=30))
    sweep(story.runtime)
    story.clock.set(START + timedelta(hours=23, minutes=31))
    sweep(story.runtime)
    assert [late for _at, _level, late in _levels(story, number)] == [False, True]


CORRUPT = {"sqlite": "{not json", "postgresql": '"not a list"'}


def test_a_poisoned_clock_waits_an_hour_and_stops_nobody(story: Story) -> None:
    poisoned, sound = story.submitted(**LAW), story.submitted(**LAW)
    rotten = CORRUPT[story.runtime.engine.dialect.name]
    [bad] = story.clocks(poisoned, "kz.platform_24h")
    story.execute("UPDATE clock SET thresholds = :rotten WHERE id = :id", rotten=rotten, id=bad.id)
    story.clock.set(START + timedelta(hours=24))
    result = sweep(story.runtime)
    assert result.failed == [poisoned]
    assert len(story.events(sound, "clock.breached")) == 1
    assert story.events(poisoned, "clock.breached") == []
    assert sweep(story.runtime).failed == [], "left alone for an hour"
    with story.runtime.sessions.read() as session:
        assert clocks_due(session, story.clock() + POISONED_FOR, 10) == [bad.id]
    story.clock.advance(hours=1)
    assert sweep(story.runtime).failed == [poisoned]


@SQLITE_ONLY
def test_a_clock_without_a_case_is_reported_by_its_own_number(story: Story) -> None:
    story.hand_in({"links": []})
    [clock] = story.all(Clock)
    story.execute("UPDATE clock SET thresholds = '{not json'")
    story.clock.advance(days=5)
    assert sweep(story.runtime).failed == [f"clock {clock.id}"]


@SQLITE_ONLY
def test_a_held_report_that_nobody_looks_at_is_a_breach_on_record(story: Story) -> None:
    story.hand_in({"links": []})
    story.clock.advance(days=5)
    result = sweep(story.runtime)
    assert (result.warned, result.breached) == (1, 1)
    [clock] = story.all(Clock)
    of_clocks = [event for event in story.all(Event) if event.case_id is None and event.kind.startswith("clock.")]
    assert [(event.kind, event.at) for event in of_clocks] == [
        ("clock.warned", datetime.fromisoformat(clock.thresholds[0][0])),
        ("clock.breached", clock.due_at),
    ]
    story.assert_sound()


def test_a_preview_says_what_would_happen_and_writes_nothing(story: Story) -> None:
    number = story.submitted(**LAW)
    story.clock.set(START + timedelta(hours=24))
    before = story.counts()
    foreseen, letters = preview(story.runtime)
    assert story.counts() == before
    assert [clock.fired for clock in story.clocks(number, "kz.platform_24h")] == [0]
    assert letters == [(number, "platform_reminder", "platform:tiktok")]
    assert sweep(story.runtime) == foreseen
    assert [row.kind for row in story.letters(number)][-1] == "platform_reminder"
    assert preview(story.runtime) == (SweepResult(), [])


@SQLITE_ONLY
def test_a_preview_is_not_stopped_by_a_poisoned_clock(story: Story) -> None:
    poisoned, sound = story.submitted(**LAW), story.submitted(**LAW)
    [bad] = story.clocks(poisoned, "kz.platform_24h")
    story.execute("UPDATE clock SET thresholds = '{not json' WHERE id = :id", id=bad.id)
    story.clock.set(START + timedelta(hours=24))
    foreseen, letters = preview(story.runtime)
    assert foreseen.failed == [poisoned]
    assert [number for number, _kind, _contact in letters] == [sound]


@SQLITE_ONLY
def test_a_reporter_who_does_not_answer_in_time_hears_that_the_case_is_closed(story: Story) -> None:
    number = story.take_in(observed_at=None)
    story.drive(number)
    assert story.status(number) == "returned"
    [clock] = story.clocks(number, "kz.reporter.answer")
    story.clock.set(clock.due_at - timedelta(minutes=1))
    sweep(story.runtime)
    assert story.status(number) == "returned"
    story.clock.set(clock.due_at)
    result = sweep(story.runtime)
    assert result.lapsed == 1
    case = story.case(number)
    assert (case.status, case.disposition) == ("closed", "incomplete")
    assert story.events(number, "moved.lapse")[0].actor_id == "system"
    story.send_letters()
    assert [row.state for row in story.letters(number, "closure")] == ["sent"]
    assert not [row for row in story.clocks(number) if row.state == "running" or row.next_check_at]
    assert sweep(story.runtime).lapsed == 0
    story.assert_sound()


@SQLITE_ONLY
def test_our_own_delay_is_told_to_our_own_people_and_to_nobody_else(story: Story) -> None:
    number = story.to_review()
    [clock] = story.clocks(number, "kz.internal.review.routine")
    story.clock.set(clock.due_at)
    sweep(story.runtime)
    assert [level for _at, level, _late in _levels(story, number, "kz.internal.review.routine")] == ["80%", "breach"]
    assert [(row.kind, row.contact) for row in story.letters(number)] == [
        ("receipt", "party:1"),
        ("deadline_warning", "unit"),
        ("breach_notice", "head_of_unit"),
    ]
    story.approve(number, REVIEWER)
    [clock] = story.clocks(number, "kz.internal.review.routine")
    assert (clock.state, clock.breached_at) == ("met", clock.due_at), "done, and late on record"


@SQLITE_ONLY
def test_a_clock_stopped_between_the_question_and_the_answer_does_not_fire(story: Story) -> None:
    """The sweep reads each clock again before it acts."""
    number = story.to_review()
    [clock] = story.clocks(number, "kz.internal.review.routine")
    story.clock.set(clock.due_at)
    story.move(number, Action.DECLINE, REVIEWER)
    assert sweep(story.runtime).clocks == 0
    assert _levels(story, number, "kz.internal.review.routine") == []


def test_the_next_due_time_of_a_case_follows_its_running_clocks(story: Story) -> None:
    number = story.submitted(**LAW)
    assert story.case(number).next_due_at == START + timedelta(hours=24)
    with transaction(story.runtime) as session:
        waiting: list[datetime | None] = [row.next_check_at for row in session.query(Clock).filter_by(state="running")]
    assert waiting == [START + timedelta(hours=18)]

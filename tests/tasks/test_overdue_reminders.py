"""A statutory duty of ours that has run out is still owed: our unit hears of it again and again, each time once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tasks.sla_sweep import sweep
from tests.stories import SQLITE_ONLY, Story, bullied, together

GROUP = "kz.expert_group"


def _overdue(story: Story) -> str:
    number = story.to_review(**bullied())
    [clock] = story.clocks(number, GROUP)
    story.clock.set(clock.due_at)
    sweep(story.runtime)
    [clock] = story.clocks(number, GROUP)
    assert (clock.state, clock.breached_at) == ("running", clock.due_at)
    assert story.letters(number, "overdue_reminder") == [], "the breach itself is on the record"
    return number


def _repeats(story: Story, number: str) -> list[object]:
    return [row.context["repeat"] for row in story.letters(number, "overdue_reminder")]


def test_each_repeat_is_one_letter_to_our_unit_even_if_two_sweeps_find_it(story: Story) -> None:
    number = _overdue(story)
    for days, expected in ((1, [1]), (3, [1, 2])):
        story.clock.advance(days=days)
        results = together(*(lambda: sweep(story.runtime) for _ in range(2)))
        assert [outcome.failed for outcome in results] == [[], []]
        assert sum(outcome.repeated for outcome in results) == 1
        assert sweep(story.runtime).repeated == 0
        assert _repeats(story, number) == expected
    story.send_letters()
    reminders = [
        kept for kept in story.mail("duty@ministry.example") if number in kept.subject and "напоминание" in kept.subject
    ]
    assert len(reminders) == 2
    assert [kept.subject[-len("напоминание 1") :] for kept in reminders] == ["напоминание 1", "напоминание 2"]
    text = " ".join(reminders[1].message.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert "все еще не исполнено: Рассмотрение заявления экспертной группой." in text
    assert "Просрочка: 96 ч 0 мин" in text
    assert "Напоминаний до этого письма: 1." in text
    assert "https://" not in text
    assert len(story.events(number, "clock.repeated")) == 2
    story.assert_sound()


@SQLITE_ONLY
def test_after_three_days_without_power_every_repeat_that_came_meanwhile_is_there_once(story: Story) -> None:
    number = _overdue(story)
    [clock] = story.clocks(number, GROUP)
    story.clock.advance(days=5)
    assert sweep(story.runtime).repeated == 3, "Thursday's duty: Friday, Monday and Tuesday have ended"
    assert _repeats(story, number) == [1, 2, 3]
    assert [event.at - clock.due_at for event in story.events(number, "clock.repeated")] == [
        timedelta(days=1), timedelta(days=4), timedelta(days=5),
    ]  # fmt: skip
    assert [event.data["late_detected"] for event in story.events(number, "clock.repeated")] == [True, True, False]
    assert sweep(story.runtime).repeated == 0


@SQLITE_ONLY
def test_the_reminders_stop_when_the_duty_is_done(story: Story) -> None:
    number = _overdue(story)
    story.clock.advance(days=1)
    sweep(story.runtime)
    story.confirmed_by_experts(number)
    story.approve(number)
    story.clock.advance(days=10)
    sweep(story.runtime)
    assert _repeats(story, number) == [1]
    [clock] = story.clocks(number, GROUP)
    assert (clock.state, clock.next_check_at) == ("met", None)
    assert clock.breached_at == clock.due_at, "done, and late on record"


@SQLITE_ONLY
def test_there_are_ten_reminders_and_then_silence(story: Story) -> None:
    number = _overdue(story)
    for _week in range(4):
        story.clock.advance(days=7)
        sweep(story.runtime)
    assert _repeats(story, number) == list(range(1, 11))
    [clock] = story.clocks(number, GROUP)
    assert (clock.state, clock.next_check_at) == ("running", None), "still owed, and nothing left to look at"
    assert sweep(story.runtime).clocks == 0
    story.assert_sound()


@SQLITE_ONLY
@pytest.mark.parametrize("category", ["fraud", "gambling_advertising"])
def test_no_reminder_is_written_for_a_clock_whose_rule_has_none(story: Story, category: str) -> None:
    number = story.to_review(category=category)
    story.clock.advance(days=20)
    assert sweep(story.runtime).repeated == 0
    assert story.letters(number, "overdue_reminder") == []

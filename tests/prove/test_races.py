"""Moments between two processes that a kill does not find: one writes while the other is about to."""

from __future__ import annotations

import pytest

from tasks import case_lifecycle
from tasks.collect_outcomes import collect
from tests.stories import Story

OUTCOMES = pytest.mark.parametrize(
    ("outcome", "then"), [("removed_globally", "closed"), ("more_info_needed", "more_info")]
)


@OUTCOMES
def test_an_answer_that_comes_before_a_drives_last_look_is_seen_by_it(story: Story, outcome: str, then: str) -> None:
    number = story.submitted()
    step = case_lifecycle.set_out(story.runtime, number).first
    story.answer(number, outcome)
    assert collect(story.runtime).recorded == 1
    while isinstance(step, case_lifecycle.Step):
        step = case_lifecycle.perform(story.runtime, number, step)
    assert story.status(number) == then
    story.assert_sound()


@OUTCOMES
def test_an_answer_that_comes_after_it_calls_for_the_next_drive(story: Story, outcome: str, then: str) -> None:
    number = story.submitted()
    case_lifecycle.advance_by_stages(story.runtime, number)
    story.answer(number, outcome)
    assert collect(story.runtime).recorded == 1
    story.assert_sound()
    assert case_lifecycle.claim(story.runtime, None, "the next one", 5) == [number]
    story.drive(number)
    assert story.status(number) == then

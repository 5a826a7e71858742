"""Moments between two processes that a kill does not find: one writes while the other is about to."""

from __future__ import annotations

import pytest

from tasks import case_lifecycle
from tasks.collect_outcomes import collect
from tests.stories import Story


@pytest.mark.parametrize("when", ["before the last stage", "after it"])
@pytest.mark.parametrize(("outcome", "then"), [("removed_globally", "closed"), ("more_info_needed", "more_info")])
def test_an_answer_that_comes_between_a_drives_last_look_and_its_end_is_not_forgotten(
    story: Story, outcome: str, then: str, when: str
) -> None:
    number = story.submitted()
    step = case_lifecycle.set_out(story.runtime, number)
    assert isinstance(step, case_lifecycle.Step)
    if when == "before the last stage":
        story.answer(number, outcome)
        assert collect(story.runtime).recorded == 1
    while isinstance(step, case_lifecycle.Step):
        step = case_lifecycle.perform(story.runtime, number, step)
    if when == "after it":
        story.answer(number, outcome)
        assert collect(story.runtime).recorded == 1
    story.assert_sound()
    if when == "before the last stage":
        assert story.status(number) == then
        return
    assert case_lifecycle.claim(story.runtime, None, "the next one", 5) == [number]
    story.drive(number)
    assert story.status(number) == then

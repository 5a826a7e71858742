"""Moments between two processes that a kill does not find: one writes while the other is about to."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest
from sqlalchemy.orm import Session

from tasks import case_lifecycle
from tasks.collect_outcomes import collect
from tasks.record import transaction
from tasks.runtime import Runtime
from tests.stories import Story

OUTCOMES = pytest.mark.parametrize(
    ("outcome", "then"), [("removed_globally", "closed"), ("more_info_needed", "more_info")]
)


@OUTCOMES
def test_an_answer_that_comes_before_a_drives_last_look_is_seen_by_it(
    story: Story, monkeypatch: pytest.MonkeyPatch, outcome: str, then: str
) -> None:
    number = story.submitted()
    opened = transaction

    def answered_first(runtime: Runtime) -> AbstractContextManager[Session]:
        monkeypatch.setattr(case_lifecycle, "transaction", opened)
        story.answer(number, outcome)
        assert collect(runtime).recorded == 1
        return opened(runtime)

    # The drive has seen that there is nothing to do, and is about to give the case back.
    monkeypatch.setattr(case_lifecycle, "transaction", answered_first)
    case_lifecycle.advance_by_stages(story.runtime, number)
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

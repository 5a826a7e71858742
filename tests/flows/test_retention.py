"""The weekly flow that erases: its badge says what was done, kept, or waits for a person."""

from __future__ import annotations

import pytest

from casework.vocabulary import Action
from flows.retention import retention
from tasks import retention as erasing
from tasks.legal_holds import place_hold
from tests.stories import REVIEWER, Story


def declined(story: Story) -> str:
    number = story.to_review()
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    return number


async def test_the_badge_says_what_was_erased_and_kept(story: Story) -> None:
    assert (await retention(return_state=True)).name == "Nothing due"
    held, _ = declined(story), declined(story)
    place_hold(story.runtime, held, REVIEWER, "Proceedings are announced.")
    story.later(days=366)
    assert (await retention(return_state=True)).name == "1 erased, 1 kept"


async def test_a_large_erasure_waits_and_says_so(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "CONFIRM_ABOVE", 1)
    declined(story), declined(story)
    story.later(days=366)
    state = await retention(return_state=True)
    assert state.is_completed()
    assert state.name == "2 wait for a confirmation"


async def test_a_case_that_fails_fails_the_run_after_the_others(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    number = declined(story)
    story.later(days=366)
    monkeypatch.setattr(erasing, "plan_case", lambda *_: 1 / 0)
    state = await retention(return_state=True)
    assert state.is_failed()
    assert (state.name, state.message) == ("1 cases failed", f"Look at: {number}")

"""Prefect is a convenience: without its server reports are still taken in, and danger to a child still acted on."""

from __future__ import annotations

import json

import pytest

from tasks import case_lifecycle
from tasks.inbox import take_in_inbox
from tests.stories import SQLITE_ONLY, Story, in_danger, report


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Prefect is said to be where nobody listens."""
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")


@SQLITE_ONLY
def test_reports_are_taken_in_and_driven_by_the_plain_functions(story: Story, no_server: None) -> None:
    results = story.hand_in(report(), in_danger())
    routine, danger = (str(result.case_number) for result in results)
    assert story.drive(danger).name == story.drive(routine).name == "Awaiting legal review"
    story.send_letters(urgent_only=True)
    assert {letter.state for letter in story.letters(danger, "police_referral")} == {"sent"}
    story.assert_sound()


@SQLITE_ONLY
def test_what_nobody_drives_stays_ready_for_when_the_server_is_back(story: Story, no_server: None) -> None:
    inbox = story.runtime.settings.inbox
    inbox.mkdir(exist_ok=True)
    (inbox / "night.jsonl").write_text("\n".join(json.dumps(report()) for _ in range(3)), encoding="utf-8")
    [batch] = list(take_in_inbox(story.runtime))
    assert [result.state for result in batch] == ["case"] * 3
    assert case_lifecycle.ready(story.runtime, "routine") == 3
    story.later(days=3)
    numbers = case_lifecycle.claim(story.runtime, "routine", "the morning", 10)
    assert numbers == [result.case_number for result in batch]

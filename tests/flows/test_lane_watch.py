"""The children's lane is watched by one drive after the other: who is raised waits for no new process."""

from __future__ import annotations

import asyncio
import threading
from datetime import datetime

import pytest

from casework.vocabulary import Priority
from flows import drive_cases as module
from flows.drive_cases import drive_cases
from tasks.case_lifecycle import claim
from tasks.claims import Claims
from tasks.heartbeats import schedules
from tasks.lane_watch import take_up
from tasks.prioritization import change_priority
from tests.flows.conftest import PATIENCE_SECONDS, letters_read_ahead, until
from tests.stories import DUTY, Story, in_danger


@pytest.fixture
def over(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set, the time for which a drive watches is over; until then it is not, however long that takes."""
    event = threading.Event()
    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(module, "monotonic", lambda: 300.0 if event.is_set() else 0.0)
    return event


def told(story: Story, number: str) -> bool:
    """Whether the police were told of the case."""
    return {letter.state for letter in story.letters(number, "police_referral")} == {"sent"}


def first_look_over(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Set when a drive has driven what was ready and asks what others hold."""
    asked = threading.Event()
    ask = Claims.others_lapse_at

    def others_lapse_at(claims: Claims) -> datetime | None:
        found = ask(claims)
        asked.set()
        return found

    monkeypatch.setattr(Claims, "others_lapse_at", others_lapse_at)
    return asked


async def test_a_childs_case_of_a_drive_that_was_killed_is_taken_over_when_its_lease_ends(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.05)
    [result] = story.hand_in(in_danger())
    number = str(result.case_number)
    assert claim(story.runtime, "child-safety", "killed", 1) == [number]
    watching = first_look_over(monkeypatch)
    drive = asyncio.create_task(drive_cases("child-safety", return_state=True))
    assert await asyncio.to_thread(watching.wait, PATIENCE_SECONDS)
    assert story.status(number) == "received", "whoever holds it may be alive"
    story.later(seconds=31)
    assert (await drive).name == "1 driven"
    assert story.status(number) == "in_legal_review"


async def test_a_drive_has_read_the_letters_of_danger_before_it_takes_up_the_watch(
    story: Story, over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = letters_read_ahead(monkeypatch)
    known: list[set[str]] = []
    monkeypatch.setattr(module, "take_up", lambda *who: known.append(set(read)) or take_up(*who))
    drive = asyncio.create_task(drive_cases("child-safety", watch_seconds=50, return_state=True))
    assert await asyncio.to_thread(until, lambda: known == [{"police_referral", "duty_alert"}])
    over.set()
    await drive


async def test_a_case_that_is_raised_while_the_drive_watches_needs_no_new_one(
    story: Story, over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = story.take_in()
    under_review = story.to_review(category="cyberbullying_child", age_band="13_17")
    watching = first_look_over(monkeypatch)
    drive = asyncio.create_task(drive_cases("child-safety", watch_seconds=50, return_state=True))
    assert await asyncio.to_thread(watching.wait, PATIENCE_SECONDS)
    for raised in (number, under_review):
        change_priority(story.runtime, raised, Priority.P0, DUTY, "The police say it is urgent.")
    assert await asyncio.to_thread(until, lambda: story.status(number) == "in_legal_review")
    assert await asyncio.to_thread(until, lambda: told(story, number) and told(story, under_review))
    over.set()
    assert (await drive).name == "1 driven"


async def test_the_next_p0_is_driven_while_prefect_makes_no_run_to_show_the_last_one(
    story: Story, over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = asyncio.Event()

    async def stands_still(_: object) -> None:
        await answers.wait()

    monkeypatch.setattr("flows.case_lifecycle.show_driven", stands_still)
    [first] = story.hand_in(in_danger())
    later = story.take_in()
    watching = first_look_over(monkeypatch)
    drive = asyncio.create_task(drive_cases("child-safety", watch_seconds=50, return_state=True))
    assert await asyncio.to_thread(watching.wait, PATIENCE_SECONDS)
    over.set()
    for _ in range(2):
        watching.clear()
        assert await asyncio.to_thread(watching.wait, PATIENCE_SECONDS), "it looks again though its time is over"
    change_priority(story.runtime, later, Priority.P0, DUTY, "The police say it is urgent.")
    assert await asyncio.to_thread(until, lambda: story.status(later) == "in_legal_review")
    assert story.status(str(first.case_number)) == "in_legal_review"
    assert not drive.done(), "it keeps its place while it waits to show the first, so it watches"
    answers.set()
    assert (await drive).name == "2 driven"


async def test_a_drive_whose_time_is_over_watches_until_another_does(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def driven(number: str) -> bool:
        return story.status(number) == "in_legal_review"

    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.05)
    began = iter([0.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(began, 60.0))
    first, second = story.take_in(), story.take_in()
    watching = first_look_over(monkeypatch)
    drive = asyncio.create_task(drive_cases("child-safety", watch_seconds=50, return_state=True))
    assert await asyncio.to_thread(watching.wait, PATIENCE_SECONDS)
    change_priority(story.runtime, first, Priority.P0, DUTY, "The police say it is urgent.")
    assert await asyncio.to_thread(until, lambda: driven(first)), "no other drive has come"
    assert (await drive_cases("child-safety", return_state=True)).name == "Nothing ready"
    change_priority(story.runtime, second, Priority.P0, DUTY, "The police say it is urgent.")
    assert await asyncio.to_thread(until, lambda: driven(second)), "one that does not watch relieves nobody"
    assert not drive.done()
    take_up(story.runtime, "child-safety", "drive-cases:on-another-host")
    assert (await drive).name == "2 driven"


async def test_a_drive_that_nobody_relieves_ends_before_its_last_success_counts_as_late(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    [late_after] = [schedule.late_after for schedule in schedules() if schedule.name == "lane-child-safety"]
    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.05)
    began = iter([0.0, 0.0, 60.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(began, late_after.total_seconds() - 60))
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await drive_cases("child-safety", watch_seconds=50, return_state=True)).name == "Nothing ready"


async def test_a_drive_that_has_driven_as_many_as_it_may_watches_no_more(story: Story, woken: list[str]) -> None:
    [result] = story.hand_in(in_danger())
    state = await drive_cases("child-safety", most=1, watch_seconds=600, return_state=True)
    assert (state.name, story.status(str(result.case_number))) == ("1 driven", "in_legal_review")
    assert woken == ["qorgan.lane.child-safety"]

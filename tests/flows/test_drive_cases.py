"""A lane is driven by urgency; a case that fails is set aside and never holds up the next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from casework.vocabulary import Priority
from db.tables import Letter
from flows import drive_cases as module
from flows.case_lifecycle import case_lifecycle
from flows.drive_cases import drive_cases
from tasks import claims
from tasks.case_lifecycle import Driven, advance_all, ready
from tasks.prioritization import change_priority
from tasks.runtime import Runtime, use
from tests.flows.conftest import PATIENCE_SECONDS, SECRET
from tests.flows.prefect_records import Recorded, run_id
from tests.stories import DUTY, Story, in_danger, report


def three_children(story: Story) -> list[str]:
    """Numbers of a P2, a P1 and a P0, handed in in that order."""
    results = story.hand_in(
        report(category="cyberbullying_child", age_band="13_17"),
        report(category="grooming_or_sexual_extortion_of_minor", age_band="13_17"),
        in_danger(),
    )
    assert [result.priority for result in results] == ["P2", "P1", "P0"]
    return [str(result.case_number) for result in results]


async def test_childrens_cases_have_runs_of_their_own_and_the_most_urgent_goes_first(
    story: Story, recorded: Recorded
) -> None:
    p2, p1, p0 = three_children(story)
    state = await drive_cases("child-safety", return_state=True)
    assert state.name == "3 driven"
    runs = await recorded.child_runs(state)
    # A P0 is driven first, and shown when nothing waits for it.
    assert {run.name for run in runs} == {p0, p1, p2}
    triaged = {number: story.events(number, "moved.triage")[0].seq for number in (p2, p1, p0)}
    assert sorted(triaged, key=triaged.__getitem__) == [p0, p1, p2]
    assert all(run.state is not None and run.state.is_completed() for run in runs)
    assert (await recorded.run(state)).name == "drive child-safety"


async def test_a_p0_is_driven_though_prefect_makes_no_run_of_its_own_now(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_server(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(module, "case_lifecycle", no_server)
    monkeypatch.setattr("flows.case_lifecycle.case_lifecycle", no_server)
    [p0] = story.hand_in(in_danger())
    assert (await drive_cases("child-safety", return_state=True)).name == "1 driven"
    assert story.status(str(p0.case_number)) == "in_legal_review"
    assert {letter.state for letter in story.letters(str(p0.case_number), "police_referral")} == {"sent"}


async def test_routine_cases_are_driven_together_and_the_runs_table_says_what_became_of_each(
    story: Story, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TOGETHER", 3)
    numbers = [story.take_in() for _ in range(4)]
    state = await drive_cases("routine", return_state=True)
    assert state.name == "4 driven"
    assert [task.name for task in await recorded.task_runs(run_id(state), 2)] == [
        f"{numbers[0]} and 2 more",
        numbers[3],
    ]
    assert await recorded.child_runs(state) == []
    [table] = await recorded.tables(run_id(state))
    assert [(row["case"], row["now"]) for row in table] == [(number, "Awaiting legal review") for number in numbers]
    assert {story.status(number) for number in numbers} == {"in_legal_review"}


async def test_a_lane_leaves_the_other_lane_alone(story: Story) -> None:
    child, routine = story.take_in(category="cyberbullying_child", age_band="13_17"), story.take_in()
    assert (await drive_cases("child-safety", return_state=True)).name == "1 driven"
    assert (story.status(child), story.status(routine)) == ("in_legal_review", "received")


async def test_a_lane_driven_twice_has_nothing_left_to_do(story: Story) -> None:
    story.take_in()
    assert (await drive_cases("routine", return_state=True)).name == "1 driven"
    before = story.counts()
    assert (await drive_cases("routine", return_state=True)).name == "Nothing ready"
    assert story.counts() == before


async def test_no_more_are_driven_than_asked_for_and_the_next_drive_is_called(story: Story, woken: list[str]) -> None:
    numbers = [story.take_in() for _ in range(3)]
    assert (await drive_cases("routine", most=2, return_state=True)).name == "2 driven"
    assert [story.status(number) for number in numbers] == ["in_legal_review", "in_legal_review", "received"]
    assert woken == ["qorgan.lane.routine"]


async def test_a_lane_longer_than_one_page_is_driven_to_its_end(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "PAGE", 2)
    numbers = [story.take_in() for _ in range(5)]
    assert (await drive_cases("routine", return_state=True)).name == "5 driven"
    assert {story.status(number) for number in numbers} == {"in_legal_review"}


@pytest.mark.parametrize("lane", ["child-safety", "routine"])
async def test_a_case_that_fails_is_set_aside_the_others_go_on_and_the_run_fails_afterwards(
    story: Story, recorded: Recorded, stumbling: Callable[[str], None], lane: str
) -> None:
    fields = {"category": "cyberbullying_child", "age_band": "13_17"} if lane == "child-safety" else {}
    first, poisoned, last = (story.take_in(**fields) for _ in range(3))
    stumbling(poisoned)
    state = await drive_cases(lane, return_state=True)  # type: ignore[arg-type]
    assert state.is_failed()
    assert state.name == "1 of 3 failed"
    assert poisoned in (state.message or "")
    assert SECRET not in (state.message or "")
    assert {story.status(number) for number in (first, last)} == {"in_legal_review"}
    case = story.case(poisoned)
    assert (case.status, case.failures, case.lease_owner) == ("received", 1, None)
    assert case.drive_at == story.clock.at + timedelta(minutes=10)
    [event] = story.events(poisoned, "drive.failed")
    assert (event.data["error"], event.data["failures"]) == ("ValueError", 1)
    assert "stumble" in str(event.data["where"]), "the place is named, and nothing of what the error said"
    assert SECRET not in str(event.data)


async def test_a_case_that_failed_before_gets_a_run_of_its_own_when_its_pause_is_over(
    story: Story, recorded: Recorded, stumbling: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned = story.take_in()
    with monkeypatch.context():
        stumbling(poisoned)
        assert (await drive_cases("routine", return_state=True)).is_failed()
        story.later(minutes=9)
        assert (await drive_cases("routine", return_state=True)).name == "Nothing ready"
        story.later(minutes=1)
        again = await drive_cases("routine", return_state=True)
    assert again.is_failed()
    assert [run.name for run in await recorded.child_runs(again)] == [poisoned]
    assert story.case(poisoned).drive_at == story.clock.at + timedelta(minutes=20), "the pause grows"


async def test_a_case_that_is_well_again_is_a_routine_case_again(
    story: Story, recorded: Recorded, stumbling: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    number = story.take_in()
    stumbling(number)
    assert (await drive_cases("routine", return_state=True)).is_failed()
    monkeypatch.undo()
    story.later(minutes=10)
    state = await drive_cases("routine", return_state=True)
    assert state.is_completed()
    [run] = await recorded.child_runs(state)
    assert (run.name, run.state_name) == (number, "Awaiting legal review")
    assert story.case(number).failures == 0


async def test_a_case_is_not_set_aside_because_prefects_server_kept_no_result_of_its_run(
    story: Story, stumbling: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def kept_without_result(number: str, *, return_state: bool = False) -> object:
        state = await case_lifecycle(number, return_state=True)
        state.data = None
        return state if return_state else await state.aresult()

    number = story.take_in()
    stumbling(number)
    assert (await drive_cases("routine", return_state=True)).is_failed()
    monkeypatch.undo()
    monkeypatch.setattr(module, "case_lifecycle", kept_without_result)
    story.later(minutes=10)
    assert (await drive_cases("routine", return_state=True)).name == "1 driven"
    assert len(story.events(number, "drive.failed")) == 1, "the first drive's"


async def test_two_drives_at_once_never_drive_the_same_case(
    story: Story, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    driven: list[str] = []

    def note(runtime: Runtime, numbers: list[str]) -> Driven:
        driven.extend(numbers)
        return advance_all(runtime, numbers)

    monkeypatch.setattr(module, "advance_all", note)
    monkeypatch.setattr(claims, "PAGE", 2)
    numbers = [story.take_in() for _ in range(8)]
    both = await asyncio.gather(*(drive_cases("routine", return_state=True) for _ in range(2)))
    assert all(state.is_completed() for state in both)
    assert sorted(driven) == numbers
    assert {story.status(number) for number in numbers} == {"in_legal_review"}
    story.assert_sound()


async def test_what_a_child_needs_sent_leaves_with_the_drive(story: Story) -> None:
    number = story.take_in(category="suicide_or_self_harm", age_band="13_17", indicators=["threat_to_life_of_child"])
    assert story.mail() == []
    assert (await drive_cases("child-safety", return_state=True)).is_completed()
    assert {letter.state for letter in story.letters(number, "police_referral")} == {"sent"}
    assert len(story.mail()) == len([letter for letter in story.letters(number) if letter.state == "sent"])


async def test_a_case_that_keeps_failing_alarms_people_and_a_child_in_danger_at_once(
    story: Story, stumbling: Callable[[str], None]
) -> None:
    def alarms() -> list[Letter]:
        return [letter for letter in story.all(Letter) if letter.kind == "operations_alarm"]

    calm = story.take_in()
    stumbling(calm)
    for before in (0, 0, 0):
        assert len(alarms()) == before
        story.later(hours=1)
        assert (await drive_cases("routine", return_state=True)).is_failed()
    assert len(alarms()) == 1
    [result] = story.hand_in(in_danger())
    stumbling(str(result.case_number))
    assert (await drive_cases("child-safety", return_state=True)).is_failed()
    assert len(alarms()) == 2
    assert story.case(str(result.case_number)).drive_at == story.clock.at + timedelta(minutes=1)


async def test_letters_of_a_case_raised_while_a_person_has_it_leave_with_the_drive(story: Story) -> None:
    number = story.to_review(category="cyberbullying_child", age_band="13_17")
    change_priority(story.runtime, number, Priority.P0, DUTY, "The police say it is urgent.")
    assert (await drive_cases("child-safety", return_state=True)).name == "Nothing ready"
    assert {letter.state for letter in story.letters(number, "police_referral")} == {"sent"}


async def test_as_many_cases_are_driven_at_a_time_as_the_setting_says(
    story: Story, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(3, timeout=PATIENCE_SECONDS)

    def meet(runtime: Runtime, numbers: list[str]) -> Driven:
        together.wait()
        return advance_all(runtime, numbers)

    monkeypatch.setattr(module, "TOGETHER", 2)
    monkeypatch.setattr(module, "advance_all", meet)
    numbers = [story.take_in() for _ in range(6)]
    settings = runtime.settings.model_copy(update={"drive_concurrency": 3})
    with use(replace(runtime, settings=settings)):
        assert (await drive_cases("routine", return_state=True)).name == "6 driven"
    assert {story.status(number) for number in numbers} == {"in_legal_review"}
    story.assert_sound()


async def test_a_drive_that_is_cancelled_gives_its_cases_back(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def linger(runtime: Runtime, numbers: list[str]) -> Driven:
        begun.set()
        go_on.wait(30)
        return advance_all(runtime, numbers)

    monkeypatch.setattr(module, "advance_all", linger)
    numbers = [story.take_in() for _ in range(3)]
    drive = asyncio.create_task(drive_cases("routine", return_state=True))
    assert await asyncio.to_thread(begun.wait, PATIENCE_SECONDS)
    assert ready(story.runtime, "routine") == 0
    drive.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drive
    free = ready(story.runtime, "routine")
    go_on.set()
    assert free == len(numbers)

"""A lane is driven by urgency; a case that fails is set aside and never holds up the next."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from casework.vocabulary import Priority
from db.tables import Event, Letter
from flows import drive_cases as module
from flows.case_lifecycle import case_lifecycle
from flows.drive_cases import drive_cases
from tasks import claims
from tasks.case_lifecycle import Driven, advance_all, claim, ready
from tasks.claims import Claims
from tasks.heartbeats import schedules
from tasks.lane_watch import take_up
from tasks.prioritization import change_priority
from tasks.runtime import Runtime, use
from tests.flows.conftest import SECRET, until
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
    # Each is driven first, and shown when nothing waits for it.
    assert {run.name for run in runs} == {p0, p1, p2}
    triaged = {number: story.events(number, "moved.triage")[0].seq for number in (p2, p1, p0)}
    assert sorted(triaged, key=triaged.__getitem__) == [p0, p1, p2]
    assert all(run.state is not None and run.state.is_completed() for run in runs)
    assert (await recorded.run(state)).name == "drive child-safety"


async def test_childrens_cases_are_driven_though_prefect_makes_no_runs_of_their_own_now(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_server(*_: object, **__: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(module, "case_lifecycle", no_server)
    monkeypatch.setattr("flows.case_lifecycle.case_lifecycle", no_server)
    numbers = three_children(story)
    assert (await drive_cases("child-safety", return_state=True)).name == "3 driven"
    assert {story.status(number) for number in numbers} == {"in_legal_review"}
    assert {letter.state for letter in story.letters(numbers[-1], "police_referral")} == {"sent"}
    assert not [event for event in story.all(Event) if event.kind == "drive.failed"]


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
    together = threading.Barrier(3, timeout=30)

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
    assert await asyncio.to_thread(watching.wait, 30)
    assert story.status(number) == "received", "whoever holds it may be alive"
    story.later(seconds=31)
    assert (await drive).name == "1 driven"
    assert story.status(number) == "in_legal_review"


async def test_a_drive_that_is_cancelled_gives_its_cases_back(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def linger(runtime: Runtime, numbers: list[str]) -> Driven:
        begun.set()
        go_on.wait(30)
        return advance_all(runtime, numbers)

    monkeypatch.setattr(module, "advance_all", linger)
    numbers = [story.take_in() for _ in range(3)]
    drive = asyncio.create_task(drive_cases("routine", return_state=True))
    assert await asyncio.to_thread(begun.wait, 30)
    assert ready(story.runtime, "routine") == 0
    drive.cancel()
    with pytest.raises(asyncio.CancelledError):
        await drive
    free = ready(story.runtime, "routine")
    go_on.set()
    assert free == len(numbers)


async def test_a_case_that_is_raised_while_the_drive_watches_needs_no_new_one(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(module, "RELIEF_SECONDS", 0)
    number = story.take_in()
    under_review = story.to_review(category="cyberbullying_child", age_band="13_17")
    watching = first_look_over(monkeypatch)
    drive = asyncio.create_task(drive_cases("child-safety", watch_seconds=2, return_state=True))
    assert await asyncio.to_thread(watching.wait, 30)
    for raised in (number, under_review):
        change_priority(story.runtime, raised, Priority.P0, DUTY, "The police say it is urgent.")
    assert (await drive).name == "1 driven"
    assert story.status(number) == "in_legal_review"
    for raised in (number, under_review):
        assert {letter.state for letter in story.letters(raised, "police_referral")} == {"sent"}


async def test_the_next_p0_is_driven_while_prefect_makes_no_run_to_show_the_last_one(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = asyncio.Event()

    async def stands_still(_: object) -> None:
        await answers.wait()

    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(module, "RELIEF_SECONDS", 0)
    monkeypatch.setattr("flows.case_lifecycle.show_driven", stands_still)
    [first] = story.hand_in(in_danger())
    later = story.take_in()
    watching = first_look_over(monkeypatch)
    drive = asyncio.create_task(drive_cases("child-safety", watch_seconds=2, return_state=True))
    assert await asyncio.to_thread(watching.wait, 30)
    change_priority(story.runtime, later, Priority.P0, DUTY, "The police say it is urgent.")
    async with asyncio.timeout(30):
        while story.status(later) != "in_legal_review":
            assert not drive.done()
            await asyncio.sleep(0.05)
    assert story.status(str(first.case_number)) == "in_legal_review"
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
    assert await asyncio.to_thread(watching.wait, 30)
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
    async with asyncio.timeout(30):
        assert (await drive_cases("child-safety", watch_seconds=50, return_state=True)).name == "Nothing ready"


async def test_a_drive_that_has_driven_as_many_as_it_may_watches_no_more(story: Story, woken: list[str]) -> None:
    [result] = story.hand_in(in_danger())
    state = await drive_cases("child-safety", most=1, watch_seconds=600, return_state=True)
    assert (state.name, story.status(str(result.case_number))) == ("1 driven", "in_legal_review")
    assert woken == ["qorgan.lane.child-safety"]

"""A run of one case ends with a badge that says what the case waits for."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from prefect.exceptions import ParameterTypeError

from casework.vocabulary import Action
from flows.case_lifecycle import case_lifecycle
from tasks import collect_outcomes
from tests.flows.conftest import SECRET
from tests.flows.prefect_records import Recorded, run_id
from tests.stories import NECESSITY, REASON, REVIEWER, Story


def received(story: Story) -> str:
    return story.take_in()


def incomplete(story: Story) -> str:
    return story.take_in(description="", quote="", why_unlawful="", observed_at=None)


def basis_of(story: Story, number: str) -> tuple[str, ...]:
    return tuple(story.runtime.pack.category(story.case(number).category).basis)


def endorsed_by_one(story: Story) -> str:
    number = story.to_review(category="false_information")
    story.move(number, Action.ENDORSE, REVIEWER, basis=basis_of(story, number), proportionality=NECESSITY)
    return number


def approved(story: Story) -> str:
    return story.approved()


def approved_for_a_portal(story: Story) -> str:
    return story.approved(links=["https://www.facebook.com/groups/practice/posts/000000000012345/"])


def asked_by_the_platform(story: Story) -> str:
    number = story.submitted()
    story.answer(number, "more_info_needed", reason="Which second?")
    collect_outcomes.collect(story.runtime)
    return number


def decided_by_the_platform(story: Story) -> str:
    number = story.submitted()
    story.answer(number, "removed_globally")
    collect_outcomes.collect(story.runtime)
    return number


def declined(story: Story) -> str:
    number = story.to_review()
    story.move(number, Action.DECLINE, REVIEWER, reason=REASON)
    return number


@pytest.mark.parametrize(
    ("case", "badge"),
    [
        (received, "Awaiting legal review"),
        (incomplete, "Awaiting reporter"),
        (endorsed_by_one, "Awaiting second reviewer"),
        (approved, "Awaiting platform"),
        (approved_for_a_portal, "Awaiting portal entry"),
        (asked_by_the_platform, "Awaiting our answer"),
        (decided_by_the_platform, "Closed"),
        (declined, "Declined: nothing to do"),
    ],
)
async def test_a_run_is_named_by_the_case_and_ends_named_after_what_the_case_waits_for(
    story: Story, recorded: Recorded, case: Callable[[Story], str], badge: str
) -> None:
    number = case(story)
    state = await case_lifecycle(number, return_state=True)
    run = await recorded.run(state)
    assert run.name == number
    assert run.state is not None
    assert run.state.is_completed()
    assert run.state.name == badge
    assert run.state.message is not None
    assert run.state.message.startswith("Next: ")


async def test_each_stage_is_a_task_run_of_its_own(story: Story, recorded: Recorded) -> None:
    number = story.take_in()
    state = await case_lifecycle(number, return_state=True)
    stages = await recorded.task_runs(run_id(state), 2)
    assert [stage.name for stage in stages] == ["prioritize", "completeness gate"]
    story.approve(number)
    state = await case_lifecycle(number, return_state=True)
    [stage] = await recorded.task_runs(run_id(state), 1)
    assert stage.name == "submit", "where a platform has not answered yet, there is nothing to settle"
    story.answer(number, "not_found")
    collect_outcomes.collect(story.runtime)
    state = await case_lifecycle(number, return_state=True)
    stages = await recorded.task_runs(run_id(state), 2)
    assert [stage.name for stage in stages] == ["settle outcomes", "close"]


async def test_running_a_case_again_changes_nothing_and_shows_the_same_badge(story: Story) -> None:
    number = story.take_in()
    first = await case_lifecycle(number, return_state=True)
    before, case = story.counts(), story.case(number)
    second = await case_lifecycle(number, return_state=True)
    assert second.name == first.name == "Awaiting legal review"
    assert story.counts() == before
    assert (story.case(number).status, story.case(number).drive_at) == (case.status, case.drive_at)
    story.assert_sound()


async def test_a_closed_case_that_is_driven_again_says_that_there_is_nothing_to_do(story: Story) -> None:
    number = decided_by_the_platform(story)
    assert (await case_lifecycle(number, return_state=True)).name == "Closed"
    before = story.counts()
    state = await case_lifecycle(number, return_state=True)
    assert (state.is_completed(), state.name) == (True, "Closed: nothing to do")
    assert story.counts() == before


async def test_a_submitted_case_that_is_run_again_is_not_submitted_again(story: Story) -> None:
    number = story.approved()
    for _ in range(3):
        assert (await case_lifecycle(number, return_state=True)).name == "Awaiting platform"
    assert story.notices_at_platform() == 1
    assert len(story.events(number, "submission.sent")) == 1


@pytest.mark.parametrize("wrong", ["", "KZ-2026", "kz-2026-000001", "KZ-2026-000001;", "KZ-2026-000001 Айгуль"])
async def test_what_is_no_case_number_is_refused_before_anything_runs(story: Story, wrong: str) -> None:
    before = story.counts()
    with pytest.raises(ParameterTypeError):
        await case_lifecycle(wrong)
    assert story.counts() == before


async def test_a_number_that_no_case_has_fails_and_says_so(story: Story) -> None:
    state = await case_lifecycle("KZ-2026-999999", return_state=True)
    assert state.is_failed()
    assert state.name == "No such case"
    assert state.message == ("KZ-2026-999999: there is no case with this number [case.not_found] See 'qorgan cases'.")


def test_the_operators_form_knows_the_shape_of_a_case_number() -> None:
    schema = case_lifecycle.parameters.model_dump()
    assert schema["properties"]["case_number"]["pattern"] == r"^[A-Z]{2,6}-\d{4}-\d{6,}$"
    assert schema["required"] == ["case_number"]


async def test_a_stage_that_breaks_unexpectedly_shows_its_kind_and_place_but_not_what_it_stumbled_over(
    story: Story, recorded: Recorded, stumbling: Callable[[str], None], lines_shown_by_prefect: None
) -> None:
    number = story.take_in()
    stumbling(number)
    state = await case_lifecycle(number, return_state=True)
    assert state.is_failed()
    assert "ValueError" in (state.message or "")
    lines = await recorded.log_lines(run_id(state), " stumble")
    assert any("effect failed" in line and " stumble" in line for line in lines)
    assert SECRET not in "\n".join([*lines, str(state.message)])
    assert story.status(number) == "received"

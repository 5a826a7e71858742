"""What the operator reads on a run's badge while sending is muted, or while a first sweep waits for a person."""

from __future__ import annotations

from flows.case_lifecycle import case_lifecycle
from flows.correspondence import correspondence
from flows.drive_cases import drive_cases
from flows.sla_sweep import sla_sweep
from tasks.runtime import use
from tasks.switches import IMPORT, guard_after_import, mute
from tests.stories import HEAD, Story

WHY = "The mail server sends to the wrong place."


async def test_the_letters_run_says_how_many_wait(story: Story) -> None:
    story.take_in()
    mute(story.runtime, HEAD, WHY)
    state = await correspondence(return_state=True)
    assert (state.name, state.message) == ("Muted: 1 letters wait", WHY)
    assert story.mail() == []


async def test_a_case_that_would_be_submitted_says_that_sending_is_muted(story: Story) -> None:
    number = story.approved()
    mute(story.runtime, HEAD, WHY)
    assert (await case_lifecycle(number, return_state=True)).name == "Sending is muted"
    assert story.notices_at_platform() == 0


async def test_a_lane_drives_a_muted_case_once_and_then_leaves_it(story: Story) -> None:
    story.approved()
    mute(story.runtime, HEAD, WHY)
    assert (await drive_cases("routine", return_state=True)).name == "1 driven"
    assert (await drive_cases("routine", return_state=True)).name == "Nothing ready"


async def test_a_first_sweep_that_is_too_large_says_what_it_would_do(story: Story) -> None:
    few = story.with_settings(first_sweep_most=0)
    few.take_in()
    guard_after_import(few.runtime, IMPORT)
    few.later(days=5)
    with use(few.runtime):
        state = await sla_sweep(return_state=True)
    assert state.name is not None
    assert state.name.startswith("Would write ")
    assert state.name.endswith(" rungs: a person confirms")
    assert "qorgan sweep --confirm" in (state.message or "")
    few.close()

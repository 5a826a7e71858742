"""The flow that writes operators a letter: a form with a few words to choose from, safe to run again."""

from __future__ import annotations

import pytest
from prefect.exceptions import ParameterTypeError

from db.tables import Letter
from flows.alarm import alarm
from tasks.alarms import WHATS
from tests.stories import Story


def alarms(story: Story) -> list[Letter]:
    return [row for row in story.all(Letter) if row.kind == "operations_alarm"]


async def test_it_writes_one_letter_and_sends_it_and_a_second_run_within_the_hour_says_so(story: Story) -> None:
    assert (await alarm("run-crashed", "drive-cases", return_state=True)).name == "Letter written"
    [letter] = alarms(story)
    assert letter.state == "sent"
    assert (await alarm("run-crashed", "drive-cases", return_state=True)).name == "Written this hour already"
    assert len(alarms(story)) == 1


@pytest.mark.parametrize(
    ("what", "about"),
    [("nonsense", "clocks"), ("run-failed", "Қанат Сәрсенұлы"), ("run-failed", ""), ("run-failed", "a" * 65)],
)
async def test_what_is_not_on_the_form_is_refused_before_anything_runs(story: Story, what: str, about: str) -> None:
    with pytest.raises(ParameterTypeError):
        await alarm(what, about)  # type: ignore[arg-type]
    assert alarms(story) == []


def test_the_form_offers_the_alarms_to_choose_from() -> None:
    schema = alarm.parameters.model_dump()
    assert tuple(schema["properties"]["what"]["enum"]) == WHATS
    assert schema["properties"]["about"]["pattern"]

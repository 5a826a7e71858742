"""Files put into the inbox come in once, also when the process dies in between."""

from __future__ import annotations

import json
from pathlib import Path

from casework.vocabulary import ReportState
from db.tables import CaseFile
from tasks.inbox import take_in_inbox
from tests.stories import SQLITE_ONLY, Story, report

pytestmark = SQLITE_ONLY


def _put(story: Story, name: str, **fields: object) -> Path:
    inbox = story.runtime.settings.inbox
    inbox.mkdir(exist_ok=True)
    path = inbox / name
    path.write_text(json.dumps(report(**fields)))
    return path


def _states(story: Story) -> list[ReportState]:
    return [result.state for batch in take_in_inbox(story.runtime) for result in batch]


def test_files_are_taken_in_by_the_system_and_leave_the_inbox(story: Story) -> None:
    _put(story, "b.json")
    _put(story, "a.json")
    _put(story, "unfinished.json.part")
    assert _states(story) == [ReportState.CASE, ReportState.CASE]
    assert {case.intake_by for case in story.all(CaseFile)} == {"system"}
    left = [path.name for path in story.runtime.settings.inbox.rglob("*") if path.is_file()]
    assert left == ["unfinished.json.part"]
    assert _states(story) == []


def test_a_process_that_dies_while_taking_in_loses_nothing_and_doubles_nothing(story: Story) -> None:
    _put(story, "a.json")
    _put(story, "b.json")
    batches = take_in_inbox(story.runtime)
    next(batches)
    batches.close()
    assert sorted(_states(story)) == [ReportState.CASE, ReportState.DUPLICATE]
    assert len(story.all(CaseFile)) == 2
    story.assert_sound()


def test_a_file_of_the_same_name_overwrites_nothing(story: Story) -> None:
    _put(story, "a.json")
    assert _states(story) == [ReportState.CASE]
    _put(story, "a.json")
    assert _states(story) == [ReportState.CASE]
    assert len(story.all(CaseFile)) == 2

"""An answer to a platform's question that may have arrived, while the platform already goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import update

from casework.vocabulary import Action
from db.tables import CaseFile, Clock, Submission
from tasks.case_lifecycle import claim
from tasks.channels import Accepted, Receipt
from tasks.collect_outcomes import collect
from tests.stories import REVIEWER, SQLITE_ONLY, Story, link

pytestmark = SQLITE_ONLY


@contextmanager
def nobody_can_ask(story: Story) -> Iterator[None]:
    """The platform tells nobody what it has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(story.runtime.channels["api"]), "lookup", lambda *_: Receipt(Accepted.UNKNOWN))
        yield


def answer_that_nobody_heard_arrive(story: Story, **fields: Any) -> str:
    """A reviewer has answered the platform's question; the platform has the answer, and we do not know."""
    number = story.submitted(**fields)
    story.answer(number, "more_info_needed", reason="Which second?")
    collect(story.runtime)
    story.drive(number)
    story.move(number, Action.ANSWER, REVIEWER)
    story.platform.behaviour(fail_after_accept_next=1)
    with nobody_can_ask(story):
        story.drive(number)
    assert answers(story, number) == ["unknown"]
    return number


def answers(story: Story, number: str) -> list[str]:
    """The states of our answers to the platform's questions."""
    return [row.state for row in story.submissions(number) if row.kind == "answer"]


SAYS_NEXT = pytest.mark.parametrize(
    ("outcome", "then"), [("removed_globally", "closed"), ("more_info_needed", "more_info")], ids=["decides", "asks"]
)


@SAYS_NEXT
def test_a_platform_that_speaks_is_asked_at_once_whether_it_has_our_answer(
    story: Story, outcome: str, then: str
) -> None:
    number = answer_that_nobody_heard_arrive(story)
    story.answer(number, outcome, reason="And which minute?")
    collect(story.runtime)
    story.drive(number)
    assert (answers(story, number), story.status(number)) == (["sent"], then)
    assert claim(story.runtime, None, "the next one", 5) == [], "nothing is left to do"
    story.assert_sound()


def owed_by_platform(story: Story, number: str) -> list[str]:
    """The papers that the platform still owes us a word on, by its running clocks."""
    numbers = {row.id: row.number for row in story.submissions(number)}
    return [numbers[clock.subject_id] for clock in story.clocks(number) if clock.duty == "platform" and running(clock)]


def running(clock: Clock) -> bool:
    return clock.state == "running"


@SAYS_NEXT
def test_no_time_runs_for_the_platform_that_has_said_its_next_word(story: Story, outcome: str, then: str) -> None:
    number = answer_that_nobody_heard_arrive(story)
    story.answer(number, outcome, reason="And which minute?")
    collect(story.runtime)
    story.drive(number)
    assert story.status(number) == then
    assert owed_by_platform(story, number) == []
    ours = [clock for clock in story.clocks(number) if "platform_question" in clock.rule_id and running(clock)]
    assert len(ours) == (then == "more_info"), "our time to answer runs once"


def test_time_on_an_answer_known_late_runs_for_the_item_that_is_left(story: Story) -> None:
    number = answer_that_nobody_heard_arrive(story, links=[link(), link()])
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    assert (answers(story, number), story.status(number)) == (["sent"], "submitted"), "the other item is open"
    assert owed_by_platform(story, number) == [story.submissions(number)[-1].number]


def test_a_second_question_stops_the_time_on_our_answer_whichever_notice_it_names(story: Story) -> None:
    number = story.submitted()
    for question in ("Which second?", "And which minute?"):
        assert len(owed_by_platform(story, number)) == 1
        # It speaks of the notice, of which the answer is no part.
        story.answer(number, "more_info_needed", reason=question)
        collect(story.runtime)
        story.drive(number)
        assert owed_by_platform(story, number) == []
        story.move(number, Action.ANSWER, REVIEWER)
        story.drive(number)
    assert owed_by_platform(story, number) == [story.submissions(number)[-1].number], "its time runs on the last answer"
    story.assert_sound()


@SAYS_NEXT
def test_what_it_said_waits_until_that_is_known(story: Story, outcome: str, then: str) -> None:
    number = answer_that_nobody_heard_arrive(story)
    story.answer(number, outcome, reason="And which minute?")
    collect(story.runtime)
    with nobody_can_ask(story):
        story.drive(number)
    assert (answers(story, number), story.status(number)) == (["unknown"], "submitted")
    story.later(minutes=6)
    assert claim(story.runtime, None, "the next one", 5) == [number], "it is asked again"
    story.drive(number)
    assert (answers(story, number), story.status(number)) == (["sent"], then)
    story.assert_sound()


def test_an_answer_that_an_ended_case_left_behind_calls_for_no_drive(story: Story) -> None:
    number = answer_that_nobody_heard_arrive(story)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    with story.runtime.sessions.write.begin() as session:
        session.execute(update(Submission).where(Submission.kind == "answer").values(state="unknown"))
        session.execute(update(CaseFile).values(drive_at=story.clock()))
    assert claim(story.runtime, None, "this one", 5) == [number]
    story.drive(number)
    story.later(hours=2)
    assert claim(story.runtime, None, "the next one", 5) == []

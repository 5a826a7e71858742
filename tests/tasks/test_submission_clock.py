"""From a reviewer's signature until the platform has it: a time of ours runs, whoever has to bring it there."""

from __future__ import annotations

import pytest

from casework.vocabulary import Action, Outcome
from db.tables import Clock
from tasks import submission
from tasks.collect_outcomes import collect, record_outcome
from tasks.sla_sweep import sweep
from tests.stories import HEAD, INTAKE, OTHER_INTAKE, REVIEWER, SQLITE_ONLY, Story, link, portal_link

pytestmark = SQLITE_ONLY


def times(story: Story, number: str) -> list[Clock]:
    """Our clocks on bringing something to a platform, oldest first."""
    return [clock for clock in story.clocks(number) if ".internal.submission." in clock.rule_id]


def only_time(story: Story, number: str) -> Clock:
    [clock] = times(story, number)
    return clock


def waits_for(story: Story, number: str) -> str:
    return story.drive(number).name


def answered_by_portal(story: Story) -> tuple[str, str]:
    """A reviewer answered a question from a portal; our answer waits for the officer. The case and the answer."""
    number = story.at_portal()
    [notice] = story.submissions(number)
    submission.record_reference(story.runtime, notice.number, "FB-1", OTHER_INTAKE)
    record_outcome(story.runtime, notice.number, 1, Outcome.MORE_INFO_NEEDED, OTHER_INTAKE, "Which second?")
    story.drive(number)
    story.later(hours=1)
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    return number, story.submissions(number)[-1].number


def test_a_dossier_that_nobody_enters_is_overdue_and_our_unit_hears_of_it(story: Story) -> None:
    number = story.at_portal()
    clock = only_time(story, number)
    assert (clock.duty, clock.state, clock.subject_kind) == ("authority", "running", "case")
    assert waits_for(story, number) == "Awaiting portal entry"
    before = len(story.letters(number))
    story.clock.set(clock.due_at)
    story.later(minutes=1)
    sweep(story.runtime)
    assert [event.kind for event in story.events(number)].count("clock.breached") == 1
    written = story.letters(number)[before:]
    assert {letter.recipient for letter in written} <= {"unit", "head_of_unit", "duty"}
    assert any("breach" in letter.kind for letter in written)
    story.assert_sound()


def test_it_ends_when_every_platform_of_the_case_has_its_notice(story: Story) -> None:
    number = story.approved(links=[link(), portal_link()])
    story.drive(number)
    assert {row.state for row in story.submissions(number)} == {"sent", "handed_over"}
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    assert only_time(story, number).state == "running", "one platform has decided; the other has nothing yet"
    [waiting] = [row.number for row in story.submissions(number) if row.state == "handed_over"]
    submission.record_reference(story.runtime, waiting, "FB-1", OTHER_INTAKE)
    assert (only_time(story, number).state, story.status(number)) == ("met", "submitted")
    story.assert_sound()


def test_a_notice_that_an_api_takes_at_once_leaves_none_running(story: Story) -> None:
    number = story.submitted()
    clock = only_time(story, number)
    assert (clock.state, clock.stopped_at) == ("met", clock.started_at)


@pytest.mark.parametrize("away", [Action.RECALL, Action.WITHDRAW])
def test_it_ends_when_the_notice_is_taken_back(story: Story, away: Action) -> None:
    number = story.approved(links=[portal_link()])
    story.move(number, away, INTAKE if away is Action.RECALL else HEAD)
    assert only_time(story, number).state == "cancelled", "the duty was not done: it fell away"


def test_our_answer_has_its_time_and_the_case_says_who_must_enter_it(story: Story) -> None:
    number, answer = answered_by_portal(story)
    of_notice, of_answer = times(story, number)
    assert (of_notice.state, of_answer.state) == ("met", "running")
    assert of_answer.started_at == story.clock()
    assert (story.status(number), waits_for(story, number)) == ("submitted", "Awaiting portal entry")
    story.later(minutes=30)
    submission.record_reference(story.runtime, answer, "FB-2", OTHER_INTAKE)
    story.drive(number)
    assert (times(story, number)[-1].state, waits_for(story, number)) == ("met", "Awaiting platform")
    assert len(story.events(number, "case.submitted")) == 1
    story.assert_sound()


def test_several_answers_are_with_their_platforms_when_the_last_one_is(story: Story) -> None:
    number = story.approved(links=[link(), portal_link()])
    story.drive(number)
    [waiting] = [row.number for row in story.submissions(number) if row.state == "handed_over"]
    submission.record_reference(story.runtime, waiting, "FB-1", OTHER_INTAKE)
    story.answer(number, "more_info_needed", item=1, reason="Which second?")
    record_outcome(story.runtime, waiting, 2, Outcome.MORE_INFO_NEEDED, OTHER_INTAKE, "Which group?")
    collect(story.runtime)
    story.drive(number)
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    assert [row.state for row in story.submissions(number) if row.kind == "answer"] == ["sent", "handed_over"]
    assert times(story, number)[-1].state == "running"
    submission.record_reference(story.runtime, story.submissions(number)[-1].number, "FB-2", OTHER_INTAKE)
    assert times(story, number)[-1].state == "met"
    story.assert_sound()


def test_an_answer_that_the_platform_refuses_is_still_with_us(story: Story) -> None:
    number = story.submitted()
    story.answer(number, "more_info_needed", reason="Which second?")
    collect(story.runtime)
    story.drive(number)
    story.move(number, Action.ANSWER, REVIEWER)
    story.platform_refuses(number, place=1)
    story.drive(number)
    assert story.submissions(number)[-1].state == "refused"
    assert (waits_for(story, number), times(story, number)[-1].state) == ("Submission refused", "running")
    story.later(hours=1)
    submission.drop_submission(story.runtime, story.submissions(number)[-1].number, INTAKE, "It asks for too much.")
    assert times(story, number)[-1].state == "met"

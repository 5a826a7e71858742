"""A platform asks about one of a notice's items: what we answer begins its time for all that are open."""

from __future__ import annotations

import pytest

from casework.vocabulary import Action
from db.tables import Letter
from tasks.collect_outcomes import collect
from tasks.sla_sweep import sweep
from tasks.submission import drop_submission
from tasks.summaries import write_weekly
from tests.stories import INTAKE, REVIEWER, SQLITE_ONLY, Story, link
from tests.tasks.test_replaying import assert_replays

pytestmark = SQLITE_ONLY


def says(story: Story, number: str, outcome: str, item: int) -> None:
    story.answer(number, outcome, item=item, reason="Which second?")
    collect(story.runtime)
    story.drive(number)


def answered(story: Story) -> str:
    """Of two items one was asked about; the platform has our answer."""
    number = story.submitted(links=[link(), link()])
    says(story, number, "more_info_needed", 1)
    assert owed(story, number) == [], "its question is a word on the notice"
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    return number


def owed(story: Story, number: str) -> list[str]:
    """The papers on which the platform's time runs."""
    numbers = {row.id: row.number.partition("/")[2] for row in story.submissions(number)}
    running = [clock for clock in story.clocks(number) if clock.duty == "platform" and clock.state == "running"]
    return [numbers[clock.subject_id] for clock in running]


def ours(story: Story, number: str) -> int:
    """How many clocks of ours run to answer the platform."""
    running = [clock for clock in story.clocks(number) if clock.state == "running"]
    return sum("platform_question" in clock.rule_id for clock in running)


def test_the_platform_owes_a_word_on_the_item_that_it_did_not_ask_about(story: Story) -> None:
    number = answered(story)
    assert owed(story, number) == ["S2"]
    says(story, number, "removed_globally", 1)
    assert (story.status(number), owed(story, number)) == ("submitted", ["S2"]), "the other item is open"
    says(story, number, "no_action", 2)
    assert (story.status(number), owed(story, number)) == ("closed", [])
    story.assert_sound()


def test_its_silence_on_that_item_goes_to_the_liaison_in_a_letter_that_names_it(story: Story) -> None:
    number = answered(story)
    says(story, number, "removed_globally", 1)
    story.later(hours=49)
    sweep(story.runtime)
    [rung] = story.escalations(number)
    assert rung.submission_id == story.submissions(number)[1].id
    story.send_letters()
    [letter] = story.letters(number, rung.letter)
    assert letter.state == "sent"
    told = story.mail(letter.sent_to)[-1].message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "Items: 2" in told
    for item in story.items(number):
        assert f"Item {item.number}" in told
    story.assert_sound()


def test_a_question_about_the_other_item_stops_the_time_that_our_answer_began(story: Story) -> None:
    number = answered(story)
    says(story, number, "more_info_needed", 2)
    assert (story.status(number), owed(story, number), ours(story, number)) == ("more_info", [], 1)
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    assert (owed(story, number), ours(story, number)) == (["S3"], 0)
    says(story, number, "removed_globally", 2)
    assert owed(story, number) == ["S3"], "the first item is open"
    says(story, number, "removed_globally", 1)
    assert (story.status(number), owed(story, number)) == ("closed", [])
    story.assert_sound()


def test_the_liaison_s_week_says_by_when_a_word_is_due_on_what_we_answered(story: Story) -> None:
    number = answered(story)
    story.later(days=7)
    sweep(story.runtime)
    write_weekly(story.runtime)
    [row] = [row for letter in story.all(Letter) if letter.kind == "liaison_weekly" for row in letter.context["rows"]]
    notice, answer = story.submissions(number)
    [_, clock] = story.clocks(number, "kz.internal.platform_follow_up")
    assert clock.subject_id == answer.id
    assert (row["case"], row["since"], row["due"]) == (number, notice.sent_at.isoformat(), clock.due_at.isoformat())
    assert (row["state"], row["rung"]) == ("overdue", story.escalations(number)[-1].rung)
    to_platform = [letter.id for letter in story.letters(number) if letter.recipient == "platform"]
    assert row["letter"] == f"{number}/L{max(to_platform)}"


@pytest.mark.parametrize("item", [1, 2])
def test_a_question_that_crosses_our_answer_starts_our_time_once(story: Story, item: int) -> None:
    number = story.submitted(links=[link(), link()])
    says(story, number, "more_info_needed", 1)
    story.move(number, Action.ANSWER, REVIEWER)
    says(story, number, "more_info_needed", item)
    assert [row.state for row in story.submissions(number)] == ["sent", "sent"]
    assert (story.status(number), owed(story, number), ours(story, number)) == ("more_info", [], 1)
    story.assert_sound()


def refused(story: Story) -> str:
    """Of two items one was asked about, and the platform refuses our answer."""
    number = story.submitted(links=[link(), link()])
    says(story, number, "more_info_needed", 1)
    story.move(number, Action.ANSWER, REVIEWER)
    story.platform_refuses(number, place=1)
    story.drive(number)
    assert ([row.state for row in story.submissions(number)], owed(story, number)) == (["sent", "refused"], [])
    return number


def give_up(story: Story, number: str) -> None:
    drop_submission(story.runtime, story.submissions(number)[1].number, INTAKE, "It asks for too much.")
    story.drive(number)


def test_an_answer_that_is_given_up_leaves_the_platform_its_time_for_the_other_item(story: Story) -> None:
    number = refused(story)
    story.later(hours=1)
    give_up(story, number)
    assert (story.status(number), owed(story, number)) == ("submitted", ["S1"])
    begun = [
        clock.started_at for clock in story.clocks(number) if clock.duty == "platform" and clock.state == "running"
    ]
    assert begun == [story.clock.at]
    story.later(hours=48)
    sweep(story.runtime)
    [rung] = story.escalations(number)
    assert rung.submission_id == story.submissions(number)[0].id
    story.later(minutes=5)
    says(story, number, "removed_globally", 2)
    assert (story.status(number), owed(story, number)) == ("closed", [])
    assert_replays(story, number)
    story.assert_sound()


def test_one_that_is_given_up_when_all_else_is_decided_begins_no_time(story: Story) -> None:
    number = refused(story)
    says(story, number, "removed_globally", 2)
    give_up(story, number)
    assert (story.status(number), owed(story, number)) == ("closed", [])
    assert story.events(number, "answer.given_up") == []


def test_one_that_is_given_up_while_another_question_is_open_begins_no_time(story: Story) -> None:
    number = refused(story)
    says(story, number, "more_info_needed", 2)
    give_up(story, number)
    assert (owed(story, number), ours(story, number)) == ([], 1)
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    assert owed(story, number) == ["S3"]
    story.assert_sound()


def test_one_that_is_given_up_while_another_answer_is_on_its_way_leaves_the_time_to_that(story: Story) -> None:
    number = refused(story)
    says(story, number, "more_info_needed", 2)
    story.move(number, Action.ANSWER, REVIEWER)
    drop_submission(story.runtime, story.submissions(number)[1].number, INTAKE, "It asks for too much.")
    assert owed(story, number) in ([], ["S3"])
    story.drive(number)
    assert owed(story, number) == ["S3"]
    assert story.events(number, "answer.given_up") == []

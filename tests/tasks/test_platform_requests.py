"""A platform is asked to look again, or to restore: with reasons, by whom the law allows, once for each decision."""

from __future__ import annotations

import pytest

from casework.errors import MoveRefused, NotAllowed, QorganError
from casework.vocabulary import Outcome
from tasks.collect_outcomes import collect, record_outcome
from tasks.platform_requests import appeal, restore
from tasks.submission import record_reference
from tests.stories import HEAD, INTAKE, OTHER_REVIEWER, REVIEWER, SQLITE_ONLY, Story, link, portal_link

WHY = "The item names a pupil and her school, which the answer does not look at."
GROUND_GONE = "The court has set the decision aside: the item is lawful satire."


def decided(story: Story, outcome: str, **fields: object) -> str:
    """The platform has decided, and the case has come to its end."""
    number = story.submitted(**fields)
    story.answer(number, outcome, reason="We found no breach.")
    collect(story.runtime)
    story.drive(number)
    assert story.status(number) == "closed"
    return number


@pytest.mark.parametrize("outcome", ["no_action", "partial"])
def test_a_lawyer_asks_a_platform_to_look_again_and_it_reads_the_reasons(story: Story, outcome: str) -> None:
    number = decided(story, outcome)
    letter = appeal(story.runtime, f"{number}/S1", REVIEWER, WHY)
    [row] = story.letters(number, "platform_appeal")
    assert (row.id, row.contact, row.context["submission"]) == (letter, "platform:tiktok", f"{number}/S1")
    [event] = story.events(number, "appeal.asked")
    assert (event.actor_id, event.reason, event.data["items"]) == (REVIEWER, WHY, [1])
    story.send_letters()
    [row] = story.letters(number, "platform_appeal")
    assert row.state == "sent", row.reason
    [kept] = [kept for kept in story.mail() if kept.message["Message-ID"] == row.message_id]
    assert WHY in " ".join(kept.message.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    story.assert_sound()


def test_the_same_decision_is_appealed_once_and_a_new_one_again(story: Story) -> None:
    number = story.at_portal()
    record_reference(story.runtime, f"{number}/S1", "CRS-1", INTAKE)
    record_outcome(story.runtime, f"{number}/S1", 1, Outcome.NO_ACTION, INTAKE)
    appeal(story.runtime, f"{number}/S1", REVIEWER, WHY)
    story.later(minutes=5)
    before = story.counts()
    with pytest.raises(MoveRefused, match="asked before") as refused:
        appeal(story.runtime, f"{number}/S1", HEAD, WHY)
    assert refused.value.rule == "request.repeated"
    assert story.counts() == before
    record_outcome(story.runtime, f"{number}/S1", 1, Outcome.NO_ACTION, INTAKE)
    appeal(story.runtime, f"{number}/S1", HEAD, WHY)
    assert len(story.letters(number, "platform_appeal")) == 2


@SQLITE_ONLY
def test_nothing_is_appealed_that_the_platform_has_not_decided_or_has_done(story: Story) -> None:
    number = story.submitted(links=[link(), link()])
    with pytest.raises(MoveRefused, match="has not decided"):
        appeal(story.runtime, f"{number}/S1", REVIEWER, WHY)
    story.answer(number, "no_action", item=1)
    collect(story.runtime)
    with pytest.raises(MoveRefused, match="has not decided"):
        appeal(story.runtime, f"{number}/S1", REVIEWER, WHY)
    done = decided(story, "removed_globally")
    with pytest.raises(MoveRefused, match="acted on all"):
        appeal(story.runtime, f"{done}/S1", REVIEWER, WHY)
    with pytest.raises(QorganError, match="there is no notice"):
        appeal(story.runtime, f"{done}/S7", REVIEWER, WHY)
    assert story.letters(number, "platform_appeal") == story.letters(done, "platform_appeal") == []


@SQLITE_ONLY
def test_only_a_lawyer_or_the_head_asks_and_not_without_reasons(story: Story) -> None:
    number = decided(story, "no_action")
    with pytest.raises(NotAllowed, match="legal reviewer"):
        appeal(story.runtime, f"{number}/S1", INTAKE, WHY)
    with pytest.raises(MoveRefused, match="needs reasons"):
        appeal(story.runtime, f"{number}/S1", REVIEWER, "Look again.")
    with pytest.raises(NotAllowed):
        restore(story.runtime, number, INTAKE, GROUND_GONE)
    with pytest.raises(MoveRefused, match="no platform acted"):
        restore(story.runtime, number, HEAD, GROUND_GONE)


def test_a_restriction_is_asked_back_by_somebody_who_did_not_approve_it(story: Story) -> None:
    number = decided(story, "restricted_locally")
    with pytest.raises(NotAllowed) as refused:
        restore(story.runtime, number, REVIEWER, GROUND_GONE)
    assert refused.value.rule == "restoration.four_eyes"
    assert story.letters(number, "restoration_request") == []
    [letter] = restore(story.runtime, number, OTHER_REVIEWER, GROUND_GONE)
    [row] = story.letters(number, "restoration_request")
    assert (row.id, row.contact) == (letter, "platform:tiktok")
    [event] = story.events(number, "restoration.asked")
    assert (event.actor_id, event.reason) == (OTHER_REVIEWER, GROUND_GONE)
    with pytest.raises(MoveRefused, match="asked before"):
        restore(story.runtime, number, OTHER_REVIEWER, GROUND_GONE)
    story.send_letters()
    [row] = story.letters(number, "restoration_request")
    assert row.state == "sent", row.reason
    story.assert_sound()


@SQLITE_ONLY
def test_each_platform_that_acted_is_asked_to_restore_and_no_other(story: Story) -> None:
    number = story.approved(links=[link(), portal_link()])
    story.drive(number)
    portal = next(row.number for row in story.submissions(number) if row.channel == "portal")
    record_reference(story.runtime, portal, "CRS-1", INTAKE)
    story.drive(number)
    record_outcome(story.runtime, portal, 2, Outcome.NO_ACTION, INTAKE)
    story.answer(number, "restricted_locally")
    collect(story.runtime)
    restore(story.runtime, number, HEAD, GROUND_GONE)
    assert [row.contact for row in story.letters(number, "restoration_request")] == ["platform:tiktok"]


@SQLITE_ONLY
def test_a_platform_that_stays_silent_on_an_appeal_has_no_clock_that_no_law_gives(story: Story) -> None:
    number = decided(story, "no_action")
    running = [row.id for row in story.clocks(number) if row.state == "running"]
    appeal(story.runtime, f"{number}/S1", REVIEWER, WHY)
    story.later(days=60)
    assert [row.id for row in story.clocks(number) if row.state == "running"] == running == []

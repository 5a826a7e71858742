"""The platforms' answers: item by item, once each, whatever they send."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from casework.errors import MoveRefused, NotAllowed, QorganError
from casework.facts import SYSTEM
from casework.vocabulary import Action, Outcome
from casework.waiting import Wait
from db.queries.submissions import count_outcomes, cursor_position
from db.tables import ChannelCursor, ContentItem, HeldItem, ItemOutcome
from tasks import collect_outcomes
from tasks.case_lifecycle import advance, advance_by_stages
from tasks.channels import ApiChannel, Outgoing, Receipt
from tasks.collect_outcomes import Collected, collect, record_outcome
from tasks.record import move_case
from tasks.runtime import Runtime
from tasks.submission import record_reference
from tests.stories import AUDITOR, INTAKE, REVIEWER, SQLITE_ONLY, Story, link, report
from tests.tasks.dying import die_while
from tests.tasks.test_submission import closed_port


def _collect(story: Story) -> Collected:
    return collect(story.runtime)


def _two_items(story: Story) -> str:
    return story.submitted(links=[link(), link()])


def test_a_case_is_decided_when_its_last_item_is_and_its_reporter_hears_how_it_ended(story: Story) -> None:
    number = _two_items(story)
    story.answer(number, "removed_globally", 1)
    assert _collect(story).recorded == 1
    story.drive(number)
    assert (story.status(number), [item.outcome for item in story.items(number)]) == (
        "submitted",
        ["removed_globally", "pending"],
    )
    assert story.clocks(number, "kz.internal.platform_follow_up")[0].state == "running"
    story.answer(number, "no_action", 2)
    _collect(story)
    assert story.clocks(number, "kz.internal.platform_follow_up")[0].stopped_by == "platform.decided"
    story.drive(number)
    case = story.case(number)
    assert (case.status, case.disposition) == ("closed", "partly_acted")
    assert not [clock for clock in story.clocks(number) if clock.state == "running"]
    story.send_letters()
    assert [kept.subject for kept in story.mail("reporter@mail.example")][-1].startswith(number)
    assert [row.state for row in story.letters(number, "closure")] == ["sent"]
    story.assert_sound()


@pytest.mark.parametrize("drive", [advance, advance_by_stages])
def test_an_answer_that_is_quicker_than_our_record_of_the_receipt_is_recorded(
    story: Story, monkeypatch: pytest.MonkeyPatch, drive: Callable[[Runtime, str], Wait]
) -> None:
    number, send, seen = story.approved(), ApiChannel.send, list[Collected]()

    def answered_at_once(channel: ApiChannel, outgoing: Outgoing, now: datetime) -> Receipt:
        receipt = send(channel, outgoing, now)
        story.platform.force_answer(str(receipt.reference), "1", "removed_globally")
        seen.append(_collect(story))
        return receipt

    monkeypatch.setattr(ApiChannel, "send", answered_at_once)
    assert drive(story.runtime, number).name == "Closed"
    assert [(one.recorded, one.held) for one in seen] == [(1, 0)]
    assert len(story.events(number, "submission.sent")) == 1
    assert story.case(number).disposition == "action_taken"
    assert story.notices_at_platform() == 1
    story.assert_sound()


def test_an_answer_proves_that_a_notice_arrived_whose_sender_was_killed(story: Story) -> None:
    number = story.approved()
    die_while(story.runtime, "submission", number)
    [row] = story.submissions(number)
    assert (row.state, row.platform_reference) == ("sending", None)
    there = story.runtime.channels["api"].lookup(
        Outgoing(row.number, row.environment, row.idempotency_key, bytes(row.payload))
    )
    story.platform.force_answer(str(there.reference), "1", "no_action")
    found = _collect(story)
    assert (found.recorded, found.held) == (1, 0)
    [row] = story.submissions(number)
    assert (row.state, row.platform_reference) == ("sent", there.reference)
    assert story.drive(number).name == "Closed"
    assert story.notices_at_platform() == 1
    story.assert_sound()


def test_an_answer_told_twice_and_a_collection_made_twice_record_it_once(story: Story) -> None:
    number = story.submitted()
    story.platform.behaviour(repeat_answers=True)
    story.answer(number, "removed_globally")
    first, second = _collect(story), _collect(story)
    assert (first.recorded, first.repeated) == (1, 1)
    assert (second.recorded, second.repeated) == (0, 0)
    story.execute("UPDATE channel_cursor SET position = 0")
    assert _collect(story).repeated == 2
    assert len(story.all(ItemOutcome)) == 1
    assert len(story.events(number, "outcome.recorded")) == 1
    story.assert_sound()


@SQLITE_ONLY
def test_an_answer_about_nothing_we_sent_goes_to_the_holding_pen(story: Story) -> None:
    number = story.submitted()
    story.platform.behaviour(stray_answer_next=2)
    found = _collect(story)
    assert (found.recorded, found.held) == (0, 2)
    held = story.all(HeldItem)
    assert {row.reason for row in held} == {"unknown_item"}
    assert all(row.sealed for row in held)
    assert story.items(number)[0].outcome == "pending"


HOSTILE: list[dict[str, Any]] = [
    {"reason": "x" * 6_000},
    {"reason": "cut \x00 off"},
    {"ground": "a ground far longer than any ground we know"},
]


@pytest.mark.parametrize("said", HOSTILE, ids=["too long", "NUL", "unknown ground"])
def test_an_answer_that_cannot_be_read_is_held_and_the_next_one_is_recorded(story: Story, said: dict[str, Any]) -> None:
    number = _two_items(story)
    story.answer(number, "removed_globally", 1, **said)
    story.answer(number, "no_action", 2)
    found = _collect(story)
    assert (found.recorded, found.held) == (1, 1)
    assert [row.reason for row in story.all(HeldItem)] == ["unreadable_answer"]
    assert [item.outcome for item in story.items(number)] == ["pending", "no_action"]
    assert _collect(story).held == 0


def test_a_question_is_answered_by_a_lawyer_and_then_decided(story: Story) -> None:
    number = story.submitted(category="gambling_advertising")
    story.later(hours=3)
    story.answer(number, "more_info_needed", reason="Which law?")
    _collect(story)
    assert story.clocks(number, "kz.platform_24h")[0].stopped_by == "platform.asked"
    assert story.drive(number).name == "Awaiting our answer"
    case = story.case(number)
    assert (case.status, case.question) == ("more_info", "Which law?")
    [ours] = story.clocks(number, "kz.internal.platform_question.routine")
    assert ours.state == "running"
    with pytest.raises(NotAllowed):
        story.move(number, Action.ANSWER, INTAKE)
    story.move(number, Action.ANSWER, REVIEWER, reason="Art. 41-1 names it.", basis=())
    assert story.clocks(number, "kz.internal.platform_question.routine")[0].state == "met"
    story.drive(number)
    notice, answer = story.submissions(number)
    assert (answer.kind, answer.state, answer.in_reply_to) == ("answer", "sent", notice.platform_reference)
    assert story.platform.state()["answers_to_questions"] == 1
    assert [clock.state for clock in story.clocks(number, "kz.platform_24h")] == ["met", "running"]
    assert (story.status(number), story.items(number)[0].outcome) == ("submitted", "pending")
    story.answer(number, "restricted_locally")
    _collect(story)
    story.drive(number)
    assert (story.status(number), story.case(number).disposition) == ("closed", "action_taken")
    assert not [clock for clock in story.clocks(number) if clock.state == "running"]
    story.assert_sound()


@SQLITE_ONLY
def test_a_question_after_the_decision_does_not_take_it_back(story: Story) -> None:
    number = _two_items(story)
    story.answer(number, "removed_globally", 1)
    story.answer(number, "more_info_needed", 1, reason="Too late.")
    _collect(story)
    story.drive(number)
    assert [item.outcome for item in story.items(number)] == ["removed_globally", "pending"]
    assert (story.status(number), story.case(number).question) == ("submitted", "")
    assert len(story.all(ItemOutcome)) == 2, "both are kept"


@SQLITE_ONLY
def test_two_questions_at_once_start_one_clock(story: Story) -> None:
    number = _two_items(story)
    story.answer(number, "more_info_needed", 1)
    story.answer(number, "more_info_needed", 2)
    _collect(story)
    story.drive(number)
    assert len(story.clocks(number, "kz.internal.platform_question.routine")) == 1
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    assert [row.kind for row in story.submissions(number)] == ["notice", "answer"]


@SQLITE_ONLY
def test_a_channel_that_is_down_is_named_and_read_from_where_it_stood(story: Story) -> None:
    number = _two_items(story)
    story.answer(number, "removed_globally", 1)
    _collect(story)
    with story.runtime.sessions.read() as session:
        before = cursor_position(session, "api")
    story.answer(number, "no_action", 2)
    down = story.with_settings(platform_url=f"http://127.0.0.1:{closed_port()}")
    assert collect(down.runtime).down == ("api",)
    down.close()
    with story.runtime.sessions.read() as session:
        assert cursor_position(session, "api") == before == 1
    assert _collect(story) == Collected(recorded=1)


def test_a_collection_that_breaks_off_records_nothing_and_reads_the_page_again(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = story.submitted()
    story.answer(number, "removed_globally")

    def fail(*_anything: Any) -> None:
        raise RuntimeError("the power went")

    with monkeypatch.context() as patched:
        patched.setattr(collect_outcomes, "move_cursor", fail)
        with pytest.raises(RuntimeError):
            _collect(story)
    assert story.all(ItemOutcome) == []
    assert story.all(ChannelCursor) == []
    assert story.items(number)[0].outcome == "pending"
    assert _collect(story).recorded == 1


@SQLITE_ONLY
def test_outcomes_form_one_partition_that_adds_up_to_the_items(story: Story) -> None:
    categories = ["fraud", "gambling_advertising", "csam", "drugs", "copyright", "hate_incitement"]
    links = [[link() for _ in range(1 + place % 3)] for place in range(12)]
    reports = [report(links=own, category=categories[place % 6]) for place, own in enumerate(links)]
    numbers = [str(result.case_number) for result in story.hand_in(*reports)]
    for number in numbers:
        story.drive(number)
        story.approve(number)
        story.drive(number)
    for _day in range(8):
        story.later(hours=24)
        _collect(story)
        for number in numbers:
            if story.drive(number).name == "Awaiting our answer":
                story.move(number, Action.ANSWER, REVIEWER)
                story.drive(number)
    with story.runtime.sessions.read() as session:
        counts = count_outcomes(session)
    assert sum(counts.values()) == len(story.all(ContentItem)) == sum(len(own) for own in links)
    assert not {"pending", "more_info_needed"} & set(counts)
    assert set(counts) <= set(Outcome)
    assert {story.status(number) for number in numbers} == {"closed"}
    assert all(story.case(number).disposition for number in numbers)
    story.assert_sound()


@SQLITE_ONLY
def test_an_officer_records_what_the_portal_shows(story: Story) -> None:
    number = story.at_portal()
    sent = f"{number}/S1"
    with pytest.raises(QorganError, match="with no platform"):
        record_outcome(story.runtime, sent, 1, Outcome.NO_ACTION, INTAKE)
    record_reference(story.runtime, sent, "FB-9", INTAKE)
    for person in (REVIEWER, AUDITOR):
        with pytest.raises(NotAllowed):
            record_outcome(story.runtime, sent, 1, Outcome.NO_ACTION, person)
    for item, outcome in ((2, Outcome.NO_ACTION), (1, Outcome.PENDING)):
        with pytest.raises(QorganError, match="has no item"):
            record_outcome(story.runtime, sent, item, outcome, INTAKE)
    record_outcome(story.runtime, sent, 1, Outcome.ALREADY_UNAVAILABLE, INTAKE)
    story.drive(number)
    assert (story.status(number), story.case(number).disposition) == ("closed", "already_gone")
    assert story.events(number, "outcome.recorded")[0].actor_id == INTAKE


@SQLITE_ONLY
def test_nothing_is_decided_or_closed_while_an_item_waits(story: Story) -> None:
    number = _two_items(story)
    with pytest.raises(MoveRefused, match="no final outcome"):
        move_case(story.runtime, number, Action.DECIDE, SYSTEM)

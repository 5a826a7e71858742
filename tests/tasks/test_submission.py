"""A notice reaches the platform exactly once, whatever happens on the way."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from casework.errors import MoveRefused, NotAllowed, QorganError
from casework.vocabulary import Action
from tasks.attempts import BACK_OFF, LEASE
from tasks.submission import drop_submission, record_reference
from tests.stories import (
    AUDITOR,
    DUTY,
    INTAKE,
    OTHER_INTAKE,
    REVIEWER,
    SQLITE_ONLY,
    Story,
    link,
    portal_link,
    together,
)  # fmt: skip
from tests.tasks.dying import die_while


def closed_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _state(story: Story, number: str) -> str:
    [row] = story.submissions(number)
    return row.state


def test_an_accepted_notice_starts_the_platforms_clock_from_its_confirmation(story: Story) -> None:
    number = story.approved(category="gambling_advertising")
    story.later(minutes=30)
    story.drive(number)
    [row] = story.submissions(number)
    assert (row.state, row.attempts, row.sent_at) == ("sent", 1, story.clock())
    [clock] = story.clocks(number, "kz.platform_24h")
    assert (clock.started_at, clock.due_at) == (story.clock(), story.clock() + timedelta(hours=24))
    assert (clock.subject_kind, clock.subject_id) == ("submission", row.id)
    assert [event.kind for event in story.events(number)][-3:] == [
        "submission.attempt",
        "submission.sent",
        "moved.submit",
    ]
    [covering] = story.letters(number, "platform_notice")
    assert covering.context["submission"] == row.number
    assert story.notices_at_platform() == 1


@SQLITE_ONLY
def test_driving_again_sends_nothing_again(story: Story) -> None:
    number = story.submitted()
    for _again in range(3):
        story.drive(number)
    assert story.notices_at_platform() == 1
    assert len(story.events(number, "submission.attempt")) == 1
    assert story.platform.state()["happened"] == {}


@SQLITE_ONLY
def test_a_failure_before_recording_is_asked_about_and_then_sent_once(story: Story) -> None:
    number = story.approved()
    story.platform.behaviour(fail_next=1)
    wait = story.drive(number)
    assert (_state(story, number), wait.name) == ("unknown", "Unknown whether sent")
    assert story.notices_at_platform() == 0
    story.drive(number)
    assert len(story.events(number, "submission.attempt")) == 1, "not before its pause is over"
    story.later(minutes=1)
    story.drive(number)
    assert (_state(story, number), story.status(number)) == ("sent", "submitted")
    assert story.notices_at_platform() == 1
    assert story.platform.state()["happened"] == {"fail": 1}
    story.assert_sound()


@pytest.mark.parametrize("knob", ["fail_after_accept_next", "close_after_accept_next"])
@SQLITE_ONLY
def test_an_answer_lost_after_acceptance_is_found_by_asking(story: Story, knob: str) -> None:
    number = story.approved()
    story.platform.behaviour(**{knob: 1})
    story.drive(number)
    [row] = story.submissions(number)
    received = story.at_platform(row.idempotency_key)
    assert received is not None
    assert (row.state, row.platform_reference) == ("sent", received["reference"])
    assert story.notices_at_platform() == 1
    assert "replay" not in story.platform.state()["happened"], "it was looked up, not sent again"


@SQLITE_ONLY
def test_too_many_requests_waits_as_long_as_the_platform_says(story: Story) -> None:
    number = story.approved()
    story.platform.behaviour(rate_limit_next=1, retry_after_seconds=600)
    story.drive(number)
    [row] = story.submissions(number)
    assert (row.state, row.next_attempt_at) == ("queued", story.clock() + timedelta(seconds=600))
    assert story.case(number).drive_at == row.next_attempt_at
    story.later(minutes=9)
    story.drive(number)
    assert story.notices_at_platform() == 0
    story.later(minutes=1)
    story.drive(number)
    assert story.notices_at_platform() == 1


@SQLITE_ONLY
def test_a_short_retry_after_does_not_shorten_our_own_pause(story: Story) -> None:
    number = story.approved()
    story.platform.behaviour(rate_limit_next=1, retry_after_seconds=1)
    story.drive(number)
    assert story.submissions(number)[0].next_attempt_at == story.clock() + BACK_OFF[0]


@SQLITE_ONLY
def test_a_platform_too_slow_to_answer_is_asked_and_not_sent_to_again(story: Story) -> None:
    number = story.approved()
    hasty = story.with_settings(platform_timeout_seconds=0.4)
    story.platform.behaviour(timeout_next=1, timeout_seconds=2)
    hasty.drive(number)
    assert _state(story, number) == "sent"
    assert story.notices_at_platform() == 1
    hasty.close()


@SQLITE_ONLY
def test_a_platform_too_slow_for_the_question_too_leaves_it_unknown_until_it_answers(story: Story) -> None:
    number = story.approved()
    hasty = story.with_settings(platform_timeout_seconds=0.3)
    story.platform.behaviour(latency_seconds=1)
    hasty.drive(number)
    assert _state(story, number) == "unknown"
    story.platform.behaviour(latency_seconds=0)
    with pytest.raises(MoveRefused, match="may already be with the platform"):
        story.move(number, Action.WITHDRAW, INTAKE)
    story.later(minutes=1)
    hasty.drive(number)
    assert _state(story, number) == "sent"
    assert story.notices_at_platform() == 1
    hasty.close()


@SQLITE_ONLY
def test_a_platform_that_is_down_is_tried_at_growing_pauses_and_the_notice_stays_queued(story: Story) -> None:
    number = story.approved()
    down = story.with_settings(platform_url=f"http://127.0.0.1:{closed_port()}")
    for pause in (*BACK_OFF, BACK_OFF[-1]):
        down.drive(number)
        [row] = story.submissions(number)
        assert (row.state, row.next_attempt_at) == ("queued", story.clock() + pause), row.last_error
        assert row.last_error == "not reached: ConnectError"
        story.clock.set(story.clock() + pause)
    down.close()
    story.drive(number)
    assert _state(story, number) == "sent"
    assert story.submissions(number)[0].attempts == 6
    assert story.notices_at_platform() == 1


@SQLITE_ONLY
def test_a_practice_notice_is_refused_by_production(story: Story) -> None:
    number = story.approved()
    production = story.with_settings(environment="production")
    production.drive(number)
    [row] = story.submissions(number)
    assert row.state == "queued"
    assert "made for 'practice', and this is 'production'" in row.last_error
    assert story.notices_at_platform() == 0
    production.close()


@SQLITE_ONLY
def test_without_an_address_of_a_platform_nothing_is_lost(story: Story) -> None:
    number = story.approved()
    nowhere = story.with_settings(platform_url=None)
    nowhere.drive(number)
    assert _state(story, number) == "queued"
    nowhere.close()
    story.later(minutes=1)
    story.drive(number)
    assert story.notices_at_platform() == 1


@SQLITE_ONLY
def test_a_refused_notice_waits_for_a_person_who_recalls_mends_and_sends_anew(story: Story) -> None:
    number = story.approved()
    story.platform_refuses(number)
    wait = story.drive(number)
    assert (_state(story, number), wait.name) == ("refused", "Submission refused")
    assert story.submissions(number)[0].last_error.startswith("HTTP 422")
    story.later(hours=5)
    story.drive(number)
    assert len(story.events(number, "submission.attempt")) == 1, "never tried again by itself"
    story.move(number, Action.RECALL, REVIEWER)
    assert story.status(number) == "in_legal_review"
    story.approve(number)
    story.drive(number)
    first, second = story.submissions(number)
    assert (first.state, second.state) == ("dropped", "sent")
    assert first.idempotency_key != second.idempotency_key
    assert story.status(number) == "submitted"
    story.assert_sound()


@SQLITE_ONLY
def test_a_refused_notice_beside_an_accepted_one_can_be_given_up_with_a_reason(story: Story) -> None:
    number = story.approved(links=[link(), "https://youtu.be/abcdefghijl"])
    story.platform_refuses(number)
    story.drive(number)
    refused, sent = story.submissions(number)
    assert (refused.state, sent.state, story.status(number)) == ("refused", "sent", "approved")
    with pytest.raises(NotAllowed):
        drop_submission(story.runtime, refused.number, AUDITOR, "They refuse it for good.")
    with pytest.raises(MoveRefused, match="only a refused notice"):
        drop_submission(story.runtime, sent.number, INTAKE, "They refuse it for good.")
    drop_submission(story.runtime, refused.number, INTAKE, "They refuse it for good.")
    assert story.status(number) == "submitted"
    assert [item.outcome for item in story.items(number)] == ["no_action", "pending"]


@SQLITE_ONLY
def test_a_portal_notice_waits_for_the_officer_and_their_reference(story: Story) -> None:
    number = story.at_portal()
    [row] = story.submissions(number)
    assert story.drive(number).name == "Awaiting portal entry"
    for person in (REVIEWER, AUDITOR, "liaison-meta"):
        with pytest.raises(NotAllowed):
            record_reference(story.runtime, row.number, "FB-1", person)
    with pytest.raises(QorganError, match="3 to 200 characters"):
        record_reference(story.runtime, row.number, " x ", INTAKE)
    story.later(hours=2)
    record_reference(story.runtime, row.number, "  FB \n 2026-77 ", OTHER_INTAKE)
    [row] = story.submissions(number)
    assert (row.state, row.platform_reference, row.reference_by) == ("sent", "FB 2026-77", OTHER_INTAKE)
    assert (row.sent_at, story.status(number)) == (story.clock(), "submitted")
    assert story.events(number, "submission.sent")[0].actor_id == OTHER_INTAKE
    assert len(story.clocks(number, "kz.internal.platform_follow_up")) == 1
    with pytest.raises(QorganError, match="no reference can be recorded"):
        record_reference(story.runtime, row.number, "FB 2026-78", DUTY)


@SQLITE_ONLY
def test_a_case_on_two_platforms_is_submitted_when_both_have_it(story: Story) -> None:
    number = story.approved(links=[link(), portal_link()])
    story.drive(number)
    assert [row.state for row in story.submissions(number)] == ["sent", "handed_over"]
    assert story.status(number) == "approved"
    record_reference(story.runtime, f"{number}/S2", "FB-2", DUTY)
    assert story.status(number) == "submitted"
    with pytest.raises(QorganError, match="there is no submission"):
        record_reference(story.runtime, f"{number}/S3", "FB-2", DUTY)


def test_two_drives_at_once_make_one_attempt(story: Story) -> None:
    number = story.approved()
    outcomes = together(*(lambda: story.drive(number) for _ in range(3)))
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert story.notices_at_platform() == 1
    assert len(story.events(number, "submission.attempt")) == 1
    assert story.status(number) == "submitted"
    story.assert_sound()


def test_a_process_killed_after_sending_leaves_one_notice_that_is_found_again(story: Story) -> None:
    number = story.approved()
    die_while(story.runtime, "submission", number)
    assert (_state(story, number), story.status(number)) == ("sending", "approved")
    assert story.notices_at_platform() == 1
    story.later(minutes=1)
    story.drive(number)
    [row] = story.submissions(number)
    assert (row.state, row.attempts) == ("sending", 1), "the dead process still holds the lease"
    assert row.lease_until is not None
    drive_at = story.case(number).drive_at
    assert drive_at is not None
    assert drive_at > row.lease_until, "nobody spins while the lease runs"
    story.clock.advance(minutes=LEASE.total_seconds() / 60)
    story.drive(number)
    [row] = story.submissions(number)
    assert (row.state, row.attempts, story.status(number)) == ("sent", 2, "submitted")
    assert story.notices_at_platform() == 1
    assert "replay" not in story.platform.state()["happened"]
    assert len(story.letters(number, "platform_notice")) == 1
    story.assert_sound()

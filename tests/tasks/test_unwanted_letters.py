"""A letter that nobody needs any more when it could go is not sent, and the record says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from casework.vocabulary import Action
from db.queries.letters import letter_by_id
from tasks.case_letters import still_wanted
from tasks.collect_outcomes import collect
from tasks.sla_sweep import sweep
from tests.stories import INTAKE, SQLITE_ONLY, Story, bullied

GROUP = "kz.expert_group"


def wanted(story: Story, number: str, kind: str) -> str:
    with story.runtime.sessions.read() as session:
        row = letter_by_id(session, story.letters(number, kind)[-1].id)
        assert row is not None
        return still_wanted(session, row)


def _withdraw(story: Story, number: str) -> None:
    story.move(number, Action.WITHDRAW, INTAKE)


def _decide(story: Story, number: str) -> None:
    story.confirmed_by_experts(number)


@pytest.mark.parametrize(
    ("kind", "then", "why"),
    [
        ("deadline_warning", _withdraw, "the case is 'withdrawn' meanwhile"),
        ("expert_reminder", _withdraw, "the case is 'withdrawn' meanwhile"),
        ("expert_referral", _withdraw, "the case is 'withdrawn' meanwhile"),
        ("expert_reminder", _decide, "the expert group has given its opinion"),
        ("expert_referral", _decide, "the expert group has given its opinion"),
        ("breach_notice", _withdraw, ""),
        ("receipt", _withdraw, ""),
        ("overdue_reminder", _withdraw, "the case is 'withdrawn' meanwhile"),
    ],
)
def test_what_lost_its_sense_before_it_went_is_known_with_the_reason(
    story: Story, kind: str, then: Callable[[Story, str], None], why: str
) -> None:
    number = story.to_review(**bullied())
    [clock] = story.clocks(number, GROUP)
    story.clock.set(clock.due_at + timedelta(days=5))
    sweep(story.runtime)
    assert wanted(story, number, kind) == ""
    then(story, number)
    assert wanted(story, number, kind) == why


@SQLITE_ONLY
def test_a_warning_of_a_duty_that_was_done_meanwhile_is_not_wanted(story: Story) -> None:
    number = story.to_review()
    [clock] = story.clocks(number, "kz.internal.review.routine")
    story.clock.set(clock.due_at - timedelta(minutes=1))
    sweep(story.runtime)
    assert wanted(story, number, "deadline_warning") == ""
    story.approve(number)
    assert wanted(story, number, "deadline_warning") == "clock 'kz.internal.review.routine' is 'met' meanwhile"


@SQLITE_ONLY
def test_an_escalation_is_not_wanted_once_the_platform_has_answered_this_notice(story: Story) -> None:
    number = story.submitted()
    story.later(days=3)
    sweep(story.runtime)
    assert wanted(story, number, "platform_reminder") == ""
    story.answer(number, "more_info_needed", reason="Which provision?")
    collect(story.runtime)
    assert story.status(number) == "submitted", "nobody has driven it yet"
    assert "'met' meanwhile" in wanted(story, number, "platform_reminder")


@SQLITE_ONLY
def test_an_escalation_of_a_case_that_was_merged_away_is_not_wanted(story: Story) -> None:
    """Whatever the status, an ended case escalates no further."""
    number = story.submitted()
    story.later(days=3)
    sweep(story.runtime)
    story.execute("UPDATE case_file SET status = 'merged' WHERE number = :number", number=number)
    assert wanted(story, number, "platform_reminder") == "the case is 'merged' meanwhile"


def test_what_lost_its_sense_is_dropped_when_it_could_go_with_the_reason_on_the_record(story: Story) -> None:
    """The case ended between the sweep and the next run: what waited is read again before it goes."""
    number = story.submitted()
    story.send_letters()
    story.later(days=3)
    sweep(story.runtime)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    assert story.status(number) == "closed"
    story.later(hours=1)
    before = len(story.mail())
    story.send_letters()
    [row] = story.letters(number, "platform_reminder")
    assert (row.state, row.reason) == ("dropped", "the case is 'closed' meanwhile")
    assert [event.data["because"] for event in story.events(number, "letter.dropped")] == [row.reason]
    assert [kept.message["X-Qorgan-Letter"] for kept in story.mail()[before:]] == [
        str(closure.id) for closure in story.letters(number, "closure")
    ]
    story.later(days=2)
    assert story.send_letters().sent == 0, "nothing takes it up again"
    story.assert_sound()

"""Where the law wants a complaint to the provider first, no notice goes out before its time, to the minute."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from casework.errors import MoveRefused
from tasks.legal_review import Supplied, amend, supply
from tasks.settings import Settings
from tests.stories import HEAD, INTAKE, REVIEWER, SQLITE_ONLY, START, Story, bullied

TOLD = START - timedelta(hours=8)
USABLE = TOLD + timedelta(hours=48)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"pack": "au-esafety"})


def _complaint(**fields: Any) -> dict[str, Any]:
    """A complaint in English, from somebody who told the platform first."""
    return bullied(
        **{
            "language": "en", "description": "Pupils post about one girl every day.", "quote": "Nobody wants you here.",
            "why_unlawful": "It humiliates a child.", "provider_told_at": TOLD.isoformat(), **fields,
        }
    )  # fmt: skip


@SQLITE_ONLY
def test_a_complaint_that_does_not_say_when_the_provider_was_told_goes_back_to_who_made_it(story: Story) -> None:
    number = story.take_in(**_complaint(provider_told_at=None))
    assert story.drive(number).name == "Awaiting reporter"
    assert story.case(number).missing == ["provider_told"]
    story.send_letters()
    [_receipt, asked] = story.mail("reporter@mail.example")
    assert asked.message["Content-Language"] == "en"
    [clock] = story.clocks(number, "au.reporter.answer")
    assert clock.calendar == "au.perth"
    supply(story.runtime, number, INTAKE, Supplied(provider_told_at=TOLD.isoformat()), "She answered by mail.")
    story.drive(number)
    assert (story.status(number), story.case(number).provider_told_at) == ("in_legal_review", TOLD)
    story.assert_sound()


def test_a_notice_waits_until_the_provider_has_had_its_hours_and_not_a_minute_longer(story: Story) -> None:
    number = story.to_review(**_complaint())
    story.later(hours=39, minutes=59)
    assert story.clock() == USABLE - timedelta(minutes=1)
    before = story.counts()
    with pytest.raises(MoveRefused, match=r"48 hours .*from 2026-03-19 20:00 UTC on") as refused:
        story.approve(number, HEAD)
    assert refused.value.rule == "review.precondition_early"
    assert story.counts() == before
    story.later(minutes=1)
    story.approve(number, HEAD)
    story.drive(number)
    assert story.status(number) == "submitted"
    story.assert_sound()


@SQLITE_ONLY
def test_a_reporter_who_cannot_be_asked_does_not_spare_the_fact(story: Story) -> None:
    number = story.to_review(**_complaint(provider_told_at=None, reporter={}))
    story.later(days=5)
    with pytest.raises(MoveRefused, match="when that was is not recorded") as refused:
        story.approve(number, HEAD)
    assert refused.value.rule == "review.precondition_missing"
    amend(story.runtime, number, INTAKE, Supplied(provider_told_at=TOLD.isoformat()), "Seen in the platform's receipt.")
    story.approve(number, HEAD)


@SQLITE_ONLY
@pytest.mark.parametrize("stated", ["yesterday", "2026-03-17T09:00", "2027-03-17T09:00+05:00"])
def test_a_time_that_is_none_or_lies_ahead_is_refused(story: Story, stated: str) -> None:
    number = story.to_review(**_complaint(provider_told_at=None, reporter={}))
    before = story.counts()
    with pytest.raises(MoveRefused, match="provider_told_at"):
        amend(story.runtime, number, INTAKE, Supplied(provider_told_at=stated), "The reporter says so.")
    assert story.counts() == before


@SQLITE_ONLY
def test_abuse_of_a_child_waits_for_no_provider_and_a_report_under_its_own_rules_neither(story: Story) -> None:
    abuse = story.to_review(**_complaint(category="csam", provider_told_at=None))
    assert story.approve(abuse, HEAD).status == "approved"
    fraud = story.to_review(**_complaint(category="fraud", age_band="adult", provider_told_at=None))
    assert story.approve(fraud, REVIEWER).status == "approved"


@SQLITE_ONLY
def test_only_whom_the_law_names_gives_the_notice(story: Story) -> None:
    number = story.to_review(**_complaint())
    story.later(days=3)
    with pytest.raises(MoveRefused, match=f"decided by head_of_unit; {REVIEWER} is not") as refused:
        story.approve(number, REVIEWER)
    assert refused.value.rule == "review.wrong_office"

"""What happens next by itself, when, to whom, and what would stop it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from casework.clock_changes import begin_pause
from casework.explain import ClockOnRecord, LetterOnRecord
from casework.explain_next import Later, explain_next
from casework.vocabulary import PauseReason, Status
from tests.casework.explaining import (
    ANSWER,
    EXPERTS,
    NOW,
    PLATFORM,
    REVIEW,
    a_case,
    a_clock,
    assert_golden,
    begun,
    changed,
    practice_pack,
    recorded,
)

DAY = timedelta(days=1)


def a_letter(number: int, kind: str, to: str, state: str, **fields: object) -> LetterOnRecord:
    return replace(LetterOnRecord(number, kind, to, state, NOW), **fields)  # type: ignore[arg-type]


def next_text(*clocks: ClockOnRecord, status: Status = Status.SUBMITTED, now: datetime = NOW) -> str:
    return explain_next(a_case(status=status), clocks, [], Later(), practice_pack(), now).text


def test_what_comes_next_is_told_with_when_to_whom_and_what_stops_it() -> None:
    letters = [
        a_letter(4, "receipt", "reporter", "queued"),
        a_letter(5, "closure", "reporter", "unknown"),
        a_letter(6, "police_referral", "police", "refused"),
        a_letter(7, "platform_notice", "platform", "sending"),
        a_letter(8, "duty_alert", "unit", "queued", not_before=NOW + timedelta(minutes=10)),
        a_letter(9, "extension_notice", "reporter", "queued"),
    ]
    later = Later(NOW, (("KZ-2026-000001/S1", NOW + timedelta(minutes=5)), ("KZ-2026-000001/S2", None)))
    told = explain_next(a_case(), [a_clock(PLATFORM), a_clock(REVIEW)], letters, later, practice_pack(), NOW)
    assert_golden(told, "next")
    breach = next(step for step in told.data["steps"] if step.get("level") == "breach")
    assert breach["to"] == "platform"
    assert breach["stops_when"] == ["the platform has decided every item", "the case ends"]


def test_the_end_of_a_pause_and_what_comes_after_it_are_told_at_the_latest() -> None:
    clock = begun(EXPERTS)
    still = changed(clock, begin_pause(clock, PauseReason.AWAITING_APPLICANT, NOW + DAY))
    told = explain_next(a_case(status=Status.RETURNED), [recorded(still)], [], Later(), practice_pack(), NOW + 2 * DAY)
    assert_golden(told, "next-standing-still")
    levels = [step["level"] for step in told.data["steps"]]
    assert levels == ["go on", "80%", "breach", "+1", "+2", "+3"]
    assert "sooner when what was missing is supplied, or expert chair ends the pause" in told.text


def test_repeats_are_told_once_with_how_many_may_follow() -> None:
    text = next_text(a_clock(EXPERTS))
    assert text.count("still owed: letter 'overdue reminder' to unit") == 1
    assert "repeat 1: still owed: letter 'overdue reminder' to unit; repeated to number 3 at most." in text
    breached = a_clock(EXPERTS, fired=len(begun(EXPERTS).marks) - 1)
    last = next_text(breached)
    assert "repeat 3: still owed: letter 'overdue reminder' to unit." in last
    assert "It stops when a reviewer approves the notice, or the case ends." in last


def test_a_threshold_that_has_come_waits_for_the_next_sweep() -> None:
    at = a_clock(PLATFORM).due_at
    assert "(now): the next sweep acts on it" in next_text(a_clock(PLATFORM, fired=1), now=at)
    assert "the next sweep" not in next_text(a_clock(PLATFORM, fired=1), now=at - timedelta(seconds=1))


def test_a_reporter_who_stays_silent_closes_the_case() -> None:
    assert "closed as incomplete" in next_text(a_clock(ANSWER), status=Status.RETURNED)
    assert "closed as incomplete" not in next_text(a_clock(ANSWER), status=Status.TRIAGED)


def test_after_the_last_rung_only_the_breach_is_recorded() -> None:
    text = next_text(a_clock(PLATFORM, next_rung=None))
    assert "no rung is left to raise" in text
    assert "rung by rung" not in text


def test_a_ladder_that_has_left_the_policy_is_named() -> None:
    text = next_text(a_clock(PLATFORM, ladder=None))
    assert "the policy in use has no ladder 'silence', so no rung is raised" in text


def test_an_instrument_that_may_not_be_used_yet_says_from_when() -> None:
    case = a_case(status=Status.IN_LEGAL_REVIEW, instrument="removal_notice", provider_told_at=NOW)
    ahead = explain_next(case, [], [], Later(), practice_pack(), NOW)
    assert (
        "From 2026-03-20 09:00 +05:00 (in 2 d) on 'removal notice' [practice.provider_first] may be used" in ahead.text
    )
    assert ahead.data["steps"][0]["at"] == "2026-03-20T04:00:00+00:00"
    met = explain_next(case, [], [], Later(), practice_pack(), NOW + 2 * DAY)
    assert "may be used" not in met.text
    unknown = explain_next(replace(case, provider_told_at=None), [], [], Later(), practice_pack(), NOW)
    assert "Not before the provider was told, and then 48 hours, may 'removal notice'" in unknown.text
    out = explain_next(replace(case, status=Status.SUBMITTED), [], [], Later(), practice_pack(), NOW)
    assert "may be used" not in out.text


@pytest.mark.parametrize("status", [Status.CLOSED, Status.DECLINED, Status.WITHDRAWN, Status.MERGED])
def test_an_ended_case_waits_for_nobody_and_says_how_long_it_is_kept(status: Status) -> None:
    told = explain_next(a_case(status=status), [], [], Later(ended_at=NOW), practice_pack(), NOW + DAY)
    assert "The system itself will do nothing until somebody acts." in told.lines
    assert "  case file: until 2031-03-18, 60 months. Source: unsourced (unverified)." in told.lines
    assert told.data["kept_until"][0]["verified"] is False


def test_a_case_that_was_reopened_is_not_on_its_way_to_the_archive() -> None:
    told = explain_next(a_case(status=Status.REOPENED), [], [], Later(ended_at=NOW), practice_pack(), NOW + DAY)
    assert told.data["kept_until"] == []
    assert "Kept" not in told.text

"""Why a clock is due when it is: from the rule and calendar it started under, whatever came after."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from casework.clock_changes import ClockFacts, begin_pause, end_pause, extend
from casework.explain import ClockOnRecord
from casework.explain_due import explain_due
from casework.facts import Actor
from casework.limits import due_at
from casework.vocabulary import ClockState, PauseReason, Role
from tests.casework.explaining import (
    CALENDAR,
    EXPERTS,
    NOW,
    NUMBER,
    PLATFORM,
    REFUSAL,
    REVIEW,
    a_calendar,
    a_case,
    a_clock,
    a_rule,
    assert_golden,
    begun,
    changed,
    practice_pack,
    recorded,
)

CHAIR = Actor("gulnara", "Gulnara (chair)", frozenset({Role.EXPERT_CHAIR}))
HEAD = Actor("marat", "Marat (head of unit)", frozenset({Role.HEAD_OF_UNIT}))
DAY = timedelta(days=1)
REASONS = "The experts need the platform's log of that week."


def paused(at: datetime = NOW + DAY) -> ClockFacts:
    """The experts' clock, standing still because the applicant was asked."""
    clock = begun(EXPERTS)
    return changed(clock, begin_pause(clock, PauseReason.AWAITING_APPLICANT, at))


def due_text(*clocks: ClockOnRecord, now: datetime = NOW) -> str:
    return explain_due(a_case(), clocks, practice_pack(), now).text


def test_a_due_time_is_derived_day_by_day() -> None:
    """Nauryz and the weekend are named; law, a law's words and our own target are told apart."""
    clocks = [a_clock(PLATFORM), a_clock(REVIEW), a_clock(REFUSAL)]
    told = explain_due(a_case(), clocks, practice_pack(), NOW + timedelta(hours=25))
    assert_golden(told, "due")
    hours, days, words = told.data["clocks"]
    assert (hours["overdue"], days["overdue"]) == (True, False)
    skipped = [step["text"] for step in days["steps"] if step["skipped"]]
    assert skipped == [
        "Not counted: Saturday 2026-03-21, weekend.",
        "Not counted: Sunday 2026-03-22, weekend.",
        "Not counted: Monday 2026-03-23, closed by override: Nauryz.",
        "Not counted: Tuesday 2026-03-24, closed by override: Nauryz.",
        "Not counted: Wednesday 2026-03-25, closed by override: Nauryz.",
    ]
    assert days["due_local"].endswith("+05:00")
    assert days["due_at"].endswith("+00:00")
    assert [clock["number_is_law"] for clock in (hours, days, words)] == [True, False, False]
    assert (words["statutory"], words["law_in_words"]) == (True, "without undue delay")
    assert (hours["start"], days["start"]) == ("submission.sent", "review.opened")


def test_a_clock_that_stands_still_says_since_when_why_and_when_it_goes_on_at_the_latest() -> None:
    told = explain_due(a_case(), [recorded(paused())], practice_pack(), NOW + 2 * DAY)
    assert_golden(told, "due-standing-still")
    [clock] = told.data["clocks"]
    assert clock["stands_still"] == {
        "since": (NOW + DAY).isoformat(),
        "reason": "awaiting_applicant",
        "goes_on_at": "2026-03-31T13:30:00+00:00",
    }
    # What is shown and what is counted are one: the due time by the longest pause is what the clock holds.
    assert clock["steps"][-1]["to"] == clock["due_local"]
    assert clock["pauses"][0]["rule"] == {"at_most": "5 working days", "source": "Act 1, Art. 2", "verified": False}


def test_after_the_longest_pause_nothing_stands_still_any_more() -> None:
    after = datetime(2026, 3, 31, 13, 30, tzinfo=UTC)
    [clock] = explain_due(a_case(), [recorded(paused())], practice_pack(), after).data["clocks"]
    assert clock["stands_still"] is None
    text = due_text(recorded(paused()), now=after)
    assert "Stands still" not in text
    assert "At most" not in text


def test_a_pause_that_ended_an_extension_and_its_ceiling_are_told() -> None:
    clock = paused()
    clock = changed(clock, end_pause(clock, NOW + 2 * DAY))
    clock = changed(clock, extend(clock, clock.due_at + 3 * DAY, CHAIR, REASONS, NOW + 3 * DAY))
    told = explain_due(a_case(), [recorded(clock)], practice_pack(), NOW + 3 * DAY)
    assert_golden(told, "due-extended")
    [data] = told.data["clocks"]
    assert data["extensions"] == [
        {
            "granted_at": (NOW + 3 * DAY).isoformat(),
            "until": clock.due_at.isoformat(),
            "reasons": REASONS,
            "ceiling_at": "2026-04-02T19:00:00+00:00",
        }
    ]
    assert "extended" in {step["kind"] for step in data["steps"]}


def test_a_clock_that_began_anew_says_so() -> None:
    clock = begun(EXPERTS)
    clock = changed(clock, begin_pause(clock, PauseReason.MORE_INFO_NEEDED, NOW + DAY, HEAD))
    clock = changed(clock, end_pause(clock, NOW + 2 * DAY, HEAD))
    text = due_text(recorded(clock), now=NOW + 2 * DAY)
    assert "Begun anew Friday 2026-03-20 09:00:00+05:00" in text
    assert "10 calendar days. Then it begins anew. Source: Act 1, Art. 2 (unverified)." in text


def test_a_change_of_the_calendar_afterwards_changes_nothing_and_is_told() -> None:
    """A day is closed after the clock began: the counting stays, and the other date stands beside it."""
    before = a_clock(REVIEW)
    after = replace(before, today=a_calendar(*CALENDAR.overrides, date(2026, 3, 26), name="Closed for repairs"))
    one, other = due_text(before), due_text(after)
    added = "  By today's calendar it would be 2026-03-27 18:30 +05:00 Asia/Almaty (2026-03-27 13:30 UTC);"
    [line] = [line for line in other.splitlines() if line not in one.splitlines()]
    assert line.startswith(added)
    assert [line for line in other.splitlines() if not line.startswith(added)] == one.splitlines()
    [clock] = explain_due(a_case(), [after], practice_pack(), NOW).data["clocks"]
    assert (clock["due_at"], clock["due_by_todays_calendar"]) == (
        "2026-03-26T13:30:00+00:00",
        "2026-03-27T13:30:00+00:00",
    )


def test_a_clock_keeps_a_due_time_that_its_own_calendar_does_not_give() -> None:
    moved = a_clock(REVIEW, due_at=NOW + timedelta(days=2))
    said = "  Counted again it is 2026-03-26 18:30 +05:00 Asia/Almaty (2026-03-26 13:30 UTC);"
    assert f"{said} the clock keeps what it was given." in due_text(moved).splitlines()


def test_a_version_that_is_not_on_record_is_told_and_the_clock_is_counted_from_what_it_keeps() -> None:
    gap = "That version is not on record here."
    told = explain_due(a_case(), [a_clock(EXPERTS, rule=None, version_gap=gap)], practice_pack(), NOW)
    assert f"{gap} Counted from what the clock itself keeps, by today's calendar." in told.text
    assert "What began it is not known here." in told.text
    [clock] = told.data["clocks"]
    assert clock["policy_on_record"] is False
    assert clock["steps"][-1]["to"] == clock["due_local"]
    assert clock["source"] == "Act 1, Art. 2"


def test_the_clock_of_a_rung_says_which_moment_began_it() -> None:
    rung = a_clock(REVIEW, rule=None, rule_id="silence.rung2", ladder_id="silence")
    assert "It counts from when a rung is raised [rung.raised]." in due_text(rung)
    follow_up = replace(rung, rule_id="silence.rung2.follow_up")
    assert "It counts from when the recipient acknowledges [rung.acknowledged]." in due_text(follow_up)


def test_a_clock_given_anew_with_another_priority_does_not_claim_the_first_moment() -> None:
    anew = a_clock(REVIEW, begun_by="priority.changed")
    assert "It counts from when the case gets another priority [priority.changed]. It was given anew then." in due_text(
        anew
    )


def test_a_rule_with_dates_of_effect_shows_them() -> None:
    assert "This text of the rule is in force from 2026-01-01 until 2026-12-31." in due_text(a_clock(EXPERTS))
    open_ended = a_rule(valid_from="2026-02-01")
    assert "in force from 2026-02-01 until further notice." in due_text(a_clock(open_ended))
    assert "in force" not in due_text(a_clock(REVIEW))


def test_a_breach_is_told_with_its_own_time_also_when_it_was_found_late() -> None:
    clock = a_clock(PLATFORM, fired=2, breached_at=NOW + DAY, late_detected=True)
    text = due_text(clock, now=NOW + 2 * DAY)
    assert "Ran out 2026-03-19 09:00 +05:00 Asia/Almaty (2026-03-19 04:00 UTC); that is on the record." in text
    assert "It was found late; the time is the breach's own." in text
    assert "Acted on: warning -6h 2026-03-19 03:00 +05:00; time is up 2026-03-19 09:00 +05:00." in text
    assert text.splitlines()[-1] == "  OVERDUE by 1 d."
    unseen = due_text(a_clock(PLATFORM), now=NOW + 2 * DAY)
    assert unseen.splitlines()[-1] == "  OVERDUE by 1 d. The next sweep records it."
    assert "found late" not in due_text(replace(clock, late_detected=False), now=NOW + 2 * DAY)


def test_a_stopped_clock_says_when_by_what_and_whether_it_was_met_in_time() -> None:
    met = a_clock(
        PLATFORM, state=ClockState.MET, fired=1, stopped_at=NOW + timedelta(hours=20), stopped_by="platform.decided"
    )
    late = replace(met, stopped_at=NOW + timedelta(hours=24, seconds=1), breached_at=NOW + DAY)
    fell_away = replace(met, state=ClockState.CANCELLED, stopped_by="case.ended")
    told = explain_due(a_case(), [met, late, fell_away], practice_pack(), NOW + 3 * DAY)
    assert told.lines[0] == f"{NUMBER}: no clock is running, 3 stopped."
    ends = [line for line in told.lines if line.startswith("  Stopped")]
    assert ends == [
        "  Stopped 2026-03-19 05:00 +05:00: the platform has decided every item. Met in time.",
        "  Stopped 2026-03-19 09:00 +05:00: the platform has decided every item. Met late.",
        "  Stopped 2026-03-19 05:00 +05:00: the case ends. The duty fell away.",
    ]
    assert "Not reached: time is up" in told.text
    assert not any(clock["overdue"] for clock in told.data["clocks"])


def test_the_precondition_of_an_instrument_is_told_with_its_instant() -> None:
    """Not known, ahead, met: one second decides."""
    pack, ready = practice_pack(), NOW + timedelta(hours=48)
    unknown = explain_due(a_case(instrument="removal_notice"), [], pack, NOW)
    assert "Not met: the file does not say when the provider was told." in unknown.text
    assert (unknown.data["precondition"]["met"], unknown.data["precondition"]["usable_from"]) == (False, None)
    case = a_case(instrument="removal_notice", provider_told_at=NOW)
    before = explain_due(case, [], pack, ready - timedelta(seconds=1))
    assert_golden(before, "due-precondition")
    assert "Not met; it will be 2026-03-20 09:00 +05:00" in before.text
    met = explain_due(case, [], pack, ready)
    assert "Met since 2026-03-20 09:00 +05:00" in met.text
    assert met.data["precondition"]["met"] is True
    assert explain_due(a_case(), [], pack, NOW).data["precondition"] is None


def test_a_year_without_a_calendar_is_told_and_breaks_nothing() -> None:
    late = a_clock(REVIEW, started_at=datetime(2027, 12, 31, 4, 0, tzinfo=UTC), due_at=datetime(2028, 1, 6, tzinfo=UTC))
    assert "The counting cannot be shown" in due_text(late)
    assert "Result: 2028-01-06" in due_text(late)


def test_a_calendar_that_today_lacks_the_year_is_no_contradiction() -> None:
    short = replace(CALENDAR, first_year=2027, overrides={})
    assert "By today's calendar" not in due_text(a_clock(REVIEW, today=short))
    assert "By today's calendar" not in due_text(a_clock(REVIEW, today=None))


def test_no_clock_is_an_answer_too() -> None:
    assert due_text() == f"{NUMBER}: no clock is running."


def test_what_is_explained_is_what_the_engine_counts() -> None:
    clock = recorded(paused())
    pauses, extension = clock.history.pauses, clock.history.extension
    assert due_at(clock.limit, clock.started_at, clock.calendar, pauses, extension) == clock.due_at
    assert "Counted again" not in due_text(clock)

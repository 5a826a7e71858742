"""Answers to 'why' are pure: plain values in, the same sentences out."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import get_args

import pytest

from casework.clocks import Threshold
from casework.explain import (
    MOMENTS,
    Explanation,
    Later,
    RunningClock,
    WaitingLetter,
    explain_due,
    explain_next,
    explain_priority,
    length,
)
from casework.facts import CaseFacts
from casework.limits import DueAt, Limit, Unit, due_at
from casework.moments import Moment
from casework.policy_clocks import Ladder
from casework.vocabulary import AgeBand, Priority, Status
from casework.working_time import DayOverride, WorkingCalendar

GOLDEN = Path(__file__).parent / "golden"
NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)
CALENDAR = WorkingCalendar(
    id="practice",
    zone="Asia/Almaty",
    windows=((time(9), time(13)), (time(14, 30), time(18, 30))),
    first_year=2026,
    last_year=2027,
    overrides={
        day: DayOverride(kind="closed", name="Nauryz")
        for day in (datetime(2026, 3, number, tzinfo=UTC).date() for number in (23, 24, 25))
    },
)
THREE_DAYS = Limit(3, Unit.WORKING_DAYS, due_at=DueAt.END_OF_WORKING_DAY)
DAY = Limit(24, Unit.HOURS)
WAIT = {"amount": 4, "unit": "hours"}
LADDER = Ladder.model_validate(
    {
        "id": "silence",
        "rungs": [
            {
                "rung": rung,
                "name": {"kk": name, "ru": name, "en": name},
                "letter": letter,
                "recipient": to,
                "acknowledge_within": WAIT,
                "after_acknowledgement": WAIT,
            }
            for rung, name, letter, to in (
                (1, "Reminder", "platform_reminder", "platform"),
                (2, "Regional liaison", "liaison_escalation", "liaison"),
                (3, "Next authority", "authority_escalation", "authority"),
            )
        ],
    }
)


def a_case(**changes: object) -> CaseFacts:
    plain = CaseFacts(
        id=1,
        number="KZ-2026-000001",
        status=Status.SUBMITTED,
        priority=Priority.P3,
        category="fraud",
        political=False,
        child=False,
        age_band=AgeBand.ADULT,
        language="ru",
        instrument="request",
        ground="local_law",
        requested_action="remove",
        intake_by="aigerim",
        received_at=NOW,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def a_clock(limit: Limit = DAY, **changes: object) -> RunningClock:
    due = due_at(limit, NOW, CALENDAR)
    plain = RunningClock(
        about="KZ-2026-000001/S1",
        rule_id="practice.platform_24h",
        name="The platform's consideration",
        duty="platform",
        statutory=True,
        source="Act 1, Art. 2",
        verified=False,
        policy_version="practice/2026-01+00000000",
        limit=limit,
        started_at=NOW,
        due_at=due,
        ahead=(Threshold(due - timedelta(hours=6), "-6h"), Threshold(due, "breach")),
        stop_on=("platform.decided", "case.ended"),
        ladder=LADDER,
        next_rung=1,
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def ours(**changes: object) -> RunningClock:
    """A working clock of our own, across a weekend and three public holidays."""
    return a_clock(
        THREE_DAYS,
        **{
            "about": "KZ-2026-000001", "rule_id": "practice.review", "name": "Legal review", "duty": "authority",
            "statutory": False, "source": "Internal target", "verified": True, "ladder": None, "next_rung": None,
            "stop_on": ("review.approved", "case.ended"), **changes,
        },
    )  # fmt: skip


def assert_golden(told: Explanation, name: str) -> None:
    path = GOLDEN / f"explain-{name}.txt"
    if os.environ.get("QORGAN_UPDATE_SNAPSHOTS") == "1":
        path.parent.mkdir(exist_ok=True)
        path.write_text(told.text + "\n", encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: run once with QORGAN_UPDATE_SNAPSHOTS=1 and read it"
    assert told.text + "\n" == path.read_text(encoding="utf-8")


def test_a_due_time_is_derived_day_by_day() -> None:
    """Nauryz and the weekend are named; what is law and what is our own target is told apart."""
    told = explain_due("KZ-2026-000001", [a_clock(), ours()], CALENDAR, NOW + timedelta(hours=25))
    assert_golden(told, "due")
    hours, days = told.data["clocks"]
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


def test_a_clock_keeps_its_due_time_when_the_calendar_changes_and_the_answer_says_so() -> None:
    moved = ours(due_at=NOW + timedelta(days=2))
    told = explain_due("KZ-2026-000001", [moved], CALENDAR, NOW)
    assert "the clock keeps the due time it was given at its start" in told.text


def test_a_year_without_a_calendar_is_told_and_breaks_nothing() -> None:
    late = ours(started_at=datetime(2027, 12, 31, 4, 0, tzinfo=UTC), due_at=datetime(2028, 1, 6, tzinfo=UTC))
    assert "The counting cannot be shown" in explain_due("KZ-2026-000001", [late], CALENDAR, NOW).text


def test_no_clock_is_an_answer_too() -> None:
    assert explain_due("KZ-2026-000001", [], CALENDAR, NOW).text == "KZ-2026-000001: no clock is running."


def test_a_priority_names_rules_facts_sources_and_people() -> None:
    trace = [
        {
            "rule": "kz.p0.life", "effect": "withheld: politically sensitive category", "field": "indicators",
            "value": "threat", "why": "A life may be lost.", "source": "Internal rule", "verified": False,
        },
        {
            "rule": "default", "effect": "floor P3", "field": "", "value": "", "why": "No rule fired.",
            "source": "pack", "verified": True,
        },
    ]  # fmt: skip
    changes = [
        {"from": "P3", "to": "P4", "by": "aigerim", "confirmed_by": "marat", "reason": "It is an opinion."},
        {"from": "P4", "to": "P2", "by": "system", "confirmed_by": "", "reason": "A new report."},
    ]
    told = explain_priority(a_case(political=True), "P3", "routine", trace, changes)
    assert_golden(told, "priority")
    assert told.data["trace"] == trace


def test_what_comes_next_is_told_with_when_to_whom_and_what_stops_it() -> None:
    letters = [
        WaitingLetter(4, "receipt", "reporter", "queued"),
        WaitingLetter(5, "closure", "reporter", "unknown"),
        WaitingLetter(6, "police_referral", "police", "refused"),
        WaitingLetter(7, "platform_notice", "platform", "sending"),
        WaitingLetter(8, "duty_alert", "unit", "queued", NOW + timedelta(minutes=10)),
    ]
    later = Later(NOW, (("KZ-2026-000001/S1", NOW + timedelta(minutes=5)), ("KZ-2026-000001/S2", None)))
    told = explain_next(a_case(), [a_clock(), ours()], letters, later, "Asia/Almaty", NOW)
    assert_golden(told, "next")
    breach = next(step for step in told.data["steps"] if step.get("level") == "breach")
    assert breach["to"] == "platform"
    assert breach["stops_when"] == ["the platform has decided every item", "the case ends"]


def test_a_reporter_who_stays_silent_closes_the_case() -> None:
    told = explain_next(
        a_case(status=Status.RETURNED), [ours(lapse=True, duty="reporter")], [], Later(), "Asia/Almaty", NOW
    )
    assert "closed as incomplete" in told.text


def test_after_the_last_rung_only_the_breach_is_recorded() -> None:
    told = explain_next(a_case(), [a_clock(next_rung=None)], [], Later(), "Asia/Almaty", NOW)
    assert "no rung is left to raise" in told.text
    assert "rung by rung" not in told.text


def test_a_case_at_its_end_waits_for_nobody() -> None:
    told = explain_next(a_case(status=Status.CLOSED), [], [], Later(), "Asia/Almaty", NOW)
    assert told.lines[-1] == "The system itself will do nothing until somebody acts."


def test_every_moment_of_a_pack_has_words() -> None:
    assert set(MOMENTS) == set(get_args(Moment))


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=2, hours=3, minutes=50), "2 d 3 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(span: timedelta, said: str) -> None:
    assert length(span) == said

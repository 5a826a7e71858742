"""Periods to the minute, and what keeps a case whose period is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casework.policy_people import RetentionRule
from casework.retention import Standing, ended, kept_at_least, kept_because, kept_until, rule_due, rule_text
from casework.vocabulary import OPEN_STATUSES, Status
from tasks.runtime import load_pack
from tasks.settings import POLICIES

PACK = load_pack(POLICIES / "kz-ministry")
CALENDAR = PACK.working_calendar()
CLOSED = Standing("KZ-2026-000001", Status.CLOSED, datetime(2024, 2, 29, 9, 30, tzinfo=UTC))


def rule(amount: int = 12, unit: str = "months", record: str = "party", **more: object) -> RetentionRule:
    source = {"ref": "Act, article 7", "verified_on": "2026-01-01"}
    return RetentionRule.model_validate(
        {"record": record, "keep": {"amount": amount, "unit": unit, **more}, "source": source}
    )


@pytest.mark.parametrize(("minutes", "due"), [(-1, False), (0, True), (1, True)])
def test_a_year_from_a_leap_day_ends_on_the_last_of_february_to_the_minute(minutes: int, due: bool) -> None:
    """By local time: between the two, on 1 March 2024, the zone went back by one hour for good."""
    now = datetime(2025, 2, 28, 10, 30, tzinfo=UTC) + timedelta(minutes=minutes)
    assert (rule_due([rule()], "party", CLOSED.ended_at, now, CALENDAR) is not None) is due


def test_a_class_without_a_rule_is_kept_for_good() -> None:
    assert rule_due([rule()], "letter", CLOSED.ended_at, datetime(2999, 1, 1, tzinfo=UTC), CALENDAR) is None


def test_of_two_rules_the_longer_counts() -> None:
    rules = [rule(6), rule(24), rule(12)]
    since = CLOSED.ended_at
    assert rule_due(rules, "party", since, since + timedelta(days=500), CALENDAR) is None
    found = rule_due(rules, "party", since, since + timedelta(days=800), CALENDAR)
    assert found is not None
    assert found.keep.amount == 24


def test_a_period_that_cannot_be_counted_is_not_over() -> None:
    """The calendar lacks the years: nothing is erased because of that."""
    beyond = rule(400, "working_days")
    since, now = datetime(2027, 6, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    assert rule_due([beyond], "party", since, now, CALENDAR) is None


@pytest.mark.parametrize(
    "period",
    [rule(1), rule(13), rule(1, "calendar_days"), rule(30, "calendar_days", count_start_day=True, due_at="end_of_day"),
     rule(5, "working_days"), rule(7, "hours"), rule(90, "minutes")],
)  # fmt: skip
def test_no_period_is_shorter_than_what_need_not_be_looked_at(period: RetentionRule) -> None:
    for hour in range(0, 24 * 60, 7):
        since = datetime(2026, 1, 30, tzinfo=UTC) + timedelta(hours=hour)
        assert kept_until(period, since, CALENDAR) - since >= kept_at_least(period)


def test_nothing_keeps_a_case_in_which_nothing_is_owed() -> None:
    assert kept_because([CLOSED]) is None


@pytest.mark.parametrize("what", [name for name in Standing.__slots__ if name not in ("number", "status", "ended_at")])
def test_each_thing_that_is_owed_keeps_all_that_hangs_together(what: str) -> None:
    owing = replace(CLOSED, number="KZ-2026-000002", **{what: 1})
    because = kept_because([CLOSED, owing])
    assert because is not None
    assert because.startswith("KZ-2026-000002 ")


@pytest.mark.parametrize("status", sorted(OPEN_STATUSES))
def test_every_open_status_keeps_a_case(status: Status) -> None:
    assert kept_because([replace(CLOSED, status=status)]) == "KZ-2026-000001 is open"


def test_the_period_of_cases_that_hang_together_runs_from_the_last_end() -> None:
    later = replace(CLOSED, ended_at=CLOSED.ended_at + timedelta(days=9))
    assert ended([CLOSED, later]) == later.ended_at


def test_a_rule_is_named_with_its_source_and_whether_somebody_has_checked_it() -> None:
    assert rule_text(rule()) == "party: 12 months; source: Act, article 7"
    [unsourced] = [found for found in PACK.retention.rules if found.record == "party"]
    assert rule_text(unsourced) == "party: 12 months; source: unsourced (not verified)"

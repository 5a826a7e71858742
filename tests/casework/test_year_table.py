"""A year added up once gives what a walk day by day gives, and every search has an end."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.working_time import (
    WorkingCalendar,
    working_seconds_between,
)
from casework.working_time_errors import CalendarExhausted
from tests.casework.adding import add_working_days, add_working_seconds, walk_working_days
from tests.casework.test_working_time import (
    EVERY_DAY,
    HOUR,
    INSTANTS,
    PROVEN,
    ROUND_THE_CLOCK,
    at,
    calendar,
    some_calendars,
)


def test_an_answer_at_the_last_possible_day_is_given_and_one_later_is_not() -> None:
    everyday = calendar(ROUND_THE_CLOCK, country=None, weekly_windows=EVERY_DAY, first_year=2000, last_year=2040)
    start = at("2001-01-01T00:00")
    assert everyday.nth_working_day(date(2001, 1, 1), 3_660).on == date(2001, 1, 1) + timedelta(days=3_659)
    with pytest.raises(CalendarExhausted, match="3660 days, by 2011-01-08"):
        everyday.nth_working_day(date(2001, 1, 1), 3_661)
    ends = everyday.end_of_day(date(2001, 1, 1) + timedelta(days=3_659))
    reachable = (ends - start) // timedelta(seconds=1)
    assert add_working_seconds(everyday, start, reachable) == ends
    assert working_seconds_between(everyday, start, ends) == reachable
    for too_far in (
        lambda: add_working_seconds(everyday, start, reachable + 1),
        lambda: working_seconds_between(everyday, start, ends + timedelta(seconds=1)),
        lambda: everyday.working_days_between(date(2001, 1, 1), date(2011, 1, 10)),
    ):
        with pytest.raises(CalendarExhausted):
            too_far()


def test_a_year_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out: list[date] = []
    plan = WorkingCalendar._plan
    monkeypatch.setattr(WorkingCalendar, "_plan", lambda self, on: worked_out.append(on) or plan(self, on))
    cal = calendar()
    for _ in range(3):
        add_working_days(cal, at("2026-04-15T12:00"), 15)
        add_working_seconds(cal, at("2026-04-15T12:00"), 40 * HOUR)
    assert len(worked_out) == len(set(worked_out)) == 365


@PROVEN
@given(some_calendars(), INSTANTS, st.integers(1, 40), st.booleans())
def test_the_last_working_day_is_the_one_that_a_walk_finds(
    cal: WorkingCalendar, start: datetime, days: int, counted: bool
) -> None:
    last = cal.day(walk_working_days(cal, start, days, count_start_day=counted))
    assert add_working_days(cal, start, days, count_start_day=counted) == last.spans[-1][1]
    first = cal.local(start).date()
    walked = sum(plan.is_working for plan in cal.days_from(first, last.on))
    assert cal.working_days_between(first, last.on + timedelta(days=1)) == walked
    assert cal.nth_working_day(first, walked) == last


@PROVEN
@given(some_calendars(), INSTANTS, st.integers(0, 300 * HOUR))
def test_a_budget_ends_where_a_walk_through_the_windows_ends(
    cal: WorkingCalendar, start: datetime, seconds: int
) -> None:
    walked, left = start, timedelta(seconds=seconds)
    spans = cal.spans_between(start)
    while left:
        _, opens, closes = next(spans)
        walked = min(opens + left, closes)
        left -= walked - opens
    assert add_working_seconds(cal, start, seconds) == walked
    lengths = (closes - opens for _, opens, closes in cal.spans_between(start, walked))
    assert sum(lengths, timedelta()) == timedelta(seconds=seconds) == cal.working_time_between(start, walked)

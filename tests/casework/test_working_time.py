"""Working time counts exactly the calendar's windows, in real seconds."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from holidays import country_holidays
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.limits import LimitInvalid
from casework.working_time import (
    CountedWindow,
    DayOverride,
    DayReason,
    SkippedDay,
    Windows,
    WorkingCalendar,
    counted_windows,
    next_working_instant,
    working_seconds_between,
)
from casework.working_time_errors import (
    CalendarEmpty,
    CalendarExhausted,
    CalendarInvalid,
    CalendarMissing,
    NaiveTime,
)
from tests.casework.adding import add_working_days, add_working_seconds

HOUR = 3_600
NINE_TO_SIX: Windows = ((time(9), time(18)),)
WITH_LUNCH: Windows = ((time(9), time(13)), (time(14, 30), time(18, 30)))
NIGHT: Windows = ((time(22), time(6)),)
ROUND_THE_CLOCK: Windows = ((time(0), time(0)),)
EVERY_DAY = dict.fromkeys(range(7), ROUND_THE_CLOCK)


KZ = WorkingCalendar("office", "Asia/Almaty", WITH_LUNCH, 2024, 2027, "KZ")


def calendar(windows: Windows = WITH_LUNCH, **changes: Any) -> WorkingCalendar:
    return replace(KZ, windows=windows, **changes)


BERLIN = calendar(zone="Europe/Berlin", country="DE")
ALWAYS = calendar(ROUND_THE_CLOCK, country=None, weekly_windows=EVERY_DAY)
ALWAYS_BERLIN = calendar(ROUND_THE_CLOCK, zone="Europe/Berlin", country=None, weekly_windows=EVERY_DAY)


def at(text: str, cal: WorkingCalendar = KZ) -> datetime:
    """A local time of the calendar; a text with an offset keeps it."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(cal.zone))


@pytest.mark.parametrize("cal", [KZ, BERLIN], ids=["Almaty", "Berlin"])
@pytest.mark.parametrize(
    ("local", "next_at"),
    [
        ("2026-04-15T08:59", "2026-04-15T09:00"),
        ("2026-04-15T09:00", "2026-04-15T09:00"),
        ("2026-04-15T09:01", "2026-04-15T09:01"),
        ("2026-04-15T12:59", "2026-04-15T12:59"),
        ("2026-04-15T13:00", "2026-04-15T14:30"),
        ("2026-04-15T14:29", "2026-04-15T14:30"),
        ("2026-04-15T18:29", "2026-04-15T18:29"),
        ("2026-04-15T18:30", "2026-04-16T09:00"),
        ("2026-04-15T18:31", "2026-04-16T09:00"),
        ("2026-04-17T18:30", "2026-04-20T09:00"),
    ],
)
def test_a_window_includes_only_its_opening_edge(cal: WorkingCalendar, local: str, next_at: str) -> None:
    assert next_working_instant(cal, at(local, cal)) == at(next_at, cal)


@pytest.mark.parametrize("cal", [KZ, BERLIN], ids=["Almaty", "Berlin"])
@pytest.mark.parametrize(
    ("start", "end", "seconds"),
    [
        ("2026-04-15T08:59", "2026-04-15T09:01", 60),
        ("2026-04-15T12:59", "2026-04-15T14:31", 120),
        ("2026-04-15T13:00", "2026-04-15T14:30", 0),
        ("2026-04-15T18:29", "2026-04-16T09:01", 120),
        ("2026-04-15T00:00", "2026-04-16T00:00", 8 * HOUR),
    ],
)
def test_only_time_inside_windows_counts(cal: WorkingCalendar, start: str, end: str, seconds: int) -> None:
    assert working_seconds_between(cal, at(start, cal), at(end, cal)) == seconds
    assert working_seconds_between(cal, at(end, cal), at(start, cal)) == -seconds


def test_a_budget_that_ends_with_a_window_is_due_at_its_close() -> None:
    assert add_working_seconds(KZ, at("2026-04-15T09:00"), 4 * HOUR) == at("2026-04-15T13:00")
    assert add_working_seconds(KZ, at("2026-04-15T09:00"), 4 * HOUR + 1) == at("2026-04-15T14:30:01")
    assert add_working_seconds(KZ, at("2026-04-15T23:00"), 0) == at("2026-04-15T23:00")


@pytest.mark.parametrize(
    ("start", "days", "due"),
    [
        ("2026-03-20T11:00", 3, "2026-03-30T18:30"),  # Nauryz and its moved rest days
        ("2026-10-22T11:00", 3, "2026-10-28T18:30"),  # Republic Day falls on a Sunday
        ("2026-03-20T23:59", 3, "2026-03-30T18:30"),  # a minute before midnight
        ("2026-03-21T00:01", 3, "2026-03-30T18:30"),  # a minute after, on a holiday
        ("2025-01-02T12:00", 1, "2025-01-05T18:30"),  # Friday off, Sunday worked
        ("2024-02-28T12:00", 1, "2024-02-29T18:30"),  # leap day
        ("2024-02-29T12:00", 1, "2024-03-01T18:30"),  # offset changes in between
        ("2026-12-30T12:00", 3, "2027-01-06T18:30"),  # over the year's end
        ("2024-05-03T12:00", 1, "2024-05-04T18:30"),  # a moved Saturday is worked
    ],
)
def test_working_days_begin_after_the_start_day(start: str, days: int, due: str) -> None:
    assert add_working_days(KZ, at(start), days) == at(due)


@pytest.mark.parametrize(
    ("on", "reason", "name", "working"),
    [
        ("2025-01-03", DayReason.HOLIDAY, "Day off (substituted from 2025-01-05)", False),
        ("2025-01-05", DayReason.MOVED_WORKING_DAY, "worked in exchange for 2025-01-03", True),
        ("2026-05-27", DayReason.HOLIDAY, "Eid al-Adha (estimated)", False),
        ("2026-04-18", DayReason.WEEKEND, "Saturday", False),
        ("2026-04-15", DayReason.WORKING, None, True),
    ],
)
def test_every_day_says_why_it_counts(on: str, reason: DayReason, name: str | None, working: bool) -> None:
    plan = KZ.day(date.fromisoformat(on))
    assert (plan.reason, plan.name, plan.is_working) == (reason, name, working)


def test_the_week_is_the_one_the_public_calendar_knows() -> None:
    public = country_holidays("KZ", years=range(2024, 2028))
    days = [date(2024, 1, 1) + timedelta(days=n) for n in range(1_461)]
    assert [KZ.day(on).is_working for on in days] == [public.is_working_day(on) for on in days]


def test_an_override_wins_over_holiday_and_weekend() -> None:
    cal = calendar(
        overrides={
            date(2026, 5, 27): DayOverride("open", "the feast came a day later"),
            date(2026, 5, 28): DayOverride("closed", "Eid al-Adha", source="order 17"),
            date(2026, 5, 30): DayOverride("open", "duty Saturday", ((time(10), time(12)),)),
        }
    )
    feast, duty = cal.day(date(2026, 5, 28)), cal.day(date(2026, 5, 30))
    assert cal.day(date(2026, 5, 27)).windows == WITH_LUNCH
    assert (feast.reason, feast.name, feast.source) == ("closed by override", "Eid al-Adha", "order 17")
    assert (duty.reason, duty.windows) == ("opened by override", ((time(10), time(12)),))
    assert working_seconds_between(cal, at("2026-05-27T00:00"), at("2026-06-01T00:00")) == (8 + 8 + 2) * HOUR


def test_an_opened_day_keeps_the_hours_of_its_weekday() -> None:
    week = dict.fromkeys(range(4), NINE_TO_SIX) | {4: WITH_LUNCH[:1]}
    opened = {
        date(2024, 3, 8): DayOverride("open", "duty Friday"),
        date(2024, 3, 9): DayOverride("open", "duty"),
    }
    cal = calendar(NINE_TO_SIX, weekly_windows=week, overrides=opened)
    assert [cal.day(on).windows for on in opened] == [WITH_LUNCH[:1], NINE_TO_SIX]


def test_a_night_shift_belongs_to_the_day_on_which_it_began() -> None:
    cal = calendar(NIGHT)
    assert working_seconds_between(cal, at("2026-04-17T21:59"), at("2026-04-18T06:01")) == 8 * HOUR
    assert working_seconds_between(cal, at("2026-04-20T00:00"), at("2026-04-20T22:00")) == 0
    assert add_working_days(cal, at("2026-04-16T12:00"), 1) == at("2026-04-18T06:00")
    start, end = at("2026-04-17T02:00"), at("2026-04-17T03:00")
    assert counted_windows(cal, start, end) == (CountedWindow(date(2026, 4, 16), start, end, HOUR),)


@pytest.mark.parametrize(
    ("night", "hours"), [("2026-03-27", 8), ("2026-03-28", 7), ("2026-10-24", 9), ("2026-10-25", 8)]
)
def test_a_berlin_night_shift_is_as_long_as_the_night_really_is(night: str, hours: int) -> None:
    cal = calendar(NIGHT, zone="Europe/Berlin", country=None, weekly_windows=dict.fromkeys(range(7), NIGHT))
    (opens, closes), *_ = cal.day(date.fromisoformat(night)).spans
    assert (closes - opens) == timedelta(hours=hours)


def test_an_hour_is_a_real_hour_on_a_day_of_25_hours() -> None:
    assert working_seconds_between(ALWAYS, at("2024-02-29T00:00"), at("2024-03-01T00:00")) == 25 * HOUR
    start = at("2026-10-25T02:30+02:00")
    assert add_working_seconds(ALWAYS_BERLIN, start, HOUR) == at("2026-10-25T02:30+01:00")


def test_a_skipped_hour_is_the_jump_and_a_repeated_one_its_first_reading() -> None:
    hours = ((time(2, 15), time(2, 45)),)
    cal = calendar(hours, zone="Europe/Berlin", country=None, weekly_windows=dict.fromkeys(range(7), hours))
    assert cal.day(date(2026, 3, 29)).reason is DayReason.NO_SUCH_HOURS
    assert cal.instant(date(2026, 10, 25), time(2, 15, fold=1)) == at("2026-10-25T02:15+02:00")
    assert cal.instant(date(2026, 3, 29), time(2, 15)) == at("2026-03-29T01:00+00:00")
    assert add_working_days(cal, at("2026-03-28T12:00", cal), 1) == at("2026-03-30T02:45", cal)


def test_the_explanation_names_every_window_and_every_closed_day() -> None:
    start, end = at("2025-01-02T12:00"), at("2025-01-06T10:00")
    assert counted_windows(KZ, start, end) == (
        SkippedDay(date(2025, 1, 2), DayReason.HOLIDAY, "New Year's Day"),
        SkippedDay(date(2025, 1, 3), DayReason.HOLIDAY, "Day off (substituted from 2025-01-05)"),
        SkippedDay(date(2025, 1, 4), DayReason.WEEKEND, "Saturday"),
        CountedWindow(date(2025, 1, 5), at("2025-01-05T09:00"), at("2025-01-05T13:00"), 4 * HOUR),
        CountedWindow(date(2025, 1, 5), at("2025-01-05T14:30"), at("2025-01-05T18:30"), 4 * HOUR),
        CountedWindow(date(2025, 1, 6), at("2025-01-06T09:00"), at("2025-01-06T10:00"), HOUR),
    )
    assert counted_windows(KZ, start, at("2025-01-05T14:30")) == counted_windows(KZ, start, end)[:4]
    assert counted_windows(KZ, end, start) == ()


def test_explained_seconds_add_up_although_the_receipt_has_microseconds() -> None:
    start = at("2026-04-15T12:00:00.700000")
    end = add_working_seconds(KZ, start, 12 * HOUR)
    rows = counted_windows(KZ, start, end)
    assert sum(row.seconds for row in rows if isinstance(row, CountedWindow)) == 12 * HOUR


def test_a_naive_time_is_refused_by_name() -> None:
    naive, aware = datetime(2026, 4, 15, 12), at("2026-04-15T12:00")
    with pytest.raises(NaiveTime, match="start"):
        working_seconds_between(KZ, naive, aware)
    with pytest.raises(NaiveTime, match="end"):
        counted_windows(KZ, aware, naive)
    with pytest.raises(NaiveTime, match="at"):
        next_working_instant(KZ, naive)
    with pytest.raises(NaiveTime, match="started_at"):
        add_working_days(KZ, naive, 1)


def test_a_year_that_is_not_covered_is_named_with_the_next_step() -> None:
    with pytest.raises(CalendarMissing, match=r"'office' covers 2024 to 2027.*holidays of 2028.*policy pack"):
        add_working_days(KZ, at("2027-12-30T12:00"), 3)
    with pytest.raises(CalendarMissing, match="2023"):
        KZ.day(date(2023, 12, 31))
    assert working_seconds_between(KZ, at("2027-12-31T00:00"), at("2028-01-01T00:00")) == 8 * HOUR


def test_an_endless_search_ends() -> None:
    cal = WorkingCalendar("long", "Asia/Almaty", NINE_TO_SIX, 2000, 2040)
    with pytest.raises(CalendarExhausted, match="3660 days"):
        add_working_days(cal, at("2001-01-01T00:00"), 4_000)


def test_a_budget_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(LimitInvalid, match="must be 1 to"):
        add_working_days(KZ, at("2026-04-15T12:00"), 0)
    with pytest.raises(LimitInvalid, match="must end with a day"):
        add_working_days(KZ, at("2026-04-15T12:00"), 1, due="same_time", count_start_day=True)


@pytest.mark.parametrize("weekly", [{}, {0: ()}])
def test_a_calendar_without_hours_is_refused(weekly: dict[int, Windows]) -> None:
    with pytest.raises(CalendarEmpty, match="at least one window"):
        calendar(weekly_windows=weekly)
    with pytest.raises(CalendarEmpty):
        calendar(())


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (((time(9), time(13)), (time(12, 59), time(18))), "overlap"),
        (((time(22), time(6)), (time(5), time(7))), "overlap"),
        (((time(0), time(0)), (time(9), time(10))), "overlap"),
        (((time(9), time(9)),), "no length"),
    ],
)
def test_windows_that_contradict_each_other_are_refused(windows: Windows, message: str) -> None:
    with pytest.raises(CalendarInvalid, match=message):
        calendar(windows)


def test_windows_that_touch_are_welcome_in_any_order() -> None:
    cal = calendar(((time(13), time(18)), (time(9), time(13))))
    assert working_seconds_between(cal, at("2026-04-15T00:00"), at("2026-04-16T00:00")) == 9 * HOUR


@pytest.mark.parametrize(
    "override",
    [
        (date(2062, 5, 27), DayOverride("closed", "a typing error in the year")),
        (date(2026, 5, 27), DayOverride("closed", "closed, yet with hours", NINE_TO_SIX)),
        (date(2026, 5, 27), DayOverride("open", "open, yet without hours", ())),
        (date(2026, 5, 27), DayOverride("open", "runs into the next day", ((time(20), time(9, 1)),))),
    ],
)
def test_an_override_that_cannot_hold_is_refused(override: tuple[date, DayOverride]) -> None:
    with pytest.raises(CalendarInvalid, match=str(override[0])):
        calendar(overrides=dict([override]))
    with pytest.raises(CalendarInvalid, match="overlap"):
        calendar(
            NIGHT,
            overrides={date(2026, 5, 27): DayOverride("open", "before the night ends", ((time(5), time(7)),))},
        )


@pytest.mark.parametrize(("zone", "country"), [("Asia/Nowhere", "KZ"), ("+05:00", "KZ"), ("Asia/Almaty", "XX")])
def test_an_unknown_zone_or_country_is_refused(zone: str, country: str) -> None:
    with pytest.raises(CalendarInvalid, match="unknown zone or country"):
        calendar(zone=zone, country=country)


def test_a_calendar_is_a_value() -> None:
    assert calendar() == KZ != BERLIN
    assert hash(calendar()) == hash(KZ)
    assert pickle.loads(pickle.dumps(KZ)) == KZ
    changing = {date(2026, 4, 15): DayOverride("closed", "a day off")}
    copied = calendar(overrides=changing)
    changing.clear()
    assert not copied.day(date(2026, 4, 15)).is_working


# Quarter hours, without those a clock change in these zones could make ambiguous.
EDGES = [time(h, m) for h in range(24) for m in (0, 15, 30, 45) if (h, m > 0) not in {(2, True), (23, True)}]
# Around both clock changes of Berlin, Almaty's change, Nauryz, the moved Sunday and a quiet week.
STARTS = ["2026-03-27", "2026-10-23", "2024-02-28", "2026-03-20", "2025-01-02", "2026-06-10"]


@st.composite
def some_windows(draw: st.DrawFn) -> Windows:
    count = draw(st.sampled_from([2, 4, 6]))
    edges = sorted(draw(st.lists(st.sampled_from(EDGES), min_size=count, max_size=count, unique=True)))
    # Shifted by one, the last window runs over midnight into the first gap of the next day.
    if draw(st.booleans()):
        edges = [*edges[1:], edges[0]]
    return tuple(zip(edges[::2], edges[1::2], strict=True))


@st.composite
def some_calendars(draw: st.DrawFn) -> WorkingCalendar:
    windows = draw(some_windows())
    weekdays = draw(st.sets(st.integers(0, 6), min_size=1))
    zone = draw(st.sampled_from(["Asia/Almaty", "Europe/Berlin"]))
    country = draw(st.sampled_from(["KZ", None]))
    return calendar(windows, zone=zone, country=country, weekly_windows=dict.fromkeys(weekdays, windows))


def is_open(cal: WorkingCalendar, minute: datetime) -> bool:
    """The definition, minute by minute: the local time lies in a window of today, or in one of last night."""
    local = minute.astimezone(ZoneInfo(cal.zone))
    wall, today = local.time(), cal.day(local.date())
    last_night = cal.day(local.date() - timedelta(days=1))
    return any(opens <= wall and (wall < closes or closes <= opens) for opens, closes in today.windows) or any(
        closes <= opens and wall < closes for opens, closes in last_night.windows
    )


INSTANTS = st.builds(
    lambda day, minutes: datetime.fromisoformat(f"{day}T00:00+00:00") + timedelta(minutes=minutes),
    st.sampled_from(STARTS),
    st.integers(0, 3 * 24 * 60),
)
PROVEN = settings(max_examples=100, derandomize=True, deadline=None)


@PROVEN
@given(some_calendars(), INSTANTS, st.integers(0, 2_000))
def test_counting_agrees_with_every_minute(cal: WorkingCalendar, start: datetime, minutes: int) -> None:
    expected = sum(is_open(cal, start + timedelta(minutes=m)) for m in range(minutes))
    end = start + timedelta(minutes=minutes)
    assert working_seconds_between(cal, start, end) == expected * 60


@PROVEN
@given(some_calendars(), INSTANTS, st.integers(0, 40 * HOUR), st.integers(0, 40 * HOUR))
def test_budgets_add_up_never_run_backwards_and_count_back(
    cal: WorkingCalendar, start: datetime, first: int, second: int
) -> None:
    halfway = add_working_seconds(cal, start, first)
    due = add_working_seconds(cal, start, first + second)
    assert add_working_seconds(cal, halfway, second) == due
    assert start <= halfway <= due
    assert working_seconds_between(cal, start, due) == first + second
    assert working_seconds_between(cal, halfway, due) == second


@PROVEN
@given(st.sampled_from([ALWAYS, ALWAYS_BERLIN]), INSTANTS, st.integers(0, 10**6))
def test_never_closing_is_real_time(cal: WorkingCalendar, start: datetime, seconds: int) -> None:
    end = start + timedelta(seconds=seconds)
    assert working_seconds_between(cal, start, end) == seconds
    assert add_working_seconds(cal, start, seconds) == end


@PROVEN
@given(some_calendars(), INSTANTS, st.integers(1, 15), st.booleans())
def test_more_days_are_due_later(cal: WorkingCalendar, start: datetime, days: int, counted: bool) -> None:
    due = add_working_days(cal, start, days, count_start_day=counted)
    assert start < due < add_working_days(cal, start, days + 1, count_start_day=counted)

"""A limit is due exactly when the law says, and can say why."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.derivation import StepKind, derive, render
from casework.limits import DueAt, Limit, LimitInvalid, Unit, due_at, threshold_at, threshold_before
from casework.working_time import DayOverride, WorkingCalendar, working_seconds_between
from casework.working_time_errors import CalendarMissing, NaiveTime

WITH_LUNCH = ((time(9), time(13)), (time(14, 30), time(18, 30)))
KZ = WorkingCalendar("kz", "Asia/Almaty", WITH_LUNCH, 2024, 2027, "KZ")
BERLIN = WorkingCalendar("de", "Europe/Berlin", WITH_LUNCH, 2024, 2027, "DE")
NIGHT = WorkingCalendar("night", "Europe/Berlin", ((time(22), time(6)),), 2024, 2027)

THREE_WORKING_DAYS = Limit(3, Unit.WORKING_DAYS, due_at=DueAt.END_OF_WORKING_DAY)
FIFTEEN_DAYS = Limit(15, Unit.CALENDAR_DAYS, due_at=DueAt.END_OF_DAY)
COUNTED_DAY = Limit(1, Unit.WORKING_DAYS, count_start_day=True, due_at=DueAt.END_OF_WORKING_DAY)
ALL_LIMITS = [
    Limit(45, Unit.MINUTES),
    Limit(24, Unit.HOURS),
    Limit(24, Unit.HOURS, roll_forward=True),
    Limit(7, Unit.CALENDAR_DAYS),
    Limit(7, Unit.CALENDAR_DAYS, count_start_day=True, due_at=DueAt.END_OF_DAY),
    Limit(1, Unit.CALENDAR_DAYS, count_start_day=True, due_at=DueAt.END_OF_WORKING_DAY, roll_forward=True),
    Limit(1, Unit.MONTHS, due_at=DueAt.END_OF_DAY, roll_forward=True),
    Limit(1, Unit.MONTHS, count_start_day=True, due_at=DueAt.END_OF_DAY),
    Limit(10, Unit.WORKING_HOURS),
    THREE_WORKING_DAYS,
    Limit(1, Unit.WORKING_DAYS),
    Limit(1, Unit.WORKING_DAYS, count_start_day=True, due_at=DueAt.END_OF_DAY),
]


def at(text: str, cal: WorkingCalendar = KZ) -> datetime:
    """A local time of the calendar; a text with an offset keeps it."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(cal.zone))


@pytest.mark.parametrize(
    ("cal", "start", "due"),
    [
        (KZ, "2024-02-29T12:00+06:00", "2024-03-01T11:00+05:00"),
        (KZ, "2026-03-20T18:00", "2026-03-21T18:00"),
        (BERLIN, "2026-03-28T12:00", "2026-03-29T13:00"),
        (BERLIN, "2026-10-24T12:00", "2026-10-25T11:00"),
        (BERLIN, "2024-02-28T12:00", "2024-02-29T12:00"),
        (KZ, "2026-12-31T23:59", "2027-01-01T23:59"),
        (KZ, "2031-06-01T12:00", "2031-06-02T12:00"),
    ],
)
def test_24_hours_are_24_real_hours_in_any_year(cal: WorkingCalendar, start: str, due: str) -> None:
    found = due_at(Limit(24, Unit.HOURS), at(start, cal), cal)
    assert found == at(due, cal)
    assert found.tzinfo is UTC


def test_minutes_run_through_the_night() -> None:
    assert due_at(Limit(30, Unit.MINUTES), at("2026-03-21T23:45"), KZ) == at("2026-03-22T00:15")


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-03-20T11:00", "2026-03-30T18:30"),
        ("2026-10-22T11:00", "2026-10-28T18:30"),
        ("2025-01-02T11:00", "2025-01-08T18:30"),
    ],
)
def test_three_working_days_skip_holidays_and_count_a_moved_sunday(start: str, due: str) -> None:
    assert due_at(THREE_WORKING_DAYS, at(start), KZ) == at(due)


@pytest.mark.parametrize(
    ("cal", "limit", "start", "due"),
    [
        (KZ, Limit(1, Unit.WORKING_HOURS), "2026-04-15T12:30", "2026-04-15T15:00"),
        (KZ, Limit(8, Unit.WORKING_HOURS), "2026-04-17T18:29", "2026-04-20T18:29"),
        (KZ, Limit(1, Unit.WORKING_DAYS), "2026-04-17T11:00", "2026-04-20T11:00"),
        (KZ, Limit(1, Unit.WORKING_DAYS, due_at=DueAt.END_OF_DAY), "2026-04-17T11:00", "2026-04-21T00:00"),
        (KZ, Limit(1, Unit.WORKING_DAYS), "2024-02-29T16:00", "2024-03-01T16:00"),
        (KZ, COUNTED_DAY, "2026-04-15T18:29", "2026-04-15T18:30"),
        (KZ, COUNTED_DAY, "2026-04-15T18:30", "2026-04-16T18:30"),
        (KZ, COUNTED_DAY, "2026-04-18T10:00", "2026-04-20T18:30"),
        (KZ, Limit(1, Unit.CALENDAR_DAYS), "2024-02-29T12:00", "2024-03-01T12:00"),
        (BERLIN, Limit(1, Unit.CALENDAR_DAYS), "2026-03-28T12:00", "2026-03-29T12:00"),
        (BERLIN, Limit(1, Unit.CALENDAR_DAYS), "2026-03-28T02:30", "2026-03-29T03:00"),
        (KZ, FIFTEEN_DAYS, "2026-03-06T12:00", "2026-03-22T00:00"),
        (KZ, Limit(7, Unit.CALENDAR_DAYS, True, DueAt.END_OF_DAY), "2026-03-06T23:59", "2026-03-13T00:00"),
        (KZ, Limit(7, Unit.CALENDAR_DAYS, True, DueAt.END_OF_DAY), "2026-03-07T00:00", "2026-03-14T00:00"),
    ],
)
def test_each_unit_ends_where_it_should(cal: WorkingCalendar, limit: Limit, start: str, due: str) -> None:
    assert due_at(limit, at(start, cal), cal) == at(due, cal)


@pytest.mark.parametrize(
    ("start", "months", "counted", "last_date"),
    [
        ("2026-01-31", 1, False, "2026-02-28"),
        ("2024-01-31", 1, False, "2024-02-29"),
        ("2024-02-29", 12, False, "2025-02-28"),
        ("2026-08-31", 6, False, "2027-02-28"),
        ("2026-11-30", 1, False, "2026-12-30"),
        ("2026-12-15", 1, False, "2027-01-15"),
        ("2026-01-15", 1, True, "2026-02-14"),
        ("2026-01-01", 1, True, "2026-01-31"),
        ("2026-01-31", 1, True, "2026-02-28"),
        ("2026-12-01", 1, True, "2026-12-31"),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last_of_the_month(
    start: str, months: int, counted: bool, last_date: str
) -> None:
    limit = Limit(months, Unit.MONTHS, counted, DueAt.END_OF_DAY)
    found = due_at(limit, at(f"{start}T10:00"), KZ)
    assert KZ.last_date(found) == date.fromisoformat(last_date)
    assert KZ.local(found).time() == time(0)


@pytest.mark.parametrize(
    ("limit", "start", "due"),
    [
        (Limit(1, Unit.CALENDAR_DAYS, True, DueAt.END_OF_DAY, True), "2026-04-17T19:00", "2026-04-18T00:00"),
        (Limit(24, Unit.HOURS, roll_forward=True), "2026-04-16T11:00", "2026-04-17T11:00"),
        (Limit(24, Unit.HOURS, roll_forward=True), "2026-04-17T11:00", "2026-04-20T18:30"),
        (Limit(1, Unit.CALENDAR_DAYS, False, DueAt.END_OF_DAY, True), "2026-04-17T11:00", "2026-04-21T00:00"),
        (Limit(1, Unit.CALENDAR_DAYS, False, DueAt.END_OF_DAY, True), "2026-04-16T11:00", "2026-04-18T00:00"),
        (
            Limit(1, Unit.CALENDAR_DAYS, False, DueAt.END_OF_WORKING_DAY, True),
            "2026-04-16T11:00",
            "2026-04-17T18:30",
        ),
        (
            Limit(1, Unit.CALENDAR_DAYS, False, DueAt.END_OF_WORKING_DAY, True),
            "2026-03-20T11:00",
            "2026-03-26T18:30",
        ),
        (
            Limit(1, Unit.CALENDAR_DAYS, True, DueAt.END_OF_WORKING_DAY, True),
            "2026-04-17T18:29",
            "2026-04-17T18:30",
        ),
        (
            Limit(1, Unit.CALENDAR_DAYS, True, DueAt.END_OF_WORKING_DAY, True),
            "2026-04-17T18:30",
            "2026-04-20T18:30",
        ),
    ],
)
def test_a_due_date_on_which_nobody_works_moves_to_the_next_working_day(limit: Limit, start: str, due: str) -> None:
    assert due_at(limit, at(start), KZ) == at(due)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, Unit.HOURS), "amount"),
        ((100_001, Unit.HOURS), "amount"),
        ((3, Unit.HOURS, True), "no start day"),
        ((3, Unit.WORKING_HOURS, False, DueAt.END_OF_DAY), "end at an instant"),
        ((3, Unit.WORKING_DAYS, True, DueAt.INSTANT), "must end with a day"),
        ((3, Unit.WORKING_DAYS, False, DueAt.END_OF_DAY, True), "drop roll_forward"),
        ((1, Unit.MONTHS, False, DueAt.END_OF_WORKING_DAY), "1 month: .*add roll_forward"),
    ],
)
def test_a_limit_that_cannot_be_meant_is_refused(arguments: tuple[int, Unit, bool, DueAt, bool], message: str) -> None:
    with pytest.raises(LimitInvalid, match=message):
        Limit(*arguments)


def test_a_limit_knows_its_words_and_its_budget() -> None:
    assert (Limit(1, Unit.WORKING_DAYS).text, THREE_WORKING_DAYS.text) == ("1 working day", "3 working days")
    assert [Limit(2, unit).seconds for unit in Unit] == [120, 7_200, 0, 0, 7_200, 0]
    assert [unit for unit in Unit if Limit(2, unit).working] == [Unit.WORKING_HOURS, Unit.WORKING_DAYS]


def test_a_year_without_calendar_or_a_naive_start_is_refused() -> None:
    with pytest.raises(CalendarMissing, match="2028"):
        due_at(THREE_WORKING_DAYS, at("2027-12-30T12:00"), KZ)
    with pytest.raises(NaiveTime, match="started_at"):
        due_at(Limit(24, Unit.HOURS), datetime(2026, 4, 15, 12), KZ)
    with pytest.raises(NaiveTime, match="due_at"):
        threshold_before(datetime(2026, 4, 15, 12), timedelta(hours=1))


def test_half_of_real_time_is_half_of_the_seconds() -> None:
    start, due = at("2026-04-17T12:00"), at("2026-04-18T12:00")
    assert threshold_at(start, due, 0.5, Limit(24, Unit.HOURS), KZ) == at("2026-04-18T00:00")


def test_half_of_working_time_does_not_fall_into_the_weekend() -> None:
    start = at("2026-04-17T14:30")
    limit = Limit(1, Unit.WORKING_DAYS, due_at=DueAt.END_OF_WORKING_DAY)
    due = due_at(limit, start, KZ)
    assert due == at("2026-04-20T18:30")
    assert threshold_at(start, due, 0.5, limit, KZ) == at("2026-04-20T11:00")
    assert threshold_at(start, due, 0, limit, KZ) == start
    assert threshold_at(start, due, 1, limit, KZ) == due


def test_a_due_instant_without_working_time_is_used_up_at_once() -> None:
    start, due = at("2026-04-18T10:00"), at("2026-04-19T10:00")
    assert threshold_at(start, due, 0.5, THREE_WORKING_DAYS, KZ) == start


def test_the_last_midnight_of_the_calendar_still_has_thresholds() -> None:
    limit = Limit(1, Unit.WORKING_DAYS, due_at=DueAt.END_OF_DAY)
    start = at("2027-12-30T18:30")
    due = due_at(limit, start, KZ)
    assert due == at("2028-01-01T00:00")
    assert threshold_at(start, due, 0.5, limit, KZ) == at("2027-12-31T13:00")
    assert threshold_at(start, due, 1, limit, KZ) == due


def test_a_distance_before_due_is_real_time() -> None:
    assert threshold_before(at("2026-04-20T09:00"), timedelta(hours=6)) == at("2026-04-20T03:00")
    with pytest.raises(LimitInvalid, match="before the due instant"):
        threshold_before(at("2026-04-20T09:00"), timedelta(seconds=-1))


@pytest.mark.parametrize("fraction", [-0.01, 1.01, float("nan")])
def test_a_threshold_outside_the_budget_is_refused(fraction: float) -> None:
    start = at("2026-04-20T09:00")
    with pytest.raises(LimitInvalid, match="from 0 to 1"):
        threshold_at(start, start, fraction, THREE_WORKING_DAYS, KZ)
    with pytest.raises(LimitInvalid, match="before the start"):
        threshold_at(start, start - timedelta(seconds=1), 0.5, THREE_WORKING_DAYS, KZ)


def test_a_lawyer_can_follow_three_working_days_over_nauryz() -> None:
    derivation = derive(THREE_WORKING_DAYS, at("2026-03-20T11:00"), KZ)
    assert (
        render(derivation)
        == """\
3 working days, calendar kz, local time of Asia/Almaty
  Started Friday 2026-03-20 11:00:00+05:00 (2026-03-20 06:00:00 UTC).
  The start date, Friday 2026-03-20, is day zero and does not count.
  Not counted: Saturday 2026-03-21, holiday: Nowruz Holiday.
  Not counted: Sunday 2026-03-22, holiday: Nowruz Holiday.
  Not counted: Monday 2026-03-23, holiday: Nowruz Holiday.
  Not counted: Tuesday 2026-03-24, holiday: Nowruz Holiday (observed).
  Not counted: Wednesday 2026-03-25, holiday: Nowruz Holiday (observed).
  Working day 1 of 3: Thursday 2026-03-26, 09:00 to 13:00, 14:30 to 18:30.
  Working day 2 of 3: Friday 2026-03-27, 09:00 to 13:00, 14:30 to 18:30.
  Not counted: Saturday 2026-03-28, weekend.
  Not counted: Sunday 2026-03-29, weekend.
  Working day 3 of 3: Monday 2026-03-30, 09:00 to 13:00, 14:30 to 18:30.
  Due Monday 2026-03-30 18:30:00+05:00 (2026-03-30 13:30:00 UTC), the close of work."""
    )


@pytest.mark.parametrize(
    ("cal", "limit", "start", "sentence"),
    [
        (
            KZ,
            Limit(24, Unit.HOURS),
            "2024-02-29T12:00",
            "The local clock changed from +06:00 to +05:00 in between",
        ),
        (KZ, FIFTEEN_DAYS, "2026-03-06T12:00", "the midnight that ends Saturday 2026-03-21."),
        (KZ, ALL_LIMITS[6], "2026-01-31T12:00", "That month has no day 31, so its last day is meant."),
        (KZ, ALL_LIMITS[6], "2026-01-31T12:00", "Not due on Saturday 2026-02-28, weekend."),
        (KZ, ALL_LIMITS[6], "2026-01-31T12:00", "Moved to the next working day, Monday 2026-03-02."),
        (
            KZ,
            ALL_LIMITS[5],
            "2026-04-17T19:00",
            "Not due on Friday 2026-04-17, work had closed before the start.",
        ),
        (KZ, ALL_LIMITS[4], "2026-04-17T19:00", "Friday 2026-04-17, is the first day of the period."),
        (KZ, ALL_LIMITS[11], "2026-04-17T19:00", "Not counted: Friday 2026-04-17, work had closed"),
        (KZ, ALL_LIMITS[11], "2025-01-05T08:00", "moved working day: worked in exchange for 2025-01-03."),
        (KZ, ALL_LIMITS[8], "2026-05-26T20:00", "Outside working time at the start: counting begins later."),
        (
            KZ,
            ALL_LIMITS[8],
            "2026-05-26T20:00",
            "Not counted: Wednesday 2026-05-27, holiday: Eid al-Adha (estimated)",
        ),
        (KZ, ALL_LIMITS[8], "2026-04-15T10:00", "15, 14:30:00 to 18:30:00: 4 h, in all 7 h."),
        (
            NIGHT,
            ALL_LIMITS[8],
            "2026-03-28T01:30",
            "Counted Saturday 2026-03-28, 01:30:00 to 06:00:00, the shift of Friday 2026-03-27: 4 h 30 min",
        ),
    ],
)
def test_the_derivation_says_what_a_person_would_ask(
    cal: WorkingCalendar, limit: Limit, start: str, sentence: str
) -> None:
    assert sentence in render(derive(limit, at(start, cal), cal))


def test_an_office_that_closes_at_midnight_reads_24_00() -> None:
    cal = WorkingCalendar("late", "Asia/Almaty", ((time(9), time(0)),), 2024, 2027)
    assert "Tuesday 2026-04-21, 09:00 to 24:00." in render(
        derive(Limit(1, Unit.WORKING_DAYS), at("2026-04-20T10:00"), cal)
    )


def test_a_night_on_which_the_clock_changes_is_told() -> None:
    cal = WorkingCalendar(
        "duty",
        "Europe/Berlin",
        WITH_LUNCH,
        2024,
        2027,
        overrides={date(2026, 10, 24): DayOverride("open", "duty", ((time(22), time(6)),))},
    )
    text = render(derive(Limit(9, Unit.WORKING_HOURS), at("2026-10-24T12:00", cal), cal))
    assert "22:00:00 to 06:00:00, while the local clock changed: 9 h, in all 9 h." in text


PROVEN = settings(max_examples=100, derandomize=True, deadline=None)
MINUTES = st.integers(0, 2 * 366 * 24 * 60).map(lambda n: at("2024-02-01T00:00") + timedelta(minutes=n))


@PROVEN
@given(st.sampled_from(ALL_LIMITS), st.sampled_from([KZ, BERLIN]), MINUTES)
def test_the_derivation_is_the_arithmetic(limit: Limit, cal: WorkingCalendar, start: datetime) -> None:
    derivation = derive(limit, start, cal)
    assert derivation.due_at == due_at(limit, start, cal) == derivation.local_due > start
    counted = [step for step in derivation.steps if step.kind is StepKind.COUNTED]
    if limit.unit is Unit.WORKING_DAYS:
        assert len(counted) == limit.amount
    elif limit.seconds:
        assert sum(step.seconds or 0 for step in counted) == limit.seconds
    assert (derivation.steps[0].kind, derivation.steps[-1].kind) == (StepKind.START, StepKind.RESULT)


@PROVEN
@given(st.sampled_from(list(Unit)), st.integers(1, 20), MINUTES)
def test_a_longer_limit_is_never_due_earlier(unit: Unit, amount: int, start: datetime) -> None:
    assert start < due_at(Limit(amount, unit), start, KZ) < due_at(Limit(amount + 1, unit), start, KZ)


@PROVEN
@given(st.sampled_from(ALL_LIMITS), MINUTES, st.floats(0, 1), st.floats(0, 1))
def test_thresholds_come_in_order_between_start_and_due(
    limit: Limit, start: datetime, one: float, other: float
) -> None:
    due = due_at(limit, start, KZ)
    early, late = (threshold_at(start, due, fraction, limit, KZ) for fraction in sorted((one, other)))
    assert start <= early <= late <= due
    if limit.working:
        assert (
            abs(working_seconds_between(KZ, start, early) - min(one, other) * working_seconds_between(KZ, start, due))
            <= 1
        )

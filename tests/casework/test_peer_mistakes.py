"""Mistakes that users of other case systems reported, each in public, each as a duty that is due when it should be.

Every test names the thread. Where the other system's way is easy to follow, the test follows it and shows that it
leads to another date, so that the example would catch the same mistake here.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from zoneinfo import ZoneInfo

import pytest

from casework.interruptions import Pause
from casework.limits import DueAt, Limit, Unit, due_at, threshold_at
from casework.working_time import (
    DayOverride,
    DayReason,
    Windows,
    WorkingCalendar,
    counted_windows,
    next_working_instant,
    working_seconds_between,
)
from casework.working_time_errors import CalendarEmpty, CalendarExhausted, CalendarInvalid, CalendarMissing, NaiveTime
from tests.casework.adding import add_working_seconds

NINE_TO_FIVE: Windows = ((time(9), time(17)),)
ROUND_THE_CLOCK: Windows = ((time(0), time(0)),)
EVERY_DAY = range(7)
OFFICE = WorkingCalendar("office", "Europe/Berlin", NINE_TO_FIVE, 2024, 2027)
ALWAYS = replace(OFFICE, weekly_windows=dict.fromkeys(EVERY_DAY, ROUND_THE_CLOCK))
EIGHT_HOURS = Limit(8, Unit.WORKING_HOURS)
FIVE_DAYS = Limit(5, Unit.WORKING_DAYS, due_at=DueAt.END_OF_WORKING_DAY)


def at(text: str, zone: str = "Europe/Berlin") -> datetime:
    """A local time; a text with an offset keeps it."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def test_an_office_open_round_the_clock_loses_no_minute_at_midnight() -> None:
    """zammad/zammad#3180: a day entered as 00:00 to 23:59 drifts by a minute every midnight."""
    start, limit = at("2026-03-02T12:00"), Limit(240, Unit.WORKING_HOURS)
    to_the_minute_before = replace(OFFICE, weekly_windows=dict.fromkeys(EVERY_DAY, ((time(0), time(23, 59)),)))
    assert due_at(limit, start, ALWAYS) == start + timedelta(hours=240)
    assert due_at(limit, start, to_the_minute_before) == start + timedelta(hours=240, minutes=10)


def test_only_public_holidays_close_an_office_and_each_is_named() -> None:
    """zammad/zammad#390: a calendar feed with days that are no public holidays, such as St Martin's, moved an SLA."""
    germany = replace(OFFICE, country="DE")
    with_the_feed = replace(germany, overrides={date(2026, 11, 11): DayOverride("closed", "St. Martin")})
    start = at("2026-11-10T10:00")
    assert due_at(FIVE_DAYS, start, germany) == at("2026-11-17T17:00")
    wrong = due_at(FIVE_DAYS, start, with_the_feed)
    assert wrong == at("2026-11-18T17:00")
    # It can be seen where the day went.
    named = {(day.on, day.name) for day in counted_windows(with_the_feed, start, wrong) if not hasattr(day, "seconds")}
    assert (date(2026, 11, 11), "St. Martin") in named


def test_a_warning_for_people_at_work_comes_while_they_work() -> None:
    """zammad/zammad#4432: escalation mails came at midnight and at weekends although service is Monday to Friday."""
    start = at("2026-04-17T13:00")
    due = due_at(EIGHT_HOURS, start, OFFICE)
    halfway = threshold_at(start, due, 0.625, EIGHT_HOURS, OFFICE)
    assert halfway == at("2026-04-20T10:00") == next_working_instant(OFFICE, halfway)
    by_real_time = start + 0.625 * (due.astimezone(UTC) - start.astimezone(UTC))
    assert next_working_instant(OFFICE, by_real_time) != by_real_time


@pytest.mark.parametrize(
    ("created", "held_from", "held_to", "due"),
    [
        # Four hours on Friday, then four from ten on Monday.
        ("2026-04-17T12:00", "2026-04-17T16:00", "2026-04-20T10:00", "2026-04-20T14:00"),
        # Created on a day off: eight hours from eleven on Monday.
        ("2026-04-18T12:00", "2026-04-18T13:00", "2026-04-20T11:00", "2026-04-21T11:00"),
    ],
)
def test_time_on_hold_outside_office_hours_is_no_time_lost(
    created: str, held_from: str, held_to: str, due: str
) -> None:
    """frappe/helpdesk#1675: hold time was added to the time of creation, nights and weekends included."""
    hold = Pause(at(held_from), at(held_to), "awaiting_applicant")
    assert due_at(EIGHT_HOURS, at(created), OFFICE, [hold]) == at(due)
    shifted = at(created) + (hold.ended_at - hold.began_at)
    assert due_at(EIGHT_HOURS, shifted, OFFICE) != at(due)


def test_a_paused_clock_stands_still_in_every_figure() -> None:
    """frappe/helpdesk#1554: the ticket said "Paused" and the time went on."""
    start, limit = at("2026-04-15T10:00"), Limit(24, Unit.HOURS)
    pause = Pause(at("2026-04-15T12:00"), at("2026-04-16T12:00"), "more_info_needed")
    due = due_at(limit, start, OFFICE, [pause])
    assert due == at("2026-04-17T10:00")
    assert threshold_at(start, due, 0.5, limit, OFFICE, [pause]) == at("2026-04-16T22:00")
    while_it_ticks_on = threshold_at(start, due, 0.5, limit, OFFICE)
    assert pause.began_at < while_it_ticks_on <= pause.ended_at


def test_lunch_is_a_gap_between_two_windows() -> None:
    """frappe/helpdesk#2212: one row a weekday, so nobody could stop the clock during lunch."""
    lunch = replace(OFFICE, windows=((time(9), time(12)), (time(13), time(17))))
    start = at("2026-04-15T11:00")
    assert due_at(EIGHT_HOURS, start, lunch) == at("2026-04-16T12:00")
    assert due_at(EIGHT_HOURS, start, OFFICE) == at("2026-04-16T11:00")


@pytest.mark.parametrize("size", range(1, 8))
def test_any_set_of_weekdays_is_a_working_week(size: int) -> None:
    """osTicket/osTicket#6739: with neither Monday nor Thursday in the schedule a ticket was overdue at once."""
    for weekdays in combinations(EVERY_DAY, size):
        cal = replace(OFFICE, weekly_windows=dict.fromkeys(weekdays, NINE_TO_FIVE))
        for first in range(7):
            on = date(2026, 4, 13) + timedelta(days=first)
            dates = [later for n in range(1, 50) if (later := on + timedelta(days=n)).weekday() in weekdays]
            assert due_at(FIVE_DAYS, at(f"{on}T18:00"), cal) == at(f"{dates[4]}T17:00")


def test_a_closed_hour_does_not_close_the_day() -> None:
    """osTicket/osTicket#6847: a lunch break entered as a holiday broke the due date."""
    start, on = at("2026-04-15T16:00"), date(2026, 4, 16)
    break_only = replace(
        OFFICE, overrides={on: DayOverride("open", "meeting", ((time(9), time(12)), (time(13), time(17))))}
    )
    whole_day = replace(OFFICE, overrides={on: DayOverride("closed", "meeting")})
    assert due_at(EIGHT_HOURS, start, break_only) == at("2026-04-16T17:00")
    assert due_at(EIGHT_HOURS, start, whole_day) == at("2026-04-17T16:00")


def test_a_calendar_without_working_time_is_refused() -> None:
    """osTicket/osTicket#4807: with all weekdays closed the program used 150 days, because it could not decide."""
    with pytest.raises(CalendarEmpty):
        replace(OFFICE, weekly_windows={})


def test_a_search_for_working_time_that_never_comes_ends() -> None:
    """OCA/project#73: computing an SLA hung when there was no calendar to compute it in."""
    years = range(OFFICE.first_year, OFFICE.last_year + 1)
    dates = [date(year, 1, 1) + timedelta(days=n) for year in years for n in range(365 + (year % 4 == 0))]
    shut = replace(OFFICE, overrides={on: DayOverride("closed", "shut") for on in dates})
    with pytest.raises((CalendarExhausted, CalendarMissing)):
        due_at(EIGHT_HOURS, at("2026-04-15T10:00"), shut)
    with pytest.raises((CalendarExhausted, CalendarMissing)):
        due_at(FIVE_DAYS, at("2026-04-15T10:00"), shut)


@pytest.mark.parametrize("limit", [EIGHT_HOURS, FIVE_DAYS, Limit(2, Unit.HOURS)], ids=lambda limit: limit.text)
def test_nothing_is_late_when_it_begins_and_warnings_come_before_the_due_date(limit: Limit) -> None:
    """glpi-project/glpi#15429: only round-the-clock calendars worked; others escalated tickets when created."""
    for hour in range(24 * 7):
        start = at("2026-04-13T00:00") + timedelta(hours=hour)
        due = due_at(limit, start, OFFICE)
        assert start < threshold_at(start, due, 0.5, limit, OFFICE) < due


def test_a_time_without_an_offset_is_refused() -> None:
    """frappe/erpnext#38745: a naive time was compared with an aware one, and the SLA had failed at once."""
    naive = datetime(2026, 4, 15, 10)
    with pytest.raises(NaiveTime, match="started_at"):
        due_at(EIGHT_HOURS, naive, OFFICE)
    with pytest.raises(NaiveTime):
        Pause(naive, naive, "awaiting_applicant")


def test_history_is_counted_with_the_offset_of_then() -> None:
    """fivetran/dbt_zendesk#25: business minutes of the past were computed with today's offset."""
    almaty = replace(OFFICE, zone="Asia/Almaty")
    start, end = at("2024-02-28T16:00+06:00"), at("2024-02-28T20:00+06:00")
    assert working_seconds_between(almaty, start, end) == 3_600
    # Karachi has had Almaty's offset of today all the time.
    assert working_seconds_between(replace(OFFICE, zone="Asia/Karachi"), start, end) == 7_200


def test_an_hour_of_work_is_an_hour_also_when_the_clock_goes_back() -> None:
    """lennym/moment-business-time#58: one working hour more, at the end of summer time, was the same instant."""
    start = at("2026-10-25T02:30+02:00")
    assert add_working_seconds(ALWAYS, start, 3_600) == at("2026-10-25T02:30+01:00") == start + timedelta(hours=1)
    on_the_wall = start.astimezone(ZoneInfo("Europe/Berlin")) + timedelta(hours=1)
    assert on_the_wall.astimezone(UTC) != start + timedelta(hours=1)


def test_the_office_opens_at_nine_also_after_the_clock_went_back() -> None:
    """grafana-cold-storage/oncall#3261: at the end of summer time shifts and escalations moved by an hour."""
    sunday = at("2026-10-25T12:00+01:00")
    assert next_working_instant(OFFICE, sunday) == at("2026-10-26T09:00+01:00")
    # Johannesburg keeps Berlin's summer offset all the year.
    kept = next_working_instant(replace(OFFICE, zone="Africa/Johannesburg"), sunday)
    assert kept == at("2026-10-26T08:00+01:00")
    with pytest.raises(CalendarInvalid, match="never an offset"):
        replace(OFFICE, zone="Etc/GMT-2")


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-03-28T12:00+01:00", "2026-03-29T13:00+02:00"),
        ("2026-10-24T12:00+02:00", "2026-10-25T11:00+01:00"),
    ],
)
def test_a_day_of_24_hours_is_no_day_of_the_wall_clock(start: str, due: str) -> None:
    """mnemosyne-systems/billetsys#175: elapsed time was added to the time on the wall, at both changes."""
    assert due_at(Limit(24, Unit.HOURS), at(start), OFFICE) == at(due)
    on_the_wall = at(start).astimezone(ZoneInfo("Europe/Berlin")) + timedelta(days=1)
    assert on_the_wall.astimezone(UTC) != at(due)


def test_what_arrives_on_a_saturday_has_saturday_as_day_zero() -> None:
    """mysociety/whatdotheyknow-theme#959: whether what arrives at a weekend has Monday as its first day or as day 0."""
    twenty = Limit(20, Unit.WORKING_DAYS, due_at=DueAt.END_OF_WORKING_DAY)
    friday, saturday, monday = (at(f"2026-04-{day}T10:00") for day in (17, 18, 20))
    assert due_at(twenty, saturday, OFFICE) == due_at(twenty, friday, OFFICE) == at("2026-05-15T17:00")
    assert due_at(twenty, monday, OFFICE) == at("2026-05-18T17:00")
    monday_is_first = replace(twenty, count_start_day=True)
    assert (
        due_at(monday_is_first, saturday, OFFICE) == due_at(monday_is_first, monday, OFFICE) == at("2026-05-15T17:00")
    )


def test_a_new_holiday_moves_a_date_that_is_computed_again() -> None:
    """mysociety/alaveteli#7292: a new bank holiday did not move the dates of requests under way."""
    start, holiday = at("2026-04-15T10:00"), date(2026, 4, 20)
    proclaimed = replace(OFFICE, overrides={holiday: DayOverride("closed", "proclaimed")})
    assert due_at(FIVE_DAYS, start, OFFICE) == at("2026-04-22T17:00")
    assert due_at(FIVE_DAYS, start, proclaimed) == at("2026-04-23T17:00")
    # Asking the old calendar did not settle the answer of the new one.
    assert proclaimed.day(holiday).reason is DayReason.CLOSED_BY_OVERRIDE
    assert OFFICE.day(holiday).is_working


def test_a_start_in_utc_is_the_same_start_in_local_time() -> None:
    """PrefectHQ/prefect#22456: an anchor computed in UTC was read as local time."""
    start = at("2026-04-15T16:30")
    assert due_at(FIVE_DAYS, start.astimezone(UTC), OFFICE) == due_at(FIVE_DAYS, start, OFFICE)
    assert due_at(EIGHT_HOURS, start.astimezone(UTC), OFFICE) == at("2026-04-16T16:30")
    read_as_local = start.astimezone(UTC).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    assert due_at(EIGHT_HOURS, read_as_local, OFFICE) != at("2026-04-16T16:30")

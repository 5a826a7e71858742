"""Working time added up, by what the case file itself asks: a calendar for seconds, a limit for days.

Beside it the plain walk from day to day that the year's sums are compared with."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from casework.limits import DueAt, Limit, Unit, due_at
from casework.working_time import WorkingCalendar, as_utc

ENDS = {
    "end_of_working_day": DueAt.END_OF_WORKING_DAY,
    "end_of_day": DueAt.END_OF_DAY,
    "same_time": DueAt.INSTANT,
}


def add_working_seconds(cal: WorkingCalendar, start: datetime, seconds: int) -> datetime:
    return cal.after_working_time(as_utc(start, "start"), timedelta(seconds=seconds))


def add_working_days(
    cal: WorkingCalendar, start: datetime, days: int, *, count_start_day: bool = False, due: str = "end_of_working_day"
) -> datetime:
    return due_at(Limit(days, Unit.WORKING_DAYS, count_start_day, ENDS[due]), start, cal)


def walk_working_days(cal: WorkingCalendar, start: datetime, days: int, *, count_start_day: bool = False) -> date:
    """The last of ``days`` working days, by looking at one date after the other."""
    for place, plan in enumerate(cal.days_from(cal.local(start).date())):
        days -= plan.is_working if place else count_start_day and plan.closes_after(start)
        if days == 0:
            return plan.on
    raise AssertionError("the walk goes on until it raises")

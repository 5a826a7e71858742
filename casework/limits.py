"""How long a duty lasts: from the instant that starts it to the instant at which it is due, with the reasons.

Minutes and hours are real time, counted around the clock on UTC instants: in a night when the local clock
changes, 24 hours are still 24 hours. Working hours and working days follow the calendar. Calendar days and
months follow local dates: a period ends at the start's local time of day, at the local midnight that ends its
last date, or at that date's close of work. A month without the start's day of the month ends on its last day.

A duty without a number ("without undue delay") has no limit of this kind.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from casework.interruptions import (
    REAL_TIME,
    Extension,
    Passing,
    Pause,
    Standstills,
    after_running,
    running_between,
    standstills,
)
from casework.working_time import ONE_SECOND, DayPlan, WorkingCalendar, as_utc
from casework.year_table import ONE_DAY

MAX_AMOUNT = 100_000


class LimitInvalid(ValueError):
    """A limit, or a threshold of one, that cannot be meant; the message says what to change."""


class Unit(StrEnum):
    """What a limit counts. Minutes and hours are elapsed time."""

    MINUTES = "minutes"
    HOURS = "hours"
    CALENDAR_DAYS = "calendar_days"
    MONTHS = "months"
    WORKING_HOURS = "working_hours"
    WORKING_DAYS = "working_days"


class DueAt(StrEnum):
    """When on its last date a period ends; INSTANT is the very instant, or the start's local time of day."""

    INSTANT = "instant"
    END_OF_WORKING_DAY = "end_of_working_day"
    END_OF_DAY = "end_of_day"


_SECONDS = {Unit.MINUTES: 60, Unit.HOURS: 3_600, Unit.WORKING_HOURS: 3_600}


@dataclass(frozen=True, slots=True)
class Limit:
    """The length of a duty.

    ``count_start_day`` makes the start date the first day of the period; otherwise it is day zero.
    ``roll_forward`` moves a due date on which nobody works to the next working day: to the midnight that ends
    it if the limit is due at the end of a day, else to its close of work. Raises LimitInvalid.
    """

    amount: int
    unit: Unit
    count_start_day: bool = False
    due_at: DueAt = DueAt.INSTANT
    roll_forward: bool = False

    def __post_init__(self) -> None:
        instant = self.due_at is DueAt.INSTANT
        if not 1 <= self.amount <= MAX_AMOUNT:
            raise LimitInvalid(f"{self.text}: the amount must be 1 to {MAX_AMOUNT}")
        if self.unit in _SECONDS and not (instant and not self.count_start_day):
            raise LimitInvalid(f"{self.text}: hours and minutes end at an instant and have no start day")
        if self.count_start_day and instant:
            raise LimitInvalid(f"{self.text}: a period that counts its start day must end with a day")
        if self.working and self.roll_forward:
            raise LimitInvalid(f"{self.text}: working time never ends on a closed day, drop roll_forward")
        if self.due_at is DueAt.END_OF_WORKING_DAY and not (self.working or self.roll_forward):
            raise LimitInvalid(f"{self.text}: the last date may be closed, add roll_forward")

    @property
    def working(self) -> bool:
        """Whether the calendar's working time is counted, not real time."""
        return self.unit in (Unit.WORKING_HOURS, Unit.WORKING_DAYS)

    @property
    def seconds(self) -> int:
        """The budget of a limit in minutes, hours or working hours; 0 for days and months, which vary."""
        return self.amount * _SECONDS.get(self.unit, 0)

    @property
    def text(self) -> str:
        """In English: ``3 working days``."""
        words = self.unit.value.replace("_", " ")
        return f"{self.amount} {words.removesuffix('s') if self.amount == 1 else words}"


def due_at(
    limit: Limit,
    started_at: datetime,
    calendar: WorkingCalendar,
    pauses: Iterable[Pause] = (),
    extension: Extension | None = None,
) -> datetime:
    """The UTC instant at which the duty is due.

    Elapsed and working hours are used up by the seconds outside pauses. Days and months pass in daily ticks (the
    close of work, the midnight, or the start's time of day, as the limit is due) of which only those count that
    fall outside pauses. A pause that restarts begins the whole limit anew. An extension replaces all of that by
    its own instant, which pauses that begin after it was granted push on by what they last.

    Raises the errors of working_time: NaiveTime, CalendarMissing, CalendarExhausted. Elapsed time and
    calendar periods that do not roll forward need no calendar year.
    """
    start = as_utc(started_at, "started_at")
    if extension is not None:
        stills = standstills(later_pauses(pauses, extension))
        due, last_on = extended(limit, extension, calendar, stills)
        return rolled(limit, start, due, last_on, calendar, stills)[0]
    pauses = tuple(pauses)
    if pauses:
        start = last_restart(limit, start, calendar, pauses)[0]
    return _due(limit, start, calendar, standstills(pauses))


def last_restart(
    limit: Limit, start: datetime, calendar: WorkingCalendar, pauses: Iterable[Pause]
) -> tuple[datetime, Pause | None]:
    """The instant from which the limit is counted, and the pause that made it so; the start and None without one."""
    pauses, cause = tuple(pauses), None
    stills = standstills(pauses)
    for pause in sorted((pause for pause in pauses if pause.restarts), key=lambda pause: pause.began_at):
        if pause.ended_at <= start:
            continue
        if pause.began_at >= _due(limit, start, calendar, stills):
            break
        start, cause = pause.ended_at, pause
    return start, cause


def later_pauses(pauses: Iterable[Pause], extension: Extension) -> tuple[Pause, ...]:
    """The pauses that began after the extension was granted: only these were not known when it was."""
    return tuple(pause for pause in pauses if pause.began_at > extension.granted_at)


def extended(
    limit: Limit, extension: Extension, calendar: WorkingCalendar, stills: Standstills
) -> tuple[datetime, date]:
    """The extension's instant, pushed on by each standstill that begins before it is reached, and its local date.

    A midnight belongs to the date it ends if the limit is due at the end of a day.
    """
    due, passing = extension.until, passing_of(limit, calendar)
    for began, ended in stills:
        if began >= due:
            break
        due = passing.after(due, passing.between(began, ended))
    on = calendar.last_date(due) if limit.due_at is DueAt.END_OF_DAY else calendar.local(due).date()
    return due, on


def unrolled(limit: Limit, start: datetime, calendar: WorkingCalendar, stills: Standstills) -> tuple[datetime, date]:
    """The UTC instant at which the limit is used up, and its last local date; a closed last date not regarded."""
    if limit.seconds:
        due = after_running(start, timedelta(seconds=limit.seconds), stills, passing_of(limit, calendar))
        return due, calendar.local(due).date()
    last_on = _last_date(limit, start, calendar, stills)
    return daily_tick(limit, start, calendar, last_on), last_on


def daily_tick(limit: Limit, start: datetime, calendar: WorkingCalendar, on: date) -> datetime:
    """The instant of a date at which a limit in days or months that ends on it is due.

    A closed date, which can only be the last one of calendar days or months, has no close of work: it ends at midnight.
    """
    if limit.due_at is DueAt.INSTANT:
        return calendar.instant(on, calendar.local(start).time())
    if limit.due_at is DueAt.END_OF_WORKING_DAY and (spans := calendar.day(on).spans):
        return spans[-1][1]
    return calendar.end_of_day(on)


def rolled(
    limit: Limit, start: datetime, due: datetime, last_on: date, calendar: WorkingCalendar, stills: Standstills
) -> tuple[datetime, list[DayPlan]]:
    """The due instant moved on while nobody works on its date, and the dates from ``last_on`` to the one found.

    A limit that does not roll forward stays. So does an instant that falls on a working day.
    A close of work before the start would end the duty
    before it began, and a moved one within a standstill would end it while nothing counts: both are passed over.
    """
    passed: list[DayPlan] = []
    if not limit.roll_forward:
        return due, passed
    for plan in calendar.days_from(last_on):
        passed.append(plan)
        if not plan.is_working:
            continue
        if len(passed) > 1:
            due = calendar.end_of_day(plan.on) if limit.due_at is DueAt.END_OF_DAY else plan.spans[-1][1]
        if due > start and not any(began < due < ended for began, ended in stills):
            break
    return due, passed


def passing_of(limit: Limit, calendar: WorkingCalendar) -> Passing:
    """Whether the limit passes in working or in real time."""
    if limit.working:
        return Passing(calendar.after_working_time, calendar.working_time_between)
    return REAL_TIME


def threshold_at(
    started_at: datetime,
    due_at: datetime,
    fraction: float,
    limit: Limit,
    calendar: WorkingCalendar,
    pauses: Iterable[Pause] = (),
) -> datetime:
    """The UTC instant at which ``fraction`` (0 to 1) of the time from start to due has been used, pauses left out.

    Working units are measured in working time, rounded to the second, all others in real time. If the due
    instant leaves no time that counts, everything is used at the start. After a pause that restarts, the time
    is measured from that pause's end. Raises LimitInvalid for a fraction outside 0 to 1 or a due instant
    before the start, and the errors of working_time.
    """
    start, due = as_utc(started_at, "started_at"), as_utc(due_at, "due_at")
    if not 0 <= fraction <= 1:
        raise LimitInvalid(f"a threshold is a fraction from 0 to 1, got {fraction}")
    if due < start:
        raise LimitInvalid(f"due at {due.isoformat()}, before the start at {start.isoformat()}")
    if fraction == 1:
        return due
    pauses = tuple(pauses)
    start = max([start, *(pause.ended_at for pause in pauses if pause.restarts and pause.began_at < due)])
    passing, stills = passing_of(limit, calendar), standstills(pauses)
    budget = running_between(start, due, stills, passing)
    used = timedelta(seconds=round(budget // ONE_SECOND * fraction)) if limit.working else budget * fraction
    return after_running(start, used, stills, passing)


def threshold_before(due_at: datetime, distance: timedelta) -> datetime:
    """The UTC instant ``distance`` of real time before the due instant. Raises LimitInvalid, NaiveTime."""
    if distance < timedelta(0):
        raise LimitInvalid(f"a threshold lies before the due instant, got a distance of {distance}")
    return as_utc(due_at, "due_at") - distance


def _due(limit: Limit, start: datetime, calendar: WorkingCalendar, stills: Standstills) -> datetime:
    due, last_on = unrolled(limit, start, calendar, stills)
    return rolled(limit, start, due, last_on, calendar, stills)[0]


def _last_date(limit: Limit, start: datetime, calendar: WorkingCalendar, stills: Standstills) -> date:
    """The last local date of a limit in days or months: each tick that falls into a standstill adds a counted day."""
    on = calendar.local(start).date()
    if limit.working:
        plan = calendar.day(on)
        counts = limit.count_start_day and plan.closes_after(start)
        last = calendar.nth_working_day(on, limit.amount + (plan.is_working and not counts)).on
    else:
        counts = limit.count_start_day
        if limit.unit is Unit.MONTHS:
            last = _months_after(on, limit.amount, count_start_day=counts)
        else:
            last = on + timedelta(days=limit.amount - counts)
    first = on if counts else on + ONE_DAY
    for began, ended in stills:
        began = max(began, start)
        if began >= ended:
            continue
        if began >= daily_tick(limit, start, calendar, last):
            break
        low, high = (_next_tick(limit, start, calendar, first, edge) for edge in (began, ended))
        if not limit.working:
            last += high - low
        elif lost := calendar.working_days_between(low, high):
            last = calendar.nth_working_day(last + ONE_DAY, lost).on
    return last


def _next_tick(limit: Limit, start: datetime, calendar: WorkingCalendar, first: date, at: datetime) -> date:
    """The earliest date from ``first`` on whose tick is not before the instant."""
    # A night shift that began the day before yesterday has closed; tomorrow's tick is still to come.
    on = max(first, calendar.local(at).date() - 2 * ONE_DAY)
    for _ in range(4):
        if daily_tick(limit, start, calendar, on) >= at:
            break
        on += ONE_DAY
    return on


def _months_after(start_on: date, months: int, *, count_start_day: bool) -> date:
    years, month = divmod(start_on.month - 1 + months, 12)
    year, month = start_on.year + years, month + 1
    # A period that counts its start day ends on the day before the one that corresponds to it.
    day = start_on.day - count_start_day
    if day == 0:
        return date(year, month, 1) - timedelta(days=1)
    return date(year, month, min(day, monthrange(year, month)[1]))

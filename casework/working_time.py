"""Working time: which days and hours of an authority's calendar count, and how they add up.

A window is half-open, [opens, closes), in local time. One that closes at or before its opening hour ends on
the next date and belongs to the date on which it opened; closing at 00:00 therefore means 24:00. Each day's
windows become UTC instants by the zone's rule for that day, and all arithmetic happens on those: a day of 23
or 25 hours is counted as such. Where the local clock jumps over a window's edge, the jump is the edge; where
the clock repeats it, the first reading is.

Nothing here reads a clock or depends on the time zone of the process. Every error is a WorkingTimeError, so a
ValueError. A datetime without offset raises NaiveTime; a year the calendar does not cover, CalendarMissing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import holidays

Windows = tuple[tuple[time, time], ...]
Span = tuple[datetime, datetime]
DatedSpan = tuple[date, datetime, datetime]
DayEnd = Literal["end_of_working_day", "end_of_day", "same_time"]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MAX_DAYS = 3_660
ONE_DAY = timedelta(days=1)
ONE_SECOND = timedelta(seconds=1)


class WorkingTimeError(ValueError):
    """Base of the errors of working time, and the error for a budget that cannot be counted."""


class NaiveTime(WorkingTimeError):
    """A date and time came without a UTC offset; the message names the argument."""


class CalendarInvalid(WorkingTimeError):
    """A calendar contradicts itself or names an unknown zone or country."""


class CalendarEmpty(CalendarInvalid):
    """A calendar has no working hours at all, so no working deadline could ever arrive."""


class CalendarMissing(WorkingTimeError):
    """A question reaches into a year that the calendar does not cover."""


class CalendarExhausted(WorkingTimeError):
    """An answer lies more than MAX_DAYS days away."""


class DayReason(StrEnum):
    """Why a day counts or does not."""

    WORKING = "working"
    WEEKEND = "weekend"
    WEEKLY_CLOSING_DAY = "weekly closing day"
    HOLIDAY = "holiday"
    MOVED_WORKING_DAY = "moved working day"
    CLOSED_BY_OVERRIDE = "closed by override"
    OPENED_BY_OVERRIDE = "opened by override"
    NO_SUCH_HOURS = "working hours skipped by a change of the local clock"


@dataclass(frozen=True, slots=True)
class DayOverride:
    """One date that differs from the public calendar.

    A partly closed day is ``open`` with the windows that remain; ``open`` alone means ordinary hours.
    """

    kind: Literal["closed", "open"]
    name: str
    windows: Windows | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What one date means: ``windows`` in local time, ``spans`` the same as UTC instants, in order."""

    on: date
    windows: Windows
    reason: DayReason
    name: str | None
    source: str | None
    spans: tuple[Span, ...]

    @property
    def is_working(self) -> bool:
        return bool(self.spans)

    def closes_after(self, at: datetime) -> bool:
        """Whether working time is left in the date after the aware instant."""
        return bool(self.spans) and self.spans[-1][1] > at


@dataclass(frozen=True, slots=True)
class CountedWindow:
    """A stretch that counted, as UTC instants; ``on`` is the date its window belongs to."""

    on: date
    starts_at: datetime
    ends_at: datetime
    seconds: int


@dataclass(frozen=True, slots=True)
class SkippedDay:
    """A date without working hours, and why."""

    on: date
    reason: DayReason
    name: str | None


@dataclass(frozen=True)
class WorkingCalendar:
    """Working hours of one authority in one IANA zone, for the years ``first_year`` to ``last_year``.

    ``windows`` are the hours of an ordinary day, Monday to Friday. ``weekly_windows`` (0 is Monday) replaces
    that week; a weekday it leaves out is closed. ``country`` adds public holidays and moved working days; a
    moved day keeps its weekday's hours, or ordinary ones if it has none. ``overrides`` win over everything.

    Raises CalendarEmpty; CalendarInvalid if windows overlap, the zone or country is unknown, or an override
    lies outside the years covered.
    """

    id: str
    zone: str
    windows: Windows
    first_year: int
    last_year: int
    country: str | None = None
    weekly_windows: Mapping[int, Windows] | None = field(default=None, hash=False)
    overrides: Mapping[date, DayOverride] = field(default_factory=dict, hash=False)
    _tz: ZoneInfo = field(init=False, repr=False, compare=False)
    _week: tuple[Windows, ...] = field(init=False, repr=False, compare=False)
    _spill: time = field(init=False, repr=False, compare=False)
    _plans: dict[date, DayPlan] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weekly = dict.fromkeys(range(5), self.windows) if self.weekly_windows is None else self.weekly_windows
        week = tuple(tuple(sorted(weekly.get(weekday, ()))) for weekday in range(7))
        if not self.windows or not any(week):
            raise CalendarEmpty(f"calendar {self.id!r} has no working hours: give at least one window")
        put = object.__setattr__
        put(self, "windows", tuple(sorted(self.windows)))
        # A copy, so that a mapping changed by its owner cannot change a deadline.
        put(self, "overrides", dict(self.overrides))
        put(self, "_week", week)
        try:
            put(self, "_tz", ZoneInfo(self.zone))
            if self.country is not None:
                _public_days(self.country, self.first_year)
        except (ZoneInfoNotFoundError, NotImplementedError, OSError, ValueError) as error:
            raise CalendarInvalid(f"calendar {self.id!r}: unknown zone or country: {error}") from error
        self._check()
        # The latest hour past midnight that may still belong to the date before; 00:00 if there is none.
        hours = [self.windows, *week, *(override.windows or () for override in self.overrides.values())]
        late = (closes for day in hours for opens, closes in day if closes <= opens)
        put(self, "_spill", max(late, default=time.min))

    def day(self, on: date) -> DayPlan:
        """What the date means."""
        plan = self._plans.get(on)
        if plan is None:
            plan = self._plans[on] = self._plan(on)
        return plan

    def local(self, at: datetime) -> datetime:
        """The instant in local time, for reading: subtracting two of these would ignore clock changes."""
        return as_utc(at, "at").astimezone(self._tz)

    def instant(self, on: date, wall: time) -> datetime:
        """The UTC instant of a local date and time: the jump if the clock skips it, the first if repeated."""
        first = datetime.combine(on, wall.replace(fold=0), self._tz)
        low, high = first.replace(fold=1).astimezone(UTC), first.astimezone(UTC)
        # Only inside a jump does the later reading come first; the jump then lies between the two.
        while high - low > timedelta.resolution:
            middle = low + (high - low) // 2
            if middle.astimezone(self._tz).utcoffset() == first.utcoffset():
                low = middle
            else:
                high = middle
        return high

    def end_of_day(self, on: date) -> datetime:
        """The local midnight that ends the date, as a UTC instant."""
        return self.instant(on + ONE_DAY, time.min)

    def days_from(self, on: date, last: date | None = None) -> Iterator[DayPlan]:
        """Every date from ``on`` through ``last``. Raises CalendarExhausted after MAX_DAYS dates."""
        for _ in range(MAX_DAYS):
            if last is not None and on > last:
                return
            yield self.day(on)
            on += ONE_DAY
        raise CalendarExhausted(f"calendar {self.id!r}: no answer within {MAX_DAYS} days, by {on - ONE_DAY}")

    def spans_between(self, start: datetime, end: datetime | None = None) -> Iterator[DatedSpan]:
        """Working time from ``start``, up to ``end`` if given, in order, with the date it belongs to."""
        local = self.local(start)
        first = local.date() - (ONE_DAY if self._spill > local.time() else timedelta())
        for plan in self.days_from(first, None if end is None else self.last_date(end)):
            for opens, closes in plan.spans:
                if closes > start and (end is None or opens < end):
                    yield plan.on, max(opens, start), closes if end is None else min(closes, end)

    def last_date(self, end: datetime) -> date:
        """The local date of the last moment before ``end``: midnight belongs to the date it ends."""
        return self.local(end - timedelta.resolution).date()

    def _plan(self, on: date) -> DayPlan:
        if not self.first_year <= on.year <= self.last_year:
            raise CalendarMissing(
                f"calendar {self.id!r} covers {self.first_year} to {self.last_year}, not {on}: enter the "
                f"holidays of {on.year} in the policy pack, then add {on.year} to the years it covers"
            )
        windows, reason, name, source = self._decide(on)
        edges = (
            (self.instant(on, opens), self.instant(on if opens < closes else on + ONE_DAY, closes))
            for opens, closes in windows
        )
        spans = tuple((opens, closes) for opens, closes in edges if opens < closes)
        if windows and not spans:
            windows, reason = (), DayReason.NO_SUCH_HOURS
        return DayPlan(on, windows, reason, name, source, spans)

    def _decide(self, on: date) -> tuple[Windows, DayReason, str | None, str | None]:
        weekday, override = on.weekday(), self.overrides.get(on)
        if override is not None and override.kind == "closed":
            return (), DayReason.CLOSED_BY_OVERRIDE, override.name, override.source
        if override is not None:
            return self._hours(on), DayReason.OPENED_BY_OVERRIDE, override.name, override.source
        names, moved = _public_days(self.country, on.year) if self.country else ({}, {})
        if on in moved:
            return self._hours(on), DayReason.MOVED_WORKING_DAY, moved[on], None
        if on in names:
            return (), DayReason.HOLIDAY, names[on], None
        if self._week[weekday]:
            return self._week[weekday], DayReason.WORKING, None, None
        closed = DayReason.WEEKEND if weekday >= 5 else DayReason.WEEKLY_CLOSING_DAY
        return (), closed, WEEKDAYS[weekday], None

    def _hours(self, on: date) -> Windows:
        # A closed weekday may still be worked, moved by law or opened by an override: with ordinary hours.
        override = self.overrides.get(on)
        changed = override.windows if override else None
        return tuple(sorted(changed or self._week[on.weekday()] or self.windows))

    def _check(self) -> None:
        week = [regular or self.windows for regular in self._week]
        for today, tomorrow, weekday in zip(week, [*week[1:], week[0]], WEEKDAYS, strict=True):
            self._check_pair(today, tomorrow, weekday)
        for on, override in self.overrides.items():
            fits = override.windows is None or (override.kind == "open" and override.windows)
            if not fits or not self.first_year <= on.year <= self.last_year:
                why = "outside the years covered, or closed with windows, or open with none"
                raise CalendarInvalid(f"calendar {self.id!r}, override of {on}: {why}")
            self._check_pair(self._hours(on), self._hours(on + ONE_DAY), str(on))
            self._check_pair(self._hours(on - ONE_DAY), self._hours(on), str(on))

    def _check_pair(self, today: Windows, tomorrow: Windows, label: str) -> None:
        # Any date will do to compare wall times.
        base, at = date(2000, 1, 1), datetime.combine
        ends = [at(base if opens < closes else base + ONE_DAY, closes) for opens, closes in today]
        starts = [at(base, opens) for opens, _ in today[1:]] + [at(base + ONE_DAY, tomorrow[0][0])]
        if any(end > start for end, start in zip(ends, starts, strict=True)):
            raise CalendarInvalid(f"calendar {self.id!r}, {label}: working windows overlap")
        if any(opens == closes != time.min for opens, closes in today):
            raise CalendarInvalid(f"calendar {self.id!r}, {label}: a window of no length")


def as_utc(at: datetime, argument: str) -> datetime:
    """The instant in UTC. Raises NaiveTime naming ``argument`` if it has no offset."""
    if at.utcoffset() is None:
        raise NaiveTime(f"{argument} has no UTC offset: pass an aware datetime")
    return at.astimezone(UTC)


def working_seconds_between(cal: WorkingCalendar, start: datetime, end: datetime) -> int:
    """Working time from ``start`` to ``end`` in whole seconds, negative if ``end`` comes first.

    A fraction of a second is dropped once, from the sum. Raises CalendarExhausted past MAX_DAYS days.
    """
    start, end = as_utc(start, "start"), as_utc(end, "end")
    if end < start:
        return -working_seconds_between(cal, end, start)
    lengths = (closes - opens for _, opens, closes in cal.spans_between(start, end))
    return sum(lengths, timedelta()) // ONE_SECOND


def add_working_seconds(cal: WorkingCalendar, start: datetime, seconds: int) -> datetime:
    """The UTC instant at which ``seconds`` of working time have passed since ``start``.

    A budget that ends with a window is due when that window closes, not when the next one opens; a budget of
    zero is due at ``start``. Raises WorkingTimeError for a negative budget, CalendarExhausted.
    """
    due, left = as_utc(start, "start"), timedelta(seconds=seconds)
    if seconds < 0:
        raise WorkingTimeError(f"seconds must not be negative, got {seconds}")
    spans = cal.spans_between(due)
    while left:
        _, opens, closes = next(spans)
        due = min(opens + left, closes)
        left -= due - opens
    return due


def add_working_days(
    cal: WorkingCalendar,
    start: datetime,
    days: int,
    *,
    count_start_day: bool = False,
    due_at: DayEnd = "end_of_working_day",
) -> datetime:
    """The UTC instant at which a period of ``days`` working days ends; raises as ``count_working_days``.

    ``end_of_working_day`` is the close of the last window, ``end_of_day`` the midnight that ends that date,
    ``same_time`` the local time of ``start``, which cannot be joined with counting the start day.
    """
    if due_at == "same_time" and count_start_day:
        raise WorkingTimeError("a period that counts its start day cannot end at the same time of day")
    last = count_working_days(cal, start, days, count_start_day=count_start_day)[-1]
    if due_at == "end_of_working_day":
        return last.spans[-1][1]
    if due_at == "end_of_day":
        return cal.end_of_day(last.on)
    return cal.instant(last.on, cal.local(start).time())


def count_working_days(
    cal: WorkingCalendar, start: datetime, days: int, *, count_start_day: bool = False
) -> tuple[DayPlan, ...]:
    """Every date from the start date through the last working day of the period, closed days included.

    The start date is the local calendar date of ``start``, also within a night shift. If it is counted, it is
    so only while working time is left in it: otherwise a duty could be over before it began. Raises
    WorkingTimeError unless ``days`` is positive, CalendarExhausted.
    """
    start = as_utc(start, "start")
    if days < 1:
        raise WorkingTimeError(f"days must be at least 1, got {days}")
    passed: list[DayPlan] = []
    for plan in cal.days_from(cal.local(start).date()):
        days -= plan.is_working if passed else count_start_day and plan.closes_after(start)
        passed.append(plan)
        if days == 0:
            break
    return tuple(passed)


def next_working_instant(cal: WorkingCalendar, at: datetime) -> datetime:
    """``at`` itself inside a window, else the next opening; UTC. Raises CalendarExhausted."""
    return next(cal.spans_between(as_utc(at, "at")))[1]


def counted_windows(cal: WorkingCalendar, start: datetime, end: datetime) -> tuple[CountedWindow | SkippedDay, ...]:
    """What ``working_seconds_between`` counted and which dates were closed, in order.

    The seconds add up to exactly its answer. Empty if ``end`` is not after ``start``.
    """
    start, end = as_utc(start, "start"), as_utc(end, "end")
    if end <= start:
        return ()
    rows: list[CountedWindow | SkippedDay] = []
    for plan in cal.days_from(cal.local(start).date(), cal.last_date(end)):
        if not plan.is_working:
            rows.append(SkippedDay(plan.on, plan.reason, plan.name))
    total, told = timedelta(), 0
    for on, opens, closes in cal.spans_between(start, end):
        total += closes - opens
        rows.append(CountedWindow(on, opens, closes, total // ONE_SECOND - told))
        told = total // ONE_SECOND
    return tuple(sorted(rows, key=lambda row: row.on))


@lru_cache(maxsize=512)
def _public_days(country: str, year: int) -> tuple[dict[date, str], dict[date, str]]:
    """Names of the public holidays of a year, and of the rest days that are worked in exchange."""
    found = holidays.country_holidays(country, years=year, language="en_US")
    # Names carry exchanged dates month first, which a European reader would take for day first.
    names = {on: re.sub(r"\b(\d\d)/(\d\d)/(\d{4})\b", r"\3-\1-\2", name) for on, name in found.items()}
    moved = {on: "a day off" for on in found.weekend_workdays if on.year == year}
    moved |= {on: str(free) for on in moved for free, name in names.items() if str(on) in name}
    return names, {on: f"worked in exchange for {free}" for on, free in moved.items()}

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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Literal
from zoneinfo import ZoneInfo

from casework.local_time import instant_of, place_zone
from casework.public_days import PublicDay, public_days_of_year
from casework.working_time_errors import (
    CalendarEmpty,
    CalendarInvalid,
    NaiveTime,
)
from casework.year_table import MAX_DAYS, ONE_DAY, Span, Years

Windows = tuple[tuple[time, time], ...]
DatedSpan = tuple[date, datetime, datetime]

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
ONE_SECOND = timedelta(seconds=1)


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
    that week; a weekday it leaves out is closed. ``country``, and ``subdivision`` for a part of it, add public
    holidays and moved working days; a moved day keeps its weekday's hours, or ordinary ones if it has none.
    With ``public_days`` these come from there, as they were known when a policy was adopted, and not from
    what is known today. ``overrides`` win over everything.

    Raises CalendarEmpty; CalendarInvalid if windows overlap, the zone is no place or unknown, the country or
    subdivision is unknown, or an override lies outside the years covered.
    """

    id: str
    zone: str
    windows: Windows
    first_year: int
    last_year: int
    country: str | None = None
    subdivision: str | None = None
    public_days: Mapping[date, PublicDay] | None = field(default=None, hash=False)
    weekly_windows: Mapping[int, Windows] | None = field(default=None, hash=False)
    overrides: Mapping[date, DayOverride] = field(default_factory=dict, hash=False)
    _tz: ZoneInfo = field(init=False, repr=False, compare=False)
    _week: tuple[Windows, ...] = field(init=False, repr=False, compare=False)
    _spill: time = field(init=False, repr=False, compare=False)
    _plans: dict[date, DayPlan] = field(default_factory=dict, init=False, repr=False, compare=False)
    _years: Years = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        weekly = dict.fromkeys(range(5), self.windows) if self.weekly_windows is None else self.weekly_windows
        week = tuple(tuple(sorted(weekly.get(weekday, ()))) for weekday in range(7))
        if not self.windows or not any(week):
            raise CalendarEmpty(f"calendar {self.id!r} has no working hours: give at least one window")
        put = object.__setattr__
        put(self, "windows", tuple(sorted(self.windows)))
        # Copies, so that a mapping changed by its owner cannot change a deadline.
        put(self, "overrides", dict(self.overrides))
        if self.public_days is not None:
            put(self, "public_days", dict(self.public_days))
        put(self, "_week", week)
        put(self, "_years", Years(self.id, self.first_year, self.last_year, self._spans_of))
        try:
            put(self, "_tz", place_zone(self.zone))
            self._days_off(self.first_year)
        except ValueError as error:
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
        return instant_of(on, wall, self._tz)

    def end_of_day(self, on: date) -> datetime:
        """The local midnight that ends the date, as a UTC instant."""
        return self.instant(on + ONE_DAY, time.min)

    def days_from(self, on: date, last: date | None = None) -> Iterator[DayPlan]:
        """Every date from ``on`` through ``last``. Raises CalendarExhausted after MAX_DAYS dates."""
        for passed in range(MAX_DAYS):
            if last is not None and on + passed * ONE_DAY > last:
                return
            yield self.day(on + passed * ONE_DAY)
        if last is None or on + MAX_DAYS * ONE_DAY <= last:
            raise self._years.exhausted(on)

    def nth_working_day(self, on: date, number: int) -> DayPlan:
        """The ``number``-th working day from the date on, the date included; raises as ``days_from``."""
        return self.day(self._years.nth_working_day(on, number))

    def working_days_between(self, on: date, end: date) -> int:
        """How many working days there are from ``on`` to the day before ``end``; raises as ``days_from``."""
        return self._years.working_days(on, end - ONE_DAY) if on < end else 0

    def working_time_between(self, start: datetime, end: datetime) -> timedelta:
        """The exact working time between two UTC instants in order; raises as ``days_from``."""
        return self._years.used_between(start, end, self._first_date(start), self.last_date(end))

    def after_working_time(self, start: datetime, amount: timedelta) -> datetime:
        """The earliest instant at which ``amount`` has passed since the UTC instant; raises as ``days_from``."""
        return self._years.when_used(start, amount, self._first_date(start)) if amount else start

    def spans_between(self, start: datetime, end: datetime | None = None) -> Iterator[DatedSpan]:
        """Working time from ``start``, up to ``end`` if given, in order, with the date it belongs to."""
        for plan in self.days_from(self._first_date(start), None if end is None else self.last_date(end)):
            for opens, closes in plan.spans:
                if closes > start and (end is None or opens < end):
                    yield plan.on, max(opens, start), closes if end is None else min(closes, end)

    def last_date(self, end: datetime) -> date:
        """The local date of the last moment before ``end``: midnight belongs to the date it ends."""
        return self.local(end - timedelta.resolution).date()

    def _spans_of(self, on: date) -> tuple[Span, ...]:
        return self.day(on).spans

    def _first_date(self, start: datetime) -> date:
        # The earliest date whose windows may still be open: last night's shift belongs to the date before.
        local = start.astimezone(self._tz)
        return local.date() - (ONE_DAY if self._spill > local.time() else timedelta())

    def _days_off(self, year: int) -> Mapping[date, PublicDay]:
        if self.public_days is not None:
            return self.public_days
        return public_days_of_year(self.country, self.subdivision, year) if self.country else {}

    def _plan(self, on: date) -> DayPlan:
        self._years.require(on)
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
        public = self._days_off(on.year).get(on)
        if public is not None and public.works:
            return self._hours(on), DayReason.MOVED_WORKING_DAY, public.name, None
        if public is not None:
            return (), DayReason.HOLIDAY, public.name, None
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
    return cal.working_time_between(start, end) // ONE_SECOND


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

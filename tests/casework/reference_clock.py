"""The reference for due dates: it looks at every minute of a stretch of time, one after the other, and counts.

It knows nothing of the engine it judges, has its own inputs and is slow on purpose. An instant is the number of
a minute: 0 is the first minute of the stretch. Everything therefore lies on whole minutes.

The one rule for wall times: a wall time is reached in the first minute in which the wall clock shows it or
something later. That covers the hour that a zone skips (the jump) and the hour that it repeats (the first time).
"""

from __future__ import annotations

import calendar
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = 24 * 60
Hours = tuple[tuple[int, int], ...]
"""Windows of one date, in minutes after its midnight; a close after 1440 lies on the next date."""


class Beyond(Exception):
    """The answer lies after the last minute of the stretch."""


class WallClock:
    """A clock on a wall in the zone, read in every minute of a stretch."""

    def __init__(self, zone: str, first: datetime, minutes: int) -> None:
        self.zone, self.first, self.minutes = zone, first, minutes
        tz = ZoneInfo(zone)
        self.shown = array("q")  # what it shows in each minute, as minutes since the year 0
        self._reached = array("q")  # the minute in which each wall time is reached, from the first shown one on
        for minute in range(minutes):
            local = (first + minute * MINUTE).astimezone(tz)
            self.shown.append(local.toordinal() * DAY + local.hour * 60 + local.minute)
            while self.shown[0] + len(self._reached) <= self.shown[minute]:
                self._reached.append(minute)

    def __repr__(self) -> str:
        return f"WallClock({self.zone!r}, {self.first!r}, {self.minutes})"

    def reached(self, on: int, wall: int) -> int:
        """The minute in which date number ``on`` reads ``wall``; outside the stretch, its nearest end."""
        index = on * DAY + wall - self.shown[0]
        return self._reached[max(index, 0)] if index < len(self._reached) else self.minutes

    def date_at(self, minute: int) -> int:
        """The number of the date that the wall shows."""
        return self.shown[minute] // DAY

    def dates(self) -> range:
        """The numbers of all dates of the stretch."""
        return range(self.date_at(0), self.date_at(self.minutes - 1) + 1)

    def instant(self, minute: int) -> datetime:
        """The minute as UTC."""
        return self.first + minute * MINUTE


@dataclass(frozen=True)
class Office:
    """Hours of each weekday, Monday first, and of the dates that differ; no hours means closed."""

    week: tuple[Hours, ...]
    special: dict[date, Hours] = field(default_factory=dict)

    def hours(self, on: int) -> Hours:
        """The windows of the date with this number."""
        day = date.fromordinal(on)
        return self.special.get(day, self.week[day.weekday()])


@dataclass(frozen=True)
class Duty:
    """How long; ``unit`` and ``end`` are the words of a pack."""

    amount: int
    unit: str
    end: str = "instant"
    counts_start_day: bool = False
    rolls: bool = False

    @property
    def in_working_time(self) -> bool:
        """Whether working time is counted."""
        return self.unit.startswith("working")


@dataclass(frozen=True)
class Break:
    """A pause: its first minute, and the first minute after it."""

    begin: int
    end: int
    restarts: bool = False


class Reference:
    """One office, one wall clock: which minutes count, and when what is due."""

    def __init__(self, wall: WallClock, office: Office) -> None:
        self.wall, self.office = wall, office
        self.open_on = [0] * wall.minutes  # the number of the date whose window is open, 0 if none is
        self.close_of: dict[int, int] = {}  # the close of the last window of each date on which work is done
        for on in range(wall.dates()[0] - 1, wall.dates()[-1] + 1):
            for opens, closes in self.office.hours(on):
                first, after = wall.reached(on, opens), wall.reached(on, closes)
                for minute in range(first, after):
                    self.open_on[minute] = on
                if first < after:
                    self.close_of[on] = after

    def due(self, duty: Duty, start: int, breaks: Iterable[Break] = (), extended: tuple[int, int] | None = None) -> int:
        """The minute in which the duty is due; ``extended`` is when it was granted and until when.

        Breaks are taken one by one, because one that begins when the duty is due changes nothing. While a duty
        whose time is used up waits for the next working day, a break takes no time, but can cover that day's end.
        """
        # Whoever extended it knew of the breaks that had begun.
        ahead = sorted((one for one in breaks if not extended or one.begin > extended[0]), key=lambda one: one.begin)
        begin, taken, counted = start, list[Break](), list[Break]()
        while True:
            used_up, on = self._used_up(duty, begin, counted, extended)
            due = self._rolled(duty, extended[0] if extended else begin, used_up, on, taken) if duty.rolls else used_up
            if not ahead or ahead[0].begin >= due:
                return due
            one = ahead.pop(0)
            taken.append(one)
            if one.restarts and not extended:
                begin, counted = max(begin, one.end), list(taken)
            elif one.begin < used_up:
                counted.append(one)

    def threshold(self, duty: Duty, start: int, due: int, quarters: int, breaks: Sequence[Break] = ()) -> float:
        """The minute, with its fraction, in which so many quarters of the counted time are used."""
        if quarters == 4:
            return due
        restarts = [one for one in breaks if one.restarts and one.begin < due and one.end > start]
        begin = max(one.end for one in restarts) if restarts else start
        stopped = self._stopped(breaks)
        counts = self._counts(duty)
        used = [minute for minute in range(begin, due) if counts[minute] and not stopped[minute]]
        whole, rest = divmod(len(used) * quarters, 4)
        if not used or quarters == 0:
            return begin
        return used[whole] + rest / 4 if rest else used[whole - 1] + 1

    def _used_up(
        self, duty: Duty, start: int, breaks: Sequence[Break], extended: tuple[int, int] | None
    ) -> tuple[int, int]:
        """The minute in which the time is used up, and the number of its date."""
        if extended:
            due = self._extended(duty, extended[1], breaks)
        elif duty.unit in ("minutes", "hours", "working_hours"):
            budget = duty.amount * (1 if duty.unit == "minutes" else 60)
            due = self._walk(duty, budget, start, self._stopped(breaks))
        else:
            return self._day_by_day(duty, start, self._stopped(breaks))
        # The midnight that ends a day belongs to it; any other instant to the date that the wall shows.
        return due, self.wall.date_at(due - 1 if duty.end == "end_of_day" else due)

    def _extended(self, duty: Duty, until: int, breaks: Sequence[Break]) -> int:
        """What the breaks take is put on top of the instant that was granted; none of them restarts it."""
        counts = self._counts(duty)
        lost = {minute for one in breaks for minute in range(one.begin, one.end) if counts[minute]}
        return self._walk(duty, len(lost), until, bytes(self.wall.minutes)) if lost else until

    def _walk(self, duty: Duty, budget: int, start: int, stopped: Sequence[int]) -> int:
        counts = self._counts(duty)
        for minute in range(start, self.wall.minutes):
            if counts[minute] and not stopped[minute]:
                budget -= 1
                if budget == 0:
                    return minute + 1
        raise Beyond

    def _day_by_day(self, duty: Duty, start: int, stopped: Sequence[int]) -> tuple[int, int]:
        today, wall_time = self.wall.date_at(start), self.wall.shown[start] % DAY
        days = duty.amount if duty.unit != "months" else _days_of_months(today, duty)
        first = today if self._counts_today(duty, start) else today + 1
        ticks: dict[int, list[int]] = {}
        for on in range(first, self.wall.dates()[-1] + 1):
            if duty.unit != "working_days" or on in self.close_of:
                ticks.setdefault(self._tick(duty, on, wall_time), []).append(on)
        if first == today and (passed := self._tick(duty, today, wall_time)) <= start:
            days -= 1  # a calendar day that counts from the start counts also after its close of work
            if days == 0:
                return passed, today
        for minute in range(start + 1, self.wall.minutes):
            for on in ticks.get(minute, ()):
                if not stopped[minute]:
                    days -= 1
                if days == 0:
                    return minute, on
        raise Beyond

    def _counts_today(self, duty: Duty, start: int) -> bool:
        if not duty.counts_start_day:
            return False
        return duty.unit != "working_days" or self.close_of.get(self.wall.date_at(start), 0) > start

    def _tick(self, duty: Duty, on: int, wall_time: int) -> int:
        if duty.end == "end_of_working_day" and on in self.close_of:
            return self.close_of[on]
        return self.wall.reached(on, wall_time) if duty.end == "instant" else self.wall.reached(on, DAY)

    def _rolled(self, duty: Duty, start: int, due: int, on: int, breaks: Iterable[Break]) -> int:
        """While nobody works on the date, or its end lies before the start or in a break: the next date's end."""
        moved, stopped = False, self._stopped(breaks)
        while on not in self.close_of or due <= start or (moved and stopped[due]):
            on, moved = on + 1, True
            if on > self.wall.dates()[-1] - 1:
                raise Beyond
            due = self.wall.reached(on, DAY) if duty.end == "end_of_day" else self.close_of.get(on, start)
        return due

    def _counts(self, duty: Duty) -> Sequence[int]:
        """Of every minute, whether it counts towards this duty."""
        return self.open_on if duty.in_working_time else b"1" * self.wall.minutes

    def _stopped(self, breaks: Iterable[Break]) -> Sequence[int]:
        stopped = bytearray(self.wall.minutes)
        for one in breaks:
            for minute in range(max(one.begin, 0), min(one.end, self.wall.minutes)):
                stopped[minute] = 1
        return stopped


def _days_of_months(today: int, duty: Duty) -> int:
    """How many dates the months take: to the same day, or to the last day of a month that lacks it."""
    day = date.fromordinal(today)
    year, month = divmod(day.year * 12 + day.month - 1 + duty.amount, 12)
    length = calendar.monthrange(year, month + 1)[1]
    last = date(year, month + 1, min(day.day, length)).toordinal()
    if not duty.counts_start_day:
        return last - today
    return last - today + (1 if day.day > length else 0)

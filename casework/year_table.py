"""One year of a calendar, added up once, so that a question about it is a few binary searches and no walk.

The sums are exact: instants in UTC and real durations, from the same windows that a walk day by day would meet.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from casework.working_time_errors import CalendarExhausted, CalendarMissing

MAX_DAYS = 3_660
ONE_DAY = timedelta(days=1)

Span = tuple[datetime, datetime]
"""Half-open, in UTC."""


@dataclass(frozen=True, slots=True)
class YearTable:
    """The working days and windows of one year, in order.

    ``before`` has, for each day of the year and for its end, the number of working days that come before it.
    ``opens`` and ``closes`` are the windows, ``dates`` the dates they belong to, and ``used`` the working time
    of the year that has passed when each closes.
    """

    first: date
    working: tuple[date, ...]
    before: tuple[int, ...]
    dates: tuple[date, ...]
    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    used: tuple[timedelta, ...]

    @classmethod
    def of(cls, first: date, days: Iterable[tuple[date, Sequence[Span]]]) -> YearTable:
        """The table of every day of the year that begins on ``first``, given with its windows."""
        working: list[date] = []
        before, used, rows = [0], timedelta(), []
        for on, spans in days:
            if spans:
                working.append(on)
            before.append(len(working))
            for opens, closes in spans:
                used += closes - opens
                rows.append((on, opens, closes, used))
        dates, opened, closed, total = tuple(zip(*rows, strict=True)) or ((), (), (), ())
        return cls(first, tuple(working), tuple(before), dates, opened, closed, total)

    def working_days_before(self, on: date) -> int:
        """How many working days of the year come before the date, which may be the year's end."""
        return self.before[(on - self.first).days]

    def used_until(self, at: datetime) -> timedelta:
        """The working time of the year before the instant."""
        done = bisect_right(self.closes, at)
        used = self.used[done - 1] if done else timedelta()
        if done < len(self.opens) and at > self.opens[done]:
            used += at - self.opens[done]
        return used

    def when_used(self, amount: timedelta) -> tuple[datetime, date] | None:
        """The first instant at which ``amount`` of the year's working time has passed, and the date of its
        window; None if the year has less. The amount is positive."""
        window = bisect_left(self.used, amount)
        if window == len(self.used):
            return None
        return self.closes[window] - (self.used[window] - amount), self.dates[window]

    @property
    def total(self) -> timedelta:
        return self.used[-1] if self.used else timedelta()


class Years:
    """The tables of the years that a calendar covers, each made when it is first asked for and then kept.

    Every question is bounded: it raises CalendarMissing when it reaches a year outside the years covered,
    CalendarExhausted when its answer lies more than MAX_DAYS days after the date at which it begins.
    """

    def __init__(
        self, calendar_id: str, first_year: int, last_year: int, spans: Callable[[date], Sequence[Span]]
    ) -> None:
        self._calendar_id, self._first_year, self._last_year = calendar_id, first_year, last_year
        self._spans = spans
        self._tables: dict[int, YearTable] = {}

    def require(self, on: date) -> None:
        """Raises CalendarMissing for a date outside the years covered."""
        if not self._first_year <= on.year <= self._last_year:
            raise CalendarMissing(
                f"calendar {self._calendar_id!r} covers {self._first_year} to {self._last_year}, not {on}: enter the "
                f"holidays of {on.year} in the policy pack, then add {on.year} to the years it covers"
            )

    def exhausted(self, on: date) -> CalendarExhausted:
        """The error for a search that began on the date."""
        last = on + (MAX_DAYS - 1) * ONE_DAY
        return CalendarExhausted(f"calendar {self._calendar_id!r}: no answer within {MAX_DAYS} days, by {last}")

    def nth_working_day(self, on: date, number: int) -> date:
        """The ``number``-th working day from the date on, the date included."""
        for table in self._from(on):
            place = table.working_days_before(max(on, table.first)) + number - 1
            if place < len(table.working):
                return self._within(on, table.working[place])
            number = place + 1 - len(table.working)
        raise self.exhausted(on)

    def working_days(self, on: date, last: date) -> int:
        """How many working days there are from ``on`` through ``last``."""
        return sum(
            table.working_days_before(min(last, date(table.first.year, 12, 31)) + ONE_DAY)
            - table.working_days_before(max(on, table.first))
            for table in self._from(on, last)
        )

    def used_between(self, start: datetime, end: datetime, on: date, last: date) -> timedelta:
        """The working time from ``start`` to ``end``, which meets no window of a date outside ``on`` to ``last``."""
        used = (table.used_until(end) - table.used_until(start) for table in self._from(on, last))
        return sum(used, timedelta())

    def when_used(self, start: datetime, amount: timedelta, on: date) -> datetime:
        """The first instant at which a positive amount has passed since ``start``; no window before ``on`` counts."""
        for table in self._from(on):
            amount += table.used_until(start)
            found = table.when_used(amount)
            if found is not None:
                self._within(on, found[1])
                return found[0]
            amount -= table.total
        raise self.exhausted(on)

    def _from(self, on: date, last: date | None = None) -> Iterator[YearTable]:
        for year in range(on.year, (on.year + MAX_DAYS // 365 + 2) if last is None else last.year + 1):
            starts = max(on, date(year, 1, 1))
            if (starts - on).days >= MAX_DAYS:
                raise self.exhausted(on)
            if year not in self._tables:
                self.require(starts)
                days = [date(year, 1, 1) + day * ONE_DAY for day in range(365 + isleap(year))]
                self._tables[year] = YearTable.of(days[0], ((day, self._spans(day)) for day in days))
            yield self._tables[year]
        if last is not None and (last - on).days >= MAX_DAYS:
            raise self.exhausted(on)

    def _within(self, on: date, found: date) -> date:
        if (found - on).days >= MAX_DAYS:
            raise self.exhausted(on)
        return found

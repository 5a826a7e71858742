"""A calendar feed beside the legal days. A feed is a hint, never a source: it lists name days and fairs as well.

Nothing of a feed is taken over by itself. What it says beyond the legal days is refused day by day; what a decision
has made a day off is entered in the pack's table of single days, with that decision as its source.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from icalendar import Calendar

from casework.errors import QorganError
from casework.policy_calendar import CalendarPolicy
from casework.working_time import DayReason

MOST_DAYS = 2_000
LONGEST = timedelta(days=31)


class FeedUnreadable(QorganError):
    """The file is no calendar feed, or larger than one may be."""

    rule = "calendar.feed_unreadable"


class FeedRefused(QorganError):
    """The feed lists days that are no legal holidays; nothing was taken over."""

    rule = "calendar.feed_not_legal"


@dataclass(frozen=True, slots=True)
class FeedDay:
    """One day that the feed lists."""

    on: date
    name: str


@dataclass(frozen=True, slots=True)
class FeedComparison:
    """The feed's days of one year: ``agreed`` are days off by law or by the pack; ``not_legal`` would be working days;
    ``missing`` are days off that the feed lacks, weekends left out."""

    agreed: tuple[FeedDay, ...]
    not_legal: tuple[FeedDay, ...]
    missing: tuple[FeedDay, ...]


def read_feed(data: bytes, year: int) -> tuple[FeedDay, ...]:
    """The days of a year that an iCalendar file lists, in order. Raises FeedUnreadable."""
    try:
        events = Calendar.from_ical(data).walk("VEVENT")
        days = {
            FeedDay(on, " ".join(str(event.get("SUMMARY", "")).split())[:120])
            for event in events
            for on in _days_of(event.decoded("DTSTART"), event.decoded("DTEND", None))
            if on.year == year
        }
    except (ValueError, KeyError, AttributeError, IndexError, TypeError) as error:
        raise FeedUnreadable(
            f"the file cannot be read as a calendar feed ({type(error).__name__})", next_step="Give an .ics file."
        ) from None
    if len(days) > MOST_DAYS:
        raise FeedUnreadable(f"the feed lists {len(days)} days of {year}; that is no calendar of holidays")
    return tuple(sorted(days, key=lambda day: (day.on, day.name)))


def _days_of(start: date | datetime, end: date | datetime | None) -> list[date]:
    first = start.date() if isinstance(start, datetime) else start
    last = first + timedelta(days=1) if end is None else end.date() if isinstance(end, datetime) else end
    length = min(max(last - first, timedelta(days=1)), LONGEST)
    return [first + timedelta(days=number) for number in range(length.days)]


def compare_feed(feed: tuple[FeedDay, ...], policy: CalendarPolicy, year: int) -> FeedComparison:
    """The feed beside the calendar of a pack. Raises the errors of working_time for a year that is not covered."""
    calendar = policy.calendar
    off = {DayReason.HOLIDAY, DayReason.CLOSED_BY_OVERRIDE}
    plans = {day.on: calendar.day(day.on) for day in feed}
    agreed = tuple(day for day in feed if not plans[day.on].is_working)
    not_legal = tuple(day for day in feed if plans[day.on].is_working)
    listed = set(plans)
    missing = []
    on = date(year, 1, 1)
    while on.year == year:
        plan = calendar.day(on)
        if plan.reason in off and on.weekday() < 5 and on not in listed:
            missing.append(FeedDay(on, plan.name or ""))
        on += timedelta(days=1)
    return FeedComparison(agreed, not_legal, tuple(missing))


def refuse_unlawful_days(found: FeedComparison, calendar_id: str) -> None:
    """Raises FeedRefused naming every day of the feed that is no day off by law."""
    if found.not_legal:
        days = "; ".join(f"{day.on} {day.name}" for day in found.not_legal[:20])
        raise FeedRefused(
            f"{len(found.not_legal)} day(s) of the feed are no legal holidays of calendar '{calendar_id}': {days}."
            " Nothing was taken over",
            next_step="A day that a decision has made a day off goes into overrides.csv, with that decision as source.",
        )

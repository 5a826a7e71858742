"""What can go wrong when working time is counted. Every error is a WorkingTimeError, so a ValueError."""

from __future__ import annotations


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

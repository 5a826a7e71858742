"""How long a duty lasts: from the instant that starts it to the instant at which it is due, with the reasons.

Minutes and hours are real time, counted around the clock on UTC instants: in a night when the local clock
changes, 24 hours are still 24 hours. Working hours and working days follow the calendar. Calendar days and
months follow local dates: a period ends at the start's local time of day, at the local midnight that ends its
last date, or at that date's close of work. A month without the start's day of the month ends on its last day.

A duty without a number ("without undue delay") has no limit of this kind.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from casework.working_time import (
    WEEKDAYS,
    DayEnd,
    DayPlan,
    DayReason,
    SkippedDay,
    WorkingCalendar,
    add_working_days,
    add_working_seconds,
    as_utc,
    count_working_days,
    counted_windows,
    next_working_instant,
    working_seconds_between,
)

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


class StepKind(StrEnum):
    """What one step of a derivation tells."""

    START = "start"
    RULE = "rule"
    COUNTED = "counted"
    SKIPPED = "skipped"
    ROLLED = "rolled"
    RESULT = "result"


_ELAPSED = (Unit.MINUTES, Unit.HOURS)
_SECONDS = {Unit.MINUTES: 60, Unit.HOURS: 3_600, Unit.WORKING_HOURS: 3_600}
_DAY_END: dict[DueAt, DayEnd] = {
    DueAt.INSTANT: "same_time",
    DueAt.END_OF_WORKING_DAY: "end_of_working_day",
    DueAt.END_OF_DAY: "end_of_day",
}


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


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation. The local times are for reading; ``seconds`` is the time that counted."""

    kind: StepKind
    text: str
    local_from: datetime | None = None
    local_to: datetime | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Derivation:
    """How a due instant came about: ``due_at`` in UTC, ``local_due`` the same in ``zone``."""

    limit: Limit
    calendar_id: str
    zone: str
    started_at: datetime
    due_at: datetime
    local_due: datetime
    steps: tuple[Step, ...]


def due_at(limit: Limit, started_at: datetime, calendar: WorkingCalendar) -> datetime:
    """The UTC instant at which the duty is due.

    Raises the errors of working_time: NaiveTime, CalendarMissing, CalendarExhausted. Elapsed time and
    calendar periods that do not roll forward need no calendar year.
    """
    start = as_utc(started_at, "started_at")
    if limit.unit in _ELAPSED and not limit.roll_forward:
        return start + timedelta(seconds=limit.seconds)
    if limit.unit is Unit.WORKING_DAYS:
        ends = _DAY_END[limit.due_at]
        return add_working_days(calendar, start, limit.amount, count_start_day=limit.count_start_day, due_at=ends)
    if limit.unit is Unit.WORKING_HOURS:
        return add_working_seconds(calendar, start, limit.seconds)
    due, last_on = _unrolled(limit, start, calendar)
    if not limit.roll_forward:
        return due
    days = _rolled(limit, start, last_on, calendar)
    if limit.due_at is DueAt.END_OF_DAY:
        return calendar.end_of_day(days[-1].on)
    # An instant that falls on a working day stays what it is.
    return due if limit.due_at is DueAt.INSTANT and len(days) == 1 else days[-1].spans[-1][1]


def threshold_at(
    started_at: datetime, due_at: datetime, fraction: float, limit: Limit, calendar: WorkingCalendar
) -> datetime:
    """The UTC instant at which ``fraction`` (0 to 1) of the time from start to due has been used.

    Working units are measured in working time, rounded to the second, all others in real time. If the due
    instant leaves no working time at all, everything is used at the start. Raises LimitInvalid for a fraction
    outside 0 to 1 or a due instant before the start, and the errors of working_time.
    """
    start, due = as_utc(started_at, "started_at"), as_utc(due_at, "due_at")
    if not 0 <= fraction <= 1:
        raise LimitInvalid(f"a threshold is a fraction from 0 to 1, got {fraction}")
    if due < start:
        raise LimitInvalid(f"due at {due.isoformat()}, before the start at {start.isoformat()}")
    if fraction == 1:
        return due
    if not limit.working:
        return start + (due - start) * fraction
    budget = working_seconds_between(calendar, start, due)
    return add_working_seconds(calendar, start, round(budget * fraction))


def threshold_before(due_at: datetime, distance: timedelta) -> datetime:
    """The UTC instant ``distance`` of real time before the due instant. Raises LimitInvalid, NaiveTime."""
    if distance < timedelta(0):
        raise LimitInvalid(f"a threshold lies before the due instant, got a distance of {distance}")
    return as_utc(due_at, "due_at") - distance


def derive(limit: Limit, started_at: datetime, calendar: WorkingCalendar) -> Derivation:
    """The due instant with every step that leads to it; raises as ``due_at``."""
    start = as_utc(started_at, "started_at")
    due = due_at(limit, start, calendar)
    begins, ends = calendar.local(start), calendar.local(due)
    if limit.unit is Unit.WORKING_HOURS:
        steps = _working_hours_steps(start, due, calendar)
    elif limit.unit is Unit.WORKING_DAYS:
        steps = _working_days_steps(limit, start, calendar)
    else:
        steps = _calendar_steps(limit, start, calendar)
    how = {
        DueAt.INSTANT: "",
        DueAt.END_OF_WORKING_DAY: ", the close of work",
        DueAt.END_OF_DAY: f", the midnight that ends {_day(calendar.last_date(due))}",
    }[limit.due_at]
    first = Step(StepKind.START, f"Started {_instant(begins)}.", local_from=begins)
    last = Step(StepKind.RESULT, f"Due {_instant(ends)}{how}.", local_to=ends)
    return Derivation(limit, calendar.id, calendar.zone, start, due, ends, (first, *steps, last))


def render(derivation: Derivation) -> str:
    """The derivation as lines of English for a person; no trailing line break."""
    heading = f"{derivation.limit.text}, calendar {derivation.calendar_id}, local time of {derivation.zone}"
    return "\n".join([heading, *(f"  {step.text}" for step in derivation.steps)])


def _unrolled(limit: Limit, start: datetime, calendar: WorkingCalendar) -> tuple[datetime, date]:
    """Due instant and last local date of elapsed time or a calendar period, closed days not regarded."""
    local = calendar.local(start)
    if limit.unit in _ELAPSED:
        due = start + timedelta(seconds=limit.seconds)
        return due, calendar.local(due).date()
    if limit.unit is Unit.MONTHS:
        last_on = _months_after(local.date(), limit.amount, count_start_day=limit.count_start_day)
    else:
        last_on = local.date() + timedelta(days=limit.amount - limit.count_start_day)
    if limit.due_at is DueAt.INSTANT:
        return calendar.instant(last_on, local.time()), last_on
    return calendar.end_of_day(last_on), last_on


def _months_after(start_on: date, months: int, *, count_start_day: bool) -> date:
    years, month = divmod(start_on.month - 1 + months, 12)
    year, month = start_on.year + years, month + 1
    # A period that counts its start day ends on the day before the one that corresponds to it.
    day = start_on.day - count_start_day
    if day == 0:
        return date(year, month, 1) - timedelta(days=1)
    return date(year, month, min(day, monthrange(year, month)[1]))


def _rolled(limit: Limit, start: datetime, last_on: date, calendar: WorkingCalendar) -> list[DayPlan]:
    """The last date and, while the duty cannot be due there, the dates after it."""
    passed: list[DayPlan] = []
    for plan in calendar.days_from(last_on):
        passed.append(plan)
        # A close of work before the start would end the duty before it began.
        if plan.closes_after(start) if limit.due_at is DueAt.END_OF_WORKING_DAY else plan.is_working:
            break
    return passed


def _calendar_steps(limit: Limit, start: datetime, calendar: WorkingCalendar) -> list[Step]:
    due, last_on = _unrolled(limit, start, calendar)
    begins, ends = calendar.local(start), calendar.local(due)
    if limit.unit in _ELAPSED:
        text = f"{limit.text} of real time, closed days included, until {_instant(ends)}."
        steps = [Step(StepKind.COUNTED, text, begins, ends, limit.seconds)]
        if begins.utcoffset() != ends.utcoffset():
            before, after = begins.isoformat()[-6:], ends.isoformat()[-6:]
            text = f"The local clock changed from {before} to {after} in between; real time is what counts."
            steps.append(Step(StepKind.RULE, text))
    else:
        steps = [_start_day(begins.date(), counts=limit.count_start_day)]
        text = f"{limit.text}, closed days included; last date {_day(last_on)}."
        steps.append(Step(StepKind.COUNTED, text, begins, ends))
        if limit.unit is Unit.MONTHS and last_on.day < begins.day - limit.count_start_day:
            text = f"That month has no day {begins.day}, so its last day is meant."
            steps.append(Step(StepKind.RULE, text))
    if limit.roll_forward:
        *passed, found = _rolled(limit, start, last_on, calendar)
        steps += [_skipped(plan, "Not due on") for plan in passed]
        if passed:
            steps.append(Step(StepKind.ROLLED, f"Moved to the next working day, {_day(found.on)}."))
    return steps


def _working_days_steps(limit: Limit, start: datetime, calendar: WorkingCalendar) -> list[Step]:
    days = count_working_days(calendar, start, limit.amount, count_start_day=limit.count_start_day)
    counts_first = limit.count_start_day and days[0].closes_after(start)
    steps = [_start_day(days[0].on, counts=counts_first)]
    if limit.count_start_day and not counts_first:
        steps = [_skipped(days[0])]
    counted = 0
    for plan in days if counts_first else days[1:]:
        if not plan.is_working:
            steps.append(_skipped(plan))
            continue
        counted += 1
        hours = ", ".join(f"{opens:%H:%M} to {_closing(closes)}" for opens, closes in plan.windows)
        why = "" if plan.reason is DayReason.WORKING else f", {_why(plan)}"
        text = f"Working day {counted} of {limit.amount}: {_day(plan.on)}, {hours}{why}."
        opens, closes = calendar.local(plan.spans[0][0]), calendar.local(plan.spans[-1][1])
        steps.append(Step(StepKind.COUNTED, text, opens, closes))
    return steps


def _working_hours_steps(start: datetime, due: datetime, calendar: WorkingCalendar) -> list[Step]:
    steps: list[Step] = []
    if next_working_instant(calendar, start) > start:
        steps.append(Step(StepKind.RULE, "Outside working time at the start: counting begins later."))
    total = 0
    for row in counted_windows(calendar, start, due):
        if isinstance(row, SkippedDay):
            steps.append(_skipped(row))
            continue
        total += row.seconds
        opens, closes = calendar.local(row.starts_at), calendar.local(row.ends_at)
        text = f"Counted {_day(opens.date())}, {opens:%H:%M:%S} to {closes:%H:%M:%S}"
        if opens.date() != row.on:
            text += f", the shift of {_day(row.on)}"
        if opens.utcoffset() != closes.utcoffset():
            text += ", while the local clock changed"
        text += f": {_length(row.seconds)}, in all {_length(total)}."
        steps.append(Step(StepKind.COUNTED, text, opens, closes, row.seconds))
    return steps


def _start_day(on: date, *, counts: bool) -> Step:
    said = "is the first day of the period" if counts else "is day zero and does not count"
    return Step(StepKind.RULE, f"The start date, {_day(on)}, {said}.")


def _skipped(day: DayPlan | SkippedDay, verdict: str = "Not counted:") -> Step:
    # A working day is passed over only if it had closed before the start.
    closed = isinstance(day, DayPlan) and day.is_working
    why = "work had closed before the start" if closed else _why(day)
    return Step(StepKind.SKIPPED, f"{verdict} {_day(day.on)}, {why}.")


def _why(day: DayPlan | SkippedDay) -> str:
    if day.name in (None, WEEKDAYS[day.on.weekday()]):
        return day.reason.value
    return f"{day.reason.value}: {day.name}"


def _day(on: date) -> str:
    # Not strftime's weekday, which follows the locale of the process.
    return f"{WEEKDAYS[on.weekday()]} {on.isoformat()}"


def _instant(local: datetime) -> str:
    clock = local.isoformat(" ", "seconds")
    return f"{WEEKDAYS[local.weekday()]} {clock} ({local.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC)"


def _closing(closes: time) -> str:
    return f"{closes:%H:%M}" if closes != time.min else "24:00"


def _length(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    parts = ((minutes // 60, "h"), (minutes % 60, "min"), (rest, "s"))
    return " ".join(f"{amount} {unit}" for amount, unit in parts if amount) or "0 s"

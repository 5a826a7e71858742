"""How a due instant came about, step by step: what counted, what did not, and why. The same arithmetic as limits.py,
told in order, so that a person can follow it and an auditor can recompute it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from casework.interruptions import Extension, Pause, Standstills, standstills
from casework.limits import (
    DueAt,
    Limit,
    Unit,
    daily_tick,
    due_at,
    extended,
    last_restart,
    later_pauses,
    passing_of,
    rolled,
    unrolled,
)
from casework.working_time import (
    ONE_SECOND,
    WEEKDAYS,
    DayPlan,
    DayReason,
    SkippedDay,
    WorkingCalendar,
    as_utc,
    counted_windows,
    next_working_instant,
)


class StepKind(StrEnum):
    """What one step of a derivation tells."""

    START = "start"
    RULE = "rule"
    COUNTED = "counted"
    SKIPPED = "skipped"
    PAUSED = "paused"
    RESTARTED = "restarted"
    EXTENDED = "extended"
    ROLLED = "rolled"
    RESULT = "result"


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


def derive(
    limit: Limit,
    started_at: datetime,
    calendar: WorkingCalendar,
    pauses: Iterable[Pause] = (),
    extension: Extension | None = None,
) -> Derivation:
    """The due instant with every step that leads to it; raises as ``due_at``, and when what was due before an
    extension cannot be counted."""
    start, pauses = as_utc(started_at, "started_at"), tuple(pauses)
    due = due_at(limit, start, calendar, pauses, extension)
    later = later_pauses(pauses, extension) if extension else ()
    known = tuple(pause for pause in pauses if pause not in later)
    begun, restart = last_restart(limit, start, calendar, known)
    begins, ends = calendar.local(start), calendar.local(due)
    steps = [Step(StepKind.START, f"Started {_instant(begins)}.", local_from=begins)]
    if restart is not None:
        steps += [_paused(pause, calendar) for pause in _in_order(known) if start < pause.ended_at <= begun]
        steps.append(_restarted(restart, calendar))
    stills = standstills(known)
    used_up, last_on = unrolled(limit, begun, calendar, stills)
    shown = [pause for pause in _in_order(known) if pause.ended_at > begun and pause.began_at < used_up]
    told = [(pause.began_at, _paused(pause, calendar)) for pause in shown]
    if limit.unit is Unit.WORKING_HOURS:
        told += _working_hours(begun, used_up, calendar, stills)
    elif limit.unit is Unit.WORKING_DAYS:
        told += _working_days(limit, begun, last_on, calendar, stills)
    else:
        # One line for the whole stretch, after what was left out of it.
        told += [(used_up, step) for step in _calendar_period(limit, begun, used_up, last_on, calendar, stills)]
    steps += [step for _, step in sorted(told, key=lambda pair: pair[0])]
    if extension is not None:
        steps += _extended(limit, extension, used_up, later, calendar)
        stills = standstills(later)
        used_up, last_on = extended(limit, extension, calendar, stills)
    steps += _rolled_forward(rolled(limit, begun, used_up, last_on, calendar, stills)[1], calendar)
    how = {
        DueAt.INSTANT: "",
        DueAt.END_OF_WORKING_DAY: ", the close of work",
        DueAt.END_OF_DAY: f", the midnight that ends {_day(calendar.last_date(due))}",
    }[limit.due_at if extension is None else DueAt.INSTANT]
    steps.append(Step(StepKind.RESULT, f"Due {_instant(ends)}{how}.", local_to=ends))
    return Derivation(limit, calendar.id, calendar.zone, start, due, ends, tuple(steps))


def render(derivation: Derivation) -> str:
    """The derivation as lines of English for a person; no trailing line break."""
    heading = f"{derivation.limit.text}, calendar {derivation.calendar_id}, local time of {derivation.zone}"
    return "\n".join([heading, *(f"  {step.text}" for step in derivation.steps)])


def _working_hours(
    start: datetime, due: datetime, calendar: WorkingCalendar, stills: Standstills
) -> list[tuple[datetime, Step]]:
    """Every window that counted and every closed date, with the instant at which each is told."""
    told: list[tuple[datetime, Step]] = []
    if next_working_instant(calendar, start) > start:
        told.append((start, Step(StepKind.RULE, "Outside working time at the start: counting begins later.")))
    total, closed = timedelta(), set()
    for began, ended in _running(start, due, stills):
        for row in counted_windows(calendar, began, ended):
            if isinstance(row, SkippedDay):
                if row.on not in closed:
                    told.append((max(began, calendar.instant(row.on, time.min)), _skipped(row, calendar)))
                closed.add(row.on)
                continue
            # A fraction of a second is carried on, so that the seconds told add up to the budget.
            before, total = total, total + (row.ends_at - row.starts_at)
            seconds = total // ONE_SECOND - before // ONE_SECOND
            opens, closes = calendar.local(row.starts_at), calendar.local(row.ends_at)
            text = f"Counted {_day(opens.date())}, {opens:%H:%M:%S} to {closes:%H:%M:%S}"
            if opens.date() != row.on:
                text += f", the shift of {_day(row.on)}"
            if opens.utcoffset() != closes.utcoffset():
                text += ", while the local clock changed"
            text += f": {_length(seconds)}, in all {_length(total // ONE_SECOND)}."
            told.append((row.starts_at, Step(StepKind.COUNTED, text, opens, closes, seconds)))
    return told


def _working_days(
    limit: Limit, start: datetime, last_on: date, calendar: WorkingCalendar, stills: Standstills
) -> list[tuple[datetime, Step]]:
    """Every date from the start's, counted or not, with the instant at which its day is over."""
    first = calendar.day(calendar.local(start).date())
    counts_first = limit.count_start_day and first.closes_after(start)
    if counts_first or not limit.count_start_day:
        told = [(start, _start_day(first.on, counts=counts_first))]
    else:
        told = [(start, _skipped(first, calendar))]
    counted = 0
    for plan in calendar.days_from(first.on, last_on):
        if plan is first and not counts_first:
            continue
        tick = daily_tick(limit, start, calendar, plan.on)
        if not plan.is_working:
            told.append((calendar.end_of_day(plan.on), _skipped(plan, calendar)))
        elif plan.on != last_on and any(began <= tick < ended for began, ended in stills):
            text = f"Not counted: {_day(plan.on)}, the clock stood still {_moment(limit, calendar.local(tick))}."
            told.append((tick, Step(StepKind.SKIPPED, text, _midnight(plan.on, calendar))))
        else:
            counted += 1
            told.append((tick, _working_day(limit, plan, counted, calendar)))
    return told


def _working_day(limit: Limit, plan: DayPlan, number: int, calendar: WorkingCalendar) -> Step:
    hours = ", ".join(f"{opens:%H:%M} to {_closing(closes)}" for opens, closes in plan.windows)
    why = "" if plan.reason is DayReason.WORKING else f", {_why(plan)}"
    text = f"Working day {number} of {limit.amount}: {_day(plan.on)}, {hours}{why}."
    return Step(StepKind.COUNTED, text, calendar.local(plan.spans[0][0]), calendar.local(plan.spans[-1][1]))


def _calendar_period(
    limit: Limit, start: datetime, due: datetime, last_on: date, calendar: WorkingCalendar, stills: Standstills
) -> list[Step]:
    """What real time, calendar days or months come to."""
    begins, ends = calendar.local(start), calendar.local(due)
    if limit.seconds:
        paused = ", pauses left out" if any(start < ended and began < due for began, ended in stills) else ""
        text = f"{limit.text} of real time, closed days included{paused}, until {_instant(ends)}."
        steps = [Step(StepKind.COUNTED, text, begins, ends, limit.seconds)]
        if begins.utcoffset() != ends.utcoffset():
            before, after = begins.isoformat()[-6:], ends.isoformat()[-6:]
            text = f"The local clock changed from {before} to {after} in between; real time is what counts."
            steps.append(Step(StepKind.RULE, text))
        return steps
    steps = [_start_day(begins.date(), counts=limit.count_start_day)]
    plain_on = unrolled(limit, start, calendar, ())[1]
    lost = (last_on - plain_on).days
    more = f", and {lost} {'day' if lost == 1 else 'days'} during which it was paused" if lost else ""
    text = f"{limit.text}, closed days included{more}; last date {_day(last_on)}."
    steps.append(Step(StepKind.COUNTED, text, begins, ends))
    if limit.unit is Unit.MONTHS and plain_on.day < begins.day - limit.count_start_day:
        text = f"That month has no day {begins.day}, so its last day is meant."
        steps.append(Step(StepKind.RULE, text))
    return steps


def _rolled_forward(dates: list[DayPlan], calendar: WorkingCalendar) -> list[Step]:
    steps = [_skipped(plan, calendar, "Not due on") for plan in dates[:-1]]
    if steps:
        steps.append(Step(StepKind.ROLLED, f"Moved to the next working day, {_day(dates[-1].on)}."))
    return steps


def _extended(
    limit: Limit, extension: Extension, so_far: datetime, later: Iterable[Pause], calendar: WorkingCalendar
) -> list[Step]:
    """What was due before, the extension, and the pauses that pushed it on."""
    granted, until = calendar.local(extension.granted_at), calendar.local(extension.until)
    text = f"Extended on {_instant(granted)} until {_instant(until)}: {_reason(extension.reason)}."
    steps = [
        Step(StepKind.RULE, f"By the limit itself it was due {_instant(calendar.local(so_far))}."),
        Step(StepKind.EXTENDED, text, granted, until),
    ]
    due, passing = extended(limit, extension, calendar, standstills(later))[0], passing_of(limit, calendar)
    steps += [_paused(pause, calendar) for pause in _in_order(later) if pause.began_at < due]
    pushed = passing.between(extension.until, due) // ONE_SECOND
    if due > extension.until:
        time_of = "working time" if limit.working else "real time"
        steps.append(Step(StepKind.RULE, f"Pauses moved it on by {_length(pushed)} of {time_of}."))
    return steps


def _running(start: datetime, due: datetime, stills: Standstills) -> list[tuple[datetime, datetime]]:
    """The stretches from start to due outside the standstills."""
    stretches = []
    for began, ended in stills:
        if ended > start and began < due:
            stretches.append((start, began))
            start = ended
    return [(began, ended) for began, ended in [*stretches, (start, due)] if began < ended]


def _in_order(pauses: Iterable[Pause]) -> list[Pause]:
    lasting = (pause for pause in pauses if pause.began_at < pause.ended_at)
    return sorted(lasting, key=lambda pause: (pause.began_at, pause.ended_at))


def _paused(pause: Pause, calendar: WorkingCalendar) -> Step:
    began, ended = calendar.local(pause.began_at), calendar.local(pause.ended_at)
    text = f"Paused from {_instant(began)} to {_instant(ended)}, not counted: {_reason(pause.reason)}."
    return Step(StepKind.PAUSED, text, began, ended)


def _restarted(pause: Pause, calendar: WorkingCalendar) -> Step:
    begins = calendar.local(pause.ended_at)
    text = f"Begun anew {_instant(begins)}: {_reason(pause.reason)}. What had passed before does not count."
    return Step(StepKind.RESTARTED, text, local_from=begins)


def _moment(limit: Limit, tick: datetime) -> str:
    if limit.due_at is DueAt.INSTANT:
        return f"at {tick:%H:%M:%S}"
    return "at the close of work" if limit.due_at is DueAt.END_OF_WORKING_DAY else "at its midnight"


def _reason(said: str) -> str:
    return said.replace("_", " ").rstrip(".")


def _start_day(on: date, *, counts: bool) -> Step:
    said = "is the first day of the period" if counts else "is day zero and does not count"
    return Step(StepKind.RULE, f"The start date, {_day(on)}, {said}.")


def _skipped(day: DayPlan | SkippedDay, calendar: WorkingCalendar, verdict: str = "Not counted:") -> Step:
    # A working day is passed over only if it had closed before the start.
    closed = isinstance(day, DayPlan) and day.is_working
    why = "work had closed before the start" if closed else _why(day)
    return Step(StepKind.SKIPPED, f"{verdict} {_day(day.on)}, {why}.", _midnight(day.on, calendar))


def _midnight(on: date, calendar: WorkingCalendar) -> datetime:
    return calendar.local(calendar.instant(on, time.min))


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

"""Whatever the calendar, the pauses and the start: only running time counts, and nothing is due in a pause."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import count, pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from casework.derivation import StepKind, derive
from casework.interruptions import Extension, Pause, standstills
from casework.limits import DueAt, Limit, Unit, due_at, threshold_at
from casework.working_time import WorkingCalendar, working_seconds_between
from tests.casework.adding import add_working_seconds
from tests.casework.test_interruptions import BERLIN, KZ, MONTH, ROLLING, TEN_HOURS

NIGHT = ((time(22), time(6)),)
ROUND_THE_CLOCK = ((time(0), time(0)),)
NIGHT_SHIFT = WorkingCalendar("night", "Europe/Berlin", NIGHT, 2024, 2027)
ALWAYS = WorkingCalendar(
    "always", "Europe/Berlin", ROUND_THE_CLOCK, 2024, 2027, weekly_windows=dict.fromkeys(range(7), ROUND_THE_CLOCK)
)

PROVEN = settings(max_examples=150, derandomize=True, deadline=None)
CALENDARS = st.sampled_from([KZ, BERLIN, NIGHT_SHIFT, ALWAYS])
MINUTE = timedelta(minutes=1)
SINCE = datetime(2026, 3, 20, tzinfo=UTC)
STARTS = st.integers(0, 12 * 24 * 60).map(lambda n: SINCE + n * MINUTE)
PAUSES = st.lists(
    st.builds(
        lambda began, length: Pause(SINCE + began * MINUTE, SINCE + (began + length) * MINUTE, "force_majeure"),
        st.integers(-3 * 24 * 60, 30 * 24 * 60),
        st.one_of(st.integers(0, 600), st.integers(0, 6 * 24 * 60)),
    ),
    max_size=5,
)
HOURS = st.builds(Limit, st.integers(1, 60), st.sampled_from([Unit.HOURS, Unit.WORKING_HOURS]))
DAYS = st.one_of(
    st.builds(Limit, st.integers(1, 12), st.sampled_from([Unit.WORKING_DAYS, Unit.CALENDAR_DAYS])),
    st.builds(
        Limit,
        st.integers(1, 12),
        st.sampled_from([Unit.WORKING_DAYS, Unit.CALENDAR_DAYS]),
        st.booleans(),
        st.just(DueAt.END_OF_DAY),
    ),
    st.builds(Limit, st.integers(1, 12), st.just(Unit.WORKING_DAYS), st.booleans(), st.just(DueAt.END_OF_WORKING_DAY)),
)
LIMITS = st.one_of(HOURS, DAYS, st.just(MONTH), st.just(ROLLING))


def stands_still(pauses: list[Pause], moment: datetime) -> bool:
    return any(stop.began_at <= moment < stop.ended_at for stop in pauses)


def counted_seconds(limit: Limit, cal: WorkingCalendar, pauses: list[Pause], start: datetime, end: datetime) -> int:
    """By the definition: cut at every edge, and add up the pieces in which the clock runs."""
    edges = {edge for stop in pauses for edge in (stop.began_at, stop.ended_at) if start < edge < end}
    pieces = [piece for piece in pairwise(sorted({start, end, *edges})) if not stands_still(pauses, piece[0])]
    if limit.working:
        return sum(working_seconds_between(cal, low, high) for low, high in pieces)
    return sum((high - low) // timedelta(seconds=1) for low, high in pieces)


def walked_due(limit: Limit, start: datetime, cal: WorkingCalendar, pauses: list[Pause]) -> datetime:
    """A period of days by the definition: day after day, tick after tick. Pauses must not begin at a tick."""
    local = cal.local(start)
    left = limit.amount
    for day in count(0):
        on = local.date() + timedelta(days=day)
        plan = cal.day(on)
        if limit.unit is Unit.WORKING_DAYS and not plan.is_working:
            continue
        if day == 0 and not (limit.count_start_day and (not limit.working or plan.closes_after(start))):
            continue
        tick = {
            DueAt.INSTANT: lambda on=on: cal.instant(on, local.time()),
            DueAt.END_OF_DAY: lambda on=on: cal.end_of_day(on),
            DueAt.END_OF_WORKING_DAY: lambda plan=plan: plan.spans[-1][1],
        }[limit.due_at]()
        left -= not stands_still(pauses, tick)
        if left == 0:
            return tick
    raise AssertionError


@PROVEN
@given(DAYS, CALENDARS, STARTS, PAUSES)
def test_days_are_those_of_a_plain_walk(
    limit: Limit, cal: WorkingCalendar, start: datetime, pauses: list[Pause]
) -> None:
    # Half a minute aside, so that no pause begins or ends at a tick; the edges have examples of their own.
    aside = [Pause(p.began_at + MINUTE / 2, p.ended_at + MINUTE / 2, p.reason) for p in pauses]
    assert due_at(limit, start, cal, aside) == walked_due(limit, start, cal, aside)


@PROVEN
@given(HOURS, CALENDARS, STARTS, PAUSES)
def test_the_time_outside_pauses_is_exactly_the_budget(
    limit: Limit, cal: WorkingCalendar, start: datetime, pauses: list[Pause]
) -> None:
    due = due_at(limit, start, cal, pauses)
    assert counted_seconds(limit, cal, pauses, start, due) == limit.seconds
    # And not a second earlier.
    assert counted_seconds(limit, cal, pauses, start, due - timedelta(seconds=1)) == limit.seconds - 1


@PROVEN
@given(LIMITS, CALENDARS, STARTS, PAUSES)
def test_nothing_is_due_while_the_clock_stands_still(
    limit: Limit, cal: WorkingCalendar, start: datetime, pauses: list[Pause]
) -> None:
    due = due_at(limit, start, cal, pauses)
    assert not any(began < due < ended for began, ended in standstills(pauses))
    # What rolls forward may move from a Saturday to Monday's close, or with a pause end on Monday at noon.
    assert limit.roll_forward or due >= due_at(limit, start, cal)


@PROVEN
@given(LIMITS, CALENDARS, STARTS, PAUSES)
def test_a_pause_at_or_after_the_due_instant_or_before_the_start_or_of_no_length_has_no_effect(
    limit: Limit, cal: WorkingCalendar, start: datetime, pauses: list[Pause]
) -> None:
    due = due_at(limit, start, cal, pauses)
    idle = [
        Pause(due, due + timedelta(days=3), "x"),
        Pause(due + MINUTE, due + timedelta(days=3), "x"),
        Pause(start - timedelta(days=2), start, "x"),
        *(Pause(stop.began_at, stop.began_at, "x") for stop in pauses),
    ]
    kept = [stop for stop in pauses if stop.began_at < due]
    for one in idle:
        assert due_at(limit, start, cal, [*kept, one]) == due
    assert due_at(limit, start, cal, pauses[::-1]) == due


@PROVEN
@given(HOURS, CALENDARS, STARTS, PAUSES, st.integers(1, 30))
def test_budgets_add_up_across_pauses_and_more_is_later(
    limit: Limit, cal: WorkingCalendar, start: datetime, pauses: list[Pause], more: int
) -> None:
    due = due_at(limit, start, cal, pauses)
    both = due_at(Limit(limit.amount + more, limit.unit), start, cal, pauses)
    assert due < both
    assert due_at(Limit(more, limit.unit), due, cal, pauses) == both


@PROVEN
@given(DAYS, CALENDARS, STARTS, PAUSES)
def test_a_day_more_is_due_later_in_spite_of_pauses(
    limit: Limit, cal: WorkingCalendar, start: datetime, pauses: list[Pause]
) -> None:
    more = Limit(limit.amount + 1, limit.unit, limit.count_start_day, limit.due_at)
    assert due_at(limit, start, cal, pauses) < due_at(more, start, cal, pauses)


@PROVEN
@given(st.integers(1, 200), STARTS, PAUSES)
def test_an_office_that_never_closes_pauses_in_real_time(hours: int, start: datetime, pauses: list[Pause]) -> None:
    worked = due_at(Limit(hours, Unit.WORKING_HOURS), start, ALWAYS, pauses)
    assert worked == due_at(Limit(hours, Unit.HOURS), start, ALWAYS, pauses)


RESTARTING = st.lists(st.tuples(st.integers(-600, 30_000), st.integers(0, 3_000), st.booleans()), max_size=4)


@PROVEN
@given(LIMITS, CALENDARS, STARTS, RESTARTING, st.booleans())
def test_the_derivation_is_the_arithmetic_with_everything_that_can_interrupt(
    limit: Limit, cal: WorkingCalendar, start: datetime, stops: list[tuple[int, int, bool]], more: bool
) -> None:
    pauses = [
        Pause(
            start + began * MINUTE + timedelta(milliseconds=700), start + (began + length + 1) * MINUTE, "x", restarts
        )
        for began, length, restarts in stops
    ]
    extension = Extension(start + 60 * MINUTE, start + 20_000 * MINUTE, "y") if more else None
    told = derive(limit, start, cal, pauses, extension)
    assert told.due_at == told.local_due == due_at(limit, start, cal, pauses, extension)
    counted = [step for step in told.steps if step.kind is StepKind.COUNTED]
    if limit.unit is Unit.WORKING_DAYS:
        assert len(counted) == limit.amount
    elif limit.seconds:
        assert sum(step.seconds or 0 for step in counted) == limit.seconds
    assert (StepKind.EXTENDED in {step.kind for step in told.steps}) is more
    for step in told.steps:
        assert not step.text.endswith("..")


@PROVEN
@given(LIMITS, CALENDARS, STARTS, PAUSES, st.floats(0, 1))
def test_a_threshold_has_used_its_share_of_what_counted(
    limit: Limit, cal: WorkingCalendar, start: datetime, pauses: list[Pause], fraction: float
) -> None:
    due = due_at(limit, start, cal, pauses)
    mark = threshold_at(start, due, fraction, limit, cal, pauses)
    whole = counted_seconds(limit, cal, pauses, start, due)
    assert start <= mark <= due
    assert fraction == 1 or abs(counted_seconds(limit, cal, pauses, start, mark) - fraction * whole) <= 1.01


@PROVEN
@given(CALENDARS, STARTS, PAUSES)
def test_an_extension_loses_nothing_to_pauses(cal: WorkingCalendar, start: datetime, pauses: list[Pause]) -> None:
    granted, until = start, start + timedelta(days=5)
    due = due_at(TEN_HOURS, start - timedelta(hours=1), cal, pauses, Extension(granted, until, "x"))
    later = [stop for stop in pauses if stop.began_at > granted]
    budget = working_seconds_between(cal, granted, until)
    assert counted_seconds(TEN_HOURS, cal, later, granted, due) == budget
    if not later:
        assert due == until
    elif working_seconds_between(cal, until, due):
        assert add_working_seconds(cal, until, working_seconds_between(cal, until, due)) == due

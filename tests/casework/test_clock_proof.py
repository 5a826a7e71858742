"""The proof of the clocks on a few hundred examples, and what holds for any office, zone, start and pause."""

from __future__ import annotations

import re
import time as stopwatch
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from casework.interruptions import Pause
from casework.limits import Limit, Unit, due_at
from casework.working_time import DayOverride, WorkingCalendar, working_seconds_between
from casework.working_time_errors import CalendarExhausted
from tests.casework import clock_worlds as worlds
from tests.casework.adding import add_working_seconds
from tests.casework.clock_questions import PROOFS, Proof
from tests.casework.clock_worlds import World, limit_of
from tests.casework.reference_clock import DAY, Break, Duty, Office, Reference, WallClock

HOLDS = settings(max_examples=25, derandomize=True, deadline=None)
WORLDS = worlds.some_worlds()
ALWAYS_OPEN = ((0, DAY),)
PAGE = Path(__file__).parents[2] / "docs" / "proof.md"
LONGEST_SEARCH = 10
"""Seconds; a search without a bound takes for ever."""


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.id)
def test_the_engine_agrees_with_every_minute_counted(
    proof: Proof, record_property: Callable[[str, object], None]
) -> None:
    compared = proof.run(proof.quick)
    record_property("examples", compared)
    assert compared >= proof.quick


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.id)
def test_the_published_table_has_a_row_for_every_proof(proof: Proof) -> None:
    assert re.search(rf"^\| {re.escape(proof.claim)} \| [\d,]+ \| [\w*]+ \| [\d,]+ \|$", PAGE.read_text(), re.M)


# The reference itself, by hand -----------------------------------------------------------------------------

LUNCH = ((540, 780), (870, 1110))
NAURYZ = {date(2026, 3, day): () for day in (21, 22, 23, 24, 25)}


def test_the_reference_gets_the_dates_that_were_worked_out_by_hand() -> None:
    wall = WallClock("Asia/Almaty", datetime(2026, 3, 15, tzinfo=UTC), 30 * DAY)
    office = Reference(wall, Office((LUNCH,) * 5 + ((), ()), NAURYZ))
    start = _minute(wall, "2026-03-20T10:00+05:00")
    assert office.due(Duty(3, "working_days", "end_of_working_day"), start) == _minute(wall, "2026-03-30T18:30+05:00")
    assert office.due(Duty(8, "working_hours"), start) == _minute(wall, "2026-03-26T10:00+05:00")
    assert office.due(Duty(24, "hours"), start) == start + DAY
    pause = Break(start + 60, start + 180)
    assert office.due(Duty(24, "hours"), start, [pause]) == start + DAY + 120
    assert office.due(Duty(24, "hours"), start, [replace(pause, restarts=True)]) == pause.end + DAY


def test_the_reference_reads_a_wall_clock_that_jumps() -> None:
    wall = WallClock("Europe/Berlin", datetime(2026, 3, 27, tzinfo=UTC), 5 * DAY)
    on = date(2026, 3, 29).toordinal()
    assert wall.instant(wall.reached(on, 150)) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert wall.reached(on, 240) - wall.reached(on, 60) == 120
    wall = WallClock("Europe/Berlin", datetime(2026, 10, 23, tzinfo=UTC), 5 * DAY)
    on = date(2026, 10, 25).toordinal()
    assert wall.instant(wall.reached(on, 150)) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert wall.reached(on, 240) - wall.reached(on, 60) == 240


def _minute(wall: WallClock, text: str) -> int:
    return (datetime.fromisoformat(text) - wall.first) // timedelta(minutes=1)


# What must hold always -------------------------------------------------------------------------------------


@HOLDS
@given(WORLDS, worlds.ANY_DUTY, st.data())
def test_a_larger_budget_is_never_due_earlier(world: World, duty: Duty, data: st.DataObject) -> None:
    pauses = world.pauses(data.draw(worlds.some_breaks(world.start)))
    start, cal = world.at(world.start), world.calendar()
    one, more = (due_at(limit_of(replace(duty, amount=n)), start, cal, pauses) for n in (duty.amount, duty.amount + 1))
    assert start < one <= more


@HOLDS
@given(WORLDS, worlds.ANY_DUTY, st.data())
def test_a_pause_never_makes_a_duty_due_earlier(world: World, duty: Duty, data: st.DataObject) -> None:
    breaks = data.draw(worlds.some_breaks(world.start))
    limit, start, cal = limit_of(duty), world.at(world.start), world.calendar()
    dues = [due_at(limit, start, cal, world.pauses(breaks[:n])) for n in range(len(breaks) + 1)]
    assert dues == sorted(dues)


@HOLDS
@given(WORLDS, st.integers(1, 30 * DAY))
def test_an_office_open_round_the_clock_works_in_real_time(world: World, minutes: int) -> None:
    cal = replace(world, office=Office((ALWAYS_OPEN,) * 7)).calendar()
    start = world.at(world.start)
    end = start + timedelta(minutes=minutes)
    assert working_seconds_between(cal, start, end) == 60 * minutes
    assert add_working_seconds(cal, start, 60 * minutes) == end


@HOLDS
@given(WORLDS, st.integers(1, 60), st.integers(1, 6 * 96), st.integers(0, 600))
def test_a_pause_in_which_nobody_works_changes_no_working_deadline(
    world: World, hours: int, length: int, later: int
) -> None:
    reference = Reference(world.wall, world.office)
    assume(0 in reference.open_on[world.start + later :])
    begin = reference.open_on.index(0, world.start + later)
    end = begin
    while end < begin + length * 15 and not reference.open_on[end]:
        end += 1
    cal, start, limit = world.calendar(), world.at(world.start), Limit(hours, Unit.WORKING_HOURS)
    pause = Pause(world.at(begin), world.at(end), "court_suspension")
    assert due_at(limit, start, cal, [pause]) == due_at(limit, start, cal)


@HOLDS
@given(WORLDS, st.integers(0, 20 * DAY), st.integers(0, 20 * DAY), st.integers(1, 90_000), st.integers(1, 90_000))
def test_working_time_adds_up(world: World, one: int, other: int, budget: int, more: int) -> None:
    cal, start = world.calendar(), world.at(world.start)
    middle, end = world.at(world.start + one), world.at(world.start + one + other)
    both = working_seconds_between(cal, start, middle) + working_seconds_between(cal, middle, end)
    assert working_seconds_between(cal, start, end) == both
    in_steps = add_working_seconds(cal, add_working_seconds(cal, start, budget), more)
    assert in_steps == add_working_seconds(cal, start, budget + more)


@HOLDS
@given(WORLDS)
def test_a_window_includes_its_opening_and_not_its_close(world: World) -> None:
    cal, second = world.calendar(), timedelta(seconds=1)
    today = world.wall.date_at(world.start)
    edges = [edge for n in range(9) for edge in cal.day(date.fromordinal(today + n)).spans]
    opens, closes = {begin for begin, _ in edges}, {end for _, end in edges}
    for begin, end in edges[1:-1]:
        assert working_seconds_between(cal, begin, begin + second) == 1
        assert working_seconds_between(cal, begin - second, begin) == (begin in closes)
        assert working_seconds_between(cal, end - second, end) == 1
        assert working_seconds_between(cal, end, end + second) == (end in opens)


def _open_only(*dates: date, first: int, last: int) -> WorkingCalendar:
    shut = DayOverride("closed", "shut")
    every = (date.fromordinal(n) for n in range(date(first, 1, 1).toordinal(), date(last, 12, 31).toordinal() + 1))
    overrides = {on: shut for on in every if on not in dates}
    nine_to_five = ((time(9), time(17)),)
    week = dict.fromkeys(range(7), nine_to_five)
    return WorkingCalendar("rare", "UTC", nine_to_five, first, last, weekly_windows=week, overrides=overrides)


def test_one_working_day_a_year_still_comes() -> None:
    cal = _open_only(*(date(year, 6, 1) for year in range(2020, 2031)), first=2020, last=2030)
    start = datetime(2026, 4, 15, tzinfo=UTC)
    began = stopwatch.monotonic()
    assert due_at(Limit(20, Unit.WORKING_HOURS), start, cal) == datetime(2028, 6, 1, 13, tzinfo=UTC)
    assert due_at(Limit(3, Unit.WORKING_DAYS), start, cal) == datetime(2028, 6, 1, tzinfo=UTC)
    assert stopwatch.monotonic() - began < LONGEST_SEARCH


def test_a_working_day_that_never_comes_is_no_endless_search() -> None:
    cal = _open_only(first=2000, last=2080)
    start = datetime(2001, 4, 15, tzinfo=UTC)
    began = stopwatch.monotonic()
    for unit in (Unit.WORKING_HOURS, Unit.WORKING_DAYS):
        with pytest.raises(CalendarExhausted):
            due_at(Limit(1, unit), start, cal)
    assert stopwatch.monotonic() - began < LONGEST_SEARCH

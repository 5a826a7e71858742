"""What the proof of the clocks asks: the same question of the engine and of the reference, and the same answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from casework.interruptions import Extension
from casework.limits import due_at, threshold_at
from casework.working_time import working_seconds_between
from tests.casework import clock_worlds as worlds
from tests.casework.adding import add_working_seconds
from tests.casework.clock_worlds import World, limit_of
from tests.casework.reference_clock import DAY, Beyond, Break, Duty, Reference

Question = tuple[Any, ...]


def same_due(world: World, duty: Duty, breaks: tuple[Break, ...], extended: tuple[int, int] | None = None) -> None:
    """Engine and reference give the same due instant; past the stretch, the engine's lies there too."""
    pauses = world.pauses(breaks)
    extension = Extension(world.at(extended[0]), world.at(extended[1]), "court") if extended else None
    found = due_at(limit_of(duty), world.at(world.start), world.calendar(), pauses, extension)
    assert found.tzinfo is UTC
    try:
        expected = Reference(world.wall, world.office).due(duty, world.start, breaks, extended)
    except Beyond:
        assert found >= world.at(world.wall.minutes)
    else:
        assert found == world.at(expected)


def same_threshold(world: World, duty: Duty, breaks: tuple[Break, ...], quarters: int) -> None:
    """Engine and reference find the same instant at which a part of the time is used."""
    reference = Reference(world.wall, world.office)
    try:
        due = reference.due(duty, world.start, breaks)
    except Beyond:
        return
    expected = world.wall.first + timedelta(minutes=reference.threshold(duty, world.start, due, quarters, breaks))
    pauses = world.pauses(breaks)
    start = world.at(world.start)
    assert threshold_at(start, world.at(due), quarters / 4, limit_of(duty), world.calendar(), pauses) == expected


def same_working_time(world: World, minutes: int) -> None:
    """Counting working time, and adding it up again, agree with every minute looked at."""
    opened = Reference(world.wall, world.office).open_on
    counted = [minute for minute in range(world.start, world.start + minutes) if opened[minute]]
    start, cal = world.at(world.start), world.calendar()
    assert working_seconds_between(cal, start, world.at(world.start + minutes)) == 60 * len(counted)
    if counted:
        assert add_working_seconds(cal, start, 60 * len(counted)) == world.at(counted[-1] + 1)


def same_windows(world: World) -> None:
    """Every date has the same windows, as instants, half-open and in order."""
    reference, cal = Reference(world.wall, world.office), world.calendar()
    today = world.wall.date_at(world.start)
    near = range(world.start - 3 * DAY, world.start + 11 * DAY)
    for on in range(today, today + 7):
        spans = cal.day(date.fromordinal(on)).spans
        opened = [minute for minute in near if reference.open_on[minute] == on]
        assert sum((end - begin).total_seconds() for begin, end in spans) == 60 * len(opened)
        assert all(any(begin <= world.at(m) < end for begin, end in spans) for m in opened)


# The proofs ----------------------------------------------------------------------------------------------


@st.composite
def paused(
    draw: st.DrawFn,
    duties: st.SearchStrategy[Duty],
    days: int = worlds.LENGTH,
    complete: bool = False,
    restarts: bool = True,
) -> Question:
    """A duty with pauses."""
    world = draw(worlds.some_worlds(days, complete))
    return world, draw(duties), draw(worlds.some_breaks(world.start, restarts))


@st.composite
def measured(draw: st.DrawFn, restarts: bool) -> Question:
    """A paused duty and how many quarters of it are asked for."""
    return *draw(paused(worlds.ANY_DUTY, complete=True, restarts=restarts)), draw(st.integers(0, 4))


@st.composite
def extended(draw: st.DrawFn) -> Question:
    """A duty that was extended, with pauses before and after that."""
    world = draw(worlds.some_worlds())
    granted = world.start + draw(st.integers(0, 4 * 96)) * 15
    until = granted + draw(st.integers(1, 12 * 96)) * 15
    breaks = draw(worlds.some_breaks(world.start))
    return world, draw(worlds.ANY_DUTY), breaks, (granted, until)


@dataclass(frozen=True)
class Proof:
    """One question; ``full`` and ``quick`` say of how many random examples it is asked."""

    name: str
    claim: str
    questions: st.SearchStrategy[Question]
    same: Callable[..., None]
    full: int
    quick: int

    @property
    def id(self) -> str:
        """The name in one word."""
        return self.name.replace(" ", "-")

    def run(self, examples: int) -> int:
        """Ask it of so many examples, the same ones at every run; how many were compared."""
        compared = 0

        def ask(question: Question) -> None:
            nonlocal compared
            self.same(*question)
            compared += 1

        slow = [HealthCheck.too_slow, HealthCheck.data_too_large]
        chosen = settings(
            max_examples=examples,
            derandomize=True,
            deadline=None,
            suppress_health_check=slow,
            phases=(Phase.generate, Phase.shrink),  # explaining a failure takes longer than finding it
        )
        chosen(given(self.questions)(ask))()
        return compared


_plain = worlds.some_worlds()
PROOFS = (
    Proof("windows", "each date has exactly its open minutes", st.tuples(_plain), same_windows, 1_000, 15),
    Proof(
        "working time",
        "counting working time and adding it up again",
        st.tuples(_plain, st.integers(1, 20 * DAY)),
        same_working_time,
        2_500,
        30,
    ),
    Proof("elapsed", "minutes and hours, with pauses", paused(worlds.ELAPSED), same_due, 2_500, 30),
    Proof("working hours", "working hours, with pauses", paused(worlds.WORKING_HOURS), same_due, 3_500, 35),
    Proof("working days", "working days, with pauses", paused(worlds.WORKING_DAYS), same_due, 4_000, 40),
    Proof(
        "calendar days",
        "calendar days, with pauses and rolling forward",
        paused(worlds.CALENDAR_DAYS, complete=True),
        same_due,
        2_500,
        25,
    ),
    Proof(
        "close of work",
        "calendar days due at the close of work, with pauses",
        paused(worlds.CLOSE_OF_WORK, complete=True),
        same_due,
        1_000,
        15,
    ),
    Proof(
        "months",
        "months, with pauses and rolling forward",
        paused(worlds.MONTHS, worlds.LENGTH_FOR_MONTHS, complete=True),
        same_due,
        800,
        10,
    ),
    Proof("extensions", "extended duties, with pauses before and after", extended(), same_due, 2_000, 25),
    Proof(
        "thresholds",
        "a quarter, a half, three quarters of the time used, with pauses",
        measured(restarts=False),
        same_threshold,
        1_500,
        25,
    ),
    Proof(
        "thresholds after a restart",
        "the same, where pauses may begin the whole duty anew",
        measured(restarts=True),
        same_threshold,
        500,
        25,
    ),
)

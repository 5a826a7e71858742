"""Random offices, zones, starts, pauses and duties for the proof of the clocks, near the changes of local clocks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

from hypothesis import strategies as st

from casework.interruptions import Pause
from casework.limits import DueAt, Limit, Unit
from casework.working_time import DayOverride, Windows, WorkingCalendar
from tests.casework.reference_clock import DAY, Break, Duty, Hours, Office, WallClock

STRETCHES = [
    # A zone and the UTC date of a change of its clock. Those without a change near the date say so.
    ("Europe/Berlin", "2026-03-29"),
    ("Europe/Berlin", "2026-10-25"),
    ("America/St_Johns", "2026-03-08"),
    ("America/St_Johns", "2010-11-07"),  # one minute after midnight, back into the day before
    ("Australia/Sydney", "2026-04-04"),
    ("Australia/Lord_Howe", "2026-10-03"),  # by half an hour
    ("Australia/Lord_Howe", "2027-04-03"),
    ("Australia/Adelaide", "2026-10-03"),
    ("Pacific/Chatham", "2026-04-04"),
    ("Pacific/Apia", "2011-12-30"),  # a whole date does not exist
    ("Pacific/Apia", "2026-12-31"),  # no change
    ("Africa/Casablanca", "2026-02-15"),
    ("Africa/Casablanca", "2026-03-22"),
    ("Africa/Cairo", "2026-04-23"),  # at midnight, which is skipped
    ("America/Sao_Paulo", "2018-11-04"),  # at midnight, which is skipped
    ("America/Sao_Paulo", "2018-02-18"),  # at midnight, back into the day before
    ("Antarctica/Troll", "2026-10-25"),  # by two hours
    ("Asia/Almaty", "2024-02-29"),  # the last change of the offset
    ("Asia/Almaty", "2026-01-01"),  # no change
    ("Asia/Kathmandu", "2026-02-27"),  # no change; +05:45
]
BEFORE = 10
"""Days of a stretch before the change."""
LENGTH, LENGTH_FOR_MONTHS = 60, 110
"""Days of a stretch."""
STARTS = (3 * DAY, 17 * DAY)
A_DATE_IS_MISSING = ("Pacific/Apia", "2011-12-30")


@cache
def wall_clock(zone: str, change_on: str, days: int = LENGTH) -> WallClock:
    """The reference's clock for one stretch; reading it takes time, so once."""
    first = datetime.combine(date.fromisoformat(change_on) - timedelta(days=BEFORE), time(0), UTC)
    return WallClock(zone, first, days * DAY)


@dataclass(frozen=True)
class World:
    """An office with its clock on the wall, and the moment at which a duty starts."""

    wall: WallClock
    office: Office
    start: int

    def calendar(self) -> WorkingCalendar:
        """The office as the engine wants it."""
        year = self.wall.first.year
        ordinary = next(hours for hours in self.office.week if hours)
        return WorkingCalendar(
            "world",
            self.wall.zone,
            _windows(ordinary),
            year - 1,
            year + 2,
            weekly_windows={day: _windows(hours) for day, hours in enumerate(self.office.week) if hours},
            overrides={
                on: DayOverride("open", "special", _windows(hours)) if hours else DayOverride("closed", "closed")
                for on, hours in self.office.special.items()
            },
        )

    def at(self, minute: int) -> datetime:
        """The instant of a minute."""
        return self.wall.instant(minute)

    def pauses(self, breaks: tuple[Break, ...]) -> tuple[Pause, ...]:
        """The pauses as the engine wants them."""
        return tuple(Pause(self.at(b.begin), self.at(b.end), "more_info_needed", b.restarts) for b in breaks)


def _windows(hours: Hours) -> Windows:
    return tuple((_time(opens), _time(closes)) for opens, closes in hours)


def _time(minute: int) -> time:
    return time(minute % DAY // 60, minute % 60)


def limit_of(duty: Duty) -> Limit:
    """The duty as the engine wants it."""
    return Limit(duty.amount, Unit(duty.unit), duty.counts_start_day, DueAt(duty.end), duty.rolls)


# Random inputs -------------------------------------------------------------------------------------------

QUARTERS = st.integers(0, 95).map(lambda n: n * 15)
SPILLS = st.sampled_from((0, 0, 0, 150, 360))


@st.composite
def some_hours(draw: st.DrawFn, spill: int) -> Hours:
    """One to three windows; all open after ``spill``, and the last may close as late on the next date."""
    points = draw(st.lists(QUARTERS.filter(lambda at: at >= spill), min_size=2, max_size=6, unique=True).map(sorted))
    points = points[: len(points) // 2 * 2]
    if draw(st.integers(0, 3)) == 0:
        points[-1] = DAY + draw(st.integers(0, max(spill - 1, 0)))
    if len(points) >= 4 and draw(st.booleans()):
        points[2] = points[1]  # one window closes as the next opens
    windows = list(zip(points[::2], points[1::2], strict=True))
    return tuple((opens, closes) for opens, closes in windows if closes > opens)


@st.composite
def some_offices(draw: st.DrawFn, wall: WallClock) -> Office:
    """Any subset of weekdays, with half days, nights, holidays and dates with other hours."""
    spill = draw(SPILLS)
    patterns = draw(st.lists(some_hours(spill), min_size=1, max_size=3))
    patterns.append(((spill, DAY + spill // 2),) if draw(st.booleans()) else ((max(540, spill), 1080),))
    kinds = st.sampled_from([*patterns, *patterns, ()])
    week = [draw(kinds) for _ in range(7)]
    if not any(week):
        week[draw(st.integers(0, 6))] = patterns[0]
    first = wall.dates()[0]
    special = draw(st.dictionaries(st.integers(3, 40).map(lambda n: date.fromordinal(first + n)), kinds, max_size=6))
    return Office(tuple(week), special)


@st.composite
def some_worlds(draw: st.DrawFn, days: int = LENGTH, complete: bool = False) -> World:
    """A world whose start lies within days, often within hours, of a change of the clock."""
    stretches = [each for each in STRETCHES if not complete or each != A_DATE_IS_MISSING]
    if days == LENGTH_FOR_MONTHS:
        stretches = stretches[::4]  # a long stretch takes long to read
    wall = wall_clock(*draw(st.sampled_from(stretches)), days)
    kind = draw(st.integers(0, 5))
    if kind == 0:
        start = wall.reached(wall.date_at(0) + draw(st.integers(4, 17)), 0)
    elif kind < 3:
        start = draw(st.integers(*STARTS))
    else:
        start = BEFORE * DAY + draw(st.integers(-2 * 96, 2 * 96)) * 15
    return World(wall, draw(some_offices(wall)), start)


@st.composite
def some_breaks(draw: st.DrawFn, start: int, restarts: bool = True) -> tuple[Break, ...]:
    """None to four pauses, overlapping or not, some before the start, often on the edge of a window."""
    drawn = []
    for _ in range(draw(st.integers(0, 4))):
        begin = start + draw(st.integers(-2 * 96, 12 * 96)) * 15 - start % 15 * draw(st.integers(0, 1))
        length = draw(st.one_of(st.integers(1, 600), st.integers(1, 6 * 96).map(lambda n: n * 15)))
        drawn.append(Break(begin, begin + length, restarts and draw(st.integers(0, 5)) == 0))
    return tuple(drawn)


ELAPSED = st.builds(
    Duty, st.one_of(st.integers(1, 100), st.integers(1, 10_000)), st.just("minutes"), rolls=st.booleans()
) | st.builds(Duty, st.integers(1, 200), st.just("hours"), rolls=st.booleans())
WORKING_HOURS = st.builds(Duty, st.integers(1, 60), st.just("working_hours"))
WORKING_DAYS = st.builds(
    Duty,
    st.integers(1, 6),
    st.just("working_days"),
    st.sampled_from(("end_of_working_day", "end_of_day")),
    st.booleans(),
) | st.builds(Duty, st.integers(1, 6), st.just("working_days"))
CALENDAR_DAYS = st.builds(
    Duty, st.integers(1, 20), st.just("calendar_days"), st.just("end_of_day"), st.booleans(), st.booleans()
) | st.builds(Duty, st.integers(1, 20), st.just("calendar_days"), rolls=st.booleans())
MONTHS = st.builds(
    Duty, st.integers(1, 2), st.just("months"), st.just("end_of_day"), st.booleans(), st.booleans()
) | st.builds(Duty, st.integers(1, 2), st.just("months"), rolls=st.booleans())
CLOSE_OF_WORK = st.builds(
    Duty, st.integers(1, 20), st.just("calendar_days"), st.just("end_of_working_day"), st.booleans(), st.just(True)
)
ANY_DUTY = ELAPSED | WORKING_HOURS | WORKING_DAYS | CALENDAR_DAYS | CLOSE_OF_WORK

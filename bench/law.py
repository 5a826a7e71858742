"""Due times and priorities per second on one core, beside two well-kept libraries on the same dates.

Every call is one call: one start, one answer, as the case file asks it. The libraries get what they can express: the
day on which 15 working days end (both), and the instant at which 40 working hours end (pandas). All of 2026, in which
no rest day is worked in exchange, because pandas has no word for such a day. Their answers are compared with ours.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import pandas as pd

from bench.child import Tick, peak_memory, serve
from bench.report import Figure
from casework.limits import DueAt as End
from casework.limits import Limit, Unit, due_at
from casework.policy_pack import Pack
from casework.priority import PriorityFacts, assess
from casework.vocabulary import AgeBand
from casework.working_time import WorkingCalendar, next_working_instant
from tasks.runtime import load_pack
from tasks.settings import POLICIES

SEED = 3
PACK = "kz-ministry"
HOURS = (("09:00", "14:30"), ("13:00", "18:30"))
"""Openings and closings of the pack's ordinary day, for pandas."""

ELAPSED = Limit(24, Unit.HOURS)
WORKING_HOURS = Limit(40, Unit.WORKING_HOURS)
WORKING_DAYS = Limit(15, Unit.WORKING_DAYS, due_at=End.END_OF_WORKING_DAY)


def measure(tick: Tick, *, starts: int, rounds: int) -> list[Figure]:
    """Each way in turn, ``rounds`` times after a warm-up; the median of the rounds is the figure."""
    pack = load_pack(POLICIES / PACK)
    calendar = pack.working_calendar()
    moments = _starts(starts)
    few = moments[: max(10, starts // 20)]
    zone = ZoneInfo(calendar.zone)
    local = [at.astimezone(zone) for at in few]
    kept = holidays.country_holidays("KZ", years=(2026, 2027))
    days = pd.offsets.CustomBusinessDay(n=15, holidays=sorted(kept))
    hours = pd.offsets.CustomBusinessHour(n=40, start=list(HOURS[0]), end=list(HOURS[1]), holidays=sorted(kept))
    stamps = [pd.Timestamp(at.replace(tzinfo=None)) for at in local]
    _compare(calendar, few, local, kept, days, hours)
    facts = _facts(pack, starts)
    ways: dict[str, tuple[Callable[[Any], object], Sequence[Any]]] = {
        "elapsed": (lambda at: due_at(ELAPSED, at, calendar), moments),
        "working_hours": (lambda at: due_at(WORKING_HOURS, at, calendar), moments),
        "working_days": (lambda at: due_at(WORKING_DAYS, at, calendar), moments),
        "holidays_days": (lambda at: kept.get_nth_working_day(at.date(), 15), local),
        "pandas_days": (lambda at: at + days, stamps),
        "pandas_hours": (lambda at: at + hours, stamps),
        "priority": (lambda one: assess(one, pack), facts),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    steps = len(ways) * (rounds + 1)
    for number in range(rounds + 1):
        for place, (name, (call, over)) in enumerate(ways.items()):
            rate = _rate(call, over)
            if number:
                rates[name].append(rate)
            tick(number * len(ways) + place + 1, steps)
    return _figures({name: median(measured) for name, measured in rates.items()}, starts)


def _rate(call: Callable[[Any], object], over: Sequence[Any]) -> float:
    began = perf_counter()
    for one in over:
        call(one)
    return len(over) / (perf_counter() - began)


def _starts(number: int) -> list[datetime]:
    """Starts at any minute of January to October 2026, seeded."""
    chance = random.Random(SEED)
    first = datetime(2026, 1, 5, tzinfo=UTC)
    return [first + timedelta(minutes=chance.randrange(290 * 24 * 60)) for _ in range(number)]


def _facts(pack: Pack, number: int) -> list[PriorityFacts]:
    chance = random.Random(SEED)
    categories = [category.code for category in pack.categories]
    signs = sorted(pack.indicators)
    return [
        PriorityFacts(
            category=chance.choice(categories),
            age_band=chance.choice(list(AgeBand)),
            indicators=frozenset(chance.sample(signs, chance.randrange(4))),
            reports=chance.randrange(1, 15),
            platforms=chance.randrange(1, 3),
            reporter_is_child=chance.random() < 0.1,
        )
        for _ in range(number)
    ]


def _compare(
    calendar: WorkingCalendar,
    starts: Sequence[datetime],
    local: Sequence[datetime],
    kept: holidays.HolidayBase,
    days: pd.offsets.CustomBusinessDay,
    hours: pd.offsets.CustomBusinessHour,
) -> None:
    """What is compared for speed must be the same answer. Starts outside working time are left out for pandas:
    from a closed day it counts otherwise."""
    for at, there in zip(starts, local, strict=True):
        ours = calendar.local(due_at(WORKING_DAYS, at, calendar)).date()
        theirs: date = kept.get_nth_working_day(there.date(), 15)
        assert ours == theirs, f"holidays: {there}: {ours} is not {theirs}"
        if not calendar.day(there.date()).is_working:
            continue
        stamp = pd.Timestamp(there.replace(tzinfo=None))
        assert ours == (stamp + days).date(), f"pandas, days: {there}"
        due = due_at(WORKING_HOURS, at, calendar)
        opening = next_working_instant(calendar, due)
        # A budget that ends with a window ends at its close for us, for pandas sometimes at the next opening.
        same = {calendar.local(moment).replace(tzinfo=None) for moment in (due, opening)}
        assert (stamp + hours).to_pydatetime() in same, f"pandas, hours: {there}: {due} is not {stamp + hours}"


def _figures(rates: dict[str, float], starts: int) -> list[Figure]:
    titles = {
        "elapsed": "24 hours, due times",
        "working_hours": "40 working hours, due times",
        "working_days": "15 working days, due times",
        "holidays_days": "15 working days, by the package holidays",
        "pandas_days": "15 working days, by pandas",
        "pandas_hours": "40 working hours, by pandas",
        "priority": "priorities with their trace",
    }
    figures = [Figure(f"law.{name}", titles[name], rate, "1/s", starts) for name, rate in rates.items()]
    ratios = (
        ("days_over_holidays", "15 working days, ours over holidays", "working_days", "holidays_days"),
        ("days_over_pandas", "15 working days, ours over pandas", "working_days", "pandas_days"),
        ("hours_over_pandas", "40 working hours, ours over pandas", "working_hours", "pandas_hours"),
    )
    figures += [Figure(f"law.{name}", title, rates[ours] / rates[theirs], "x") for name, title, ours, theirs in ratios]
    return [*figures, peak_memory("law")]


if __name__ == "__main__":
    quick = "--quick" in sys.argv
    serve(partial(measure, starts=2_000 if quick else 40_000, rounds=1 if quick else 3))

"""How old a scheduled job's last success may be: its own rhythm, and room for one missed turn."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from croniter import croniter  # type: ignore[import-untyped]

LEAST_ROOM = timedelta(minutes=4)
"""A run needs a process of its own, and may wait behind others for a place."""

MOST_ROOM = timedelta(hours=1)
"""However rare the job: an hour after its time somebody should know."""

_LOOK_AHEAD = timedelta(days=8)
"""Long enough to meet the pause of a night, a weekend and a week."""

_A_MONDAY = date(2024, 1, 1)
"""Where turns are counted from; any day would do."""


@cache
def late_after(cron: str, zone: str) -> timedelta:
    """The age from which a job's last success is late: its longest pause by ``cron``, and some room.

    Raises ValueError for what is no cron line, and for a zone that nobody knows.
    """
    pause = _longest_pause(cron, zone)
    return pause + min(max(2 * pause, LEAST_ROOM), MOST_ROOM)


def _longest_pause(cron: str, zone: str) -> timedelta:
    """The longest time between two turns, as instants: a night in which the clock is put back is longer."""
    start = datetime.combine(_A_MONDAY, time(0), ZoneInfo(zone))
    turns = croniter(cron, start, ret_type=datetime)
    hourly = all(field == "*" for field in cron.split()[1:])
    until = start + (timedelta(hours=2) if hourly else _LOOK_AHEAD)
    times: list[datetime] = [turns.get_next() for _ in range(3)]
    while times[-1] < until:
        times.append(turns.get_next())
    return max(later.timestamp() - sooner.timestamp() for sooner, later in pairwise(times)) * timedelta(seconds=1)

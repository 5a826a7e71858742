"""What interrupts a clock: pauses, in which nothing counts, and extensions, which name a new due instant.

Pausing spends no budget and never shifts the start. A pause is half-open, [began, ended): what falls on its end
counts. Pauses that overlap are one standstill. One that begins at or after the instant at which the budget is
used up changes nothing, because by then there is nothing left to pause.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from casework.working_time import as_utc

Standstills = tuple[tuple[datetime, datetime], ...]


class InterruptionInvalid(ValueError):
    """A pause that ends before it begins, or an extension to an instant before it was granted."""


@dataclass(frozen=True, slots=True)
class Pause:
    """A stretch [began_at, ended_at) in which a clock stands still; both are kept in UTC.

    ``restarts``: afterwards the whole limit runs again from ``ended_at``. A pause of no length has no effect,
    but one that restarts does restart. Raises NaiveTime, InterruptionInvalid.
    """

    began_at: datetime
    ended_at: datetime
    reason: str
    restarts: bool = False

    def __post_init__(self) -> None:
        # Instants of one zone compare by wall time, which is wrong in an hour that comes twice; UTC is not.
        object.__setattr__(self, "began_at", as_utc(self.began_at, "began_at"))
        object.__setattr__(self, "ended_at", as_utc(self.ended_at, "ended_at"))
        if self.ended_at < self.began_at:
            raise InterruptionInvalid(
                f"a pause ends at {self.ended_at.isoformat()}, before it begins at {self.began_at.isoformat()}: "
                "check which of the two is wrong"
            )


@dataclass(frozen=True, slots=True)
class Extension:
    """A later due instant granted by a person at ``granted_at``; both are kept in UTC.

    Raises NaiveTime, InterruptionInvalid.
    """

    granted_at: datetime
    until: datetime
    reason: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "granted_at", as_utc(self.granted_at, "granted_at"))
        object.__setattr__(self, "until", as_utc(self.until, "until"))
        if self.until < self.granted_at:
            raise InterruptionInvalid(
                f"an extension until {self.until.isoformat()} was granted later, at {self.granted_at.isoformat()}: "
                "more time must end after it is given"
            )


@dataclass(frozen=True, slots=True)
class Passing:
    """How time passes for a limit: ``after`` gives the earliest instant at which an amount of it has passed
    since another, ``between`` the amount that passes between two instants in order."""

    after: Callable[[datetime, timedelta], datetime]
    between: Callable[[datetime, datetime], timedelta]


REAL_TIME = Passing(after=lambda start, amount: start + amount, between=lambda start, end: end - start)


def standstills(pauses: Iterable[Pause]) -> Standstills:
    """The stretches in which the clock stands still, in order and apart, overlapping pauses merged."""
    merged: list[tuple[datetime, datetime]] = []
    for began, ended in sorted((pause.began_at, pause.ended_at) for pause in pauses):
        if began == ended:
            continue
        # Pauses that only touch stay two: a budget used up at the seam is due there.
        if merged and began < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ended))
        else:
            merged.append((began, ended))
    return tuple(merged)


def after_running(start: datetime, amount: timedelta, stills: Standstills, passing: Passing) -> datetime:
    """The earliest instant at which ``amount`` has passed since ``start`` outside the standstills."""
    for began, ended in stills:
        if ended <= start:
            continue
        if max(began, start) >= passing.after(start, amount):
            break
        if began > start:
            amount -= passing.between(start, began)
        start = ended
    return passing.after(start, amount)


def running_between(start: datetime, end: datetime, stills: Standstills, passing: Passing) -> timedelta:
    """What passes from ``start`` to ``end`` outside the standstills."""
    passed = passing.between(start, end)
    for began, ended in stills:
        low, high = max(began, start), min(ended, end)
        if low < high:
            passed -= passing.between(low, high)
    return passed

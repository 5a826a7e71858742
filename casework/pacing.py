"""When a letter may go: caps, digests, quiet hours, the breaker. All windows are half-open, (now - length, now].

What is urgent, and every letter of a P0 or P1 case, is never held back. Every other hold ends at a known moment;
only the breaker waits for a person.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from casework.local_time import instant_of, place_zone
from casework.policy_mail import MailLimits, QuietHours
from casework.public_days import public_days_of_year

HOUR = timedelta(hours=1)
LONGEST_QUIET = timedelta(days=31)
"""No quiet period is kept longer, whatever the holidays."""

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

QUIET, CAP, DIGEST, BREAKER = "quiet hours", "cap", "digest", "breaker"


@dataclass(frozen=True, slots=True)
class Pace:
    """Whether a letter goes now; else until when it waits, and why. No ``until``: until a person has looked."""

    go: bool
    until: datetime | None = None
    because: str = ""


@dataclass(frozen=True, slots=True)
class LetterFacts:
    """What pacing looks at in a letter."""

    urgent: bool
    """It is urgent, or its case is P0 or P1."""
    child_safety: bool = False
    """Its case is in the child-safety lane."""
    digestible: bool = False
    is_digest: bool = False
    released: bool = False
    """A person has looked and lets it go in spite of the breaker."""


@dataclass(frozen=True, slots=True)
class History:
    """What the address got."""

    sent: Sequence[datetime] = ()
    """Letters of the last hour."""
    planned: Sequence[datetime] = ()
    """Moments that letters which wait for the cap have been given."""
    about_case: int = 0
    """Letters about the same case within the breaker's hours."""
    last_digest: datetime | None = None
    """When it last got a digest."""


def decide(letter: LetterFacts, history: History, limits: MailLimits, now: datetime) -> Pace:
    """Whether the letter goes now."""
    if letter.urgent:
        return Pace(True)
    if not letter.released and not letter.is_digest and history.about_case >= limits.breaker.letters:
        return Pace(False, None, BREAKER)
    rests = quiet_until(limits.quiet, now) if limits.quiet else None
    if rests is not None:
        return Pace(False, rests, QUIET)
    if letter.is_digest or letter.child_safety:
        return Pace(True)
    next_digest = digest_not_before(history.last_digest, limits)
    if letter.digestible and next_digest is not None and next_digest > now:
        return Pace(False, next_digest, DIGEST)
    turn = next_turn(history.sent, history.planned, limits.per_hour, now)
    return Pace(True) if turn <= now else Pace(False, turn, CAP)


def next_turn(sent: Collection[datetime], planned: Collection[datetime], per_hour: int, now: datetime) -> datetime:
    """When the next letter may go, ``now`` or later, so that no hour sees more than ``per_hour``.

    ``planned`` are later moments that were promised to others; who is due takes its turn regardless of them.
    """
    if sum(now - HOUR < at <= now for at in sent) < per_hour:
        return now
    taken = sorted([*(at for at in sent if at <= now), *(at for at in planned if at > now)])
    return taken[-per_hour] + HOUR


def digest_not_before(last_digest: datetime | None, limits: MailLimits) -> datetime | None:
    """The end of the window that the last digest opened; None without one."""
    return None if last_digest is None else last_digest + timedelta(minutes=limits.digest.within_minutes)


def becomes_digest(waiting: int, recent: int, limits: MailLimits) -> bool:
    """Whether the letters that wait for an address become one, given how many it got within the window."""
    return waiting > 1 and waiting + recent > limits.digest.over


def quiet_until(quiet: QuietHours, at: datetime) -> datetime | None:
    """The end of the quiet period that an instant lies in; None when it lies in none."""
    zone, until = place_zone(quiet.zone), at
    while until - at < LONGEST_QUIET:
        ends = [end for start, end in _quiet_spans(quiet, until, zone) if start <= until < end]
        if not ends:
            return until if until > at else None
        until = max(ends)
    return at + LONGEST_QUIET


def _quiet_spans(quiet: QuietHours, at: datetime, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    """The quiet spans that may contain an instant: those that begin on its local date or on the day before."""
    today = at.astimezone(zone).date()
    for day in (today - timedelta(days=1), today):
        ends_on = day if quiet.begins < quiet.ends else day + timedelta(days=1)
        yield instant_of(day, quiet.begins, zone), instant_of(ends_on, quiet.ends, zone)
        if _quiet_all_day(quiet, day):
            yield instant_of(day, time.min, zone), instant_of(day + timedelta(days=1), time.min, zone)


def _quiet_all_day(quiet: QuietHours, day: date) -> bool:
    if WEEK[day.weekday()] in quiet.all_day:
        return True
    if quiet.holidays_of is None:
        return False
    known = public_days_of_year(quiet.holidays_of, quiet.holidays_in, day.year).get(day)
    return known is not None and not known.works

"""What the answers to 'why' share: their shape, a clock as it stands on record, and how times and sources are said.

The answers themselves stand in explain_due, explain_priority, explain_next and explain_why_not. Each is a pure
function: plain values in, sentences for a person and data for a program out. None prints a link, a person's name
or a letter's text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from casework.clock_changes import History
from casework.clocks import GO_ON, Threshold
from casework.limits import Limit
from casework.moments import MOMENTS
from casework.policy_clocks import ClockRule, Ladder
from casework.vocabulary import ClockState
from casework.working_time import WorkingCalendar


@dataclass(frozen=True, slots=True)
class Explanation:
    """The same answer twice: lines for a person, data for a program."""

    lines: tuple[str, ...]
    data: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class ClockOnRecord:
    """A clock as it stands in the case file, with the rule, calendar and policy version it started under.

    ``about`` is the case's or a submission's number. ``marks`` are all its thresholds, of which ``fired`` were acted
    on. ``rule`` is None for the clock of a rung and where the version cannot be read; ``version_gap`` then says why,
    and ``calendar`` is today's. ``today`` is the calendar of the same name in the policy in use, None when it has
    none. ``ladder`` is the one of the policy in use, which the sweep climbs. ``begun_by`` says what began it where
    that is not the moment of its rule.
    """

    about: str
    rule_id: str
    name: str
    duty: str
    statutory: bool
    qualitative: str
    source: str
    verified: bool
    policy_version: str
    limit: Limit
    calendar: WorkingCalendar
    started_at: datetime
    due_at: datetime
    marks: tuple[Threshold, ...]
    fired: int
    stop_on: tuple[str, ...]
    rule: ClockRule | None = None
    version_gap: str = ""
    history: History = field(default_factory=History)
    today: WorkingCalendar | None = None
    begun_by: str = ""
    ladder_id: str | None = None
    ladder: Ladder | None = None
    next_rung: int | None = None
    lapse: bool = False
    state: ClockState = ClockState.RUNNING
    stopped_at: datetime | None = None
    stopped_by: str | None = None
    breached_at: datetime | None = None
    late_detected: bool = False

    @property
    def running(self) -> bool:
        return self.state is ClockState.RUNNING

    @property
    def ahead(self) -> tuple[Threshold, ...]:
        """The thresholds that have not been acted on."""
        return self.marks[self.fired :]

    @property
    def number_is_law(self) -> bool:
        """Whether the number itself comes from a law: only then may an outsider read it as a deadline."""
        return self.statutory and not self.qualitative

    @property
    def zone(self) -> str:
        return self.calendar.zone


@dataclass(frozen=True, slots=True)
class LetterOnRecord:
    """A letter of the case file. ``to`` is a role; ``reason`` is why it was dropped or refused; ``attempts`` counts.

    ``not_before`` None: it is tried with the next run. ``held`` is why it waits though it could go; ``digest`` the
    letter whose line it became.
    """

    id: int
    kind: str
    to: str
    state: str
    created_at: datetime
    sent_at: datetime | None = None
    not_before: datetime | None = None
    attempts: int = 0
    reason: str = ""
    held: str = ""
    digest: int | None = None


def standing(clock: ClockOnRecord) -> str:
    """Whether law or our own target: the two are never mixed."""
    if clock.qualitative:
        return (
            f"Set by law in words: “{clock.qualitative}”. The law gives no number;"
            f" {clock.limit.text} is our own target, not law."
        )
    return "Set by law." if clock.statutory else "Our own target, not law."


def cited(source: str, verified: bool) -> str:
    """A source with whether a person has compared it with the text in force."""
    return f"{source} ({'verified' if verified else 'unverified'})"


def level(threshold: Threshold) -> str:
    """A threshold in words."""
    if threshold.breach:
        return "time is up"
    if threshold.repeat:
        return f"repeat {threshold.repeat}"
    return "end of the longest pause" if threshold.level == GO_ON else f"warning {threshold.level}"


def moment(code: str) -> str:
    """A named moment, to end the sentence 'it stops when …'; a code without words stands as it is."""
    return MOMENTS.get(code) or _OTHER_MOMENTS.get(code, code)


_OTHER_MOMENTS = {
    "priority.changed": "the case gets another priority",
    "policy.changed": "open cases are counted anew and the policy in use has no such rule",
}
"""What else begins or stops a clock, besides the moments that a pack may name."""


def any_of(codes: Iterable[str]) -> str:
    """Moments joined by 'or'."""
    return ", or ".join(moment(code) for code in codes)


def words(code: str) -> str:
    return str(code).replace("_", " ")


def count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def when(at: datetime, zone: str, now: datetime) -> str:
    """Local time with its offset, and how far off it is."""
    distance = f"in {length(at - now)}" if at > now else "now" if at == now else f"{length(now - at)} ago"
    return f"{local(at, zone)} ({distance})"


def both(at: datetime, zone: str) -> str:
    """Local time with offset and zone, and UTC."""
    return f"{local(at, zone)} {zone} ({at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def local(at: datetime, zone: str) -> str:
    there = at.astimezone(ZoneInfo(zone))
    return f"{there:%Y-%m-%d %H:%M} {there.isoformat()[-6:]}"


def utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def utc_or_none(at: datetime | None) -> str | None:
    return None if at is None else utc(at)


def length(span: timedelta) -> str:
    """A span of time in its two largest units: '2 d 3 h', '4 h 10 min', '12 min'; never negative."""
    minutes = max(0, int(span.total_seconds())) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"

"""Clocks: which start, which stop, when the next threshold falls due, and what it calls for.

A clock is data. It carries everything it needs to be explained and swept later: its rule,
the policy version it started with, its thresholds and the moments that stop it. A change
of policy never reaches a running clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from casework.errors import QorganError
from casework.facts import CaseFacts
from casework.interruptions import Pause
from casework.limits import due_at, threshold_at, threshold_before
from casework.moments import Moment
from casework.policy_clocks import ClockRule, Ladder, LimitSpec
from casework.policy_pack import Pack
from casework.vocabulary import Duty
from casework.working_time import WorkingCalendar

SubjectKind = Literal["case", "submission", "hold"]

LATE_AFTER = timedelta(minutes=30)
"""A threshold found later than this after its time is recorded as detected late."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a clock is about: the case, one submission (and the rungs raised on it), one held report."""

    kind: SubjectKind
    id: int


@dataclass(frozen=True, slots=True)
class Threshold:
    """One instant at which something is due. ``level`` is '80%', '-6h', 'breach', '+1' for the first repeat
    after it, or 'go on' for the end of the longest pause."""

    at: datetime
    level: str

    @property
    def breach(self) -> bool:
        return self.level == BREACH

    @property
    def repeat(self) -> int:
        """Which repeat after the breach this is; 0 for none."""
        return int(self.level[1:]) if self.level.startswith("+") else 0


BREACH = "breach"
GO_ON = "go on"


@dataclass(frozen=True, slots=True)
class ClockStart:
    """A clock to be written. ``stop_on`` names the moments that end it; ``calendar`` None is the pack's first."""

    subject: Subject
    rule_id: str
    duty: Duty
    started_at: datetime
    due_at: datetime
    thresholds: tuple[Threshold, ...]
    stop_on: tuple[str, ...]
    statutory: bool
    source: str
    verified: bool
    policy_version: str
    ladder: str | None
    next_rung: int | None
    lapse: bool
    limit: LimitSpec
    calendar: str | None = None
    qualitative: str = ""


class RuleNotInForce(QorganError):
    """A clock was to start at an instant at which its rule was not in force."""

    rule = "clock.not_in_force"


def start_clocks(
    moment: Moment, subject: Subject, at: datetime, case: CaseFacts | None, pack: Pack
) -> tuple[ClockStart, ...]:
    """The pack's clocks that this moment starts for a case (None: a held report), by the rules in force then."""
    return tuple(
        _start(rule, subject, at, pack)
        for rule in pack.at(at).sla.clocks
        if moment in (rule.start, *rule.starts_again) and (case is None or applies(rule, case))
    )


def start_clock(rule_id: str, subject: Subject, at: datetime, pack: Pack) -> ClockStart:
    """One clock by its rule's id. Raises RuleNotInForce, which names the rule, the day and when it is in force."""
    versions = [rule for rule in pack.sla.clocks if rule.id == rule_id]
    day = pack.local_date(at)
    for rule in versions:
        if rule.in_force_on(day) and pack.in_force_on(day):
            return _start(rule, subject, at, pack)
    if not versions:
        raise RuleNotInForce(f"policy {pack.version} has no clock '{rule_id}'")
    spans = ", ".join(
        f"{rule.valid_from or pack.regime.valid_from} to {rule.valid_to or pack.regime.valid_to or 'further notice'}"
        for rule in versions
    )
    raise RuleNotInForce(
        f"clock '{rule_id}' cannot start on {day}: policy {pack.version} has it in force from {spans}",
        next_step="Check the start event's date, or use the policy that was in force then.",
    )


def applies(rule: ClockRule, case: CaseFacts) -> bool:
    """Whether a clock is for this case: every non-empty condition must hold."""
    wanted = rule.applies
    return (
        (not wanted.priority or case.priority in wanted.priority)
        and (not wanted.category or case.category in wanted.category)
        and case.category not in wanted.except_category
        and (not wanted.instrument or case.instrument in wanted.instrument)
    )


def _start(rule: ClockRule, subject: Subject, at: datetime, pack: Pack) -> ClockStart:
    calendar = pack.working_calendar(rule.calendar)
    due = due_at(rule.limit.limit, at, calendar)
    return ClockStart(
        subject=subject,
        rule_id=rule.id,
        duty=rule.duty,
        started_at=at,
        due_at=due,
        thresholds=thresholds(rule, at, due, calendar),
        stop_on=tuple(rule.stop),
        statutory=rule.statutory,
        source=rule.source.ref,
        verified=rule.source.verified,
        policy_version=pack.version,
        ladder=rule.ladder,
        next_rung=1 if rule.ladder else None,
        lapse=rule.lapse,
        limit=rule.limit,
        calendar=rule.calendar,
        qualitative=rule.qualitative.en if rule.qualitative else "",
    )


def thresholds(
    rule: ClockRule, at: datetime, due: datetime, calendar: WorkingCalendar, pauses: Sequence[Pause] = ()
) -> tuple[Threshold, ...]:
    """Warnings that fall inside the clock's time, in order; then the breach; then its repeats."""
    warnings = []
    for mark in rule.warn_at:
        if mark.endswith("%"):
            when = threshold_at(at, due, int(mark[:-1]) / 100, rule.limit.limit, calendar, pauses)
        else:
            amount, unit = int(mark[1:-1]), mark[-1]
            when = threshold_before(due, timedelta(**{_UNITS[unit]: amount}))
        if at < when < due:
            warnings.append(Threshold(when, mark))
    after, again = [Threshold(due, BREACH)], due
    for number in range(rule.repeat.at_most if rule.repeat else 0):
        again = due_at(rule.repeat.every.limit, again, calendar)  # type: ignore[union-attr]
        after.append(Threshold(again, f"+{number + 1}"))
    return (*sorted(warnings, key=lambda threshold: threshold.at), *after)


_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

_RUNG_STOPS = ("rung.acknowledged", "platform.decided", "platform.asked", "case.ended")
_FOLLOW_UP_STOPS = ("platform.decided", "platform.asked", "case.ended")


def rung_clock(
    ladder_id: str, rung: int, submission_id: int, at: datetime, pack: Pack, *, acknowledged: bool = False
) -> ClockStart:
    """The clock of one rung: to acknowledge, or once acknowledged, to follow up.

    When it runs out the next rung is raised; after the last rung nothing is left to raise,
    and the breach itself stays on the record.
    """
    ladder = pack.sla.ladder(ladder_id)
    step = ladder.rungs[rung - 1]
    spec = step.after_acknowledgement if acknowledged else step.acknowledge_within
    due = due_at(spec.limit, at, pack.working_calendar(step.calendar))
    return ClockStart(
        subject=Subject("submission", submission_id),
        rule_id=f"{ladder_id}.rung{rung}" + (".follow_up" if acknowledged else ""),
        duty=Duty.PLATFORM if acknowledged else Duty.LIAISON,
        started_at=at,
        due_at=due,
        thresholds=(Threshold(due, BREACH),),
        stop_on=_FOLLOW_UP_STOPS if acknowledged else _RUNG_STOPS,
        statutory=False,
        source="internal target",
        verified=True,
        policy_version=pack.version,
        ladder=ladder_id,
        next_rung=rung + 1 if rung < len(ladder.rungs) else None,
        lapse=False,
        limit=spec,
        calendar=step.calendar,
    )


def climb_on(follow_up: ClockStart, highest: int, ladder: Ladder) -> ClockStart:
    """The follow-up of a rung that may have been acknowledged late: it climbs on after the highest rung raised."""
    return replace(follow_up, next_rung=highest + 1 if highest < len(ladder.rungs) else None)


def passed(marks: Iterable[Threshold], fired: int, now: datetime) -> tuple[Threshold, ...]:
    """The thresholds that have come since ``fired`` of them were acted on, oldest first."""
    waiting = tuple(marks)[fired:]
    return tuple(threshold for threshold in waiting if threshold.at <= now)


def next_check(marks: Iterable[Threshold], fired: int) -> datetime | None:
    """When the sweep must look again; None when nothing is left, so that the sweep never sees it."""
    waiting = tuple(marks)[fired:]
    return waiting[0].at if waiting else None


def detected_late(threshold: Threshold, now: datetime) -> bool:
    """Whether the threshold is found long after its time, as after an outage."""
    return now - threshold.at > LATE_AFTER


def due_earliest(dues: Iterable[datetime]) -> datetime | None:
    """The earliest of several due times; None without any."""
    return min(dues, default=None)

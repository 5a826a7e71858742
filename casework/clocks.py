"""Clocks: which start, which stop, when the next threshold falls due, and what it calls for.

A clock is data. It carries everything it needs to be explained and swept later: its rule,
the policy version it started with, its thresholds and the moments that stop it. A change
of policy never reaches a running clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from casework.facts import CaseFacts
from casework.limits import due_at, threshold_at, threshold_before
from casework.policy_clocks import ClockRule, LimitSpec, Moment
from casework.policy_pack import Pack
from casework.vocabulary import Duty

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
    """One instant at which something is due: ``level`` is '80%', '-6h' or 'breach'."""

    at: datetime
    level: str

    @property
    def breach(self) -> bool:
        return self.level == BREACH


BREACH = "breach"


@dataclass(frozen=True, slots=True)
class ClockStart:
    """A clock to be written. ``stop_on`` names the moments that end it."""

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


def start_clocks(
    moment: Moment, subject: Subject, at: datetime, case: CaseFacts | None, pack: Pack
) -> tuple[ClockStart, ...]:
    """The pack's clocks that this moment starts for a case (None: a held report)."""
    return tuple(
        _start(rule, subject, at, pack)
        for rule in pack.sla.clocks
        if rule.start == moment and (case is None or applies(rule, case))
    )


def applies(rule: ClockRule, case: CaseFacts) -> bool:
    """Whether a clock is for this case: every non-empty condition must hold."""
    wanted = rule.applies
    return (
        (not wanted.priority or case.priority in wanted.priority)
        and (not wanted.category or case.category in wanted.category)
        and (not wanted.instrument or case.instrument in wanted.instrument)
    )


def _start(rule: ClockRule, subject: Subject, at: datetime, pack: Pack) -> ClockStart:
    due = due_at(rule.limit.limit, at, pack.calendar.calendar)
    return ClockStart(
        subject=subject,
        rule_id=rule.id,
        duty=rule.duty,
        started_at=at,
        due_at=due,
        thresholds=_thresholds(rule, at, due, pack),
        stop_on=tuple(rule.stop),
        statutory=rule.statutory,
        source=rule.source.ref,
        verified=rule.source.verified,
        policy_version=pack.version,
        ladder=rule.ladder,
        next_rung=1 if rule.ladder else None,
        lapse=rule.lapse,
        limit=rule.limit,
    )


def _thresholds(rule: ClockRule, at: datetime, due: datetime, pack: Pack) -> tuple[Threshold, ...]:
    """Warnings that fall inside the clock's time, in order, then the breach."""
    warnings = []
    for mark in rule.warn_at:
        if mark.endswith("%"):
            when = threshold_at(at, due, int(mark[:-1]) / 100, rule.limit.limit, pack.calendar.calendar)
        else:
            amount, unit = int(mark[1:-1]), mark[-1]
            when = threshold_before(due, timedelta(**{_UNITS[unit]: amount}))
        if at < when < due:
            warnings.append(Threshold(when, mark))
    return (*sorted(warnings, key=lambda threshold: threshold.at), Threshold(due, BREACH))


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
    due = due_at(spec.limit, at, pack.calendar.calendar)
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
    )


def passed(thresholds: Iterable[Threshold], fired: int, now: datetime) -> tuple[Threshold, ...]:
    """The thresholds that have come since ``fired`` of them were acted on, oldest first."""
    waiting = tuple(thresholds)[fired:]
    return tuple(threshold for threshold in waiting if threshold.at <= now)


def next_check(thresholds: Iterable[Threshold], fired: int) -> datetime | None:
    """When the sweep must look again; None when nothing is left, so that the sweep never sees it."""
    waiting = tuple(thresholds)[fired:]
    return waiting[0].at if waiting else None


def detected_late(threshold: Threshold, now: datetime) -> bool:
    """Whether the threshold is found long after its time, as after an outage."""
    return now - threshold.at > LATE_AFTER


def due_earliest(dues: Iterable[datetime]) -> datetime | None:
    """The earliest of several due times; None without any."""
    return min(dues, default=None)

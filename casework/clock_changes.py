"""What may happen to a running clock: it pauses, goes on, begins anew, or gets more time. By its own rule only.

Pausing spends no budget and never shifts the start. A pause that nobody ends is over after the rule's longest time,
so every due time can be said at every moment: while a clock stands still, its due time is the latest that can come.
A change is decided here and written by tasks/clock_changes.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from casework.clocks import BREACH, GO_ON, Threshold, thresholds
from casework.errors import CaseError
from casework.facts import Actor
from casework.interruptions import Extension, Pause
from casework.limits import due_at
from casework.policy_clocks import ClockRule, PauseRule
from casework.vocabulary import PauseReason
from casework.working_time import WorkingCalendar


class ClockChangeRefused(CaseError):
    """The clock's rule does not allow the change; nothing was changed."""

    rule = "clock.change_refused"


@dataclass(frozen=True, slots=True)
class Standstill:
    """One pause of a clock. ``until`` is the latest end by its rule; ``ended_at`` None: nobody has ended it."""

    reason: PauseReason
    began_at: datetime
    until: datetime
    ended_at: datetime | None = None
    restarts: bool = False

    @property
    def pause(self) -> Pause:
        """The stretch in which nothing counts."""
        end = self.until if self.ended_at is None else min(self.ended_at, self.until)
        return Pause(self.began_at, end, self.reason.value, self.restarts)

    def holds(self, at: datetime) -> bool:
        """Whether the clock stands still at an instant."""
        return self.began_at <= at < self.pause.ended_at


@dataclass(frozen=True, slots=True)
class History:
    """Everything that happened to one clock since its start, in order. What is shown and what is counted read this."""

    standstills: tuple[Standstill, ...] = ()
    extensions: tuple[Extension, ...] = ()

    @property
    def pauses(self) -> tuple[Pause, ...]:
        return tuple(standstill.pause for standstill in self.standstills)

    @property
    def extension(self) -> Extension | None:
        """The extension in force: the last one granted."""
        return self.extensions[-1] if self.extensions else None

    def standing_still(self, at: datetime) -> Standstill | None:
        """The pause in which the clock is at an instant, or None."""
        return next((one for one in self.standstills if one.holds(at)), None)


@dataclass(frozen=True, slots=True)
class ClockFacts:
    """A running clock as its rule sees it. ``marks`` are its thresholds, of which ``fired`` were acted on."""

    about: str
    rule: ClockRule
    calendar: WorkingCalendar
    started_at: datetime
    due_at: datetime
    marks: tuple[Threshold, ...]
    fired: int
    history: History = History()


@dataclass(frozen=True, slots=True)
class ClockChange:
    """What a change comes to: the new history, due time and thresholds."""

    history: History
    due_at: datetime
    marks: tuple[Threshold, ...]
    fired: int


def pause_by_rule(clock: ClockFacts, moment: str) -> PauseRule | None:
    """The rule by which this moment makes the clock stand still, or None."""
    return next((rule for rule in clock.rule.pause if moment in rule.begins), None)


def begin_pause(clock: ClockFacts, reason: PauseReason, at: datetime, by: Actor | None = None) -> ClockChange:
    """The clock stands still from ``at``. ``by`` None: by a moment of the case, not by a person.

    Raises ClockChangeRefused for a reason that the rule does not list, a person without the role, a clock that
    stands still already, and one whose time was up.
    """
    rule = _pause_rule(clock, reason)
    if by is not None and not by.has(*rule.ordered_by):
        roles = ", ".join(rule.ordered_by) or "nobody: it begins by itself"
        raise ClockChangeRefused(
            clock.about,
            f"clock '{clock.rule.id}' is paused for '{reason}' by {roles}; {by.id} may not",
            rule="clock.pause_role",
        )
    if clock.history.standing_still(at) is not None:
        raise ClockChangeRefused(clock.about, f"clock '{clock.rule.id}' stands still already", rule="clock.paused")
    if at >= clock.due_at:
        raise ClockChangeRefused(
            clock.about, f"clock '{clock.rule.id}' ran out before; a pause cannot undo that", rule="clock.ran_out"
        )
    until = due_at(rule.at_most.limit, at, clock.calendar)
    standstill = Standstill(reason, at, until, restarts=rule.then == "restart")
    history = replace(clock.history, standstills=(*clock.history.standstills, standstill))
    return recount(clock, history, at)


def end_pause(clock: ClockFacts, at: datetime, by: Actor | None = None) -> ClockChange:
    """The clock goes on from ``at``. Raises ClockChangeRefused when it does not stand still, or ``by`` may not."""
    standstill = clock.history.standing_still(at)
    if standstill is None:
        raise ClockChangeRefused(clock.about, f"clock '{clock.rule.id}' does not stand still", rule="clock.not_paused")
    rule = _pause_rule(clock, standstill.reason)
    if by is not None and not by.has(*rule.ordered_by):
        raise ClockChangeRefused(
            clock.about, f"{by.id} may not end the pause of clock '{clock.rule.id}'", rule="clock.pause_role"
        )
    ended = replace(standstill, ended_at=at)
    kept = tuple(ended if one is standstill else one for one in clock.history.standstills)
    return recount(clock, replace(clock.history, standstills=kept), at)


def extend(clock: ClockFacts, until: datetime, by: Actor, reason: str, at: datetime) -> ClockChange:
    """The clock gets time until ``until``.

    Raises ClockChangeRefused without an extension in the rule, for the wrong role, without a reason, past the
    ceiling, too often, for a clock that ran out, and for an instant that is no later than what it has.
    """
    rule = clock.rule.extension
    if rule is None:
        raise ClockChangeRefused(
            clock.about, f"clock '{clock.rule.id}' knows no extension", rule="clock.extension_unknown"
        )
    if not by.has(*rule.roles):
        raise ClockChangeRefused(
            clock.about,
            f"clock '{clock.rule.id}' is extended by {', '.join(rule.roles)}; {by.id} may not",
            rule="clock.extension_role",
        )
    if len(reason.strip()) < 20:
        raise ClockChangeRefused(
            clock.about,
            "an extension needs its reasons, in a sentence that the applicant will read",
            rule="clock.extension_reason",
        )
    if len(clock.history.extensions) >= rule.times:
        raise ClockChangeRefused(
            clock.about, f"clock '{clock.rule.id}' may be extended {rule.times} time(s)", rule="clock.extension_times"
        )
    if at >= clock.due_at:
        raise ClockChangeRefused(
            clock.about, f"clock '{clock.rule.id}' ran out before; nothing is left to extend", rule="clock.ran_out"
        )
    counted_from = clock.started_at if rule.counted_from == "start" else at
    ceiling = due_at(rule.ceiling.limit, counted_from, clock.calendar)
    if until > ceiling:
        raise ClockChangeRefused(
            clock.about,
            f"clock '{clock.rule.id}' may be extended to {ceiling.astimezone(UTC):%Y-%m-%d %H:%M} UTC at the latest:"
            f" {rule.ceiling.limit.text} ({rule.source.ref})",
            rule="clock.extension_ceiling",
        )
    if until <= clock.due_at:
        raise ClockChangeRefused(
            clock.about, f"clock '{clock.rule.id}' has that time already", rule="clock.extension_shorter"
        )
    history = replace(clock.history, extensions=(*clock.history.extensions, Extension(at, until, reason)))
    return recount(clock, history, at)


def recount(clock: ClockFacts, history: History, at: datetime) -> ClockChange:
    """The due time and thresholds by the clock's rule and this history.

    What was acted on stays acted on and is not repeated, except that after more time, or a new beginning, the
    warnings that lie behind it are given again, each once.
    """
    due = due_at(clock.rule.limit.limit, clock.started_at, clock.calendar, history.pauses, history.extension)
    fired = clock.marks[: clock.fired]
    renewed = _renewed_at(history)
    known = {mark.level for mark in fired if mark.level != GO_ON}
    given = {mark.level for mark in fired if renewed is None or mark.at > renewed}
    begun = max((one.pause.ended_at for one in history.standstills if one.restarts), default=clock.started_at)
    counted = thresholds(clock.rule, begun, due, clock.calendar, history.pauses)
    ahead = [
        mark
        for mark in counted
        if mark.level not in known
        or (renewed is not None and mark.at > renewed and mark.level not in given and not mark.breach)
    ]
    still = history.standing_still(at)
    if still is not None:
        ahead.append(Threshold(still.pause.ended_at, GO_ON))
    ahead.sort(key=lambda mark: (mark.at, mark.level == BREACH))
    return ClockChange(history, due, (*fired, *ahead), len(fired))


def _renewed_at(history: History) -> datetime | None:
    """When more time was given last, or the whole time anew; None: never."""
    granted = [extension.granted_at for extension in history.extensions]
    stopped = [one.began_at for one in history.standstills if one.restarts]
    return max([*granted, *stopped], default=None)


def _pause_rule(clock: ClockFacts, reason: PauseReason) -> PauseRule:
    listed: Sequence[PauseRule] = clock.rule.pause
    for rule in listed:
        if rule.reason == reason:
            return rule
    known = ", ".join(rule.reason for rule in listed) or "none"
    raise ClockChangeRefused(
        clock.about,
        f"clock '{clock.rule.id}' is not paused for '{reason}'; reasons its rule lists: {known}",
        rule="clock.pause_unlisted",
        next_step="A clock stands still only for what its law provides.",
    )

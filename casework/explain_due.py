"""Why a clock is due when it is: the derivation, from the rule and the calendar it started under.

A later change of policy changes nothing here. What today's calendar would make of the same clock is said beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from casework.clock_changes import Standstill
from casework.clocks import Threshold
from casework.derivation import Derivation, StepKind, derive, render
from casework.explain import (
    ClockOnRecord,
    Explanation,
    any_of,
    both,
    cited,
    count,
    length,
    level,
    local,
    moment,
    standing,
    utc,
    utc_or_none,
    words,
)
from casework.facts import CaseFacts
from casework.interruptions import Extension
from casework.limits import due_at
from casework.policy_clocks import PauseRule
from casework.policy_pack import Pack
from casework.preconditions import precondition_of, usable_from
from casework.vocabulary import ClockState
from casework.working_time import WorkingCalendar
from casework.working_time_errors import WorkingTimeError

Data = dict[str, Any]


def explain_due(case: CaseFacts, clocks: Sequence[ClockOnRecord], pack: Pack, now: datetime) -> Explanation:
    """How the due time of each clock came about; ``pack`` is the one that the instrument's precondition stands in."""
    running = sum(clock.running for clock in clocks)
    stopped = len(clocks) - running
    heading = f"{count(running, 'clock')} running" if running else "no clock is running"
    lines = [f"{case.number}: {heading}{f', {stopped} stopped' if stopped else ''}."]
    data: list[Data] = []
    for clock in clocks:
        told, of_clock = _clock(clock, now)
        lines += ["", *told]
        data.append(of_clock)
    told, precondition = precondition_stands(case, pack, now)
    if told:
        lines += ["", *told]
    return Explanation(tuple(lines), {"case": case.number, "clocks": data, "precondition": precondition})


def derivation_of(clock: ClockOnRecord) -> Derivation:
    """The clock's derivation by its own limit, calendar, pauses and extension. Raises WorkingTimeError."""
    return derive(clock.limit, clock.started_at, clock.calendar, clock.history.pauses, clock.history.extension)


def precondition_stands(case: CaseFacts, pack: Pack, now: datetime) -> tuple[list[str], Data | None]:
    """Whether what must come before the case's instrument is met, since when or from when on; nothing without one."""
    rule = precondition_of(case, pack)
    if rule is None:
        return [], None
    zone = pack.authority.zone
    problem, ready = "", None
    try:
        ready = usable_from(rule, case, pack)
    except WorkingTimeError as error:
        problem = str(error)
    if problem:
        stands = f"When it is met cannot be counted: {problem}."
    elif ready is None:
        stands = "Not met: the file does not say when the provider was told."
    else:
        stands = f"{'Met since' if ready <= now else 'Not met; it will be'} {both(ready, zone)}."
    told = [f"Precondition of '{words(case.instrument)}': {rule.name.en} [{rule.id}]"]
    if case.provider_told_at is not None:
        told.append(f"  The provider was told {both(case.provider_told_at, zone)}; {rule.wait.limit.text} must pass.")
    told += [f"  {stands}", f"  Source: {cited(rule.source.ref, rule.source.verified)}. Policy {pack.version}."]
    return told, {
        "rule": rule.id,
        "instrument": str(case.instrument),
        "told_at": utc_or_none(case.provider_told_at),
        "wait": rule.wait.limit.text,
        "usable_from": utc_or_none(ready),
        "met": ready is not None and ready <= now,
        "source": rule.source.ref,
        "verified": rule.source.verified,
        "policy_version": pack.version,
    }


def _clock(clock: ClockOnRecord, now: datetime) -> tuple[list[str], Data]:
    zone = clock.zone
    still = clock.history.standing_still(now) if clock.running else None
    counted, steps, differs = _counting(clock)
    lines = [
        f"{clock.name} [{clock.rule_id}], about {clock.about}",
        f"  Whose duty: {clock.duty}. {standing(clock)}",
        f"  Source: {cited(clock.source, clock.verified)}.",
        f"  {_version(clock)}",
        f"  {_begins(clock)}",
        *(f"  {line}" for line in counted),
        *(f"  {line}" for line in _pauses(clock)),
        *(f"  {line}" for line in _extensions(clock)),
        f"  Result: {both(clock.due_at, zone)}.",
        *(f"  {line}" for line in differs),
    ]
    if still is not None:
        lines.append(f"  {_stands_still(still, zone)}")
    lines += [f"  {line}" for line in (*_thresholds(clock), *_outcome(clock, now, still))]
    return lines, _data(clock, now, still, steps)


def _version(clock: ClockOnRecord) -> str:
    said = f"Policy {clock.policy_version}."
    if clock.version_gap:
        said += f" {clock.version_gap} Counted from what the clock itself keeps, by today's calendar."
    rule = clock.rule
    if rule is not None and (rule.valid_from or rule.valid_to):
        first, last = rule.valid_from or "the policy's first day", rule.valid_to or "further notice"
        said += f" This text of the rule is in force from {first} until {last}."
    return said


def _begins(clock: ClockOnRecord) -> str:
    code = start_of(clock)
    if not code:
        return "What began it is not known here."
    again = " It was given anew then." if clock.begun_by else ""
    return f"It counts from when {moment(code)} [{code}].{again} It stops when {any_of(clock.stop_on)}."


def start_of(clock: ClockOnRecord) -> str:
    """The code of the moment that began the clock; empty when it is not known."""
    if clock.begun_by:
        return clock.begun_by
    if clock.rule is not None:
        return clock.rule.start
    if clock.ladder_id and clock.rule_id.startswith(f"{clock.ladder_id}.rung"):
        return "rung.acknowledged" if clock.rule_id.endswith(".follow_up") else "rung.raised"
    return ""


def _counting(clock: ClockOnRecord) -> tuple[list[str], list[Data], list[str]]:
    """The counting as lines and as steps; and where another calendar counts otherwise, lines that say so."""
    try:
        derived = derivation_of(clock)
    except WorkingTimeError as error:
        return [f"The counting cannot be shown: {error}."], [], []
    steps = [
        {
            "kind": step.kind.value,
            "text": step.text,
            "from": None if step.local_from is None else step.local_from.isoformat(),
            "to": None if step.local_to is None else step.local_to.isoformat(),
            "seconds": step.seconds,
            "skipped": step.kind is StepKind.SKIPPED,
        }
        for step in derived.steps
    ]
    differs = []
    if derived.due_at != clock.due_at:
        differs.append(f"Counted again it is {both(derived.due_at, clock.zone)}; the clock keeps what it was given.")
    today = None if clock.version_gap else _by(clock, clock.today)
    if today is not None and today != derived.due_at:
        differs.append(
            f"By today's calendar it would be {both(today, clock.zone)}; the clock keeps the due time it was given."
        )
    return render(derived).splitlines(), steps, differs


def _by(clock: ClockOnRecord, calendar: WorkingCalendar | None) -> datetime | None:
    """The due time by another calendar; None where it cannot be counted."""
    if calendar is None:
        return None
    try:
        return due_at(clock.limit, clock.started_at, calendar, clock.history.pauses, clock.history.extension)
    except WorkingTimeError:
        return None


def _pauses(clock: ClockOnRecord) -> list[str]:
    """Each pause with the rule that allows it: the counting shows that it was taken, this shows why it could be."""
    lines = []
    for one in clock.history.standstills:
        end = "still open" if one.ended_at is None else f"ended {local(one.ended_at, clock.zone)}"
        said = f"Pause '{words(one.reason)}' from {local(one.began_at, clock.zone)}, {end}"
        said += f"; at the longest to {local(one.until, clock.zone)}"
        rule = _pause_rule(clock, one)
        if rule is not None:
            then = "begins anew" if one.restarts else "goes on where it stood"
            source = cited(rule.source.ref, rule.source.verified)
            said += f", {rule.at_most.limit.text}. Then it {then}. Source: {source}"
        lines.append(said + ".")
    return lines


def _pause_rule(clock: ClockOnRecord, pause: Standstill) -> PauseRule | None:
    return next((rule for rule in clock.rule.pause if rule.reason == pause.reason), None) if clock.rule else None


def _pause_rule_data(clock: ClockOnRecord, pause: Standstill) -> Data | None:
    rule = _pause_rule(clock, pause)
    if rule is None:
        return None
    return {"at_most": rule.at_most.limit.text, "source": rule.source.ref, "verified": rule.source.verified}


def _extensions(clock: ClockOnRecord) -> list[str]:
    """Each extension with the rule that allows it; the counting tells the reasons of the last, the one in force."""
    lines = []
    rule = clock.rule.extension if clock.rule else None
    for one in clock.history.extensions:
        said = f"Extension granted {local(one.granted_at, clock.zone)} until {local(one.until, clock.zone)}"
        if one is not clock.history.extension:
            said += f": {one.reason.strip().rstrip('.')}"
        if rule is not None:
            at = _ceiling(clock, one)
            by = " or ".join(words(role) for role in rule.roles)
            said += f"; ceiling {rule.ceiling.limit.text} from the {rule.counted_from}"
            said += f", {local(at, clock.zone)}" if at is not None else ""
            said += f", by {by}. Source: {cited(rule.source.ref, rule.source.verified)}"
        lines.append(said + ".")
    return lines


def _ceiling(clock: ClockOnRecord, granted: Extension) -> datetime | None:
    """The latest time that the rule allows; None without the rule, and where it cannot be counted."""
    rule = clock.rule.extension if clock.rule else None
    if rule is None:
        return None
    start = clock.started_at if rule.counted_from == "start" else granted.granted_at
    try:
        return due_at(rule.ceiling.limit, start, clock.calendar)
    except WorkingTimeError:
        return None


def _stands_still(still: Standstill, zone: str) -> str:
    return (
        f"Stands still since {local(still.began_at, zone)} because of '{words(still.reason)}':"
        f" {still.reason.meaning} It goes on at the latest {local(still.pause.ended_at, zone)}."
    )


def _thresholds(clock: ClockOnRecord) -> list[str]:
    def listed(marks: Sequence[Threshold]) -> str:
        # Of many repeats the first and the last say enough.
        repeats = [mark for mark in marks if mark.repeat]
        told = [mark for mark in marks if not mark.repeat or mark in (repeats[0], repeats[-1])]
        return "; ".join(
            f"{'… ' if mark.repeat and mark is repeats[-1] and len(repeats) > 2 else ''}{level(mark)}"
            f" {local(mark.at, clock.zone)}"
            for mark in told
        )

    lines = []
    if clock.fired:
        lines.append(f"Acted on: {listed(clock.marks[: clock.fired])}.")
    if clock.ahead:
        lines.append(f"{'Ahead' if clock.running else 'Not reached'}: {listed(clock.ahead)}.")
    return lines


def _outcome(clock: ClockOnRecord, now: datetime, still: Standstill | None) -> list[str]:
    """The breach with its own time, and how the clock stands."""
    zone, lines = clock.zone, []
    if clock.breached_at is not None:
        late = " It was found late; the time is the breach's own." if clock.late_detected else ""
        lines.append(f"Ran out {both(clock.breached_at, zone)}; that is on the record.{late}")
    if clock.stopped_at is not None:
        ended = f"Stopped {local(clock.stopped_at, zone)}: {moment(clock.stopped_by or '')}."
        if clock.state is ClockState.CANCELLED:
            return [*lines, f"{ended} The duty fell away."]
        return [*lines, f"{ended} {'Met in time' if clock.stopped_at <= clock.due_at else 'Met late'}."]
    if now > clock.due_at:
        unseen = "" if clock.breached_at else " The next sweep records it."
        return [*lines, f"OVERDUE by {length(now - clock.due_at)}.{unseen}"]
    at_most = "At most " if still else ""
    return [*lines, f"{at_most}{length(clock.due_at - now)} left."]


def _data(clock: ClockOnRecord, now: datetime, still: Standstill | None, steps: list[Data]) -> Data:
    rule = clock.rule
    return {
        "rule": clock.rule_id,
        "name": clock.name,
        "about": clock.about,
        "state": clock.state.value,
        "duty": clock.duty,
        "statutory": clock.statutory,
        "number_is_law": clock.number_is_law,
        "law_in_words": clock.qualitative,
        "source": clock.source,
        "verified": clock.verified,
        "policy_version": clock.policy_version,
        "policy_on_record": not clock.version_gap,
        "valid_from": rule.valid_from.isoformat() if rule and rule.valid_from else None,
        "valid_to": rule.valid_to.isoformat() if rule and rule.valid_to else None,
        "start": start_of(clock),
        "stop": list(clock.stop_on),
        "limit": clock.limit.text,
        "calendar": clock.calendar.id,
        "zone": clock.zone,
        "started_at": utc(clock.started_at),
        "due_at": utc(clock.due_at),
        "due_local": clock.due_at.astimezone(ZoneInfo(clock.zone)).isoformat(),
        "due_by_todays_calendar": utc_or_none(None if clock.version_gap else _by(clock, clock.today)),
        "overdue": clock.running and now > clock.due_at,
        "steps": steps,
        "pauses": [
            {
                "reason": one.reason.value,
                "from": utc(one.began_at),
                "to": utc(one.pause.ended_at),
                "longest_to": utc(one.until),
                "restarts": one.restarts,
                "rule": _pause_rule_data(clock, one),
            }
            for one in clock.history.standstills
        ],
        "stands_still": None
        if still is None
        else {"since": utc(still.began_at), "reason": still.reason.value, "goes_on_at": utc(still.pause.ended_at)},
        "extensions": [
            {
                "granted_at": utc(one.granted_at),
                "until": utc(one.until),
                "reasons": one.reason,
                "ceiling_at": utc_or_none(_ceiling(clock, one)),
            }
            for one in clock.history.extensions
        ],
        "thresholds": [
            {"level": mark.level, "at": utc(mark.at), "acted_on": position < clock.fired}
            for position, mark in enumerate(clock.marks)
        ],
        "breached_at": utc_or_none(clock.breached_at),
        "late_detected": clock.late_detected,
        "stopped_at": utc_or_none(clock.stopped_at),
        "stopped_by": clock.stopped_by,
    }

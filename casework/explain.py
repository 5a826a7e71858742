"""Answers to 'why': why this due time, why this priority, and what happens next. Plain values in, sentences out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from casework.clocks import Threshold
from casework.facts import CaseFacts
from casework.limits import Limit, StepKind, derive, render
from casework.policy_clocks import Ladder
from casework.vocabulary import DeliveryState, Status
from casework.waiting import waiting_for
from casework.working_time import WorkingCalendar, WorkingTimeError


@dataclass(frozen=True, slots=True)
class Explanation:
    """The same answer twice: lines for a person, data for a program."""

    lines: tuple[str, ...]
    data: dict[str, Any]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


@dataclass(frozen=True, slots=True)
class RunningClock:
    """A running clock as it was started. ``about`` is the case's or a submission's number; ``ahead`` are the
    thresholds that have not been acted on; ``ladder`` is the one it climbs from ``next_rung``."""

    about: str
    rule_id: str
    name: str
    duty: str
    statutory: bool
    source: str
    verified: bool
    policy_version: str
    limit: Limit
    started_at: datetime
    due_at: datetime
    ahead: tuple[Threshold, ...]
    stop_on: tuple[str, ...]
    ladder: Ladder | None = None
    next_rung: int | None = None
    lapse: bool = False


@dataclass(frozen=True, slots=True)
class WaitingLetter:
    """A letter that is intended and not sent. ``to`` is a role; ``not_before`` None: with the next run."""

    id: int
    kind: str
    to: str
    state: str
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Later:
    """When the system looks at the case again by itself, and when notices may be tried again."""

    drive_at: datetime | None = None
    attempts: tuple[tuple[str, datetime | None], ...] = ()


MOMENTS: dict[str, str] = {
    "case.received": "the case is opened or reopened",
    "case.triaged": "the case has its priority",
    "case.returned": "the case goes back to the reporter",
    "case.supplied": "what was missing is supplied",
    "review.opened": "legal review begins",
    "review.approved": "a reviewer approves the notice",
    "review.urgent": "the notice goes out before review",
    "review.confirmed": "what went out urgently is confirmed",
    "submission.sent": "the platform accepts the notice",
    "platform.asked": "the platform asks for more",
    "platform.answered_us": "we answer the platform's question",
    "platform.decided": "the platform has decided every item",
    "case.answered": "the reporter has an answer",
    "case.ended": "the case ends",
    "report.held": "a report is held",
    "hold.settled": "what is held is settled",
    "rung.raised": "a rung is raised",
    "rung.acknowledged": "the recipient acknowledges",
    "outcome.recorded": "an outcome is recorded",
}
"""What each named moment is, to end the sentence 'it stops when …'."""


def explain_due(number: str, clocks: Sequence[RunningClock], calendar: WorkingCalendar, now: datetime) -> Explanation:
    """How each running clock's due time came about, from its own limit and not from today's policy."""
    if not clocks:
        return Explanation((f"{number}: no clock is running.",), {"case": number, "clocks": []})
    lines: list[str] = [f"{number}: {_count(len(clocks), 'clock')} running."]
    data: list[dict[str, Any]] = []
    for clock in clocks:
        told, steps = _derivation(clock, calendar)
        local = clock.due_at.astimezone(ZoneInfo(calendar.zone))
        lines += [
            "",
            f"{clock.name} [{clock.rule_id}], about {clock.about}",
            f"  Whose duty: {clock.duty}. {_standing(clock)}",
            f"  Source: {clock.source} ({_checked(clock.verified)}). Policy {clock.policy_version}.",
            *(f"  {line}" for line in told),
            f"  {_remaining(clock.due_at, now)}",
        ]
        data.append(
            {
                "rule": clock.rule_id,
                "name": clock.name,
                "about": clock.about,
                "duty": clock.duty,
                "statutory": clock.statutory,
                "source": clock.source,
                "verified": clock.verified,
                "policy_version": clock.policy_version,
                "started_at": _utc(clock.started_at),
                "due_at": _utc(clock.due_at),
                "due_local": local.isoformat(),
                "zone": calendar.zone,
                "overdue": now > clock.due_at,
                "steps": steps,
            }
        )
    return Explanation(tuple(lines), {"case": number, "clocks": data})


def _derivation(clock: RunningClock, calendar: WorkingCalendar) -> tuple[list[str], list[dict[str, Any]]]:
    try:
        derived = derive(clock.limit, clock.started_at, calendar)
    except WorkingTimeError as error:
        return [f"The counting cannot be shown: {error}."], []
    told = render(derived).splitlines()
    if derived.due_at != clock.due_at:
        told.append("  Counted by today's calendar; the clock keeps the due time it was given at its start:")
        told.append(f"  {_both(clock.due_at, calendar.zone)}.")
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
    return told, steps


def explain_priority(
    case: CaseFacts,
    floor: str,
    lane: str,
    trace: Sequence[Mapping[str, Any]],
    changes: Sequence[Mapping[str, Any]] = (),
) -> Explanation:
    """Which rules fired or were withheld, on what fact, from what source; and who changed the result.

    ``changes`` have the keys from, to, by, confirmed_by and reason.
    """
    child = "a child is concerned" if case.child else "no child is concerned"
    lines = [
        f"{case.number}: priority {case.priority}, computed {floor}; lane {lane}; {child}.",
        f"  {case.priority.meaning}",
    ]
    if case.political:
        lines.append("  Politically sensitive: indicators and modifiers raise nothing here; a rule that was held")
        lines.append("  back is shown as withheld.")
    for fired in trace:
        lines.append("")
        lines.append(f"{fired['rule']}: {fired['effect']}")
        if fired["field"]:
            lines.append(f"  Because {fired['field']} = {fired['value']}.")
        lines.append(f"  {fired['why']}")
        lines.append(f"  Source: {fired['source']} ({_checked(bool(fired['verified']))}).")
    for change in changes:
        second = f", confirmed by {change['confirmed_by']}" if change["confirmed_by"] else ""
        lines += ["", f"Changed from {change['from']} to {change['to']} by {change['by']}{second}: {change['reason']}"]
    return Explanation(
        tuple(lines),
        {
            "case": case.number,
            "priority": case.priority.value,
            "computed": floor,
            "lane": lane,
            "child": case.child,
            "political": case.political,
            "trace": [dict(fired) for fired in trace],
            "changes": [dict(change) for change in changes],
        },
    )


def explain_next(
    case: CaseFacts,
    clocks: Sequence[RunningClock],
    letters: Sequence[WaitingLetter],
    later: Later,
    zone: str,
    now: datetime,
) -> Explanation:
    """What the system will do next, when, to whom, and what would stop it."""
    wait = waiting_for(case)
    lines = [
        f"{case.number} is '{case.status}': {wait.name}.",
        f"  Who moves next: {_words(wait.who)}. {wait.what}",
    ]
    steps: list[dict[str, Any]] = []
    if later.drive_at is not None:
        when = "now" if later.drive_at <= now else _when(later.drive_at, zone, now)
        lines += ["", f"Drive: {when}, the system takes the case as far as it can."]
        steps.append({"what": "drive", "at": _utc(later.drive_at), "to": "system", "stops_when": []})
    for submission, at in later.attempts:
        when = "with the next drive" if at is None or at <= now else f"not before {_when(at, zone, now)}"
        lines.append(f"Notice {submission}: tried {when}.")
        steps.append({"what": f"try {submission}", "at": None if at is None else _utc(at), "to": "platform"})
    upcoming = sorted(
        ((threshold, clock) for clock in clocks for threshold in clock.ahead), key=lambda pair: pair[0].at
    )
    if upcoming:
        lines += ["", "By the clocks, if nothing stops them:"]
    for threshold, clock in upcoming:
        effect, to = _effect(threshold, clock, case)
        stops = [MOMENTS[moment] for moment in clock.stop_on]
        found = "" if threshold.at > now else ": the next sweep acts on it"
        lines.append(f"  {_when(threshold.at, zone, now)}{found}")
        lines.append(f"    {clock.name} ({clock.about}), {_level(threshold)}: {effect}")
        if threshold.breach:
            lines.append(f"    It stops when {', or '.join(stops)}.")
        steps.append(
            {
                "what": effect,
                "at": _utc(threshold.at),
                "to": to,
                "clock": clock.rule_id,
                "about": clock.about,
                "level": threshold.level,
                "stops_when": stops,
            }
        )
    lines += _rungs_after(upcoming)
    if letters:
        lines += ["", "Letters that wait:"]
    for letter in letters:
        lines.append(f"  {letter.id} {_words(letter.kind)} to {_words(letter.to)}: {_letter_waits(letter, zone, now)}")
    if not upcoming and not letters and later.drive_at is None and not later.attempts:
        lines += ["", "The system itself will do nothing until somebody acts."]
    return Explanation(
        tuple(lines),
        {
            "case": case.number,
            "status": case.status.value,
            "waits_for": wait.name,
            "who": str(wait.who),
            "what": wait.what,
            "steps": steps,
            "letters": [
                {
                    "letter": letter.id,
                    "kind": letter.kind,
                    "to": letter.to,
                    "state": letter.state,
                    "not_before": None if letter.not_before is None else _utc(letter.not_before),
                }
                for letter in letters
            ],
        },
    )


def _effect(threshold: Threshold, clock: RunningClock, case: CaseFacts) -> tuple[str, str]:
    """What the sweep does at this threshold, and to whom."""
    if not threshold.breach:
        return "a warning is recorded; nobody is written to.", ""
    if clock.lapse and case.status is Status.RETURNED:
        return "the case is closed as incomplete and the reporter is told; it can be reopened.", "reporter"
    if clock.ladder is not None and clock.next_rung is not None:
        rung = clock.ladder.rungs[clock.next_rung - 1]
        wait = rung.acknowledge_within.limit.text
        return (
            f"rung {rung.rung}, {rung.name.en}: letter '{_words(rung.letter)}' to {_words(rung.recipient)};"
            f" then {wait} to acknowledge.",
            str(rung.recipient),
        )
    if clock.ladder is not None:
        return "the breach is recorded; no rung is left to raise.", ""
    return "the breach is recorded and shown as overdue.", ""


def _rungs_after(upcoming: Sequence[tuple[Threshold, RunningClock]]) -> list[str]:
    """The rest of each ladder that would be climbed, as one line each."""
    lines = []
    for threshold, clock in upcoming:
        if threshold.breach and clock.ladder is not None and clock.next_rung is not None:
            rest = clock.ladder.rungs[clock.next_rung :]
            if rest:
                named = ", ".join(f"{rung.rung} {rung.name.en}" for rung in rest)
                lines.append(f"  If nobody answers about {clock.about}, then rung by rung: {named}.")
    return list(dict.fromkeys(lines))


def _letter_waits(letter: WaitingLetter, zone: str, now: datetime) -> str:
    match letter.state:
        case DeliveryState.UNKNOWN:
            return "it may have arrived; a person finds out ('qorgan letters settle')."
        case DeliveryState.REFUSED:
            return "refused; a person decides ('qorgan letters settle')."
        case DeliveryState.SENDING:
            return "being sent."
        case _ if letter.not_before is not None and letter.not_before > now:
            return f"tried again {_when(letter.not_before, zone, now)}."
        case _:
            return "sent with the next run."


def _standing(clock: RunningClock) -> str:
    return "Set by law." if clock.statutory else "Our own target, not law."


def _checked(verified: bool) -> str:
    return "verified" if verified else "unverified"


def _level(threshold: Threshold) -> str:
    return "time is up" if threshold.breach else f"warning {threshold.level}"


def _remaining(due_at: datetime, now: datetime) -> str:
    return f"OVERDUE by {length(now - due_at)}." if now > due_at else f"{length(due_at - now)} left."


def _when(at: datetime, zone: str, now: datetime) -> str:
    distance = f"in {length(at - now)}" if at > now else "now" if at == now else f"{length(now - at)} ago"
    return f"{_local(at, zone)} ({distance})"


def _both(at: datetime, zone: str) -> str:
    return f"{_local(at, zone)} ({at.astimezone(UTC):%Y-%m-%d %H:%M} UTC)"


def _local(at: datetime, zone: str) -> str:
    there = at.astimezone(ZoneInfo(zone))
    return f"{there:%Y-%m-%d %H:%M} {there.isoformat()[-6:]}"


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()


def length(span: timedelta) -> str:
    """A span of time in its two largest units: '2 d 3 h', '4 h 10 min', '12 min'; never negative."""
    minutes = max(0, int(span.total_seconds())) // 60
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return f"{days} d {hours} h" if hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{minutes} min"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def _words(code: str) -> str:
    return str(code).replace("_", " ")

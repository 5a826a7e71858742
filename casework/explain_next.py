"""What the system will do next with a case, when, to whom, and what would stop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from casework.clocks import GO_ON, Threshold
from casework.explain import (
    ClockOnRecord,
    Explanation,
    LetterOnRecord,
    any_of,
    cited,
    level,
    moment,
    utc,
    utc_or_none,
    when,
    words,
)
from casework.facts import CaseFacts
from casework.letters import LETTERS
from casework.limits import due_at
from casework.policy_letters import threshold_letters
from casework.policy_pack import Pack
from casework.preconditions import precondition_of, usable_from
from casework.vocabulary import OPEN_STATUSES, DeliveryState, Status
from casework.waiting import waiting_for
from casework.working_time_errors import WorkingTimeError

Data = dict[str, Any]
Mark = tuple[Threshold, ClockOnRecord]


@dataclass(frozen=True, slots=True)
class Later:
    """When the system looks at the case again by itself, when notices may be tried again, and when the case ended."""

    drive_at: datetime | None = None
    attempts: tuple[tuple[str, datetime | None], ...] = ()
    ended_at: datetime | None = None


def explain_next(
    case: CaseFacts,
    clocks: Sequence[ClockOnRecord],
    letters: Sequence[LetterOnRecord],
    later: Later,
    pack: Pack,
    now: datetime,
) -> Explanation:
    """What happens next by itself. ``clocks`` are the running ones, ``letters`` those that are not out; ``pack`` has
    the rules in force now."""
    zone, wait = pack.authority.zone, waiting_for(case)
    lines = [f"{case.number} is '{case.status}': {wait.name}.", f"  Who moves next: {words(wait.who)}. {wait.what}"]
    told, steps = _drive(later, zone, now)
    lines += told
    by_clocks, of_clocks = _by_clocks(case, clocks, pack, zone, now)
    may_use, of_instrument = _instrument(case, pack, now)
    lines += [*by_clocks, *may_use]
    if letters:
        lines += ["", "Letters that wait:"]
    for letter in letters:
        lines.append(f"  {letter.id} {words(letter.kind)} to {words(letter.to)}: {letter_waits(letter, zone, now)}")
    if not (told or by_clocks or letters):
        lines += ["", "The system itself will do nothing until somebody acts."]
    kept, of_retention = _kept_until(case, later.ended_at, pack)
    return Explanation(
        (*lines, *kept),
        {
            "case": case.number,
            "status": case.status.value,
            "waits_for": wait.name,
            "who": str(wait.who),
            "what": wait.what,
            "steps": [*steps, *of_clocks, *of_instrument],
            "letters": [
                {
                    "letter": letter.id,
                    "kind": letter.kind,
                    "to": letter.to,
                    "state": letter.state,
                    "not_before": utc_or_none(letter.not_before),
                }
                for letter in letters
            ],
            "kept_until": of_retention,
        },
    )


def _drive(later: Later, zone: str, now: datetime) -> tuple[list[str], list[Data]]:
    lines: list[str] = []
    steps: list[Data] = []
    if later.drive_at is not None:
        at = "now" if later.drive_at <= now else when(later.drive_at, zone, now)
        lines += ["", f"Drive: {at}, the system takes the case as far as it can."]
        steps.append({"what": "drive", "at": utc(later.drive_at), "to": "system", "stops_when": []})
    for submission, due in later.attempts:
        at = "with the next drive" if due is None or due <= now else f"not before {when(due, zone, now)}"
        lines.append(f"Notice {submission}: tried {at}.")
        steps.append({"what": f"try {submission}", "at": utc_or_none(due), "to": "platform"})
    return lines, steps


def _by_clocks(
    case: CaseFacts, clocks: Sequence[ClockOnRecord], pack: Pack, zone: str, now: datetime
) -> tuple[list[str], list[Data]]:
    marks = sorted(((mark, clock) for clock in clocks for mark in clock.ahead), key=lambda pair: pair[0].at)
    lines = ["", "By the clocks, if nothing stops them:"] if marks else []
    steps: list[Data] = []
    for mark, clock in marks:
        effect, to = effect_of(mark, clock, case, pack)
        if mark.repeat <= 1 or mark is clock.ahead[0]:
            found = "" if mark.at > now else ": the next sweep acts on it"
            lines.append(f"  {when(mark.at, zone, now)}{_at_the_latest(mark, clock, now)}{found}")
            lines.append(f"    {clock.name} ({clock.about}), {level(mark)}: {effect}")
            if mark.breach or mark.repeat:
                lines.append(f"    It stops when {any_of(clock.stop_on)}.")
        steps.append(
            {
                "what": effect,
                "at": utc(mark.at),
                "to": to,
                "clock": clock.rule_id,
                "about": clock.about,
                "level": mark.level,
                "stops_when": [moment(code) for code in clock.stop_on],
            }
        )
    return [*lines, *_rungs_after(marks)], steps


def _at_the_latest(mark: Threshold, clock: ClockOnRecord, now: datetime) -> str:
    """While a clock stands still, what comes after the pause is said for the longest one."""
    still = clock.history.standing_still(now)
    return ", at the latest" if still is not None and mark.at >= still.pause.ended_at else ""


def effect_of(mark: Threshold, clock: ClockOnRecord, case: CaseFacts, pack: Pack) -> tuple[str, str]:
    """What the sweep does at this threshold, and to whom."""
    if mark.level == GO_ON:
        return f"the clock goes on, whatever happened{_sooner(mark, clock)}.", ""
    if mark.repeat:
        return _repeat(mark, clock)
    letters = threshold_letters(clock.duty, clock.rule, case, pack, breach=mark.breach)
    told = "".join(f"; letter '{words(name)}' to {words(LETTERS[name].recipient)}" for name in letters)
    to = str(LETTERS[letters[0]].recipient) if letters else ""
    if not mark.breach:
        return f"a warning is recorded{told or '; nobody is written to'}.", to
    if clock.lapse and case.status is Status.RETURNED:
        return "the case is closed as incomplete and the reporter is told; it can be reopened.", "reporter"
    if clock.ladder_id is not None and clock.ladder is None:
        return f"the breach is recorded; the policy in use has no ladder '{clock.ladder_id}', so no rung is raised.", ""
    if clock.ladder is not None and clock.next_rung is not None:
        rung = clock.ladder.rungs[clock.next_rung - 1]
        whom = LETTERS[rung.letter].recipient
        wait = rung.acknowledge_within.limit.text
        return (
            f"rung {rung.rung}, {rung.name.en}: letter '{words(rung.letter)}' to {words(whom)};"
            f" then {wait} to acknowledge.",
            str(whom),
        )
    if clock.ladder is not None:
        return "the breach is recorded; no rung is left to raise.", ""
    return f"the breach is recorded and shown as overdue{told}.", to


def _sooner(mark: Threshold, clock: ClockOnRecord) -> str:
    """What would end the pause before its longest time."""
    still = next((one for one in clock.history.standstills if one.pause.ended_at == mark.at), None)
    if still is None or clock.rule is None:
        return ""
    rule = next((rule for rule in clock.rule.pause if rule.reason == still.reason), None)
    if rule is None:
        return ""
    by_hand = [f"{' or '.join(words(role) for role in rule.ordered_by)} ends the pause"] if rule.ordered_by else []
    return f"; sooner when {', or '.join([moment(code) for code in rule.ends] + by_hand)}"


def _repeat(mark: Threshold, clock: ClockOnRecord) -> tuple[str, str]:
    last = clock.marks[-1]
    rest = f"; repeated to number {last.repeat} at most" if last.repeat > mark.repeat else ""
    rule = clock.rule.repeat if clock.rule else None
    if rule is None or rule.letter is None:
        return f"the duty is recorded as still owed; nobody is written to{rest}.", ""
    to = LETTERS[rule.letter].recipient
    return f"still owed: letter '{words(rule.letter)}' to {words(to)}{rest}.", str(to)


def _rungs_after(marks: Sequence[Mark]) -> list[str]:
    """The rest of each ladder that would be climbed, as one line each."""
    lines = []
    for mark, clock in marks:
        if mark.breach and clock.ladder is not None and clock.next_rung is not None:
            rest = clock.ladder.rungs[clock.next_rung :]
            if rest:
                named = ", ".join(f"{rung.rung} {rung.name.en}" for rung in rest)
                lines.append(f"  If nobody answers about {clock.about}, then rung by rung: {named}.")
    return list(dict.fromkeys(lines))


_BEFORE_APPROVAL = (Status.RECEIVED, Status.REOPENED, Status.TRIAGED, Status.RETURNED, Status.IN_LEGAL_REVIEW)


def _instrument(case: CaseFacts, pack: Pack, now: datetime) -> tuple[list[str], list[Data]]:
    """From when on the instrument may be used, while that is still ahead."""
    rule = precondition_of(case, pack)
    if rule is None or case.status not in _BEFORE_APPROVAL:
        return [], []
    try:
        ready = usable_from(rule, case, pack)
    except WorkingTimeError:
        return [], []
    name = f"'{words(case.instrument)}' [{rule.id}]"
    if ready is None:
        return ["", f"Not before the provider was told, and then {rule.wait.limit.text}, may {name} be used."], []
    if ready <= now:
        return [], []
    return ["", f"From {when(ready, pack.authority.zone, now)} on {name} may be used; until then no approval."], [
        {"what": "the instrument may be used", "at": utc(ready), "to": "", "rule": rule.id, "stops_when": []}
    ]


def _kept_until(case: CaseFacts, ended_at: datetime | None, pack: Pack) -> tuple[list[str], list[Data]]:
    """Until when the records of an ended case are kept at least."""
    if ended_at is None or case.status in OPEN_STATUSES:
        return [], []
    lines = ["", f"Kept, by policy {pack.version}, counted from the end of the case:"]
    data: list[Data] = []
    for rule in pack.retention.rules:
        source = cited(rule.source.ref, rule.source.verified)
        try:
            until = due_at(rule.keep.limit, ended_at, pack.working_calendar())
        except WorkingTimeError as error:
            lines.append(f"  {words(rule.record)}: {rule.keep.limit.text}; the day cannot be counted: {error}.")
            continue
        day = until.astimezone(ZoneInfo(pack.authority.zone)).date()
        lines.append(f"  {words(rule.record)}: until {day}, {rule.keep.limit.text}. Source: {source}.")
        data.append(
            {
                "record": rule.record,
                "until": day.isoformat(),
                "keep": rule.keep.limit.text,
                "source": rule.source.ref,
                "verified": rule.source.verified,
                "policy_version": pack.version,
            }
        )
    return [*lines, "  Events are kept for good: they prove what was done."], data


def letter_waits(letter: LetterOnRecord, zone: str, now: datetime) -> str:
    """What a letter that is not out waits for, and what its sending does."""
    match letter.state:
        case DeliveryState.UNKNOWN:
            return "it may have arrived; a person finds out, then 'qorgan letters resolve' or 'replay'."
        case DeliveryState.REFUSED:
            return "refused; a person decides: 'qorgan letters replay' or 'resolve'."
        case DeliveryState.SENDING:
            return "being sent."
        case DeliveryState.BUNDLED:
            return f"goes out as a line of digest {letter.digest}."
        case _ if letter.not_before is not None and letter.not_before > now:
            waits = f"tried again {when(letter.not_before, zone, now)}."
        case _:
            waits = "sent with the next run."
    registered = LETTERS.get(letter.kind)
    does = registered.does if registered else None
    return f"{waits} Then {moment(does)}, which ends that duty." if does else waits

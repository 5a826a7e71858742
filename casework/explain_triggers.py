"""What would make the system write a letter, and why it has not: danger, a report, a moment or a move of the case, a
threshold of a clock, a rung of a ladder, an extension, a repeat, a person. The rules are those the system goes by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from casework.clocks import GO_ON, applies
from casework.danger import danger_letters
from casework.explain import ClockOnRecord, LetterOnRecord, any_of, local, moment, when, words
from casework.facts import CaseFacts
from casework.letters import LETTERS
from casework.lifecycle import MOVES, Move
from casework.policy_clocks import ClockRule, Ladder, Rung
from casework.policy_letters import APPEALABLE, LetterCase, fits, threshold_letters
from casework.policy_pack import Pack
from casework.vocabulary import (
    ACTED_OUTCOMES,
    OPEN_STATUSES,
    Action,
    Duty,
    Explained,
    Priority,
    Recipient,
    Status,
)


class Fate(Explained):
    """What became of a kind of letter in a case."""

    UNKNOWN = "unknown", "It may have arrived; a person finds out."
    REFUSED = "refused", "Refused, or it could not be made; a person decides."
    SENDING = "sending", "Being sent."
    WAITS = "waits", "Intended, and not sent yet."
    DROPPED = "dropped", "Intended, and nobody could be written to."
    SENT = "sent", "The mail server said yes."
    MISSING = "missing", "Its trigger has come and no letter is on record."
    NOT_YET = "not yet", "Its trigger may still come."
    STOPPED = "not sent", "Its clock was stopped before its trigger came."
    NEVER = "not intended", "As the case stands its trigger does not come."


@dataclass(frozen=True, slots=True)
class CaseRecord:
    """What is known of a case's letters. ``happened`` are the kinds of its events; ``reachable`` says of each reporter
    whether there is an address; ``clocks`` are all it ever had; ``pack`` has the rules in force now."""

    case: CaseFacts
    pack: Pack
    now: datetime
    letters: Sequence[LetterOnRecord] = ()
    clocks: Sequence[ClockOnRecord] = ()
    happened: frozenset[str] = field(default_factory=frozenset)
    reachable: tuple[bool, ...] = ()
    mail_server: bool = True

    @property
    def zone(self) -> str:
        return self.pack.authority.zone


@dataclass(frozen=True, slots=True)
class Verdict:
    """A letter's fate and the sentence that gives the reason; ``due_at`` where its trigger has a time."""

    fate: Fate
    said: str
    due_at: datetime | None = None


def not_intended(kind: str, record: CaseRecord) -> Verdict:
    """Why no letter of this kind is on record: which trigger has not come, when it is due, or why it never will."""
    found = [verdict for trigger in _TRIGGERS for verdict in trigger(kind, record)]
    if not found:
        return Verdict(Fate.NEVER, f"not intended: nothing in policy {record.pack.version} calls for it.")
    best = min(found, key=lambda one: (list(Fate).index(one.fate), one.due_at is None, one.due_at or record.now))
    ways = [best.said]
    if best.fate is Fate.NOT_YET and best.due_at is None:
        ways = [one.said for one in found if one.fate is best.fate]
    said = f"{best.fate}: {'; or '.join(ways)}."
    to_reporter = kind in LETTERS and LETTERS[kind].recipient is Recipient.REPORTER
    if best.fate is Fate.MISSING:
        said += " Somebody must look why."
    elif best.fate is Fate.NOT_YET and to_reporter and not any(record.reachable):
        said += f" It will be dropped then: {_no_address(record)}."
    return Verdict(best.fate, said, best.due_at)


def _by_danger(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    """The police and our own duty officer hear of danger beside everything else, and at once."""
    if kind not in ("police_referral", "duty_alert", "police_report"):
        return
    case = record.case
    category = next((one for one in record.pack.categories if one.code == case.category), None)
    to_police = category is not None and category.police_referral
    if kind in danger_letters(case.priority, to_police):
        why = "the priority is P0" if case.priority is Priority.P0 else f"category '{case.category}' goes to the police"
        yield Verdict(
            Fate.MISSING,
            f"{why} and no letter is on record; it is intended when a report comes in, the priority rises or the"
            " category changes. Tell them now by other means",
        )
        return
    if kind == "police_report":
        if to_police:
            yield Verdict(Fate.NEVER, "the priority is P0: the police hear of it by the referral")
        else:
            yield Verdict(Fate.NEVER, f"category '{case.category}' does not go to the police")
        return
    more = "; it goes if the case rises to P0" if case.status in OPEN_STATUSES else ""
    yield Verdict(Fate.NEVER, f"the priority is {case.priority}, not P0{more}")


def _by_report(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    if kind != "receipt":
        return
    if any(record.reachable):
        yield Verdict(Fate.MISSING, "a reporter left an address and no receipt is on record")
    else:
        yield Verdict(Fate.NEVER, _no_address(record))


def _no_address(record: CaseRecord) -> str:
    return "the reporter left no address" if record.reachable else "the reporter is anonymous"


def _by_moment(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    """The pack's letters.yaml."""
    status = record.case.status
    channels = {platform.channel for code in record.case.platforms if (platform := record.pack.platform(code))}
    for rule in record.pack.letters.letters:
        if rule.letter != kind:
            continue
        name = f"it goes when {moment(rule.at)}"
        bringing = [move for move in MOVES.values() if rule.at in move.moments]
        before = bringing or [MOVES[action] for action in (_COMES_BEFORE.get(rule.at),) if action is not None]
        come = rule.at in record.happened or any(f"moved.{move.action}" in record.happened for move in bringing)
        can_come = any(_comes_to(status, move) for move in before) if before else status in OPEN_STATUSES
        if not any(fits(rule.when, record.case, record.pack, channel) for channel in (*channels, None)):
            yield Verdict(Fate.NEVER, f"{name}, and not for such a case: {_asked_for(rule.when)}")
        elif come:
            yield Verdict(Fate.MISSING, f"{moment(rule.at)}: that has been, and no letter is on record")
        elif can_come:
            yield Verdict(Fate.NOT_YET, f"{name}; the case is '{words(status)}'")
        else:
            yield Verdict(Fate.NEVER, f"{name}; from '{words(status)}' that cannot come")


_COMES_BEFORE = {
    "submission.sent": Action.SUBMIT, "answer.sent": Action.ANSWER, "platform.asked": Action.ASK_MORE,
}  # fmt: skip
"""Moments that no move brings, and the move without which they do not come."""


def _asked_for(wanted: LetterCase) -> str:
    """What a rule of letters.yaml asks of a case, as it stands there."""
    said = wanted.model_dump(mode="json", exclude_defaults=True)
    return ", ".join(
        f"{key} {', '.join(value) if isinstance(value, list) else 'yes' if value else 'no'}"
        for key, value in said.items()
    )


def _by_threshold(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    """Warnings and breaches of a clock."""
    found = False
    for clock in record.clocks:
        for breach in (False, True):
            if _tells(kind, clock.duty, clock.rule, breach=breach):
                found = True
                yield from _threshold(kind, clock, record, breach=breach)

    def picks(rule: ClockRule) -> bool:
        return any(_tells(kind, rule.duty, rule, breach=breach) for breach in (False, True))

    if not found and any(picks(rule) for rule in _rules(record)):
        then = "it goes when that runs out" if kind == "breach_notice" else "it goes when that is nearly due"
        yield from _not_begun(record, picks, then, "no clock of this case calls for it")


def _tells(kind: str, duty: str, rule: ClockRule | None, *, breach: bool) -> bool:
    """Whether a clock's warning or breach can call for this letter."""
    ours = {"deadline_warning": False, "breach_notice": True}
    named = rule and (rule.breach_letter if breach else rule.warn_letter)
    return named == kind or (duty == Duty.AUTHORITY and ours.get(kind) is breach)


def _threshold(kind: str, clock: ClockOnRecord, record: CaseRecord, *, breach: bool) -> Iterable[Verdict]:
    wanted = kind in threshold_letters(clock.duty, clock.rule, record.case, record.pack, breach=breach)
    marks = [mark for mark in clock.marks if not mark.repeat and mark.level != GO_ON and mark.breach is breach]
    if not wanted:
        yield Verdict(Fate.NEVER, f"[{clock.rule_id}] calls for it only while an expert group's opinion is awaited")
    elif any(mark in clock.marks[: clock.fired] for mark in marks):
        what = "ran out" if breach else "warned"
        yield Verdict(Fate.MISSING, f"[{clock.rule_id}] {what} and no letter is on record")
    elif clock.running and marks:
        at = when(marks[0].at, record.zone, record.now)
        said = f"it goes {at} if [{clock.rule_id}] about {clock.about} still runs"
        yield Verdict(Fate.NOT_YET, f"{said}; that stops when {any_of(clock.stop_on)}", marks[0].at)
    elif marks:
        yield _stopped(clock, record, "it had not come to that")


def _by_person(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    """Letters that somebody asks for."""
    asked = {
        "platform_appeal": (APPEALABLE, "the platform left an item", "qorgan submission appeal"),
        "restoration_request": (ACTED_OUTCOMES, "the platform acted on an item", "qorgan case restore"),
    }
    if kind not in asked:
        return
    outcomes, what, command = asked[kind]
    if any(item.outcome in outcomes for item in record.case.items):
        yield Verdict(Fate.NOT_YET, f"{what}; a reviewer may ask for it ('{command}'), and nobody has")
    else:
        yield Verdict(Fate.NEVER, f"a reviewer asks for it ('{command}') once {what}")


def _by_other_letters(kind: str, _: CaseRecord) -> Iterable[Verdict]:
    if kind == "address_request":
        yield Verdict(Fate.NOT_YET, "it goes when a mail server says that a letter of this case cannot arrive")
    elif kind in LETTERS and LETTERS[kind].about == "several":
        yield Verdict(Fate.NEVER, f"it is about several cases, {LETTERS[kind].once}")


def _by_move(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    moves = [move for move in MOVES.values() if move.letter == kind]
    status = record.case.status
    for move in moves:
        name = f"'{move.action}' ({move.action.meaning.rstrip('.')})"
        sources = " or ".join(f"'{words(source)}'" for source in sorted(move.sources))
        if f"moved.{move.action}" in record.happened:
            yield Verdict(Fate.MISSING, f"{name} was done and no letter is on record")
        elif not _comes_to(status, move):
            yield Verdict(Fate.NEVER, f"it goes with {name} from {sources}; from '{words(status)}' that cannot come")
        else:
            lapse = next((one for one in record.clocks if one.running and one.lapse), None)
            if move.action is Action.LAPSE and lapse is not None and status is Status.RETURNED:
                said = f"{_runs_out(lapse, record)}, the case lapses; that stops when {any_of(lapse.stop_on)}"
                yield Verdict(Fate.NOT_YET, said, lapse.due_at)
            else:
                yield Verdict(Fate.NOT_YET, f"it goes with {name} from {sources}; the case is '{words(status)}'")


def _comes_to(status: Status, move: Move) -> bool:
    """Whether the move can still come without the case being reopened."""
    seen, ahead = {status}, [status]
    while ahead:
        at = ahead.pop()
        if at in move.sources:
            return True
        for other in MOVES.values():
            if other.action is not Action.REOPEN and at in other.sources and other.to and other.to not in seen:
                seen.add(other.to)
                ahead.append(other.to)
    return False


def _by_rung(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    for ladder in record.pack.sla.ladders:
        for rung in ladder.rungs:
            if rung.letter == kind:
                yield from _rung(ladder, rung, record)


def _rung(ladder: Ladder, rung: Rung, record: CaseRecord) -> Iterable[Verdict]:
    name = f"rung {rung.rung} of ladder {ladder.id}"
    climbing = [clock for clock in record.clocks if clock.ladder_id == ladder.id]
    ahead = [clock for clock in climbing if clock.running and clock.breached_at is None and clock.next_rung]
    for clock in ahead:
        stops = f"; that stops when {any_of(clock.stop_on)}"
        if clock.next_rung == rung.rung:
            yield Verdict(Fate.NOT_YET, f"{_runs_out(clock, record)}, {name} is raised{stops}", clock.due_at)
        elif (clock.next_rung or 0) < rung.rung:
            said = f"{name} comes after rung {clock.next_rung}: {_runs_out(clock, record)}, that one is raised{stops}"
            yield Verdict(Fate.NOT_YET, said, clock.due_at)
    if ahead:
        if all((clock.next_rung or 0) > rung.rung for clock in ahead):
            yield Verdict(Fate.NEVER, f"{name} was raised or passed before, and a later one is next")
    elif any(clock.running for clock in climbing):
        yield Verdict(Fate.NEVER, "no rung is left to raise")
    elif climbing:
        yield _stopped(max(climbing, key=lambda one: one.stopped_at or record.now), record, f"{name} was not raised")
    else:
        yield from _not_begun(
            record, lambda rule: rule.ladder == ladder.id, f"{name} is raised when it runs out",
            f"no clock of this case climbs ladder {ladder.id}",
        )  # fmt: skip


def _by_extension(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    def tells(rule: ClockRule) -> bool:
        return rule.extension is not None and rule.extension.notice == kind

    if not any(tells(rule) for rule in _rules(record)):
        return
    for clock in record.clocks:
        if clock.rule is None or clock.rule.extension is None or not tells(clock.rule):
            continue
        if clock.history.extensions:
            yield Verdict(Fate.MISSING, f"[{clock.rule_id}] was extended and no letter is on record")
        elif clock.running:
            by = " or ".join(words(role) for role in clock.rule.extension.roles)
            yield Verdict(Fate.NOT_YET, f"it goes when [{clock.rule_id}] is extended by {by}; nobody has extended it")
        else:
            yield _stopped(clock, record, "it was not extended")
    if not any(clock.rule is not None and tells(clock.rule) for clock in record.clocks):
        yield from _not_begun(
            record, tells, "it goes when that is extended", "no clock of this case sends it when extended"
        )


def _by_repeat(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    def reminds(rule: ClockRule) -> bool:
        return rule.repeat is not None and rule.repeat.letter == kind

    if not any(reminds(rule) for rule in _rules(record)):
        return
    for clock in record.clocks:
        if clock.rule is None or clock.rule.repeat is None or not reminds(clock.rule):
            continue
        first = next((mark for mark in clock.ahead if mark.repeat), None)
        if any(mark.repeat for mark in clock.marks[: clock.fired]):
            yield Verdict(Fate.MISSING, f"[{clock.rule_id}] was repeated and no letter is on record")
        elif clock.running and first is not None:
            at = when(first.at, record.zone, record.now)
            said = f"it goes {at} if [{clock.rule_id}] ran out and is still owed"
            yield Verdict(Fate.NOT_YET, f"{said}; that stops when {any_of(clock.stop_on)}", first.at)
        elif not clock.running:
            yield _stopped(clock, record, "nothing was owed after its time")
    if not any(clock.rule is not None and reminds(clock.rule) for clock in record.clocks):
        yield from _not_begun(
            record, reminds, "it goes when that is overdue", "no clock of this case sends it when overdue"
        )


def _rules(record: CaseRecord) -> Iterable[ClockRule]:
    """The rules in force now, and those that the case's clocks began under."""
    return (*record.pack.sla.clocks, *(clock.rule for clock in record.clocks if clock.rule is not None))


def _not_begun(record: CaseRecord, picks: Callable[[ClockRule], bool], then: str, none: str) -> Iterable[Verdict]:
    """The clock that would lead to the letter has not begun; or the case has none that would."""
    mine = [rule for rule in record.pack.sla.clocks if picks(rule) and applies(rule, record.case)]
    if not mine:
        yield Verdict(Fate.NEVER, none)
    elif record.case.status not in OPEN_STATUSES:
        yield Verdict(Fate.NEVER, f"[{mine[0].id}] never began, and the case is '{words(record.case.status)}'")
    else:
        rule = mine[0]
        yield Verdict(Fate.NOT_YET, f"[{rule.id}] begins when {moment(rule.start)}; {then}")


def _runs_out(clock: ClockOnRecord, record: CaseRecord) -> str:
    at = when(clock.due_at, record.zone, record.now)
    if clock.due_at <= record.now:
        return f"[{clock.rule_id}] about {clock.about} ran out {at}: with the next sweep"
    latest = ", at the latest" if clock.history.standing_still(record.now) else ""
    return f"when [{clock.rule_id}] about {clock.about} runs out, {at}{latest}"


def _stopped(clock: ClockOnRecord, record: CaseRecord, so: str) -> Verdict:
    at = f" {local(clock.stopped_at, record.zone)}" if clock.stopped_at else ""
    return Verdict(Fate.STOPPED, f"[{clock.rule_id}] about {clock.about} stopped{at}, {_because(clock)}; {so}")


def _because(clock: ClockOnRecord) -> str:
    return f"because {moment(clock.stopped_by)}" if clock.stopped_by else "for a reason that is not on record"


_TRIGGERS = (
    _by_danger, _by_report, _by_moment, _by_move, _by_threshold, _by_rung, _by_extension, _by_repeat, _by_person,
    _by_other_letters,
)  # fmt: skip

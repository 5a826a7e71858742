"""What would make the system write a letter, and why it has not: danger, a report, the platform's yes, a move of the
case, a rung of a ladder, an extension, a repeat. The rules are those that the system itself goes by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from casework.clocks import applies
from casework.explain import ClockOnRecord, LetterOnRecord, any_of, local, moment, when, words
from casework.facts import CaseFacts
from casework.letters import LETTERS
from casework.lifecycle import MOVES, Move
from casework.policy_clocks import ClockRule, Ladder, Rung
from casework.policy_pack import Pack
from casework.vocabulary import OPEN_STATUSES, Action, Explained, Priority, Recipient, Status


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
    if kind not in ("police_referral", "duty_alert"):
        return
    case = record.case
    category = next((one for one in record.pack.categories if one.code == case.category), None)
    by_category = kind == "police_referral" and category is not None and category.police_referral
    if case.priority is Priority.P0 or by_category:
        why = f"category '{case.category}' has police referral" if by_category else "the priority is P0"
        yield Verdict(
            Fate.MISSING,
            f"{why} and no letter is on record; it is intended when a report comes in or the priority rises."
            " Tell them now by other means",
        )
        return
    reasons = [f"the priority is {case.priority}, not P0"]
    if kind == "police_referral":
        reasons.append(f"category '{case.category}' has no police referral")
    more = "; it goes if the case rises to P0" if case.status in OPEN_STATUSES else ""
    yield Verdict(Fate.NEVER, f"{' and '.join(reasons)}{more}")


def _by_report(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    if kind != "receipt":
        return
    if any(record.reachable):
        yield Verdict(Fate.MISSING, "a reporter left an address and no receipt is on record")
    else:
        yield Verdict(Fate.NEVER, _no_address(record))


def _no_address(record: CaseRecord) -> str:
    return "the reporter left no address" if record.reachable else "the reporter is anonymous"


def _by_acceptance(kind: str, record: CaseRecord) -> Iterable[Verdict]:
    if kind != "platform_notice":
        return
    case, submit = record.case, MOVES[Action.SUBMIT]
    if "submission.sent" in record.happened:
        yield Verdict(Fate.MISSING, "the platform has accepted a notice and no letter is on record")
    elif _comes_to(case.status, submit):
        yield Verdict(Fate.NOT_YET, f"it goes when {moment('submission.sent')}; the case is '{words(case.status)}'")
    else:
        yield Verdict(Fate.NEVER, f"no notice goes out from '{words(case.status)}'")


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


_TRIGGERS = (_by_danger, _by_report, _by_acceptance, _by_move, _by_rung, _by_extension, _by_repeat)

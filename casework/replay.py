"""A recorded case lived through again under a policy pack: which level, which clocks, which letters.

The replay asks the same functions as the system at work: priorities from casework/priority.py, clocks, pauses and
rungs from casework/clocks.py and clock_changes.py, moves from casework/lifecycle.py. Of its own it has only the order
of time. Whatever happens on the instant at which a time runs out comes before it: what is done at the due time is
done in time. Thresholds are acted on at their own instant, as by a sweep that is never late.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from casework.case_history import NEW_FACTS, CaseHistory, Happened
from casework.clock_changes import (
    ClockChange,
    ClockChangeRefused,
    ClockFacts,
    History,
    begin_pause,
    end_pause,
    extend,
    pause_by_rule,
)
from casework.clocks import GO_ON, ClockStart, Threshold, applies, climb_on
from casework.danger import danger_letters
from casework.errors import CaseError
from casework.facts import Actor, CaseFacts, OpinionFacts
from casework.letters import LETTERS
from casework.lifecycle import MOVES
from casework.moments import MOMENTS
from casework.policy_clocks import ClockRule
from casework.policy_letters import letters_at, threshold_letters
from casework.policy_pack import Pack
from casework.priority import Assessment, PriorityFacts
from casework.replayed import Replayed, ReplayedClock, ReplayedLetter
from casework.rulebook import Rulebook
from casework.vocabulary import OPEN_STATUSES, Action, Lane, Role, Status


class CannotReplay(CaseError):
    """The pack cannot tell what would have become of the case; the message says why."""

    rule = "replay.impossible"


def replay(history: CaseHistory, pack: Pack | Rulebook, until: datetime) -> Replayed:
    """The case under the pack up to an instant. Hand a Rulebook in when there are many.

    Raises CannotReplay for a category the pack lacks, and the errors of working_time for years without a calendar.
    """
    rules = pack if isinstance(pack, Rulebook) else Rulebook(pack)
    try:
        rules.pack.category(history.category)
    except KeyError:
        raise CannotReplay(
            history.number,
            f"policy {rules.pack.version} has no category '{history.category}'",
            rule="replay.category_unknown",
        ) from None
    return _Replay(history, rules).run(until)


@dataclass(slots=True)
class _Clock:
    """A clock on its way. ``rule`` None: the clock of a rung."""

    rule: ClockRule | None
    start: ClockStart
    notice: int
    due_at: datetime
    marks: tuple[Threshold, ...]
    fired: int = 0
    history: History = field(default_factory=History)
    warned: int = 0
    breached_at: datetime | None = None
    stopped_at: datetime | None = None
    stopped_by: str = ""

    def touched_by(self, notice: int) -> bool:
        """A moment of the case touches every clock; one of a notice not the clocks about another."""
        return not notice or not self.notice or notice == self.notice

    def stop(self, moment: str, at: datetime) -> None:
        self.stopped_at, self.stopped_by = at, moment

    def change(self, change: ClockChange) -> None:
        self.history, self.due_at, self.marks, self.fired = change.history, change.due_at, change.marks, change.fired


_ON_RECORD = Actor("record", "As recorded", frozenset(Role))
"""Who did what the record says to a clock: their right to do it was checked then."""
_REASONS = "The reasons are in the record of the case."
_ANSWERS = frozenset(line.does for line in LETTERS.values() if line.does)
"""Moments that a letter brings when it is out, which may be after the end of the case."""


class _Replay:
    def __init__(self, history: CaseHistory, rules: Rulebook) -> None:
        self._history, self._rules = history, rules
        category = rules.pack.category(history.category)
        self._referral = category.police_referral
        self._political = history.political or category.political
        self._instrument = history.instrument or category.instrument.value
        self._status = Status.RECEIVED
        self._level = self._floor = rules.pack.priority.default
        self._set_by, self._lane, self._child = "", Lane.ROUTINE, False
        self._facts: CaseFacts | None = None
        self._opinion: OpinionFacts | None = None
        self._at = history.happened[0].at
        self._clocks: list[_Clock] = []
        self._running: list[_Clock] = []
        self._letters: list[ReplayedLetter] = []
        self._alerted: set[str] = set()
        self._raised: dict[tuple[int, str, int], bool] = {}
        self._lapsed_at: list[datetime] = []
        self._lapsed = False
        self._refused: list[tuple[str, str]] = []

    def run(self, until: datetime) -> Replayed:
        for step in self._history.happened:
            if step.at > until:
                break
            self._let_pass(step.at)
            self._at = step.at
            self._happen(step)
        self._let_pass(until + timedelta.resolution)
        clocks = tuple(
            ReplayedClock(
                clock.start.rule_id, clock.notice, clock.start.started_at, clock.due_at, clock.warned,
                clock.breached_at, clock.stopped_at, clock.stopped_by,
            )
            for clock in self._clocks
        )  # fmt: skip
        return Replayed(
            self._level, self._set_by, self._lane, clocks, tuple(self._letters), tuple(self._lapsed_at),
            tuple(self._refused),
        )  # fmt: skip

    # Time

    def _let_pass(self, end: datetime) -> None:
        """Act on every threshold before an instant, the earliest first."""
        while True:
            next_one, at = None, end
            for clock in self._running:
                if clock.fired < len(clock.marks) and clock.marks[clock.fired].at < at:
                    next_one, at = clock, clock.marks[clock.fired].at
            if next_one is None:
                return
            self._fire(next_one, next_one.marks[next_one.fired])

    def _fire(self, clock: _Clock, mark: Threshold) -> None:
        clock.fired += 1
        if mark.level == GO_ON:
            return
        if mark.repeat:
            repeat = clock.rule.repeat if clock.rule else None
            if repeat is not None and repeat.letter is not None:
                self._write(repeat.letter, clock.notice, mark.at)
            return
        view = self._rules.in_force(mark.at)
        for kind in threshold_letters(clock.start.duty, clock.rule, self._case(), view, breach=mark.breach):
            self._write(kind, clock.notice, mark.at)
        if not mark.breach:
            clock.warned += 1
            return
        clock.breached_at = mark.at
        self._raise_rung(clock, mark.at)
        if clock.start.lapse and self._status is Status.RETURNED:
            self._lapsed = True
            self._lapsed_at.append(mark.at)
            self._move(Action.LAPSE, mark.at)

    def _raise_rung(self, clock: _Clock, at: datetime) -> None:
        ladder, rung = clock.start.ladder, clock.start.next_rung
        if ladder is None or rung is None or not clock.notice or self._status not in OPEN_STATUSES:
            return
        if (clock.notice, ladder, rung) in self._raised:
            return
        self._raised[clock.notice, ladder, rung] = False
        self._write(self._rules.pack.sla.ladder(ladder).rungs[rung - 1].letter, clock.notice, at)
        self._begin(None, self._rules.rung(ladder, rung, at), clock.notice)

    # What is on record

    def _happen(self, step: Happened) -> None:
        kind, at = step.kind, step.at
        if self._lapsed and kind not in _ANSWERS:
            # The case is closed here, whatever was still done with it in fact, until somebody opens it again.
            if kind != "moved.reopen":
                return
            self._lapsed = False
        if kind.startswith("moved."):
            action = Action(kind.removeprefix("moved."))
            if action is Action.REOPEN and self._status is Status.RETURNED:
                # It has not lapsed here: whoever came back too late in fact comes in time.
                action = Action.SUPPLY
            self._move(action, at)
        elif kind == "case.received":
            self._judge(at)
            self._alert(at)
            self._tell(kind, 0, at)
        elif kind in NEW_FACTS:
            before = self._level
            self._judge(at)
            if self._level.rank < before.rank:
                self._by_new_priority(at)
            self._alert(at)
        elif kind == "priority.changed":
            self._change_priority(step)
        elif kind == "rung.acknowledged":
            self._acknowledge(step)
        elif step.clock:
            self._by_hand(step)
        elif kind in MOMENTS:
            if kind == "expert.decided":
                self._opinion, self._facts = OpinionFacts("", True, "", at), None
            self._tell(kind, step.notice, at, step.platform)
        else:
            raise CannotReplay(self._history.number, f"nothing is known of '{kind}'", rule="replay.kind_unknown")

    def _move(self, action: Action, at: datetime) -> None:
        move = MOVES[action]
        if action is Action.TRIAGE:
            self._judge(at)
        self._status = move.to or self._status
        for moment in move.moments:
            self._tell(moment, 0, at)
        if move.letter is not None:
            self._write(move.letter, 0, at)

    def _acknowledge(self, step: Happened) -> None:
        """It is for the rung that the record names, where that was raised here; else for the last one that was."""
        open_ones = [key for key, done in self._raised.items() if key[0] == step.notice and not done]
        if not open_ones:
            return
        key = next((key for key in open_ones if key[2] == step.rung), open_ones[-1])
        self._raised[key] = True
        self._tell(step.kind, step.notice, step.at)
        follow_up = self._rules.rung(key[1], key[2], step.at, acknowledged=True)
        highest = max(raised[2] for raised in self._raised if raised[:2] == key[:2])
        self._begin(None, climb_on(follow_up, highest, self._rules.pack.sla.ladder(key[1])), step.notice)

    def _by_hand(self, step: Happened) -> None:
        clock = next(
            (one for one in self._running if one.start.rule_id == step.clock and one.touched_by(step.notice)), None
        )
        facts = None if clock is None else self._clock_facts(clock)
        if clock is None or facts is None:
            self._refused.append((step.clock, "clock.not_running"))
            return
        try:
            match step.kind:
                case "clock.paused" if step.reason is not None:
                    clock.change(begin_pause(facts, step.reason, step.at))
                case "clock.resumed":
                    clock.change(end_pause(facts, step.at))
                case "clock.extended" if step.until is not None:
                    clock.change(extend(facts, step.until, _ON_RECORD, _REASONS, step.at))
                case _:
                    raise CannotReplay(self._history.number, f"the record of '{step.kind}' is incomplete")
        except ClockChangeRefused as refused:
            self._refused.append((step.clock, refused.rule))
            return
        if step.kind == "clock.extended":
            self._tell("extension.granted", 0, step.at)
            notice = facts.rule.extension.notice if facts.rule.extension else None
            if notice is not None:
                self._write(notice, 0, step.at)

    # Clocks

    def _tell(self, moment: str, notice: int, at: datetime, platform: str = "") -> None:
        """A moment has come: clocks stand still or go on, stop, and start, in this order; then letters follow."""
        still_running = []
        for clock in self._running:
            if clock.touched_by(notice):
                if clock.rule is not None and clock.rule.pause:
                    self._pause(clock, moment, at)
                if moment in clock.start.stop_on:
                    clock.stop(moment, at)
                    continue
            still_running.append(clock)
        self._running = still_running
        if self._rules.starts(moment):
            # One that runs already, such as after a pause, is not started again.
            running = {clock.start.rule_id for clock in self._running if clock.notice == notice}
            for rule in self._rules.rules(moment, at, self._case()):
                if rule.id not in running:
                    self._begin(rule, self._rules.start(rule, at), notice)
        view = self._rules.in_force(at)
        reached = view.platform(platform)
        for letter in letters_at(moment, self._case(), view, reached.channel if reached else None):
            self._write(letter.letter, notice, at)

    def _begin(self, rule: ClockRule | None, start: ClockStart, notice: int) -> None:
        clock = _Clock(rule, start, notice, start.due_at, start.thresholds)
        self._clocks.append(clock)
        self._running.append(clock)

    def _pause(self, clock: _Clock, moment: str, at: datetime) -> None:
        facts = self._clock_facts(clock)
        assert facts is not None, "it has a rule"
        still = facts.history.standing_still(at)
        ends = still and next((rule for rule in facts.rule.pause if rule.reason == still.reason), None)
        if ends and moment in ends.ends:
            clock.change(end_pause(facts, at))
        elif still is None and at < clock.due_at and (begins := pause_by_rule(facts, moment)) is not None:
            clock.change(begin_pause(facts, begins.reason, at))

    def _clock_facts(self, clock: _Clock) -> ClockFacts | None:
        if clock.rule is None:
            return None
        calendar = self._rules.pack.working_calendar(clock.rule.calendar)
        return ClockFacts(
            self._history.number, clock.rule, calendar, clock.start.started_at, clock.due_at, clock.marks,
            clock.fired, clock.history,
        )  # fmt: skip

    def _by_new_priority(self, at: datetime) -> None:
        """Our own clocks that are for another priority give way to those for the new one; statutory ones run on."""
        view, case = self._rules.in_force(at), self._case()
        known = {rule.id: rule for rule in view.sla.clocks}
        ended: set[tuple[str, int]] = set()
        for clock in list(self._running):
            rule = known.get(clock.start.rule_id)
            if rule is not None and rule.applies.priority and not rule.statutory and not applies(rule, case):
                clock.stop("priority.changed", at)
                self._running.remove(clock)
                ended.add((rule.start, clock.notice))
        for moment, notice in sorted(ended):
            for rule in self._rules.rules(moment, at, case):
                if rule.applies.priority:
                    self._begin(rule, self._rules.start(rule, at), notice)

    # Priority

    def _judge(self, at: datetime) -> None:
        """What the rules compute. What people raised stays, and so does what two people lowered, until the rules
        compute a higher level than they did then."""
        assessed, rule = self._assess(at)
        bar = self._floor if self._level.rank > self._floor.rank else self._level
        if not self._set_by or assessed.priority.rank < bar.rank:
            self._level = assessed.priority
        self._floor, self._child = assessed.priority, assessed.child
        if self._level is assessed.priority:
            self._set_by, self._lane = rule, assessed.lane
        self._facts = None

    def _assess(self, at: datetime) -> tuple[Assessment, str]:
        history, day_before = self._history, at - timedelta(hours=24)
        facts = PriorityFacts(
            category=history.category,
            age_band=history.age_band,
            indicators=history.indicators,
            reports=max(sum(day_before <= came <= at for came in history.reports), 1),
            platforms=history.platforms,
            reporter_is_child=history.reporter_is_child,
            political=self._political,
        )
        return self._rules.assess(facts, at)

    def _change_priority(self, step: Happened) -> None:
        """A person's order holds; a rise to less than the rules of this pack give anyhow changes nothing."""
        before, to = self._level, step.level
        if to is None or step.level_before is None:
            raise CannotReplay(self._history.number, "a change of priority says no level")
        if to.rank < step.level_before.rank and before.rank < to.rank:
            to = before
        self._level, self._set_by = to, "a person"
        self._lane = self._rules.pack.priority.lane(to, child=self._child, political=self._political)
        self._facts = None
        self._by_new_priority(step.at)
        if to.rank < before.rank:
            self._alert(step.at)

    def _case(self) -> CaseFacts:
        if self._facts is None:
            history = self._history
            self._facts = CaseFacts(
                id=0, number=history.number, status=self._status, priority=self._level, category=history.category,
                political=self._political, child=self._child, age_band=history.age_band, language="",
                instrument=self._instrument, ground="", requested_action="", intake_by="",
                received_at=history.happened[0].at, opinion=self._opinion,
            )  # fmt: skip
        return self._facts

    # Letters

    def _write(self, kind: str, notice: int, at: datetime) -> None:
        # A threshold that a change of its clock put into the past is found after that change.
        self._letters.append(ReplayedLetter(kind, notice, max(at, self._at)))

    def _alert(self, at: datetime) -> None:
        """The letters that danger calls for, each once a case."""
        for kind in danger_letters(self._level, self._referral):
            if kind not in self._alerted:
                self._alerted.add(kind)
                self._write(kind, 0, at)

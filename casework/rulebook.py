"""A policy pack made ready for many replays: rules found by moment, and nothing reckoned twice.

What is kept is exact: the same rule with the same calendar from the same start, and the same facts under the same
rules of priority. Two packs that share a rulebook's memory share the clocks of the rules that are equal in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TypeVar

from casework.clocks import ClockStart, Subject, applies, rung_clock, start_clock
from casework.facts import CaseFacts
from casework.policy_base import Dated
from casework.policy_clocks import ClockRule, Ladder
from casework.policy_pack import Pack
from casework.priority import Assessment, PriorityFacts, assess

D = TypeVar("D", bound=Dated)

MOST = 1_000
"""Values of a kind that are kept at once; then it begins anew. What is kept serves the other policy right after, and
the cases that came in one batch; keeping more would cost more in memory than it saves."""

NOBODY = Subject("case", 0)


@dataclass(slots=True)
class Memory:
    """What was reckoned before, for one pack or for several."""

    shapes: dict[tuple[str, ...], int] = field(default_factory=dict)
    starts: dict[tuple[int, datetime], ClockStart] = field(default_factory=dict)

    def shape(self, *texts: str) -> int:
        """A number for what determines a due time; equal for equal texts."""
        return self.shapes.setdefault(texts, len(self.shapes))


class Rulebook:
    """One pack, prepared. The rules in force at an instant are those of the pack at that instant."""

    def __init__(self, pack: Pack, memory: Memory | None = None) -> None:
        self.pack = pack
        self._memory = memory or Memory()
        self._rules: dict[tuple[int, str, str, str, str], tuple[ClockRule, ...]] = {}
        self._levels: dict[tuple[int, PriorityFacts], tuple[Assessment, str]] = {}
        self._shapes: dict[tuple[int, int], int] = {}
        self._moments = frozenset(moment for rule in pack.sla.clocks for moment in (rule.start, *rule.starts_again))
        self._calendars = {
            policy.id: f"{policy.model_dump_json()} {(pack.known_days or {}).get(policy.id)}"
            for policy in pack.calendars.calendars
        }

    def in_force(self, at: datetime) -> Pack:
        """The pack with the rules in force at an instant."""
        return self.pack.at(at) if self.pack.changes else self.pack

    def starts(self, moment: str) -> bool:
        """Whether any clock ever starts at this moment."""
        return moment in self._moments

    def rules(self, moment: str, at: datetime, case: CaseFacts) -> tuple[ClockRule, ...]:
        """The clocks' rules that a moment starts for a case."""
        view = self.in_force(at)
        key = (id(view), moment, case.priority.value, case.category, case.instrument)
        found = self._rules.get(key)
        if found is None:
            found = tuple(
                rule for rule in view.sla.clocks if moment in (rule.start, *rule.starts_again) and applies(rule, case)
            )
            self._rules[key] = found
        return found

    def start(self, rule: ClockRule, at: datetime) -> ClockStart:
        """The clock of a rule from an instant on; its subject is for the caller to know."""
        key = (self._shape(rule, rule.calendar, 0), at)
        kept = self._memory.starts
        start = kept.get(key)
        if start is None:
            start = start_clock(rule.id, NOBODY, at, self.pack)
            self._keep(key, start)
        return start

    def rung(self, ladder_id: str, rung: int, at: datetime, *, acknowledged: bool = False) -> ClockStart:
        """The clock of a rung from an instant on."""
        ladder = self.pack.sla.ladder(ladder_id)
        key = (self._shape(ladder, ladder.rungs[rung - 1].calendar, 2 * rung + acknowledged), at)
        start = self._memory.starts.get(key)
        if start is None:
            start = rung_clock(ladder_id, rung, NOBODY.id, at, self.pack, acknowledged=acknowledged)
            self._keep(key, start)
        return start

    def assess(self, facts: PriorityFacts, at: datetime) -> tuple[Assessment, str]:
        """The priority by the rules in force at an instant, and the rule that gave it; KeyError for a category the pack
        lacks."""
        view = self.in_force(at)
        key = (id(view), facts)
        found = self._levels.get(key)
        if found is None:
            if len(self._levels) >= MOST:
                self._levels.clear()
            assessed = assess(facts, view)
            found = self._levels[key] = (assessed, _rule_of(assessed))
        return found

    def _keep(self, key: tuple[int, datetime], start: ClockStart) -> None:
        if len(self._memory.starts) >= MOST:
            self._memory.starts.clear()
        self._memory.starts[key] = start

    def _shape(self, rule: ClockRule | Ladder, calendar: str | None, part: int) -> int:
        # By identity: reading a rule's whole text for every clock would cost more than counting its time.
        shape = self._shapes.get((id(rule), part))
        if shape is None:
            on = calendar or self.pack.calendars.calendars[0].id
            shape = self._memory.shape(rule.model_dump_json(), self._calendars[on], str(part))
            self._shapes[(id(rule), part)] = shape
        return shape


def _rule_of(assessed: Assessment) -> str:
    """The line of the trace that gave the level: the floor, or the last modifier that raised it."""
    given = (f"floor {assessed.priority}", f"raised to {assessed.priority}")
    return next(fired.rule for fired in reversed(assessed.trace) if fired.effect in given)


def timeless(pack: Pack, day: date) -> Pack:
    """The pack with its clocks and priorities as they are in force on a day, taken as in force at all times."""
    view = pack.on(day)

    def always(rules: tuple[D, ...]) -> tuple[D, ...]:
        return tuple(rule.model_copy(update={"valid_from": None, "valid_to": None}) for rule in rules)

    order = view.priority
    return view.model_copy(
        update={
            "regime": view.regime.model_copy(update={"valid_from": None, "valid_to": None}),
            "priority": order.model_copy(update={"rules": always(order.rules), "modifiers": always(order.modifiers)}),
            "sla": view.sla.model_copy(update={"clocks": always(view.sla.clocks)}),
        }
    )


def newest_day(pack: Pack, today: date) -> date:
    """The day on which all of a pack's clocks and priorities have come into force; today at the earliest."""
    rules: tuple[Dated, ...] = (pack.regime, *pack.sla.clocks, *pack.priority.rules, *pack.priority.modifiers)
    return max(today, *(rule.valid_from for rule in rules if rule.valid_from is not None))

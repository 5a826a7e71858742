"""Why a priority: the rules that fired with the facts that fired them, who changed it, and what would change it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from casework.explain import Explanation, cited
from casework.facts import CaseFacts
from casework.policy_pack import Pack
from casework.priority import Assessment, PriorityFacts, assess
from casework.vocabulary import AgeBand, Priority


@dataclass(frozen=True, slots=True)
class LevelChange:
    """What the computed level would be if one fact were another. ``rules`` are those that would make it so."""

    fact: str
    value: str
    level: Priority
    rules: tuple[str, ...]

    @property
    def by(self) -> str:
        return " and ".join(self.rules)


@dataclass(frozen=True, slots=True)
class LevelChanges:
    """The computed level by a pack, and what would make it another.

    ``without``: for each fact that is present, the level without it, whether or not that changes it.
    ``raising``: each fact that is not there and would raise the level. ``unseen``: indicators that no rule looks at.
    """

    level: Priority
    without: tuple[LevelChange, ...]
    raising: tuple[LevelChange, ...]
    unseen: tuple[str, ...]


def level_changes(facts: PriorityFacts, pack: Pack) -> LevelChanges:
    """What would change the computed level. One assessment for each fact that the pack's rules look at.

    KeyError for a category the pack lacks.
    """
    now = assess(facts, pack)
    seen = pack.indicators | set(pack.priority.child_indicators)
    return LevelChanges(
        level=now.priority,
        without=tuple(_without(facts, pack, now, seen)),
        raising=tuple(change for change in _added(facts, pack, now, seen) if change.level.rank < now.priority.rank),
        unseen=tuple(sorted(facts.indicators - seen)),
    )


def _without(facts: PriorityFacts, pack: Pack, now: Assessment, seen: Iterable[str]) -> Iterable[LevelChange]:
    for code in sorted(facts.indicators.intersection(seen)):
        yield _change("indicator", code, replace(facts, indicators=facts.indicators - {code}), pack, now)
    # No category: no rule names it, and it says nothing about a child.
    none = pack.category(facts.category).model_copy(update={"code": "", "child": "never", "political": False})
    bare = pack.model_copy(update={"categories": (*pack.categories, none)})
    yield _change("category", facts.category, replace(facts, category=none.code), bare, now)
    if facts.age_band is not AgeBand.UNKNOWN:
        yield _change("age band", facts.age_band.value, replace(facts, age_band=AgeBand.UNKNOWN), pack, now)
    if facts.reports > 1:
        yield _change("reports in 24 hours", str(facts.reports), replace(facts, reports=1), pack, now)
    if facts.platforms > 1:
        yield _change("platforms", str(facts.platforms), replace(facts, platforms=1), pack, now)
    if facts.reporter_is_child:
        yield _change("reporter", "a child", replace(facts, reporter_is_child=False), pack, now)


def _added(facts: PriorityFacts, pack: Pack, now: Assessment, seen: Iterable[str]) -> Iterable[LevelChange]:
    for code in sorted(set(seen) - facts.indicators):
        yield _change("indicator", code, replace(facts, indicators=facts.indicators | {code}), pack, now)
    for category in pack.categories:
        if category.code != facts.category:
            yield _change("category", category.code, replace(facts, category=category.code), pack, now)
    for band in AgeBand:
        if band is not facts.age_band:
            yield _change("age band", band.value, replace(facts, age_band=band), pack, now)
    for modifier in pack.priority.modifiers:
        if modifier.reports_over is not None and facts.reports <= modifier.reports_over:
            over = modifier.reports_over + 1
            yield _change("reports in 24 hours", str(over), replace(facts, reports=over), pack, now)
        if modifier.platforms_over is not None and facts.platforms <= modifier.platforms_over:
            over = modifier.platforms_over + 1
            yield _change("platforms", str(over), replace(facts, platforms=over), pack, now)
        if modifier.reporter_is_child and not facts.reporter_is_child:
            yield _change("reporter", "a child", replace(facts, reporter_is_child=True), pack, now)


def _change(fact: str, value: str, changed: PriorityFacts, pack: Pack, now: Assessment) -> LevelChange:
    then = assess(changed, pack)
    return LevelChange(fact, value, then.priority, _decided_by(then, now))


def _decided_by(then: Assessment, now: Assessment) -> tuple[str, ...]:
    """The rules that set or raise the level otherwise than now; where none does, all that set and raise it."""
    before = {(fired.rule, fired.effect) for fired in now.trace}
    setting = [fired for fired in then.trace if fired.effect.startswith(("floor ", "raised "))]
    changed = [fired for fired in setting if (fired.rule, fired.effect) not in before]
    return tuple(fired.rule for fired in changed or setting)


def explain_priority(
    case: CaseFacts,
    facts: PriorityFacts,
    pack: Pack,
    floor: str,
    lane: str,
    trace: Sequence[Mapping[str, Any]],
    computed_under: str = "",
    changes: Sequence[Mapping[str, Any]] = (),
) -> Explanation:
    """Which rules fired or were withheld, on what fact, from what source; who changed the result; what would.

    ``pack`` has the rules in force now; ``computed_under`` is the policy version of the last computation, empty when
    it is not on record. ``changes`` have the keys from, to, by, confirmed_by, reason and policy_version.
    """
    child = "a child is concerned" if case.child else "no child is concerned"
    under = f" Computed under policy {computed_under}." if computed_under else ""
    lines = [
        f"{case.number}: priority {case.priority}, computed {floor}; lane {lane}; {child}.",
        f"  {case.priority.meaning}{under}",
    ]
    if case.political:
        lines.append("  Politically sensitive: indicators and modifiers raise nothing here; a rule that was held")
        lines.append("  back is shown as withheld.")
    for fired in trace:
        lines += ["", f"{fired['rule']}: {fired['effect']}"]
        if fired["field"]:
            lines.append(f"  Because {fired['field']} = {fired['value']}.")
        lines.append(f"  {fired['why']}")
        lines.append(f"  Source: {cited(str(fired['source']), bool(fired['verified']))}.")
    for change in changes:
        second = f", confirmed by {change['confirmed_by']}" if change["confirmed_by"] else ""
        version = f" under policy {change['policy_version']}" if change["policy_version"] else ""
        who = f"{change['by']}{second}{version}"
        lines += ["", f"Changed from {change['from']} to {change['to']} by {who}: {change['reason']}"]
    told, would = _what_would_change(facts, pack, floor)
    return Explanation(
        (*lines, "", *told),
        {
            "case": case.number,
            "priority": case.priority.value,
            "computed": floor,
            "computed_under": computed_under,
            "lane": lane,
            "child": case.child,
            "political": case.political,
            "trace": [dict(fired) for fired in trace],
            "changes": [dict(change) for change in changes],
            "would_change": would,
        },
    )


def _what_would_change(facts: PriorityFacts, pack: Pack, floor: str) -> tuple[list[str], dict[str, Any]]:
    if facts.category not in {category.code for category in pack.categories}:
        said = f"What would change it cannot be said: policy {pack.version} has no category '{facts.category}'."
        return [said], {"policy_version": pack.version, "level": None, "without": [], "raising": [], "unseen": []}
    found = level_changes(facts, pack)
    lines = [f"What would change the computed level, by policy {pack.version}:"]
    if found.level != floor:
        lines.append(f"  By these rules and the facts of now it would be computed {found.level}, no longer {floor}.")
    lines += [
        f"  Without {change.fact} {change.value}: {change.level}, by {change.by}."
        for change in found.without
        if change.level is not found.level
    ]
    same = [f"{change.fact} {change.value}" for change in found.without if change.level is found.level]
    if same:
        lines.append(f"  Without any one of these it would stay {found.level}: {', '.join(same)}.")
    if found.unseen:
        lines.append(f"  No rule looks at: {', '.join(found.unseen)}.")
    for to in sorted({change.level for change in found.raising}, key=lambda one: one.rank):
        lines.append(f"  It would rise to {to}:")
        lines += [f"    by {rule}: with {facts_of_rule}." for rule, facts_of_rule in _by_rule(found.raising, to)]
    if not found.raising:
        lines.append("  No single further fact would raise it.")
    return lines, {
        "policy_version": pack.version,
        "level": found.level.value,
        "without": [_as_data(change) for change in found.without],
        "raising": [_as_data(change) for change in found.raising],
        "unseen": list(found.unseen),
    }


def _by_rule(changes: Iterable[LevelChange], to: Priority) -> list[tuple[str, str]]:
    """Each rule that would raise the level to ``to``, with the facts that would make it, a fact of a kind together."""
    rules: dict[str, dict[str, list[str]]] = {}
    for change in changes:
        if change.level is to:
            rules.setdefault(change.by, {}).setdefault(change.fact, []).append(change.value)
    return [
        (rule, "; or ".join(f"{fact} {' or '.join(values)}" for fact, values in facts.items()))
        for rule, facts in rules.items()
    ]


def _as_data(change: LevelChange) -> dict[str, Any]:
    return {"fact": change.fact, "value": change.value, "level": change.level.value, "rules": list(change.rules)}

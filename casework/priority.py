"""Order of work: P0 to P4, with a trace of every rule that fired or was withheld.

Rules are the pack's. The first that fires sets the floor; modifiers may raise it by one
level each, never above the pack's limit and never down. A politically sensitive category
gets no rise from a child-safety rule or modifier: the trace says so, and a person can see it.
"""

from __future__ import annotations

from dataclasses import dataclass

from casework.policy_base import Source
from casework.policy_pack import Category, Modifier, Pack, PriorityRule
from casework.vocabulary import CHILD_BANDS, AgeBand, Lane, Priority


@dataclass(frozen=True, slots=True)
class PriorityFacts:
    """What the rules look at. ``reports`` counts reports of the same items in the last 24 hours.

    ``political`` marks a case whose text reads politically although its category does not.
    """

    category: str
    age_band: AgeBand
    indicators: frozenset[str]
    reports: int = 1
    platforms: int = 1
    reporter_is_child: bool = False
    political: bool = False


@dataclass(frozen=True, slots=True)
class Fired:
    """One line of the trace."""

    rule: str
    effect: str
    field: str
    value: str
    why: str
    source: str
    verified: bool

    def as_dict(self) -> dict[str, object]:
        return {
            "rule": self.rule,
            "effect": self.effect,
            "field": self.field,
            "value": self.value,
            "why": self.why,
            "source": self.source,
            "verified": self.verified,
        }


@dataclass(frozen=True, slots=True)
class Assessment:
    """The computed priority, the lane that drives it, whether a child is concerned, and why."""

    priority: Priority
    lane: Lane
    child: bool
    trace: tuple[Fired, ...]


def concerns_child(category: Category, age_band: AgeBand, indicators: frozenset[str], pack: Pack) -> bool:
    """Unknown age with any sign of a child counts as a child."""
    if category.child == "always" or age_band in CHILD_BANDS:
        return True
    return age_band is not AgeBand.ADULT and not indicators.isdisjoint(pack.priority.child_indicators)


def assess(facts: PriorityFacts, pack: Pack) -> Assessment:
    """The priority of a case by the pack's rules; KeyError for a category the pack lacks."""
    category = pack.category(facts.category)
    child = concerns_child(category, facts.age_band, facts.indicators, pack)
    political = category.political or facts.political
    trace: list[Fired] = []
    priority = pack.priority.default
    speech = political
    for rule in pack.priority.rules:
        match = _match(rule, facts, child)
        if match is None:
            continue
        if political and match[0] == "indicators" and not rule.even_if_political:
            trace.append(_fired(rule.id, "withheld: politically sensitive category", match, rule.why, rule.source))
            if facts.category not in rule.any_category:
                continue
            match = ("category", facts.category)
        trace.append(_fired(rule.id, f"floor {rule.level}", match, rule.why, rule.source))
        priority = rule.level
        speech = political and not rule.even_if_political
        break
    else:
        trace.append(Fired("default", f"floor {priority}", "", "", "No rule of the pack fired.", "pack", True))
    for modifier in pack.priority.modifiers:
        hit = _modified(modifier, facts)
        if hit is None:
            continue
        if political:
            effect = "withheld: politically sensitive category"
        elif priority.rank <= pack.priority.highest_by_modifier.rank:
            effect = "no effect: already as high as a modifier may go"
        else:
            priority = Priority.of_rank(priority.rank - 1)
            effect = f"raised to {priority}"
        trace.append(_fired(modifier.id, effect, hit, modifier.why, modifier.source))
    lane = pack.priority.lane(priority, child=child, political=speech)
    return Assessment(priority, lane, child, tuple(trace))


def _match(rule: PriorityRule, facts: PriorityFacts, child: bool) -> tuple[str, str] | None:
    if rule.child is not None and rule.child != child:
        return None
    hits = facts.indicators.intersection(rule.any_indicator)
    if hits:
        return "indicators", min(hits)
    if facts.category in rule.any_category:
        return "category", facts.category
    return None


def _modified(modifier: Modifier, facts: PriorityFacts) -> tuple[str, str] | None:
    hits = facts.indicators.intersection(modifier.any_indicator)
    if hits:
        return "indicators", min(hits)
    if facts.age_band in modifier.age_bands:
        return "age_band", facts.age_band.value
    if modifier.reports_over is not None and facts.reports > modifier.reports_over:
        return "reports", str(facts.reports)
    if modifier.platforms_over is not None and facts.platforms > modifier.platforms_over:
        return "platforms", str(facts.platforms)
    if modifier.reporter_is_child and facts.reporter_is_child:
        return "reporter_is_child", "true"
    return None


def _fired(rule: str, effect: str, match: tuple[str, str], why: str, source: Source) -> Fired:
    return Fired(rule, effect, match[0], match[1], why, source.ref, source.verified)

"""Why a priority: rules, facts, sources, people; and what would change it, by trying it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from casework.explain_priority import LevelChange, explain_priority, level_changes
from casework.priority import PriorityFacts, assess
from casework.vocabulary import AgeBand, Priority
from tests.casework.building import the_pack
from tests.casework.explaining import VERSION, a_case, assert_golden, practice_pack

INDICATORS = ("threat_to_life", "live_abuse", "abuse", "school_name", "something_else")


def facts(*indicators: str, **fields: Any) -> PriorityFacts:
    values: dict[str, Any] = {"category": "fraud", "age_band": AgeBand.ADULT, "indicators": frozenset(indicators)}
    return PriorityFacts(**{**values, **fields})


def trace_of(seen: PriorityFacts) -> list[dict[str, object]]:
    return [fired.as_dict() for fired in assess(seen, practice_pack()).trace]


def test_a_priority_names_rules_facts_sources_people_and_what_would_change_it() -> None:
    seen = facts("abuse", "something_else", category="bullying", age_band=AgeBand.TEEN, reports=7)
    changes = [
        {
            "from": "P1", "to": "P3", "by": "aigerim", "confirmed_by": "marat", "reason": "It is a quotation.",
            "policy_version": VERSION,
        },
        {"from": "P3", "to": "P2", "by": "system", "confirmed_by": "", "reason": "A new report.", "policy_version": ""},
    ]  # fmt: skip
    case = a_case(category="bullying", child=True, priority=Priority.P2)
    told = explain_priority(case, seen, practice_pack(), "P1", "child-safety", trace_of(seen), VERSION, changes)
    assert_golden(told, "priority")
    assert told.data["trace"] == trace_of(seen)
    assert told.data["computed_under"] == VERSION
    assert told.data["would_change"]["policy_version"] == VERSION


def test_a_rule_that_was_withheld_is_shown_and_nothing_pretends_that_an_indicator_would_raise_it() -> None:
    seen = facts("abuse", category="speech", political=True)
    case = a_case(category="speech", political=True)
    told = explain_priority(case, seen, practice_pack(), "P3", "routine", trace_of(seen), VERSION)
    assert_golden(told, "priority-political")
    raising = told.data["would_change"]["raising"]
    assert {change["fact"] for change in raising} <= {"category"}


def test_without_the_one_fact_that_carries_it_the_level_is_another() -> None:
    found = level_changes(facts("abuse"), practice_pack())
    assert found.level is Priority.P1
    assert LevelChange("indicator", "abuse", Priority.P3, ("p3.unlawful",)) in found.without
    assert LevelChange("category", "fraud", Priority.P1, ("p1.abuse",)) in found.without
    only_category = level_changes(facts(), practice_pack())
    assert LevelChange("category", "fraud", Priority.P4, ("default",)) in only_category.without


def test_two_facts_that_each_carry_the_level_are_each_said_to_change_nothing() -> None:
    seen = facts("abuse", category="abuse")
    told = explain_priority(a_case(), seen, practice_pack(), "P1", "routine", trace_of(seen))
    assert "Without any one of these it would stay P1: indicator abuse, category abuse, age band adult." in told.text


def test_what_would_raise_the_level_is_grouped_by_level_and_rule() -> None:
    found = level_changes(facts(age_band=AgeBand.UNKNOWN), practice_pack())
    by_rule = {(change.level, change.by, change.fact, change.value) for change in found.raising}
    assert (Priority.P0, "p0.life", "indicator", "live_abuse") in by_rule
    assert (Priority.P0, "p0.life", "indicator", "threat_to_life") in by_rule
    # A sign of a child turns an unknown age into a child's, and so another rule fires.
    assert (Priority.P2, "p2.child", "indicator", "school_name") in by_rule
    assert (Priority.P2, "p2.child", "age band", "13_17") in by_rule
    assert (Priority.P2, "m.spread", "reports in 24 hours", "6") in by_rule
    assert (Priority.P2, "m.platforms", "platforms", "3") in by_rule
    assert (Priority.P2, "m.child_reports", "reporter", "a child") in by_rule
    assert (Priority.P1, "p1.abuse", "category", "abuse") in by_rule
    text = explain_priority(a_case(), facts(age_band=AgeBand.UNKNOWN), practice_pack(), "P3", "routine", []).text
    assert "    by p0.life: with indicator live_abuse or threat_to_life." in text.splitlines()


def test_a_rise_that_a_modifier_gives_is_lost_with_its_fact() -> None:
    found = level_changes(facts(reports=9, platforms=4, reporter_is_child=True), practice_pack())
    assert found.level is Priority.P1
    assert {change.fact for change in found.without} == {
        "category", "age band", "reports in 24 hours", "platforms", "reporter",
    }  # fmt: skip


def test_a_fact_that_two_rules_together_make_into_a_rise_names_both() -> None:
    found = level_changes(facts(age_band=AgeBand.UNKNOWN, category="other", reports=9), practice_pack())
    assert LevelChange("category", "fraud", Priority.P2, ("p3.unlawful", "m.spread")) in found.raising


def test_a_level_that_the_rules_of_today_would_not_give_is_said() -> None:
    seen = facts("abuse")
    told = explain_priority(a_case(), seen, practice_pack(), "P3", "routine", [], "practice/2025-01+11111111")
    assert "By these rules and the facts of now it would be computed P1, no longer P3." in told.text
    assert "no longer" not in explain_priority(a_case(), seen, practice_pack(), "P1", "routine", []).text


def test_a_category_that_has_left_the_policy_is_an_answer_and_no_fault() -> None:
    told = explain_priority(a_case(), facts(category="gone"), practice_pack(), "P3", "routine", [])
    assert told.lines[-1] == f"What would change it cannot be said: policy {VERSION} has no category 'gone'."


@given(
    indicators=st.frozensets(st.sampled_from(INDICATORS)),
    category=st.sampled_from([category.code for category in practice_pack().categories]),
    band=st.sampled_from(list(AgeBand)),
    reports=st.integers(1, 12),
    platforms=st.integers(1, 5),
    child=st.booleans(),
)
def test_every_claim_holds_when_it_is_tried(
    indicators: frozenset[str], category: str, band: AgeBand, reports: int, platforms: int, child: bool
) -> None:
    pack = practice_pack()
    seen = PriorityFacts(category, band, indicators, reports, platforms, child)
    found = level_changes(seen, pack)
    assert found.level is assess(seen, pack).priority
    for change in found.raising:
        assert change.level.rank < found.level.rank
    tried = {
        "indicator": lambda code: replace(seen, indicators=seen.indicators | {code}),
        "category": lambda code: replace(seen, category=code),
        "age band": lambda code: replace(seen, age_band=AgeBand(code)),
        "reports in 24 hours": lambda code: replace(seen, reports=int(code)),
        "platforms": lambda code: replace(seen, platforms=int(code)),
        "reporter": lambda _: replace(seen, reporter_is_child=True),
    }
    for change in found.raising:
        assessed = assess(tried[change.fact](change.value), pack)
        assert assessed.priority is change.level
        assert set(change.rules) <= {fired.rule for fired in assessed.trace}
    # Nothing is forgotten: an indicator that is not listed does not raise it.
    listed = {change.value for change in found.raising if change.fact == "indicator"}
    for code in set(INDICATORS) - indicators - listed:
        assert assess(replace(seen, indicators=seen.indicators | {code}), pack).priority.rank >= found.level.rank


def test_a_case_with_every_indicator_of_a_real_policy_is_answered_at_once() -> None:
    pack = the_pack()
    seen = PriorityFacts("fraud", AgeBand.TEEN, pack.indicators | {f"unheard_{n}" for n in range(500)}, reports=99)
    began = time.process_time()
    found = level_changes(seen, pack)
    assert time.process_time() - began < 0.2
    assert len(found.without) + len(found.raising) < 200
    assert len(found.unseen) == 500

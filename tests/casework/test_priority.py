"""Order of work: children first, never lowered by a rule, and every line explained."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.policy_pack import Pack
from casework.priority import Assessment, Fired, PriorityFacts, assess
from casework.vocabulary import CHILD_BANDS, AgeBand, Lane, Priority
from tests.casework.building import the_pack

P0, P1, P2, P3, P4 = Priority

IMMINENT = (
    "threat_to_life_of_child", "suicide_plan_or_live_self_harm", "live_streamed_abuse",
    "meeting_arranged_with_minor", "abducted_or_missing_child", "sextortion_with_deadline_or_suicidal_victim",
    "sadistic_online_exploitation", "offender_has_current_access", "school_attack_threat",
)  # fmt: skip
CRITICAL = (
    "csam_any", "grooming_ongoing", "sextortion", "trafficking", "csam_deepfake", "infant", "severity_category_a",
    "doxxing_of_child_with_address", "child_victim_identified_and_spreading",
)  # fmt: skip
HIGH = (
    "cyberbullying_child", "self_harm_promotion_aimed_at_minors", "eating_disorder_promotion_aimed_at_minors",
    "dangerous_challenge", "leak_of_child_personal_data", "sexualised_comments_on_child",
)  # fmt: skip
NOT_READY = ("opinion_or_criticism", "out_of_jurisdiction", "already_unavailable", "no_exact_link")
NORMAL_CATEGORIES = ("drugs", "gambling_advertising", "fraud", "malware", "copyright", "hate_incitement")
POLITICAL = ("terrorism_extremism", "false_information", "political_events")
PEACEFUL = sorted({category.code for category in the_pack().categories} - set(POLITICAL))

SPREADING: dict[str, dict[str, Any]] = {
    "kz.mod.repeat_victim": {"indicators": frozenset({"repeat_victim"})},
    "kz.mod.prior_account": {"indicators": frozenset({"account_with_prior_confirmed_cases"})},
    "kz.mod.several_platforms": {"platforms": 2},
    "kz.mod.many_reports": {"reports": 11},
    "kz.mod.reporter_is_child": {"reporter_is_child": True},
    "kz.mod.under_13": {"age_band": AgeBand.UNDER_13},
}
ALL_AT_ONCE: dict[str, Any] = {"platforms": 9, "reports": 900, "reporter_is_child": True}


def judged(category: str, *indicators: str, pack: Pack | None = None, **facts: Any) -> Assessment:
    values = {"age_band": AgeBand.UNKNOWN, "indicators": frozenset(indicators), **facts}
    return assess(PriorityFacts(category=category, **values), pack or the_pack())


def line(assessment: Assessment, rule: str) -> Fired:
    return next(fired for fired in assessment.trace if fired.rule == rule)


# --- The five rows ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("indicator", "level"),
    [*((code, P0) for code in IMMINENT), *((code, P1) for code in CRITICAL), *((code, P2) for code in HIGH)],
)
@pytest.mark.parametrize("category", ["unclassified", "fraud", "other_unlawful"])
def test_a_sign_of_harm_to_a_child_counts_whatever_the_case_is_filed_under(
    category: str, indicator: str, level: Priority
) -> None:
    result = judged(category, indicator)
    assert (result.priority, result.child, result.lane) == (level, True, Lane.CHILD_SAFETY)


@pytest.mark.parametrize("category", NORMAL_CATEGORIES)
def test_other_unlawful_content_that_harms_adults_is_normal_work(category: str) -> None:
    result = judged(category, age_band=AgeBand.ADULT)
    assert (result.priority, result.lane) == (P3, Lane.ROUTINE)


@pytest.mark.parametrize("indicator", NOT_READY)
def test_what_is_not_ready_to_go_out_is_last_when_nothing_else_is_known_of_it(indicator: str) -> None:
    rules = tuple(rule for rule in the_pack().priority.rules if rule.id != "p3.unsorted")
    priority = the_pack().priority.model_copy(update={"rules": rules})
    pack = the_pack().model_copy(update={"priority": priority})
    assert judged("unclassified", indicator, pack=pack, age_band=AgeBand.ADULT).priority is P4


@pytest.mark.parametrize("indicator", NOT_READY)
@pytest.mark.parametrize("danger", [IMMINENT[0], CRITICAL[0], HIGH[0]])
def test_what_is_not_ready_never_hides_danger_to_a_child(indicator: str, danger: str) -> None:
    assert judged("unclassified", danger, indicator).priority is judged("unclassified", danger).priority


def test_the_gravest_of_several_signs_decides() -> None:
    assert judged("cyberbullying_child", "dangerous_challenge", "csam_any", "threat_to_life_of_child").priority is P0


@pytest.mark.parametrize("adult", [AgeBand.ADULT, AgeBand.NOBODY])
def test_an_unknown_sextortion_is_critical_even_without_a_deadline(adult: AgeBand) -> None:
    assert judged("grooming_or_sexual_extortion_of_minor", age_band=adult).priority is P1


def test_what_nobody_has_sorted_is_not_put_last() -> None:
    assert judged("unclassified").priority is P3


def test_a_category_that_the_pack_lacks_is_an_error_and_not_a_low_priority() -> None:
    with pytest.raises(KeyError):
        judged("no_such_category")


# --- Who counts as a child -------------------------------------------------------------------------------


@pytest.mark.parametrize("indicator", sorted(the_pack().priority.child_indicators))
def test_unknown_age_with_any_sign_of_a_child_counts_as_a_child(indicator: str) -> None:
    assert judged("other_unlawful", indicator, age_band=AgeBand.UNKNOWN).child
    assert not judged("other_unlawful", indicator, age_band=AgeBand.ADULT).child


def test_every_sign_of_imminent_critical_or_high_harm_is_a_sign_of_a_child() -> None:
    assert {*IMMINENT, *CRITICAL, *HIGH} <= set(the_pack().priority.child_indicators)


def test_unknown_age_without_a_sign_is_not_taken_for_a_child() -> None:
    assert not judged("fraud").child


@pytest.mark.parametrize("age", sorted(CHILD_BANDS))
def test_a_child_of_any_age_lifts_other_unlawful_content_and_its_lane(age: AgeBand) -> None:
    result = judged("fraud", age_band=age)
    assert result.priority.rank <= P2.rank
    assert (result.child, result.lane) == (True, Lane.CHILD_SAFETY)


@pytest.mark.parametrize("age", list(AgeBand))
def test_a_category_about_children_concerns_a_child_whatever_age_was_written_down(age: AgeBand) -> None:
    assert judged("csam", age_band=age).child


# --- Modifiers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", sorted(SPREADING))
def test_each_modifier_lifts_by_one_level_and_says_so(rule: str) -> None:
    assert judged("cyberbullying_child", age_band=AgeBand.TEEN).priority is P2
    result = judged("cyberbullying_child", **{"age_band": AgeBand.TEEN, **SPREADING[rule]})
    assert result.priority is P1
    assert line(result, rule).effect == "raised to P1"


def test_ten_reports_are_not_yet_more_than_ten() -> None:
    assert judged("fraud", age_band=AgeBand.ADULT, reports=10).priority is P3
    assert judged("fraud", age_band=AgeBand.ADULT, reports=11).priority is P2


def test_two_modifiers_lift_by_two_levels_and_a_third_by_none() -> None:
    result = judged("fraud", "repeat_victim", age_band=AgeBand.ADULT, reports=11, platforms=3)
    assert result.priority is P1
    assert sum(fired.effect.startswith("raised") for fired in result.trace) == 2
    assert sum(fired.effect.startswith("no effect") for fired in result.trace) == 1


categories = st.sampled_from(PEACEFUL)
indicator_sets = st.frozensets(st.sampled_from(sorted(the_pack().indicators)), max_size=5)
facts = st.builds(
    PriorityFacts,
    category=categories,
    age_band=st.sampled_from(list(AgeBand)),
    indicators=indicator_sets,
    reports=st.integers(1, 30),
    platforms=st.integers(1, 4),
    reporter_is_child=st.booleans(),
)


def with_changes(seen: PriorityFacts, **changes: Any) -> PriorityFacts:
    values = {name: getattr(seen, name) for name in PriorityFacts.__dataclass_fields__}
    return PriorityFacts(**values | changes)


def _not_ready() -> set[str]:
    """What says that nothing can go out as it is: no harm, and the one thing that makes a case wait at P4."""
    rules = the_pack().priority.rules
    return {code for rule in rules if rule.level is P4 for code in rule.any_indicator}


of_harm = st.frozensets(st.sampled_from(sorted(set(the_pack().indicators) - _not_ready())), max_size=5)


@given(facts, of_harm)
def test_knowing_more_of_a_harm_never_lowers_a_priority(seen: PriorityFacts, more: frozenset[str]) -> None:
    wiser = with_changes(seen, indicators=seen.indicators | more)
    assert assess(wiser, the_pack()).priority.rank <= assess(seen, the_pack()).priority.rank


@given(facts)
def test_modifiers_never_lower_and_never_lift_into_p0(seen: PriorityFacts) -> None:
    calm = with_changes(
        seen, indicators=seen.indicators - {"repeat_victim", "account_with_prior_confirmed_cases"},
        reports=1, platforms=1, reporter_is_child=False,
        age_band=AgeBand.TEEN if seen.age_band is AgeBand.UNDER_13 else seen.age_band,
    )  # fmt: skip
    floor, result = assess(calm, the_pack()).priority, assess(seen, the_pack()).priority
    assert result.rank <= floor.rank
    assert (result is P0) == (floor is P0)


@given(facts)
def test_a_childs_case_of_p0_to_p2_is_always_in_the_childrens_lane(seen: PriorityFacts) -> None:
    result = assess(seen, the_pack())
    urgent = result.child and result.priority.rank <= 2
    assert result.lane is (Lane.CHILD_SAFETY if urgent else Lane.ROUTINE)


# --- Political speech ------------------------------------------------------------------------------------

BOOSTS = [code for code in (*IMMINENT, *CRITICAL, *HIGH) if code != "school_attack_threat"]


@pytest.mark.parametrize("category", POLITICAL)
@pytest.mark.parametrize("indicator", BOOSTS)
def test_no_sign_of_a_child_lifts_political_speech_and_the_trace_shows_it_withheld(
    category: str, indicator: str
) -> None:
    result = judged(category, indicator)
    assert (result.priority, result.lane) == (P3, Lane.ROUTINE)
    withheld = [fired for fired in result.trace if fired.effect.startswith("withheld")]
    assert [fired.value for fired in withheld] == [indicator]
    assert withheld[0].why
    assert withheld[0].source


@pytest.mark.parametrize("category", POLITICAL)
def test_no_modifier_lifts_political_speech_and_each_is_shown_withheld(category: str) -> None:
    everything = {"age_band": AgeBand.UNDER_13, **ALL_AT_ONCE}
    result = judged(category, "repeat_victim", "account_with_prior_confirmed_cases", **everything)
    assert result.priority is P3
    assert {line(result, rule).effect for rule in SPREADING} == {"withheld: politically sensitive category"}


@pytest.mark.parametrize("category", POLITICAL)
def test_an_announced_attack_on_a_school_is_p0_and_drained_first_whatever_it_is_filed_under(category: str) -> None:
    result = judged(category, "school_attack_threat")
    assert (result.priority, result.child) == (P0, True)
    assert result.lane is Lane.CHILD_SAFETY


def test_a_letter_that_reads_politically_does_not_push_down_a_category_of_child_abuse() -> None:
    """Words only suggest: a text may withhold a boost, it never undoes what the case is about."""
    for category, level in (("csam", P1), ("cyberbullying_child", P2), ("fraud", P3)):
        assert judged(category, age_band=AgeBand.TEEN, political=True).priority.rank <= level.rank
        ticked = judged(category, "csam_any", age_band=AgeBand.TEEN, political=True)
        assert ticked.priority.rank <= level.rank


def test_a_letter_that_reads_politically_gets_no_boost_from_its_indicators() -> None:
    result = judged("other_unlawful", "cyberbullying_child", age_band=AgeBand.ADULT, political=True)
    assert (result.priority, result.lane) == (P3, Lane.ROUTINE)
    assert line(result, "kz.p2.harm_to_child").effect.startswith("withheld")


# --- The trace -------------------------------------------------------------------------------------------


def test_the_trace_names_rule_field_value_reason_and_source() -> None:
    result = judged("unclassified", "sextortion", "repeat_victim", age_band=AgeBand.UNDER_13, reports=12)
    first = result.trace[0].as_dict()
    assert (first["rule"], first["effect"]) == ("kz.p1.exploitation", "floor P1")
    assert (first["field"], first["value"]) == ("indicators", "sextortion")
    assert "critical" in str(first["why"])
    assert str(first["source"]).startswith("Internal rule; anchor is the public warning on sextortion")
    assert first["verified"] is False, "nobody has checked the text in force, and the trace does not pretend"
    reports = line(result, "kz.mod.many_reports")
    assert (reports.field, reports.value) == ("reports", "12")
    age = line(result, "kz.mod.under_13")
    assert (age.field, age.value) == ("age_band", "under_13")


def test_a_category_that_decided_is_named_in_the_trace() -> None:
    fired = judged("csam").trace[0]
    assert (fired.rule, fired.field, fired.value) == ("kz.p1.sexual_abuse", "category", "csam")


@given(facts)
def test_the_trace_explains_the_result_exactly(seen: PriorityFacts) -> None:
    result = assess(seen, the_pack())
    floors = [fired for fired in result.trace if fired.effect.startswith("floor")]
    raises = [fired for fired in result.trace if fired.effect.startswith("raised")]
    assert len(floors) == 1
    assert int(floors[0].effect[-1]) - len(raises) == result.priority.rank


def test_when_no_rule_fires_the_default_is_named() -> None:
    rules = the_pack().priority.rules[:1]
    priority = the_pack().priority.model_copy(update={"rules": rules})
    result = judged("fraud", pack=the_pack().model_copy(update={"priority": priority}))
    assert (result.priority, result.trace[0].rule) == (P3, "default")

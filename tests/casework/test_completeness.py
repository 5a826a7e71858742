"""The gate finds what a platform would refuse for, and asks the one who can supply it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.completeness import GateResult, check
from casework.completeness_checks import CHECKS
from casework.facts import CaseFacts
from casework.policy_pack import Pack
from casework.policy_regime import Element, Precondition
from casework.vocabulary import AgeBand, Ground, Instrument, RequestedAction
from tests.casework.building import NOW, a_case, an_item, an_opinion, pack_with_form, the_pack

TODAY = date(2026, 4, 1)
BEFORE_ANY_SIGNATORY = date(2020, 1, 1)

POST = RequestedAction.REMOVE
ACCOUNT = RequestedAction.SUSPEND_ACCOUNT

PRESCRIBED = {
    "instrument": Instrument.PRESCRIPTION, "category": "cyberbullying_child", "ground": Ground.LOCAL_LAW,
    "provider_told_at": NOW,
}  # fmt: skip
ON_LAW = {"instrument": Instrument.REQUEST, "ground": Ground.LOCAL_LAW, "category": "other_unlawful"}

LACKING: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "exact_link": ("reporter", {"items": (an_item(exact=False),)}, {"items": (an_item(),)}),
    "post_not_profile": (
        "reporter",
        {"items": (an_item(kind="profile"),)},
        {"items": (an_item(kind="profile"),), "requested_action": ACCOUNT},
    ),
    "platform": ("reviewer", {"items": (an_item(platform=None),)}, {"items": (an_item(platform="vk"),)}),
    "quote": ("reporter", {"quote": "", "description": " "}, {"quote": "слова", "description": ""}),
    "translation": (
        "reviewer", {"language": "uz", "translation": " "}, {"language": "uz", "translation": "Words in English"},
    ),
    "observed_at": ("reporter", {"items": (an_item(observed_at=None),)}, {"items": (an_item(),)}),
    "harmed": ("reporter", {"child": True, "age_band": AgeBand.UNKNOWN}, {"child": True, "age_band": AgeBand.CHILD}),
    "why_unlawful": ("reporter", {"why_unlawful": "", "description": ""}, {"why_unlawful": "It sells drugs."}),
    "legal_basis": ("reviewer", ON_LAW, {**ON_LAW, "cited_basis": ("kz.platform_law.9.4.2",)}),
    "policy_line": ("reviewer", {"policy_line": "  "}, {"policy_line": "Self-harm"}),
    "expert_decision": ("reviewer", PRESCRIBED, {**PRESCRIBED, "opinion": an_opinion()}),
    "provider_told": ("reporter", {**PRESCRIBED, "provider_told_at": None}, PRESCRIBED),
    "proportionate": ("reviewer", {"requested_action": ACCOUNT}, {"requested_action": POST}),
}  # fmt: skip
"""Each check: who is asked, a case that lacks it, and the like of it that does not."""


def gate(on: date = TODAY, pack: Pack | None = None, **overrides: Any) -> GateResult:
    return check(a_case(**overrides), pack or the_gates_pack(), on)


@cache
def the_gates_pack() -> Pack:
    """The ministry's pack, if its law wanted the provider to be told before an order."""
    told = Precondition.model_validate(
        {
            "id": "test.told",
            "name": dict.fromkeys(("kk", "ru", "en"), "the provider is told"),
            "fact": "provider_told",
            "wait": {"amount": 48, "unit": "hours"},
            "source": {"ref": "An act made up for a test"},
        }
    )
    return pack_with_form("prescription", precondition=told)


def codes(result: GateResult) -> set[str]:
    return {missing.code for missing in result.missing}


def without_territory() -> Pack:
    regime = the_pack().regime.model_copy(update={"territorial_scope": ()})
    return the_pack().model_copy(update={"regime": regime})


@pytest.mark.parametrize("code", sorted(LACKING))
def test_each_check_fires_alone_and_asks_the_right_person(code: str) -> None:
    asked, lacking, _ = LACKING[code]
    result = gate(**lacking)
    assert code in codes(result)
    assert {missing.ask for missing in result.missing if missing.code == code} == {asked}
    assert (code in result.for_reporter) == (asked == "reporter")
    assert (code in result.for_reviewer) == (asked == "reviewer")


@pytest.mark.parametrize("code", sorted(LACKING))
def test_each_check_passes_once_the_thing_is_there(code: str) -> None:
    assert code not in codes(gate(**LACKING[code][2]))


def test_every_check_is_tried_here() -> None:
    assert set(LACKING) | {"territory", "signatory"} == set(CHECKS)


def test_an_opinion_that_came_as_a_text_with_the_report_is_enough_to_enter_review() -> None:
    """A lawyer then records it with its votes; the approval asks for that."""
    assert "expert_decision" not in codes(gate(**PRESCRIBED, expert_decision="Protocol 7"))


def test_a_form_that_wants_nothing_first_asks_nobody_when_the_provider_was_told() -> None:
    assert "provider_told" not in codes(gate(provider_told_at=None))


def test_each_element_that_the_law_demands_of_a_form_is_met_or_not_by_its_own_check() -> None:
    elements = (Element(check="quote", ref="Art. 1(a)"), Element(check="observed_at", ref="Art. 1(b)"))
    pack = pack_with_form("platform_report", elements=elements)
    states = gate(pack=pack, quote="", description="").elements
    assert [(state.ref, state.met) for state in states] == [("Art. 1(a)", False), ("Art. 1(b)", True)]
    assert all(state.met for state in gate(pack=pack).elements)
    assert gate(instrument=Instrument.REQUEST, ground=Ground.BOTH, pack=pack).elements == ()


def test_a_territory_is_the_cases_own_or_the_authoritys() -> None:
    assert codes(gate(pack=without_territory())) == {"territory"}
    assert codes(gate(pack=without_territory(), territories=("KZ",))) == set()
    assert codes(gate()) == set()


def test_nobody_signs_on_a_day_without_a_signatory() -> None:
    assert codes(gate(on=BEFORE_ANY_SIGNATORY)) == {"signatory"}
    assert "signatory" not in codes(gate(on=date(2021, 1, 1)))


def test_a_complete_case_scores_a_hundred() -> None:
    result = gate()
    assert (result.missing, result.score) == ((), 100)


def test_a_case_without_any_item_lacks_a_link() -> None:
    assert "exact_link" in codes(gate(items=()))


def test_a_short_link_that_was_not_resolved_is_not_an_exact_link() -> None:
    assert "exact_link" in codes(gate(items=(an_item(opaque=True),)))


def test_what_an_item_lacks_names_the_item() -> None:
    result = gate(items=(an_item(), an_item(2, observed_at=None), an_item(3, exact=False)))
    assert {(missing.code, missing.item) for missing in result.missing} == {("observed_at", 2), ("exact_link", 3)}


def test_the_reporter_is_asked_for_each_thing_once_however_many_items_lack_it() -> None:
    result = gate(items=tuple(an_item(number, observed_at=None) for number in range(1, 6)))
    assert len(result.missing) == 5
    assert result.for_reporter == ("observed_at",)


@pytest.mark.parametrize("language", ["kk", "ru", "en"])
def test_what_the_authority_can_read_needs_no_translation(language: str) -> None:
    assert "translation" not in codes(gate(language=language))


def test_a_provision_suggested_by_the_category_is_enough_to_enter_review() -> None:
    case = {"category": "gambling_advertising", "instrument": Instrument.REQUEST, "ground": Ground.LOCAL_LAW}
    assert "legal_basis" not in codes(gate(**case))


def test_an_adults_age_is_not_asked_for() -> None:
    assert "harmed" not in codes(gate(child=False, age_band=AgeBand.UNKNOWN))


@pytest.mark.parametrize("kind", ["profile", "page", "group", "channel"])
def test_an_account_is_suspended_only_where_the_link_is_an_account(kind: str) -> None:
    result = gate(items=(an_item(kind=kind),), requested_action=ACCOUNT)
    assert codes(result) == set()


# --- Score and history -----------------------------------------------------------------------------------

halves: Callable[[], Any] = st.booleans
incomplete = st.builds(
    lambda **chosen: a_case(**chosen),
    quote=st.sampled_from(["", "слова"]),
    description=st.sampled_from(["", "text"]),
    why_unlawful=st.sampled_from(["", "text"]),
    policy_line=st.sampled_from(["", "line"]),
    language=st.sampled_from(["ru", "uz"]),
    age_band=st.sampled_from(list(AgeBand)),
    ground=st.sampled_from(list(Ground)),
    instrument=st.sampled_from(list(Instrument)),
    requested_action=st.sampled_from(list(RequestedAction)),
    items=st.lists(
        st.builds(
            an_item,
            number=st.integers(1, 9),
            exact=halves(),
            opaque=halves(),
            platform=st.sampled_from([None, "vk", "nowhere"]),
            kind=st.sampled_from(["video", "profile"]),
            observed_at=st.sampled_from([None, an_item().observed_at]),
        ),
        max_size=4,
    ).map(tuple),
)


@given(incomplete, st.sampled_from([TODAY, BEFORE_ANY_SIGNATORY]))
def test_the_score_lies_between_0_and_100_and_is_full_only_when_nothing_is_missing(case: CaseFacts, on: date) -> None:
    result = check(case, the_pack(), on)
    assert 0 <= result.score <= 100
    assert (result.score == 100) == (result.missing == ())
    assert codes(result) <= set(CHECKS)


def test_five_items_with_the_same_gap_cost_no_more_than_one() -> None:
    one = gate(items=(an_item(observed_at=None),))
    five = gate(items=tuple(an_item(number, observed_at=None) for number in range(1, 6)))
    assert one.score == five.score == 93


def test_youtubes_history_warns_that_fraud_notices_were_often_too_thin() -> None:
    result = gate(category="fraud", items=(an_item(platform="youtube"),))
    assert result.thin_rate_items == 3915
    assert result.thin_rate == pytest.approx(0.4003, abs=0.0001)


def test_a_second_platform_without_history_does_not_dilute_it() -> None:
    result = gate(category="fraud", items=(an_item(platform="youtube"), an_item(2, platform="vk")))
    assert result.thin_rate_items == 3915


def test_without_history_no_rate_is_made_up() -> None:
    result = gate(category="fraud", items=(an_item(platform="vk"),))
    assert (result.thin_rate, result.thin_rate_items) == (None, 0)


def test_a_history_without_refusals_is_a_rate_of_zero_and_not_no_history() -> None:
    result = gate(category="copyright", items=(an_item(platform="youtube"),))
    assert (result.thin_rate, result.thin_rate_items) == (0.0, 4)

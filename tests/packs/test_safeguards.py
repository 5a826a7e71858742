"""What no pack switches off, tried in all of them: children come first, and political speech is protected."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from casework.completeness import check
from casework.errors import MoveRefused, NotAllowed
from casework.facts import Actor, CaseFacts
from casework.lifecycle import Decision
from casework.policy_pack import Pack
from casework.priority import PriorityFacts, assess, concerns_child
from casework.safeguards import CHILD_SIGNS, IMMINENT, NEVER_SPEECH, SPEECH_CATEGORIES, SPEECH_KEYWORDS
from casework.vocabulary import Action, AgeBand, Instrument, Lane, Priority, RequestedAction, Role, Status
from tests.casework.building import NOTE, NOW, an_item, move
from tests.packs.every_pack import FOLDERS, KINDS, POLITICAL, a_case_of, basis, reviewers, the_pack_in

ACCOUNT = RequestedAction.SUSPEND_ACCOUNT
each_pack = pytest.mark.parametrize("folder", FOLDERS)
each_kind = pytest.mark.parametrize(("folder", "code"), KINDS)
each_political_kind = pytest.mark.parametrize(("folder", "code"), POLITICAL)


def approve(pack: Pack, case: CaseFacts, actor: Actor | None = None, **said: Any) -> Decision:
    """The approval by somebody who may, with everything a reviewer says unless the test says otherwise."""
    category = pack.category(case.category)
    details = {"basis": basis(pack, category), "policy_line": "The line", "proportionality": NOTE, **said}
    return move(case, Action.APPROVE, actor or reviewers(pack, category)[0], pack=pack, **details)


def refused(*args: Any, **said: Any) -> str:
    with pytest.raises(MoveRefused) as refusal:
        approve(*args, **said)
    return refusal.value.rule


def endorsed(pack: Pack, code: str, **overrides: Any) -> CaseFacts:
    """A case that another reviewer has endorsed, where its kind of harm needs that."""
    second = reviewers(pack, pack.category(code))[1]
    by = frozenset({second.id}) if pack.category(code).political else frozenset()
    return a_case_of(pack, code, endorsed_by=by, **overrides)


def judged(pack: Pack, code: str, *signs: str, age: AgeBand = AgeBand.UNKNOWN, **facts: Any) -> Any:
    return assess(PriorityFacts(code, age, frozenset(signs), **facts), pack)


def test_there_are_packs_to_try() -> None:
    assert {"kz-ministry", "eu-trusted-flagger", "au-esafety"} <= set(FOLDERS)
    assert {folder for folder, _ in POLITICAL} == set(FOLDERS), "each has a kind of harm in which speech is meant"


@each_kind
def test_a_complete_case_of_every_kind_can_be_approved_by_somebody(folder: str, code: str) -> None:
    """The refusals below are then about what they say, and about nothing else."""
    pack = the_pack_in(folder)
    assert approve(pack, endorsed(pack, code)).to is Status.APPROVED


# --- Children first --------------------------------------------------------------------------------------


@each_pack
@pytest.mark.parametrize("sign", sorted(IMMINENT))
def test_each_imminent_danger_is_p0_in_every_kind_of_harm_that_is_no_speech(folder: str, sign: str) -> None:
    pack = the_pack_in(folder)
    kinds = [category.code for category in pack.categories if not category.political]
    assert "unclassified" in kinds, "also before anybody has said what it is"
    for code in kinds:
        for age in AgeBand:
            for more in ((), ("opinion_or_criticism", "no_exact_link", "out_of_jurisdiction")):
                assert judged(pack, code, sign, *more, age=age).priority is Priority.P0, (code, age)
        assert judged(pack, code, sign).lane is Lane.CHILD_SAFETY, code


@each_pack
@pytest.mark.parametrize("sign", sorted(CHILD_SIGNS))
def test_an_unknown_age_with_any_sign_of_a_child_counts_as_a_child(folder: str, sign: str) -> None:
    pack = the_pack_in(folder)
    for category in pack.categories:
        assert concerns_child(category, AgeBand.UNKNOWN, frozenset({sign}), pack), category.code
        assert judged(pack, category.code, sign).child, category.code


@each_kind
def test_no_modifier_makes_a_case_p0(folder: str, code: str) -> None:
    pack = the_pack_in(folder)
    signs = [sign for modifier in pack.priority.modifiers for sign in modifier.any_indicator]
    lifted = judged(pack, code, *signs, age=AgeBand.UNDER_13, reports=500, platforms=9, reporter_is_child=True)
    assert lifted.priority.rank >= Priority.P1.rank


# --- Political speech ------------------------------------------------------------------------------------


@each_kind
def test_a_kind_of_harm_in_which_speech_is_easily_meant_is_marked(folder: str, code: str) -> None:
    category = the_pack_in(folder).category(code)
    prone = category.dsa_category in SPEECH_CATEGORIES or category.dsa_keyword in SPEECH_KEYWORDS
    assert category.political or not prone


@each_political_kind
def test_political_speech_takes_a_second_reviewer_and_one_person_twice_is_none(folder: str, code: str) -> None:
    pack = the_pack_in(folder)
    first, second = reviewers(pack, pack.category(code))
    alone = a_case_of(pack, code)
    assert refused(pack, alone, first) == "review.second_reviewer"
    assert refused(pack, replace(alone, endorsed_by=frozenset({first.id})), first) == "review.second_reviewer"
    assert approve(pack, replace(alone, endorsed_by=frozenset({second.id})), first).to is Status.APPROVED


@each_political_kind
@pytest.mark.parametrize("note", ["", "It is needed.", " " * 40])
def test_political_speech_takes_a_note_on_necessity_and_proportionality(folder: str, code: str, note: str) -> None:
    pack = the_pack_in(folder)
    assert refused(pack, endorsed(pack, code), proportionality=note) == "review.proportionality_missing"


@each_political_kind
def test_no_sign_age_or_number_concerning_children_raises_political_speech(folder: str, code: str) -> None:
    pack = the_pack_in(folder)
    plain = judged(pack, code, age=AgeBand.ADULT).priority.rank
    signs = (CHILD_SIGNS | pack.indicators) - NEVER_SPEECH
    for age in AgeBand:
        for sign in signs:
            lifted = judged(pack, code, sign, age=age, reports=500, platforms=9, reporter_is_child=True)
            assert lifted.priority.rank >= plain, (sign, age)
            assert lifted.lane is Lane.ROUTINE
    everything = judged(pack, code, *signs, age=AgeBand.UNDER_13, reports=500, platforms=9, reporter_is_child=True)
    assert everything.priority.rank >= plain
    assert any(fired.effect.startswith("withheld") for fired in everything.trace), "and the trace says so"


@each_kind
def test_a_text_that_reads_politically_is_not_raised_whatever_its_kind(folder: str, code: str) -> None:
    pack = the_pack_in(folder)
    signs = CHILD_SIGNS - NEVER_SPEECH
    plain = judged(pack, code, age=AgeBand.CHILD, political=True).priority.rank
    lifted = judged(pack, code, *signs, age=AgeBand.CHILD, political=True, reports=500, reporter_is_child=True)
    assert lifted.priority.rank >= plain


# --- The least intrusive action --------------------------------------------------------------------------


@each_kind
def test_no_kind_of_harm_asks_for_an_account_by_itself(folder: str, code: str) -> None:
    assert the_pack_in(folder).category(code).requested_action is not ACCOUNT


@each_kind
def test_an_account_is_asked_for_only_with_a_note_why_no_item_will_do(folder: str, code: str) -> None:
    pack = the_pack_in(folder)
    case = endorsed(pack, code, requested_action=ACCOUNT)
    # In political speech the same note is asked for before.
    rule = "review.proportionality_missing" if case.political else "review.account_disproportionate"
    assert refused(pack, case, proportionality="") == rule
    assert refused(pack, case, proportionality="too many posts") == rule
    assert approve(pack, case).to is Status.APPROVED


@each_pack
@pytest.mark.parametrize("kind", ["profile", "page", "group", "channel"])
def test_the_gate_asks_for_the_item_before_the_account(folder: str, kind: str) -> None:
    pack = the_pack_in(folder)
    platform = pack.platforms.platforms[0].code
    account, post = an_item(platform=platform, kind=kind), an_item(platform=platform)

    def missing(item: Any, action: RequestedAction) -> set[str]:
        case = a_case_of(pack, "unclassified", items=(item,), requested_action=action)
        return {one.code for one in check(case, pack, NOW.date()).missing}

    assert "post_not_profile" in missing(account, RequestedAction.REMOVE)
    assert "proportionate" in missing(post, ACCOUNT)
    for item, action in ((post, RequestedAction.REMOVE), (account, ACCOUNT)):
        assert not {"post_not_profile", "proportionate"} & missing(item, action)


# --- Who decides -----------------------------------------------------------------------------------------


@each_kind
def test_who_took_the_report_in_does_not_approve_it(folder: str, code: str) -> None:
    pack = the_pack_in(folder)
    person = reviewers(pack, pack.category(code))[0]
    everything = Actor(person.id, person.name, frozenset(Role))
    for actor in (person, everything):
        assert refused(pack, endorsed(pack, code, intake_by=person.id), actor) == "review.four_eyes"


@each_kind
def test_only_the_office_that_the_law_names_approves(folder: str, code: str) -> None:
    pack = the_pack_in(folder)
    category = pack.category(code)
    form = pack.instrument(category.instrument, code)
    assert form is not None
    case = endorsed(pack, code)
    able = set()
    for role in Role:
        try:
            approve(pack, case, Actor("somebody", "Somebody", frozenset({role})))
        except (MoveRefused, NotAllowed):
            continue
        able.add(role)
    assert able == set(form.decided_by) & {Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT}


@each_kind
def test_a_form_decided_by_another_office_is_approved_by_nobody_else(folder: str, code: str) -> None:
    """As if each law left each of its forms to the head of the unit."""
    pack = the_pack_in(folder)
    regime = pack.regime
    forms = tuple(form.model_copy(update={"decided_by": (Role.HEAD_OF_UNIT,)}) for form in regime.instruments)
    strict = pack.model_copy(update={"regime": regime.model_copy(update={"instruments": forms})})
    lawyer = Actor("lawyer", "A lawyer", frozenset({Role.LEGAL_REVIEWER}))
    head = Actor("head", "The head", frozenset({Role.HEAD_OF_UNIT}))
    case = endorsed(strict, code)
    assert refused(strict, case, lawyer) == "review.wrong_office"
    assert approve(strict, case, head).to is Status.APPROVED


@each_pack
def test_no_form_of_notice_is_used_that_the_law_does_not_give(folder: str) -> None:
    pack = the_pack_in(folder)
    given = {rule.instrument for rule in pack.regime.instruments}
    for instrument in set(Instrument) - given:
        assert refused(pack, a_case_of(pack, "unclassified", instrument=instrument)) == "submission.instrument"

"""Which letter a moment or a threshold calls for: the pack says it, and a pack that cannot be meant is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from casework.errors import PackError
from casework.facts import OpinionFacts
from casework.letters import LETTERS
from casework.pack_reader import read_pack
from casework.policy_clocks import ClockRule
from casework.policy_letters import CALLED_FOR, WITHOUT_LETTERS, LetterCase, LetterRule, letters_at, threshold_letters
from casework.policy_pack import Pack
from casework.vocabulary import Instrument, Priority
from tasks.runtime import load_pack, pack_texts
from tasks.settings import POLICIES
from tests.casework.explaining import NOW, a_case, a_rule, practice_pack

SOURCE = {"ref": "unsourced"}
PACKS = ("kz-ministry", "eu-trusted-flagger", "au-esafety")


def a_pack(*rules: dict[str, Any]) -> Pack:
    letters = WITHOUT_LETTERS.model_validate({"letters": [{"source": SOURCE, **rule} for rule in rules]})
    return practice_pack().model_copy(update={"letters": letters})


def names(moment: str, pack: Pack, channel: str | None = None, **case: Any) -> list[str]:
    return [rule.letter for rule in letters_at(moment, a_case(**case), pack, channel)]


def test_a_letter_goes_at_its_own_moment_and_at_no_other() -> None:
    pack = a_pack({"letter": "decision_confirmed", "at": "review.approved"})
    assert names("review.approved", pack) == ["decision_confirmed"]
    assert names("review.confirmed", pack) == names("submission.sent", pack) == []


@pytest.mark.parametrize(
    ("when", "case", "fits"),
    [
        ({"instrument": ["request"]}, {"instrument": "request"}, True),
        ({"instrument": ["request"]}, {"instrument": "prescription"}, False),
        ({"category": ["abuse"]}, {"category": "abuse"}, True),
        ({"category": ["abuse"]}, {"category": "fraud"}, False),
        ({"priority": ["P0", "P1"]}, {"priority": Priority.P1}, True),
        ({"priority": ["P0", "P1"]}, {"priority": Priority.P2}, False),
        ({"child": True}, {"child": True}, True),
        ({"child": False}, {"child": True}, False),
        ({"police_referral": True}, {"category": "abuse"}, True),
        ({"police_referral": True}, {"category": "fraud"}, False),
        ({"police_referral": False}, {"category": "dropped_by_a_new_pack"}, True),
        ({"preserve": True}, {"category": "fraud"}, False),
        ({"binding": True}, {"instrument": "court_order"}, True),
        ({"binding": True}, {"instrument": "trusted_flagger_notice"}, False),
        ({"expert_group": True}, {}, False),
        ({"category": ["abuse"], "child": True}, {"category": "abuse", "child": False}, False),
    ],
)
def test_everything_that_a_rule_says_of_a_case_must_hold(
    when: dict[str, Any], case: dict[str, Any], fits: bool
) -> None:
    pack = a_pack({"letter": "decision_confirmed", "at": "review.approved", "when": when})
    assert names("review.approved", pack, **case) == (["decision_confirmed"] if fits else [])


def test_a_channel_is_that_of_the_notice_and_unknown_is_none() -> None:
    pack = a_pack({"letter": "platform_answer", "at": "answer.sent", "when": {"channel": ["portal"]}})
    assert names("answer.sent", pack, "portal") == ["platform_answer"]
    assert names("answer.sent", pack, "api") == names("answer.sent", pack, None) == []


def test_two_rules_of_one_letter_that_both_fit_are_one_letter() -> None:
    rule = {"letter": "decision_confirmed", "at": "review.approved"}
    assert names("review.approved", a_pack(rule, {**rule, "when": {"category": ["fraud"]}})) == ["decision_confirmed"]


@pytest.mark.parametrize("instrument", Instrument)
@pytest.mark.parametrize("pack", [None, *PACKS])
def test_a_notice_of_whatever_form_has_at_most_one_covering_letter(pack: str | None, instrument: Instrument) -> None:
    rules = practice_pack() if pack is None else load_pack(POLICIES / pack)
    found = [one for one in names("submission.sent", rules, "portal", instrument=instrument) if "preserv" not in one]
    assert len(found) == (0 if pack == "eu-trusted-flagger" and instrument in ("prescription", "court_order",
                                                                            "removal_notice") else 1)  # fmt: skip


def test_every_letter_that_a_moment_may_call_for_is_of_the_registry_and_about_a_case() -> None:
    assert {LETTERS[name].about for name in CALLED_FOR} == {"case"}


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({"letter": "liaison_escalation", "at": "submission.sent"}, "is not written at a moment"),
        ({"letter": "no_such_letter", "at": "submission.sent"}, "is not written at a moment"),
        ({"letter": "platform_notice", "at": "review.approved"}, "there is no notice"),
        ({"letter": "decision_confirmed", "at": "case.received"}, "intake writes its own"),
        ({"letter": "decision_confirmed", "at": "whenever"}, "Input should be"),
        ({"letter": "expert_referral", "at": "review.opened"}, "name its clock"),
        ({"letter": "decision_confirmed", "at": "review.approved", "when": {"channel": ["api"]}}, "is about no notice"),
        ({"letter": "decision_confirmed", "at": "review.approved", "when": {"kind": "any"}}, "Extra inputs"),
    ],
)
def test_a_rule_that_nobody_could_follow_is_refused(rule: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        LetterRule.model_validate({"source": SOURCE, **rule})


@pytest.mark.parametrize(
    ("old", "new", "line", "why"),
    [
        ("clock: kz.expert_group", "clock: kz.no_such", "clock: kz.no_such", "states the time of clock 'kz.no_such'"),
        ("when: {preserve: true}", "when: {category: [nothing]}", "when: {category: [nothing]}",
         "names category 'nothing', not in categories.yaml"),
        ("when: {binding: true}", "when: {}", "when: {}", "a notice may get both platform_notice and"),
        ("when: {channel: [portal]}", "when: {channel: [post]}", "channel: [post]", "Input should be"),
    ],
)  # fmt: skip
def test_a_fault_of_letters_yaml_is_told_with_its_line(old: str, new: str, line: str, why: str) -> None:
    texts = dict(pack_texts(POLICIES / "kz-ministry"))
    assert old in texts["letters"]
    texts["letters"] = texts["letters"].replace(old, new)
    number = next(at for at, said in enumerate(texts["letters"].splitlines(), 1) if line in said)
    with pytest.raises(PackError) as refused:
        read_pack("kz-ministry", texts)
    assert f"kz-ministry/letters.yaml:{number}: " in refused.value.message
    assert why in refused.value.message


def test_a_pack_without_the_file_still_covers_its_notices() -> None:
    texts = {stem: text for stem, text in pack_texts(POLICIES / "kz-ministry").items() if stem != "letters"}
    assert read_pack("kz-ministry", texts).letters is WITHOUT_LETTERS


@pytest.mark.parametrize(
    ("one", "other", "meet"),
    [
        ({}, {"binding": True}, True),
        ({"binding": True}, {"binding": False}, False),
        ({"instrument": ["request"]}, {"instrument": ["prescription"]}, False),
        ({"instrument": ["request", "court_order"]}, {"instrument": ["request"]}, True),
        ({"child": True, "channel": ["api"]}, {"child": True, "channel": ["portal"]}, False),
    ],
)
def test_two_rules_exclude_each_other_only_by_what_both_ask(
    one: dict[str, Any], other: dict[str, Any], meet: bool
) -> None:
    first, second = LetterCase.model_validate(one), LetterCase.model_validate(other)
    assert first.may_meet(second) is second.may_meet(first) is meet


# Thresholds


def told(rule: ClockRule | None, duty: str, *, breach: bool) -> list[str]:
    return threshold_letters(duty, rule, a_case(), practice_pack(), breach=breach)


def test_our_own_people_hear_of_our_own_duties_only() -> None:
    rule = a_rule()
    assert told(rule, "authority", breach=False) == ["deadline_warning"]
    assert told(rule, "authority", breach=True) == ["breach_notice"]
    for duty in ("platform", "reporter", "liaison"):
        assert told(rule, duty, breach=False) == told(None, duty, breach=True) == []


def test_a_clock_may_name_a_letter_beside_the_warning() -> None:
    rule = a_rule(warn_letter="overdue_reminder")
    assert told(rule, "authority", breach=False) == ["deadline_warning", "overdue_reminder"]
    assert told(rule, "platform", breach=False) == ["overdue_reminder"]
    assert told(rule, "authority", breach=True) == ["breach_notice"]


@pytest.mark.parametrize("key", ["warn_letter", "breach_letter"])
def test_a_clock_that_names_a_letter_nobody_wrote_is_refused(key: str) -> None:
    with pytest.raises(ValidationError, match=f"{key} of clock practice.review names letter 'no_such'"):
        a_rule(**{key: "no_such"})


def test_an_expert_group_is_reminded_until_it_has_decided() -> None:
    pack = load_pack(POLICIES / "kz-ministry")
    rule = pack.sla.clock("kz.expert_group")
    waiting = a_case(category="cyberbullying_child", instrument="prescription")
    decided = a_case(
        category="cyberbullying_child", instrument="prescription", opinion=OpinionFacts("g", False, "2026-1", NOW)
    )
    assert threshold_letters("authority", rule, waiting, pack, breach=False) == ["deadline_warning", "expert_reminder"]
    assert threshold_letters("authority", rule, decided, pack, breach=True) == ["breach_notice"]
    other_form = a_case(category="cyberbullying_child", instrument="platform_report")
    assert threshold_letters("authority", rule, other_form, pack, breach=True) == ["breach_notice"]


@pytest.mark.parametrize("pack", PACKS)
def test_every_rule_of_the_packs_says_where_it_comes_from(pack: str) -> None:
    rules = load_pack(POLICIES / pack).letters.letters
    assert rules
    assert all(rule.source.ref for rule in rules)
    assert (Path(POLICIES) / pack / "letters.yaml").is_file()

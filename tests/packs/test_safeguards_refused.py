"""A pack that switches a safeguard off is refused before it decides anything."""

from __future__ import annotations

import pytest

from casework.pack_reader import read_pack
from casework.priority import PriorityFacts, assess
from casework.safeguards import CHILD_SIGNS, IMMINENT
from casework.vocabulary import AgeBand, Priority
from tests.casework.building import pack_texts, the_pack
from tests.packs.breaking import Broken, check, edited, faults, line_of

LIFE, ATTACK, ABUSE = "- id: kz.p0.life", "- id: kz.p0.school_attack", "- id: kz.p1.sexual_abuse"
NOT_P0 = "'school_attack_threat' must make a case P0 under every pack; in '{}' from {} it does not"
POLITICAL = [category.code for category in the_pack().categories if category.political]

BROKEN = {
    "a kind prone to hit political speech that is not marked": Broken(
        "categories", "- code: false_information", "  political: true\n", "", ("- code: false_information",),
        "false_information is prone to hit political speech and must say political: true"),
    "a sign of a child that the pack leaves out": Broken(
        "priority", "child_indicators", "  - grooming_ongoing\n", "", ("child_indicators:",),
        "'grooming_ongoing' is a sign of a child under every pack and must stand in child_indicators"),
    "a modifier that makes a case P0": Broken(
        "priority", "", "highest_by_modifier: P1", "highest_by_modifier: P0", ("highest_by_modifier:",),
        "a modifier may raise to P1 at most"),
    "a danger that is P1": Broken(
        "priority", ATTACK, "level: P0", "level: P1", ("rules:",), NOT_P0.format("csam", "2025-01-28")),
    "a danger that is P0 from a later day only": Broken(
        "priority", "", ATTACK, f"{ATTACK}\n    valid_from: 2026-12-31", ("rules:",),
        NOT_P0.format("csam", "2025-01-28")),
    "a danger that is P0 until a day only": Broken(
        "priority", "", ATTACK, f"{ATTACK}\n    valid_to: 2026-12-31", ("rules:",),
        NOT_P0.format("csam", "2027-01-01")),
    "a danger that is P0 for children only": Broken(
        "priority", "", ATTACK, f"{ATTACK}\n    child: true", ("rules:",),
        NOT_P0.format("suicide_or_self_harm", "2025-01-28")),
}  # fmt: skip


@pytest.mark.parametrize("broken", BROKEN.values(), ids=list(BROKEN))
def test_each_is_said_alone_in_its_place_and_in_its_words(broken: Broken) -> None:
    check(broken)


def an_earlier_rule(**says: str) -> dict[str, str]:
    """The pack with one more rule before all others."""
    rule = {"id": "kz.first", "level": "P3", "why": "It comes first.", "source": "{ref: Internal}", **says}
    entry = ", ".join(f"{key}: {value}" for key, value in rule.items())
    return edited(pack_texts(), "priority", "", "\nrules:\n", f"\nrules:\n  - {{{entry}}}\n")


@pytest.mark.parametrize("child", ["null", "true", "false"])
def test_no_earlier_rule_outranks_a_danger_for_anybody(child: str) -> None:
    """Also not for a case in which somebody has ticked an adult's age, which may be a mistake."""
    texts = an_earlier_rule(any_category="[drugs]", child=child)
    place = line_of(texts, "priority", "\nrules:", "rules:")
    assert faults(texts) == [
        f"{place}: '{sign}' must make a case P0 under every pack; in 'drugs' from 2025-01-28 it does not"
        for sign in IMMINENT
    ]


def test_a_danger_is_p0_in_political_speech_only_where_the_pack_says_so() -> None:
    """The floor is for what is not speech: a rule on signs is withheld from political speech."""
    silent = read_pack("kz-ministry", edited(pack_texts(), "priority", ATTACK, "    even_if_political: true\n", ""))
    facts = PriorityFacts(POLITICAL[0], AgeBand.UNKNOWN, frozenset({"school_attack_threat"}))
    assert assess(facts, the_pack()).priority is Priority.P0
    assert assess(facts, silent).priority is Priority.P3


@pytest.mark.parametrize(("rule", "sign"), [(LIFE, "abducted_or_missing_child"), (ABUSE, "csam_any")])
def test_no_sign_of_a_child_raises_political_speech(rule: str, sign: str) -> None:
    """``even_if_political`` is for an announced attack and for nothing else."""
    texts = edited(pack_texts(), "priority", "", rule, f"{rule}\n    even_if_political: true")
    place = line_of(texts, "priority", "\nrules:", "rules:")
    assert faults(texts) == [
        f"{place}: {category} is political: '{sign}' must not raise it, and from 2025-01-28 it does"
        for category in POLITICAL
    ]


def test_no_rule_on_children_raises_political_speech() -> None:
    texts = an_earlier_rule(any_category="[false_information]", child="true", level="P1")
    place = line_of(texts, "priority", "\nrules:", "rules:")
    (said,) = faults(texts)
    assert said.startswith(f"{place}: false_information is political: '{min(CHILD_SIGNS)}' must not raise it")


@pytest.mark.parametrize("sign", sorted(CHILD_SIGNS))
def test_no_sign_of_a_child_may_be_left_out(sign: str) -> None:
    texts = edited(pack_texts(), "priority", "child_indicators", f"  - {sign}\n", "")
    assert any(f"'{sign}' is a sign of a child under every pack" in fault for fault in faults(texts))

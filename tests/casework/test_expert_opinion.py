"""An expert group's opinion counts with a quorum free of conflicts, a majority, reasons and its dissent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from casework.expert_opinion import Opinion, faults_of
from casework.policy_regime import ExpertGroup
from tests.casework.building import the_pack

RECEIVED = datetime(2026, 4, 1, 4, 0, tzinfo=UTC)
NOW = RECEIVED + timedelta(days=2)
DISSENT = ("The remarks are rude and no more than that.",)


def the_group() -> ExpertGroup:
    """Its quorum is three."""
    return the_pack().regime.expert_groups[0]


def an_opinion(**changes: Any) -> Opinion:
    """Four members were there, one of them with a conflict of interest; two to one confirmed it."""
    values: dict[str, Any] = {
        "reference": "Protocol 7",
        "present": ("m1", "m2", "m3", "m4"),
        "conflicted": ("m4",),
        "in_favour": 2,
        "against": 1,
        "confirmed": True,
        "reasons": "The posts humiliate a pupil by name, again and again.",
        "dissent": DISSENT,
        "decided_at": RECEIVED + timedelta(days=1),
    }
    return Opinion(**values | changes)


def faults(**changes: Any) -> tuple[str, ...]:
    return faults_of(an_opinion(**changes), the_group(), RECEIVED, NOW)


def test_an_opinion_with_quorum_majority_reasons_and_dissent_counts() -> None:
    assert the_group().quorum == 3
    assert faults() == ()
    assert an_opinion().deciding == ("m1", "m2", "m3")


def test_a_rejection_counts_in_the_same_way() -> None:
    assert faults(in_favour=1, against=2, confirmed=False, dissent=()) == ()


def test_who_has_a_conflict_of_interest_makes_no_quorum() -> None:
    assert faults(conflicted=("m3", "m4"), in_favour=2, against=0) == (
        "2 member(s) without a conflict of interest were present; the quorum is 3",
    )


def test_too_few_members_make_no_quorum_even_when_all_agree() -> None:
    assert any("the quorum is 3" in fault for fault in faults(present=("m1", "m2"), conflicted=(), against=0))


def test_exactly_the_quorum_is_enough() -> None:
    assert faults(present=("m1", "m2", "m3"), conflicted=()) == ()


def test_no_member_is_there_twice() -> None:
    assert "a member is named twice among those present" in faults(present=("m1", "m1", "m2", "m3"), conflicted=())


def test_who_was_not_there_has_no_conflict_of_interest_to_record() -> None:
    assert faults(conflicted=("m4", "m9")) == ("'m9' is said to have a conflict of interest and was not present",)


@pytest.mark.parametrize(("in_favour", "against"), [(3, 1), (4, 0), (-1, 0), (2, -1)])
def test_there_are_no_more_votes_than_members_who_decide_and_none_below_zero(in_favour: int, against: int) -> None:
    found = faults(in_favour=in_favour, against=against, confirmed=in_favour > against)
    assert f"{in_favour} and {against} votes do not fit 3 deciding member(s)" in found


def test_a_member_may_abstain() -> None:
    assert faults(in_favour=2, against=0, dissent=()) == ()


@pytest.mark.parametrize(
    ("in_favour", "against", "confirmed"), [(1, 2, True), (2, 1, False), (1, 1, True), (0, 0, True)]
)
def test_the_decision_is_what_the_votes_carry_and_a_tie_confirms_nothing(
    in_favour: int, against: int, confirmed: bool
) -> None:
    assert f"{in_favour} votes to {against} do not carry that decision" in faults(
        in_favour=in_favour, against=against, confirmed=confirmed
    )


def test_a_tie_is_no_confirmation_and_counts_as_such() -> None:
    assert faults(in_favour=1, against=1, confirmed=False) == ()


@pytest.mark.parametrize("reasons", ["", "   ", "Confirmed.", " " * 40])
def test_an_opinion_gives_its_reasons(reasons: str) -> None:
    assert faults(reasons=reasons) == ("the reasons are missing",)


def test_a_vote_against_a_confirmation_is_heard() -> None:
    assert faults(dissent=()) == ("votes were cast against it, and no dissent is recorded",)
    assert faults(in_favour=3, against=0, dissent=()) == ()


@pytest.mark.parametrize(
    ("decided_at", "counts"),
    [
        (RECEIVED - timedelta(seconds=1), False),
        (RECEIVED, True),
        (NOW, True),
        (NOW + timedelta(seconds=1), False),
    ],
)
def test_it_is_about_this_case_and_no_forecast(decided_at: datetime, counts: bool) -> None:
    said = ("it was decided before the case was received, or in the future",)
    assert faults(decided_at=decided_at) == (() if counts else said)


def test_every_fault_is_said_at_once() -> None:
    found = faults(present=("m1",), conflicted=("m9",), in_favour=2, reasons="", dissent=())
    assert len(found) == 5
    assert len(set(found)) == 5

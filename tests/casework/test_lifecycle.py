"""One table says what may be done to a case; all else is refused with a sentence."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.errors import MoveRefused, NotAllowed
from casework.facts import SYSTEM, Actor, CaseFacts
from casework.lifecycle import allowed_actions, disposition_of
from casework.vocabulary import (
    FINAL_OUTCOMES,
    OPEN_STATUSES,
    Action,
    DeliveryState,
    Disposition,
    Outcome,
    Priority,
    Role,
    Status,
)
from tests.casework.building import (
    AIGERIM,
    DANIYAR,
    DINA,
    EVERYBODY,
    MARAT,
    NOTE,
    NOW,
    OLZHAS,
    PEOPLE,
    SPEECH_BASIS,
    a_case,
    a_speech_case,
    a_submission,
    move,
    moved,
    the_pack,
    urgent_pack,
    with_outcomes,
)

A, S = Action, Status

STAYS = None
LEGAL: dict[Action, tuple[set[Status], Status | None]] = {
    A.TRIAGE: ({S.RECEIVED, S.REOPENED}, S.TRIAGED),
    A.COMPLETE: ({S.TRIAGED}, S.IN_LEGAL_REVIEW),
    A.RETURN: ({S.TRIAGED, S.IN_LEGAL_REVIEW}, S.RETURNED),
    A.SUPPLY: ({S.RETURNED}, S.TRIAGED),
    A.LAPSE: ({S.RETURNED}, S.CLOSED),
    A.ENDORSE: ({S.IN_LEGAL_REVIEW}, STAYS),
    A.APPROVE: ({S.IN_LEGAL_REVIEW}, S.APPROVED),
    A.APPROVE_URGENTLY: ({S.TRIAGED, S.IN_LEGAL_REVIEW}, S.APPROVED),
    A.CONFIRM: ({S.APPROVED, S.SUBMITTED, S.MORE_INFO, S.DECIDED, S.CLOSED}, STAYS),
    A.DECLINE: ({S.IN_LEGAL_REVIEW}, S.DECLINED),
    A.RECALL: ({S.APPROVED}, S.IN_LEGAL_REVIEW),
    A.SUBMIT: ({S.APPROVED}, S.SUBMITTED),
    A.ASK_MORE: ({S.SUBMITTED}, S.MORE_INFO),
    A.ANSWER: ({S.MORE_INFO}, S.SUBMITTED),
    A.DECIDE: ({S.SUBMITTED, S.MORE_INFO}, S.DECIDED),
    A.CLOSE: ({S.DECIDED}, S.CLOSED),
    A.WITHDRAW: ({S.RECEIVED, S.TRIAGED, S.RETURNED, S.IN_LEGAL_REVIEW, S.APPROVED}, S.WITHDRAWN),
    A.MERGE: ({S.RECEIVED, S.TRIAGED, S.RETURNED, S.IN_LEGAL_REVIEW}, S.MERGED),
    A.REOPEN: ({S.CLOSED, S.DECLINED, S.WITHDRAWN}, S.REOPENED),
}
"""The agreed lifecycle, written down a second time on purpose: a change needs both."""

FORBIDDEN = [(s, a) for s in S for a in A if s not in LEGAL[a][0]]
PERMITTED = [(s, a) for s in S for a in A if s in LEGAL[a][0]]


def ready_for(action: Action, status: Status) -> tuple[CaseFacts, dict[str, Any]]:
    """A case that nothing but the table could hold back, and what the actor says."""
    said: dict[str, Any] = {"merge_into": "KZ-2026-000001"}
    case = a_case(status=status)
    if action is A.ENDORSE:
        case = a_speech_case(status=status)
        said |= {"proportionality": NOTE, "basis": SPEECH_BASIS}
    elif action is A.APPROVE_URGENTLY:
        case, said = replace(case, priority=Priority.P0), {"pack": urgent_pack()}
    elif action is A.CONFIRM:
        case = replace(case, urgent_by=OLZHAS.id)
    elif action is A.SUBMIT:
        case = replace(case, submissions=(a_submission(),))
    elif action is A.ASK_MORE:
        case = replace(case, items=with_outcomes(Outcome.MORE_INFO_NEEDED))
    elif action in (A.DECIDE, A.CLOSE):
        case = replace(case, items=with_outcomes(Outcome.REMOVED_GLOBALLY))
    return case, said


@pytest.mark.parametrize(("status", "action"), FORBIDDEN)
def test_a_move_outside_the_table_is_refused_with_case_rule_and_way_out(status: Status, action: Action) -> None:
    case, said = ready_for(action, status)
    with pytest.raises(MoveRefused) as refusal:
        move(case, action, EVERYBODY, **said)
    assert refusal.value.rule == "lifecycle.no_such_move"
    text = str(refusal.value)
    assert case.number in text
    assert f"'{action}'" in text
    assert f"'{status}'" in text
    assert refusal.value.rule in text
    assert all(source in refusal.value.next_step for source in LEGAL[action][0])


@pytest.mark.parametrize(("status", "action"), PERMITTED)
def test_a_move_of_the_table_leads_where_the_table_says(status: Status, action: Action) -> None:
    case, said = ready_for(action, status)
    decision = move(case, action, EVERYBODY, **said)
    assert (decision.expected, decision.to) == (status, LEGAL[action][1] or status)


@pytest.mark.parametrize("status", list(S))
def test_the_desk_is_offered_exactly_the_moves_of_the_table(status: Status) -> None:
    assert set(allowed_actions(a_case(status=status))) == {a for s, a in PERMITTED if s == status}


def test_a_refused_move_says_nothing_about_the_content() -> None:
    with pytest.raises(MoveRefused) as refusal:
        move(a_case(status=S.CLOSED), A.APPROVE, DANIYAR)
    assert "://" not in str(refusal.value)
    assert "self-harm" not in str(refusal.value)


def test_one_case_goes_the_whole_way_from_report_to_closed() -> None:
    case = moved(a_case(status=S.RECEIVED), A.TRIAGE, SYSTEM)
    case = moved(case, A.RETURN, SYSTEM, missing=("observed_at",))
    case = moved(case, A.SUPPLY, AIGERIM)
    case = moved(case, A.COMPLETE, SYSTEM)
    case = moved(case, A.APPROVE, DANIYAR)
    case = replace(case, submissions=(a_submission(),))
    case = moved(case, A.SUBMIT, SYSTEM)
    case = moved(replace(case, items=with_outcomes(Outcome.MORE_INFO_NEEDED)), A.ASK_MORE, SYSTEM)
    case = moved(case, A.ANSWER, DANIYAR)
    case = moved(replace(case, items=with_outcomes(Outcome.RESTRICTED_LOCALLY)), A.DECIDE, SYSTEM)
    closing = move(case, A.CLOSE, SYSTEM)
    assert (closing.to, closing.disposition) == (S.CLOSED, Disposition.ACTION_TAKEN)
    assert closing.letter == "closure"
    assert "case.ended" in closing.moments


def test_a_decision_carries_who_when_why_and_on_which_text_of_the_law() -> None:
    decision = move(a_case(), A.APPROVE, DANIYAR, basis=("kz.child_information_law",))
    assert (decision.actor, decision.at, decision.case_number) == (DANIYAR, NOW, "KZ-2026-000123")
    assert decision.reason
    assert decision.details.basis == ("kz.child_information_law",)
    assert decision.policy_version == the_pack().version
    assert "+" in decision.policy_version


# --- Shape of the table ----------------------------------------------------------------------------------


def reached_from(status: Status) -> set[Status]:
    found, edge = {status}, [status]
    while edge:
        here = edge.pop()
        for action in allowed_actions(a_case(status=here)):
            target = LEGAL[action][1]
            if target is not None and target not in found:
                found.add(target)
                edge.append(target)
    return found


def test_every_status_can_be_reached_from_a_new_report() -> None:
    assert reached_from(S.RECEIVED) == set(S)


@pytest.mark.parametrize("status", sorted(OPEN_STATUSES))
def test_no_open_case_is_stuck_each_can_still_be_closed_and_declined(status: Status) -> None:
    assert {S.CLOSED, S.DECLINED} <= reached_from(status)


def test_only_a_merged_case_has_no_way_on() -> None:
    assert [status for status in S if not allowed_actions(a_case(status=status))] == [S.MERGED]


# --- Roles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "action"), PERMITTED)
@pytest.mark.parametrize("role", [Role.AUDITOR, Role.LIAISON])
def test_who_only_reads_or_only_acknowledges_moves_nothing(role: Role, status: Status, action: Action) -> None:
    case, said = ready_for(action, status)
    with pytest.raises(NotAllowed) as refusal:
        move(case, action, Actor("reader", "Reader", frozenset({role})), **said)
    assert case.number in str(refusal.value)
    assert str(role) in str(refusal.value)


@pytest.mark.parametrize(("status", "action"), PERMITTED)
def test_a_person_without_any_role_moves_nothing(status: Status, action: Action) -> None:
    case, said = ready_for(action, status)
    with pytest.raises(NotAllowed, match="has none"):
        move(case, action, Actor("stranger", "Stranger", frozenset()), **said)


@pytest.mark.parametrize("action", [A.ENDORSE, A.APPROVE, A.CONFIRM, A.DECLINE, A.ANSWER])
def test_only_a_reviewer_or_the_head_of_unit_judges(action: Action) -> None:
    status = sorted(LEGAL[action][0])[0]
    case, said = ready_for(action, status)
    able = set()
    for person in PEOPLE:
        try:
            move(replace(case, intake_by="somebody-else"), action, person, **said)
        except NotAllowed:
            continue
        able.add(person.id)
    assert able == {"daniyar", "saule", "marat"}


@pytest.mark.parametrize("action", [A.TRIAGE, A.COMPLETE, A.LAPSE, A.ASK_MORE, A.DECIDE, A.CLOSE])
def test_what_follows_from_rules_no_person_does_by_hand(action: Action) -> None:
    case, said = ready_for(action, sorted(LEGAL[action][0])[0])
    for person in (AIGERIM, DANIYAR, MARAT, OLZHAS, DINA):
        with pytest.raises(NotAllowed):
            move(case, action, person, **said)


def test_only_the_duty_officer_sends_before_review() -> None:
    case, said = ready_for(A.APPROVE_URGENTLY, S.TRIAGED)
    for person in (AIGERIM, DANIYAR, MARAT, DINA, SYSTEM):
        with pytest.raises(NotAllowed):
            move(case, A.APPROVE_URGENTLY, person, **said)


# --- How it ended ----------------------------------------------------------------------------------------

GONE = (Outcome.ALREADY_UNAVAILABLE, Outcome.NOT_FOUND)
LEFT = (Outcome.NO_ACTION,)
final_outcomes = st.lists(st.sampled_from(sorted(FINAL_OUTCOMES)), min_size=1, max_size=12)


@given(final_outcomes)
def test_the_disposition_tells_no_more_than_the_items_do(outcomes: list[Outcome]) -> None:
    gone = sum(outcome in GONE for outcome in outcomes)
    left = sum(outcome in LEFT for outcome in outcomes)
    acted = len(outcomes) - gone - left
    ended = disposition_of(tuple(outcomes))
    assert (ended is Disposition.ACTION_TAKEN) == (acted > 0 and left == 0)
    assert (ended is Disposition.PARTLY_ACTED) == (acted > 0 and left > 0)
    assert (ended is Disposition.ALREADY_GONE) == (gone == len(outcomes))
    assert (ended is Disposition.NO_ACTION) == (acted == 0 and left > 0)


@given(final_outcomes, st.randoms())
def test_the_order_of_the_items_does_not_change_how_a_case_ended(outcomes: list[Outcome], chance: Any) -> None:
    mixed = list(outcomes)
    chance.shuffle(mixed)
    assert Counter(mixed) == Counter(outcomes)
    assert disposition_of(tuple(mixed)) is disposition_of(tuple(outcomes))


@pytest.mark.parametrize(
    ("action", "status", "ended"),
    [
        (A.LAPSE, S.RETURNED, Disposition.INCOMPLETE),
        (A.DECLINE, S.IN_LEGAL_REVIEW, Disposition.NOT_UNLAWFUL),
        (A.WITHDRAW, S.TRIAGED, Disposition.WITHDRAWN),
        (A.MERGE, S.RECEIVED, Disposition.DUPLICATE),
        (A.APPROVE, S.IN_LEGAL_REVIEW, None),
    ],
)
def test_each_other_end_has_its_own_word(action: Action, status: Status, ended: Disposition | None) -> None:
    case, said = ready_for(action, status)
    assert move(case, action, EVERYBODY, **said).disposition is ended


@pytest.mark.parametrize("action", [A.DECIDE, A.CLOSE])
@pytest.mark.parametrize("open_outcome", [Outcome.PENDING, Outcome.MORE_INFO_NEEDED])
def test_no_case_ends_while_one_item_has_no_final_outcome(action: Action, open_outcome: Outcome) -> None:
    items = with_outcomes(Outcome.REMOVED_GLOBALLY, open_outcome)
    case = a_case(status=sorted(LEGAL[action][0])[-1], items=items)
    with pytest.raises(MoveRefused, match="2 have no final outcome") as refusal:
        move(case, action, SYSTEM)
    assert refusal.value.rule == "outcome.missing"


@pytest.mark.parametrize("action", [A.DECIDE, A.CLOSE])
def test_a_case_without_an_item_has_no_outcome_to_end_with(action: Action) -> None:
    with pytest.raises(MoveRefused) as refusal:
        move(a_case(status=sorted(LEGAL[action][0])[-1], items=()), action, SYSTEM)
    assert refusal.value.rule == "outcome.no_item"


def test_a_case_is_not_submitted_before_every_notice_is_accepted() -> None:
    for state in set(DeliveryState) - {DeliveryState.SENT, DeliveryState.DROPPED}:
        case = a_case(status=S.APPROVED, submissions=(a_submission(), a_submission(state, 2)))
        with pytest.raises(MoveRefused, match="not accepted yet"):
            move(case, A.SUBMIT, SYSTEM)


@pytest.mark.parametrize("submissions", [(), (a_submission(DeliveryState.DROPPED),), (a_submission(kind="answer"),)])
def test_a_case_without_an_accepted_notice_is_not_submitted(submissions: tuple[Any, ...]) -> None:
    with pytest.raises(MoveRefused) as refusal:
        move(a_case(status=S.APPROVED, submissions=submissions), A.SUBMIT, SYSTEM)
    assert refusal.value.rule == "submission.not_accepted"


def test_a_notice_dropped_on_recall_does_not_hold_up_the_mended_one() -> None:
    case = a_case(status=S.APPROVED, submissions=(a_submission(DeliveryState.DROPPED), a_submission(number=2)))
    assert move(case, A.SUBMIT, SYSTEM).to is S.SUBMITTED

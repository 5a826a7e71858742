"""Who may judge a case, on what basis, and what can no longer be taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from casework.errors import MoveRefused
from casework.facts import SYSTEM, Actor, CaseFacts
from casework.vocabulary import (
    Action,
    DeliveryState,
    Ground,
    Instrument,
    Outcome,
    Priority,
    RequestedAction,
    Role,
    Status,
    Verdict,
)
from tests.casework.building import (
    AIGERIM,
    BULLYING_BASIS,
    DANIYAR,
    MARAT,
    NOTE,
    OLZHAS,
    SAULE,
    SPEECH_BASIS,
    a_bullying_case,
    a_case,
    a_speech_case,
    a_submission,
    an_item,
    an_opinion,
    move,
    urgent_pack,
    with_outcomes,
)

A, S = Action, Status


def refused(case: CaseFacts, action: Action, actor: Actor, **said: Any) -> str:
    """The rule that forbids it; the sentence names the case."""
    with pytest.raises(MoveRefused) as refusal:
        move(case, action, actor, **said)
    assert case.number in str(refusal.value)
    assert refusal.value.rule in str(refusal.value)
    return refusal.value.rule


# --- Four eyes -------------------------------------------------------------------------------------------

JUDGING = [
    (A.ENDORSE, a_speech_case(), {"proportionality": NOTE, "basis": SPEECH_BASIS}),
    (A.APPROVE, a_case(), {}),
    (A.DECLINE, a_case(), {}),
    (A.CONFIRM, a_case(status=S.SUBMITTED, urgent_by=OLZHAS.id), {}),
    (A.ANSWER, a_case(status=S.MORE_INFO, items=with_outcomes(Outcome.MORE_INFO_NEEDED)), {}),
]


@pytest.mark.parametrize(("action", "case", "said"), JUDGING)
def test_who_took_the_report_in_does_not_judge_it(action: Action, case: CaseFacts, said: dict[str, Any]) -> None:
    assert refused(replace(case, intake_by=DANIYAR.id), action, DANIYAR, **said) == "review.four_eyes"
    assert move(replace(case, intake_by=DANIYAR.id), action, SAULE, **said).actor == SAULE


def test_a_duty_officer_who_took_the_report_in_does_not_send_it_urgently() -> None:
    case = a_case(status=S.TRIAGED, priority=Priority.P0, intake_by=OLZHAS.id)
    assert refused(case, A.APPROVE_URGENTLY, OLZHAS, pack=urgent_pack()) == "review.four_eyes"


def test_the_head_of_unit_has_no_exception_from_four_eyes() -> None:
    assert refused(a_case(intake_by=MARAT.id), A.APPROVE, MARAT) == "review.four_eyes"


@pytest.mark.parametrize("action", [A.APPROVE, A.DECLINE])
def test_an_appeal_is_not_judged_by_who_declined_before(action: Action) -> None:
    appealed = a_case(declined_by=frozenset({DANIYAR.id}))
    assert refused(appealed, action, DANIYAR) == "review.appeal_other_person"
    assert move(appealed, action, SAULE).actor == SAULE


# --- Reasons and basis -----------------------------------------------------------------------------------

NEEDS_REASON = [
    *JUDGING,
    (A.RETURN, a_case(), {}),
    (A.APPROVE_URGENTLY, a_case(priority=Priority.P0), {"pack": urgent_pack()}),
    (A.RECALL, a_case(status=S.APPROVED), {}),
    (A.WITHDRAW, a_case(), {}),
    (A.MERGE, a_case(), {"merge_into": "KZ-2026-000001"}),
    (A.REOPEN, a_case(status=S.DECLINED), {}),
]
ANYBODY = Actor("anybody", "Every role", frozenset(Role))


@pytest.mark.parametrize(("action", "case", "said"), NEEDS_REASON)
@pytest.mark.parametrize("reason", ["", "    \n\t  ", "ok"])
def test_nothing_a_person_decides_goes_without_a_reason(
    action: Action, case: CaseFacts, said: dict[str, Any], reason: str
) -> None:
    assert refused(case, action, ANYBODY, **{**said, "reason": reason}) == "review.reason_missing"
    assert move(case, action, ANYBODY, **said).reason


def test_a_notice_on_law_cites_a_provision() -> None:
    case = a_case(instrument=Instrument.REQUEST, ground=Ground.LOCAL_LAW)
    assert refused(case, A.APPROVE, DANIYAR) == "review.basis_missing"
    assert move(case, A.APPROVE, DANIYAR, basis=("kz.platform_law.9.4.2",)).to is S.APPROVED


FORM_FOR = {
    Ground.LOCAL_LAW: Instrument.REQUEST,
    Ground.BOTH: Instrument.REQUEST,
    Ground.PLATFORM_POLICY: Instrument.PLATFORM_REPORT,
}
"""A form of notice that may rest on each ground."""


@pytest.mark.parametrize("ground", list(Ground))
def test_a_provision_that_the_pack_does_not_know_is_never_cited(ground: Ground) -> None:
    said = {"basis": ("kz.platform_law.9.4.2", "kz.invented.1")}
    case = a_case(ground=ground, instrument=FORM_FOR[ground])
    assert refused(case, A.APPROVE, DANIYAR, **said) == "review.basis_unknown"


@pytest.mark.parametrize("blank", ["", "   "])
@pytest.mark.parametrize("ground", [Ground.PLATFORM_POLICY, Ground.BOTH])
def test_a_notice_on_policy_names_the_line_that_is_broken(ground: Ground, blank: str) -> None:
    case = a_case(ground=ground, instrument=FORM_FOR[ground], policy_line=blank)
    said = {"basis": ("kz.platform_law.9.4.2",)}
    assert refused(case, A.APPROVE, DANIYAR, **said, policy_line=blank) == "review.policy_line_missing"
    assert move(case, A.APPROVE, DANIYAR, **said, policy_line="Self-harm").to is S.APPROVED


def test_a_notice_on_law_alone_needs_no_policy_line() -> None:
    case = a_case(ground=Ground.LOCAL_LAW, instrument=Instrument.REQUEST, policy_line="")
    assert move(case, A.APPROVE, DANIYAR, basis=("kz.platform_law.9.4.2",)).to is S.APPROVED


def test_a_prescription_waits_for_the_expert_groups_opinion() -> None:
    said = {"basis": BULLYING_BASIS}
    assert refused(a_bullying_case(opinion=None), A.APPROVE, DANIYAR, **said) == "review.expert_decision_missing"
    assert move(a_bullying_case(), A.APPROVE, DANIYAR, **said).to is S.APPROVED


def test_what_a_reporter_says_about_the_expert_group_is_not_its_opinion() -> None:
    told = a_bullying_case(opinion=None, expert_decision="Protocol 7 of 30 March 2026")
    assert refused(told, A.APPROVE, DANIYAR, basis=BULLYING_BASIS) == "review.expert_decision_missing"


def test_the_opinion_of_another_group_does_not_count() -> None:
    other = a_bullying_case(opinion=an_opinion(group="kz.some_other_group"))
    assert refused(other, A.APPROVE, DANIYAR, basis=BULLYING_BASIS) == "review.expert_decision_missing"


def test_a_prescription_that_the_expert_group_did_not_confirm_is_declined_and_not_approved() -> None:
    rejected = a_bullying_case(opinion=an_opinion(confirmed=False))
    assert refused(rejected, A.APPROVE, DANIYAR, basis=BULLYING_BASIS) == "review.expert_rejected"
    assert move(rejected, A.DECLINE, DANIYAR).to is S.DECLINED


@pytest.mark.parametrize(
    ("instrument", "ground"),
    [
        (Instrument.PLATFORM_REPORT, Ground.LOCAL_LAW),
        (Instrument.PLATFORM_REPORT, Ground.BOTH),
        (Instrument.REQUEST, Ground.PLATFORM_POLICY),
    ],
)
def test_a_form_of_notice_rests_on_no_ground_that_its_law_does_not_give(instrument: Instrument, ground: Ground) -> None:
    case = a_case(instrument=instrument, ground=ground)
    assert refused(case, A.APPROVE, DANIYAR, basis=SPEECH_BASIS) == "review.ground_forbidden"


def test_the_authority_uses_no_instrument_that_its_law_does_not_give() -> None:
    assert refused(a_case(instrument=Instrument.COURT_ORDER), A.APPROVE, DANIYAR) == "submission.instrument"


@pytest.mark.parametrize("platform", [None, "unheard_of"])
def test_no_notice_goes_to_a_platform_that_cannot_be_reached(platform: str | None) -> None:
    case = a_case(items=(an_item(), an_item(2, platform=platform)))
    assert refused(case, A.APPROVE, DANIYAR) == "submission.no_channel"


def test_no_notice_goes_out_about_nothing() -> None:
    assert refused(a_case(items=()), A.APPROVE, DANIYAR) == "submission.no_item"


# --- Political speech ------------------------------------------------------------------------------------

SPEECH = {"proportionality": NOTE, "basis": SPEECH_BASIS}


def test_political_speech_takes_two_reviewers() -> None:
    assert refused(a_speech_case(), A.APPROVE, DANIYAR, **SPEECH) == "review.second_reviewer"
    endorsed = a_speech_case(endorsed_by=frozenset({DANIYAR.id}))
    decision = move(endorsed, A.APPROVE, SAULE, **SPEECH)
    assert (decision.to, decision.verdict) == (S.APPROVED, Verdict.APPROVED)


def test_one_reviewer_twice_is_not_two() -> None:
    endorsed = a_speech_case(endorsed_by=frozenset({DANIYAR.id}))
    assert refused(endorsed, A.APPROVE, DANIYAR, **SPEECH) == "review.second_reviewer"


def test_an_endorsement_leaves_the_case_in_review_and_is_recorded_as_one() -> None:
    decision = move(a_speech_case(), A.ENDORSE, DANIYAR, **SPEECH)
    assert (decision.to, decision.verdict) == (S.IN_LEGAL_REVIEW, Verdict.ENDORSED)


@pytest.mark.parametrize("note", ["", "needed", " " * 40])
@pytest.mark.parametrize("action", [A.ENDORSE, A.APPROVE])
def test_both_reviewers_write_why_it_is_necessary_and_proportionate(action: Action, note: str) -> None:
    case = a_speech_case(endorsed_by=frozenset({SAULE.id}))
    said = {"basis": SPEECH_BASIS, "proportionality": note}
    assert refused(case, action, DANIYAR, **said) == "review.proportionality_missing"


def test_what_is_not_political_needs_no_endorsement() -> None:
    assert refused(a_case(), A.ENDORSE, DANIYAR) == "review.endorsement_needless"


def test_declining_political_speech_takes_one_reviewer_and_no_note() -> None:
    assert move(a_speech_case(), A.DECLINE, DANIYAR).to is S.DECLINED


# --- Before review ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [S.TRIAGED, S.IN_LEGAL_REVIEW])
def test_the_ministry_sends_nothing_before_review_not_even_for_a_life(status: Status) -> None:
    case = a_case(status=status, priority=Priority.P0)
    assert refused(case, A.APPROVE_URGENTLY, OLZHAS) == "review.before_review_not_allowed"


def test_where_the_law_allows_it_a_p0_notice_goes_out_before_review() -> None:
    case = a_case(status=S.TRIAGED, priority=Priority.P0)
    decision = move(case, A.APPROVE_URGENTLY, OLZHAS, pack=urgent_pack())
    assert (decision.to, decision.verdict) == (S.APPROVED, Verdict.URGENT)
    assert decision.moments == ("review.urgent",), "the clock of the review afterwards starts here"


@pytest.mark.parametrize("priority", [Priority.P1, Priority.P2, Priority.P3, Priority.P4])
def test_only_p0_goes_out_before_review_whatever_the_pack_lists(priority: Priority) -> None:
    rule = urgent_pack().regime.before_review[0].model_copy(update={"priority": priority})
    regime = urgent_pack().regime.model_copy(update={"before_review": (rule,)})
    pack = urgent_pack().model_copy(update={"regime": regime})
    case = a_case(status=S.TRIAGED, priority=priority)
    assert refused(case, A.APPROVE_URGENTLY, OLZHAS, pack=pack) == "review.before_review_not_allowed"


def test_the_exception_covers_the_listed_instrument_only() -> None:
    case = a_case(status=S.TRIAGED, priority=Priority.P0, instrument=Instrument.REQUEST)
    said = {"pack": urgent_pack(), "basis": SPEECH_BASIS}
    assert refused(case, A.APPROVE_URGENTLY, OLZHAS, **said) == "review.before_review_not_allowed"


URGENT = {"status": S.IN_LEGAL_REVIEW, "priority": Priority.P0}


def test_urgency_lets_no_account_go_before_the_item() -> None:
    case = a_case(**URGENT, requested_action=RequestedAction.SUSPEND_ACCOUNT)
    assert refused(case, A.APPROVE_URGENTLY, OLZHAS, pack=urgent_pack()) == "review.account_disproportionate"
    assert move(case, A.APPROVE_URGENTLY, OLZHAS, pack=urgent_pack(), proportionality=NOTE).to is S.APPROVED


def test_urgency_replaces_no_opinion_of_the_expert_group() -> None:
    case = a_case(**URGENT, category="cyberbullying_child", instrument=Instrument.PRESCRIPTION, ground=Ground.LOCAL_LAW)
    said = {"pack": urgent_pack("prescription"), "basis": ("kz.mass_media.40.1",)}
    assert refused(case, A.APPROVE_URGENTLY, OLZHAS, **said) == "review.expert_decision_missing"


def test_urgency_lets_no_notice_rest_on_a_ground_that_its_form_forbids() -> None:
    case = a_case(**URGENT, ground=Ground.LOCAL_LAW)
    said = {"pack": urgent_pack(), "basis": SPEECH_BASIS}
    assert refused(case, A.APPROVE_URGENTLY, OLZHAS, **said) == "review.ground_forbidden"


def test_urgency_takes_no_second_reviewer_from_political_speech() -> None:
    case = a_case(**URGENT, political=True)
    said = {"pack": urgent_pack(), "proportionality": NOTE}
    assert refused(case, A.APPROVE_URGENTLY, OLZHAS, **said) == "review.second_reviewer"
    endorsed = replace(case, endorsed_by=frozenset({SAULE.id}))
    assert move(endorsed, A.APPROVE_URGENTLY, OLZHAS, **said).to is S.APPROVED


def test_who_sent_before_review_does_not_confirm_it() -> None:
    both = Actor("olzhas", "Olzhas", frozenset({Role.DUTY_OFFICER, Role.LEGAL_REVIEWER}))
    sent = a_case(status=S.SUBMITTED, urgent_by="olzhas")
    assert refused(sent, A.CONFIRM, both) == "review.four_eyes"
    confirmed = move(sent, A.CONFIRM, SAULE)
    assert (confirmed.to, confirmed.verdict) == (S.SUBMITTED, Verdict.CONFIRMED)


def test_there_is_nothing_to_confirm_when_nothing_went_out_urgently() -> None:
    assert refused(a_case(status=S.SUBMITTED), A.CONFIRM, SAULE) == "review.nothing_to_confirm"


# --- What may be with the platform is not taken back -----------------------------------------------------

SURELY_NOT_OUT = {DeliveryState.QUEUED, DeliveryState.REFUSED, DeliveryState.DROPPED}


@pytest.mark.parametrize("action", [A.WITHDRAW, A.RECALL])
@pytest.mark.parametrize("state", list(DeliveryState))
def test_a_notice_that_may_be_out_is_neither_withdrawn_nor_recalled(action: Action, state: DeliveryState) -> None:
    case = a_case(status=S.APPROVED, submissions=(a_submission(DeliveryState.QUEUED), a_submission(state, 2)))
    # Of a dossier that was handed over, whoever recalls it says that it was not entered.
    recallable = action is A.RECALL and state is DeliveryState.HANDED_OVER
    if state in SURELY_NOT_OUT or recallable:
        assert move(case, action, AIGERIM).to in (S.WITHDRAWN, S.IN_LEGAL_REVIEW)
    else:
        assert refused(case, action, AIGERIM) == "submission.already_out"


def test_a_recalled_notice_is_judged_again() -> None:
    case = a_case(status=S.APPROVED, submissions=(a_submission(DeliveryState.REFUSED),))
    decision = move(case, A.RECALL, AIGERIM)
    assert decision.to is S.IN_LEGAL_REVIEW
    assert "review.opened" in decision.moments


# --- Merging, asking -------------------------------------------------------------------------------------


def test_a_duplicate_names_another_case() -> None:
    case = a_case(status=S.RECEIVED)
    assert refused(case, A.MERGE, AIGERIM) == "merge.target_missing"
    assert refused(case, A.MERGE, AIGERIM, merge_into=case.number) == "merge.target_missing"
    decision = move(case, A.MERGE, AIGERIM, merge_into="KZ-2026-000001")
    assert (decision.to, decision.details.merge_into) == (S.MERGED, "KZ-2026-000001")


def test_the_platform_is_not_answered_when_it_asked_nothing() -> None:
    assert refused(a_case(status=S.SUBMITTED), A.ASK_MORE, SYSTEM) == "outcome.no_question"


def test_asking_the_reporter_sends_a_letter_and_starts_their_time() -> None:
    decision = move(a_case(), A.RETURN, DANIYAR, missing=("observed_at",))
    assert decision.letter == "information_request"
    assert decision.moments == ("case.returned",)
    assert decision.details.missing == ("observed_at",)

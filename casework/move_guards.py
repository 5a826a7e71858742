"""What a move must not be: guards, named after what they prevent, and what an actor says about a move.

A guard raises MoveRefused with a sentence that names the case, the rule and the next step.
Which guards stand before which action is the table at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from casework.errors import MoveRefused
from casework.facts import Actor, CaseFacts
from casework.policy_pack import Pack
from casework.vocabulary import FINAL_OUTCOMES, Action, DeliveryState, Ground, Outcome, Priority

A = Action


@dataclass(frozen=True, slots=True)
class MoveDetails:
    """What the actor says about the move. ``basis`` are codes of the pack's provisions."""

    reason: str = ""
    basis: tuple[str, ...] = ()
    policy_line: str = ""
    proportionality: str = ""
    merge_into: str = ""
    missing: tuple[str, ...] = ()


Guard = Callable[[CaseFacts, Action, Actor, Pack, MoveDetails], None]


def _no_silent_decision(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if len(said.reason.strip()) < 5:
        raise MoveRefused(
            case.number,
            f"'{action}' needs a reason",
            rule="review.reason_missing",
            next_step="Give it with --reason, in a sentence that would hold in court.",
        )


def _no_judge_in_own_cause(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if actor.id == case.intake_by:
        raise MoveRefused(
            case.number,
            f"{actor.id} took the report in and cannot decide it",
            rule="review.four_eyes",
            next_step="Another reviewer decides.",
        )


def _no_same_judge_on_appeal(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if actor.id in case.declined_by:
        raise MoveRefused(
            case.number,
            f"{actor.id} declined this case before and cannot decide the appeal",
            rule="review.appeal_other_person",
            next_step="Another reviewer decides.",
        )


def _no_single_judge_on_speech(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if not case.political:
        if action is A.ENDORSE:
            raise MoveRefused(
                case.number,
                f"category '{case.category}' needs one reviewer only",
                rule="review.endorsement_needless",
                next_step="Approve it.",
            )
        return
    if len(said.proportionality.strip()) < 20:
        raise MoveRefused(
            case.number,
            f"category '{case.category}' is politically sensitive: a note on necessity and proportionality is missing",
            rule="review.proportionality_missing",
            next_step="Write it with --proportionality.",
        )
    if action is A.APPROVE and not case.endorsed_by - {actor.id}:
        raise MoveRefused(
            case.number,
            f"category '{case.category}' is politically sensitive: a second reviewer must have endorsed it",
            rule="review.second_reviewer",
            next_step="Endorse it first; another reviewer then approves.",
        )


def _no_notice_without_basis(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    unknown = [code for code in said.basis if code not in pack.basis_codes]
    if unknown:
        raise MoveRefused(
            case.number,
            f"the policy pack has no legal basis '{unknown[0]}'",
            rule="review.basis_unknown",
            next_step=f"Known: {', '.join(sorted(pack.basis_codes))}.",
        )
    if case.ground in (Ground.LOCAL_LAW, Ground.BOTH) and not said.basis:
        raise MoveRefused(
            case.number,
            "a notice that rests on law cites a provision, and none was given",
            rule="review.basis_missing",
            next_step="Give it with --basis.",
        )
    if case.ground in (Ground.PLATFORM_POLICY, Ground.BOTH) and not (said.policy_line.strip() or case.policy_line.strip()):
        raise MoveRefused(
            case.number,
            "a notice that rests on the platform's policy names the line that is broken, and none was given",
            rule="review.policy_line_missing",
            next_step="Give it with --policy-line.",
        )


def _no_notice_to_nobody(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if not case.items:
        raise MoveRefused(case.number, "the case has no item", rule="submission.no_item")
    for item in case.items:
        if pack.platform(item.platform) is None:
            raise MoveRefused(
                case.number,
                f"item {item.number} is on no platform that this pack reaches",
                rule="submission.no_channel",
                next_step="Decline it, or add the platform to platforms.yaml.",
            )


def _no_order_without_expert_decision(
    case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails
) -> None:
    rule = pack.instrument(case.instrument)
    if rule is None:
        raise MoveRefused(
            case.number, f"this authority may not use a '{case.instrument}'", rule="submission.instrument"
        )
    if rule.requires_expert_decision and not case.expert_decision:
        raise MoveRefused(
            case.number,
            f"a '{case.instrument}' needs the expert group's decision, and none is recorded",
            rule="review.expert_decision_missing",
            next_step="Return the case, or record the decision.",
        )


def _no_urgency_without_law(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if case.priority is not Priority.P0 or pack.allows_before_review(case.priority, case.instrument) is None:
        raise MoveRefused(
            case.number,
            f"the policy pack allows no '{case.instrument}' of priority {case.priority} before legal review",
            rule="review.before_review_not_allowed",
            next_step="A legal reviewer on call decides; police referral has already gone its own way.",
        )


def _no_confirmation_by_the_sender(
    case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails
) -> None:
    if case.urgent_by is None:
        raise MoveRefused(case.number, "nothing went out urgently", rule="review.nothing_to_confirm")
    if case.urgent_by == actor.id:
        raise MoveRefused(
            case.number,
            f"{actor.id} sent it and cannot confirm it",
            rule="review.four_eyes",
            next_step="Another reviewer confirms.",
        )


def _no_submission_while_one_is_open(
    case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails
) -> None:
    notices = [s for s in case.submissions if s.kind == "notice" and s.state != DeliveryState.DROPPED]
    waiting = [s for s in notices if s.state != DeliveryState.SENT]
    if waiting or not notices:
        raise MoveRefused(
            case.number,
            f"{len(waiting) or 'no'} notice(s) not accepted yet",
            rule="submission.not_accepted",
        )


def _no_end_without_outcomes(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if not case.items:
        raise MoveRefused(case.number, "the case has no item, so nothing can have been decided", rule="outcome.no_item")
    waiting = [item.number for item in case.items if item.outcome not in FINAL_OUTCOMES]
    if waiting:
        raise MoveRefused(
            case.number, f"item(s) {', '.join(map(str, waiting))} have no final outcome", rule="outcome.missing"
        )


def _no_question_without_item(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if not any(item.outcome is Outcome.MORE_INFO_NEEDED for item in case.items):
        raise MoveRefused(case.number, "the platform asked nothing", rule="outcome.no_question")


NOT_OUT = (DeliveryState.QUEUED, DeliveryState.REFUSED, DeliveryState.DROPPED)
"""States in which a submission is surely not with the platform."""


def _no_withdrawal_after_sending(
    case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails
) -> None:
    gone = [s.number for s in case.submissions if s.state not in NOT_OUT]
    if gone:
        raise MoveRefused(
            case.number,
            f"submission {gone[0]} may already be with the platform",
            rule="submission.already_out",
            next_step="Wait for the outcome.",
        )


def _no_recall_of_what_is_out(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    """A dossier handed over may be recalled: who does so says with the reason that it was not entered."""
    gone = [s.number for s in case.submissions if s.state not in (*NOT_OUT, DeliveryState.HANDED_OVER)]
    if gone:
        raise MoveRefused(
            case.number,
            f"submission {gone[0]} may already be with the platform",
            rule="submission.already_out",
            next_step="Wait for the outcome.",
        )


def _no_merge_into_nothing(case: CaseFacts, action: Action, actor: Actor, pack: Pack, said: MoveDetails) -> None:
    if not said.merge_into or said.merge_into == case.number:
        raise MoveRefused(
            case.number, "name another case to merge into", rule="merge.target_missing", next_step="Use --into."
        )


_DECIDING = (_no_silent_decision, _no_judge_in_own_cause, _no_same_judge_on_appeal)

GUARDS: dict[Action, tuple[Guard, ...]] = {
    A.RETURN: (_no_silent_decision,),
    A.ENDORSE: (*_DECIDING, _no_single_judge_on_speech, _no_notice_without_basis),
    A.APPROVE: (
        *_DECIDING,
        _no_notice_to_nobody,
        _no_order_without_expert_decision,
        _no_single_judge_on_speech,
        _no_notice_without_basis,
    ),
    A.APPROVE_URGENTLY: (
        _no_silent_decision,
        _no_judge_in_own_cause,
        _no_notice_to_nobody,
        _no_urgency_without_law,
        _no_notice_without_basis,
    ),
    A.CONFIRM: (_no_silent_decision, _no_judge_in_own_cause, _no_confirmation_by_the_sender),
    A.DECLINE: _DECIDING,
    A.RECALL: (_no_silent_decision, _no_recall_of_what_is_out),
    A.SUBMIT: (_no_submission_while_one_is_open,),
    A.ASK_MORE: (_no_question_without_item,),
    A.ANSWER: (_no_silent_decision, _no_judge_in_own_cause),
    A.DECIDE: (_no_end_without_outcomes,),
    A.CLOSE: (_no_end_without_outcomes,),
    A.WITHDRAW: (_no_silent_decision, _no_withdrawal_after_sending),
    A.MERGE: (_no_silent_decision, _no_merge_into_nothing),
    A.REOPEN: (_no_silent_decision,),
}

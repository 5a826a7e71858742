"""What a move must not be: guards, named after what they prevent, and what an actor says about a move.

A guard raises MoveRefused with a sentence that names the case, the rule and the next step.
Which guards stand before which action is the table at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from casework.errors import MoveRefused
from casework.facts import Actor, CaseFacts
from casework.policy_pack import Pack
from casework.preconditions import precondition_of, usable_from
from casework.vocabulary import FINAL_OUTCOMES, Action, DeliveryState, Ground, Outcome, Priority, RequestedAction

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


@dataclass(frozen=True, slots=True)
class Asked:
    """A move that somebody asks for: what a guard looks at. The pack holds the rules in force at the move's time."""

    case: CaseFacts
    action: Action
    actor: Actor
    pack: Pack
    said: MoveDetails
    at: datetime


Guard = Callable[[Asked], None]


def _no_silent_decision(ask: Asked) -> None:
    if len(ask.said.reason.strip()) < 5:
        raise MoveRefused(
            ask.case.number,
            f"'{ask.action}' needs a reason",
            rule="review.reason_missing",
            next_step="Give it with --reason, in a sentence that would hold in court.",
        )


def _no_case_without_its_file(ask: Asked) -> None:
    if any(not item.url for item in ask.case.items):
        raise MoveRefused(
            ask.case.number,
            "its file was erased, links and all",
            rule="retention.erased",
            next_step="Take the matter in as a new report.",
        )


def _no_judge_in_own_cause(ask: Asked) -> None:
    if ask.actor.id == ask.case.intake_by:
        raise MoveRefused(
            ask.case.number,
            f"{ask.actor.id} took the report in and cannot decide it",
            rule="review.four_eyes",
            next_step="Another reviewer decides.",
        )


def _no_same_judge_on_appeal(ask: Asked) -> None:
    if ask.actor.id in ask.case.declined_by:
        raise MoveRefused(
            ask.case.number,
            f"{ask.actor.id} declined this case before and cannot decide the appeal",
            rule="review.appeal_other_person",
            next_step="Another reviewer decides.",
        )


def _no_single_judge_on_speech(ask: Asked) -> None:
    if not ask.case.political:
        if ask.action is A.ENDORSE:
            raise MoveRefused(
                ask.case.number,
                f"category '{ask.case.category}' needs one reviewer only",
                rule="review.endorsement_needless",
                next_step="Approve it.",
            )
        return
    if len(ask.said.proportionality.strip()) < 20:
        raise MoveRefused(
            ask.case.number,
            f"category '{ask.case.category}' is politically sensitive: no note on necessity and proportionality",
            rule="review.proportionality_missing",
            next_step="Write it with --proportionality.",
        )
    if ask.action is not A.ENDORSE and not ask.case.endorsed_by - {ask.actor.id}:
        raise MoveRefused(
            ask.case.number,
            f"category '{ask.case.category}' is politically sensitive: a second reviewer must have endorsed it",
            rule="review.second_reviewer",
            next_step="Endorse it first; another reviewer then approves.",
        )


def _no_notice_without_basis(ask: Asked) -> None:
    unknown = [code for code in ask.said.basis if code not in ask.pack.basis_codes]
    if unknown:
        raise MoveRefused(
            ask.case.number,
            f"the policy pack has no legal basis '{unknown[0]}'",
            rule="review.basis_unknown",
            next_step=f"Known: {', '.join(sorted(ask.pack.basis_codes))}.",
        )
    if ask.case.ground in (Ground.LOCAL_LAW, Ground.BOTH) and not ask.said.basis:
        raise MoveRefused(
            ask.case.number,
            "a notice that rests on law cites a provision, and none was given",
            rule="review.basis_missing",
            next_step="Give it with --basis.",
        )
    if ask.case.ground in (Ground.PLATFORM_POLICY, Ground.BOTH) and not (
        ask.said.policy_line.strip() or ask.case.policy_line.strip()
    ):
        raise MoveRefused(
            ask.case.number,
            "a notice that rests on the platform's policy names the line that is broken, and none was given",
            rule="review.policy_line_missing",
            next_step="Give it with --policy-line.",
        )


def _no_notice_to_nobody(ask: Asked) -> None:
    if not ask.case.items:
        raise MoveRefused(ask.case.number, "the case has no item", rule="submission.no_item")
    for item in ask.case.items:
        if ask.pack.platform(item.platform) is None:
            raise MoveRefused(
                ask.case.number,
                f"item {item.number} is on no platform that this pack reaches",
                rule="submission.no_channel",
                next_step="Decline it, or add the platform to platforms.yaml.",
            )


def _no_order_without_expert_decision(ask: Asked) -> None:
    rule = ask.pack.instrument(ask.case.instrument, ask.case.category)
    if rule is None:
        raise MoveRefused(
            ask.case.number, f"this authority may not use a '{ask.case.instrument}'", rule="submission.instrument"
        )
    group = ask.pack.expert_group(ask.case.instrument, ask.case.category)
    opinion = ask.case.opinion
    if group is None or (opinion is not None and opinion.group == group.id and opinion.confirmed):
        return
    if opinion is None or opinion.group != group.id:
        raise MoveRefused(
            ask.case.number,
            f"a '{ask.case.instrument}' needs the opinion of '{group.id}', and none is recorded",
            rule="review.expert_decision_missing",
            next_step="Record it with 'qorgan expert record', or return the case.",
        )
    raise MoveRefused(
        ask.case.number,
        f"'{group.id}' did not confirm the case (record {opinion.reference})",
        rule="review.expert_rejected",
        next_step="Decline it; the reasons are the group's.",
    )


def _no_notice_before_its_time(ask: Asked) -> None:
    rule = precondition_of(ask.case, ask.pack)
    if rule is None:
        return
    usable = usable_from(rule, ask.case, ask.pack)
    if usable is None:
        raise MoveRefused(
            ask.case.number,
            f"'{rule.id}' is not met: {rule.name.en}; when that was is not recorded",
            rule="review.precondition_missing",
            next_step="Return the case to the reporter, who may say when.",
        )
    if ask.at < usable:
        raise MoveRefused(
            ask.case.number,
            f"'{rule.id}' is not met yet: {rule.wait.limit.text} must have passed",
            rule="review.precondition_early",
            next_step=f"It may be approved from {usable.astimezone(UTC):%Y-%m-%d %H:%M} UTC on.",
        )


def _no_notice_under_law_not_in_force(ask: Asked) -> None:
    day = ask.pack.local_date(ask.at)
    if not ask.pack.in_force_on(day):
        regime = ask.pack.regime
        raise MoveRefused(
            ask.case.number,
            f"policy {regime.id} is in force from {regime.valid_from} to {regime.valid_to or 'further notice'},"
            f" not on {day}",
            rule="review.policy_not_in_force",
            next_step="Put the policy in force in place.",
        )


def _no_decision_by_the_wrong_office(ask: Asked) -> None:
    rule = ask.pack.instrument(ask.case.instrument, ask.case.category)
    if rule is not None and not ask.actor.has(*rule.decided_by):
        offices = [title.en for role in rule.decided_by if (title := ask.pack.roles.title(role)) is not None]
        raise MoveRefused(
            ask.case.number,
            f"a '{ask.case.instrument}' is decided by {' or '.join(rule.decided_by)}; {ask.actor.id} is not",
            rule="review.wrong_office",
            next_step=f"Somebody who holds that office decides: {' or '.join(offices)}.",
        )


def _no_ground_that_the_form_forbids(ask: Asked) -> None:
    rule = ask.pack.instrument(ask.case.instrument, ask.case.category)
    if rule is not None and ask.case.ground not in rule.grounds:
        raise MoveRefused(
            ask.case.number,
            f"a '{ask.case.instrument}' may not rest on '{ask.case.ground}', only on {' or '.join(rule.grounds)}",
            rule="review.ground_forbidden",
            next_step="Reclassify the case: a category brings its own form and ground.",
        )


def _no_account_before_the_item(ask: Asked) -> None:
    """The least intrusive action that serves: an account only with a note why no single item will do."""
    account = ask.case.requested_action == RequestedAction.SUSPEND_ACCOUNT
    if account and len(ask.said.proportionality.strip()) < 20:
        raise MoveRefused(
            ask.case.number,
            "it asks for an account: no note says why removing single items would not do",
            rule="review.account_disproportionate",
            next_step="Write it with --proportionality, or ask for the item.",
        )


def _no_urgency_without_law(ask: Asked) -> None:
    if (
        ask.case.priority is not Priority.P0
        or ask.pack.allows_before_review(ask.case.priority, ask.case.instrument) is None
    ):
        raise MoveRefused(
            ask.case.number,
            f"the policy pack allows no '{ask.case.instrument}' of priority {ask.case.priority} before legal review",
            rule="review.before_review_not_allowed",
            next_step="A legal reviewer on call decides; police referral has already gone its own way.",
        )


def _no_confirmation_by_the_sender(ask: Asked) -> None:
    if ask.case.urgent_by is None:
        raise MoveRefused(ask.case.number, "nothing went out urgently", rule="review.nothing_to_confirm")
    if ask.case.urgent_by == ask.actor.id:
        raise MoveRefused(
            ask.case.number,
            f"{ask.actor.id} sent it and cannot confirm it",
            rule="review.four_eyes",
            next_step="Another reviewer confirms.",
        )


def _no_submission_while_one_is_open(ask: Asked) -> None:
    notices = [s for s in ask.case.submissions if s.kind == "notice" and s.state != DeliveryState.DROPPED]
    waiting = [s for s in notices if s.state != DeliveryState.SENT]
    if waiting or not notices:
        raise MoveRefused(
            ask.case.number,
            f"{len(waiting) or 'no'} notice(s) not accepted yet",
            rule="submission.not_accepted",
        )


def _no_end_without_outcomes(ask: Asked) -> None:
    if not ask.case.items:
        raise MoveRefused(
            ask.case.number, "the case has no item, so nothing can have been decided", rule="outcome.no_item"
        )
    waiting = [item.number for item in ask.case.items if item.outcome not in FINAL_OUTCOMES]
    if waiting:
        raise MoveRefused(
            ask.case.number, f"item(s) {', '.join(map(str, waiting))} have no final outcome", rule="outcome.missing"
        )


def _no_question_without_item(ask: Asked) -> None:
    if not any(item.outcome is Outcome.MORE_INFO_NEEDED for item in ask.case.items):
        raise MoveRefused(ask.case.number, "the platform asked nothing", rule="outcome.no_question")


NOT_OUT = (DeliveryState.QUEUED, DeliveryState.REFUSED, DeliveryState.DROPPED)
"""States in which a submission is surely not with the platform."""


def _no_withdrawal_after_sending(ask: Asked) -> None:
    gone = [s.number for s in ask.case.submissions if s.state not in NOT_OUT]
    if gone:
        raise MoveRefused(
            ask.case.number,
            f"submission {gone[0]} may already be with the platform",
            rule="submission.already_out",
            next_step="Wait for the outcome.",
        )


def _no_recall_of_what_is_out(ask: Asked) -> None:
    """A dossier handed over may be recalled: who does so says with the reason that it was not entered."""
    gone = [s.number for s in ask.case.submissions if s.state not in (*NOT_OUT, DeliveryState.HANDED_OVER)]
    if gone:
        raise MoveRefused(
            ask.case.number,
            f"submission {gone[0]} may already be with the platform",
            rule="submission.already_out",
            next_step="Wait for the outcome.",
        )


def _no_merge_into_nothing(ask: Asked) -> None:
    if not ask.said.merge_into or ask.said.merge_into == ask.case.number:
        raise MoveRefused(
            ask.case.number, "name another case to merge into", rule="merge.target_missing", next_step="Use --into."
        )


_DECIDING = (_no_silent_decision, _no_judge_in_own_cause, _no_same_judge_on_appeal)

_OF_A_NOTICE = (
    _no_notice_under_law_not_in_force,
    _no_notice_to_nobody,
    _no_order_without_expert_decision,
    _no_ground_that_the_form_forbids,
    _no_notice_before_its_time,
    _no_single_judge_on_speech,
    _no_account_before_the_item,
    _no_notice_without_basis,
)
"""What every notice must be, however urgent it is and whoever lets it out."""

GUARDS: dict[Action, tuple[Guard, ...]] = {
    A.RETURN: (_no_silent_decision,),
    A.ENDORSE: (*_DECIDING, _no_notice_under_law_not_in_force, _no_single_judge_on_speech, _no_notice_without_basis),
    A.APPROVE: (*_DECIDING, _no_decision_by_the_wrong_office, *_OF_A_NOTICE),
    A.APPROVE_URGENTLY: (_no_silent_decision, _no_judge_in_own_cause, _no_urgency_without_law, *_OF_A_NOTICE),
    A.CONFIRM: (
        _no_silent_decision,
        _no_judge_in_own_cause,
        _no_confirmation_by_the_sender,
        _no_decision_by_the_wrong_office,
    ),
    A.DECLINE: (*_DECIDING, _no_decision_by_the_wrong_office),
    A.RECALL: (_no_silent_decision, _no_recall_of_what_is_out),
    A.SUBMIT: (_no_submission_while_one_is_open,),
    A.ASK_MORE: (_no_question_without_item,),
    A.ANSWER: (_no_silent_decision, _no_judge_in_own_cause),
    A.DECIDE: (_no_end_without_outcomes,),
    A.CLOSE: (_no_end_without_outcomes,),
    A.WITHDRAW: (_no_silent_decision, _no_withdrawal_after_sending),
    A.MERGE: (_no_silent_decision, _no_merge_into_nothing),
    A.REOPEN: (_no_silent_decision, _no_case_without_its_file),
}

"""The lifecycle as one table of legal moves, and ``decide``: may this be done, and what follows?

Anything that is not in the table is refused with a sentence. Guards are named after
what they prevent. Nothing here writes; tasks/record.py applies a Decision in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from casework.errors import MoveRefused, NotAllowed
from casework.facts import Actor, CaseFacts
from casework.policy_pack import Moment, Pack
from casework.vocabulary import (
    ACTED_OUTCOMES,
    FINAL_OUTCOMES,
    Action,
    DeliveryState,
    Disposition,
    Ground,
    Outcome,
    Priority,
    Role,
    Status,
    Verdict,
)

S, A, R = Status, Action, Role


@dataclass(frozen=True, slots=True)
class Move:
    """One row of the table. ``to`` None: the case stays where it is."""

    action: Action
    sources: frozenset[Status]
    to: Status | None
    roles: frozenset[Role]
    moments: tuple[Moment, ...]
    letter: str | None
    why: str


def _move(
    action: Action,
    sources: tuple[Status, ...],
    to: Status | None,
    roles: tuple[Role, ...],
    why: str,
    *moments: Moment,
    letter: str | None = None,
) -> Move:
    return Move(action, frozenset(sources), to, frozenset(roles), moments, letter, why)


_REVIEWERS = (R.LEGAL_REVIEWER, R.HEAD_OF_UNIT)

MOVES: dict[Action, Move] = {
    move.action: move
    for move in (
        _move(A.TRIAGE, (S.RECEIVED, S.REOPENED), S.TRIAGED, (R.SYSTEM,),
              "The order of work is known before anything else happens.", "case.triaged"),
        _move(A.COMPLETE, (S.TRIAGED,), S.IN_LEGAL_REVIEW, (R.SYSTEM,),
              "Nothing the reviewer needs is missing, or the danger does not let us wait for it.", "review.opened"),
        _move(A.RETURN, (S.TRIAGED, S.IN_LEGAL_REVIEW), S.RETURNED, (R.SYSTEM, *_REVIEWERS),
              "A thin notice is refused by platforms; asking once costs less.", "case.returned",
              letter="information_request"),
        _move(A.SUPPLY, (S.RETURNED,), S.TRIAGED, (R.SPECIALIST,),
              "The answer is judged again from the start.", "case.supplied"),
        _move(A.LAPSE, (S.RETURNED,), S.CLOSED, (R.SYSTEM,),
              "The reporter's time to answer has run out.", "case.ended", letter="closure"),
        _move(A.ENDORSE, (S.IN_LEGAL_REVIEW,), None, _REVIEWERS,
              "A politically sensitive notice needs two reviewers; this is the first."),
        _move(A.APPROVE, (S.IN_LEGAL_REVIEW,), S.APPROVED, _REVIEWERS,
              "A lawyer answers for the basis, the reasons and the exact bytes.", "review.approved"),
        _move(A.APPROVE_URGENTLY, (S.TRIAGED, S.IN_LEGAL_REVIEW), S.APPROVED, (R.DUTY_OFFICER,),
              "A life does not wait, where the pack's law says so; review follows.", "review.urgent"),
        _move(A.CONFIRM, (S.APPROVED, S.SUBMITTED, S.MORE_INFO, S.DECIDED, S.CLOSED), None, _REVIEWERS,
              "What went out urgently is reviewed by somebody else.", "review.confirmed"),
        _move(A.DECLINE, (S.IN_LEGAL_REVIEW,), S.DECLINED, _REVIEWERS,
              "No basis, or out of proportion; the reporter hears the reasons.", "case.ended", letter="decline"),
        _move(A.RECALL, (S.APPROVED,), S.IN_LEGAL_REVIEW, (R.SPECIALIST, *_REVIEWERS),
              "A notice that the platform refused is mended by review, not by sending it again.", "review.opened"),
        _move(A.SUBMIT, (S.APPROVED,), S.SUBMITTED, (R.SYSTEM, R.SPECIALIST),
              "Every platform of the case has its notice."),
        _move(A.ASK_MORE, (S.SUBMITTED,), S.MORE_INFO, (R.SYSTEM,),
              "The platform cannot decide on what it has."),
        _move(A.ANSWER, (S.MORE_INFO,), S.SUBMITTED, _REVIEWERS,
              "A lawyer answers for the added text as well.", "platform.answered_us"),
        _move(A.DECIDE, (S.SUBMITTED, S.MORE_INFO), S.DECIDED, (R.SYSTEM,),
              "Every item has its final outcome.", "platform.decided"),
        _move(A.CLOSE, (S.DECIDED,), S.CLOSED, (R.SYSTEM,),
              "The reporter hears how it ended.", "case.ended", letter="closure"),
        _move(A.WITHDRAW, (S.RECEIVED, S.TRIAGED, S.RETURNED, S.IN_LEGAL_REVIEW, S.APPROVED), S.WITHDRAWN,
              (R.SPECIALIST, R.HEAD_OF_UNIT), "Only before anything was sent.", "case.ended"),
        _move(A.MERGE, (S.RECEIVED, S.TRIAGED, S.RETURNED, S.IN_LEGAL_REVIEW), S.MERGED,
              (R.SPECIALIST, R.HEAD_OF_UNIT), "One matter, one notice.", "case.ended"),
        _move(A.REOPEN, (S.CLOSED, S.DECLINED, S.WITHDRAWN), S.REOPENED,
              (R.SPECIALIST, *_REVIEWERS), "An appeal, or the content is back.", "case.received"),
    )
}  # fmt: skip


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
class Decision:
    """A move that may be made, with everything that follows from it."""

    case_id: int
    case_number: str
    action: Action
    expected: Status
    to: Status
    actor: Actor
    at: datetime
    reason: str
    moments: tuple[Moment, ...]
    letter: str | None
    disposition: Disposition | None
    verdict: Verdict | None
    policy_version: str
    details: MoveDetails
    data: dict[str, Any] = field(default_factory=dict)


def decide(
    case: CaseFacts, action: Action, actor: Actor, at: datetime, pack: Pack, details: MoveDetails | None = None
) -> Decision:
    """The decision to make this move, or a refusal that names the case and the rule.

    Raises NotAllowed when the actor's roles do not suffice, MoveRefused otherwise.
    """
    said = details or MoveDetails()
    move = MOVES[action]
    if case.status not in move.sources:
        allowed = ", ".join(sorted(move.sources))
        raise MoveRefused(
            case.number,
            f"'{action}' is not possible from '{case.status}'",
            next_step=f"It is possible from: {allowed}.",
        )
    if not actor.has(*move.roles):
        raise NotAllowed(
            f"{case.number}: '{action}' needs one of the roles {', '.join(sorted(move.roles))};"
            f" {actor.id} has {', '.join(sorted(actor.roles)) or 'none'}",
            next_step="Ask somebody who has the role.",
        )
    for guard in GUARDS.get(action, ()):
        guard(case, action, actor, pack, said)
    return Decision(
        case_id=case.id,
        case_number=case.number,
        action=action,
        expected=case.status,
        to=move.to or case.status,
        actor=actor,
        at=at,
        reason=said.reason,
        moments=move.moments,
        letter=move.letter,
        disposition=_disposition(case, action),
        verdict=_VERDICTS.get(action),
        policy_version=pack.version,
        details=said,
    )


def allowed_actions(case: CaseFacts) -> tuple[Action, ...]:
    """The actions the table knows from where the case is, whoever asks."""
    return tuple(action for action, move in MOVES.items() if case.status in move.sources)


_VERDICTS = {
    A.ENDORSE: Verdict.ENDORSED,
    A.APPROVE: Verdict.APPROVED,
    A.ANSWER: Verdict.APPROVED,
    A.APPROVE_URGENTLY: Verdict.URGENT,
    A.CONFIRM: Verdict.CONFIRMED,
    A.DECLINE: Verdict.DECLINED,
}


def _disposition(case: CaseFacts, action: Action) -> Disposition | None:
    fixed = {
        A.LAPSE: Disposition.INCOMPLETE,
        A.DECLINE: Disposition.NOT_UNLAWFUL,
        A.WITHDRAW: Disposition.WITHDRAWN,
        A.MERGE: Disposition.DUPLICATE,
    }
    if action is A.CLOSE:
        return disposition_of(tuple(item.outcome for item in case.items))
    return fixed.get(action)


def disposition_of(outcomes: tuple[Outcome, ...]) -> Disposition:
    """How a case ended, from the outcomes of all its items (not empty)."""
    acted = sum(outcome in ACTED_OUTCOMES for outcome in outcomes)
    gone = sum(outcome in (Outcome.ALREADY_UNAVAILABLE, Outcome.NOT_FOUND) for outcome in outcomes)
    if acted and acted + gone == len(outcomes):
        return Disposition.ACTION_TAKEN
    if acted:
        return Disposition.PARTLY_ACTED
    if gone == len(outcomes):
        return Disposition.ALREADY_GONE
    return Disposition.NO_ACTION


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
    A.RECALL: (_no_silent_decision, _no_withdrawal_after_sending),
    A.SUBMIT: (_no_submission_while_one_is_open,),
    A.ASK_MORE: (_no_question_without_item,),
    A.ANSWER: (_no_silent_decision, _no_judge_in_own_cause),
    A.DECIDE: (_no_end_without_outcomes,),
    A.CLOSE: (_no_end_without_outcomes,),
    A.WITHDRAW: (_no_silent_decision, _no_withdrawal_after_sending),
    A.MERGE: (_no_silent_decision, _no_merge_into_nothing),
    A.REOPEN: (_no_silent_decision,),
}

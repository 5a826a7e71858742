"""The lifecycle as one table of legal moves, and ``decide``: may this be done, and what follows?

Anything that is not in the table is refused with a sentence. Guards are in
casework/move_guards.py. Nothing here writes; tasks/record.py applies a Decision in one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from casework.errors import MoveRefused, NotAllowed
from casework.facts import Actor, CaseFacts
from casework.moments import Moment
from casework.move_guards import GUARDS, Asked, MoveDetails
from casework.policy_pack import Pack
from casework.vocabulary import ACTED_OUTCOMES, Action, Disposition, Outcome, Role, Status, Verdict

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
              "No basis, or out of proportion; the reporter hears the reasons.", "review.declined", "case.ended",
              letter="decline"),
        _move(A.RECALL, (S.APPROVED,), S.IN_LEGAL_REVIEW, (R.SPECIALIST, *_REVIEWERS),
              "A notice that the platform refused is mended by review, not by sending it again.", "review.opened"),
        _move(A.SUBMIT, (S.APPROVED,), S.SUBMITTED, (R.SYSTEM, R.SPECIALIST),
              "Every platform of the case has its notice.", "case.submitted"),
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
    rules = pack.at(at)
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
        guard(Asked(case, action, actor, rules, said, at))
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

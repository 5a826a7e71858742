"""Legal holds: placed by one person, lifted by another, both with a reason that stays in the event log."""

from __future__ import annotations

from casework.errors import CaseError, NotAllowed
from casework.facts import Actor
from casework.vocabulary import Role
from db.queries.retention import holds_of_case
from db.tables import LegalHold
from tasks.case_facts import find_case
from tasks.record import note, transaction
from tasks.runtime import Runtime


def place_hold(runtime: Runtime, number: str, actor_id: str, reason: str) -> int:
    """Keep every record of a case, and of those that hang together with it, until the hold is lifted; its number.

    Raises NotAllowed, CaseNotFound, or CaseError without a reason.
    """
    actor = _may_hold(runtime, number, actor_id, reason)
    with transaction(runtime) as session:
        case, at = find_case(session, number), runtime.now()
        hold = LegalHold(case_id=case.id, placed_by=actor.id, placed_at=at, reason=reason)
        session.add(hold)
        session.flush()
        note(session, runtime, case, "hold.placed", actor, at, reason=reason, data={"hold": hold.id})
        return hold.id


def lift_hold(runtime: Runtime, number: str, actor_id: str, reason: str, hold_id: int | None = None) -> int:
    """Lift one hold of a case; its number. Where several hold it, ``hold_id`` says which.

    Raises NotAllowed for who placed it and for who lacks the role, CaseNotFound, or CaseError.
    """
    actor = _may_hold(runtime, number, actor_id, reason)
    with transaction(runtime) as session:
        case, at = find_case(session, number), runtime.now()
        holds = [hold for hold in holds_of_case(session, case.id, only_open=True) if hold_id in (None, hold.id)]
        if len(holds) != 1:
            raise CaseError(
                case.number,
                "several holds keep it" if holds else "no such hold keeps it",
                rule="hold.which" if holds else "hold.not_found",
                next_step="See 'qorgan hold list'; say which with --hold.",
            )
        [hold] = holds
        if hold.placed_by == actor.id:
            raise NotAllowed(
                f"{case.number}: {actor.id} placed this hold and cannot lift it",
                rule="hold.two_people",
                next_step="Somebody else lifts it.",
            )
        hold.lifted_by, hold.lifted_at = actor.id, at
        note(session, runtime, case, "hold.lifted", actor, at, reason=reason, data={"hold": hold.id})
        return hold.id


def _may_hold(runtime: Runtime, number: str, actor_id: str, reason: str) -> Actor:
    actor = runtime.users.actor(actor_id)
    if not actor.has(Role.LEGAL_REVIEWER, Role.HEAD_OF_UNIT):
        raise NotAllowed(
            f"{number[:32]}: {actor.id} may not place or lift a legal hold", next_step="Ask a legal reviewer."
        )
    if len(reason.strip()) < 5:
        raise CaseError(number[:32], "a legal hold needs a reason", rule="hold.reason_missing")
    return actor

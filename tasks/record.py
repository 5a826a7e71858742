"""The only writer of a case's status.

One move, one transaction: status, event, clocks, review, submissions and letters are
written together or not at all, and nothing is sent inside. The caller owns the
transaction; :func:`move_case` opens one for a single move.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy.orm import Session

from casework.clocks import Subject
from casework.errors import CaseMovedMeanwhile
from casework.facts import SYSTEM, Actor, CaseFacts
from casework.letters import LETTERS
from casework.lifecycle import Decision, decide
from casework.moments import Moment
from casework.move_guards import MoveDetails
from casework.vocabulary import READY_STATUSES, Action, DeliveryState, Outcome, Status
from db.base import JsonDict
from db.queries.cases import case_by_id, items_of_case
from db.queries.clocks import running_clocks
from db.queries.events import NewEvent, append_events, hold_chain
from db.tables import CaseFile, Letter
from tasks.case_facts import facts_of, find_case
from tasks.case_letters import queue_at_moment
from tasks.clock_history import pauses_at
from tasks.clock_rows import refresh_due, start_for, stop_clocks
from tasks.outbox import queue_letters
from tasks.reviews import drop_unsent, write_review
from tasks.runtime import Runtime


@contextmanager
def transaction(runtime: Runtime) -> Iterator[Session]:
    """A writing transaction; everything in it or nothing. It holds the event log from its start."""
    with runtime.sessions.write.begin() as session:
        hold_chain(session)
        yield session


def move_case(
    runtime: Runtime,
    number: str,
    action: Action,
    actor: Actor | str,
    details: MoveDetails | None = None,
    *,
    change: Callable[[Session, CaseFile], None] | None = None,
    data: JsonDict | None = None,
) -> CaseFacts:
    """Make one move on one case, now; the case afterwards.

    ``actor`` is a user id for a person: an unknown one is refused here, for every caller.
    ``change`` may alter other columns of the case in the same transaction, before the rules look.
    Raises NotAllowed, MoveRefused, CaseNotFound or CaseMovedMeanwhile; then nothing was written.
    """
    who = actor if isinstance(actor, Actor) else runtime.users.actor(actor)
    with transaction(runtime) as session:
        case = find_case(session, number)
        if change is not None:
            change(session, case)
            session.flush()
        move_in(session, runtime, case, action, who, runtime.now(), details, data=data)
        return facts_of(session, case_by_id(session, case.id))


def move_in(
    session: Session,
    runtime: Runtime,
    case: CaseFile,
    action: Action,
    actor: Actor,
    at: datetime,
    details: MoveDetails | None = None,
    *,
    data: JsonDict | None = None,
) -> Decision:
    """Decide a move and write it inside the caller's transaction."""
    decision = decide(facts_of(session, case), action, actor, at, runtime.pack, details)
    _apply(session, runtime, decision, data or {})
    return decision


def _apply(session: Session, runtime: Runtime, decision: Decision, data: JsonDict) -> None:
    case = case_by_id(session, decision.case_id)
    if case.status != decision.expected:
        raise CaseMovedMeanwhile(
            decision.case_number,
            f"it was '{decision.expected}' when '{decision.action}' was decided, and is no longer",
            next_step="Look at the case again; nothing was changed.",
        )
    case.status, case.disposition = decision.to, decision.disposition
    case.drive_at = decision.at if _goes_on(session, decision) else None
    if decision.action is Action.MERGE:
        case.merged_into = decision.details.merge_into
    if decision.action is Action.RETURN:
        case.missing = list(decision.details.missing)
    seq = append_events(session, [_event(decision, data)])[0]
    if decision.verdict is not None or decision.action is Action.RETURN:
        write_review(session, runtime, case, decision)
    if decision.action in (Action.RECALL, Action.WITHDRAW):
        drop_unsent(session, case.id, decision.action.value)
    for moment in decision.moments:
        _has_come(session, runtime, case, moment, Subject("case", case.id), decision.at, seq)
    refresh_due(session, case.id)
    if decision.letter is not None:
        context: JsonDict = {"moved_at": decision.at.isoformat(), "missing": list(decision.details.missing)}
        written = queue_letters(
            session, case, decision.letter, decision.at, runtime.pack, once=f"{case.id}:{seq}", context=context
        )
        done_without(session, runtime, case, decision.letter, written, decision.at)


def _has_come(
    session: Session, runtime: Runtime, case: CaseFile, moment: Moment, subject: Subject, at: datetime, seq: int
) -> None:
    """A moment has come, told by event ``seq``: clocks stand still or go on, stop, and start; then letters follow.

    What stood still or went on is on the record.
    """
    running = running_clocks(session, case.id)
    stopped = stop_clocks(running, moment, subject, at)
    left = [clock for clock in running if clock not in stopped]
    for clock, kind in pauses_at(session, runtime.policies, left, case.number, moment, subject, at):
        if clock.id is None:
            # It was started in this transaction, and the event names it.
            session.flush()
        data: JsonDict = {"clock": clock.id, "rule": clock.rule_id, "due_at": clock.due_at.isoformat(), "by": moment}
        append_events(session, [NewEvent(case.id, at, kind, SYSTEM.id, SYSTEM.name, clock.policy_version, data=data)])
    start_for(session, moment, subject, at, facts_of(session, case), runtime.pack)
    queue_at_moment(session, runtime, case, moment, subject, at, str(seq))


def done_without(
    session: Session, runtime: Runtime, case: CaseFile, kind: str, written: Collection[Letter], at: datetime
) -> None:
    """A duty that a letter does is over at once where nobody can be written to: nobody left an address."""
    moment = LETTERS[kind].does
    if moment is not None and written and all(letter.state == DeliveryState.DROPPED for letter in written):
        note(session, runtime, case, moment, SYSTEM, at, moment=moment, reason="nobody left an address to write to")


def _goes_on(session: Session, decision: Decision) -> bool:
    """Whether the system itself has a next step at once: a notice just accepted waits for its first answer."""
    if decision.action is Action.SUBMIT:
        return any(item.outcome != Outcome.PENDING for item in items_of_case(session, decision.case_id))
    return decision.to in READY_STATUSES


def _event(decision: Decision, data: JsonDict) -> NewEvent:
    said = decision.details
    extra: JsonDict = {
        "basis": list(said.basis),
        "missing": list(said.missing),
        "merge_into": said.merge_into,
        "proportionality": said.proportionality,
        "disposition": decision.disposition,
    }
    return NewEvent(
        case_id=decision.case_id,
        at=decision.at,
        kind=f"moved.{decision.action}",
        actor_id=decision.actor.id,
        actor_name=decision.actor.name,
        policy_version=decision.policy_version,
        from_status=decision.expected,
        to_status=decision.to,
        reason=decision.reason,
        data={key: value for key, value in {**extra, **data}.items() if value},
    )


def note(
    session: Session,
    runtime: Runtime,
    case: CaseFile | None,
    kind: str,
    actor: Actor,
    at: datetime,
    *,
    moment: Moment | None = None,
    subject: Subject | None = None,
    reason: str = "",
    data: JsonDict | None = None,
    wake: bool = False,
) -> int:
    """Record something that happened without moving a case; the event's position. Some things are about no one case.

    ``moment`` stops and starts clocks about ``subject`` (by default the case) and calls for letters. ``wake`` lets
    the next drive look at the case, where its status allows the system a step.
    """
    case_id = None if case is None else case.id
    seq = append_events(
        session,
        [NewEvent(case_id, at, kind, actor.id, actor.name, runtime.pack.version, reason=reason, data=data)],
    )[0]
    if case is None:
        return seq
    if moment is not None:
        _has_come(session, runtime, case, moment, subject or Subject("case", case.id), at, seq)
        refresh_due(session, case.id)
    if wake and (row := case_by_id(session, case.id)).status in READY_STATUSES | {Status.MORE_INFO}:
        row.drive_at = at
    return seq

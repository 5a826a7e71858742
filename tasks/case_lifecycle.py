"""The order of a case's stages, in one place. Both a run of its own and a batch walk this.

A case is taken as far as it can go without a person, a platform or a deadline. In a run of its
own each stage commits; driven with others, what needs nothing from outside is committed together.
A crash leaves the case where the last commit put it, and the next drive goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain

from sqlalchemy import update
from sqlalchemy.orm import Session

from casework.errors import CaseMovedMeanwhile, MoveRefused
from casework.facts import SYSTEM
from casework.vocabulary import Action, DeliveryState, Priority, Status
from casework.waiting import Wait, waiting_for
from db.queries.cases import claim_cases, count_ready, driven_apart
from db.queries.events import events_together
from db.queries.held_cases import read_cases
from db.queries.run_events import end_of_log, last_woken
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Submission
from tasks import attempts, collect_outcomes, legal_review, prioritization, submission
from tasks.alarms import raise_alarm
from tasks.attempts import Answered, Attempt
from tasks.case_facts import facts_of, find_case
from tasks.failures import kind_and_place
from tasks.logs import logger
from tasks.record import move_in, note, transaction
from tasks.runtime import Runtime
from tasks.switches import muted

log = logger("case_lifecycle")


Within = Callable[[Session, Runtime, CaseFile], object]
Takes = Callable[[Session, Runtime, CaseFile], list[Attempt]]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its name as operators see it, and what it does to one case in the transaction of whoever drives.

    One that goes outside first ``takes`` attempts in such a transaction; they are made between two of them.
    """

    name: str
    within: Within | None = None
    takes: Takes | None = None


def _close(session: Session, runtime: Runtime, case: CaseFile) -> None:
    move_in(session, runtime, case, Action.CLOSE, SYSTEM, runtime.now())


STAGES: dict[Status, Stage] = {
    Status.RECEIVED: Stage("prioritize", prioritization.triage),
    Status.REOPENED: Stage("prioritize", prioritization.triage),
    Status.TRIAGED: Stage("completeness gate", legal_review.gate),
    Status.APPROVED: Stage("submit", submission.move_on, takes=attempts.take),
    Status.SUBMITTED: Stage("settle outcomes", collect_outcomes.settle),
    Status.MORE_INFO: Stage("settle outcomes", collect_outcomes.settle),
    Status.DECIDED: Stage("close", _close),
}
"""Which stage a status calls for. A status that is not here waits for somebody."""


SEND_ANSWER = Stage("send answer", takes=attempts.take_answers)
WITH_PLATFORM = (Status.SUBMITTED, Status.MORE_INFO)


@dataclass(frozen=True, slots=True)
class Step:
    """A stage of one case, and the status that called for it."""

    stage: Stage
    status: Status

    def __str__(self) -> str:
        return self.stage.name


def next_step(session: Session, case: CaseFile, last: Step | None) -> Step | None:
    """The order of one case's stages: what the case's status calls for now; None when it waits for somebody.

    A stage that left the status where it was is the last, except an answer that was sent: then outcomes may be settled.
    """
    now, answered = Status(case.status), last is not None and last.stage is SEND_ANSWER
    if last is not None and now is last.status and not answered:
        return None
    if now is Status.SUBMITTED and not answered and submission.unsettled(session, case):
        return Step(SEND_ANSWER, now)
    if now in WITH_PLATFORM and (
        submission.answers_on_their_way(session, case) or collect_outcomes.called_for(facts_of(session, case)) is None
    ):
        # Looking whether there is something to settle is no stage: a run shows what was done.
        return None
    stage = STAGES.get(now)
    return None if stage is None else Step(stage, now)


class Walk:
    """Where one of several cases is that are driven together."""

    def __init__(self) -> None:
        self._last: Step | None = None
        self._outside: Step | None = None

    def within(self, session: Session, runtime: Runtime, case: CaseFile) -> list[Attempt] | None:
        """Do all that needs nothing from outside. The attempts to be made before it goes on; None: the case waits."""
        step = self._outside or next_step(session, case, self._last)
        while step is not None:
            if step.stage.takes is not None and step is not self._outside:
                self._outside = step
                return step.stage.takes(session, runtime, case)
            self._outside = None
            if step.stage.within is not None:
                step.stage.within(session, runtime, case)
            self._last, step = step, next_step(session, case, step)
        return None


def status_of(runtime: Runtime, number: str) -> Status:
    """Where the case is now."""
    with runtime.sessions.read() as session:
        return Status(find_case(session, number).status)


@dataclass(frozen=True, slots=True)
class Start:
    """Where a drive of one case begins: its first step, or what the case waits for when there is nothing to do.

    What it does comes behind position ``since`` of the event log.
    """

    first: Step | Wait
    since: int


def set_out(runtime: Runtime, number: str, *, driven_before: bool = False) -> Start:
    """Begin to drive one case by itself. With ``driven_before``, what other drives did counts as this one's."""
    with runtime.sessions.read() as session:
        step = next_step(session, find_case(session, number), None)
        since = last_woken(session, number) if driven_before else end_of_log(session)
    if step is not None:
        return Start(step, since)
    with transaction(runtime) as session:
        return Start(_go_on(session, runtime, find_case(session, number), None), since)


def perform(runtime: Runtime, number: str, step: Step) -> Step | Wait:
    """Take one step; the one after it, or what the case waits for. After its last step the case is given back.

    What another drive or a person did meanwhile stands, and the walk goes on from there: two drives may work on one
    case, after a lease has run out or when somebody drives it by hand. Both walk the same stages, and the transaction
    of each stage asks first where the case is.
    """
    try:
        if step.stage.takes is None:
            return _finish(runtime, number, step)
        with transaction(runtime) as session:
            taken = step.stage.takes(session, runtime, find_case(session, number))
        made = attempts.make(runtime, taken)
        try:
            for error in made.failed.values():
                raise error
            return _finish(runtime, number, step, made.receipts)
        except Exception:
            # Whatever keeps the case from going on takes nothing from what a platform said.
            for error in attempts.write(runtime, made.receipts).values():
                raise error from None
            raise
    except (CaseMovedMeanwhile, MoveRefused):
        with transaction(runtime) as session:
            case = find_case(session, number)
            if STAGES.get(Status(case.status)) is step.stage:
                raise
            return _go_on(session, runtime, case, step)


def _finish(runtime: Runtime, number: str, step: Step, receipts: Sequence[Answered] = ()) -> Step | Wait:
    with transaction(runtime) as session, events_together(session):
        attempts.settle_all(session, runtime, receipts)
        case = find_case(session, number)
        if step.stage.within is not None:
            step.stage.within(session, runtime, case)
        return _go_on(session, runtime, case, step)


def _go_on(session: Session, runtime: Runtime, case: CaseFile, last: Step | None) -> Step | Wait:
    """What comes next. Nobody can move the case between this look and its being given back."""
    return next_step(session, case, last) or _give_back(session, runtime, case)


def advance(runtime: Runtime, number: str) -> Wait:
    """Take one case as far as it goes, now; what it then waits for."""
    driven = advance_all(runtime, [number])
    if number in driven.failed:
        raise driven.failed[number]
    return driven.waits[number]


def advance_by_stages(runtime: Runtime, number: str) -> Wait:
    """The same, each stage with a commit of its own, as in a run of its own."""
    step = set_out(runtime, number).first
    while isinstance(step, Step):
        step = perform(runtime, number, step)
    return step


@dataclass(slots=True)
class Driven:
    """What became of cases that were driven together: what each waits for, or why its drive failed."""

    waits: dict[str, Wait] = field(default_factory=dict)
    failed: dict[str, Exception] = field(default_factory=dict)


def advance_all(runtime: Runtime, numbers: Sequence[str]) -> Driven:
    """Take cases as far as they go; stages that need nothing from outside share transactions.

    A commit waits for the disk, and a question about many cases costs little more than one about a single case. What
    fails together is done again alone, stage by stage: so a case takes nothing from another one by failing, nor from
    its own earlier stages.
    """
    driven, walks = Driven(), {number: Walk() for number in numbers}
    while walks:
        try:
            waits, taken = _together(runtime, walks)
        except Exception:
            for number in walks:
                try:
                    driven.waits[number] = advance_by_stages(runtime, number)
                except Exception as error:
                    driven.failed[number] = error
            break
        driven.waits |= waits
        driven.failed |= attempts.run(runtime, list(chain.from_iterable(taken.values())))
        walks = {number: walks[number] for number in taken if number not in driven.failed}
    return driven


def _together(runtime: Runtime, walks: Mapping[str, Walk]) -> tuple[dict[str, Wait], dict[str, list[Attempt]]]:
    """One transaction: what those cases wait for that went as far as they go, and the attempts of the others."""
    waits: dict[str, Wait] = {}
    taken: dict[str, list[Attempt]] = {}
    with transaction(runtime) as session, events_together(session):
        if len(walks) > 1:
            read_cases(session, walks)
        for number, walk in walks.items():
            case = find_case(session, number)
            outside = walk.within(session, runtime, case)
            if outside is None:
                waits[number] = _give_back(session, runtime, case)
            else:
                taken[number] = outside
    return waits, taken


def _give_back(session: Session, runtime: Runtime, case: CaseFile) -> Wait:
    """Nobody drives the case until something calls for it; what it waits for."""
    # Elsewhere nobody tries a notice: it must not call for drives that would do nothing.
    tried = case.status in (Status.APPROVED, Status.SUBMITTED)
    again = _again_at(runtime, submissions_of_case(session, case.id)) if tried else None
    silent = bool(muted(session))
    if silent and again is not None:
        # Lifting the mute wakes it; until then it need not be looked at over and over.
        again = max(again, runtime.now() + BACK_OFF)
    case.drive_at, case.lease_owner, case.lease_until, case.failures = again, None, None, 0
    return waiting_for(facts_of(session, case), muted=silent)


def _again_at(runtime: Runtime, notices: Sequence[Submission]) -> datetime | None:
    """When a notice may be tried again; None when none waits. One that is held: when its lease has run out."""
    waiting = [row.next_attempt_at for row in notices if row.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN)]
    held = [
        row.lease_until + timedelta(seconds=1)
        for row in notices
        if row.state == DeliveryState.SENDING and row.lease_until
    ]
    return min((at or runtime.now() for at in (*waiting, *held)), default=None)


LEASE = timedelta(seconds=30)
"""How long a drive may hold a case before another takes over; a drive that lives renews it (tasks/claims.py)."""

BACK_OFF = timedelta(minutes=10)
"""Pause after a drive that failed, times the number of failures in a row, at most six times."""

BACK_OFF_IN_DANGER = timedelta(minutes=1)
"""The same for a P0."""

FAILURES_TO_ALARM = 3
"""Failures in a row after which people are alarmed; of a P0 they hear at the first."""


def claim(
    runtime: Runtime, lane: str | None, owner: str, limit: int, *, only: Collection[str] | None = None
) -> list[str]:
    """Claim ready cases of a lane, or ``only`` these, most urgent first."""
    # Nothing is appended, so the event log is not held: a claim waits for nobody who writes an event.
    with runtime.sessions.write.begin() as session:
        return claim_cases(session, lane, owner, runtime.now(), LEASE, limit, only)


def ready(runtime: Runtime, lane: str | None) -> int:
    """How many cases of a lane the system could drive now."""
    with runtime.sessions.read() as session:
        return count_ready(session, lane, runtime.now())


def alone_among(runtime: Runtime, numbers: Collection[str]) -> dict[str, Priority]:
    """Which of these are driven apart from the others, with their priority.

    Nothing may stand between a P0 and its stages; and one whose last drive failed gets a run that operators can read.
    """
    with runtime.sessions.read() as session:
        return {number: Priority(priority) for number, priority in driven_apart(session, numbers)}


def set_aside(runtime: Runtime, number: str, error: Exception) -> None:
    """A drive failed: the case waits a while, the others go on. One moved meanwhile is simply free again.

    Kind and place of the failure go on the record, never its words. Who must hear of it is alarmed.
    """
    kind, where = kind_and_place(error)
    log.error("drive failed", case=number, error=kind, where=where)
    with transaction(runtime) as session:
        case = find_case(session, number)
        in_danger = case.priority == Priority.P0
        failures = 0 if isinstance(error, CaseMovedMeanwhile) else case.failures + 1
        if failures:
            data = {"error": kind, "where": where, "failures": failures}
            note(session, runtime, case, "drive.failed", SYSTEM, runtime.now(), data=data)
        pause = BACK_OFF_IN_DANGER if in_danger else BACK_OFF
        session.execute(
            update(CaseFile)
            .where(CaseFile.id == case.id)
            .values(
                lease_owner=None,
                lease_until=None,
                failures=failures,
                drive_at=runtime.now() + pause * min(failures, 6),
            )
        )
    if failures >= (1 if in_danger else FAILURES_TO_ALARM):
        _alarm(runtime, number)


def _alarm(runtime: Runtime, number: str) -> None:
    """An alarm that cannot be raised must not hold up the next case; the log has both."""
    try:
        raise_alarm(runtime, "drive-fails", number)
    except Exception as error:
        log.error("alarm failed", case=number, error=type(error).__name__)

"""Invariants of clocks: what came is on the record, once, and nothing that came was passed over."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Integer, cast, func, select
from sqlalchemy.orm import Session

from casework.clocks import GO_ON, LATE_AFTER
from casework.vocabulary import ClockState
from db.queries.clocks import last_success
from db.tables import Clock, Event
from tasks.checks import Walk, stream
from tasks.runtime import Runtime
from tasks.sla_sweep import NAME as SWEEP
from tasks.sla_sweep import POISONED_FOR

_TOLD = ("clock.warned", "clock.breached", "clock.repeated")


def thresholds_have_their_events(session: Session, _runtime: Runtime) -> Walk:
    """As many events as thresholds that were acted on; none came long before the last sweep and was not acted on.

    A clock that the sweep could not handle waits an hour, and no longer.
    """
    swept = last_success(session, SWEEP)
    clock_of = cast(Event.data["clock"].as_string(), Integer)
    told = select(clock_of.label("clock"), func.count().label("events")).where(Event.kind.in_(_TOLD))
    events = told.group_by(clock_of).subquery()
    query = select(
        Clock.id, Clock.state, Clock.fired, Clock.thresholds, Clock.next_check_at, events.c.events
    ).outerjoin(events, events.c.clock == Clock.id)
    count = 0
    for clock_id, state, fired, marks, next_check, found in stream(session, query):
        came = [level for _, level in marks[:fired] if level != GO_ON]
        count += len(came)
        if fired > len(marks) or (found or 0) != len(came):
            yield f"clock {clock_id}: {len(came)} thresholds came, and {found or 0} events say so"
        if state == ClockState.RUNNING and fired < len(marks):
            fault = _passed_over(datetime.fromisoformat(marks[fired][0]), next_check, swept)
            if fault:
                yield f"clock {clock_id}: {fault}"
    return f"{count} thresholds"


def _passed_over(at: datetime, next_check: datetime | None, swept: datetime | None) -> str:
    """What is wrong with the next threshold of a running clock; '' where nothing is."""
    if next_check is None:
        return "a threshold is ahead, and the sweep will never look"
    if swept is None or at > swept - LATE_AFTER:
        return ""
    put_off = at < next_check <= swept + POISONED_FOR
    return "" if put_off else f"a threshold of {at.isoformat()} was passed over by the sweep of {swept.isoformat()}"


def breaches_have_their_time(session: Session, _runtime: Runtime) -> Walk:
    """A breach is recorded with the time at which the duty was due, whenever it was found."""
    breached = select(Clock.id, Clock.breached_at, Clock.due_at).where(Clock.breached_at.is_not(None))
    count = 0
    for clock_id, breached_at, due_at in stream(session, breached):
        count += 1
        if breached_at != due_at:
            yield f"clock {clock_id} was due {due_at.isoformat()}, its breach says {breached_at.isoformat()}"
    return f"{count} breaches"

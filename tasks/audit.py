"""Proof that nothing was altered: the event log is one unbroken chain, and every case's status is what its log says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from casework.errors import AuditBroken
from casework.event_chain import verify
from db.queries.events import chain_head, chain_of_events
from db.tables import CaseFile, Event
from tasks.runtime import Runtime


def chain_mark(runtime: Runtime) -> tuple[int, str]:
    """Position and hash of the newest event: noted down elsewhere, it shows later that nothing before it changed."""
    with runtime.sessions.read() as session:
        return chain_head(session)


def verify_chain(runtime: Runtime) -> int:
    """Walk the event log; the number of events. Raises AuditBroken at the first that does not add up."""
    with one_moment(runtime) as session:
        with closing(chain_of_events(session)) as events:
            count = verify(events, chain_head(session))
        said = _status_by_log(session)
        if said is not None:
            number, status, logged = said
            raise AuditBroken(f"{number} is '{status}', but its log says '{logged}'")
        return count


@contextmanager
def one_moment(runtime: Runtime) -> Iterator[Session]:
    """A reading session all of whose statements see the same moment, whatever others write meanwhile."""
    with runtime.sessions.read() as session:
        # SQLite reads so by itself; PostgreSQL would show each statement what has been committed by then.
        if runtime.engine.dialect.name == "postgresql":
            session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
        yield session


def _status_by_log(session: Session) -> tuple[str, str, str | None] | None:
    """The first case whose log says another status than it has: its number, its status, the log's."""
    last = (
        select(func.max(Event.seq))
        .where(Event.case_id == CaseFile.id, Event.to_status.is_not(None))
        .correlate(CaseFile)
        .scalar_subquery()
    )
    row = session.execute(
        select(CaseFile.number, CaseFile.status, Event.to_status)
        .outerjoin(Event, Event.seq == last)
        .where(func.coalesce(Event.to_status, "") != CaseFile.status)
        .order_by(CaseFile.id)
        .limit(1)
    ).one_or_none()
    return None if row is None else (row[0], row[1], row[2])

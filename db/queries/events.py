"""The event log: appended under the head's lock, read in order."""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from casework.event_chain import GENESIS, EventContent
from db.base import Base, JsonDict
from db.queries.held import forget_answer, held_head, keep_answer, note_head, while_held
from db.tables import ChainHead, Event


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event before it has its place in the chain."""

    case_id: int | None
    at: datetime
    kind: str
    actor_id: str
    actor_name: str
    policy_version: str
    from_status: str | None = None
    to_status: str | None = None
    reason: str = ""
    data: JsonDict | None = None


def hold_chain(session: Session) -> tuple[int, str]:
    """Wait for the chain's head and hold it until the transaction ends; position and hash of the newest event.

    A transaction that will append holds it first, before any other row: then no two ever wait
    for each other, and what one reads stays true until it has written.
    """
    head = held_head(session)
    if head is None:
        session.flush()
        seq, digest = session.connection().execute(_HEAD).one()
        note_head(session, head := (seq, digest))
    return head


# Built once, and executed past the mapper: every transaction that writes anything executes them.
_APPEND = insert(Base.metadata.tables[Event.__tablename__])
_CHAIN = Base.metadata.tables[ChainHead.__tablename__]
_HEAD = select(_CHAIN.c.seq, _CHAIN.c.hash).where(_CHAIN.c.id == 1).with_for_update()
_MOVE_HEAD = update(_CHAIN).where(_CHAIN.c.id == 1)


def append_events(session: Session, events: Sequence[NewEvent]) -> list[int]:
    """Append events in order and return their positions. Holds the chain's head until the transaction ends."""
    if not events:
        return []
    seq, previous = hold_chain(session)
    rows: list[JsonDict] = []
    positions: list[int] = []
    for new in events:
        seq += 1
        content = EventContent(
            seq, new.case_id, new.at.astimezone(UTC), new.kind, new.actor_id, new.actor_name, new.from_status,
            new.to_status, new.reason, new.policy_version, new.data or {},
        )  # fmt: skip
        digest = content.digest(previous)
        rows.append(
            {
                "seq": seq, "case_id": new.case_id, "at": content.at, "kind": new.kind, "actor_id": new.actor_id,
                "actor_name": new.actor_name, "from_status": new.from_status, "to_status": new.to_status,
                "reason": new.reason, "policy_version": new.policy_version, "data": content.data,
                "previous": previous, "hash": digest,
            }
        )  # fmt: skip
        positions.append(seq)
        previous = digest
    for new in events:
        forget_answer(session, _last_at, (new.case_id, new.kind))
    note_head(session, (seq, previous))
    waiting: list[JsonDict] | None = session.info.get(_WAITING)
    if waiting is None:
        _write(session, rows)
    else:
        waiting += rows
    return positions


@contextmanager
def events_together(session: Session) -> Iterator[None]:
    """Within, events wait for each other, and are written in one statement at the end.

    For a transaction about many cases, without savepoints. Nobody else can append meanwhile.
    """
    hold_chain(session)
    session.info[_WAITING] = []
    try:
        yield
        write_waiting(session)
    finally:
        session.info.pop(_WAITING, None)


def write_waiting(session: Session) -> None:
    """Write the events that wait; whoever reads events asks for it first."""
    if waiting := session.info.get(_WAITING):
        _write(session, waiting)
        waiting.clear()


_WAITING = "events that wait to be written together"


def _write(session: Session, rows: Sequence[JsonDict]) -> None:
    # An event may be about a case that is new itself.
    if session.new:
        session.flush()
    session.connection().execute(_APPEND, rows)
    session.connection().execute(_MOVE_HEAD, {"seq": rows[-1]["seq"], "hash": rows[-1]["hash"]})


def chain_of_events(session: Session) -> Generator[tuple[EventContent, str, str]]:
    """Every event in order of its position, with the hashes stored beside it. Streams; close it if left early."""
    with session.scalars(select(Event).order_by(Event.seq).execution_options(yield_per=2_000)) as events:
        for row in events:
            yield _content(row), row.previous, row.hash


def _content(row: Event) -> EventContent:
    return EventContent(
        row.seq, row.case_id, row.at, row.kind, row.actor_id, row.actor_name, row.from_status, row.to_status,
        row.reason, row.policy_version, row.data,
    )  # fmt: skip


def chain_head(session: Session) -> tuple[int, str]:
    """Position and hash of the newest event; (0, genesis) for an empty log."""
    head = session.execute(select(ChainHead.seq, ChainHead.hash)).one_or_none()
    return (head[0], head[1]) if head else (0, GENESIS)


def began_at(session: Session) -> datetime | None:
    """When the first event was recorded; None in a case file in which nothing has happened."""
    return session.scalar(select(Event.at).order_by(Event.seq).limit(1))


def events_of_case(session: Session, case_id: int) -> Sequence[Event]:
    """A case's events, oldest first."""
    write_waiting(session)
    return session.scalars(select(Event).where(Event.case_id == case_id).order_by(Event.seq)).all()


def last_event_at(session: Session, case_id: int, kind: str) -> datetime | None:
    """When something last happened to a case."""
    return _last_at(session, (case_id, kind))


def read_last_events(session: Session, case_ids: Collection[int], kinds: Collection[str]) -> None:
    """Learn when these last happened to many cases, in a transaction that holds the log."""
    wanted = (Event.case_id.in_(case_ids), Event.kind.in_(kinds))
    query = select(Event.case_id, Event.kind, func.max(Event.at)).where(*wanted).group_by(Event.case_id, Event.kind)
    found = {(case_id, kind): at for case_id, kind, at in session.execute(query)}
    for key in product(case_ids, kinds):
        keep_answer(session, _last_at, key, found.get(key))


@while_held(Event)
def _last_at(session: Session, what: tuple[int | None, str]) -> datetime | None:
    case_id, kind = what
    for waiting in reversed(session.info.get(_WAITING, ())):
        if (waiting["case_id"], waiting["kind"]) == what:
            at: datetime = waiting["at"]
            return at
    return session.scalar(
        select(Event.at).where(Event.case_id == case_id, Event.kind == kind).order_by(Event.seq.desc()).limit(1)
    )

"""Answers kept while the event log is held.

Whoever writes about a case holds the log's head first (``events.hold_chain``). So what such a transaction has read
stays true until it writes itself, and a question that was asked once need not be asked again. Outside of a hold
nothing is kept: every question goes to the database.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, UOWTransaction

from db.base import Base

About = ParamSpec("About")
Answer = TypeVar("Answer")

Answers = dict[tuple[object, ...], Any]
"""By the question and what it was about."""

Head = tuple[int, str]

_HEAD = "head of the log while held"
_KEPT = "answers kept while held"


def while_held(
    *tables: type[Base], filtered: bool = False
) -> Callable[[Callable[Concatenate[Session, About], Answer]], Callable[Concatenate[Session, About], Answer]]:
    """A question about rows of ``tables`` whose answer is kept while the log is held, until a row comes or goes.

    A kept row that changes stays the answer: it is the same object. ``filtered`` is for a question that picks or
    orders rows by what may change; then a change makes it be asked again, too.
    """

    def keep(question: Callable[Concatenate[Session, About], Answer]) -> Callable[Concatenate[Session, About], Answer]:
        @wraps(question)
        def asked(session: Session, *about: About.args, **named: About.kwargs) -> Answer:
            kept = _kept(session)
            if kept is None:
                return question(session, *about, **named)
            if _pending(session, tables):
                session.flush()
            key = (asked, *about, *named.values())
            if key not in kept:
                kept[key] = question(session, *about, **named)
            return cast(Answer, kept[key])

        _TABLES[asked] = (tables, filtered)
        return cast(Callable[Concatenate[Session, About], Answer], asked)

    return keep


_TABLES: dict[object, tuple[tuple[type[Base], ...], bool]] = {}
"""Of each question: the tables it reads, and whether changed rows matter."""


def held_head(session: Session) -> Head | None:
    """Position and hash of the log's newest event where this transaction holds the log; None where it does not."""
    head: Head | None = session.info.get(_HEAD)
    return head


def note_head(session: Session, head: Head) -> None:
    """The log is held from now on, and this is its head: nobody else can move it until the transaction ends."""
    session.info[_HEAD] = head
    session.info.setdefault(_KEPT, {})


def keep_answer(session: Session, question: object, *about: object, answer: object) -> None:
    """Note an answer that was found another way, such as for many cases in one statement."""
    kept = _kept(session)
    if kept is not None:
        kept[(question, *about)] = answer


def forget(session: Session, *tables: type[Base]) -> None:
    """Rows of these tables were written past the mapper."""
    _forget(session, tables, ())


def forget_answer(session: Session, question: object, *about: object) -> None:
    """What this one question was answered is no longer so."""
    kept = _kept(session)
    if kept is not None:
        kept.pop((question, *about), None)


def _kept(session: Session) -> Answers | None:
    return session.info.get(_KEPT)


def _pending(session: Session, tables: tuple[type[Base], ...]) -> bool:
    return any(isinstance(row, tables) for row in (*session.new, *session.dirty, *session.deleted))


def _forget(session: Session, came_or_went: tuple[type[Base], ...], changed: tuple[type[Base], ...]) -> None:
    kept = _kept(session)
    if not kept:
        return
    for key in list(kept):
        tables, filtered = _TABLES[key[0]]
        written = {*came_or_went, *changed} if filtered else came_or_went
        if any(table in written for table in tables):
            del kept[key]


@event.listens_for(Session, "after_flush")
def _flushed(session: Session, _flush: UOWTransaction) -> None:
    if _kept(session):
        came_or_went = tuple({type(row) for row in (*session.new, *session.deleted)})
        _forget(session, came_or_went, tuple({type(row) for row in session.dirty}))


@event.listens_for(Session, "do_orm_execute")
def _executed(state: ORMExecuteState) -> None:
    if (state.is_update or state.is_delete or state.is_insert) and state.bind_mapper is not None:
        _forget(state.session, (state.bind_mapper.class_,), ())


@event.listens_for(Session, "after_transaction_end")
def _ended(session: Session, transaction: SessionTransaction) -> None:
    # Also at the end of a savepoint, which may have been rolled back; a flush is neither.
    if transaction.nested or transaction.parent is None:
        session.info.pop(_HEAD, None)
        session.info.pop(_KEPT, None)

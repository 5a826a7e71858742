"""Answers kept while the event log is held.

Whoever writes about a case holds the log's head first (``events.hold_chain``). So what such a transaction has read
stays true until it writes itself, and a question that was asked once need not be asked again. Outside of a hold
nothing is kept: every question goes to the database.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TypeVar, cast

from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState, Session, SessionTransaction, UOWTransaction

from db.base import Base

About = TypeVar("About")
Answer = TypeVar("Answer")
Row = TypeVar("Row", bound=Base)
Question = Callable[[Session, About], Answer]

Head = tuple[int, str]

_HEAD = "head of the log while held"
_KEPT = "answers kept while held"


def while_held(
    table: type[Base], about: str = "case_id"
) -> Callable[[Question[About, Answer]], Question[About, Answer]]:
    """A question about the rows of ``table`` with one value of ``about``; kept until such a row comes or goes.

    A kept row that changes stays the answer: it is the same object.
    """

    def keep(question: Question[About, Answer]) -> Question[About, Answer]:
        @wraps(question)
        def asked(session: Session, key: About) -> Answer:
            kept = _kept(session)
            if kept is None:
                return question(session, key)
            pending = (row for row in (*session.new, *session.deleted) if isinstance(row, table))
            if any(getattr(row, about) == key for row in pending):
                session.flush()
            answers = kept.setdefault(asked, {})
            if key not in answers:
                answers[key] = question(session, key)
            return cast(Answer, answers[key])

        _ASKED_OF.setdefault(table, []).append((asked, about))
        return cast(Question[About, Answer], asked)

    return keep


_ASKED_OF: dict[type[Base], list[tuple[object, str]]] = {}
"""Of each table: the questions about it, and what column each goes by."""


def rows_while_held(
    table: type[Row], holds: Callable[[Row], bool], order: Callable[[Row], Any]
) -> Callable[[Question[int, Sequence[Row]]], Question[int, Sequence[Row]]]:
    """A question about a case's rows of which something ``holds`` that may change, in an order that may change.

    What is kept follows the rows that this transaction adds and alters, written or not.
    """

    def keep(question: Question[int, Sequence[Row]]) -> Question[int, Sequence[Row]]:
        @wraps(question)
        def asked(session: Session, key: int) -> Sequence[Row]:
            kept = _kept(session)
            if kept is None:
                return question(session, key)
            answers = kept.setdefault(asked, {})
            if key not in answers:
                # What this transaction adds and alters is followed below: nothing need be written for the question.
                with session.no_autoflush:
                    answers[key] = list(question(session, key))
            known: list[Row] = answers[key]
            for row in (*session.new, *session.dirty):
                if isinstance(row, table) and cast(Any, row).case_id == key and row not in known:
                    known.append(row)
            return sorted((row for row in known if holds(row)), key=order)

        _FOLLOWED[table] = asked
        return asked

    return keep


_FOLLOWED: dict[type[Base], object] = {}
"""Of each table: the question whose answer follows its rows."""


def held_head(session: Session) -> Head | None:
    """Position and hash of the log's newest event where this transaction holds the log; None where it does not."""
    head: Head | None = session.info.get(_HEAD)
    return head


def note_head(session: Session, head: Head) -> None:
    """The log is held from now on, and this is its head: nobody else can move it until the transaction ends."""
    session.info[_HEAD] = head
    session.info.setdefault(_KEPT, {})


def keep_answer(session: Session, question: object, key: object, answer: object) -> None:
    """Note an answer that was found another way, such as for many cases in one statement."""
    kept = _kept(session)
    if kept is not None:
        kept.setdefault(question, {})[key] = answer


def forget(session: Session, table: type[Base]) -> None:
    """Rows of the table were written past the mapper: no answer about it is kept."""
    kept = _kept(session)
    if kept:
        for question, _ in _ASKED_OF.get(table, ()):
            kept.pop(question, None)
        kept.pop(_FOLLOWED.get(table), None)


def forget_answer(session: Session, question: object, key: object) -> None:
    """What this one question was answered is no longer so."""
    kept = _kept(session)
    if kept and question in kept:
        kept[question].pop(key, None)


def _kept(session: Session) -> dict[object, dict[object, Any]] | None:
    kept: dict[object, dict[object, Any]] | None = session.info.get(_KEPT)
    return kept


@event.listens_for(Session, "after_flush")
def _flushed(session: Session, _flush: UOWTransaction) -> None:
    kept = _kept(session)
    if not kept:
        return
    for row in (*session.new, *session.deleted):
        for question, about in _ASKED_OF.get(type(row), ()):
            forget_answer(session, question, getattr(row, about))
    for row in (*session.new, *session.dirty):
        known = kept.get(_FOLLOWED.get(type(row)), {}).get(getattr(row, "case_id", None))
        if known is not None and row not in known:
            known.append(row)


@event.listens_for(Session, "do_orm_execute")
def _executed(state: ORMExecuteState) -> None:
    if (state.is_update or state.is_delete or state.is_insert) and state.bind_mapper is not None:
        forget(state.session, state.bind_mapper.class_)


@event.listens_for(Session, "after_soft_rollback")
def _rolled_back(session: Session, _transaction: SessionTransaction) -> None:
    # Of a savepoint too: what was read before it is read again, what was written in it is not there.
    _let_go(session)


@event.listens_for(Session, "after_transaction_end")
def _ended(session: Session, transaction: SessionTransaction) -> None:
    if transaction.parent is None:
        _let_go(session)


def _let_go(session: Session) -> None:
    session.info.pop(_HEAD, None)
    session.info.pop(_KEPT, None)

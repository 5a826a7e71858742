"""The event log is one line, whatever transactions, savepoints and other writers do."""

from __future__ import annotations

from contextlib import closing

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from casework.event_chain import verify
from db.engine import make_sessions
from db.queries.events import NewEvent, append_events, chain_head, chain_of_events
from tests.stories import START


def _event(kind: str) -> NewEvent:
    return NewEvent(None, START, kind, "system", "Qorgan", "practice/1")


def _kinds(session: Session) -> list[str]:
    with closing(chain_of_events(session)) as events:
        return [content.kind for content, _, _ in events]


def _sound(session: Session) -> int:
    with closing(chain_of_events(session)) as events:
        return verify(events, chain_head(session))


def test_events_of_a_savepoint_that_was_rolled_back_leave_no_gap_in_the_chain(engine: Engine) -> None:
    with make_sessions(engine).write.begin() as session:
        append_events(session, [_event("first")])
        with pytest.raises(ValueError, match="on purpose"), session.begin_nested():
            append_events(session, [_event("lost")])
            raise ValueError("on purpose")
        append_events(session, [_event("second")])
        with session.begin_nested():
            append_events(session, [_event("third")])
        append_events(session, [_event("fourth")])
    with make_sessions(engine).read() as session:
        assert (_kinds(session), _sound(session)) == (["first", "second", "third", "fourth"], 4)


def test_a_session_used_again_sees_what_others_wrote_meanwhile(engine: Engine) -> None:
    sessions = make_sessions(engine)
    with sessions.write() as one:
        append_events(one, [_event("mine")])
        one.commit()
        with sessions.write.begin() as other:
            append_events(other, [_event("theirs")])
        append_events(one, [_event("mine again")])
        one.rollback()
        append_events(one, [_event("mine at last")])
        one.commit()
    with sessions.read() as session:
        assert (_kinds(session), _sound(session)) == (["mine", "theirs", "mine at last"], 3)

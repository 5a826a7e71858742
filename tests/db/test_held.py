"""What a transaction that holds the event log has read is asked once, and is never stale."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from casework.facts import SYSTEM
from db.queries.cases import case_by_number, items_of_case, reviews_of_case
from db.queries.clocks import running_clocks
from db.queries.events import events_of_case, events_together, hold_chain, last_event_at
from db.queries.held_cases import read_cases
from db.queries.submissions import submissions_of_case
from db.tables import CaseFile, Clock, Submission
from tasks.audit import verify_chain
from tasks.record import note, transaction
from tests.stories import START, Story


@contextmanager
def asked_in(session: Session) -> Iterator[list[str]]:
    """The statements that a session makes inside."""
    said: list[str] = []

    def listen(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    engine = session.get_bind()
    event.listen(engine, "before_cursor_execute", listen)
    yield said
    event.remove(engine, "before_cursor_execute", listen)


def case_in(session: Session, number: str) -> CaseFile:
    case = case_by_number(session, number)
    assert case is not None
    return case


def another(clock: Clock, **changes: Any) -> Clock:
    """A clock like this one, not written yet."""
    columns = {column.key: getattr(clock, column.key) for column in Clock.__table__.columns}
    return Clock(**{**columns, "id": None, **changes})


def test_a_question_is_asked_once_while_the_log_is_held_and_every_time_where_it_is_not(story: Story) -> None:
    number = story.to_review()
    with transaction(story.runtime) as session, asked_in(session) as said:
        for _ in range(3):
            items_of_case(session, case_in(session, number).id)
    assert len(said) == 2
    with story.runtime.sessions.read() as session, asked_in(session) as said:
        for _ in range(3):
            items_of_case(session, case_in(session, number).id)
    assert len([one for one in said if one.startswith("SELECT")]) == 6


def test_a_row_that_comes_is_seen_at_once(story: Story) -> None:
    number = story.approved()
    with transaction(story.runtime) as session:
        case = case_in(session, number)
        [first] = submissions_of_case(session, case.id)
        columns = {column.key: getattr(first, column.key) for column in Submission.__table__.columns}
        session.add(Submission(**{**columns, "id": None, "number": f"{number}/S2", "idempotency_key": "another"}))
        assert [row.number for row in submissions_of_case(session, case.id)] == [f"{number}/S1", f"{number}/S2"]
        session.rollback()


def test_what_is_written_past_the_mapper_is_read_again(story: Story) -> None:
    number = story.take_in()
    with transaction(story.runtime) as session:
        assert case_in(session, number).lane == "routine"
        session.execute(update(CaseFile).values(lane="child-safety").execution_options(synchronize_session=False))
        assert case_in(session, number).lane == "child-safety"
        session.rollback()


def test_running_clocks_follow_those_that_stop_start_and_move_before_anything_is_written(story: Story) -> None:
    number = story.to_review()
    with transaction(story.runtime) as session:
        case = case_in(session, number)
        before = list(running_clocks(session, case.id))
        stopped = before[0]
        later, sooner = another(stopped, due_at=story.clock.at), another(stopped, due_at=START - timedelta(days=1))
        stopped.state = "met"
        session.add_all([later, sooner])
        with asked_in(session) as said:
            assert running_clocks(session, case.id) == [sooner, later, *before[1:]], "the earliest due first"
        assert said == []
        session.flush()
        assert running_clocks(session, case.id) == [sooner, later, *before[1:]]
        session.rollback()


def test_asking_for_running_clocks_writes_nothing_that_waits_and_sees_it_all_the_same(story: Story) -> None:
    number = story.to_review()
    with transaction(story.runtime) as session:
        case = case_in(session, number)
        stopped = session.scalars(select(Clock).where(Clock.case_id == case.id, Clock.state != "running")).first()
        assert stopped is not None
        case.quote, stopped.state = "altered", "running"
        with asked_in(session) as said:
            running = running_clocks(session, case.id)
        assert [statement.split()[0] for statement in said] == ["SELECT"]
        assert stopped in running
        session.flush()
        assert stopped in running_clocks(session, case.id)


def test_after_a_savepoint_was_rolled_back_nothing_of_it_is_remembered(story: Story) -> None:
    number = story.to_review()
    with story.runtime.sessions.write() as session, session.begin():
        hold_chain(session)
        case_id = case_in(session, number).id
        there = len(running_clocks(session, case_id))
        with pytest.raises(ZeroDivisionError), session.begin_nested():
            [first, *_] = running_clocks(session, case_id)
            session.add_all([another(first), another(first)])
            first.state = "met"
            session.flush()
            assert len(running_clocks(session, case_id)) == there + 1
            raise ZeroDivisionError
        assert len(running_clocks(session, case_id)) == there


def test_what_was_read_before_a_savepoint_that_ends_well_is_still_known_in_it_and_after(story: Story) -> None:
    number = story.to_review()
    with transaction(story.runtime) as session:
        read_cases(session, [number])
        with session.begin_nested():
            case = case_in(session, number)
            with asked_in(session) as said:
                [clock, *others] = running_clocks(session, case.id)
            assert said == []
            clock.state = "met"
        with asked_in(session) as said:
            assert running_clocks(session, case.id) == others, "and what it changed"
        assert said == []
        session.rollback()


def test_many_cases_are_read_in_as_many_statements_as_one(story: Story) -> None:
    numbers = [story.approved() for _ in range(4)]
    with transaction(story.runtime) as session:
        with asked_in(session) as one:
            read_cases(session, numbers[:1])
        with asked_in(session) as four:
            read_cases(session, numbers)
        assert len(one) == len(four)
        with asked_in(session) as said:
            for number in numbers:
                case = case_in(session, number)
                assert len(items_of_case(session, case.id)) == 1
                assert len(reviews_of_case(session, case.id)) == 1
                assert len(submissions_of_case(session, case.id)) == 1
                assert [clock.rule_id for clock in running_clocks(session, case.id)] == [
                    "kz.internal.submission.routine"
                ]
                assert last_event_at(session, case.id, "moved.reopen") is None
    assert said == []


def test_events_that_wait_are_read_by_whoever_asks_and_the_chain_verifies(story: Story) -> None:
    number = story.take_in()
    with transaction(story.runtime) as session, events_together(session):
        case = case_in(session, number)
        assert last_event_at(session, case.id, "case.amended") is None
        note(session, story.runtime, case, "case.amended", SYSTEM, story.clock.at)
        with asked_in(session) as said:
            assert last_event_at(session, case.id, "case.amended") == story.clock.at
            assert last_event_at(session, case.id, "case.received") == START
            assert last_event_at(session, case.id, "moved.reopen") is None
        assert {statement.split()[0] for statement in said} == {"SELECT"}, "to ask for the last one writes none"
        note(session, story.runtime, case, "dossier.opened", SYSTEM, story.clock.at)
        assert [one.kind for one in events_of_case(session, case.id)][-2:] == ["case.amended", "dossier.opened"]
    assert [one.kind for one in story.events(number)][-2:] == ["case.amended", "dossier.opened"]
    verify_chain(story.runtime)
    with pytest.raises(ZeroDivisionError), transaction(story.runtime) as session, events_together(session):
        note(session, story.runtime, case_in(session, number), "case.amended", SYSTEM, story.clock.at)
        raise ZeroDivisionError
    assert len(story.events(number, "case.amended")) == 1
    verify_chain(story.runtime)

"""The questions that run every few minutes read an index, and claims never give one case to two."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert, text
from sqlalchemy.orm import Session

from db.queries.addresses import bundle_into
from db.queries.cases import claim_cases, renew_claims
from db.queries.clocks import clocks_due
from db.queries.letter_messages import keep_message, message_of
from db.tables import Clock
from tests.stories import START, Story, report, together

CLOCKS = 4_000


@contextmanager
def _explained(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    """The statements that run inside, with their values."""
    asked: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, values: Any, *_rest: Any) -> None:
        asked.append((statement, values))

    event.listen(engine, "before_cursor_execute", listen)
    yield asked
    event.remove(engine, "before_cursor_execute", listen)


def _clock(position: int) -> dict[str, Any]:
    due = START + timedelta(minutes=position)
    return {
        "case_id": None, "subject_kind": "hold", "subject_id": position, "rule_id": "kz.hold.pen",
        "policy_version": "v",
        "duty": "authority", "statutory": False, "source": "", "verified": False, "limit_spec": {}, "started_at": START,
        "due_at": due, "thresholds": [], "fired": 0, "next_check_at": due if position % 20 == 0 else None,
        "stop_on": [], "lapse": False, "state": "running", "late_detected": False,
    }  # fmt: skip


def test_the_sweep_reads_its_partial_index_and_no_table(engine: Engine) -> None:
    with Session(engine) as session:
        session.execute(insert(Clock), [_clock(position) for position in range(CLOCKS)])
        session.execute(text("ANALYZE"))
        session.commit()
        with _explained(engine) as asked:
            found = clocks_due(session, START + timedelta(minutes=100), 500)
        statement, values = asked[-1]
        prefix = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
        plan = "\n".join(str(row) for row in session.connection().exec_driver_sql(prefix + statement, values))
    assert len(found) == 6
    assert "ix_clock_next_check" in plan
    assert "Seq Scan" not in plan
    assert "SCAN clock" not in plan or "USING" in plan


def test_the_longest_overdue_comes_first_and_the_limit_holds(engine: Engine) -> None:
    with Session(engine) as session:
        session.execute(insert(Clock), [_clock(position) for position in (60, 20, 40, 80, 10)])
        session.flush()
        due = clocks_due(session, START + timedelta(minutes=60), 2)
        subjects = [session.get_one(Clock, clock_id).subject_id for clock_id in due]
    assert subjects == [20, 40]


def test_two_claimers_never_get_the_same_case(story: Story) -> None:
    story.hand_in(*(report() for _ in range(20)))

    def claimer(name: str) -> list[str]:
        claimed: list[str] = []
        for _ in range(4):
            with story.runtime.sessions.write.begin() as session:
                claimed += claim_cases(session, None, name, START, timedelta(minutes=10), 5)
        return claimed

    first, second = together(lambda: claimer("one"), lambda: claimer("two"))
    assert not set(first) & set(second)
    assert len(first) + len(second) == 20


def test_a_claim_runs_out_and_takes_the_most_urgent_first(story: Story) -> None:
    calm = story.take_in()
    urgent = story.take_in(category="csam", age_band="child")

    def claim(minutes: int) -> list[str]:
        with story.runtime.sessions.write.begin() as session:
            now = START + timedelta(minutes=minutes)
            return claim_cases(session, None, "a drive that dies", now, timedelta(minutes=10), 10)

    assert claim(0) == [urgent, calm]
    assert claim(10) == []
    assert claim(11) == [urgent, calm]


def test_a_letter_that_becomes_a_line_leaves_no_message_of_its_own_behind(story: Story) -> None:
    """It may have been made already, in a run that lost the mail server before it came to it."""
    number = story.submitted()
    first, second = story.letters(number)[:2]
    with story.runtime.sessions.write.begin() as session:
        keep_message(session, first.id, b"sealed")
        keep_message(session, second.id, b"sealed too")
        bundle_into(session, second.id, [first.id])
    with story.runtime.sessions.read() as session:
        assert (message_of(session, first.id), message_of(session, second.id)) == (None, b"sealed too")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_renewal_of_claims_leaves_out_the_case_that_is_being_written_and_waits_for_nobody(story: Story) -> None:
    numbers = [story.take_in() for _ in range(2)]
    lease, later = timedelta(seconds=30), START + timedelta(seconds=40)
    with story.runtime.sessions.write.begin() as session:
        assert claim_cases(session, None, "a drive", START, lease, 10) == numbers
    with story.runtime.sessions.write() as writer, writer.begin() as whole:
        writer.execute(text("UPDATE case_file SET language = 'en' WHERE number = :number"), {"number": numbers[0]})
        with story.runtime.sessions.write.begin() as keeper:
            keeper.execute(text("SET LOCAL lock_timeout = '5s'"))
            assert renew_claims(keeper, "a drive", numbers, later) == 1
        whole.rollback()
    assert [story.case(number).lease_until for number in numbers] == [START + lease, later]

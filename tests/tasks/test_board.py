"""The board: whether children's cases move can be read in one line, and what holds them up stands first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from casework.vocabulary import OPEN_STATUSES, Status
from db.tables import StageCount
from db.tables.cases import OPEN
from tasks import case_lifecycle
from tasks.board import AHEAD, Board, Red, read_board, refresh, short
from tasks.board_page import board_page
from tasks.heartbeats import beat, schedules
from tasks.switches import mute
from tests.stories import HEAD, SQLITE_ONLY, START, Story, in_danger

PERSONAL = ("Practice Reporter", "reporter@mail.example", "tiktok.com", "Переведи", "обман", "@")


def everything_runs(story: Story) -> None:
    for schedule in schedules():
        beat(story.runtime, schedule.name, {})


def red(board: Board) -> list[tuple[str, bool]]:
    return [(one.section, one.children) for one in board.red]


def child_at_review(story: Story) -> str:
    [result] = story.hand_in(in_danger())
    assert result.case_number is not None
    story.drive(result.case_number)
    return result.case_number


@contextmanager
def statements(story: Story) -> Iterator[list[str]]:
    told: list[str] = []

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        told.append(statement)

    event.listen(story.runtime.engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(story.runtime.engine, "before_cursor_execute", note)


def test_on_a_good_day_it_says_that_childrens_cases_move_and_that_all_is_well(story: Story) -> None:
    child_at_review(story)
    story.submitted()
    everything_runs(story)
    board = refresh(story.runtime)
    assert board.headline == "Children's cases move. All is well."
    page = board_page(board)
    assert page.startswith("# Children's cases move. All is well.\n")
    assert "## Children's cases: 1 open, 0 ready to be driven" in page
    assert "## Routine cases: 1 open, 0 ready to be driven" in page
    assert page.index("Children's cases: 1 open") < page.index("Routine cases: 1 open")
    assert "**LATE**" not in page


def test_cases_are_counted_by_stage_and_priority_with_the_oldest_of_each_stage(story: Story) -> None:
    first = story.to_review()
    story.later(hours=5)
    story.to_review()
    story.submitted()
    page = board_page(refresh(story.runtime))
    assert "| stage | P0 | P1 | P2 | P3 | P4 | all | a deadline passed | oldest report |" in page
    assert f"| in legal review | · | · | · | 2 | · | 2 | · | {first}, 5 h |" in page
    assert "| **all** | · | · | · | 3 | · | 3 | · |  |" in page


def test_what_has_ended_is_on_no_board(story: Story) -> None:
    number = story.submitted()
    story.execute("UPDATE case_file SET status = 'closed' WHERE number = :number", number=number)
    board = refresh(story.runtime)
    assert (board.groups, board.oldest) == ([], [])
    assert number not in board_page(board)


def test_a_childs_case_that_nobody_drives_is_the_first_thing_it_says(story: Story) -> None:
    everything_runs(story)
    [result] = story.hand_in(in_danger())
    story.later(minutes=4)
    everything_runs(story)
    board = refresh(story.runtime)
    assert red(board)[0] == ("Cases ready and not driven", True)
    assert board.headline == ("Children's cases are held up: 1 case of lane child-safety ready, the first for 4 min.")
    assert result.case_number is not None


def test_routine_work_that_waits_is_said_but_never_as_if_it_held_children_up(story: Story) -> None:
    story.take_in()
    story.later(minutes=31)
    everything_runs(story)
    board = refresh(story.runtime)
    assert red(board) == [("Cases ready and not driven", False)]
    assert board.headline == "Children's cases move. 1 other thing to look at."


def test_a_late_schedule_stands_above_the_others_and_counts_as_holding_up_children_where_it_does(story: Story) -> None:
    everything_runs(story)
    story.clock.advance(minutes=20)
    for name in ("inbox", "clocks", "lane-child-safety", "mailbox", "reconcile"):
        beat(story.runtime, name, {})
    board = refresh(story.runtime)
    assert {one.said for one in board.red} == {
        f"schedule '{name}' last succeeded 20 min ago" for name in ("lane-routine", "letters", "outcomes")
    }
    assert not any(one.children for one in board.red)
    rows = [line for line in board_page(board).splitlines() if "LATE" in line or "| well |" in line]
    assert ["LATE" in row for row in rows] == [True] * 3 + [False] * (len(rows) - 3)
    story.clock.advance(minutes=20)
    assert red(refresh(story.runtime))[0] == ("Schedule late", True)


def test_a_case_whose_drives_fail_is_named_with_the_time_since_when(story: Story) -> None:
    number = story.take_in()
    case_lifecycle.set_aside(story.runtime, number, ValueError("nothing of this is shown"))
    story.later(minutes=11)
    case_lifecycle.set_aside(story.runtime, number, ValueError("nothing of this is shown"))
    [aside] = refresh(story.runtime).aside
    assert (aside.number, aside.failures, aside.since) == (number, 2, START)
    page = board_page(refresh(story.runtime))
    assert f"| {number} | P3 | 2 | 2026-03-18 09:00 |" in page
    assert "nothing of this" not in page


def test_clocks_at_risk_are_counted_for_the_next_hours_ours_and_the_others_apart(story: Story) -> None:
    number = story.take_in()
    [clock] = [clock for clock in story.clocks(number) if clock.duty == "authority"][:1]
    soonest = min(clock.due_at for clock in story.clocks(number))
    story.clock.set(soonest - timedelta(minutes=59))
    [group] = [one for one in refresh(story.runtime).at_risk if one.ours]
    assert group.priority == "P3"
    assert group.within[0] >= 1
    assert list(group.within) == sorted(group.within)
    assert len(group.within) == len(AHEAD)
    story.clock.set(soonest - timedelta(hours=3, minutes=59))
    [group] = [one for one in refresh(story.runtime).at_risk if one.ours]
    assert group.within[0] == 0
    assert group.within[1] >= 1
    assert clock.case_id is not None


def test_what_needs_a_person_is_counted(story: Story) -> None:
    story.take_in()
    story.mailbox.refuse_recipients = {"reporter@mail.example"}
    story.send_letters()
    story.hand_in({"links": [], "category": "fraud"})
    everything_runs(story)
    board = refresh(story.runtime)
    assert board.people.letters == 1
    assert board.people.held == 1
    assert {"Dead letter", "Holding pen"} <= {one.section for one in board.red}


def test_it_shows_case_numbers_and_codes_and_nothing_of_a_report_a_letter_or_a_person(story: Story) -> None:
    child_at_review(story)
    story.submitted()
    story.mailbox.refuse_recipients = {"reporter@mail.example"}
    story.send_letters()
    case_lifecycle.set_aside(story.runtime, story.take_in(), ValueError("Practice Reporter"))
    board = refresh(story.runtime)
    shown = board_page(board) + board.headline
    assert [word for word in PERSONAL if word.casefold() in shown.casefold()] == []


def test_open_cases_are_counted_once_an_hour_and_old_counts_are_forgotten(story: Story) -> None:
    story.take_in()
    for minutes in (0, 10, 55):
        story.clock.advance(minutes=minutes)
        refresh(story.runtime)
    counts = story.all(StageCount)
    assert [(row.status, row.lane, row.cases) for row in counts if row.cases] == [("received", "routine", 1)] * 2
    story.clock.advance(days=36)
    refresh(story.runtime)
    assert len({row.counted_at for row in story.all(StageCount)}) == 1
    story.assert_sound()


def test_it_asks_a_few_questions_however_many_cases_there_are(story: Story) -> None:
    refresh(story.runtime)
    with statements(story) as none:
        read_board(story.runtime)
    for _ in range(3):
        story.to_review()
        child_at_review(story)
        case_lifecycle.set_aside(story.runtime, story.take_in(), ValueError())
    with statements(story) as some:
        read_board(story.runtime)
    assert len([one for one in some if one.startswith(("SELECT", "(SELECT"))]) <= 12
    assert len(some) - len(none) <= 2


@SQLITE_ONLY
def test_counting_open_cases_reads_an_index_that_holds_open_cases_only(story: Story) -> None:
    with statements(story) as told:
        read_board(story.runtime)
    [counting] = [one for one in told if "GROUP BY case_file.status" in one]
    with story.runtime.engine.connect() as connection:
        plan = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + counting, (1, START.replace(tzinfo=None), 0)).all()
    assert any("COVERING INDEX ix_case_file_open" in row[3] for row in plan), plan


def test_the_indexs_words_for_an_open_case_are_the_vocabularys(story: Story) -> None:
    with story.runtime.engine.connect() as connection:
        for status in Status:
            said = connection.execute(text(f"SELECT {OPEN.replace('status', ':status', 1)}"), {"status": status.value})
            assert bool(said.scalar()) is (status in OPEN_STATUSES), status


@pytest.mark.parametrize(
    ("seconds", "said"), [(59.9, "59 s"), (60, "1 min"), (3_599, "59 min"), (47 * 3_600, "47 h"), (48 * 3_600, "2 d")]
)
def test_a_length_of_time_is_short_enough_for_a_glance(seconds: float, said: str) -> None:
    assert short(timedelta(seconds=seconds)) == said


def test_a_mute_is_said_before_everything_else(story: Story) -> None:
    mute(story.runtime, HEAD, "restored from a backup")
    everything_runs(story)
    board = refresh(story.runtime)
    assert board.red[0] == Red("Muted", "nothing is sent until a person lifts the mute", children=True)
    assert "restored" not in board_page(board)

"""What lies in the inbox becomes cases; danger to a child is acted on before anything that can wait."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from db.tables import CaseFile, Report
from flows import intake as module
from flows.intake import intake
from tasks import case_lifecycle
from tasks import inbox as inbox_module
from tasks import intake as intake_tasks
from tasks.inbox import LOCK, NEXT, Turn
from tasks.runtime import Runtime
from tests.flows.conftest import PATIENCE_SECONDS, SECRET, letters_read_ahead, until
from tests.flows.prefect_records import Recorded
from tests.stories import Story, in_danger, report


def put(inbox: Path, name: str, *reports: dict[str, Any]) -> None:
    (inbox / name).write_text("\n".join(json.dumps(fields, ensure_ascii=False) for fields in reports), encoding="utf-8")


def files(inbox: Path) -> dict[str, list[str]]:
    """Names of the files in each of the inbox's folders, but for the lock."""
    where = {"inbox": inbox, "taking": inbox / "taking"}
    names = {name: [path.name for path in folder.iterdir() if path.is_file()] for name, folder in where.items()}
    return {name: sorted(set(found) - {LOCK, NEXT}) for name, found in names.items()}


def cases(story: Story) -> list[CaseFile]:
    return sorted(story.all(CaseFile), key=lambda case: case.number)


@pytest.fixture
def over(monkeypatch: pytest.MonkeyPatch) -> Event:
    """Set, the time for which a run watches is over, whoever waits; until then it is not, however long that takes."""
    event = Event()
    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.05)
    monkeypatch.setattr(module, "monotonic", lambda: 300.0 if event.is_set() else 0.0)
    return event


async def test_files_become_cases_and_leave_the_inbox(story: Story, inbox: Path, woken: list[str]) -> None:
    put(inbox, "monday.jsonl", report(), report())
    put(inbox, "tuesday.jsonl", report())
    state = await intake(return_state=True)
    assert state.name == "3 cases, 0 duplicates, 0 held"
    assert [case.status for case in cases(story)] == ["received"] * 3
    assert files(inbox) == {"inbox": [], "taking": []}
    assert {(row.source, row.row) for row in story.all(Report)} == {
        ("monday.jsonl", 1), ("monday.jsonl", 2), ("tuesday.jsonl", 1)
    }  # fmt: skip
    assert woken == ["qorgan.lane.child-safety", "qorgan.lane.routine"]


async def test_an_empty_inbox_is_no_failure_and_wakes_nobody(story: Story, inbox: Path, woken: list[str]) -> None:
    assert (await intake(return_state=True)).name == "Inbox empty"
    assert woken == []


async def test_what_is_put_in_while_a_run_watches_waits_for_no_other_run(
    story: Story, inbox: Path, woken: list[str], over: Event
) -> None:
    put(inbox, "monday.jsonl", report(category="fraud"))
    run = asyncio.create_task(intake(watch_seconds=50, return_state=True))
    assert await asyncio.to_thread(until, lambda: len(cases(story)) == 1)
    put(inbox, "hotline.jsonl", in_danger())
    assert await asyncio.to_thread(until, lambda: [case.priority for case in cases(story)][-1] == "P0")
    assert await asyncio.to_thread(until, lambda: files(inbox)["taking"] == [])
    assert not run.done()
    over.set()
    assert (await run).name == "2 cases, 0 duplicates, 0 held"
    danger = cases(story)[-1]
    assert danger.status == "in_legal_review"
    assert {letter.state for letter in story.letters(danger.number, "police_referral")} == {"sent"}
    assert woken == ["qorgan.lane.child-safety", "qorgan.lane.routine"] * 2, "after each file"


async def test_a_second_run_leaves_the_inbox_to_the_first(story: Story, inbox: Path, woken: list[str]) -> None:
    put(inbox, "monday.jsonl", report())
    with Turn(inbox) as first:
        assert first.taken()
        assert (await intake(return_state=True)).name == "Another intake is at work"
        assert cases(story) == []
        assert "inbox" not in story.last_successes(), "it has done nothing"
    assert (await intake(return_state=True)).name == "1 case, 0 duplicates, 0 held"


async def test_an_inbox_that_cannot_be_written_fails_the_run_without_telling_where_it_is(
    story: Story, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(folder: Path) -> Turn:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(module, "Turn", forbidden)
    state = await intake(return_state=True)
    assert state.is_failed()
    assert "PermissionError" in str(state.message)
    assert str(inbox) not in str(state.message)


async def test_a_run_that_watches_goes_on_where_the_one_before_it_ends(
    story: Story, inbox: Path, woken: list[str], over: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Event()

    def taken(turn: Turn) -> bool:
        answer = whether_taken(turn)
        asked.set()
        return answer

    put(inbox, "monday.jsonl", report())
    with Turn(inbox) as first:
        assert first.taken()
        whether_taken = Turn.taken
        monkeypatch.setattr(Turn, "taken", taken)
        run = asyncio.create_task(intake(watch_seconds=50, return_state=True))
        assert await asyncio.to_thread(asked.wait, PATIENCE_SECONDS)
        assert cases(story) == []
    assert await asyncio.to_thread(until, lambda: len(cases(story)) == 1)
    over.set()
    assert (await run).name == "1 case, 0 duplicates, 0 held"


async def test_a_run_has_read_the_letters_of_danger_before_another_gives_it_its_turn(
    story: Story, inbox: Path, woken: list[str], over: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = letters_read_ahead(monkeypatch)
    with Turn(inbox) as other:
        assert other.taken()
        run = asyncio.create_task(intake(watch_seconds=50, return_state=True))
        assert await asyncio.to_thread(until, other.awaited)
        assert set(read) == {"police_referral", "duty_alert"}
    over.set()
    await run


async def test_a_run_whose_time_is_over_watches_until_another_waits_for_its_turn(
    story: Story, inbox: Path, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.05)
    begun = iter([0.0])
    monkeypatch.setattr(module, "monotonic", lambda: next(begun, 60.0))
    run = asyncio.create_task(intake(watch_seconds=50, return_state=True))
    put(inbox, "monday.jsonl", report())
    assert await asyncio.to_thread(until, lambda: len(cases(story)) == 1)
    put(inbox, "tuesday.jsonl", report())
    assert await asyncio.to_thread(until, lambda: len(cases(story)) == 2), "no other run has come"
    assert not run.done()
    with Turn(inbox) as other:
        assert not other.taken()
        assert (await run).name == "2 cases, 0 duplicates, 0 held"
        assert other.taken()


async def test_the_inbox_is_watched_while_prefect_makes_no_run_to_show(
    story: Story, inbox: Path, woken: list[str], over: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = asyncio.Event()

    async def stands_still(case_numbers: list[str]) -> None:
        await answers.wait()

    monkeypatch.setattr("flows.case_lifecycle.show_driven", stands_still)
    put(inbox, "monday.jsonl", in_danger())
    run = asyncio.create_task(intake(watch_seconds=50, return_state=True))
    assert await asyncio.to_thread(until, lambda: len(cases(story)) == 1)
    put(inbox, "tuesday.jsonl", in_danger())
    assert await asyncio.to_thread(until, lambda: [case.status for case in cases(story)] == ["in_legal_review"] * 2)
    over.set()
    with Turn(inbox) as other:
        assert await asyncio.to_thread(until, other.taken), "nor does another run wait for that"
    assert await asyncio.to_thread(until, lambda: "inbox" in story.last_successes())
    assert not run.done()
    answers.set()
    assert (await run).name == "2 cases, 0 duplicates, 0 held"


async def test_a_file_that_is_still_being_written_is_left_alone(story: Story, inbox: Path, woken: list[str]) -> None:
    for name in ("report.jsonl.part", ".report.jsonl", "report.jsonl~"):
        put(inbox, name, report())
    assert (await intake(return_state=True)).name == "Inbox empty"
    assert len(files(inbox)["inbox"]) == 3


async def test_a_file_put_in_twice_makes_no_second_case(story: Story, inbox: Path, woken: list[str]) -> None:
    fields = report()
    put(inbox, "same.jsonl", fields)
    assert (await intake(return_state=True)).is_completed()
    put(inbox, "same.jsonl", fields)
    assert (await intake(return_state=True)).name == "0 cases, 1 duplicate, 0 held"
    assert len(cases(story)) == 1


async def test_a_file_of_the_same_name_as_one_a_crash_left_does_not_overwrite_it(
    story: Story, inbox: Path, woken: list[str]
) -> None:
    (inbox / "taking").mkdir()
    put(inbox / "taking", "same.jsonl", report())
    put(inbox, "same.jsonl", report())
    assert (await intake(return_state=True)).name == "2 cases, 0 duplicates, 0 held"
    assert files(inbox) == {"inbox": [], "taking": []}


async def test_what_cannot_be_read_is_held_and_the_rest_goes_on(story: Story, inbox: Path, woken: list[str]) -> None:
    (inbox / "a-broken.json").write_bytes(b'{"links": [')
    (inbox / "b-nothing.bin").write_bytes(bytes(range(256)))
    (inbox / "c-empty.csv").write_bytes(b"")
    put(inbox, "d-good.jsonl", report())
    state = await intake(return_state=True)
    assert state.is_completed()
    held = [row for row in story.all(Report) if row.state == "held"]
    assert {row.source for row in held} >= {"a-broken.json", "b-nothing.bin"}
    assert len(cases(story)) == 1
    assert files(inbox)["inbox"] == files(inbox)["taking"] == []


async def test_danger_to_a_child_behind_six_hundred_others_is_acted_on_before_the_lanes_are_woken(
    story: Story, inbox: Path, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, "hotline.jsonl", *(report() for _ in range(600)), in_danger())
    sent_before_waking: list[set[str]] = []

    def note(_lanes: object) -> None:
        sent_before_waking.append({letter.kind for letter in story.letters(number()) if letter.state == "sent"})

    def number() -> str:
        return next(case.number for case in story.all(CaseFile) if case.priority == "P0")

    monkeypatch.setattr(module, "wake", note)
    state = await intake(return_state=True)
    assert state.name == "601 cases, 0 duplicates, 0 held"
    assert sent_before_waking == [{"police_referral", "duty_alert"}]
    assert len(story.mail()) == 2
    [run] = await recorded.child_runs(state)
    assert (run.name, run.state_name) == (number(), "Awaiting legal review")
    assert {case.status for case in story.all(CaseFile) if case.priority != "P0"} == {"received"}


async def test_danger_in_one_file_is_acted_on_before_the_next_file_is_opened(
    story: Story, inbox: Path, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, "a.jsonl", in_danger())
    put(inbox, "b.jsonl", report())
    mails_at: dict[str, int] = {}
    split = inbox_module.split_file

    def note(name: str, data: bytes) -> Any:
        mails_at[name] = len(story.mail())
        return split(name, data)

    monkeypatch.setattr(inbox_module, "split_file", note)
    assert (await intake(return_state=True)).is_completed()
    assert mails_at == {"a.jsonl": 0, "b.jsonl": 2}


async def test_a_p0_that_the_lane_drives_already_is_left_to_it(
    story: Story, inbox: Path, woken: list[str], recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, "a.jsonl", in_danger(), in_danger())
    taken: list[str] = []

    def meanwhile(runtime: Runtime, *asked: Any, **more: Any) -> list[str]:
        taken.extend(case_lifecycle.claim(runtime, "child-safety", "the lane", 1))
        return case_lifecycle.claim(runtime, *asked, **more)

    monkeypatch.setattr(module, "claim", meanwhile)
    state = await intake(return_state=True)
    assert state.is_completed()
    [run] = await recorded.child_runs(state)
    assert [run.name] == [case.number for case in cases(story) if case.number not in taken]
    assert [story.case(number).lease_owner for number in taken] == ["the lane"]


async def test_a_p0_that_fails_is_set_aside_and_the_rest_of_the_inbox_is_taken_in(
    story: Story, inbox: Path, woken: list[str], stumbling: Callable[[str], None]
) -> None:
    poisoned, other = "KZ-2026-000001", "KZ-2026-000002"
    stumbling(poisoned)
    put(inbox, "a.jsonl", in_danger(), in_danger())
    put(inbox, "b.jsonl", report())
    state = await intake(return_state=True)
    assert state.is_failed()
    assert state.name == "1 P0 failed"
    assert poisoned in (state.message or "")
    assert SECRET not in (state.message or "")
    assert story.status(other) == "in_legal_review"
    assert len(cases(story)) == 3
    assert len(woken) == 2
    assert {letter.state for letter in story.letters(poisoned, "police_referral")} == {"sent"}, "before the drive"


async def test_a_crash_between_storing_and_reading_is_completed_by_the_next_run(
    story: Story, inbox: Path, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, "a.jsonl", report(), in_danger())

    def crash(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(intake_tasks, "_read", crash)
        assert (await intake(return_state=True)).is_failed()
    assert [row.state for row in story.all(Report)] == ["stored", "stored"]
    assert cases(story) == []
    assert files(inbox)["taking"] == ["a.jsonl"]
    state = await intake(return_state=True)
    assert state.is_completed()
    assert [case.priority for case in cases(story)] == ["P3", "P0"]
    assert {letter.state for letter in story.letters(cases(story)[1].number, "police_referral")} == {"sent"}
    assert len(story.mail()) == 2, "the file is read again, and makes no second case and no second alarm"
    assert files(inbox) == {"inbox": [], "taking": []}
    story.assert_sound()


async def test_a_file_without_a_single_report_is_put_aside_and_not_removed(
    story: Story, inbox: Path, woken: list[str]
) -> None:
    (inbox / "empty.jsonl").write_bytes(b"\n\n")
    put(inbox, "full.jsonl", report())
    assert (await intake(return_state=True)).name == "1 case, 0 duplicates, 0 held"
    assert (inbox / "empty" / "empty.jsonl").read_bytes() == b"\n\n"


async def test_a_file_that_cannot_be_opened_holds_up_no_other(
    story: Story, inbox: Path, woken: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(inbox, "locked.jsonl", report())
    put(inbox, "open.jsonl", report())
    read = Path.read_bytes

    def read_bytes(path: Path) -> bytes:
        if path.name == "locked.jsonl":
            raise PermissionError(path)
        return read(path)

    monkeypatch.setattr(Path, "read_bytes", read_bytes)
    assert (await intake(return_state=True)).name == "1 case, 0 duplicates, 0 held"
    assert files(inbox)["taking"] == ["locked.jsonl"]

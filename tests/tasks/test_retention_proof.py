"""Erased is erased: no byte of it is left in the database's file, its log or a dump; and a killed run loses nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import event

from casework.vocabulary import Action
from db.tables import CaseFile, ErasureRun, Tombstone
from tasks.collect_outcomes import collect
from tasks.retention import erase_due
from tasks.runtime import Runtime
from tests.database import find_binaries
from tests.mail_room import MailRoom
from tests.stories import REVIEWER, SQLITE_ONLY, Story, report
from tests.tasks.dying import die_at_commit, in_another_process

CANARY = "kanarka"
VIDEO = "https://www.tiktok.com/@kanarka-account/video/7300000000424242424?tag=kanarka-link"
PEOPLE = {
    "reporter": {"name": "Kanarka Name", "email": "kanarka-mail@mail.example", "phone": "+7 701 kanarka"},
    "victim": {"name": "Kanarka Victim"},
}  # fmt: skip
TEXTS = ("description", "quote", "translation", "why_unlawful", "reference")
FIVE_YEARS = 5 * 366


def whole_life(story: Story, name: str = "kanarka-file.jsonl") -> str:
    """A case with a canary in every place that a reporter, a platform or a correspondent can write into."""
    words = {field: f"kanarka-{field} {field}" for field in TEXTS}
    [result] = story.hand_in(report(links=[VIDEO], **PEOPLE, **words), name=name)
    number = str(result.case_number)
    story.drive(number)
    story.approve(number)
    story.drive(number)
    story.send_letters()
    room = MailRoom(story)
    letter = story.letters(number, "platform_notice")[0]
    for turn in range(3):
        raw = room.answer(
            letter, f"kanarka-answer {turn} " * 400, Subject="kanarka-subject", Message_ID=f"<kanarka-{turn}@k.example>"
        )
        room.comes(raw)
    story.answer(number, "no_action", reason="kanarka-platform-reason")
    collect(story.runtime)
    story.drive(number)
    story.send_letters()
    return number


def files_of(story: Story) -> Iterator[tuple[str, bytes]]:
    """Every byte that the database keeps: SQLite's files, or a dump."""
    url = story.runtime.engine.url
    if url.get_backend_name() == "sqlite":
        assert url.database is not None
        for path in sorted(Path(url.database).parent.glob(f"{Path(url.database).name}*")):
            yield path.name, path.read_bytes()
        return
    command = [str(find_binaries() / "pg_dump"), "-h", str(url.query["host"]), "-U", "postgres", "--inserts"]
    yield "dump", subprocess.run([*command, str(url.database)], capture_output=True, timeout=60, check=True).stdout


def found_in(story: Story, needles: list[bytes]) -> set[bytes]:
    return {needle for _, data in files_of(story) for needle in needles if needle.lower() in data.lower()}


def test_no_byte_of_what_was_erased_is_left(story: Story) -> None:
    """Sealed things are looked for by their sealed bytes, plain ones by the words planted in them."""
    whole_life(story)
    with story.runtime.engine.connect() as connection:
        sealed = [
            bytes(row[0])[:24]
            for table, column in (
                ("report", "raw_sealed"), ("party", "sealed"), ("letter_message", "sealed"),
                ("inbound_mail", "raw_sealed"),
            )
            for row in connection.exec_driver_sql(f"SELECT {column} FROM {table}")
        ]  # fmt: skip
    assert len(sealed) >= 8
    hexed = [value.hex().encode() for value in sealed]
    planted = [CANARY.encode(), b"7300000000424242424", *sealed, *hexed]
    assert found_in(story, [CANARY.encode()]), "the canaries are there before"
    story.later(days=FIVE_YEARS)
    found = erase_due(story.runtime)
    assert (found.failed, found.kept) == ([], {})
    assert found_in(story, planted) == set()
    story.assert_sound()


def test_every_event_of_a_whole_life_is_free_of_people_and_links(story: Story) -> None:
    """What is never erased may hold nothing that would have to be."""
    whole_life(story)
    with story.runtime.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT kind, actor_name, reason, data FROM event").all()
    said = "\n".join(map(str, rows)).lower()
    assert "kanarka" not in said
    assert "://" not in said


def erase_and_die(story: Story, commits: int) -> bool:
    """Erase in a process that is killed at the moment of its next commit after ``commits``; whether it came to that."""

    def erase(its_own: Runtime) -> None:
        die_at_commit(its_own, commits)
        erase_due(its_own)

    return in_another_process(story.runtime, erase).killed


@SQLITE_ONLY
def test_a_run_killed_at_each_of_its_commits_is_ended_by_the_next(story: Story) -> None:
    """Begun, each of two cases, closed: whatever was not committed is still due, and nothing is erased by halves."""
    for _ in range(2):
        number = story.to_review()
        story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    story.later(days=FIVE_YEARS)
    erased = []
    for commits in range(20):
        if not erase_and_die(story, commits):
            break
        story.assert_sound()
        erased.append(sum(not row.description for row in story.all(CaseFile)))
    assert erased == sorted(erased)
    assert erase_due(story.runtime).due == 0
    assert sum(not row.description for row in story.all(CaseFile)) == 2
    assert [run.state for run in story.all(ErasureRun)].count("running") == 0
    stones = [(row.table_name, row.row_id) for row in story.all(Tombstone)]
    assert len(stones) == len(set(stones))
    story.assert_sound()


@SQLITE_ONLY
def test_what_fails_at_its_commit_is_erased_by_the_next_run(story: Story) -> None:
    number = story.to_review()
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    story.later(days=FIVE_YEARS)
    full = iter([False, True])

    def disk_full(_connection: object) -> None:
        if next(full, False):
            raise OSError("disk full")

    event.listen(story.runtime.engine, "commit", disk_full)
    try:
        assert erase_due(story.runtime).failed == [number]
    finally:
        event.remove(story.runtime.engine, "commit", disk_full)
    assert story.case(number).description
    assert erase_due(story.runtime).erased == 1
    story.assert_sound()

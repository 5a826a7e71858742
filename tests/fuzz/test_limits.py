"""Every row of docs/limits.md: one more than may be is answered, and what was handed in is still there."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from casework.calendar_feed import MOST_DAYS, FeedUnreadable, read_feed
from casework.errors import ConfigurationError, PackError, ReportRefused
from casework.report import MAX_LINKS, MAX_RAW_BYTES
from casework.report_formats import LONGEST_HEADER, MOST_COLUMNS, RawReport, split_file
from db.tables import HeldItem, Report
from desk import reports
from desk.output import LONGEST_WORD
from tasks import inbox
from tasks.intake import take_in
from tasks.intake_reading import read_raw
from tasks.runtime import MAX_PACK_FILE_BYTES, load_pack, pack_texts
from tasks.settings import POLICIES
from tasks.users import MAX_BYTES, read_users
from tests.desk.conftest import AtTheDesk
from tests.desk.conftest import database_url as database_url
from tests.fuzz.material import LINES, MAIL, SECONDS
from tests.mail_room import MailRoom
from tests.stories import INTAKE, REVIEWER, START, Story, link, report

LONG_MAIL = MAIL.replace(b"7300000000000000003", b"7300000000000000003 " + b"x" * 1_000_001)
LONG_REPORT = json.dumps(report(description="x" * MAX_RAW_BYTES)).encode()

HELD = {
    "a report of too many bytes": ("a.jsonl", LONG_REPORT, "too_large"),
    "too many links": ("a.jsonl", json.dumps(report(links=[link(1)] * (MAX_LINKS + 1))).encode(), "bad_field"),
    "too many indicators": ("a.jsonl", json.dumps(report(indicators=["a"] * 51)).encode(), "bad_field"),
    "too long a text": ("a.jsonl", json.dumps(report(description="x" * 20_001)).encode(), "bad_field"),
    "too long a link": ("a.jsonl", json.dumps(report(links=["https://x.example/" + "a" * 2_100])).encode(), "bad_link"),
    "nesting without end": ("a.jsonl", b'{"links": ' + b"[" * 200_000, "malformed"),
    "a number without end": ("a.jsonl", b'{"links": ' + b"9" * 100_000 + b"}", "malformed"),
    "too many columns": ("a.csv", b"url" + b",x" * MOST_COLUMNS + b"\nhttps://x.example/\n", "wrong_header"),
    "too long a header": ("a.csv", b"url," + b"x" * LONGEST_HEADER + b"\nhttps://x.example/,1\n", "wrong_header"),
    "a header with NUL": ("a.csv", b"url,a\x00b\nhttps://x.example/,1\n", "nul_bytes"),
    "a mail of too much text": ("a.eml", LONG_MAIL, "too_large"),
}  # fmt: skip


@pytest.mark.parametrize("what", HELD)
def test_a_report_beyond_its_bounds_is_held_with_its_reason_and_its_bytes_are_kept(story: Story, what: str) -> None:
    name, data, reason = HELD[what]
    [result] = take_in(story.runtime, split_file(name, data), INTAKE)
    assert (result.state, result.reason) == ("held", reason)
    [row] = story.all(Report)
    assert row.raw_bytes == len(story.runtime.vault.open(row.raw_sealed, "report")) > 0


def test_a_wide_header_is_stored_once_and_not_beside_every_row() -> None:
    rows = b"https://x.example/\n" * 1_000
    stored = list(split_file("a.csv", b"url," + b"x" * 1_000_000 + b"\n" + rows))
    assert sum(len(",".join(raw.header)) for raw in stored) < 2_000_000


def test_a_file_in_the_inbox_that_is_too_large_is_put_aside_and_held(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "LARGEST_FILE", 10)
    folder = story.runtime.settings.inbox
    folder.mkdir()
    (folder / "a.jsonl").write_bytes(LINES)
    assert list(inbox.take_in_inbox(story.runtime)) == []
    assert (folder / "too-large" / "a.jsonl").read_bytes() == LINES
    [held] = story.all(HeldItem)
    assert (held.reason, held.part) == ("too_large", "file")
    assert list(inbox.take_in_inbox(story.runtime)) == [], "it is held once"
    assert len(story.all(HeldItem)) == 1


def test_a_file_at_the_desk_that_is_too_large_is_refused_and_nothing_taken_in(
    desk: AtTheDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "LARGEST_FILE", 10)
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINES)
    assert "[intake.file_too_large]" in desk.refuses("report", "add", path, "--as", INTAKE)
    assert desk.story.all(Report) == []


def test_of_a_mail_that_is_too_long_the_head_and_the_file_are_kept(story: Story) -> None:
    small = story.with_settings(mail_max_bytes=500)
    room = MailRoom(small)
    path = room.put(MAIL + b"x" * 500, "long.eml")
    assert room.fetch().failed == 0
    small.close()
    [mail] = room.mails()
    assert mail.state == "held"
    assert not path.exists()
    [kept] = (path.parent / "too-large").iterdir()
    assert kept.read_bytes() == MAIL + b"x" * 500


def test_a_word_at_the_desk_is_bounded_and_must_be_text(desk: AtTheDesk) -> None:
    for word in ("x" * (LONGEST_WORD + 1), os.fsdecode(b"\xff")):
        assert "[desk.word]" in desk.refuses("hold", "place", "KZ-2026-000001", "--as", REVIEWER, "--reason", word)


def test_a_pack_is_bounded_by_file_and_by_what_its_aliases_repeat(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    for name, text in pack_texts(POLICIES / "kz-ministry").items():
        (folder / (name if "." in name else f"{name}.yaml")).write_text(text, encoding="utf-8")
    load_pack(folder)
    whole = (folder / "roles.yaml").read_bytes()
    for spoiled, said in (
        (whole + b"#" * MAX_PACK_FILE_BYTES, "longer than"),
        (b"\xff\xfe" + whole, "not UTF-8"),
        (b"a: &a [x, x]\nb: [" + b"*a," * 40_000 + b"]\n", "aliases counted"),
    ):
        (folder / "roles.yaml").write_bytes(spoiled)
        with pytest.raises(PackError, match=said):
            load_pack(folder)


def test_a_users_file_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "users.yaml"
    path.write_bytes(b"users: []\n" + b"#" * MAX_BYTES)
    with pytest.raises(ConfigurationError, match="longer than"):
        read_users(path)


def test_a_feed_is_bounded_by_its_days() -> None:
    event = b"BEGIN:VEVENT\r\nUID:%d\r\nDTSTART;VALUE=DATE:20260101\r\nSUMMARY:%d\r\nEND:VEVENT\r\n"
    days = b"".join(event % (number, number) for number in range(MOST_DAYS + 1))
    with pytest.raises(FeedUnreadable, match="no calendar of holidays"):
        read_feed(b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:a\r\n" + days + b"END:VCALENDAR\r\n", 2026)


def test_a_report_at_its_bounds_is_read_in_seconds(story: Story) -> None:
    """As much as may be, and no more: 200 links, texts as long as they may be."""
    fields = report(
        links=[link(number) for number in range(MAX_LINKS)], description="https://x.example/ " * 1_000,
        quote="(" * 20_000, why_unlawful="'" * 20_000,
    )  # fmt: skip
    began = time.process_time()
    found = read_raw(RawReport("a.jsonl", 1, "jsonl", json.dumps(fields).encode()), START, story.runtime.pack)
    assert len(found.items) == MAX_LINKS
    assert time.process_time() - began < SECONDS


def test_what_is_no_report_at_all_is_refused_by_name(story: Story) -> None:
    with pytest.raises(ReportRefused):
        read_raw(RawReport("a.json", 1, "json", b"[]"), START, story.runtime.pack)

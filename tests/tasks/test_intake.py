"""Reports in: nothing lost, nothing twice, a child in danger never held up."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import select

from casework.errors import NotAllowed, QorganError
from casework.report_formats import RawReport, split_file
from casework.vocabulary import ReportState
from db.queries.reports import held_items
from db.tables import CaseFile, Clock, HeldItem, Letter, Party, Report
from tasks import intake
from tasks.holding_pen import settle
from tasks.record import transaction
from tests.stories import (
    INTAKE,
    OTHER_INTAKE,
    REVIEWER,
    SQLITE_ONLY,
    START,
    Story,
    in_danger,
    link,
    report,
)  # fmt: skip

STATES = ReportState


def _raw(*reports: object) -> list[RawReport]:
    lines = b"\n".join(json.dumps(fields).encode() for fields in reports)
    return list(split_file("reports.jsonl", lines))


def _held(story: Story, *, settled: bool = False) -> list[HeldItem]:
    with story.runtime.sessions.read() as session:
        return list(held_items(session, settled=settled))


def test_a_dry_run_says_everything_and_writes_nothing(story: Story) -> None:
    before = story.counts()
    reports = _raw(report(), {"links": []}, in_danger())
    tried = intake.take_in(story.runtime, reports, INTAKE, dry_run=True)
    assert [result.state for result in tried] == [STATES.CASE, STATES.HELD, STATES.CASE]
    assert story.counts() == before
    real = intake.take_in(story.runtime, reports, INTAKE)
    assert [(r.state, r.priority, r.reason) for r in real] == [(t.state, t.priority, t.reason) for t in tried]
    story.send_letters()
    assert len(story.mail("reporter@mail.example")) == 2


@SQLITE_ONLY
def test_only_specialists_take_reports_in(story: Story) -> None:
    for person in (REVIEWER, "dina", "stranger"):
        with pytest.raises(NotAllowed):
            story.hand_in(report(), by=person)
    assert story.all(Report) == []


def test_the_same_file_twice_opens_no_second_case_and_sends_no_second_letter(story: Story) -> None:
    reports = [report(), in_danger(), {"links": []}]
    first = story.hand_in(*reports)
    story.send_letters()
    sent = len(story.mail())
    again = story.hand_in(*reports, by=OTHER_INTAKE)
    story.send_letters()
    assert [result.state for result in again] == [STATES.DUPLICATE] * 3
    assert {result.reason for result in again} == {"same_bytes"}
    assert [result.case_number for result in again] == [result.case_number for result in first]
    assert len(story.all(CaseFile)) == 2
    assert len(story.mail()) == sent
    story.assert_sound()


@SQLITE_ONLY
def test_the_same_row_twice_in_one_file_is_one_case_that_both_are_told_of(story: Story) -> None:
    twin = report()
    first, second = story.hand_in(twin, twin)
    assert (first.state, second.state) == (STATES.CASE, STATES.DUPLICATE)
    assert second.case_number == first.case_number
    assert {row.case_id for row in story.all(Report)} == {story.all(CaseFile)[0].id}


def test_what_a_crash_left_stored_is_read_by_the_next_intake(story: Story) -> None:
    runtime = story.runtime
    with runtime.sessions.write.begin() as session:
        intake._store(session, runtime, _raw(report(), in_danger()), runtime.users.actor(INTAKE), runtime.now())
    assert {row.state for row in story.all(Report)} == {"stored"}
    assert story.all(CaseFile) == []
    story.later(hours=2)
    results = intake.read_stored(runtime)
    assert [result.state for result in results] == [STATES.CASE, STATES.CASE]
    assert {case.intake_by for case in story.all(CaseFile)} == {INTAKE}
    assert {case.received_at for case in story.all(CaseFile)} == {START}
    assert intake.read_stored(runtime) == []
    story.assert_sound()


@SQLITE_ONLY
def test_a_child_in_danger_is_not_held_up_by_a_field_that_cannot_be_read(story: Story) -> None:
    [result] = story.hand_in(in_danger(observed_at="yesterday", age_band="eleven", territories="everywhere"))
    assert (result.state, result.priority) == (STATES.CASE, "P0")
    assert result.case_number is not None
    parts = {held.part: held.reason for held in _held(story)}
    assert parts == {"observed_at": "bad_date", "age_band": "bad_field", "territories": "bad_field"}
    assert all("yesterday" not in held.message and "eleven" not in held.message for held in _held(story))
    assert sorted(row.kind for row in story.letters(result.case_number)) == ["duty_alert", "police_referral", "receipt"]
    assert story.events(result.case_number)[0].data["left_out"] == ["observed_at", "age_band", "territories"]


@SQLITE_ONLY
def test_the_same_fault_without_danger_is_held_and_nothing_else(story: Story) -> None:
    [result] = story.hand_in(report(observed_at="yesterday"))
    assert (result.state, result.reason, result.case_number) == (STATES.HELD, "bad_date", None)
    assert story.all(CaseFile) == []
    assert story.all(Letter) == []


@SQLITE_ONLY
def test_a_link_that_cannot_be_used_is_held_while_the_others_go_on(story: Story) -> None:
    [result] = story.hand_in(report(links=[link(), "ftp://files.example/video", "https://user:pw@site.example/"]))
    assert result.state is STATES.CASE
    assert {(held.part, held.reason) for held in _held(story)} == {("link 2", "bad_link"), ("link 3", "bad_link")}
    assert len(story.items(str(result.case_number))) == 1


@SQLITE_ONLY
def test_what_is_held_has_a_clock_and_settling_it_stops_it(story: Story) -> None:
    story.hand_in({"links": []})
    [held] = _held(story)
    [clock] = [row for row in story.all(Clock) if row.subject_kind == "hold"]
    assert (clock.rule_id, clock.state, clock.case_id) == ("kz.hold.pen", "running", None)
    story.later(hours=1)
    with transaction(story.runtime) as session:
        settle(session, story.runtime, held.id, story.runtime.users.actor(INTAKE), "Asked the school.", story.clock())
    [clock] = [row for row in story.all(Clock) if row.subject_kind == "hold"]
    assert (clock.state, clock.stopped_at, clock.next_check_at) == ("met", story.clock(), None)
    assert [row.settled_by for row in _held(story, settled=True)] == [INTAKE]
    with pytest.raises(QorganError, match="nothing is held"), transaction(story.runtime) as session:
        settle(session, story.runtime, held.id, story.runtime.users.actor(INTAKE), "Asked again.", story.clock())


@SQLITE_ONLY
def test_settling_needs_a_word_about_what_was_done(story: Story) -> None:
    story.hand_in({"links": []})
    [held] = _held(story)
    with pytest.raises(QorganError, match="say what was done"), transaction(story.runtime) as session:
        settle(session, story.runtime, held.id, story.runtime.users.actor(INTAKE), " ok ", story.clock())
    assert [row.state for row in _held(story)] == ["held"]


def test_raw_bytes_can_be_unsealed_exactly_and_stand_nowhere_in_the_clear(story: Story) -> None:
    raw = json.dumps(report(description="Ескерту: құпия сөз"), ensure_ascii=False).encode("utf-8") + b"   "
    [result] = intake.take_in(story.runtime, split_file("a.jsonl", raw), INTAKE)
    with story.runtime.sessions.read() as session:
        row = session.get_one(Report, result.report_id)
        assert intake.unsealed(story.runtime, row).raw.raw == raw
        assert raw not in row.raw_sealed
        assert "құпия".encode() not in row.raw_sealed
        assert row.raw_bytes == len(raw)
        assert b"reporter@mail.example" not in b"".join(party.sealed for party in session.scalars(select(Party)))


def test_a_file_larger_than_a_batch_is_taken_in_whole_and_in_order(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also over the boundary of a batch: a duplicate of a row in another batch still finds its case."""
    monkeypatch.setattr(intake, "BATCH", 50)
    rows = [{"links": [link(500_000 + number)], "category": "fraud", "language": "ru"} for number in range(120)]
    rows[100] = {"links": [link(500_000 + 3, "mirror")], "category": "fraud"}
    results = story.hand_in(*rows)
    assert [result.row for result in results] == list(range(1, 121))
    assert [result.state for result in results].count(STATES.CASE) == 119
    assert results[100].case_number == results[3].case_number
    numbers = [case.number for case in story.all(CaseFile)]
    assert len(set(numbers)) == 119
    story.assert_sound()


@SQLITE_ONLY
def test_two_thousand_rows_come_in_by_batches(story: Story) -> None:
    rows = [{"links": [link(600_000 + number)], "category": "fraud", "language": "ru"} for number in range(2_000)]
    results = story.hand_in(*rows)
    assert len(results) == 2_000 > intake.BATCH
    assert {result.state for result in results} == {STATES.CASE}
    assert max(case.number for case in story.all(CaseFile)) == "KZ-2026-002000"
    story.assert_sound()


@SQLITE_ONLY
def test_one_report_that_breaks_the_reader_is_held_and_the_rest_is_read(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong with a reader, a report is never lost, and never in the way of the others."""
    real = intake.read_raw

    def broken(raw: RawReport, *rest: object) -> object:
        if b"poison" in raw.raw:
            raise AttributeError("a fault of ours")
        return real(raw, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(intake, "read_raw", broken)
    results = story.hand_in(report(), report(reference="poison"), report())
    assert [result.state for result in results] == [STATES.CASE, STATES.HELD, STATES.CASE]
    assert [held.reason for held in _held(story)] == ["malformed"]
    story.assert_sound()


HOSTILE = [
    b'{"links": ["https://www.tiktok.com/@a/video/7300000000000000001"], "\\ud800": 1}',
    b'{"links": ["https://www.tiktok.com/@a/video/7300000000000000002"], "description": "\\ud800"}',
    b'{"links": ["https://www.tiktok.com/@a/video/7300000000000000003"], "reporter": {"name": "a\\u0000b"}}',
    b'{"links": {"a": 1}}',
    b'{"links": ["' + b"a" * 5_000 + b'"]}',
    b"[" * 100_000,
    b'{"links": [1e999]}',
    b"\xff\xfe\x00",
    b"{}",
    b"null",
]


def test_hostile_rows_are_answered_and_stop_nobody(story: Story) -> None:
    lines = b"\n".join([*HOSTILE, json.dumps(report()).encode()])
    results = intake.take_in(story.runtime, split_file("hostile.jsonl", lines), INTAKE)
    assert len(results) == len(HOSTILE) + 1
    assert results[-1].state is STATES.CASE
    assert not [row for row in story.all(Report) if row.state == "stored"]
    story.assert_sound()


@SQLITE_ONLY
def test_names_of_unknown_fields_are_kept_without_what_a_reporter_may_hide_in_them(story: Story) -> None:
    [result] = story.hand_in(
        {**report(), "colour": 1, "https://evil.example/x": 2, "Aida Practice, aida@mail.example": 3, "x" * 500: 4}
    )
    [received] = story.events(str(result.case_number), "case.received")
    told = json.dumps(received.data)
    assert "colour" in told
    assert "evil.example" not in told
    assert "aida@mail.example" not in told
    assert "x" * 500 not in told

"""`qorgan report add`: every report is answered, none is lost, danger to a child is acted on at once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import func, select

from db.tables import CaseFile, Event, Letter, Report
from desk import reports
from tasks import intake, runtime
from tasks.settings import ROOT
from tests.desk.conftest import AtTheDesk
from tests.stories import close_runtime, in_danger, report

EXAMPLES = ROOT / "examples" / "reports"


def a_file(folder: Path, *fields: dict[str, object], name: str = "reports.jsonl") -> Path:
    path = folder / name
    path.write_text("\n".join(json.dumps(one) for one in fields), encoding="utf-8")
    return path


def rows_of(desk: AtTheDesk) -> list[int]:
    """Reports, cases, events and letters; the event with which the policy was adopted was there before."""
    with desk.story.runtime.sessions.read() as session:
        found = [
            session.scalar(select(func.count()).select_from(kind)) or 0 for kind in (Report, CaseFile, Event, Letter)
        ]
    return [count - (kind is Event) for count, kind in zip(found, (Report, CaseFile, Event, Letter), strict=True)]


def test_every_example_report_is_answered_and_the_totals_add_up(desk: AtTheDesk) -> None:
    told = desk.tells("report", "add", EXAMPLES, "--as", "aigerim")
    totals = told["totals"]
    assert totals["reports"] == len(told["reports"]) == 71
    assert totals["created"] + totals["duplicates"] + totals["held"] == 71
    assert sum(totals["by_priority"].values()) == totals["created"]
    assert all(row["reason"] for row in told["reports"] if row["result"] == "held")


def test_a_folder_is_taken_in_by_name(desk: AtTheDesk, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    (folder / "a").mkdir(parents=True)
    for name in ("b.jsonl", "a/c.jsonl", ".hidden.jsonl"):
        a_file(folder, report(), name=name)
    sources = [row["source"] for row in desk.tells("report", "add", folder, "--as", "aigerim")["reports"]]
    assert sources == ["c.jsonl", "b.jsonl"]


def test_a_dry_run_answers_and_writes_nothing(desk: AtTheDesk) -> None:
    told = desk.tells("report", "add", EXAMPLES, "--as", "aigerim", "--dry-run")
    assert told["dry_run"] is True
    assert told["totals"]["created"] > 40
    assert rows_of(desk) == [0, 0, 0, 0]
    assert desk.story.mailbox.messages() == []


def test_danger_to_a_child_is_driven_and_told_to_the_police_at_once(desk: AtTheDesk, tmp_path: Path) -> None:
    told = desk.tells("report", "add", a_file(tmp_path, report(), in_danger()), "--as", "aigerim")
    calm, urgent = (row["case"] for row in told["reports"])
    assert desk.tells("case", "show", urgent)["waits_for"] == "Awaiting legal review"
    assert desk.tells("case", "show", calm)["status"] == "received"
    assert len(desk.story.mailbox.messages()) == 2, "the police and our duty officer"


def test_no_drive_only_takes_in(desk: AtTheDesk, tmp_path: Path) -> None:
    told = desk.tells("report", "add", a_file(tmp_path, in_danger()), "--as", "aigerim", "--no-drive")
    assert desk.tells("case", "show", told["reports"][0]["case"])["status"] == "received"
    assert desk.story.mailbox.messages() == []


def test_a_mail_server_that_is_down_is_a_warning_and_never_a_loss(desk: AtTheDesk, tmp_path: Path) -> None:
    deaf = desk.story.with_settings(smtp_port=1)
    with runtime.use(deaf.runtime):
        result = desk.run("report", "add", a_file(tmp_path, in_danger()), "--as", "aigerim")
    close_runtime(deaf.runtime)
    assert result.exit_code == 0
    assert "did not go out; they are stored" in result.stderr
    assert [letter["state"] for letter in desk.tells("letters", "list", "--kind", "police_referral")] == ["queued"]


def test_without_a_mail_server_people_are_told_to_call(desk: AtTheDesk, tmp_path: Path) -> None:
    mute = desk.story.with_settings(smtp_host=None)
    with runtime.use(mute.runtime):
        result = desk.run("report", "add", a_file(tmp_path, in_danger()), "--as", "aigerim")
    close_runtime(mute.runtime)
    assert result.exit_code == 0
    assert "no mail server is set" in result.stderr
    assert "Call the police" in result.stderr


@pytest.mark.parametrize("person", ["nobody-known", "daniyar", "dina", "liaison-meta"])
def test_only_a_specialist_takes_reports_in(desk: AtTheDesk, tmp_path: Path, person: str) -> None:
    said = desk.refuses("report", "add", a_file(tmp_path, report()), "--as", person)
    assert person in said
    assert "[actor." in said
    assert rows_of(desk) == [0, 0, 0, 0]


def test_a_file_that_is_too_large_is_refused_before_anything_is_taken_in(
    desk: AtTheDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "LARGEST_FILE", 2_000)
    small, large = a_file(tmp_path, report(), name="a.jsonl"), a_file(tmp_path, *[report()] * 9, name="b.jsonl")
    said = desk.refuses("report", "add", small, large, "--as", "aigerim")
    assert "b.jsonl" in said
    assert "[intake.file_too_large] Split it" in said
    assert rows_of(desk) == [0, 0, 0, 0]


def test_a_missing_file_is_a_matter_of_usage(desk: AtTheDesk, tmp_path: Path) -> None:
    assert desk.run("report", "add", tmp_path / "nothing.jsonl", "--as", "aigerim").exit_code == 2


def test_what_a_person_reads_names_source_row_result_case_and_reason(desk: AtTheDesk, tmp_path: Path) -> None:
    said = desk.says("report", "add", a_file(tmp_path, report(), report(links=[])), "--as", "aigerim")
    lines = [line for line in said.splitlines() if line.startswith("reports.jsonl")]
    assert lines[0].split()[:6] == ["reports.jsonl", "1", "created", "KZ-2026-000001", "P3", "fraud,"]
    assert lines[1].split()[2:4] == ["held", "no_link:"]
    assert "2 reports: 1 created (1 P3), 0 duplicates, 1 held." in said


def test_what_a_crash_left_unread_is_found_by_doctor_and_read_by_resume(
    desk: AtTheDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as crash:
        crash.setattr(intake, "_read", lambda *_: (_ for _ in ()).throw(SystemError("the power went")))
        assert desk.run("report", "add", a_file(tmp_path, in_danger()), "--as", "aigerim").exit_code == 1
    doctor = {found["check"]: found for found in json.loads(desk.run("doctor", "--json").stdout)}
    assert doctor["reports"]["verdict"] == "failed"
    assert "qorgan report resume" in doctor["reports"]["remedy"]
    told = desk.tells("report", "resume")
    assert told["totals"]["created"] == 1
    assert desk.tells("case", "show", told["reports"][0]["case"])["waits_for"] == "Awaiting legal review"
    assert desk.tells("report", "resume")["totals"]["reports"] == 0

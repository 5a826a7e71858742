"""Operating from the command line: drive, sweep, letters, escalations, the holding pen, doctor, waking Prefect."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from casework.vocabulary import Action
from db.tables import CaseFile
from desk.output import as_refusal
from tasks.orchestrator import known_address
from tasks.settings import ROOT
from tests.desk.conftest import AtTheDesk
from tests.stories import REVIEWER, report


def test_drive_takes_cases_as_far_as_they_go(desk: AtTheDesk) -> None:
    numbers = [desk.story.take_in() for _ in range(3)]
    told = desk.tells("drive", "--limit", "2")
    assert told["driven"] == dict.fromkeys(numbers[:2], "Awaiting legal review")
    assert list(desk.tells("drive", "--lane", "child-safety")["driven"]) == []
    assert list(desk.tells("drive", "--lane", "routine")["driven"]) == numbers[2:]


def silent(desk: AtTheDesk) -> str:
    """A case whose platform has not answered in time."""
    number = desk.in_review()
    desk.story.move(number, Action.APPROVE, REVIEWER)
    assert desk.story.drive(number).name == "Awaiting platform"
    desk.story.clock.advance(hours=49)
    return number


def test_a_dry_sweep_names_the_letters_it_would_write_and_writes_none(desk: AtTheDesk) -> None:
    number = silent(desk)
    before = desk.tells("letters", "list")
    told = desk.tells("sweep", "--dry-run")
    assert {"case": number, "letter": "platform_reminder", "to": "platform"} in told["letters"]
    assert "platform_reminder" in desk.says("sweep", "--dry-run")
    assert desk.tells("letters", "list") == before
    assert desk.tells("escalation", "list") == []


def test_an_escalation_is_raised_and_acknowledged_once(desk: AtTheDesk) -> None:
    number = silent(desk)
    assert desk.tells("sweep")["rungs"] == 1
    [rung] = desk.tells("escalation", "list", number)
    assert (rung["rung"], rung["to"], rung["acknowledged_at"]) == (1, "platform", None)
    assert f"{number}/S1" in desk.says("letters", "preview", "platform_reminder", number)
    acknowledged = ("escalation", "ack", rung["id"], "--as", "nurlan", "--via")
    assert desk.run(*acknowledged, "pigeon").exit_code == 2
    assert desk.tells(*acknowledged, "phone")["acknowledged_by"] == "nurlan"
    assert "[escalation.not_open]" in desk.refuses(*acknowledged, "phone")
    assert "Rung 1 acknowledged by phone." in desk.says("case", "show", number)


def test_letters_are_listed_by_case_state_and_kind(desk: AtTheDesk) -> None:
    one, _other = desk.story.take_in(), desk.story.take_in()
    assert [letter["case"] for letter in desk.tells("letters", "list", "--case", one.lower())] == [one]
    assert len(desk.tells("letters", "list", "--kind", "receipt", "--state", "queued")) == 2
    assert desk.tells("letters", "list", "--case", one, "--state", "sent") == []


def test_a_held_report_is_read_again_once_it_can_be(desk: AtTheDesk) -> None:
    [held] = desk.story.hand_in(report(observed_at="2026-03-18T10:00:00+05:00"))
    assert held.reason == "bad_date", "in the future, so far"
    [waiting] = desk.tells("held", "list")
    again = ("held", "replay", waiting["id"], "--as", "nurlan")
    assert desk.run(*again).exit_code == 1, "still in the future"
    assert len(desk.tells("held", "list")) == 1
    desk.story.later(hours=2)
    told = desk.tells(*again)
    assert told["result"] == "created"
    case = desk.tells("case", "show", told["case"])
    assert case["intake_by"] == "aigerim", "who took it in first stays the intake person"
    assert desk.tells("held", "list") == []
    [settled] = desk.tells("held", "list", "--settled")
    assert settled["settled_by"] == "nurlan"
    assert "[held.no_report]" in desk.refuses(*again)
    assert all(check["holds"] for check in desk.tells("audit", "invariants"))


def test_a_replay_keeps_todays_reason_and_holds_once(desk: AtTheDesk) -> None:
    desk.story.hand_in(report(links=[]))
    [before] = desk.tells("held", "list")
    desk.run("held", "replay", before["id"], "--as", "nurlan")
    [after] = desk.tells("held", "list")
    assert (after["id"], after["reason"]) == (before["id"], "no_link")


def test_a_repetition_of_a_held_report_joins_the_case_that_the_replay_opens(desk: AtTheDesk) -> None:
    early = report(observed_at="2026-03-18T10:00:00+05:00")
    desk.story.hand_in(early)
    desk.story.hand_in(early, name="again.jsonl")
    desk.story.later(hours=2)
    number = desk.tells("held", "replay", 1, "--as", "nurlan")["case"]
    again = desk.story.hand_in(early, name="third.jsonl")
    assert again[0].case_number == number
    assert all(check["holds"] for check in desk.tells("audit", "invariants"))


def test_settling_what_is_held_takes_a_person_and_a_reason(desk: AtTheDesk) -> None:
    desk.story.hand_in(report(links=[]))
    assert "[actor.not_allowed]" in desk.refuses("held", "settle", 1, "--as", "dina", "--reason", "Asked for the link.")
    assert "[held.resolution_missing]" in desk.refuses("held", "settle", 1, "--as", "aigerim", "--reason", "ok")
    desk.says("held", "settle", 1, "--as", "aigerim", "--reason", "Asked for the link.")
    assert "[held.not_found]" in desk.refuses("held", "settle", 1, "--as", "aigerim", "--reason", "Asked for the link.")


def test_a_status_written_past_the_log_is_found(desk: AtTheDesk) -> None:
    number = desk.in_review()
    assert desk.tells("audit", "verify")["verified"] is True
    with desk.story.runtime.sessions.write.begin() as session:
        session.execute(update(CaseFile).values(status="approved"))
    said = desk.refuses("audit", "verify")
    assert said.startswith(f"{number} is 'approved', but its log says 'in_legal_review' [audit.broken]")
    assert desk.run("audit", "invariants").exit_code == 1


def verdicts(desk: AtTheDesk) -> dict[str, str]:
    return {found["check"]: found["verdict"] for found in json.loads(desk.run("doctor", "--json").stdout)}


def test_doctor_passes_a_healthy_installation_and_warns_of_a_sweep_that_never_ran(desk: AtTheDesk) -> None:
    assert desk.run("doctor").exit_code == 0, desk.run("doctor").output
    assert verdicts(desk)["sweep"] == "warning"


def test_doctor_fails_when_the_sweep_has_stopped(desk: AtTheDesk) -> None:
    desk.story.clock.set(datetime.now(UTC))
    desk.says("sweep")
    assert verdicts(desk)["sweep"] == "ok"
    desk.story.clock.advance(minutes=-20)
    desk.says("sweep")
    result = desk.run("doctor")
    assert result.exit_code == 1
    assert "nobody is watching the deadlines" in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    ("setting", "value", "check"),
    [
        ("QORGAN_SMTP_PORT", "1", "mail"),
        ("QORGAN_USERS_FILE", "nobody.yaml", "users"),
        ("QORGAN_PACK", "no-such-pack", "policy pack"),
        ("QORGAN_VAULT_KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "vault"),
        ("QORGAN_DATABASE_URL", "sqlite:////dev/null", "case file"),
    ],
)
def test_doctor_fails_with_a_sentence_and_a_remedy(
    desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, check: str
) -> None:
    desk.story.take_in()
    monkeypatch.setenv(setting, value)
    result = desk.run("doctor", "--json")
    assert result.exit_code == 1
    [failed] = [found for found in json.loads(result.stdout) if found["verdict"] == "failed"]
    assert failed["check"] == check
    assert failed["said"].endswith(".")
    assert failed["remedy"]


def test_doctor_finds_letters_that_need_a_person(desk: AtTheDesk) -> None:
    desk.story.mailbox.refuse_recipients.add("reporter@mail.example")
    desk.story.take_in()
    desk.says("letters", "send")
    assert verdicts(desk)["letters"] == "failed"


def test_a_setting_that_cannot_be_used_is_named_without_its_value(
    desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QORGAN_SMTP_PORT", "secret")
    said = desk.refuses("doctor")
    assert "QORGAN_SMTP_PORT" in said
    assert "[settings.invalid]" in said


def test_a_pack_with_faults_is_told_by_file_and_line(desk: AtTheDesk, tmp_path: Path) -> None:
    folder = tmp_path / "my-pack"
    folder.mkdir()
    for path in (ROOT / "policies" / "kz-ministry").glob("*.yaml"):
        (folder / path.name).write_text(path.read_text(encoding="utf-8").replace("[2024, 2025, 2026, 2027]", "soon"))
    result = desk.run("policy", "check", folder)
    assert result.exit_code == 1
    assert "my-pack/calendar.yaml:" in result.stdout
    assert json.loads(desk.run("policy", "check", folder, "--json").stdout)["faults"]


def test_what_waking_prefect_failed_is_said_and_the_decision_stands(
    desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = desk.in_review()
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    result = desk.run("review", "approve", number, "--as", "daniyar", "--reason", "It breaks the stated provision.")
    assert result.exit_code == 0
    assert result.stderr.strip() == "Prefect is not reachable; everything is stored, the schedule will drive it."
    assert desk.tells("case", "show", number)["status"] == "approved"


def test_a_local_prefect_is_known_by_its_note(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert known_address(tmp_path) is None
    (tmp_path / "prefect.json").write_text("not json")
    assert known_address(tmp_path) is None
    (tmp_path / "prefect.json").write_text('{"api_url": "http://127.0.0.1:4200/api"}')
    assert known_address(tmp_path) == "http://127.0.0.1:4200/api"


def test_a_refusal_of_the_database_never_repeats_what_was_written() -> None:
    known = as_refusal(IntegrityError("INSERT", {"url": "https://a.example"}, Exception("UNIQUE https://a.example")))
    assert known is not None
    assert "a.example" not in known.message + known.next_step

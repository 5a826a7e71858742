"""Backups and the mute from the command line: what was made, what was found, and what is refused in one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import make_url

from tasks.switches import IMPORT, guard_after_import
from tests.desk.conftest import AtTheDesk
from tests.stories import report

SURE = "I have read the list."
WHY = ("--as", "marat", "--reason", "The disk failed.")


def test_a_backup_is_made_and_verified(desk: AtTheDesk, tmp_path: Path) -> None:
    desk.in_review()
    made = desk.tells("backup", "--to", tmp_path / "safe")
    folder = Path(made["folder"])
    assert (made["cases"], made["kind"], made["vault_key_included"], made["removed"]) == (1, "sqlite", False, [])
    assert folder.parent == tmp_path / "safe"
    found = desk.tells("backup", "verify", folder)
    assert (found["verified"], found["backup"]) == (True, made["backup"])
    assert all(check["holds"] for check in found["invariants"])
    assert "The vault key is not in it" in desk.says("backup", "--to", tmp_path / "other")
    assert "the chain verifies" in desk.says("backup", "verify", folder)


def test_a_damaged_backup_is_refused_in_one_line(desk: AtTheDesk, tmp_path: Path) -> None:
    folder = Path(desk.tells("backup", "--to", tmp_path)["folder"])
    os.truncate(folder / "case-file.db", 1_000)
    assert "case-file.db has 1,000 bytes" in desk.refuses("backup", "verify", folder)
    assert "[backup.damaged]" in desk.refuses("restore", folder, *WHY)


def test_a_restore_asks_for_the_number_of_cases_and_comes_up_muted(desk: AtTheDesk, tmp_path: Path) -> None:
    number = desk.in_review()
    folder = desk.tells("backup", "--to", tmp_path)["folder"]
    desk.in_review()
    assert "holds 2 case(s)" in desk.refuses("restore", folder, *WHY)
    desk.story.runtime.engine.dispose()
    told = desk.tells("restore", folder, *WHY, "--replace", 2)
    assert Path(told["kept"]).exists()
    assert [row["number"] for row in desk.tells("cases")] == [number]
    state = desk.tells("sending", "status")
    assert (state["sending"], state["set_by"]) == ("muted", "marat")
    assert "Sending is muted" in desk.says("letters", "send")
    assert "[sending.first_sweep]" in desk.refuses("sending", "unmute", "--as", "marat", "--reason", SURE)
    desk.says("sweep")
    desk.says("drive")
    assert desk.tells("sending", "unmute", "--as", "marat", "--reason", SURE)["sending"] == "on"


def test_a_backup_comes_back_in_another_home(desk: AtTheDesk, tmp_path: Path) -> None:
    desk.in_review()
    folder = desk.tells("backup", "--to", tmp_path)["folder"]
    home = tmp_path / "second"
    assert "[backup.vault_key]" in desk.refuses("restore", folder, "--into", home, *WHY)
    home.mkdir()
    (home / "vault.key").write_bytes((desk.story.runtime.settings.home / "vault.key").read_bytes())
    assert "Sending is muted" in desk.says("restore", folder, "--into", home, *WHY)
    assert (home / "qorgan.db").exists()
    assert desk.tells("sending", "status")["sending"] == "on", "the one here goes on as it was"


def test_sending_is_muted_and_let_go_by_people_with_a_reason(desk: AtTheDesk) -> None:
    desk.story.take_in()
    assert "Sending is on." in desk.says("sending", "status")
    assert "[actor.not_allowed]" in desk.refuses("sending", "mute", "--as", "dina", "--reason", SURE)
    desk.says("sending", "mute", "--as", "olzhas", "--reason", "The server is wrong.")
    told = desk.tells("letters", "send")
    assert (told["sent"], told["muted"], told["waiting"]) == (0, "The server is wrong.", 1)
    assert "nothing leaves" in desk.says("sending", "status")
    desk.says("sending", "unmute", "--as", "marat", "--reason", SURE)
    assert desk.tells("letters", "send")["sent"] == 1


def test_a_large_first_sweep_is_confirmed_with_its_number_of_letters(
    desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = desk.story.with_settings(first_sweep_most=0)
    few.take_in()
    guard_after_import(few.runtime, IMPORT)
    few.later(days=5)
    from tasks import runtime

    with runtime.use(few.runtime):
        held = desk.run("sweep", "--json")
        assert held.exit_code == 1
        assert "would write" in desk.run("sweep").stdout
        assert "[sweep.more_than_confirmed]" in desk.refuses("sweep", "--confirm", 0, "--as", "marat", "--reason", SURE)
        letters = len(desk.tells("sweep", "--dry-run")["letters"])
        done = desk.tells("sweep", "--confirm", letters, "--as", "marat", "--reason", SURE)
    assert done["breached"] >= 1
    assert "would" not in done
    few.close()


def test_reports_handed_in_by_the_thousand_set_the_guard(
    desk: AtTheDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import json

    monkeypatch.setattr("tasks.switches.IMPORT", 2)
    files = [tmp_path / f"{name}.json" for name in "ab"]
    for file in files:
        file.write_text(json.dumps(report()))
    desk.says("report", "add", files[0], "--as", "aigerim")
    assert desk.tells("sending", "status")["first_sweep"] == ""
    desk.says("report", "add", tmp_path, "--as", "aigerim")
    assert desk.tells("sending", "status")["first_sweep"] == ""
    more = tmp_path / "more.jsonl"
    more.write_text("\n".join(json.dumps(report()) for _ in range(2)))
    desk.says("report", "add", more, "--as", "aigerim")
    assert desk.tells("sending", "status")["first_sweep"] == "2 cases came in at once"


def test_an_address_of_a_database_is_never_said(desk: AtTheDesk, tmp_path: Path) -> None:
    folder = desk.tells("backup", "--to", tmp_path)["folder"]
    address = make_url("postgresql+psycopg://qorgan:s3cret@db.example/x").render_as_string(hide_password=False)
    said = desk.refuses("restore", folder, "--into", address, *WHY)
    assert "[restore.other_database]" in said
    assert "s3cret" not in said

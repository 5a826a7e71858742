"""What people hold back or forget is found: a mute, a sweep that waits for a person, a backup that nobody makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tasks.sla_sweep import sweep
from tasks.switches import IMPORT, guard_after_import
from tests.desk.conftest import AtTheDesk
from tests.desk.doctoring import assert_said, examined
from tests.desk.test_doctor import Scene
from tests.stories import DUTY, HEAD

WHY = "The mail server sends to https://wrong.example/inbox, and nobody knows why."


@pytest.fixture
def scene(desk: AtTheDesk, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return Scene(desk, monkeypatch, tmp_path_factory.mktemp("scene"))


def sending_is_muted(scene: Scene) -> None:
    scene.desk.story.take_in()
    scene.desk.says("sending", "mute", "--as", DUTY, "--reason", WHY)


def a_first_sweep_waits(scene: Scene) -> None:
    """An import, and days later more letters due than a sweep may write unseen."""
    none = scene.desk.story.with_settings(first_sweep_most=0)
    none.submitted()
    none.send_letters()
    guard_after_import(none.runtime, IMPORT)
    none.later(hours=49)
    assert sweep(none.runtime).would is not None
    none.close()


def the_last_backup_is_old(scene: Scene) -> None:
    scene.set(environment="production")
    scene.beat("backup", 27 * 60, backup="qorgan-20260101T000000Z", cases=0)


def no_backup_was_made(scene: Scene) -> None:
    """The installation of these tests took its policy up months ago."""
    scene.set(environment="production")


FAULTS: dict[str, tuple[Callable[[Scene], None], str]] = {
    "sending is muted (a warning)": (sending_is_muted, "warning"),
    "a first sweep waits for a person": (a_first_sweep_waits, "failed"),
    "the last backup is too old, in production": (the_last_backup_is_old, "failed"),
    "no backup was made, in production": (no_backup_was_made, "failed"),
}


def found(scene: Scene, check: str) -> dict[str, Any]:
    [one] = [one for one in examined(scene.desk)[1] if one["check"] == check]
    return one


@pytest.mark.parametrize("fault", FAULTS)
def test_doctor_finds(fault: str, scene: Scene) -> None:
    make, verdict = FAULTS[fault]
    code, before = examined(scene.desk)
    assert (code, [one for one in before if one["verdict"] == "failed"]) == (0, [])
    make(scene)
    code, findings = examined(scene.desk)
    assert code == (1 if verdict == "failed" else 0)
    assert_said(fault, findings, verdict)


def test_a_mute_is_told_with_its_time_and_its_author_and_nothing_that_somebody_wrote(scene: Scene) -> None:
    sending_is_muted(scene)
    said = found(scene, "sending")["said"]
    assert said.startswith(f"Sending is muted since 2026-03-18 04:00 UTC, by {DUTY}; ")
    assert not set(WHY.split()) & {"mail", "server"} & set(said.split()), "a finding is read in a journal, too"
    scene.desk.says("sending", "unmute", "--as", HEAD, "--reason", "The address is right again.")
    assert found(scene, "sending")["verdict"] == "ok"


def test_a_sweep_that_is_only_looked_at_first_waits_for_nobody_yet(scene: Scene) -> None:
    guard_after_import(scene.desk.story.runtime, IMPORT)
    assert found(scene, "first sweep")["verdict"] == "ok"


def test_a_sweep_that_was_let_go_waits_for_nobody_any_more(scene: Scene) -> None:
    a_first_sweep_waits(scene)
    assert found(scene, "first sweep")["verdict"] == "failed"
    scene.desk.says("sweep", "--confirm", 50, "--as", HEAD, "--reason", "I have read the list.")
    assert found(scene, "first sweep")["verdict"] == "ok"


def test_it_is_told_since_when_a_sweep_waits_and_not_when_it_was_last_looked_at(scene: Scene) -> None:
    a_first_sweep_waits(scene)
    before = found(scene, "first sweep")["said"]
    none = scene.desk.story.with_settings(first_sweep_most=0)
    none.submitted()
    none.later(hours=49)
    assert sweep(none.runtime).would is not None
    none.close()
    after = found(scene, "first sweep")["said"]
    assert after != before, "more letters are due"
    assert after.split(":")[:2] == before.split(":")[:2], "since the same time"


def test_a_new_installation_has_time_for_its_first_backup(scene: Scene) -> None:
    scene.set(environment="production")
    assert found(scene, "backup")["verdict"] == "failed"
    began = scene.desk.story.runtime.now()
    age = (datetime.now(UTC) - began).total_seconds() / 3600
    scene.set(backup_hours=int(age) + 1)
    assert found(scene, "backup")["verdict"] == "ok"
    scene.set(backup_hours=int(age) - 1)
    assert found(scene, "backup")["verdict"] == "failed"


def test_a_backup_that_was_made_is_enough(scene: Scene) -> None:
    assert found(scene, "backup")["verdict"] == "warning", "in practice nobody's data is at stake"
    scene.desk.says("backup")
    assert found(scene, "backup")["verdict"] == "ok"


def test_who_backs_up_by_other_means_is_left_alone(scene: Scene) -> None:
    scene.set(environment="production", backup_hours=0)
    assert "backup" not in {one["check"] for one in examined(scene.desk)[1]}

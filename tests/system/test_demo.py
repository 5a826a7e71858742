"""The README's first command: the demo on real Prefect, judged by what it leaves behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.practice_mailbox import read_message
from tasks.settings import ROOT

pytestmark = [pytest.mark.server, pytest.mark.timeout(400)]

REPORTS_AT_LEAST = 40


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "home"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "QORGAN_"))}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("qorgan")), "demo", "--home", str(folder)],
        cwd=ROOT,
        env=clean,
        capture_output=True,
        text=True,
        timeout=380,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-3_000:]
    return folder


@pytest.fixture(scope="module")
def summary(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((home / "summary.json").read_text(encoding="utf-8"))
    return found


def test_every_report_became_a_case_a_duplicate_or_a_held_report(summary: dict[str, Any]) -> None:
    assert summary["reports"] >= REPORTS_AT_LEAST
    assert summary["reports"] == summary["cases"] + summary["duplicates"] + summary["held"]
    assert min(summary["duplicates"], summary["held"]) > 0
    assert sum(summary["by_priority"].values()) == summary["cases"] == sum(summary["by_status"].values())


def test_every_invariant_held(summary: dict[str, Any]) -> None:
    assert len(summary["audit"]) >= 9
    assert all(summary["audit"].values())


def test_every_rung_of_the_ladder_was_climbed_and_the_platforms_answered(summary: dict[str, Any]) -> None:
    assert set(summary["escalations_by_rung"]) == {"1", "2", "3", "4"}
    assert summary["clocks_breached"] >= summary["escalations_by_rung"]["1"]
    assert set(summary["by_status"]) <= {"closed", "declined"}
    assert "pending" not in summary["by_outcome"]


def test_the_first_letter_about_a_child_in_danger_left_within_seconds(summary: dict[str, Any]) -> None:
    assert 0 < summary["p0_first_letter_seconds"] < 30


def test_the_letters_that_count_as_sent_lie_in_the_mailbox(home: Path, summary: dict[str, Any]) -> None:
    counted = sum(sum(languages.values()) for languages in summary["letters_by_kind"].values())
    mails = [read_message(path) for path in sorted((home / "mail").glob("*.eml"))]
    letters = {mail.message["X-Qorgan-Letter"] for mail in mails}
    # One came back: its mailbox is gone, so it lies here and does not count as sent.
    assert len(letters) == counted + summary["correspondence"]["mails_in"]["read bounce_permanent"]
    assert {"kk", "ru", "en"} <= {mail.message["Content-Language"] for mail in mails}


def test_no_subject_names_a_link_or_a_person(home: Path) -> None:
    subjects = [read_message(path).subject for path in (home / "mail").glob("*.eml")]
    assert subjects
    for subject in subjects:
        assert subject.startswith("KZ-2026-")
        assert not any(mark in subject for mark in ("http", "@", "[.]"))

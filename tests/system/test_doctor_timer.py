"""The dead man's switch runs outside Prefect: systemd's own reader accepts the units, and they run a real command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.settings import ROOT
from tests.stories import USERS

UNITS = ROOT / "deploy" / "systemd"
NAMES = ("qorgan-doctor.service", "qorgan-doctor.timer", "qorgan-doctor-failed.service")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd here")
def test_systemd_finds_no_fault_in_them(tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_text((UNITS / name).read_text().replace("/opt/qorgan", str(ROOT)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(str(tmp_path / name) for name in NAMES)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert [line for line in done.stderr.splitlines() if "qorgan" in line] == []


def test_the_timer_asks_every_five_minutes_and_a_failure_starts_the_alarm() -> None:
    assert "OnUnitInactiveSec=5min" in (UNITS / "qorgan-doctor.timer").read_text()
    service = (UNITS / "qorgan-doctor.service").read_text()
    assert "OnFailure=qorgan-doctor-failed.service" in service
    assert "qorgan doctor --only dead-mans-switch\n" in service


def test_the_command_of_the_unit_ends_with_one_when_the_case_file_cannot_be_read(tmp_path: Path) -> None:
    env = {
        **os.environ,
        "QORGAN_DATABASE_URL": "postgresql+psycopg://qorgan@127.0.0.1:1/qorgan",
        "QORGAN_USERS_FILE": str(USERS),
    }
    command = [str(Path(sys.executable).with_name("qorgan")), "doctor", "--only", "dead-mans-switch"]
    done = subprocess.run(command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert "The case file cannot be reached" in " ".join(done.stdout.split())


def test_the_alarm_puts_what_doctor_said_into_the_journal_and_into_a_mail(tmp_path: Path) -> None:
    """The machine's own programs stand aside for ones that write down what they are given."""
    for name, does in (
        ("journalctl", "echo 'The sweep has never succeeded.'"),
        ("systemd-cat", f'cat > {tmp_path}/journal; echo "$@" > {tmp_path}/priority'),
        ("sendmail", f"cat > {tmp_path}/mail"),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    script = ["/bin/sh", str(ROOT / "deploy" / "doctor-failed.sh")]
    subprocess.run(script, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, check=True, timeout=20)
    assert "The sweep has never succeeded." in (tmp_path / "journal").read_text()
    assert "--priority=alert" in (tmp_path / "priority").read_text()
    assert "scheduled work stands still\n\nThe sweep has never succeeded." in (tmp_path / "mail").read_text()

"""systemd's units: correct, hardened, with the same secrets and commands as the containers of the same role."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tasks.settings import ROOT
from tests.deploy.installation import DEPLOY, UNITS, compose, exists, known_variables, settings_of_unit
from tools.ha_parts import RESTART_SECONDS

DROP_IN = DEPLOY / "systemd" / "qorgan-.service.d" / "10-hardening.conf"
OURS = [unit for unit in UNITS if "doctor" not in unit.name]
SAME_ROLE = {
    "qorgan-migrate.service": "migrate",
    "qorgan-release.service": "release",
    "qorgan-prefect-server.service": "prefect-server",
    "qorgan-worker@.service": "worker-routine",
    "qorgan-acknowledge-page.service": "acknowledge-page",
}
each = pytest.mark.parametrize("unit", OURS, ids=lambda unit: unit.name)


def started(unit: Path) -> list[str]:
    """The command that a unit starts, after the script that reads the secrets."""
    [line] = [value for key, value in settings_of_unit(unit.read_text()) if key == "ExecStart"]
    before, *words = shlex.split(line)
    assert before == "/opt/qorgan/deploy/with-secrets.sh"
    return words


def secrets(unit: Path) -> dict[str, str]:
    """Variable and file of every secret that a unit is handed."""
    named = (value for key, value in settings_of_unit(unit.read_text()) if key == "LoadCredential")
    return {variable: Path(file).name for variable, _, file in (value.partition(":") for value in named)}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd on this machine")
def test_systemd_itself_finds_nothing_wrong_with_them(tmp_path: Path) -> None:
    for file in (*UNITS, DROP_IN):
        # An instance of its own: a template is only checked as one.
        place = tmp_path / file.relative_to(DEPLOY / "systemd").as_posix().replace("@.", "@routine.")
        place.parent.mkdir(exist_ok=True)
        place.write_text(file.read_text().replace("/opt/qorgan", str(ROOT)))
    units = sorted(str(path) for path in tmp_path.glob("*.service"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True, check=False, timeout=60
    )
    ours = [line for line in done.stderr.splitlines() if "qorgan" in line]
    assert (done.returncode, ours) == (0, [])


def test_every_unit_runs_without_root_and_sees_as_little_as_it_can() -> None:
    said = dict(settings_of_unit(DROP_IN.read_text()))
    assert (said["User"], said["NoNewPrivileges"], said["ProtectSystem"]) == ("qorgan", "yes", "strict")
    assert said["CapabilityBoundingSet"] == said["AmbientCapabilities"] == ""
    assert {"ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables", "RestrictSUIDSGID"} <= said.keys()
    assert all(unit.name.startswith("qorgan-") for unit in UNITS), "or the file would not apply to it"


@each
def test_a_unit_that_serves_is_started_again_however_often_it_ends(unit: Path) -> None:
    said = dict(settings_of_unit(unit.read_text()))
    if said.get("Type") == "oneshot":
        assert "Restart" not in said
        return
    assert (said["Restart"], float(said["RestartSec"])) == ("always", RESTART_SECONDS)
    assert said["StartLimitIntervalSec"] == "0", "or it would stay down after a few attempts"
    assert said["WantedBy"] == "multi-user.target"


@each
def test_what_a_unit_starts_is_there(unit: Path) -> None:
    words = started(unit)
    if words[0] == "/bin/sh":
        assert (ROOT / words[1]).is_file()
    else:
        assert exists(words)


@each
def test_every_settings_file_and_secret_of_a_unit_is_known(unit: Path) -> None:
    for key, value in settings_of_unit(unit.read_text()):
        if key == "EnvironmentFile" and not value.startswith("-"):
            assert (DEPLOY / "env" / Path(value).name).is_file(), value
        if key == "Environment":
            assert value.partition("=")[0] in known_variables()
    assert secrets(unit).keys() <= known_variables()


@pytest.mark.parametrize(("unit", "service"), SAME_ROLE.items())
def test_a_unit_gets_the_secrets_of_the_container_with_the_same_role(unit: str, service: str) -> None:
    files = {name: Path(declared["file"]).name for name, declared in compose()["secrets"].items()}
    assert secrets(DEPLOY / "systemd" / unit) == {
        name: files[name] for name in compose()["services"][service]["secrets"]
    }


def test_no_unit_has_a_secret_in_its_text() -> None:
    for unit in UNITS:
        assert not re.search(r"(PASSWORD|KEY|AUTH_STRING|_URL)=[^/\s]", unit.read_text()), unit.name

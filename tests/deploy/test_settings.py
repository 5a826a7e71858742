"""Settings files and their page: every variable is one that somebody reads, and every one is explained."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.installation import DEPLOY, ENV_FILES, SCRIPTS, commands_in, env_file, exists, known_variables

PAGE = (DEPLOY / "environment.md").read_text(encoding="utf-8")
each_file = pytest.mark.parametrize("path", ENV_FILES, ids=lambda path: path.name)


@each_file
def test_every_variable_of_a_settings_file_is_one_that_somebody_reads(path: Path) -> None:
    assert env_file(path).keys() <= known_variables()


@each_file
def test_a_settings_file_is_read_alike_by_systemd_containers_and_the_proof(path: Path) -> None:
    for name, value in env_file(path).items():
        assert re.fullmatch(r"[A-Z0-9_]+", name)
        assert value == value.strip(), "a space would belong to the value for some of them"
        assert not set(value) & set("\"'$`#\\"), f"{name}: quoting differs between them"


def _written_out(page: str) -> set[str]:
    """The variables that a page names in full."""
    return set(re.findall(r"`((?:PREFECT|QORGAN)_[A-Z0-9_]+)`", page))


def test_every_variable_that_the_page_names_is_real() -> None:
    page = PAGE.replace("`PREFECT_SERVER_DOCKET_NAME`", "")
    assert _written_out(page) <= known_variables()


def test_every_variable_of_prefect_in_the_settings_files_is_explained_on_the_page() -> None:
    """Several may stand in one row, the later ones by their endings; ours are written there by `make docs`."""
    row = " ".join(re.findall(r"`([^`]+)`", PAGE))
    told = [re.escape(word).replace("…", "[A-Z_]+") for word in re.findall(r"[A-Z_…]{6,}", row)]
    for path in ENV_FILES:
        names = {name for name in env_file(path) if not name.startswith("QORGAN_")} - {"PREFECT_CLI_PROMPT"}
        assert {name for name in names if not any(re.fullmatch(word, name) for word in told)} == set()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_a_script_is_correct_and_its_commands_exist(path: Path) -> None:
    assert subprocess.run(["sh", "-n", str(path)], check=False, timeout=10).returncode == 0
    wrong = [words for words in commands_in(path.read_text(encoding="utf-8")) if not exists(words)]
    assert wrong == []


def test_each_secret_reaches_the_command_under_the_name_of_its_file_and_nothing_else_does(tmp_path: Path) -> None:
    (tmp_path / "QORGAN_VAULT_KEY").write_text("a key with $signs and 'quotes'\n")
    (tmp_path / "PREFECT_SERVER_DOCKET_URL").write_text("redis://name:word@data/1")
    (tmp_path / "LD_PRELOAD").write_text("not ours")
    done = subprocess.run(
        [str(DEPLOY / "with-secrets.sh"), "env"], env={"PATH": os.defpath, "CREDENTIALS_DIRECTORY": str(tmp_path)},
        capture_output=True, text=True, check=True, timeout=10,
    )  # fmt: skip
    told = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
    assert told["QORGAN_VAULT_KEY"] == "a key with $signs and 'quotes'"
    assert told["PREFECT_SERVER_DOCKET_URL"] == "redis://name:word@data/1"
    assert "LD_PRELOAD" not in told
    assert done.stderr == ""


def test_a_process_without_secrets_starts_all_the_same(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(DEPLOY / "with-secrets.sh"), "true"], env={"PATH": os.defpath, "CREDENTIALS_DIRECTORY": str(tmp_path)},
        check=False, timeout=10,
    )  # fmt: skip
    assert done.returncode == 0

"""Secrets come from the environment or from files, and no command, error or log line ever shows one."""

from __future__ import annotations

import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from casework.errors import ConfigurationError
from tasks.settings import Settings

SECRET = [name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)]
CANARY = "kanarka"
DATABASE = f"postgresql+psycopg://qorgan:{CANARY}-database@127.0.0.1:1/qorgan"
RUN = "import sys; from desk.main import app; app(sys.argv[1:])"

COMMANDS = (
    ("doctor",), ("doctor", "--json"), ("cases",), ("letters", "send"), ("mail", "fetch"), ("audit", "key", "new"),
    ("audit", "sign"), ("policy", "check"),
)  # fmt: skip


def value_of(name: str) -> str:
    """A secret that is recognised wherever it turns up, and usable where it must have a form."""
    if name == "vault_key":
        return urlsafe_b64encode(f"{CANARY}-vault".ljust(32, "-").encode()).decode()
    return f"{CANARY}-{name}"


def secrets() -> dict[str, str]:
    return {name: value_of(name) for name in SECRET}


def run(home: Path, *words: str, **said: str) -> str:
    """All that a command says and logs, in a process of its own."""
    env = {
        "PATH": os.environ["PATH"], "QORGAN_HOME": str(home), "QORGAN_LOG_JSON": "1", "QORGAN_SMTP_HOST": "127.0.0.1",
        "QORGAN_SMTP_PORT": "1", "QORGAN_SMTP_USER": "qorgan", "QORGAN_IMAP_HOST": "127.0.0.1", "QORGAN_IMAP_PORT": "1",
        "QORGAN_IMAP_USER": "qorgan", **{f"QORGAN_{name.upper()}": value for name, value in secrets().items()}, **said,
    }  # fmt: skip
    ran = subprocess.run(
        [sys.executable, "-c", RUN, *words], capture_output=True, text=True, env=env, check=False, timeout=90
    )
    return ran.stdout + ran.stderr


def assert_silent(said: str) -> None:
    assert said.strip()
    for secret in (CANARY, value_of("vault_key")):
        assert secret not in said


def test_there_are_secrets_to_look_for() -> None:
    assert {"vault_key", "smtp_password", "imap_password"} <= set(SECRET)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret(words: tuple[str, ...], tmp_path: Path) -> None:
    assert_silent(run(tmp_path, *words))


@pytest.mark.parametrize("words", [("doctor",), ("cases",)], ids=" ".join)
def test_a_database_that_is_away_is_told_without_its_password(words: tuple[str, ...], tmp_path: Path) -> None:
    assert_silent(run(tmp_path, *words, QORGAN_DATABASE_URL=DATABASE))


@pytest.mark.parametrize("wrong", ["QORGAN_VAULT_KEY", "QORGAN_SMTP_PORT", "QORGAN_DATABASE_URL"])
def test_a_setting_that_cannot_be_used_is_named_and_not_repeated(wrong: str, tmp_path: Path) -> None:
    assert_silent(run(tmp_path, "cases", **{wrong: f"{CANARY}://{CANARY}:{CANARY}@x"}))


def test_settings_do_not_show_secrets_when_they_are_printed() -> None:
    settings = Settings(**secrets(), database_url=DATABASE)  # type: ignore[arg-type]
    assert CANARY not in f"{settings!r} {settings}"
    assert value_of("vault_key") not in f"{settings!r} {settings}"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, value in secrets().items():
        (tmp_path / f"qorgan_{name}").write_text(value + "\n")
    monkeypatch.setenv("QORGAN_SECRETS_DIR", str(tmp_path))
    return tmp_path


def test_secrets_are_read_from_a_folder_of_files(folder: Path) -> None:
    settings = Settings()
    for name, value in secrets().items():
        assert getattr(settings, name).get_secret_value() == value


def test_the_environment_wins_over_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QORGAN_SMTP_PASSWORD", "from the environment")
    password = Settings().smtp_password
    assert password is not None
    assert password.get_secret_value() == "from the environment"


def test_a_folder_of_secrets_that_is_not_there_is_a_refusal_and_no_silence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QORGAN_SECRETS_DIR", str(folder / "nowhere"))
    with pytest.raises(ConfigurationError, match="names no folder"):
        Settings()

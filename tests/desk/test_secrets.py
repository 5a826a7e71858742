"""Secrets come from the environment or from files, and no command, error or log line ever shows one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from pydantic import SecretStr

from casework.errors import ConfigurationError
from tasks.settings import ROOT, Settings

SECRET = [name for name, field in Settings.model_fields.items() if SecretStr in get_args(field.annotation)]
CANARY = "kanarka"
DATABASE = f"postgresql+psycopg://qorgan:{CANARY}-database@127.0.0.1:1/qorgan"
RUN = """
import json, os, sys
import desk.health, tasks.runtime
from desk.main import app

for line in sys.stdin:
    words, env, output = json.loads(line)
    child = os.fork()
    if child == 0:
        os.environ.clear()
        os.environ.update(env)
        written = os.open(output, os.O_WRONLY | os.O_CREAT)
        os.dup2(written, 1)
        os.dup2(written, 2)
        app(words)
    os.waitpid(child, 0)
    print("ended", flush=True)
"""
"""Runs each command in a process of its own, which need not import everything once more."""

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


class Program:
    """The command line, as somebody at a shell has it."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self.running = running

    def __call__(self, home: Path, *words: str, **said: str) -> str:
        """All that a command says and logs."""
        env = {
            "PATH": os.environ["PATH"], "QORGAN_HOME": str(home), "QORGAN_LOG_JSON": "1",
            "QORGAN_SMTP_HOST": "127.0.0.1", "QORGAN_SMTP_PORT": "1", "QORGAN_SMTP_USER": "qorgan",
            "QORGAN_IMAP_HOST": "127.0.0.1", "QORGAN_IMAP_PORT": "1", "QORGAN_IMAP_USER": "qorgan",
            **{f"QORGAN_{name.upper()}": value for name, value in secrets().items()}, **said,
        }  # fmt: skip
        output = home / "said"
        assert self.running.stdin is not None
        assert self.running.stdout is not None
        self.running.stdin.write(json.dumps([words, env, str(output)]) + "\n")
        self.running.stdin.flush()
        assert self.running.stdout.readline() == "ended\n"
        return output.read_text()


@pytest.fixture(scope="module")
def run() -> Iterator[Program]:
    command, env = [sys.executable, "-c", RUN], {"PATH": os.environ["PATH"]}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=env, cwd=ROOT) as running:
        yield Program(running)


def assert_silent(said: str) -> None:
    assert said.strip()
    for secret in (CANARY, value_of("vault_key")):
        assert secret not in said


def test_there_are_secrets_to_look_for() -> None:
    assert {"vault_key", "smtp_password", "imap_password"} <= set(SECRET)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_no_command_shows_a_secret(run: Program, words: tuple[str, ...], tmp_path: Path) -> None:
    assert_silent(run(tmp_path, *words))


@pytest.mark.parametrize("words", [("doctor",), ("cases",)], ids=" ".join)
def test_a_database_that_is_away_is_told_without_its_password(
    run: Program, words: tuple[str, ...], tmp_path: Path
) -> None:
    assert_silent(run(tmp_path, *words, QORGAN_DATABASE_URL=DATABASE))


@pytest.mark.parametrize("wrong", ["QORGAN_VAULT_KEY", "QORGAN_SMTP_PORT", "QORGAN_DATABASE_URL"])
def test_a_setting_that_cannot_be_used_is_named_and_not_repeated(run: Program, wrong: str, tmp_path: Path) -> None:
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

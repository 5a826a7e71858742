"""deploy/ as the tests read it: settings files, containers, units, and the commands that all of them start."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tasks.settings import ROOT, Settings
from tests.deploy import prefect_words
from tests.docs.test_docs import _exists as qorgan_command_exists

DEPLOY = ROOT / "deploy"
ENV_FILES = sorted((DEPLOY / "env").glob("*.env"))
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
SCRIPTS = sorted(DEPLOY.glob("*.sh"))
OTHERS = frozenset({"DO_NOT_TRACK", "PATH", "PYTHONDONTWRITEBYTECODE", "QORGAN_BIND"})
"""Variables that neither Qorgan nor Prefect declares as a setting, and that are meant."""


def env_file(path: Path) -> dict[str, str]:
    """Names and values of a settings file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


@cache
def known_variables() -> frozenset[str]:
    """Every variable that something really reads."""
    ours = {f"QORGAN_{name.upper()}" for name in Settings.model_fields}
    return frozenset(ours | prefect_words.variables() | OTHERS)


@cache
def compose() -> dict[str, Any]:
    """The containers, with YAML's anchors and merges resolved."""
    read: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return read


def settings_of_unit(text: str) -> list[tuple[str, str]]:
    """Key and value of every line of a unit, in order."""
    lines = (line for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return [(key, value) for key, _, value in (line.partition("=") for line in lines)]


def commands_in(text: str) -> Iterator[list[str]]:
    """Every ``prefect …`` and ``qorgan …`` of a shell script, one a line, without what redirects it."""
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r"\|\||&&|;", line.partition(" #")[0] if not line.startswith("#") else ""):
            if part.strip().startswith(("prefect ", "qorgan ")):
                yield shlex.split(part.split(">")[0])


def exists(words: list[str]) -> bool:
    """Whether a command of ours or of Prefect's exists, with its options."""
    program, *rest = words
    if program == "qorgan":
        return qorgan_command_exists(shlex.join(words))
    return prefect_words.command_exists([word for word in rest if word != "--no-prompt"])

"""What a check of the installation found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How a check came out. Only FAILED makes the command fail."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Part(StrEnum):
    """What can be examined by itself."""

    POLICY = "policy"
    CASE_FILE = "case-file"
    SWITCH = "dead-mans-switch"
    MAIL = "mail"
    PREFECT = "prefect"
    MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was found, and the remedy where something is wrong."""

    check: str
    verdict: Verdict
    said: str
    remedy: str = ""


def ok(check: str, said: str) -> Finding:
    """Nothing to do."""
    return Finding(check, Verdict.OK, said)


def warning(check: str, said: str, remedy: str) -> Finding:
    """Somebody should look, in time."""
    return Finding(check, Verdict.WARNING, said, remedy)


def failed(check: str, said: str, remedy: str) -> Finding:
    """Not fit to work until it is mended."""
    return Finding(check, Verdict.FAILED, said, remedy)

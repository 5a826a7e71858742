"""The table of faults in docs/operations.md is what doctor must say: tests make a fault, run it, and compare."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from tasks.settings import ROOT
from tests.desk.conftest import AtTheDesk

_ROW = re.compile(r"^\| (?P<fault>[^|]+) \| (?P<check>[^|]+) \| (?P<said>[^|]+) \| (?P<remedy>[^|]+) \|$")


@dataclass(frozen=True)
class Row:
    """One fault, the check that finds it, and its words; … stands for anything."""

    check: str
    said: str
    remedy: str


@cache
def documented() -> dict[str, Row]:
    """The table of faults by its first column."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    _, _, table = text.partition("| fault | check | doctor says | and what to do |\n")
    rows = {}
    for line in table.splitlines()[1:]:
        found = _ROW.match(line)
        if found is None:
            break
        rows[found["fault"]] = Row(found["check"], found["said"], found["remedy"])
    assert rows, "docs/operations.md has no table of faults"
    return rows


def examined(desk: AtTheDesk, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """What doctor finds now, and how it ends."""
    result = desk.run("doctor", *words, "--json")
    return result.exit_code, json.loads(result.stdout)


def assert_said(fault: str, findings: list[dict[str, Any]], verdict: str = "failed") -> None:
    """Doctor failed, or warned, with the sentence and the remedy that the documentation has for this fault."""
    row = documented()[fault]
    so_found = {found["check"]: found for found in findings if found["verdict"] == verdict}
    assert row.check in so_found, f"'{row.check}' is not {verdict}; these are: {so_found}"
    found = so_found[row.check]
    pattern = ".+?".join(re.escape(part) for part in row.said.split("…"))
    assert re.fullmatch(pattern, found["said"]), found["said"]
    assert found["remedy"] == row.remedy

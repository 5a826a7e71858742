"""Whatever an operator can see in red has its section: what it means, what to do, how to know that it is over."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from tasks.alarms import WHATS
from tasks.automations import automation_files
from tasks.settings import ROOT

PAGE = (ROOT / "docs" / "when-it-is-red.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### (.+)\n\n((?:(?!^#).*\n)*)", PAGE, flags=re.MULTILINE))
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
RED = re.findall(r'Red\(\s*"([^"]+)"', (ROOT / "tasks" / "board.py").read_text(encoding="utf-8"))


@pytest.mark.parametrize("what", WHATS)
def test_every_alarm_has_a_section(what: str) -> None:
    assert "**It means**" in SECTIONS[what]


@pytest.mark.parametrize("file", automation_files(), ids=lambda file: file.stem)
def test_every_automation_is_named_where_its_alarm_is_explained(file: Any) -> None:
    told = [action["parameters"]["what"] for action in file.body["actions"] if action.get("deployment") == "alarm"]
    # What sets a zombie to Crashed tells nobody: the crash does.
    [what] = told or ["run-crashed"]
    assert f"automations/{file.stem}.yaml" in SECTIONS[what]


@pytest.mark.parametrize("deployment", [one["name"] for one in DEPLOYMENTS])
def test_every_deployment_says_what_it_costs_while_it_is_red(deployment: str) -> None:
    assert re.search(rf"^\| `{deployment}` \| .+ \| .+ \|$", PAGE, flags=re.MULTILINE)


def test_the_board_sends_nobody_to_a_section_that_is_not_there() -> None:
    named = {*RED, "Dead letter", "Notice refused or unknown", "Mail held", "Holding pen"}
    assert {"Schedule late", "Case set aside", "Muted"} <= named
    assert named <= set(SECTIONS)


@pytest.mark.parametrize("section", SECTIONS)
def test_a_section_says_what_to_do_or_where_that_stands(section: str) -> None:
    said = SECTIONS[section]
    assert "**Do**" in said or "See *" in said or "docs/" in said
    assert all(other in SECTIONS for other in re.findall(r"[Ss]ee \*([a-zA-Z -]+)\*", said))

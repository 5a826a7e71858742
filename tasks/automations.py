"""Prefect's automations as files: automations/ says which there are, and applying them changes only what differs.

A file has what Prefect's own interface takes, but that an action names its deployment, whose id differs from server to
server. Ours are known by their name; others are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, cast

import yaml

from casework.errors import QorganError
from tasks.orchestrator import Orchestrator
from tasks.settings import ROOT

FOLDER = ROOT / "automations"
OURS = "qorgan: "
"""Every name of ours begins so."""

PAGE = 200
"""The most that Prefect gives at once."""

Body = dict[str, Any]


class Fault(StrEnum):
    """How the server may differ from the files."""

    MISSING = "missing"
    CHANGED = "changed"
    PAUSED = "paused"
    LEFT_OVER = "left over"


@dataclass(frozen=True, slots=True)
class AutomationFile:
    """One automation as its file has it."""

    stem: str
    name: str
    body: Body


@dataclass(frozen=True, slots=True)
class Difference:
    """One automation that is not as its file says."""

    name: str
    fault: Fault
    id: str = ""
    wanted: Body | None = None


def automation_files(folder: Path = FOLDER) -> list[AutomationFile]:
    """Every file in order of its name. Raises QorganError for one that is no automation."""
    found = []
    for path in sorted(folder.glob("*.yaml")):
        body = yaml.safe_load(path.read_text(encoding="utf-8"))
        if not isinstance(body, dict) or not str(body.get("name", "")).startswith(OURS):
            raise QorganError(f"automations/{path.name}: its name has to begin with '{OURS}'", rule="automations.name")
        found.append(AutomationFile(path.stem, body["name"], body))
    return found


def differences(prefect: Orchestrator, folder: Path = FOLDER) -> list[Difference]:
    """Where the server differs from the files. Raises QorganError where a deployment that is named is missing."""
    found = {row["name"]: row for row in prefect.ask("POST", "/automations/filter", {"limit": PAGE})}
    wanted = {file.name: _with_ids(prefect, file) for file in automation_files(folder)}
    faults: list[Difference] = []
    for name, body in wanted.items():
        there = found.get(name)
        if there is None:
            faults.append(Difference(name, Fault.MISSING, wanted=body))
        elif _plain(there) != _plain(body):
            faults.append(Difference(name, Fault.CHANGED, there["id"], body))
        elif not there["enabled"]:
            faults.append(Difference(name, Fault.PAUSED, there["id"], body))
    for name, there in found.items():
        if name.startswith(OURS) and name not in wanted:
            faults.append(Difference(name, Fault.LEFT_OVER, there["id"]))
    return faults


def apply(prefect: Orchestrator, folder: Path = FOLDER) -> list[Difference]:
    """Make the server as the files say; what differed before. May be repeated: a second time nothing does."""
    found = differences(prefect, folder)
    for difference in found:
        match difference.fault:
            case Fault.MISSING:
                prefect.ask("POST", "/automations/", difference.wanted)
            case Fault.CHANGED | Fault.PAUSED:
                prefect.ask("PUT", f"/automations/{difference.id}", difference.wanted)
            case Fault.LEFT_OVER:
                prefect.ask("DELETE", f"/automations/{difference.id}")
    return found


def _with_ids(prefect: Orchestrator, file: AutomationFile) -> Body:
    """The body as Prefect takes it: switched on, and with the ids of the deployments it starts."""
    ids = {row["name"]: row["id"] for row in prefect.ask("POST", "/deployments/filter", {"limit": PAGE})}
    actions = []
    for action in file.body["actions"]:
        name = action.get("deployment")
        if name is not None and name not in ids:
            raise QorganError(
                f"automations/{file.stem}.yaml starts the deployment '{name}', which is not deployed",
                rule="automations.no_deployment",
                next_step="Run 'prefect deploy --all' in the project's folder, then apply again.",
            )
        told = {key: value for key, value in action.items() if key != "deployment"}
        actions.append(told if name is None else {**told, "source": "selected", "deployment_id": ids[name]})
    return {"enabled": True, **file.body, "actions": actions}


def _plain(body: Mapping[str, Any]) -> object:
    """Name, description, trigger and actions with every default filled in, and sets in order: fit to be compared."""
    from prefect.events.schemas.automations import AutomationCore

    read = AutomationCore.model_validate({**body, "enabled": True})
    told = read.model_dump(mode="json", include={"name", "description", "trigger", "actions"})
    return _ordered(cast(Any, told))


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _ordered(inner) for key, inner in value.items() if key != "id"}
    if isinstance(value, list):
        return sorted((_ordered(inner) for inner in value), key=repr)
    return value

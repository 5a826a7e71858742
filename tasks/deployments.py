"""What prefect.yaml promises, and where a Prefect server differs from it. Nothing here talks to one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import yaml

from tasks.settings import ROOT

DEFINITION = ROOT / "prefect.yaml"


@dataclass(frozen=True, slots=True)
class Timing:
    """When a deployment runs by itself."""

    cron: str
    timezone: str
    slug: str


@dataclass(frozen=True, slots=True)
class FoundSchedule:
    """A schedule as the server has it; ``timing`` is None for one that is no cron line."""

    id: str
    timing: Timing | None
    active: bool


@dataclass(frozen=True, slots=True)
class FoundDeployment:
    """A deployment of ours as the server has it."""

    id: str
    name: str
    paused: bool
    schedules: tuple[FoundSchedule, ...]


class Fault(StrEnum):
    """How a server can differ from prefect.yaml."""

    DEPLOYMENT_MISSING = "deployment missing"
    DEPLOYMENT_PAUSED = "deployment paused"
    DEPLOYMENT_UNKNOWN = "deployment unknown"
    SCHEDULE_MISSING = "schedule missing"
    SCHEDULE_PAUSED = "schedule paused"
    SCHEDULE_DOUBLED = "schedule doubled"


@dataclass(frozen=True, slots=True)
class Difference:
    """One fault of one deployment; ``timing`` and ``schedule_id`` where it is about a schedule."""

    fault: Fault
    deployment: str
    deployment_id: str = ""
    timing: Timing | None = None
    schedule_id: str = ""


@cache
def planned(path: Path = DEFINITION) -> Mapping[str, tuple[Timing, ...]]:
    """Every deployment of prefect.yaml by name, with its schedules."""
    deployments = yaml.safe_load(path.read_text(encoding="utf-8"))["deployments"]
    return {
        deployment["name"]: tuple(
            Timing(line["cron"], line["timezone"], line["slug"]) for line in deployment.get("schedules", ())
        )
        for deployment in deployments
    }


def differences(plan: Mapping[str, Sequence[Timing]], found: Sequence[FoundDeployment]) -> list[Difference]:
    """Where the server differs from the plan, in the plan's order; empty when it does not."""
    by_name = {deployment.name: deployment for deployment in found}
    wrong: list[Difference] = []
    for name, timings in plan.items():
        if name not in by_name:
            wrong.append(Difference(Fault.DEPLOYMENT_MISSING, name))
            continue
        deployment = by_name[name]
        if deployment.paused:
            wrong.append(Difference(Fault.DEPLOYMENT_PAUSED, name, deployment.id))
        wrong += _schedules(deployment, timings)
    # One that prefect.yaml no longer has would still be run by its schedules.
    wrong += [
        Difference(Fault.DEPLOYMENT_UNKNOWN, deployment.name, deployment.id)
        for deployment in found
        if deployment.name not in plan and not deployment.paused
    ]
    return wrong


def _schedules(deployment: FoundDeployment, timings: Sequence[Timing]) -> list[Difference]:
    """One schedule for each planned time: what is too much goes first, for a slug may be there once only."""
    too_much: list[Difference] = []
    lacking: list[Difference] = []
    left = list(deployment.schedules)
    for timing in timings:
        same = [schedule for schedule in left if schedule.timing is not None and _same_times(schedule.timing, timing)]
        # Of several the one that runs is kept.
        kept = next((schedule for schedule in same if schedule.active), same[0] if same else None)
        if kept is None:
            lacking.append(Difference(Fault.SCHEDULE_MISSING, deployment.name, deployment.id, timing))
            continue
        left.remove(kept)
        if not kept.active:
            lacking.append(Difference(Fault.SCHEDULE_PAUSED, deployment.name, deployment.id, timing, kept.id))
    for schedule in left:
        too_much.append(
            Difference(Fault.SCHEDULE_DOUBLED, deployment.name, deployment.id, schedule.timing, schedule.id)
        )
    return too_much + lacking


def _same_times(one: Timing, other: Timing) -> bool:
    return (one.cron, one.timezone) == (other.cron, other.timezone)

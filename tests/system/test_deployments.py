"""What prefect.yaml and prefect.toml promise is what Prefect gets."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect import Flow

from tasks.settings import ROOT

DOCUMENT = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
DEPLOYMENTS: list[dict[str, Any]] = DOCUMENT["deployments"]
FORMS = {
    "one-case": {"case_number": "KZ-2026-000001"},
    "alarm": {"what": "run-failed", "about": "sla-sweep"},
}
"""What must be entered by whoever runs a deployment by hand."""

SCHEDULED = [deployment for deployment in DEPLOYMENTS if deployment.get("schedules")]
each = pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])


def flow_of(deployment: Mapping[str, Any]) -> Flow[Any, Any]:
    module, _, name = deployment["entrypoint"].rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, Flow), deployment["entrypoint"]
    return found


@each
def test_every_entrypoint_is_a_module_path_to_a_flow(deployment: dict[str, Any]) -> None:
    assert "/" not in deployment["entrypoint"], "a path would put its own folder first on sys.path"
    assert flow_of(deployment).isasync, "a sync flow costs a second at its end"


@each
def test_every_deployment_says_what_it_is_for_and_where_it_runs(deployment: dict[str, Any]) -> None:
    assert deployment["description"].endswith(".")
    assert "qorgan" in deployment["tags"]
    assert deployment["work_pool"]["name"] == "qorgan"
    assert deployment["work_pool"]["work_queue_name"] in {"child-safety", "routine"}


@each
def test_every_parameter_is_one_that_the_flow_accepts(deployment: dict[str, Any]) -> None:
    needed = FORMS.get(deployment["name"], {})
    given = {**needed, **deployment.get("parameters", {})}
    assert flow_of(deployment).validate_parameters(given).items() >= given.items()


def test_every_flow_has_a_schedule_but_those_that_are_asked_something() -> None:
    assert {d["name"] for d in DEPLOYMENTS} - {d["name"] for d in SCHEDULED} == set(FORMS)


@pytest.mark.parametrize("deployment", SCHEDULED, ids=lambda deployment: deployment["name"])
def test_every_schedule_names_its_time_zone_and_never_overtakes_itself(deployment: dict[str, Any]) -> None:
    # A child's case must not wait for the place that Prefect keeps for a run whose host died.
    places = 2 if deployment["name"] in ("lane-child-safety", "inbox") else 1
    assert deployment["concurrency_limit"] == {"limit": places, "collision_strategy": "CANCEL_NEW"}
    for schedule in deployment["schedules"]:
        assert ZoneInfo(schedule["timezone"]).key == schedule["timezone"]
        assert len(schedule["cron"].split()) == 5
        assert schedule["slug"]


def test_what_concerns_children_shares_no_queue_with_the_backlog() -> None:
    queues = {d["name"]: d["work_pool"]["work_queue_name"] for d in DEPLOYMENTS}
    children = {name for name, queue in queues.items() if queue == "child-safety"}
    assert children == {"inbox", "one-case", "lane-child-safety", "clocks", "mailbox", "reconcile", "alarm"}


def test_each_lane_is_woken_by_its_own_event_and_by_a_schedule() -> None:
    from flows.waking import READY

    lanes = {d["parameters"]["lane"]: d for d in DEPLOYMENTS if "lane" in d.get("parameters", {})}
    assert set(lanes) == {"child-safety", "routine"}
    for lane, deployment in lanes.items():
        [trigger] = deployment["triggers"]
        assert trigger["expect"] == [READY]
        assert trigger["match"] == {"prefect.resource.id": f"qorgan.lane.{lane}"}
        assert deployment["schedules"]


def test_the_documentation_lists_exactly_these_deployments() -> None:
    page = ROOT / "docs" / "deployments.md"
    if not page.exists():
        pytest.skip("docs/deployments.md is not written yet")
    listed = re.findall(r"^\|\s*`?([a-z-]+/[a-z-]+)`?\s*\|", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    listed = [name for name in listed if name != "flow/deployment"]
    assert sorted(listed) == sorted(f"{flow_of(d).name}/{d['name']}" for d in DEPLOYMENTS)


def _leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found: dict[tuple[str, ...], Any] = {}
    for key, value in tree.items():
        found |= _leaves(value, (*path, key)) if isinstance(value, dict) else {(*path, key): value}
    return found


STATED = _leaves(tomllib.loads((ROOT / "prefect.toml").read_text(encoding="utf-8")))

_DUMP = """
from prefect.settings import get_current_settings
print(get_current_settings().model_dump_json(exclude={"server": {"database"}}))
"""


@pytest.fixture(scope="module")
def effective() -> dict[str, Any]:
    """Prefect's settings as a process started in the project's folder has them, without anybody's environment."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    done = subprocess.run(
        [sys.executable, "-c", _DUMP], cwd=ROOT, env=env, capture_output=True, text=True, check=True, timeout=60
    )
    loaded: dict[str, Any] = json.loads(done.stdout)
    return loaded


@pytest.mark.parametrize("path", STATED, ids=".".join)
def test_every_key_of_prefect_toml_is_a_setting_that_prefect_knows(path: tuple[str, ...], effective: Any) -> None:
    for part in path:
        assert part in effective, f"{'.'.join(path)} is no setting of Prefect"
        effective = effective[part]


def test_prefect_takes_over_what_matters_from_prefect_toml(effective: dict[str, Any]) -> None:
    server, services = effective["server"], effective["server"]["services"]
    assert server["analytics_enabled"] is False
    for writer in ("task_run_recorder", "event_persister"):
        assert (services[writer]["batch_size"], services[writer]["read_batch_size"]) == (500, 50)
    assert set(services["db_vacuum"]["enabled"]) == {"events", "flow_runs"}
    assert services["db_vacuum"]["retention_period"] in ("P90D", 7776000, 7776000.0)
    assert effective["results"]["persist_by_default"] is False
    assert effective["logging"]["extra_loggers"] in ("qorgan", ["qorgan"])

"""Automations are files: every one can be read by Prefect, watches flows of ours, and starts a deployment of ours."""

from __future__ import annotations

import importlib
import tomllib
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml

from casework.errors import QorganError
from flows.alarm import alarm
from tasks.automations import AutomationFile, Difference, Fault, _ordered, apply, automation_files, differences
from tasks.settings import ROOT

FILES = {file.stem: file for file in automation_files()}
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
every_file = pytest.mark.parametrize("file", FILES.values(), ids=FILES)


class Server:
    """As much of Prefect's interface as automations need; what was asked is kept in order."""

    def __init__(self, *deployed: str) -> None:
        self.deployed = {name: f"00000000-0000-0000-0000-{place:012}" for place, name in enumerate(deployed, start=1)}
        self.stored: dict[str, dict[str, Any]] = {}
        self.changed: list[str] = []

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        match method, path:
            case "POST", "/deployments/filter":
                return [{"name": name, "id": known} for name, known in self.deployed.items()]
            case "POST", "/automations/filter":
                return list(self.stored.values())
        self.changed.append(method)
        key = path.removeprefix("/automations/") or f"a{len(self.changed)}"
        if method == "DELETE":
            del self.stored[key]
        else:
            self.stored[key] = {**body, "id": key}
        return None


@pytest.fixture
def server() -> Any:
    return Server("alarm")


def flows_named(file: AutomationFile) -> set[str]:
    named = file.body["trigger"]["match_related"]["prefect.resource.name"]
    return {named} if isinstance(named, str) else set(named)


def flow_of(deployment: dict[str, Any]) -> str:
    module, _, name = deployment["entrypoint"].rpartition(".")
    return str(getattr(importlib.import_module(module), name).name)


def test_what_the_operators_asked_for_is_there() -> None:
    assert set(FILES) == {"crashed-run", "failed-run", "late-sweep", "queue-not-polled", "zombie-run"}


@every_file
def test_prefect_can_read_it_and_its_name_and_description_are_sentences(file: AutomationFile) -> None:
    from prefect.server.events.schemas.automations import AutomationCore

    actions = [dict(action) for action in file.body["actions"]]
    for action in actions:
        if action.pop("deployment", None):
            action |= {"source": "selected", "deployment_id": "0" * 32}
    # The server's reader changes what it is given.
    read = AutomationCore.model_validate(deepcopy({**file.body, "actions": actions}))
    assert read.name.startswith("qorgan: ")
    assert read.description.endswith(".")


@pytest.mark.parametrize("stem", sorted(FILES.keys() - {"zombie-run"}))
def test_it_tells_the_alarm_something_that_its_form_takes(stem: str) -> None:
    [told] = FILES[stem].body["actions"]
    assert told["deployment"] == "alarm"
    about = told["parameters"]["about"]
    assert about in {"clocks", "{{ flow.name }}", "{{ work_queue.name }}"}
    alarm.validate_parameters({**told["parameters"], "about": "clocks"})


@every_file
def test_no_run_is_known_by_a_states_name_for_ours_are_sentences(file: AutomationFile) -> None:
    expected = file.body["trigger"]["expect"]
    assert expected == (["prefect.work-queue.not-ready"] if file.stem == "queue-not-polled" else ["prefect.flow-run.*"])


def test_a_crash_of_any_flow_but_the_alarms_own_is_watched_for() -> None:
    assert flows_named(FILES["crashed-run"]) == {flow_of(one) for one in DEPLOYMENTS} - {"alarm"}


def test_a_failure_is_watched_for_where_no_count_of_failures_of_a_cases_own_does_so() -> None:
    assert flows_named(FILES["failed-run"]) == flows_named(FILES["crashed-run"]) - {"case-lifecycle", "drive-cases"}


def test_a_zombie_has_missed_several_signs_of_life() -> None:
    every = tomllib.loads((ROOT / "prefect.toml").read_text(encoding="utf-8"))["flows"]["heartbeat_frequency"]
    assert FILES["zombie-run"].body["trigger"]["within"] >= 3 * every


def test_applying_makes_what_is_missing_and_a_second_time_does_nothing(server: Any) -> None:
    first = apply(server)
    assert {one.fault for one in first} == {Fault.MISSING}
    assert len(first) == len(FILES) == len(server.stored)
    server.changed.clear()
    assert apply(server) == []
    assert server.changed == []


def test_one_that_somebody_changed_paused_or_left_behind_is_put_right_and_others_are_left_alone(server: Any) -> None:
    apply(server)
    by_name = {row["name"]: row for row in server.stored.values()}
    by_name["qorgan: the sweep is late"]["trigger"] = {
        **by_name["qorgan: the sweep is late"]["trigger"], "within": 86_400,
    }  # fmt: skip
    by_name["qorgan: a run failed"]["enabled"] = False
    old = {**by_name["qorgan: a run crashed"], "name": "qorgan: an old one", "id": "old"}
    server.stored |= {"old": old, "theirs": {**old, "name": "a colleague's", "id": "theirs"}}
    found = {(one.name, one.fault) for one in differences(server)}
    assert found == {
        ("qorgan: the sweep is late", Fault.CHANGED),
        ("qorgan: a run failed", Fault.PAUSED),
        ("qorgan: an old one", Fault.LEFT_OVER),
    }
    apply(server)
    assert differences(server) == []
    assert "theirs" in server.stored
    assert "old" not in server.stored


def test_what_starts_a_deployment_that_is_not_there_is_refused_with_the_next_step() -> None:
    with pytest.raises(QorganError, match="prefect deploy --all") as refused:
        differences(Server())  # type: ignore[arg-type]
    assert refused.value.rule == "automations.no_deployment"


def test_a_file_that_could_take_somebody_elses_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("name: the sweep is late\n", encoding="utf-8")
    with pytest.raises(QorganError, match=r"x\.yaml"):
        automation_files(tmp_path)


def test_sets_are_compared_without_order() -> None:
    assert _ordered({"expect": ["b", "a"], "id": "1"}) == _ordered({"expect": ["a", "b"], "id": "2"})
    assert Difference("x", Fault.MISSING).id == ""

"""The containers: each is hardened, watched and restarted, gets its secrets as files, and starts what exists."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deploy.installation import DEPLOY, compose, env_file, exists, known_variables

SERVICES: dict[str, Any] = compose()["services"]
ONCE = {"migrate", "release"}
"""Containers that do one thing and end."""

each = pytest.mark.parametrize("name", SERVICES)


@each
def test_every_container_is_watched_restarted_and_belongs_to_a_role(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    assert service["healthcheck"] == {"disable": True} if name in ONCE else service["healthcheck"]["test"]
    [role] = service["profiles"]
    assert role in {"data", "release", "server", "services", "worker", "page"}


@each
def test_no_container_is_root_or_may_become_it_or_write_into_its_own_image(name: str) -> None:
    service = SERVICES[name]
    account, _, group = service["user"].partition(":")
    assert int(account) > 0
    assert int(group) > 0
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "privileged" not in service


@each
def test_no_container_listens_where_nobody_said_it_may(name: str) -> None:
    assert all(port.startswith("${QORGAN_BIND:-127.0.0.1}:") for port in SERVICES[name].get("ports", ()))


@each
def test_every_file_and_secret_that_a_container_names_is_declared(name: str) -> None:
    service = SERVICES[name]
    assert all((DEPLOY / file).is_file() for file in service.get("env_file", ()))
    assert set(service.get("secrets", ())) <= compose()["secrets"].keys()
    mounted = [volume.split(":")[0] for volume in service.get("volumes", ())]
    assert all((DEPLOY / source).is_file() for source in mounted if source.startswith("./"))
    assert {source for source in mounted if source[0] not in "./$"} <= compose()["volumes"].keys()


def test_every_secret_is_a_file_that_some_container_needs_and_a_variable_that_somebody_reads() -> None:
    needed = {secret for service in SERVICES.values() for secret in service.get("secrets", ())}
    assert needed == compose()["secrets"].keys()
    assert all(set(declared) == {"file"} for declared in compose()["secrets"].values())
    ours = {name for name in needed if name.startswith(("PREFECT_", "QORGAN_"))}
    assert ours <= known_variables()


@each
def test_no_secret_stands_in_a_container_s_settings(name: str) -> None:
    said = set(SERVICES[name].get("environment", ()))
    for file in SERVICES[name].get("env_file", ()):
        said |= env_file(DEPLOY / file).keys()
    assert not said & compose()["secrets"].keys()


@each
def test_what_a_container_starts_is_a_command_with_these_options(name: str) -> None:
    command = SERVICES[name].get("command", [])
    if not command or command[0] not in {"prefect", "qorgan"}:
        assert not command or command[0] in {"redis-server", "sh"}
        return
    assert exists([str(word) for word in command])


def test_each_queue_has_a_worker_of_its_own() -> None:
    commands = [service["command"] for service in SERVICES.values() if "worker" in service.get("command", ())]
    assert {command[command.index("--work-queue") + 1] for command in commands} == {"child-safety", "routine"}

"""The guide names only what is there: files, units, roles, variables. Commands of ours are checked with all pages."""

from __future__ import annotations

import re

from tasks.settings import ROOT
from tests.deploy.installation import UNITS, compose, known_variables

GUIDE = (ROOT / "docs" / "many-hosts.md").read_text(encoding="utf-8")


def test_every_file_that_the_guide_names_is_there() -> None:
    named = set(re.findall(r"\bdeploy/[\w./*-]*[\w*]", GUIDE))
    assert named
    assert [name for name in sorted(named) if not list(ROOT.glob(name))] == []


def test_every_unit_that_the_guide_starts_is_there_and_every_unit_is_started() -> None:
    units = {re.sub(r"@?\.service$", "", unit.name) for unit in UNITS}
    named = set(re.findall(r"\bqorgan-(?:prefect-|acknowledge-)?[a-z]+\b", GUIDE))
    assert named <= units
    assert {unit for unit in units if "doctor" not in unit} <= named


def test_every_queue_that_a_worker_is_started_for_exists() -> None:
    assert set(re.findall(r"qorgan-worker@([a-z-]+)", GUIDE)) == {"child-safety", "routine"}


def test_every_role_and_container_of_the_guide_exists_and_no_role_is_left_out() -> None:
    services = compose()["services"]
    roles = {role for service in services.values() for role in service["profiles"]}
    assert set(re.findall(r"--profile ([a-z]+)", GUIDE)) | {"release"} == roles
    assert set(re.findall(r"run --rm ([a-z]+)", GUIDE)) == {"migrate", "release"}


def test_every_variable_of_the_guide_is_one_that_somebody_reads() -> None:
    ours = set(re.findall(r"\b((?:QORGAN|PREFECT)_[A-Z0-9_]+[A-Z0-9])\b", GUIDE)) - {"QORGAN_HOST"}
    assert ours <= known_variables()

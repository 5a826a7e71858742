"""The bill of materials names every installed package, in a form that the published schema accepts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from email.message import Message
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Any, cast

import pytest
from packaging.utils import canonicalize_name

from tools import bill_of_materials as bill
from tools import check_dependencies as check


class Package:
    """As much of an installed package as the bill reads."""

    def __init__(self, name: str, *said: tuple[str, str], requires: Iterable[str] = ()) -> None:
        self.version, self.requires, self.metadata = "1.0", list(requires), Message()
        for key, value in (("Name", name), ("Summary", f"{name} in a sentence"), *said):
            self.metadata[key] = value


def told(*packages: Package) -> dict[str, Any]:
    given = [Package("qorgan", requires=["Two_Parts[fast]>=1", bill.WRITER]), Package(bill.WRITER), *packages]
    text = bill.text_of(
        bill.bill_of({canonicalize_name(one.metadata["Name"]): cast(Distribution, one) for one in given})
    )
    assert bill.fault_in(text) == ""
    return cast(dict[str, Any], json.loads(text))


def named(package: Package) -> dict[str, Any]:
    """What the bill says of one package."""
    name = package.metadata["Name"]
    return next(one for one in told(package)["components"] if one["name"] == name)


def test_this_installation_has_a_bill_that_equals_itself_and_names_no_place_of_this_machine(tmp_path: Path) -> None:
    for name in ("one.json", "two.json"):
        assert bill.write_bill(tmp_path / name) == ""
    text = (tmp_path / "one.json").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.json").read_text(encoding="utf-8")
    assert str(check.ROOT) not in text
    assert "file:" not in text
    found = json.loads(text)
    installed = {(one.metadata["Name"], one.version) for one in distributions() if one.metadata["Name"] != bill.PROJECT}
    assert {(one["name"], one["version"]) for one in found["components"]} == installed
    assert all(one["purl"].startswith("pkg:pypi/") and one["licenses"] for one in found["components"])
    assert found["metadata"]["component"]["name"] == "qorgan"
    needed = {one["ref"]: one.get("dependsOn", []) for one in found["dependencies"]}
    assert any(one.startswith("prefect==") for one in needed["root-component"])


def test_nothing_locked_makes_prefect_slow_to_import() -> None:
    """jsonschema builds this grammar at import where it finds it: two seconds in every process of ours."""
    assert "rfc3987-syntax" not in check.read_lock(check.LOCK.read_text(encoding="utf-8")).versions


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([("License-Expression", "MIT")], {"id": "MIT"}),
        ([("License-Expression", "MIT"), ("Classifier", "License :: OSI Approved :: BSD License")], {"id": "MIT"}),
        ([("Classifier", "License :: OSI Approved :: MIT License")], {"id": "MIT"}),
        (
            [("Classifier", "License :: OSI Approved :: BSD License")],
            {"name": "License :: OSI Approved :: BSD License"},
        ),
        ([("License", "apache-2.0")], {"id": "Apache-2.0"}),
    ],
)
def test_a_licence_is_an_identifier_where_the_package_names_one(
    said: list[tuple[str, str]], expected: dict[str, str]
) -> None:
    [found] = named(Package("one", *said))["licenses"]
    assert found["license"] == {**expected, "acknowledgement": "declared"}


def test_an_expression_stands_alone_and_what_else_was_said_is_evidence() -> None:
    found = named(
        Package("one", ("License", "MIT OR Apache-2.0"), ("Classifier", "License :: OSI Approved :: MIT License"))
    )
    assert [one["expression"] for one in found["licenses"]] == ["MIT OR Apache-2.0"]
    assert [one["license"]["id"] for one in found["evidence"]["licenses"]] == ["MIT"]


def test_a_whole_text_in_the_licence_field_is_no_name() -> None:
    assert "licenses" not in named(Package("one", ("License", "Permission is hereby granted\nto any person")))


def test_addresses_are_sorted_by_their_labels_and_places_on_this_machine_left_out() -> None:
    found = named(
        Package(
            "one",
            ("Project-URL", "Bug Tracker, https://one.example/bugs"),
            ("Project-URL", "Source, file:///home/somebody/one"),
            ("Project-URL", "Funding, https://one.example/give"),
            ("Home-page", "https://one.example/"),
        )
    )
    assert {one["type"]: one["url"] for one in found["externalReferences"]} == {
        "issue-tracker": "https://one.example/bugs",
        "other": "https://one.example/give",
        "website": "https://one.example/",
    }


def test_what_needs_what_is_a_graph_that_begins_at_the_project() -> None:
    found = told(Package("two.parts", requires=["one", "two-parts[more]", "absent; extra == 'fast'"]), Package("one"))
    needed = {one["ref"]: one.get("dependsOn", []) for one in found["dependencies"]}
    assert needed["root-component"] == ["cyclonedx-python-lib==1.0", "two.parts==1.0"]
    assert needed["two.parts==1.0"] == ["one==1.0"]
    assert needed["one==1.0"] == []
    [extra] = next(one for one in found["components"] if one["name"] == "two.parts")["properties"]
    assert extra == {"name": "cdx:python:package:required-extra", "value": "fast"}


def test_a_bill_that_breaks_the_schema_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill, "text_of", lambda _: '{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": 1}')
    assert "no bill of materials: $.components" in bill.write_bill(tmp_path / "one.json")
    assert not (tmp_path / "one.json").exists()

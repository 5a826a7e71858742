"""Editors complete a pack by a schema that stands where its files say, and that agrees with what is loaded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from casework.pack_reader import FILES, OPTIONAL
from tools.generate_schema import FOLDER

ROOT = Path(__file__).parents[2]
YAML = sorted((ROOT / "policies").glob("*/*.yaml"))


@pytest.mark.parametrize("path", YAML, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_file_of_a_pack_names_its_schema(path: Path) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    schema = (path.parent / first.removeprefix(prefix)).resolve()
    assert schema == FOLDER / f"{path.stem}.json"
    assert schema.is_file()


@pytest.mark.parametrize("stem", [*FILES, *OPTIONAL])
def test_the_schema_knows_every_key_that_the_packs_use(stem: str) -> None:
    schema = json.loads((FOLDER / f"{stem}.json").read_text(encoding="utf-8"))
    known = set(schema.get("properties", {}))
    for path in (ROOT / "policies").glob(f"*/{stem}.yaml"):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        if known and isinstance(data, dict):
            assert set(data) <= known, path


def test_an_unknown_key_is_marked_by_the_schema_too() -> None:
    schema = json.loads((FOLDER / "sla.json").read_text(encoding="utf-8"))
    assert schema["additionalProperties"] is False
    assert schema["$defs"]["ClockRule"]["additionalProperties"] is False

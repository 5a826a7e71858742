"""The policy pack's JSON Schema, from its models: one file for each YAML file, and the page that explains every key.

``make docs`` writes docs/schema/*.json, which editors use to complete and check a pack while it is written.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from casework.pack_reader import FILES, OPTIONAL

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "schema"

Schema = Mapping[str, Any]


def schema_files() -> dict[Path, str]:
    """Every schema file with its text."""
    return {FOLDER / f"{stem}.json": _text(stem) for stem in (*FILES, *OPTIONAL)}


def _text(stem: str) -> str:
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **_schema(stem),
        "title": f"{stem}.yaml of a policy pack",
    }
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _schema(stem: str) -> dict[str, Any]:
    return {**FILES, **OPTIONAL}[stem].model_json_schema()


def reference() -> str:
    """Every key of every file, as Markdown."""
    lines: list[str] = []
    for stem in FILES:
        schema = _schema(stem)
        lines += [f"## {stem}.yaml", "", _first_line(schema), ""]
        shared = schema.get("$defs", {})
        if "properties" in schema:
            lines += [*_keys(schema), ""]
        for name, part in shared.items():
            if part.get("properties"):
                lines += [f"### {name}", "", _first_line(part), "", *_keys(part), ""]
    return "\n".join(lines).rstrip()


def _first_line(schema: Schema) -> str:
    return str(schema.get("description", "")).split("\n\n")[0].replace("\n", " ")


def _keys(schema: Schema) -> Iterator[str]:
    needed = schema.get("required", ())
    yield "| key | value | needed | meaning |"
    yield "| --- | --- | --- | --- |"
    for key, part in schema["properties"].items():
        meaning = " ".join(str(part.get("description", "")).split()).replace("|", "\\|").replace("``", "`")
        yield f"| `{key}` | {_kind(part)} | {'yes' if key in needed else ''} | {meaning} |"


def _kind(part: Schema) -> str:
    if "$ref" in part:
        return str(part["$ref"]).rpartition("/")[2]
    if "anyOf" in part:
        return " or ".join(dict.fromkeys(_kind(option) for option in part["anyOf"] if option.get("type") != "null"))
    if "enum" in part:
        return ", ".join(f"`{value}`" for value in part["enum"])
    if "const" in part:
        return f"`{part['const']}`"
    if part.get("type") == "array":
        inner = part.get("items") or next(iter(part.get("prefixItems", ())), {})
        return f"list of {_kind(inner)}"
    if part.get("type") == "object":
        inner = part.get("additionalProperties")
        return f"map to {_kind(inner)}" if isinstance(inner, dict) and inner else "map"
    return str(part.get("format") or part.get("type") or "anything")

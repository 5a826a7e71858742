"""A policy on disk, changed: what a lawyer does with an editor."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tasks.settings import POLICIES

Edit = Callable[[Any], None]

SOURCE = {"ref": "Order of the head of the unit (practice)", "verified_on": None}


def changed_pack(folder: Path, version: str, pack: str = "kz-ministry", **edits: Edit) -> str:
    """A copy of a pack under another id, such as ``2026-12``; its path. Each edit changes one file's data in place."""
    copy = folder / version / pack
    shutil.copytree(POLICIES / pack, copy)
    for stem, edit in {"regime": lambda regime: None, **edits}.items():
        path = copy / f"{stem}.yaml"
        data = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
        edit(data)
        if stem == "regime":
            data["id"] = f"{pack}/{version}"
        path.write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True), encoding="utf-8")
    return str(copy)


def clock_in(sla: Any, rule_id: str) -> Any:
    """One clock of a file of clocks."""
    return next(rule for rule in sla["clocks"] if rule["id"] == rule_id)

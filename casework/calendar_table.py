"""The override table of a pack: single days that differ from the public calendar, one a row.

Columns: ``calendar`` (an id of calendar.yaml; empty: its first), ``day`` (ISO date), ``kind`` (closed or open),
``name``, ``hours`` (as in ``09:00-13:00 14:00-17:00``; only for open), ``source``, ``url``, ``verified_on``.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

COLUMNS = ("calendar", "day", "kind", "name", "hours", "source", "url", "verified_on")
_HOURS = re.compile(r"(\d{2}:\d{2})-(\d{2}:\d{2})")


def read_overrides(name: str, text: str, faults: list[str]) -> list[dict[str, Any]]:
    """The rows as ``{"calendar": id, "override": data of an override}``; what is wrong is added to ``faults``
    as ``name:line: what``. A day without a source is refused: a calendar is law, or a decision that can be shown."""
    if not text.strip():
        return []
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff")))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        faults.append(f"{name}:1: the columns must be {', '.join(COLUMNS)}")
        return []
    rows = []
    for row in reader:
        problem = _problem(row)
        if problem:
            faults.append(f"{name}:{reader.line_num}: {problem}")
            continue
        hours = [{"opens": opens, "closes": closes} for opens, closes in _HOURS.findall(row["hours"])]
        source = {"ref": row["source"], "url": row["url"] or None, "verified_on": row["verified_on"] or None}
        override = {key: row[key] for key in ("day", "kind", "name")} | {"windows": hours or None, "source": source}
        rows.append({"calendar": row["calendar"], "override": override})
    return rows


def _problem(row: dict[str, Any]) -> str:
    if None in row or None in row.values():
        return f"the row has not {len(COLUMNS)} columns"
    if not row["source"].strip():
        return f"{row['day']} has no source: name the decision"
    if row["kind"] not in ("closed", "open"):
        return f"kind must be closed or open, not '{row['kind']}'"
    if row["hours"] and not re.fullmatch(rf"{_HOURS.pattern}( {_HOURS.pattern})*", row["hours"]):
        return f"hours must read like 09:00-13:00 14:00-17:00, not '{row['hours']}'"
    return ""

"""The override table of a pack: single days that differ from the public calendar, one a row.

Columns: ``calendar`` (an id of calendar.yaml; empty: its first), ``day`` (ISO date), ``kind`` (closed or open),
``name``, ``hours`` (as in ``09:00-13:00 14:00-17:00``; only for open), ``source``, ``url``, ``verified_on``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, time
from typing import Any

COLUMNS = ("calendar", "day", "kind", "name", "hours", "source", "url", "verified_on")
LONGEST_NAME = 120
_HOURS = re.compile(r"(\d{2}:\d{2})-(\d{2}:\d{2})")


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """One row: its line, the calendar it is for ('' for the first), and the data of an override."""

    line: int
    calendar: str
    day: date
    override: dict[str, Any]


def read_overrides(name: str, text: str, faults: list[str]) -> list[OverrideRow]:
    """The rows that can be read; what is wrong is added to ``faults`` as ``name:line: what``.

    A day without a source is refused: a calendar is law, or a decision that can be shown.
    """
    if not text.strip():
        return []
    reader = csv.DictReader(io.StringIO(text.lstrip("\ufeff"), newline=None))
    try:
        return _rows(name, reader, faults)
    except csv.Error as error:
        faults.append(f"{name}:{reader.reader.line_num}: cannot be read as a table: {error}")
        return []


def _rows(name: str, reader: csv.DictReader[str], faults: list[str]) -> list[OverrideRow]:
    if tuple(reader.fieldnames or ()) != COLUMNS:
        faults.append(f"{name}:1: the columns must be {', '.join(COLUMNS)}")
        return []
    rows = []
    for row in reader:
        # A quoted cell may hold line breaks: the row begins where its first cell stands.
        line = reader.line_num - sum(cell.count("\n") for cell in row.values() if isinstance(cell, str))
        problem = _problem(row)
        if problem:
            faults.append(f"{name}:{line}: {problem}")
            continue
        hours = [{"opens": opens, "closes": closes} for opens, closes in _HOURS.findall(row["hours"])]
        source = {"ref": row["source"], "url": row["url"] or None, "verified_on": row["verified_on"] or None}
        override = {key: row[key] for key in ("day", "kind", "name")} | {"windows": hours or None, "source": source}
        rows.append(OverrideRow(line, row["calendar"], date.fromisoformat(row["day"]), override))
    return rows


def add_overrides(name: str, data: Any, rows: Sequence[OverrideRow], faults: list[str]) -> Any:
    """The data of calendar.yaml with each row added to its calendar; rows that fit none are faults of their line.

    Data that is no list of calendars comes back as it is: its own fault is found when it is validated.
    """
    calendars = data.get("calendars") if isinstance(data, dict) else None
    if not isinstance(calendars, list) or not all(map(_takes_overrides, calendars)):
        return data
    added = [{**calendar, "overrides": list(calendar.get("overrides", ()))} for calendar in calendars]
    for row in rows:
        meant = [one for one in added if one.get("id") == row.calendar] if row.calendar else added
        found = meant[0] if meant else None
        problem = _misfit(row, found)
        if found is None or problem:
            faults.append(f"{name}:{row.line}: {problem}")
            continue
        found["overrides"].append(row.override)
    return {**data, "calendars": added}


def _takes_overrides(calendar: Any) -> bool:
    return isinstance(calendar, dict) and isinstance(calendar.get("overrides", []), list)


def _misfit(row: OverrideRow, calendar: dict[str, Any] | None) -> str:
    if calendar is None:
        return f"calendar '{row.calendar}' is not in calendar.yaml"
    covers = calendar.get("covers")
    years = [year for year in covers if isinstance(year, int)] if isinstance(covers, list) else []
    if years and row.day.year not in years:
        covered = f"{min(years)} to {max(years)}"
        return f"{row.day} lies outside the years that calendar '{calendar.get('id')}' covers, {covered}"
    if str(row.day) in {str(one.get("day")) for one in calendar["overrides"] if isinstance(one, dict)}:
        return f"calendar '{calendar.get('id')}' has two overrides for {row.day}"
    return ""


def _problem(row: dict[str, Any]) -> str:
    if None in row or None in row.values():
        return f"the row has not {len(COLUMNS)} columns"
    for column in ("day", "verified_on"):
        if (row[column] or column == "day") and not _is_date(row[column]):
            return f"{column} must be a date that exists, like 2026-05-28, not '{row[column]}'"
    if not 0 < len(row["name"].strip()) <= LONGEST_NAME:
        return f"{row['day']} needs a name of at most {LONGEST_NAME} letters"
    if not row["source"].strip():
        return f"{row['day']} has no source: name the decision"
    if row["kind"] not in ("closed", "open"):
        return f"kind must be closed or open, not '{row['kind']}'"
    if row["kind"] == "closed" and row["hours"]:
        return f"{row['day']} is closed and has hours: a half day is open"
    if row["hours"] and not _are_hours(row["hours"]):
        return f"hours must read like 09:00-13:00 14:00-17:00, not '{row['hours']}'"
    return ""


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-05-28")


def _are_hours(text: str) -> bool:
    if not re.fullmatch(rf"{_HOURS.pattern}( {_HOURS.pattern})*", text):
        return False
    try:
        for opens, closes in _HOURS.findall(text):
            time.fromisoformat(opens)
            # 24:00 is how people write the end of a day.
            time.fromisoformat("00:00" if closes == "24:00" else closes)
    except ValueError:
        return False
    return True

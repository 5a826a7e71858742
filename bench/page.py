"""The figures as a part of docs/performance.md: where, with what, and by how much each target is met."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from bench.report import Figure, Target, rounded, verdict
from tools.markdown import table

PACKAGES = ("prefect", "sqlalchemy", "psycopg", "emails", "dbos", "pandas")
_BLOCK = re.compile(r"(<!-- measured -->\n).*?(<!-- end of measured -->)", re.DOTALL)


def write_page(
    page: Path,
    figures: Sequence[Figure],
    targets: Mapping[str, Target],
    *,
    at: datetime,
    failed: Sequence[str] = (),
    left: Sequence[str] = (),
) -> None:
    """Put the figures of one run between the page's marks. Raises ValueError when the page has none.

    What ``failed`` and what was ``left`` when the page was written is said.
    """
    unfinished = f" Not measured, because it failed: {', '.join(failed)}." if failed else ""
    unfinished += f" Not measured yet: {', '.join(left)}." if left else ""
    told = f"{_about(at)}{unfinished}\n\n{_tables(figures, targets)}\n"
    written, count = _BLOCK.subn(lambda found: found[1] + told + found[2], page.read_text(encoding="utf-8"))
    if not count:
        raise ValueError(f"{page.name} has no place for figures")
    page.write_text(written, encoding="utf-8")


def _about(at: datetime) -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    machine = f"{os.cpu_count()} processors ({platform.machine()}), {memory:.0f} GiB, Linux {platform.release()}"
    with_what = [f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}"]
    with_what += [f"{package} {version(package)}" for package in PACKAGES]
    return f"One run of `make bench` on {at.astimezone(UTC):%d %B %Y}: {machine}. {', '.join(with_what)}."


def _tables(figures: Sequence[Figure], targets: Mapping[str, Target]) -> str:
    """One table a part, in the order of the run; the memory of all of them is the last."""
    in_order = sorted(figures, key=lambda figure: _part(figure) == "memory")
    return "\n\n".join(
        f"### {part}\n\n" + table(("figure", "what", "value", "target", "met"), [_row(one, targets) for one in some])
        for part, some in groupby(in_order, key=_part)
    )


def _part(figure: Figure) -> str:
    return figure.name.partition(".")[0]


def _row(figure: Figure, targets: Mapping[str, Target]) -> tuple[str, ...]:
    met = verdict(figure, targets)
    size = "" if figure.size is None else f" ({figure.size:,})"
    return (
        f"`{figure.name}`",
        figure.title + size,
        f"{rounded(figure.value)} {figure.unit}",
        "" if met is None else str(targets[figure.name]),
        {None: "", True: "yes", False: "**no**"}[met],
    )

"""What was measured, the targets, and how both are shown."""

from __future__ import annotations

import os
import platform
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True, slots=True)
class Target:
    """The bound of a figure, in the figure's unit. The bound itself still meets it."""

    limit: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit

    def __str__(self) -> str:
        return f"{'at least' if self.at_least else 'at most'} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value. ``size`` counts what the figure was measured over, where it was measured over several."""

    name: str
    title: str
    value: float
    unit: str
    size: int | None = None


TARGETS: Mapping[str, Target] = {
    "drive.review_ratio": Target(1.25),
    "drive.review_ratio_at_once": Target(1.25),
    "drive.submission_ratio": Target(1.25),
    "drive.submission_ratio_at_once": Target(1.25),
    "drive_postgres.review_ratio": Target(1.15),
    "drive_postgres.review_ratio_at_once": Target(1.15),
    "drive_postgres.submission_ratio": Target(1.15),
    "drive_postgres.submission_ratio_at_once": Target(1.15),
    "lifecycle.over_library": Target(1, at_least=True),
    "volume.memory_ratio": Target(1.05),
    "intake.ratio": Target(0.2, at_least=True),
    "intake.reports_per_second": Target(1_000, at_least=True),
    "sweep.build_seconds": Target(60),
    "sweep.warned_ratio": Target(1.5),
    "sweep.breached_ratio": Target(1.5),
    "sweep.nothing_due": Target(20),
    "letters.rendered_per_second": Target(300, at_least=True),
    "letters.delivery_ratio": Target(0.5, at_least=True),
    "letters.pass_ratio": Target(1.5),
    "mail.memory_ratio": Target(1.1),
    "simulate.seconds": Target(120),
    "memory.simulate": Target(500),
    "lanes.inbox_stage_worst": Target(1),
    "lanes.raised_stage_worst": Target(15),
    "lanes.raised_referral_worst": Target(15),
    "law.working_hours": Target(20_000, at_least=True),
    "law.working_days": Target(20_000, at_least=True),
    "law.priority": Target(20_000, at_least=True),
}
"""By a figure's name, whatever its size; a figure that is not here is for reading."""


def verdict(figure: Figure, targets: Mapping[str, Target]) -> bool | None:
    """Whether the figure meets its target; None without one."""
    target = targets.get(figure.name)
    return None if target is None else target.met(figure.value)


def all_met(figures: Sequence[Figure], targets: Mapping[str, Target]) -> bool:
    return all(verdict(figure, targets) is not False for figure in figures)


def as_table(figures: Sequence[Figure], targets: Mapping[str, Target]) -> Table:
    """Figure, value, target, met: for people."""
    table = Table("figure", "what", "value", "unit", "target", "met")
    for figure in figures:
        met = verdict(figure, targets)
        table.add_row(
            figure.name,
            figure.title,
            rounded(figure.value),
            figure.unit,
            "" if met is None else str(targets[figure.name]),
            {None: "", True: "yes", False: "no"}[met],
        )
    for column in (2, 4):
        table.columns[column].justify = "right"
    return table


def rounded(value: float) -> str:
    """Three digits are enough for people."""
    return f"{value:,.0f}" if value >= 1_000 else f"{value:.3g}"


def as_data(figures: Sequence[Figure], targets: Mapping[str, Target], *, quick: bool) -> dict[str, Any]:
    """The same and the machine it was measured on: for programs."""
    return {
        "machine": {"python": platform.python_version(), "cpus": os.cpu_count(), "sqlite": sqlite3.sqlite_version},
        "quick": quick,
        "met": all_met(figures, targets),
        "figures": [_figure_data(figure, targets) for figure in figures],
    }


def _figure_data(figure: Figure, targets: Mapping[str, Target]) -> dict[str, Any]:
    target = targets.get(figure.name)
    return {
        "name": figure.name,
        "title": figure.title,
        "size": figure.size,
        "value": figure.value,
        "unit": figure.unit,
        "target": None if target is None else {"limit": target.limit, "at_least": target.at_least},
        "met": verdict(figure, targets),
    }

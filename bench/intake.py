"""Intake into SQLite, over plain bulk inserts of the very rows it wrote, batch by batch.

The floor does nothing but insert: it reads no report, seals nothing, looks for no duplicate,
computes no clock and no hash. Both write with the same settings into new files on the same disk.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from sqlalchemy import Engine, Table, insert, select

from bench.child import Tick, peak_memory, serve
from bench.practice import INTAKE, practice_reports, practice_runtime
from bench.report import Figure
from casework.report_formats import split_file
from casework.vocabulary import ReportState
from db.base import Base
from tasks.intake import BATCH, take_in
from tasks.runtime import Runtime

Row = dict[str, Any]
Transaction = Mapping[Table, Sequence[Row]]


COUNTERS = ("chain_head", "number_sequence", "policy_version")
"""Tables of one row, which a new database may have already."""
ADOPTED = "policy.adopted"
"""The event that a new database has already, like its row."""


def measure(tick: Tick, *, reports: int, rounds: int) -> list[Figure]:
    """Take ``reports`` in, then insert their rows plainly, ``rounds`` times in turns after a warm-up."""
    data = practice_reports(reports)
    steps = 2 * rounds + 1
    ours: list[float] = []
    floor: list[float] = []
    transactions: list[Transaction] = []
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        _take_in(practice_runtime(Path(folder, "warm")), practice_reports(min(reports, 200), seed=2))
        tick(1, steps)
        for number in range(rounds):
            runtime = practice_runtime(Path(folder, f"ours{number}"))
            ours.append(_take_in(runtime, data))
            tick(len(ours) + len(floor) + 1, steps)
            if not transactions:
                memory = peak_memory("intake")
                transactions = _transactions(runtime.engine)
            runtime.engine.dispose()
            plain = practice_runtime(Path(folder, f"floor{number}")).engine
            floor.append(_insert(plain, transactions))
            plain.dispose()
            tick(len(ours) + len(floor) + 1, steps)
    rows = sum(len(part) for transaction in transactions for part in transaction.values())
    seconds = median(ours)
    return [
        Figure("intake.ratio", "intake's rows a second over plain bulk inserts", median(floor) / seconds, "×", reports),
        Figure("intake.reports_per_second", "reports taken in", reports / seconds, "reports/s", reports),
        Figure("intake.rows_per_second", "rows written by intake", rows / seconds, "rows/s", rows),
        Figure("intake.floor_rows_per_second", "rows inserted plainly", rows / median(floor), "rows/s", rows),
        memory,
    ]


def _take_in(runtime: Runtime, data: bytes) -> float:
    """Seconds for a whole file, from its bytes to the last commit."""
    begun = perf_counter()
    results = take_in(runtime, split_file("practice.jsonl", data), INTAKE)
    seconds = perf_counter() - begun
    assert all(result.state is ReportState.CASE for result in results), "every report opens a case"
    return seconds


def _transactions(engine: Engine) -> list[Transaction]:
    """All rows, cut as intake cut them: two transactions a batch. Cases come first, since reports refer to them."""
    batches: dict[int, dict[Table, list[Row]]] = defaultdict(lambda: defaultdict(list))
    with engine.connect() as connection:
        for table in (table for table in Base.metadata.sorted_tables if table.name not in COUNTERS):
            for row in connection.execute(select(table)).mappings():
                if row.get("kind") == ADOPTED:
                    continue
                batches[_batch(table, row)][table].append(dict(row))
    cases = Base.metadata.tables["case_file"]
    transactions: list[Transaction] = []
    for _, tables in sorted(batches.items()):
        transactions.append({cases: tables.pop(cases)})
        transactions.append(tables)
    return transactions


def _batch(table: Table, row: Mapping[Any, Any]) -> int:
    """The batch a row belongs to: every report opened the case of its own number."""
    number = row["id"] if table.name in ("report", "case_file") else row.get("case_id", 1)
    return int(number - 1) // BATCH


def _insert(engine: Engine, transactions: Sequence[Transaction]) -> float:
    """Seconds for the same rows in the same transactions, nothing else."""
    begun = perf_counter()
    for tables in transactions:
        with engine.begin() as connection:
            for table, rows in tables.items():
                connection.execute(insert(table), rows)
    return perf_counter() - begun


FULL = partial(measure, reports=5_000, rounds=5)
QUICK = partial(measure, reports=1_000, rounds=3)

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)

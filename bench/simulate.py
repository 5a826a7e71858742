"""What-if over many recorded cases: seconds, cases a second, and the memory it takes.

The record is made of rows in bulk, seeded: ninety days of cases of every kind, most of them closed, with the events of
a whole way each. It is made in a process of its own, so that its memory is not the simulation's.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

from bench.child import Tick, peak_memory, serve
from bench.practice import AT, INTAKE, practice_reports, practice_runtime
from bench.report import Figure
from casework.policy_clocks import LimitSpec
from casework.policy_pack import Pack
from casework.report_formats import split_file
from casework.vocabulary import Priority
from tasks.intake import take_in
from tasks.simulation import simulate

DAYS = 90
_CHUNK = 5_000
_CATEGORIES = (
    "fraud", "fraud", "drugs", "gambling_advertising", "gambling_advertising", "privacy_personal_data", "malware",
    "hate_incitement", "false_information", "cyberbullying_child", "dangerous_challenge", "suicide_or_self_harm",
    "harmful_to_child_development", "terrorism_extremism", "csam", "unclassified",
)  # fmt: skip
_AGES = ("adult", "adult", "nobody", "nobody", "unknown", "13_17", "under_13")
_SIGNS = ("self_harm_signals", "grooming_ongoing", "repeat_victim", "threat_to_life_of_child", "no_exact_link")


def measure(tick: Tick, *, cases: int) -> list[Figure]:
    """Simulate a changed policy over ``cases`` recorded cases, once."""
    with tempfile.TemporaryDirectory(prefix="qorgan-bench-") as folder:
        home = Path(folder)
        maker = get_context("spawn").Process(target=build, args=(home, cases))
        maker.start()
        maker.join()
        assert maker.exitcode == 0, "the record is made"
        runtime = practice_runtime(home)
        new = proposed(runtime.pack)
        begun = perf_counter()
        found = simulate(runtime, new, DAYS, progress=tick)
        seconds = perf_counter() - begun
        runtime.engine.dispose()
    assert found.replayed == cases, "every case is replayed"
    assert found.moves, "the proposed policy moves levels"
    return [
        Figure("simulate.seconds", f"what-if over {cases:,} recorded cases", seconds, "s", cases),
        Figure("simulate.cases_per_second", "recorded cases, each under two policies", cases / seconds, "1/s", cases),
        peak_memory("simulate"),
    ]


def proposed(pack: Pack) -> Pack:
    """The practice policy with less time for platforms and reviewers, and another level for leaks of personal data."""
    limits = {
        "kz.platform_24h": LimitSpec(amount=12, unit="hours"),
        "kz.internal.review.routine": LimitSpec(amount=2, unit="working_days"),
        "kz.reporter.answer": LimitSpec(amount=3, unit="working_days"),
    }
    clocks = tuple(
        rule.model_copy(update={"limit": limits[rule.id]}) if rule.id in limits else rule for rule in pack.sla.clocks
    )
    rules = tuple(
        rule.model_copy(update={"level": Priority.P1}) if rule.id == "kz.p2.harm_to_child" else rule
        for rule in pack.priority.rules
    )
    return pack.model_copy(
        update={
            "sla": pack.sla.model_copy(update={"clocks": clocks}),
            "priority": pack.priority.model_copy(update={"rules": rules}),
        }
    )


def build(home: Path, cases: int) -> None:
    """A case file with ``cases`` recorded cases, made from one that was really taken in."""
    runtime = practice_runtime(home)
    take_in(runtime, split_file("practice.jsonl", practice_reports(1)), INTAKE)
    runtime.engine.dispose()
    chance = Random(1)
    with closing(sqlite3.connect(home / "qorgan.db")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.row_factory = sqlite3.Row
        tables = ("case_file", "report", "content_item", "event")
        patterns = {
            table: dict(connection.execute(f"SELECT * FROM {table} ORDER BY 1 LIMIT 1").fetchone()) for table in tables
        }
        rows = _Rows(patterns)
        instruments = {category.code: category.instrument.value for category in runtime.pack.categories}
        for number in range(2, cases + 1):
            _record(rows, chance, number, instruments)
            if number % _CHUNK == 0:
                rows.write(connection)
        rows.write(connection)
        connection.commit()
        connection.execute("ANALYZE")


@dataclass(slots=True)
class _Rows:
    """Rows to be written, each like the pattern of its table but for what is said."""

    patterns: dict[str, dict[str, Any]]
    seq: int = 1_000
    waiting: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)

    def add(self, table: str, **said: Any) -> None:
        self.waiting.setdefault(table, []).append(tuple({**self.patterns[table], **said}.values()))

    def event(self, case_id: int, at: datetime, kind: str, **data: Any) -> None:
        self.seq += 1
        self.add("event", seq=self.seq, case_id=case_id, at=_stored(at), kind=kind, data=json.dumps(data))

    def write(self, connection: sqlite3.Connection) -> None:
        for table, rows in self.waiting.items():
            columns = ", ".join(self.patterns[table])
            marks = ", ".join("?" * len(self.patterns[table]))
            connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", rows)
        self.waiting.clear()


def _stored(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S.%f}"


def _record(rows: _Rows, chance: Random, number: int, instruments: Mapping[str, str]) -> None:
    received = AT - timedelta(seconds=chance.randrange(60, DAYS * 86_400))
    category, name = chance.choice(_CATEGORIES), f"KZ-2026-9{number:06d}"
    rows.add(
        "case_file", id=number, number=name, category=category, age_band=chance.choice(_AGES),
        indicators=json.dumps([chance.choice(_SIGNS)] if chance.random() < 0.1 else []), received_at=_stored(received),
        instrument=instruments[category], drive_at=None,
        political=int(category in ("false_information", "terrorism_extremism")),
    )  # fmt: skip
    rows.add(
        "report", id=number, row=number, raw_sha256=f"{number:064d}", case_id=number, received_at=_stored(received),
        state="case",
    )  # fmt: skip
    for place in range(chance.choice((1, 1, 1, 2))):
        rows.add(
            "content_item", id=2 * number + place, case_id=number, number=place + 1, key=f"practice:{number}:{place}",
            platform=chance.choice(("tiktok", "youtube")),
        )  # fmt: skip
    for at, kind, data in _way(chance, received, name):
        if at >= AT:
            break
        rows.event(number, at, kind, **data)


def _way(chance: Random, at: datetime, name: str) -> Iterator[tuple[datetime, str, dict[str, Any]]]:
    """The events of one case: through review to a platform that answers, asks, or stays silent."""

    def passed(hours: float) -> datetime:
        nonlocal at
        at += timedelta(hours=chance.expovariate(1 / hours), microseconds=chance.randrange(1_000_000))
        return at

    notice = {"submission": f"{name}/S1"}
    yield at, "case.received", {}
    yield passed(2), "moved.triage", {}
    if chance.random() < 0.2:
        yield passed(0.1), "moved.return", {}
        if chance.random() < 0.3:
            yield at + timedelta(days=7), "moved.lapse", {}
            return
        yield passed(48), "moved.supply", {}
    yield passed(0.1), "moved.complete", {}
    if chance.random() < 0.15:
        yield passed(20), "moved.decline", {}
        return
    yield passed(20), "moved.approve", {}
    yield passed(0.2), "submission.sent", notice
    yield at, "moved.submit", {}
    if chance.random() < 0.1:
        yield passed(10), "platform.asked", notice
        yield at, "moved.ask_more", {}
        yield passed(10), "moved.answer", {}
        yield passed(0.1), "answer.sent", notice
    yield passed(24), "outcome.recorded", notice
    yield at, "platform.decided", notice
    yield passed(0.1), "moved.decide", {}
    yield at, "moved.close", {}


FULL = partial(measure, cases=100_000)
QUICK = partial(measure, cases=5_000)

if __name__ == "__main__":
    serve(QUICK if "--quick" in sys.argv else FULL)

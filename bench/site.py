"""A whole site to measure on: practice platform, Prefect's server, the case file; on SQLite, or all on PostgreSQL."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from bench.practice import AT, INTAKE, practice_runtime
from casework.report_formats import RawReport
from desk.local import Processes, plan_prefect, start_prefect, start_sandbox
from tasks.intake import take_in
from tasks.runtime import Runtime, use
from tests.database import PostgresServer, running_postgres


@dataclass(slots=True)
class Site:
    """A running site. ``postgres`` is None where both databases are SQLite files in ``home``."""

    home: Path
    runtime: Runtime
    postgres: PostgresServer | None
    reported: int = 0
    """How many items were reported, for whoever lets the site count."""

    def received(self, count: int) -> list[str]:
        """New complete routine cases about items that were never reported before; their numbers."""
        first, self.reported = self.reported, self.reported + count
        return received(self.runtime, first, count)


@contextmanager
def running_site(*, on_postgres: bool) -> Iterator[Site]:
    """Start one; gone afterwards. Prefect must not have been imported: it reads where its server is when it is."""
    assert "prefect" not in sys.modules
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="qorgan-bench-")))
        postgres = stack.enter_context(running_postgres(durable=True)) if on_postgres else None
        processes = stack.enter_context(Processes(home / "logs"))
        start_sandbox(processes, home, platform_port=0, smtp_port=0)
        _answers_at_once(home)
        settings: dict[str, Any] = {}
        if postgres is not None:
            postgres.execute("CREATE DATABASE prefect")
            url = postgres.url("prefect").replace("psycopg", "asyncpg")
            os.environ["PREFECT_SERVER_DATABASE_CONNECTION_URL"] = url
            settings["database_url"] = stack.enter_context(postgres.fresh_database())
        os.environ.update(start_prefect(processes, home, plan_prefect(home, port=0)).env)
        os.environ["PREFECT_LOGGING_LEVEL"] = "WARNING"
        runtime = practice_runtime(home, **settings)
        stack.callback(runtime.engine.dispose)
        stack.enter_context(use(runtime))
        yield Site(home, runtime, postgres)


@contextmanager
def second_server(site: Site) -> Iterator[str]:
    """Another API server on the same database, without background services; its address."""
    home = site.home / "second"
    home.mkdir()
    plan = plan_prefect(home, port=0)
    plan = replace(plan, env={**plan.env, "PREFECT_SERVER_API_SERVICES_RUN_IN_APP": "false"})
    with Processes(home / "logs") as processes:
        start_prefect(processes, home, plan)
        yield plan.api_url


def _answers_at_once(home: Path) -> None:
    """The practice platform decides at once and asks nothing back; its clock stands where ours does."""
    base = json.loads((home / "sandbox.json").read_text())["platform_url"]
    with httpx.Client(base_url=base, trust_env=False) as client:
        at_once = {"answer_delay_hours": {"min": 0, "max": 0}, "more_info_share": 0}
        client.post("/practice/behaviour", json=at_once).raise_for_status()
        client.post("/practice/clock", json={"now": AT.isoformat()}).raise_for_status()


def received(runtime: Runtime, first: int, count: int) -> list[str]:
    """New complete routine cases, each about a video on a platform with an API; their numbers."""
    reports = [_report(first + place, place + 1) for place in range(count)]
    numbers = [result.case_number for result in take_in(runtime, reports, INTAKE)]
    assert all(numbers), "every report opens a case"
    return [number for number in numbers if number is not None]


def routine_report(item: int, **fields: object) -> dict[str, object]:
    """A complete report of fraud about one video; ``fields`` make another matter of it."""
    return {
        "links": [f"https://www.tiktok.com/@practice/video/73{item:017d}"],
        "category": "fraud", "language": "ru", "age_band": "adult",
        "description": "Обещают удвоить вклад и просят перевести деньги.",
        "quote": "Переведи сегодня и получи вдвое больше.",
        "why_unlawful": "Обман с целью завладеть чужими деньгами.",
        "observed_at": "2026-03-17T09:00:00+05:00", "policy_line": "Frauds and scams",
        "reporter": {"name": "Practice Reporter", "email": "reporter@mail.example"}, **fields,
    }  # fmt: skip


def _report(item: int, place: int) -> RawReport:
    return RawReport("practice.json", place, "json", json.dumps(routine_report(item)).encode())

"""Reads back what Prefect keeps about runs: through its API, and row by row from its database."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterType,
    FlowRunFilter,
    FlowRunFilterParentFlowRunId,
    LogFilter,
    LogFilterFlowRunId,
    TaskRunFilter,
    TaskRunFilterFlowRunId,
    TaskRunFilterSubFlowRuns,
)
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort
from prefect.settings import PREFECT_SERVER_DATABASE_CONNECTION_URL

Found = TypeVar("Found")

WITHIN = 20.0
"""Seconds in which Prefect's recorder must have written what it was told."""


async def eventually(look: Callable[[], Awaitable[Found]], enough: Callable[[Found], bool]) -> Found:
    """Look until it is enough; the last look, so that the test shows what was there instead."""
    deadline = time.monotonic() + WITHIN
    found = await look()
    while not enough(found) and time.monotonic() < deadline:
        await asyncio.sleep(0.1)
        found = await look()
    return found


def run_id(state: State[Any]) -> UUID:
    """The flow run that ended in this state."""
    found = state.state_details.flow_run_id
    assert found is not None
    return found


class Recorded:
    """The Prefect server of the session. Case numbers repeat from test to test, so it is asked by run."""

    async def run(self, state: State[Any]) -> FlowRun:
        async with get_client() as client:
            return await client.read_flow_run(run_id(state))

    async def child_runs(self, state: State[Any]) -> list[FlowRun]:
        """The runs that this run started inside itself, in order."""
        mine = FlowRunFilter(parent_flow_run_id=FlowRunFilterParentFlowRunId(any_=[run_id(state)]))
        async with get_client() as client:
            return await client.read_flow_runs(flow_run_filter=mine, sort=FlowRunSort.START_TIME_ASC)

    async def task_runs(self, run: UUID, count: int) -> list[TaskRun]:
        """The finished task runs of a flow run in order of their end, once the recorder has ``count`` of them."""
        mine = TaskRunFilter(
            flow_run_id=TaskRunFilterFlowRunId(any_=[run]), subflow_runs=TaskRunFilterSubFlowRuns(exists_=False)
        )

        async def look() -> list[TaskRun]:
            async with get_client() as client:
                return await client.read_task_runs(task_run_filter=mine, sort=TaskRunSort.END_TIME_DESC)

        def enough(rows: list[TaskRun]) -> bool:
            return len(rows) >= count and all(row.state is not None and row.state.is_final() for row in rows)

        return list(reversed(await eventually(look, enough)))

    async def tables(self, run: UUID) -> list[list[dict[str, str]]]:
        """The tables on a run's page, row by row."""
        mine = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run]), type=ArtifactFilterType(any_=["table"]))
        async with get_client() as client:
            return [json.loads(str(table.data)) for table in await client.read_artifacts(artifact_filter=mine)]

    async def log_lines(self, run: UUID, like: str) -> list[str]:
        """The log of a run as its page shows it, once a line contains ``like``."""
        mine = LogFilter(flow_run_id=LogFilterFlowRunId(any_=[run]))

        async def look() -> list[str]:
            async with get_client() as client:
                return [row.message for row in await client.read_logs(log_filter=mine)]

        return await eventually(look, lambda lines: any(like in line for line in lines))

    def everything(self) -> dict[str, str]:
        """Every table of Prefect's database with all its rows as text."""
        path = PREFECT_SERVER_DATABASE_CONNECTION_URL.value().removeprefix("sqlite+aiosqlite:///")
        with sqlite3.connect(path, timeout=30) as connection:
            tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {table: "\n".join(map(str, connection.execute(f"SELECT * FROM '{table}'"))) for table in tables}

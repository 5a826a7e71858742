"""What runs show to operators: pages that are written anew in their place, tables and progress of single runs.

What belongs to one run has no key: it stands on that run's page and goes with it. A page that operators come back to
has a key and one address. That something cannot be shown never fails the work.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from uuid import UUID

from prefect.artifacts import (
    acreate_markdown_artifact,
    acreate_progress_artifact,
    acreate_table_artifact,
    aupdate_progress_artifact,
)
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactUpdate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from casework.waiting import Wait
from flows.guarded import in_thread
from tasks.heartbeats import beat
from tasks.logs import logger
from tasks.run_record import Row, done_to_case
from tasks.runtime import current

SLOW_SECONDS = 3.0
"""Work that is done sooner shows no progress; and between two signs of progress at least so much time passes."""

PATIENCE_SECONDS = 2.0
"""So long work waits for its progress to be shown: the server may stand still, and the next case be a P0."""

log = logger("showing")


@asynccontextmanager
async def _optional(what: str) -> AsyncIterator[None]:
    try:
        yield
    except Exception as error:
        log.warning("not shown", what=what, error=type(error).__name__)


async def show_page(key: str, markdown: str, description: str) -> None:
    """A page under Artifacts: one address, written anew each time."""
    async with _optional(key), get_client() as client:
        found = await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])), sort=ArtifactSort.CREATED_DESC, limit=1
        )
        if found:
            await client.update_artifact(found[0].id, ArtifactUpdate(data=markdown, description=description))
        else:
            await acreate_markdown_artifact(key=key, markdown=markdown, description=description)


async def show_table(rows: list[Row], description: str) -> None:
    """A table on this run's page; none where there is nothing to show."""
    if rows:
        async with _optional("table"):
            await acreate_table_artifact(table=rows, description=description)


async def show_timeline(case_number: str, since: int, wait: Wait, *, done_by: str = "this run") -> bool:
    """What was done to a run's case, and what the case waits for now. False when nothing was."""
    rows = await in_thread(done_to_case, current(), case_number, since)
    if not rows:
        return False
    waits = {"when": "now", "what": f"waits for: {wait.who}", "from": "", "to": wait.name}
    await show_table([*rows, waits], f"What {done_by} did to {case_number}. {wait.what}")
    return True


async def succeeded(name: str, **counts: int) -> None:
    """Note that the scheduled job ``name`` has done its work. What it could not reach is no success."""
    await in_thread(beat, current(), name, dict(counts))


class Progress:
    """Progress of long work on this run's page: ``async with Progress("cases driven", 5_000) as progress``.

    ``total`` may be an estimate. Nothing is shown of work that is done at once.
    """

    def __init__(self, what: str, total: int) -> None:
        self._what = what
        self._total = max(total, 1)
        self._done = 0
        self._shown_at = time.monotonic()
        self._id: UUID | None = None

    async def __aenter__(self) -> Progress:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._id is not None:
            await self._show(100.0 if kind is None else self._percent)

    async def step(self, count: int = 1) -> None:
        """``count`` more are done."""
        self._done += count
        if time.monotonic() - self._shown_at >= SLOW_SECONDS:
            await self._show(self._percent)

    @property
    def _percent(self) -> float:
        return round(min(100.0 * self._done / self._total, 100.0), 1)

    async def _show(self, percent: float) -> None:
        said = f"{self._done:,} of {max(self._total, self._done):,} {self._what}"
        self._shown_at = time.monotonic()
        async with _optional("progress"), asyncio.timeout(PATIENCE_SECONDS):
            if self._id is None:
                self._id = await acreate_progress_artifact(progress=percent, description=said)
            else:
                await aupdate_progress_artifact(self._id, progress=percent, description=said)

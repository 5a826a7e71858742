"""One case, as far as it goes without a person, a platform or a deadline.

The run ends in a state named after what the case waits for; the operator reads it as a badge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from contextvars import ContextVar
from types import TracebackType
from typing import Annotated

import structlog
from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed
from pydantic import StringConstraints

from casework.errors import CaseNotFound
from casework.waiting import Wait
from flows.guarded import in_thread
from flows.showing import show_timeline
from tasks.case_lifecycle import Step, perform, set_out
from tasks.logs import logger
from tasks.runtime import current

CaseNumber = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2,6}-\d{4}-\d{6,}$")]

_SHOWN_ONLY: ContextVar[bool] = ContextVar("shown_only", default=False)
"""Whether runs are made of cases that were driven before, inside another run: theirs is that drive's timeline."""

log = logger("case_lifecycle")


@task(name="stage", task_run_name="{step}", cache_policy=NO_CACHE)
async def run_stage(step: Step, case_number: str) -> Step | Wait:
    """One stage of one case; what comes after it. It may talk to a platform, so it has a thread of its own."""
    return await in_thread(perform, current(), case_number, step)


@flow(name="case-lifecycle", flow_run_name="{case_number}")
async def case_lifecycle(case_number: CaseNumber) -> State[None]:
    """Drive one case now. Safe to run again at any time: the case file knows where the case is."""
    with structlog.contextvars.bound_contextvars(case=case_number):
        shown_only = _SHOWN_ONLY.get()
        try:
            start = await in_thread(set_out, current(), case_number, driven_before=shown_only)
            step = start.first
            while isinstance(step, Step):
                step = await run_stage(step, case_number)
        except CaseNotFound as error:
            # A number that was typed, not an effect that failed: a sentence helps, a traceback does not.
            return Failed(name="No such case", message=str(error))
        done_by = "the drive before this run" if shown_only else "this run"
        moved = await show_timeline(case_number, start.since, step, done_by=done_by)
    ended = not moved and step.who == "nobody"
    return Completed(
        name=f"{step.name}: nothing to do" if ended else step.name, message=f"Next: {step.who}. {step.what}"
    )


async def show_driven(case_numbers: Iterable[str]) -> None:
    """Give cases that were driven inside another run one of their own: by it operators find them, and what was done.

    Nothing is left to do for the cases, so a server that makes no run now is no failure of theirs.
    """
    before = _SHOWN_ONLY.set(True)
    try:
        for number in case_numbers:
            try:
                await case_lifecycle(number, return_state=True)
            except Exception as error:
                log.warning("not shown", case=number, error=type(error).__name__)
    finally:
        _SHOWN_ONLY.reset(before)


class ShownBeside:
    """Shows cases that were driven while the run goes on with its work: ``async with ShownBeside() as shown``.

    For a run to show Prefect's server is asked, which may stand still; no report and no case is to wait for that. At
    the end it is waited for.
    """

    def __init__(self) -> None:
        self._begun: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> ShownBeside:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*self._begun)

    @property
    def waits(self) -> bool:
        """Whether some are still to be shown."""
        return not all(task.done() for task in self._begun)

    def begin(self, case_numbers: Collection[str]) -> None:
        """Show these from now on."""
        if case_numbers:
            self._begun.append(asyncio.create_task(show_driven(case_numbers)))

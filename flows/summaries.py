"""Letters about several cases, by the calendar: the week of each liaison, and each day's unproven letters."""

from __future__ import annotations

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed

from flows.guarded import in_thread
from flows.showing import succeeded
from tasks.runtime import current
from tasks.summaries import Written, write_daily, write_weekly


@task(name="write weekly summaries", cache_policy=NO_CACHE)
async def write_weekly_summaries() -> Written:
    """One for each liaison with something open."""
    return await in_thread(write_weekly, current())


@task(name="write the daily list", cache_policy=NO_CACHE)
async def write_daily_list() -> Written:
    """Yesterday's letters whose arrival nothing proves."""
    return await in_thread(write_daily, current())


@flow(name="weekly-summary", flow_run_name="weekly summary")
async def weekly_summary() -> State[None]:
    """Safe to run again: a week's summary is written once."""
    return await _done("weekly-summary", await write_weekly_summaries(), "Nothing open")


@flow(name="daily-list", flow_run_name="daily list")
async def daily_list() -> State[None]:
    """Safe to run again: a day's list is written once."""
    return await _done("daily-list", await write_daily_list(), "Every letter proven")


async def _done(name: str, written: Written, nothing: str) -> State[None]:
    await succeeded(name, letters=written.letters)
    if written.letters:
        return Completed(name=f"{written.letters} written, {written.rows} rows")
    return Completed(name="Written before" if written.before else nothing)

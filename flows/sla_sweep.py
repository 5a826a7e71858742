"""Act on every clock's threshold that has come. Safe to run never, once or twelve times for one slot."""

from __future__ import annotations

from prefect import State, flow, task
from prefect.cache_policies import NO_CACHE
from prefect.states import Completed, Failed

from flows.guarded import in_thread
from flows.showing import show_page, show_table
from tasks.alarms import alarm_late
from tasks.board import Board, refresh
from tasks.board_page import board_page
from tasks.correspondence import send_letters
from tasks.run_record import begin, done_by_sweep
from tasks.runtime import current
from tasks.sla_sweep import NAME, SweepResult, sweep

BOARD = "board"
"""The page under Artifacts that operators look at first."""


@task(name="fire thresholds", cache_policy=NO_CACHE)
async def fire_thresholds() -> SweepResult:
    """Warn, record breaches, write letters, raise rungs."""
    return await in_thread(sweep, current())


@task(name="send urgent letters", cache_policy=NO_CACHE)
async def send_urgent_letters() -> None:
    """Warnings and escalations of children's cases leave with the sweep that wrote them."""
    await in_thread(send_letters, current(), urgent_only=True)


@task(name="show the board", cache_policy=NO_CACHE)
async def show_board() -> Board:
    """How all cases stand, written anew in its place."""
    board = await in_thread(refresh, current())
    await show_page(BOARD, board_page(board), board.verdict)
    return board


@flow(name="sla-sweep", flow_run_name="sla sweep")
async def sla_sweep() -> State[None]:
    """One sweep at one reading of the clock; then the board, and an alarm where a schedule is late."""
    since = begin(current())
    result = await fire_thresholds()
    if result.rungs or result.letters:
        await send_urgent_letters()
    if result.clocks:
        await show_table(await in_thread(done_by_sweep, current(), since), "What this sweep did, clock by clock")
    board = await show_board()
    await in_thread(alarm_late, current(), board.beats, NAME)
    if result.failed:
        return Failed(name=f"{len(result.failed)} clocks failed", message=f"Look at: {', '.join(result.failed)}")
    if result.would is not None:
        would = result.would
        return Completed(
            name=f"Would write {would.letters} letters, raise {would.rungs} rungs: a person confirms",
            message=f"Read 'qorgan sweep --dry-run', then 'qorgan sweep --confirm {would.letters}'.",
        )
    if not result.clocks:
        return Completed(name="Nothing due")
    return Completed(name=f"{result.breached} breached, {result.warned} warned, {result.rungs} rungs")

"""Prefect is brought back to what prefect.yaml says, and runs that nobody will end are ended: on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.schedules import CronSchedule
from prefect.settings import PREFECT_API_URL
from prefect.states import Completed, Running, Scheduled

from db.tables import Event
from flows.reconcile import reconcile as reconcile_flow
from tasks import case_lifecycle
from tasks.deployments import planned
from tasks.orchestrator import TAG
from tasks.reconcile import Reconciled, reconcile
from tests.deployed import make_as_deployed
from tests.flows.prefect_records import Recorded
from tests.stories import Story


@pytest.fixture
async def prefect(story: Story, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[PrefectClient]:
    """The server, with every deployment of prefect.yaml as a deploy leaves it; its clock is ours."""
    monkeypatch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
    story.clock.set(datetime.now(UTC))
    with get_client(sync_client=True) as client:
        make_as_deployed(client)
    async with get_client() as asked:
        yield asked


async def put_right(story: Story, *, dry_run: bool = False) -> Reconciled:
    return await asyncio.to_thread(reconcile, story.runtime, dry_run=dry_run)


def found(result: Reconciled) -> list[tuple[str, str]]:
    assert result.failed == []
    assert result.prefect == "asked"
    return [(trouble.what, trouble.about) for trouble in result.found]


def recorded_events(story: Story, kind: str) -> int:
    return sum(event.kind == kind for event in story.all(Event))


async def test_a_server_as_deployed_has_nothing_to_put_right(story: Story, prefect: PrefectClient) -> None:
    assert found(await put_right(story)) == []


async def test_a_schedule_that_is_missing_paused_or_doubled_is_put_right(story: Story, prefect: PrefectClient) -> None:
    by_name = {deployment.name: deployment for deployment in await prefect.read_deployments()}
    clocks, letters, mailbox = by_name["clocks"], by_name["letters"], by_name["mailbox"]
    await prefect.delete_deployment_schedule(clocks.id, clocks.schedules[0].id)
    await prefect.update_deployment_schedule(letters.id, letters.schedules[0].id, active=False)
    again = CronSchedule(cron=mailbox.schedules[0].schedule.cron, timezone="Asia/Almaty")
    await prefect.create_deployment_schedules(mailbox.id, [(again, True)])
    before = recorded_events(story, "reconciled.schedule")
    wanted = [("schedule", "clocks"), ("schedule", "letters"), ("schedule", "mailbox")]
    assert sorted(found(await put_right(story, dry_run=True))) == wanted
    assert sorted(found(await put_right(story))) == wanted
    assert recorded_events(story, "reconciled.schedule") == before + 3
    after = {deployment.name: deployment for deployment in await prefect.read_deployments()}
    for name, timings in planned().items():
        crons = [(schedule.schedule.cron, schedule.active) for schedule in after[name].schedules]
        assert crons == [(timing.cron, True) for timing in timings], name
    assert found(await put_right(story)) == []


async def test_a_schedule_with_another_time_gives_way_to_the_planned_one(story: Story, prefect: PrefectClient) -> None:
    [clocks] = [one for one in await prefect.read_deployments() if one.name == "clocks"]
    hourly = CronSchedule(cron="0 * * * *", timezone="Asia/Almaty")
    await prefect.update_deployment_schedule(clocks.id, clocks.schedules[0].id, schedule=hourly)
    assert found(await put_right(story)) == [("schedule", "clocks"), ("schedule", "clocks")]
    [clocks] = [one for one in await prefect.read_deployments() if one.name == "clocks"]
    assert [schedule.schedule.cron for schedule in clocks.schedules] == ["* * * * *"]
    assert found(await put_right(story)) == []


async def test_a_deployment_that_is_paused_goes_on_and_one_that_nobody_planned_stops(
    story: Story, prefect: PrefectClient
) -> None:
    [clocks] = [one for one in await prefect.read_deployments() if one.name == "clocks"]
    await prefect.pause_deployment(clocks.id)
    every = DeploymentScheduleCreate(schedule=CronSchedule(cron="* * * * *"), slug="old")
    old = await prefect.create_deployment(clocks.flow_id, "clocks-of-old", schedules=[every], tags=[TAG])
    assert found(await put_right(story)) == [("deployment", "clocks"), ("deployment", "clocks-of-old")]
    assert (await prefect.read_deployment(clocks.id)).paused is False
    assert (await prefect.read_deployment(old)).paused is True
    assert found(await put_right(story)) == []


async def test_deployments_of_others_on_the_same_server_are_none_of_our_business(
    story: Story, prefect: PrefectClient
) -> None:
    flow_id = await prefect.create_flow_from_name("somebody-elses")
    await prefect.create_deployment(flow_id, "nightly", paused=True)
    assert found(await put_right(story)) == []


async def a_run(prefect: PrefectClient, state: object, deployment: str = "clocks") -> UUID:
    [row] = [one for one in await prefect.read_deployments() if one.name == deployment]
    run = await prefect.create_flow_run_from_deployment(row.id, state=state)  # type: ignore[arg-type]
    return run.id


def hold_for_long(story: Story) -> None:
    """The lease would go on for an hour."""
    later = (story.clock.at + timedelta(hours=1)).replace(tzinfo=None)
    story.execute("UPDATE case_file SET lease_until = :later", later=later)


async def state_of(prefect: PrefectClient, run: UUID) -> StateType:
    state = (await prefect.read_flow_run(run)).state
    assert state is not None
    return state.type


async def test_a_run_without_a_sign_of_life_is_crashed_and_the_case_it_held_is_free(
    story: Story, prefect: PrefectClient
) -> None:
    run = await a_run(prefect, Running())
    number = story.take_in()
    assert case_lifecycle.claim(story.runtime, None, f"drive-cases:{run}", 10) == [number]
    assert found(await put_right(story)) == [], "it may be at work"
    story.clock.advance(minutes=9)
    hold_for_long(story)
    assert found(await put_right(story)) == [("zombie", str(run)), ("lease", number)]
    assert await state_of(prefect, run) is StateType.CRASHED
    assert case_lifecycle.claim(story.runtime, None, "the next drive", 10) == [number]
    assert recorded_events(story, "reconciled.zombie") == 1
    assert found(await put_right(story)) == []


async def test_a_run_that_gives_signs_of_life_is_no_zombie_however_long_it_runs(
    story: Story, prefect: PrefectClient
) -> None:
    from prefect.events import Event
    from prefect.events.clients import PrefectEventsClient

    run = await a_run(prefect, Running())
    story.clock.advance(minutes=9)
    alive = Event(
        occurred=datetime.now(UTC) + timedelta(minutes=8),
        event="prefect.flow-run.heartbeat",
        resource={"prefect.resource.id": f"prefect.flow-run.{run}"},
    )
    async with PrefectEventsClient() as events:
        await events.emit(alive)
    for _ in range(100):
        result = await put_right(story, dry_run=True)
        if not result.found:
            break
        await asyncio.sleep(0.1)
    assert found(result) == []
    assert await state_of(prefect, run) is StateType.RUNNING
    await prefect.set_flow_run_state(run, Completed(), force=True)


async def test_a_late_run_whose_deployment_is_gone_is_given_up(story: Story, prefect: PrefectClient) -> None:
    [row] = [one for one in await prefect.read_deployments() if one.name == "one-case"]
    late = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(minutes=1))
    old = await prefect.create_deployment(row.flow_id, "one-case-of-old", tags=[TAG])
    orphan = (await prefect.create_flow_run_from_deployment(old, state=late)).id
    kept = (await prefect.create_flow_run_from_deployment(row.id, state=late)).id
    await prefect.set_flow_run_state(orphan, Running(), force=True)
    await prefect.delete_deployment(old)
    await prefect.set_flow_run_state(orphan, late, force=True)
    story.clock.advance(minutes=15)
    assert found(await put_right(story)) == [("late_run", str(orphan))]
    assert await state_of(prefect, orphan) is StateType.CANCELLED
    assert await state_of(prefect, kept) is StateType.SCHEDULED
    assert found(await put_right(story)) == []
    await prefect.delete_flow_run(kept)


@pytest.mark.parametrize("ended", [True, False], ids=["its run has ended", "Prefect knows no such run"])
async def test_the_lease_of_a_drive_that_cannot_be_at_work_is_freed_at_once(
    story: Story, prefect: PrefectClient, ended: bool
) -> None:
    run = await a_run(prefect, Completed()) if ended else uuid4()
    number = story.take_in()
    case_lifecycle.claim(story.runtime, None, f"drive-cases:{run}", 10)
    assert found(await put_right(story)) == [("lease", number)]
    assert case_lifecycle.ready(story.runtime, None) == 1


async def test_the_run_says_what_was_put_right_and_wakes_the_lane(
    story: Story, prefect: PrefectClient, recorded: Recorded, woken: list[str]
) -> None:
    number = story.take_in()
    story.execute("UPDATE case_file SET drive_at = NULL")
    state = await reconcile_flow(return_state=True)
    assert (state.name, state.message) == ("1 put right", f"{number} was ready, and nobody would have driven it.")
    assert woken == ["qorgan.lane.routine"]
    assert (await recorded.run(state)).name == "reconcile"
    assert (await reconcile_flow(return_state=True)).name == "All in order"


async def test_a_run_of_an_older_program_on_a_newer_database_fails_with_a_sentence(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.execute("UPDATE alembic_version SET version_num = '9999'")
    monkeypatch.setenv("QORGAN_HOME", str(story.runtime.settings.home))
    monkeypatch.setenv("QORGAN_DATABASE_URL", story.runtime.settings.database)
    monkeypatch.setattr("tasks.runtime._current", None)
    before = story.counts()
    state = await reconcile_flow(return_state=True)
    assert state.is_failed()
    assert "the database is newer than this program" in (state.message or "")
    assert story.counts() == before

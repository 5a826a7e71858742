"""What operators see of runs: one board, a table for what a sweep did, a timeline of a case's run, progress."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    ArtifactFilterType,
)
from prefect.client.schemas.objects import Artifact
from prefect.runtime import flow_run
from prefect.states import Completed, State

from casework.vocabulary import Action
from flows import showing
from flows.case_lifecycle import case_lifecycle
from flows.collect_outcomes import collect_outcomes
from flows.drive_cases import drive_cases
from flows.intake import intake
from flows.mailbox import mailbox
from flows.showing import Progress
from flows.sla_sweep import sla_sweep
from flows.summaries import daily_list, weekly_summary
from tasks.heartbeats import schedules
from tasks.runtime import use
from tests.flows.conftest import PATIENCE_SECONDS
from tests.flows.prefect_records import Recorded, run_id
from tests.stories import REVIEWER, Story, in_danger


async def artifacts(**wanted: object) -> list[Artifact]:
    async with get_client() as client:
        return await client.read_artifacts(artifact_filter=ArtifactFilter(**wanted))  # type: ignore[arg-type]


async def of_run(state: State[None], kind: str) -> list[Artifact]:
    return await artifacts(
        flow_run_id=ArtifactFilterFlowRunId(any_=[run_id(state)]), type=ArtifactFilterType(any_=[kind])
    )


async def test_each_sweep_writes_the_board_anew_in_the_same_place(story: Story) -> None:
    number = story.to_review()
    assert (await sla_sweep(return_state=True)).is_completed()
    [before] = await artifacts(key=ArtifactFilterKey(any_=["board"]))
    story.later(minutes=1)
    assert (await sla_sweep(return_state=True)).is_completed()
    [after] = await artifacts(key=ArtifactFilterKey(any_=["board"]))
    assert after.id == before.id, "an address that can be kept as a bookmark"
    assert after.description == "Children's cases move"
    assert str(after.data).startswith("# Children's cases move.")
    assert "2026-03-18 09:01" in str(after.data)
    assert number in str(after.data)


async def test_a_sweep_that_did_something_has_a_table_of_it_and_one_that_did_nothing_has_none(story: Story) -> None:
    number = story.take_in()
    story.later(days=3)
    [table] = await of_run(await sla_sweep(return_state=True), "table")
    assert number in str(table.data)
    assert table.key is None, "it stands on its run's page and goes with it"
    assert await of_run(await sla_sweep(return_state=True), "table") == []


async def test_a_cases_run_has_a_timeline_of_what_it_did_and_what_the_case_waits_for(story: Story) -> None:
    number = story.take_in()
    [timeline] = await of_run(await case_lifecycle(number, return_state=True), "table")
    said = str(timeline.data)
    assert said.index("moved: triage") < said.index("moved: complete") < said.index("Awaiting legal review")
    assert number in str(timeline.description)
    assert await of_run(await case_lifecycle(number, return_state=True), "table") == [], "it did nothing"


@pytest.mark.parametrize("driven_by", ["intake", "lane"])
async def test_the_run_of_a_child_in_danger_tells_what_the_run_before_it_did(
    story: Story, recorded: Recorded, driven_by: str
) -> None:
    if driven_by == "intake":
        story.runtime.settings.inbox.mkdir(parents=True, exist_ok=True)
        (story.runtime.settings.inbox / "one.json").write_text(json.dumps(in_danger()))
        state = await intake(return_state=True)
    else:
        story.hand_in(in_danger())
        state = await drive_cases("child-safety", return_state=True)
    [run] = await recorded.child_runs(state)
    [rows] = await recorded.tables(run.id)
    done = [row["what"] for row in rows]
    assert done.index("moved: triage") < done.index("moved: complete") < len(done) - 1
    assert "letter: sent" in done, "the police were told"
    assert rows[-1]["to"] == run.state_name == "Awaiting legal review"


async def test_the_run_of_a_child_in_danger_tells_only_what_was_done_since_somebody_gave_it_work(
    story: Story, recorded: Recorded
) -> None:
    [one] = story.hand_in(in_danger())
    number = str(one.case_number)
    assert (await drive_cases("child-safety", return_state=True)).is_completed()
    story.move(number, Action.APPROVE, REVIEWER)
    [run] = await recorded.child_runs(await drive_cases("child-safety", return_state=True))
    [rows] = await recorded.tables(run.id)
    moves = [row["what"] for row in rows if row["what"].startswith("moved")]
    assert moves == ["moved: submit"]
    [timeline] = await artifacts(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id]))
    assert str(timeline.description).startswith(f"What the drive before this run did to {number}.")


async def test_that_something_cannot_be_shown_never_fails_a_sweep(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*args: object, **kwargs: object) -> None:
        raise OSError("no route to host")

    monkeypatch.setattr(showing, "get_client", lost)
    monkeypatch.setattr(showing, "acreate_table_artifact", lost)
    number = story.take_in()
    story.later(days=3)
    assert (await sla_sweep(return_state=True)).is_completed()
    assert story.events(number, "clock.breached")


async def test_every_flow_with_a_schedule_notes_its_success_under_its_deployments_name(story: Story) -> None:
    story.hand_in(in_danger())
    for one in (intake, mailbox, sla_sweep, collect_outcomes, weekly_summary, daily_list):
        assert (await one(return_state=True)).is_completed()
    succeeded = set(story.last_successes())
    assert succeeded == {"inbox", "mailbox", "clocks", "outcomes", "weekly-summary", "daily-list"}
    assert succeeded <= {schedule.name for schedule in schedules()}


async def test_a_platform_that_is_not_reached_is_no_success(story: Story) -> None:
    story.submitted()
    broken = story.with_settings(platform_url="http://127.0.0.1:9")
    with use(broken.runtime):
        state = await collect_outcomes(return_state=True)
    broken.close()
    assert (state.name or "").startswith("Not reached")
    assert "outcomes" not in story.last_successes()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showing, "SLOW_SECONDS", 0.0)


async def test_long_work_shows_how_far_it_is_on_its_own_page_and_ends_at_all_of_it(
    story: Story, impatient: None
) -> None:
    seen: list[object] = []

    @flow(name="long-work")
    async def long_work() -> State[None]:
        async with Progress("cases driven", 4) as progress:
            for _ in range(3):
                await progress.step()
                mine = ArtifactFilterFlowRunId(any_=[UUID(flow_run.id)])
                found = await artifacts(flow_run_id=mine, type=ArtifactFilterType(any_=["progress"]))
                seen.extend(row.data for row in found)
        return Completed()

    state = await long_work(return_state=True)
    assert seen == [25.0, 50.0, 75.0]
    [shown] = await of_run(state, "progress")
    assert (shown.data, shown.key) == (100.0, None)


async def test_work_that_breaks_off_does_not_look_done(story: Story, impatient: None) -> None:
    @flow(name="broken-work")
    async def broken_work() -> None:
        async with Progress("cases driven", 4) as progress:
            await progress.step()
            raise LookupError

    state = await broken_work(return_state=True)
    [shown] = await of_run(state, "progress")
    assert shown.data == 25.0


async def test_work_does_not_wait_for_a_server_that_shows_no_progress(
    story: Story, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = 0

    async def stands_still(**_: object) -> None:
        nonlocal asked
        asked += 1
        await asyncio.Event().wait()

    @flow(name="work-under-a-stalled-server")
    async def work() -> State[None]:
        async with Progress("cases driven", 2) as progress:
            await progress.step()
            await progress.step()
        return Completed()

    monkeypatch.setattr(showing, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(showing, "acreate_progress_artifact", stands_still)
    assert (await asyncio.wait_for(work(return_state=True), PATIENCE_SECONDS)).is_completed()
    assert asked == 2, "it is tried again at the next sign"


async def test_short_work_shows_no_progress(story: Story) -> None:
    assert await of_run(await intake(return_state=True), "progress") == []

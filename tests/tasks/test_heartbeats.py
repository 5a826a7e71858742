"""Whether every scheduled job still succeeds is known without Prefect, and after an outage nobody cries wolf."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from tasks.heartbeats import Beat, beat, beats, expect, schedules, steady_for
from tasks.record import transaction
from tests.stories import SQLITE_ONLY, START, Story


def standing(story: Story) -> dict[str, Beat]:
    with story.runtime.sessions.read() as session:
        return {one.schedule.name: one for one in beats(session, story.clock.at)}


def late(story: Story) -> list[str]:
    return [name for name, one in standing(story).items() if one.late]


def wait_for_all(story: Story) -> None:
    with transaction(story.runtime) as session:
        expect(session, story.clock.at)


def test_every_deployment_with_a_schedule_is_waited_for() -> None:
    found = {schedule.name: schedule for schedule in schedules()}
    assert {"inbox", "clocks", "letters", "lane-child-safety", "weekly-summary"} <= set(found)
    assert "one-case" not in found
    assert found["clocks"].cron == "* * * * *"
    assert found["clocks"].late_after == timedelta(minutes=5)


def test_a_schedule_without_a_file_of_ours_is_read_the_same_way(tmp_path: Path) -> None:
    file = tmp_path / "prefect.yaml"
    line = "schedules: [{cron: '0 8 * * *', timezone: Asia/Almaty}]"
    file.write_text(f"deployments:\n  - {{name: by-hand}}\n  - {{name: daily, {line}}}\n", encoding="utf-8")
    assert [schedule.name for schedule in schedules(file)] == ["daily"]


@SQLITE_ONLY
def test_a_job_is_late_from_its_limit_on_and_no_longer_after_its_next_success(story: Story) -> None:
    wait_for_all(story)
    beat(story.runtime, "clocks", {"clocks": 3})
    story.clock.advance(minutes=5)
    assert "clocks" not in late(story)
    story.clock.advance(seconds=1)
    assert late(story)[0] in {"inbox", "clocks", "lane-child-safety", "mailbox"}
    assert "clocks" in late(story)
    beat(story.runtime, "clocks", {"clocks": 0})
    assert "clocks" not in late(story)


@SQLITE_ONLY
def test_a_job_that_never_ran_is_late_some_day_too_and_has_no_success(story: Story) -> None:
    assert late(story) == [], "nobody has waited for anything yet"
    wait_for_all(story)
    assert story.last_successes() == {}
    story.clock.advance(days=1, hours=1, seconds=1)
    assert standing(story)["daily-list"].late
    assert not standing(story)["weekly-summary"].late
    assert standing(story)["daily-list"].succeeded_at is None


@SQLITE_ONLY
def test_waiting_again_takes_no_success_away(story: Story) -> None:
    beat(story.runtime, "clocks", {})
    story.clock.advance(minutes=3)
    wait_for_all(story)
    assert story.last_successes() == {"clocks": START}


@SQLITE_ONLY
def test_a_job_is_steady_since_its_first_success_after_a_pause(story: Story) -> None:
    for _ in range(4):
        beat(story.runtime, "clocks", {})
        story.clock.advance(minutes=4)
    with story.runtime.sessions.read() as session:
        assert steady_for(session, "clocks", story.clock.at) == timedelta(minutes=16)
    story.clock.advance(days=2)
    beat(story.runtime, "clocks", {})
    with story.runtime.sessions.read() as session:
        assert steady_for(session, "clocks", story.clock.at) == timedelta(0)

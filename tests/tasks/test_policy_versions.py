"""A policy is on record with its full text before anything is decided under it, and an id means one text for good."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from casework.errors import ConfigurationError
from db.engine import make_engine
from db.tables import Event, PolicyVersion
from tasks.deadline_text import deadline_text
from tasks.policies import PolicyUnknown, adopt, days_as_data
from tasks.runtime import build, load_pack, pack_texts
from tests.stories import SQLITE_ONLY, START, Story, read_once, together
from tests.tasks.changed_packs import changed_pack, clock_in

LAW = {"category": "gambling_advertising"}


def _twelve_hours(sla: Any) -> None:
    clock_in(sla, "kz.platform_24h")["limit"]["amount"] = 12


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The ministry's next policy: the platform has twelve hours."""
    return changed_pack(tmp_path_factory.mktemp("newer"), "2026-12", sla=_twelve_hours)


@pytest.fixture
def under_newer(story: Story, newer: str) -> Iterator[Story]:
    """The same installation after the next policy was put in place."""
    changed = story.with_settings(pack=newer)
    yield changed
    changed.close()


def test_a_policy_is_on_record_with_its_texts_and_the_public_days_known_then(story: Story) -> None:
    pack = story.runtime.pack
    [row] = story.all(PolicyVersion)
    assert (row.version, row.regime_id, row.digest) == (pack.version, "kz-ministry/2026-11", pack.digest)
    assert (row.folder, row.adopted_at) == ("kz-ministry", START)
    assert row.texts == pack_texts(story.runtime.settings.pack_folder)
    assert row.public_days["kz-ministry"]["2026-03-23"][1] is False, "Nauryz"
    assert row.public_days == days_as_data(pack)
    [event] = story.all(Event)
    assert (event.kind, event.case_id, event.reason or event.policy_version) == ("policy.adopted", None, pack.version)
    assert event.data == {"version": pack.version, "digest": pack.digest}
    story.assert_sound()


def test_it_is_recorded_once_however_many_processes_start_and_however_often(story: Story, newer: str) -> None:
    texts = pack_texts(Path(newer))
    others = [story.with_settings(), story.with_settings()]
    assert len(story.all(PolicyVersion)) == 1
    pack = load_pack(Path(newer))
    outcomes = together(*(lambda: adopt(story.runtime.sessions, pack, texts, story.clock()) for _ in range(3)))
    assert outcomes == [None, None, None]
    assert [row.regime_id for row in story.all(PolicyVersion)] == ["kz-ministry/2026-11", "kz-ministry/2026-12"]
    assert len([event for event in story.all(Event) if event.kind == "policy.adopted"]) == 2
    for other in others:
        other.close()
    story.assert_sound()


def test_a_recorded_policy_is_never_changed_and_never_removed(story: Story) -> None:
    before = story.all(PolicyVersion)[0].texts
    for statement in ("UPDATE policy_version SET folder = 'other'", "DELETE FROM policy_version"):
        with pytest.raises(DBAPIError):
            story.execute(statement)
    assert story.all(PolicyVersion)[0].texts == before


def test_another_text_under_an_id_on_record_is_refused_at_the_start(story: Story, tmp_path: Path) -> None:
    changed = changed_pack(tmp_path, "2026-11", sla=_twelve_hours)
    before = story.counts()
    with pytest.raises(ConfigurationError, match="policy id 'kz-ministry/2026-11' is on record here with another text"):
        story.with_settings(pack=changed)
    assert story.counts() == before


def test_a_start_that_is_refused_leaves_no_connection_open(
    story: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Engine] = []

    def noted(url: str) -> Engine:
        opened.append(make_engine(url))
        return opened[-1]

    monkeypatch.setattr("tasks.runtime.make_engine", noted)
    changed = {"pack": changed_pack(tmp_path, "2026-11", sla=_twelve_hours)}
    with read_once(), pytest.raises(ConfigurationError, match="with another text"):
        build(story.runtime.settings.model_copy(update=changed), now=story.clock)
    [engine] = opened
    assert isinstance(engine.pool, QueuePool)
    assert (engine.pool.checkedin(), engine.pool.checkedout()) == (0, 0)


@SQLITE_ONLY
def test_a_comment_or_another_layout_is_no_other_text(story: Story, tmp_path: Path) -> None:
    """What counts is what the files say."""
    same = Path(changed_pack(tmp_path, "2026-11"))
    sla = same / "sla.yaml"
    sla.write_text("# Read again on a Monday.\n" + sla.read_text(encoding="utf-8"), encoding="utf-8")
    again = story.with_settings(pack=str(same))
    assert again.runtime.pack.version == story.runtime.pack.version
    assert len(story.all(PolicyVersion)) == 1
    again.close()


def test_a_running_clock_keeps_its_version_and_a_new_one_has_the_new(story: Story, under_newer: Story) -> None:
    old = story.submitted(**LAW)
    [before] = story.clocks(old, "kz.platform_24h")
    under_newer.later(hours=1)
    new = under_newer.submitted(**LAW)
    [kept], [fresh] = under_newer.clocks(old, "kz.platform_24h"), under_newer.clocks(new, "kz.platform_24h")
    assert (kept.due_at, kept.policy_version) == (before.due_at, story.runtime.pack.version)
    assert kept.due_at - kept.started_at == timedelta(hours=24)
    assert fresh.due_at - fresh.started_at == timedelta(hours=12)
    assert fresh.policy_version == under_newer.runtime.pack.version != kept.policy_version
    for clock, hours in ((kept, "24"), (fresh, "12")):
        with under_newer.runtime.sessions.read() as session:
            text = deadline_text(session, under_newer.runtime, clock, "en")
        assert f"Length: {hours} h, nights and days off included." in text["counted"]
    under_newer.assert_sound()


@SQLITE_ONLY
def test_a_clock_is_explained_by_its_own_version_when_its_rule_is_gone_from_the_policy_in_use(
    story: Story, tmp_path: Path
) -> None:
    number = story.to_review()
    rule_id = "kz.internal.review.routine"

    def without(sla: Any) -> None:
        sla["clocks"].remove(clock_in(sla, rule_id))

    later = story.with_settings(pack=changed_pack(tmp_path, "2027-01", sla=without))
    [clock] = later.clocks(number, rule_id)
    with later.runtime.sessions.read() as session:
        rules = later.runtime.policies.version(session, clock.policy_version).sla.clocks
        text = deadline_text(session, later.runtime, clock, "en")
    assert rule_id in [rule.id for rule in rules]
    assert "2026-03-24, 2026-03-25" in " ".join(text["counted"]), "the days off that were known then"
    later.close()


@SQLITE_ONLY
def test_a_version_nobody_recorded_is_named(story: Story) -> None:
    with (
        story.runtime.sessions.read() as session,
        pytest.raises(PolicyUnknown, match="no policy 'kz-ministry/1999-01'"),
    ):
        story.runtime.policies.version(session, "kz-ministry/1999-01")


@SQLITE_ONLY
def test_the_public_days_of_a_version_are_those_that_were_known_when_it_was_recorded(story: Story) -> None:
    """A library that learns another day later does not change what was counted before."""
    story.allow_changes("policy_version")
    [row] = story.all(PolicyVersion)
    days = {**row.public_days["kz-ministry"], "2026-03-19": ["A day off known then", False]}
    story.execute("UPDATE policy_version SET public_days = :days", days=json.dumps({"kz-ministry": days}))
    with story.runtime.sessions.read() as session:
        pack = story.runtime.policies.version(session, row.version)
    day = date(2026, 3, 19)
    assert not pack.working_calendar().day(day).is_working
    assert story.runtime.pack.working_calendar().day(day).is_working

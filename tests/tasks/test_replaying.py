"""The replay is the system's own rules and not a second set: whole recorded cases come to what was recorded."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from casework.case_history import CaseHistory
from casework.pack_reader import read_pack
from casework.replay import replay
from casework.replayed import Replayed
from casework.vocabulary import PauseReason
from tasks.clock_changes import extend_clock, pause_clock, resume_clock
from tasks.legal_review import Supplied, supply
from tasks.policies import Policies, adopt
from tasks.recorded_histories import recorded_histories
from tasks.runtime import pack_texts
from tests.stories import (
    HEAD,
    INTAKE,
    SQLITE_ONLY,
    Story,
    link,
)  # fmt: skip
from tests.tasks.recorded_stories import (
    bullying_with_an_expert_group_and_more_time,
    danger_to_a_child,
    decided,
    declined_and_opened_again,
    merged,
    pass_time,
    political_with_two_reviewers,
    raised_by_many_reports_then_lowered_by_two_people,
    returned_lapsed_and_opened_again,
    silence_to_the_last_rung,
    the_platform_asks_and_is_answered,
    two_notices_of_which_one_is_answered,
    withdrawn,
)

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def replayed(story: Story, number: str) -> Replayed:
    return replay(history_of(story, number), story.runtime.pack, story.clock())


def history_of(story: Story, number: str) -> CaseHistory:
    with story.runtime.sessions.read() as session:
        found = dict(pair for page in recorded_histories(session, EPOCH, story.runtime.pack) for pair in page)
    history = found[number]
    assert isinstance(history, CaseHistory), history
    return history


def assert_replays(story: Story, number: str) -> None:
    """Under its own policy the case has exactly the clocks, letters, level and end that are on record."""
    found, case = replayed(story, number), story.case(number)
    places = {row.id: int(row.number.rpartition("/S")[2]) for row in story.submissions(number)}
    warned = [row.data["clock"] for row in story.events(number, "clock.warned")]
    recorded_clocks = sorted(
        (
            row.rule_id, places[row.subject_id] if row.subject_kind == "submission" else 0, row.started_at, row.due_at,
            warned.count(row.id), str(row.breached_at), str(row.stopped_at), row.stopped_by or "",
        )
        for row in story.clocks(number)
    )  # fmt: skip
    replayed_clocks = sorted(
        (
            row.rule, row.notice, row.started_at, row.due_at, row.warned, str(row.breached_at), str(row.stopped_at),
            row.stopped_by,
        )
        for row in found.clocks
    )  # fmt: skip
    assert replayed_clocks == recorded_clocks
    numbers = {row.number: places[row.id] for row in story.submissions(number)}
    recorded_letters = {
        (row.kind, numbers.get(row.context.get("submission"), 0), row.created_at)
        for row in story.letters(number)
        if row.kind != "receipt"
    }
    assert {(row.kind, row.notice, row.at) for row in found.letters} == recorded_letters
    assert len(found.letters) == len(recorded_letters)
    assert (found.level, found.lane) == (case.priority, case.lane)
    assert found.refused == ()


STORIES: list[Callable[[Story], str]] = [
    decided,
    silence_to_the_last_rung,
    two_notices_of_which_one_is_answered,
    danger_to_a_child,
    returned_lapsed_and_opened_again,
    the_platform_asks_and_is_answered,
    raised_by_many_reports_then_lowered_by_two_people,
    bullying_with_an_expert_group_and_more_time,
    political_with_two_reviewers,
    merged,
    withdrawn,
    declined_and_opened_again,
]


@SQLITE_ONLY
@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__)
def test_a_case_replayed_under_its_own_policy_comes_to_what_was_recorded(
    story: Story, tell: Callable[[Story], str]
) -> None:
    """The replay is the system's own rules and not a second set: every clock, threshold, rung and letter agrees."""
    assert_replays(story, tell(story))


@SQLITE_ONLY
def test_pauses_by_themselves_and_by_hand_are_replayed_too(story: Story) -> None:
    """Under a policy that knows pauses: what the system paused by itself is found out, what a person did is taken."""
    pause = """    pause:
      - {reason: awaiting_applicant, begins: [case.returned], ends: [case.supplied],
         at_most: {amount: 10, unit: working_days}, source: {ref: Practice}}
      - {reason: force_majeure, ordered_by: [head_of_unit], at_most: {amount: 20, unit: working_days},
         source: {ref: Practice}}
    extension:
"""
    runtime = story.runtime
    texts = pack_texts(runtime.settings.pack_folder)
    assert texts["sla"].count("    extension:\n") == 1
    texts["sla"] = texts["sla"].replace("    extension:\n", pause)
    texts["regime"] = re.sub(r"(?m)^id: .*$", "id: kz-ministry/2029-01", texts["regime"])
    pack = read_pack("kz-ministry", texts)
    adopt(runtime.sessions, pack, texts, runtime.now())
    told = replace(story, runtime=replace(runtime, pack=pack, policies=Policies(pack)))
    number = told.take_in(category="cyberbullying_child", age_band="13_17", observed_at=None)
    told.drive(number)
    assert told.status(number) == "returned"
    pass_time(told, days=2)
    supply(told.runtime, number, INTAKE, Supplied(observed_at="2026-03-17T09:00:00+05:00"), "The reporter answered.")
    told.drive(number)
    pass_time(told, hours=20)
    reason = "The ministry's building was closed after an earthquake."
    pause_clock(told.runtime, number, "kz.expert_group", PauseReason.FORCE_MAJEURE, HEAD, reason)
    pass_time(told, days=9)
    resume_clock(told.runtime, number, "kz.expert_group", HEAD, "The building is open again.")
    pass_time(told, days=20)
    assert [row.data.get("by", "a person") for row in told.events(number, "clock.paused")] == [
        "case.returned", "a person",
    ]  # fmt: skip
    assert_replays(told, number)


@SQLITE_ONLY
def test_more_time_for_one_of_two_notices_is_replayed_for_that_one(story: Story) -> None:
    under = story.with_settings(pack="au-esafety")
    number = under.to_review(category="csam", age_band="child", links=[link(), "https://youtu.be/abcdefghijk"])
    under.approve(number, HEAD)
    under.drive(number)
    until = under.clock() + timedelta(hours=30)
    extend_clock(
        under.runtime, number, "au.removal_24h", until, HEAD, "The provider asked for six hours more.", f"{number}/S2"
    )
    assert len({row.due_at for row in under.clocks(number, "au.removal_24h")}) == 2
    pass_time(under, hours=1)
    assert_replays(under, number)
    under.close()

"""A day or a rule has changed: what that would change in open cases is a list first, and a change by order only."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from casework.errors import NotAllowed
from casework.vocabulary import Action, Priority
from tasks.prioritization import change_priority
from tasks.recompute import RecomputeRefused, apply_recompute, plan_recompute
from tasks.sla_sweep import sweep
from tests.stories import HEAD, INTAKE, REVIEWER, SQLITE_ONLY, START, Story, bullied, report
from tests.tasks.changed_packs import SOURCE, changed_pack, clock_in

REVIEW, GROUP = "kz.internal.review.routine", "kz.expert_group"
ORDER = "Friday the 20th was declared a day off by decree."
BEFORE = datetime(2026, 3, 26, 13, 30, tzinfo=UTC)
AFTER = BEFORE + timedelta(days=1)


def _friday_off(calendar: Any) -> None:
    day = {"day": "2026-03-20", "kind": "closed", "name": "A day off by decree", "source": SOURCE}
    calendar["calendars"][0]["overrides"] = [day]


def _without_review(sla: Any) -> None:
    sla["clocks"].remove(clock_in(sla, REVIEW))


def _fraud_is(level: str) -> Any:
    def edit(priority: Any) -> None:
        rule = {"id": "kz.fraud", "level": level, "any_category": ["fraud"], "why": "By order.", "source": SOURCE}
        first = next(place for place, rule in enumerate(priority["rules"]) if rule["level"] == "P1")
        priority["rules"].insert(first, rule)

    return edit


def _from_the_19th(regime: Any) -> None:
    regime["valid_from"] = date(2026, 3, 19)


def _review_from_the_19th(sla: Any) -> None:
    clock_in(sla, REVIEW)["valid_from"] = date(2026, 3, 19)
    clock_in(sla, REVIEW)["limit"] = {"amount": 1, "unit": "working_days"}


CHANGES: dict[str, dict[str, Any]] = {
    "a day off": {"calendar": _friday_off},
    "a rule is gone": {"sla": _without_review},
    "a law from tomorrow": {"calendar": _friday_off, "regime": _from_the_19th},
    "a rule from tomorrow": {"sla": _review_from_the_19th},
    "fraud matters less": {"priority": _fraud_is("P4")},
    "fraud matters more": {"priority": _fraud_is("P1")},
}


@pytest.fixture(scope="module")
def packs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("recompute")
    return {
        name: changed_pack(folder, f"2026-12-{number}", **edits)
        for number, (name, edits) in enumerate(CHANGES.items(), start=2)
    }


@pytest.fixture
def after(story: Story, packs: dict[str, str], request: pytest.FixtureRequest) -> Iterator[Story]:
    """The same installation under the changed policy."""
    changed = story.with_settings(pack=packs[request.param])
    yield changed
    changed.close()


def _under(change: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("after", [change], indirect=True)


def _due(story: Story, number: str, rule: str = REVIEW) -> datetime:
    [clock] = story.clocks(number, rule)
    return clock.due_at


@_under("a day off")
def test_the_plan_lists_every_clock_and_changes_nothing(story: Story, after: Story) -> None:
    number, urgent = story.to_review(), story.submitted(category="gambling_advertising")
    before = after.counts()
    plan = plan_recompute(after.runtime)
    [move] = plan.clocks
    assert (plan.cases, plan.levels) == (2, ())
    assert (move.case, move.rule, move.due_before, move.due_after) == (number, REVIEW, BEFORE, AFTER)
    assert move.version_before == story.runtime.pack.version
    assert (after.counts(), _due(after, number)) == (before, BEFORE)
    assert _due(after, urgent, "kz.platform_24h") == START + timedelta(hours=24), "hours know no day off"


@SQLITE_ONLY
@pytest.mark.parametrize("after", ["a law from tomorrow", "a rule from tomorrow"], indirect=True)
def test_a_clock_that_began_before_its_new_text_was_in_force_keeps_the_old_one(story: Story, after: Story) -> None:
    number = story.to_review()
    assert plan_recompute(after.runtime).clocks == ()
    apply_recompute(after.runtime, HEAD, ORDER)
    [clock] = after.clocks(number, REVIEW)
    assert (clock.due_at, clock.state, clock.policy_version) == (BEFORE, "running", story.runtime.pack.version)


@_under("a day off")
def test_on_order_due_times_move_once_each_on_the_record_and_follow_the_new_version(story: Story, after: Story) -> None:
    number = story.to_review()
    apply_recompute(after.runtime, HEAD, ORDER)
    [clock] = after.clocks(number, REVIEW)
    assert (clock.due_at, clock.policy_version) == (AFTER, after.runtime.pack.version)
    assert after.case(number).next_due_at == AFTER
    [event] = after.events(number, "clock.recomputed")
    assert (event.actor_id, event.reason) == (HEAD, ORDER)
    assert (event.data["due_before"], event.data["due_at"]) == (BEFORE.isoformat(), AFTER.isoformat())
    assert event.data["version_before"] == story.runtime.pack.version
    counts = after.counts()
    again = apply_recompute(after.runtime, HEAD, ORDER)
    assert (again.clocks, again.levels, after.counts()) == ((), (), counts), "a second run finds nothing"
    after.clock.set(BEFORE)
    assert sweep(after.runtime).breached == 0
    after.clock.set(AFTER)
    assert sweep(after.runtime).breached == 1
    after.assert_sound()


@_under("a day off")
def test_it_takes_a_head_of_unit_and_a_reason(story: Story, after: Story) -> None:
    number = story.to_review()
    before = after.counts()
    for person in (INTAKE, REVIEWER, "stranger", ""):
        with pytest.raises(NotAllowed):
            apply_recompute(after.runtime, person, ORDER)
    with pytest.raises(RecomputeRefused, match="needs a reason"):
        apply_recompute(after.runtime, HEAD, " why not ")
    assert (after.counts(), _due(after, number)) == (before, BEFORE)


@SQLITE_ONLY
@_under("a day off")
def test_a_breach_is_a_fact_and_an_ended_case_is_over(story: Story, after: Story) -> None:
    late, declined = story.to_review(**bullied()), story.to_review()
    story.move(declined, Action.DECLINE, REVIEWER)
    story.clock.set(BEFORE)
    sweep(story.runtime)
    assert plan_recompute(after.runtime).clocks == ()
    apply_recompute(after.runtime, HEAD, ORDER)
    [clock] = after.clocks(late, GROUP)
    assert (clock.breached_at, clock.due_at) == (BEFORE, BEFORE)
    after.assert_sound()


@SQLITE_ONLY
@_under("a day off")
def test_the_clock_of_a_rung_keeps_the_time_that_its_letter_named(story: Story, after: Story) -> None:
    number = story.submitted(category="gambling_advertising")
    story.clock.advance(hours=40)
    for _rung in range(2):
        sweep(story.runtime)
    rungs = {row.rule_id: row.due_at for row in story.clocks(number) if row.ladder}
    apply_recompute(after.runtime, HEAD, ORDER)
    assert {row.rule_id: row.due_at for row in after.clocks(number) if row.ladder} == rungs


@_under("a rule is gone")
def test_a_clock_whose_rule_is_gone_ends_with_the_reason(story: Story, after: Story) -> None:
    number = story.to_review()
    [move] = plan_recompute(after.runtime).clocks
    assert (move.rule, move.due_after) == (REVIEW, None)
    apply_recompute(after.runtime, HEAD, "The unit gave up this target.")
    [clock] = after.clocks(number, REVIEW)
    assert (clock.state, clock.stopped_by, clock.next_check_at) == ("cancelled", "policy.changed", None)
    [event] = after.events(number, "clock.recomputed")
    assert (event.reason, event.data["due_at"]) == ("The unit gave up this target.", None)
    assert after.case(number).next_due_at is None
    after.clock.advance(days=30)
    assert sweep(after.runtime).breached == 0
    after.assert_sound()


@_under("fraud matters less")
def test_a_level_that_falls_takes_a_second_person(story: Story, after: Story) -> None:
    number = story.to_review()
    [level] = plan_recompute(after.runtime).levels
    assert (level.case, level.before, level.after, level.falls) == (number, Priority.P3, Priority.P4, True)
    before = after.counts()
    for second in (None, HEAD, INTAKE):
        with pytest.raises(RecomputeRefused, match="would fall from P3 to P4; that takes a second person") as refused:
            apply_recompute(after.runtime, HEAD, ORDER, second)
        assert refused.value.rule == "priority.two_people"
    assert after.counts() == before
    apply_recompute(after.runtime, HEAD, ORDER, REVIEWER)
    case = after.case(number)
    assert (case.priority, case.priority_floor, case.priority_trace[0]["rule"]) == ("P4", "P4", "kz.fraud")
    [event] = after.events(number, "priority.recomputed")
    assert (event.actor_id, event.data) == (HEAD, {"from": "P3", "to": "P4", "confirmed_by": REVIEWER})
    assert plan_recompute(after.runtime).levels == ()
    after.assert_sound()


@SQLITE_ONLY
@_under("fraud matters more")
def test_a_level_that_rises_needs_no_second_person_and_its_clocks_follow(story: Story, after: Story) -> None:
    number = story.to_review()
    story.clock.advance(hours=1)
    apply_recompute(after.runtime, HEAD, ORDER)
    case = after.case(number)
    assert (case.priority, case.priority_rank, case.lane) == ("P1", 1, "routine"), "urgent, and about no child"
    [gone] = after.clocks(number, REVIEW)
    assert (gone.state, gone.stopped_by) == ("cancelled", "priority.changed")
    assert _due(after, number, "kz.internal.review.p1") == after.clock() + timedelta(hours=4)
    after.assert_sound()


@SQLITE_ONLY
@_under("fraud matters less")
def test_a_level_that_a_person_has_set_stays(story: Story, after: Story) -> None:
    [taken] = story.hand_in(report())
    number = str(taken.case_number)
    change_priority(story.runtime, number, Priority.P2, INTAKE, "Pensioners fall for it by the dozen.")
    apply_recompute(after.runtime, HEAD, ORDER, REVIEWER)
    case = after.case(number)
    assert (case.priority, case.priority_floor) == ("P2", "P4")

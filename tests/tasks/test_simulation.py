"""What if: recorded cases under a changed policy. What differs is counted and named, and nothing is written."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event

from casework.policy_clocks import LimitSpec
from casework.policy_pack import Pack
from casework.vocabulary import Instrument, Priority
from db.queries.events import chain_head
from tasks.legal_review import Supplied, supply
from tasks.simulation import simulate
from tests.stories import (
    INTAKE,
    SQLITE_ONLY,
    START,
    Story,
    report,
)  # fmt: skip
from tests.tasks.recorded_stories import (
    LAW,
    bullying_with_an_expert_group_and_more_time,
    decided,
    pass_time,
    returned_lapsed_and_opened_again,
    silence_to_the_last_rung,
    the_platform_asks_and_is_answered,
)


def changed(pack: Pack, rule_id: str, **fields: Any) -> Pack:
    """The pack with one clock's rule changed."""
    clocks = tuple(rule.model_copy(update=fields) if rule.id == rule_id else rule for rule in pack.sla.clocks)
    return pack.model_copy(update={"sla": pack.sla.model_copy(update={"clocks": clocks})})


def with_level(pack: Pack, rule_id: str, level: Priority) -> Pack:
    rules = tuple(
        rule.model_copy(update={"level": level}) if rule.id == rule_id else rule for rule in pack.priority.rules
    )
    return pack.model_copy(update={"priority": pack.priority.model_copy(update={"rules": rules})})


def hours(amount: int) -> LimitSpec:
    return LimitSpec(amount=amount, unit="hours")  # type: ignore[arg-type]


@SQLITE_ONLY
def test_the_policy_in_use_against_itself_changes_nothing(story: Story) -> None:
    silence_to_the_last_rung(story)
    returned_lapsed_and_opened_again(story)
    found = simulate(story.runtime, story.runtime.pack)
    assert (found.cases, found.replayed, found.changed) == (2, 2, 0)
    assert not found.moves
    assert all(count.breached[0] == count.breached[1] for count in found.clocks.values())
    assert found.letters["authority_escalation"].written == [1, 1]
    assert found.lapses == [1, 1]


@SQLITE_ONLY
def test_a_shorter_time_breaches_more_and_writes_the_letters_of_the_ladder(story: Story) -> None:
    """Three hours of a platform's silence are in time by the law in use, and late where it has one hour."""
    number = decided(story)
    found = simulate(story.runtime, changed(story.runtime.pack, "kz.platform_24h", limit=hours(1)))
    count = found.clocks["kz.platform_24h"]
    assert (count.breached, count.newly_breached, count.due_moved) == ([0, 1], 1, 1)
    assert (found.letters["platform_reminder"].written, found.letters["platform_reminder"].new) == ([0, 1], 1)
    assert found.examples["newly breached kz.platform_24h"] == [number]
    assert found.changed == 1


@SQLITE_ONLY
def test_a_longer_time_takes_back_breaches_and_letters(story: Story) -> None:
    number = story.submitted(**LAW)
    pass_time(story, hours=30)
    found = simulate(story.runtime, changed(story.runtime.pack, "kz.platform_24h", limit=hours(48)))
    count = found.clocks["kz.platform_24h"]
    assert (count.breached, count.no_longer_breached) == ([1, 0], 1)
    assert found.letters["platform_reminder"].gone == 1
    assert found.examples["letter not written platform_reminder"] == [number]


@SQLITE_ONLY
def test_a_changed_rule_of_priority_moves_levels_lanes_and_the_letters_of_danger(story: Story) -> None:
    number = story.to_review(category="csam", age_band="under_13")
    found = simulate(story.runtime, with_level(story.runtime.pack, "kz.p1.sexual_abuse", Priority.P0))
    assert found.moves == {(Priority.P1, Priority.P0): 1}
    assert found.levels[0] == {Priority.P1: 1}
    assert found.letters["duty_alert"].written == [0, 1]
    assert found.examples["level P1 to P0"] == [number]
    down = simulate(story.runtime, with_level(story.runtime.pack, "kz.p2.harm_to_child", Priority.P4))
    assert not down.moves


@SQLITE_ONLY
def test_a_reporter_with_less_time_loses_the_case_before_the_answer_came(story: Story) -> None:
    """What was done after that in fact could not have been done: the replay stops there and says so."""
    number = story.take_in(observed_at=None)
    story.drive(number)
    pass_time(story, days=2)
    supply(story.runtime, number, INTAKE, Supplied(observed_at="2026-03-17T09:00:00+05:00"), "The reporter answered.")
    story.drive(number)
    assert story.status(number) == "in_legal_review"
    found = simulate(story.runtime, changed(story.runtime.pack, "kz.reporter.answer", limit=hours(24)))
    assert found.lapses == [0, 1]
    assert found.letters["closure"].new == 1
    assert found.clocks["kz.internal.review.routine"].started == [1, 0]


@SQLITE_ONLY
def test_a_reporter_with_more_time_answers_in_time_what_came_too_late_in_fact(story: Story) -> None:
    returned_lapsed_and_opened_again(story)
    found = simulate(story.runtime, changed(story.runtime.pack, "kz.reporter.answer", limit=hours(24 * 60)))
    assert found.lapses == [1, 0]
    assert found.letters["closure"].gone == 1
    assert found.clocks["kz.internal.review.routine"].started == [1, 1]


@SQLITE_ONLY
def test_another_form_of_notice_for_a_kind_of_harm_brings_its_own_clocks(story: Story) -> None:
    decided(story)
    pack = story.runtime.pack
    other = tuple(
        category.model_copy(update={"instrument": Instrument.PRESCRIPTION})
        if category.code == LAW["category"]
        else category
        for category in pack.categories
    )
    found = simulate(story.runtime, pack.model_copy(update={"categories": other}))
    assert found.clocks["kz.platform_24h"].started == [1, 0]
    assert found.clocks["kz.removal_24h"].started == [0, 1]


@SQLITE_ONLY
def test_more_time_that_a_person_gave_is_refused_where_the_new_rule_forbids_it(story: Story) -> None:
    number = bullying_with_an_expert_group_and_more_time(story)
    found = simulate(story.runtime, changed(story.runtime.pack, "kz.expert_group", extension=None))
    assert found.refused == {("kz.expert_group", "clock.extension_unknown"): 1}
    assert found.examples["refused kz.expert_group"] == [number]
    assert found.clocks["kz.extension_notice"].started == [1, 0]
    assert found.letters["extension_notice"].written == [1, 0]


@SQLITE_ONLY
def test_a_rule_of_tomorrow_is_tried_on_the_cases_of_yesterday(story: Story) -> None:
    """A new text stands beside the old one from a day to come; what is asked is what it would have done."""
    decided(story)
    pack = story.runtime.pack
    old = pack.sla.clock("kz.platform_24h")
    coming = (START + timedelta(days=30)).date()
    texts = (
        old.model_copy(update={"valid_to": coming - timedelta(days=1)}),
        old.model_copy(update={"valid_from": coming, "limit": hours(1)}),
    )
    kept = tuple(rule for rule in pack.sla.clocks if rule.id != old.id)
    new = pack.model_copy(update={"sla": pack.sla.model_copy(update={"clocks": (*kept, *texts)})})
    found = simulate(story.runtime, new)
    assert found.days[1] == coming
    assert found.clocks["kz.platform_24h"].breached == [0, 1]
    as_today = simulate(story.runtime, new, on=START.date())
    assert as_today.changed == 0


@SQLITE_ONLY
def test_a_case_that_cannot_be_replayed_is_named_with_its_reason_and_the_others_go_on(story: Story) -> None:
    lost = story.to_review(category="drugs")
    broken = story.to_review()
    story.execute("UPDATE case_file SET age_band = 'unheard of' WHERE number = :number", number=broken)
    kept = decided(story)
    pack = story.runtime.pack
    fewer = tuple(category for category in pack.categories if category.code != "drugs")
    found = simulate(story.runtime, pack.model_copy(update={"categories": fewer}))
    assert (found.cases, found.replayed) == (3, 1)
    assert dict(found.failed) == {
        f"policy {pack.version} has no category 'drugs'": [lost],
        "its record cannot be read: ValueError": [broken],
    }
    assert kept not in str(found.failed)


@SQLITE_ONLY
def test_only_cases_of_the_last_days_are_asked_about(story: Story) -> None:
    story.to_review()
    pass_time(story, days=10)
    story.to_review()
    assert simulate(story.runtime, story.runtime.pack, days=5).cases == 1
    assert simulate(story.runtime, story.runtime.pack, days=11).cases == 2


@SQLITE_ONLY
def test_of_many_changed_cases_a_few_are_named(story: Story) -> None:
    story.hand_in(*[report(category="csam", age_band="under_13") for _ in range(8)])
    found = simulate(story.runtime, with_level(story.runtime.pack, "kz.p1.sexual_abuse", Priority.P0))
    assert found.moves[Priority.P1, Priority.P0] == 8
    assert len(found.examples["level P1 to P0"]) == 5


def test_a_simulation_writes_nothing_and_reads_no_text_and_no_person(story: Story) -> None:
    """On both databases no row and no event, on SQLite no byte changes; what is sealed or quoted is not asked for."""
    the_platform_asks_and_is_answered(story)
    before = story.counts()
    with story.runtime.sessions.read() as session:
        head = chain_head(session)
    path = story.runtime.engine.url.database if story.runtime.engine.dialect.name == "sqlite" else None
    bytes_before = _content(path)
    asked: list[str] = []
    listen = partial(_remember, asked)
    event.listen(story.runtime.engine, "before_cursor_execute", listen)
    steps: list[tuple[int, int]] = []
    found = simulate(
        story.runtime,
        changed(story.runtime.pack, "kz.platform_24h", limit=hours(1)),
        progress=lambda done, cases: steps.append((done, cases)),
    )
    event.remove(story.runtime.engine, "before_cursor_execute", listen)
    assert found.changed == 1
    assert steps == [(0, 1), (1, 1)]
    assert story.counts() == before
    with story.runtime.sessions.read() as session:
        assert chain_head(session) == head
    assert _content(path) == bytes_before
    assert asked
    for statement in asked:
        assert statement.lstrip().startswith(("SELECT", "BEGIN")), statement
        assert "IMMEDIATE" not in statement, "a reader never waits for a writer"
        for column in ("url_", "quote", "description", "why_unlawful", "sealed", "party", "reason", "actor_name"):
            assert column not in statement, statement
    story.assert_sound()


def _remember(asked: list[str], _connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
    asked.append(statement)


def _content(path: str | None) -> bytes:
    if path is None:
        return b""
    files = [Path(path), Path(f"{path}-wal")]
    return b"".join(file.read_bytes() for file in files if file.exists())

"""What if: recorded cases under a changed policy. The replay comes to what was recorded, and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from casework.case_history import CaseHistory
from casework.policy_clocks import LimitSpec
from casework.policy_pack import Pack
from casework.replay import replay
from casework.replayed import Replayed
from casework.vocabulary import Action, Priority
from db.queries.events import chain_head
from db.tables import Clock
from tasks.clock_changes import extend_clock
from tasks.collect_outcomes import collect
from tasks.escalation import acknowledge
from tasks.expert_opinions import Opinion, record_opinion
from tasks.legal_review import Supplied, supply
from tasks.merging import merge_case
from tasks.prioritization import change_priority
from tasks.recorded_histories import recorded_histories
from tasks.simulation import simulate
from tasks.sla_sweep import sweep
from tests.stories import (
    HEAD,
    INTAKE,
    NECESSITY,
    OTHER_INTAKE,
    OTHER_REVIEWER,
    REVIEWER,
    SQLITE_ONLY,
    START,
    Story,
    in_danger,
    link,
    report,
)  # fmt: skip

LAW = {"category": "gambling_advertising"}
SILENCE = "kz.platform_silence"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def pass_time(story: Story, **by: float) -> None:
    """Time passes with a sweep at the very instant of every threshold, and the post behind it."""
    until = story.clock() + timedelta(**by)
    while True:
        ahead = [row.next_check_at for row in story.all(Clock) if row.next_check_at and row.next_check_at <= until]
        if not ahead:
            break
        story.clock.set(max(min(ahead), story.clock()))
        sweep(story.runtime)
        story.send_letters()
    story.clock.set(until)
    story.platform.set_clock(until)


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


def _decided(story: Story) -> str:
    number = story.submitted(**LAW)
    pass_time(story, hours=3)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    assert story.status(number) == "closed"
    return number


def _silence_to_the_last_rung(story: Story) -> str:
    number = story.submitted(**LAW)
    pass_time(story, hours=30)
    asked = story.escalations(number)[-1]
    acknowledge(story.runtime, asked.id, INTAKE, "phone")
    pass_time(story, days=30)
    assert [rung.rung for rung in story.escalations(number)] == [1, 2, 3, 4]
    return number


def _two_notices_of_which_one_is_answered(story: Story) -> str:
    number = story.submitted(links=[link(), "https://youtu.be/abcdefghijm"], **LAW)
    pass_time(story, hours=25)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    pass_time(story, days=3)
    assert len({row.subject_id for row in story.clocks(number) if row.subject_kind == "submission"}) == 2
    return number


def _danger_to_a_child(story: Story) -> str:
    [result] = story.hand_in(in_danger())
    assert result.case_number is not None
    pass_time(story, hours=1)
    story.drive(result.case_number)
    pass_time(story, days=2)
    assert [row.kind for row in story.letters(result.case_number)][:2] == ["police_referral", "duty_alert"]
    return result.case_number


def _returned_lapsed_and_opened_again(story: Story) -> str:
    number = story.take_in(observed_at=None)
    story.drive(number)
    pass_time(story, days=20)
    assert story.status(number) == "closed"
    story.move(number, Action.REOPEN, OTHER_INTAKE)
    story.drive(number)
    pass_time(story, days=1)
    supply(story.runtime, number, INTAKE, Supplied(observed_at="2026-03-17T09:00:00+05:00"), "The reporter answered.")
    story.drive(number)
    pass_time(story, days=9)
    return number


def _the_platform_asks_and_is_answered(story: Story) -> str:
    number = story.submitted(**LAW)
    pass_time(story, hours=5)
    story.answer(number, "more_info_needed", reason="Which law?")
    collect(story.runtime)
    story.drive(number)
    pass_time(story, days=2)
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    pass_time(story, days=2)
    assert len(story.submissions(number)) == 2
    return number


def _raised_by_many_reports_then_lowered_by_two_people(story: Story) -> str:
    video = link()
    number = story.take_in(category="fraud", links=[video])
    pass_time(story, hours=1)
    story.hand_in(*[report(links=[video], description=f"Сообщение {place}.") for place in range(12)])
    assert story.case(number).priority == "P2"
    story.drive(number)
    pass_time(story, hours=2)
    change_priority(story.runtime, number, Priority.P4, INTAKE, "The account has no followers.", HEAD)
    pass_time(story, days=10)
    change_priority(story.runtime, number, Priority.P1, INTAKE, "It has many followers after all.")
    pass_time(story, days=1)
    return number


def _bullying_with_an_expert_group_and_more_time(story: Story) -> str:
    number = story.to_review(category="cyberbullying_child", age_band="13_17")
    pass_time(story, days=1)
    extend_clock(
        story.runtime, number, "kz.expert_group", story.clock() + timedelta(days=9), "gulnara",
        "The group needs the opinion of a psychologist.",
    )  # fmt: skip
    story.send_letters()
    pass_time(story, days=20)
    opinion = Opinion("2026-7", ("one", "two", "three", "four", "five"), (), 5, 0, True, "It humiliates a pupil.", (),
                      story.clock() - timedelta(hours=1))  # fmt: skip
    record_opinion(story.runtime, number, opinion, "gulnara")
    story.approve(number)
    story.drive(number)
    pass_time(story, days=2)
    assert len(story.letters(number, "overdue_reminder")) > 1
    return number


def _political_with_two_reviewers(story: Story) -> str:
    number = story.to_review(category="political_events")
    pass_time(story, days=1)
    basis = tuple(story.runtime.pack.category("political_events").basis)
    story.move(number, Action.ENDORSE, REVIEWER, basis=basis, proportionality=NECESSITY)
    pass_time(story, days=4)
    story.approve(number, OTHER_REVIEWER, proportionality=NECESSITY)
    story.drive(number)
    pass_time(story, hours=20)
    return number


def _merged(story: Story) -> str:
    number = story.take_in(**LAW)
    story.drive(number)
    other = story.take_in(**LAW)
    pass_time(story, hours=5)
    merge_case(story.runtime, number, other, INTAKE, "The same video.", same_content=True)
    pass_time(story, days=5)
    return number


def _withdrawn(story: Story) -> str:
    number = story.to_review()
    pass_time(story, days=5)
    story.move(number, Action.WITHDRAW, INTAKE)
    pass_time(story, days=1)
    return number


def _declined_and_opened_again(story: Story) -> str:
    number = story.to_review()
    pass_time(story, hours=30)
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    pass_time(story, days=3)
    story.move(number, Action.REOPEN, OTHER_INTAKE)
    story.drive(number)
    pass_time(story, days=3)
    return number


STORIES: list[Callable[[Story], str]] = [
    _decided,
    _silence_to_the_last_rung,
    _two_notices_of_which_one_is_answered,
    _danger_to_a_child,
    _returned_lapsed_and_opened_again,
    _the_platform_asks_and_is_answered,
    _raised_by_many_reports_then_lowered_by_two_people,
    _bullying_with_an_expert_group_and_more_time,
    _political_with_two_reviewers,
    _merged,
    _withdrawn,
    _declined_and_opened_again,
]


@SQLITE_ONLY
@pytest.mark.parametrize("tell", STORIES, ids=lambda tell: tell.__name__.strip("_"))
def test_a_case_replayed_under_its_own_policy_comes_to_what_was_recorded(
    story: Story, tell: Callable[[Story], str]
) -> None:
    """The replay is the system's own rules and not a second set: every clock, threshold, rung and letter agrees."""
    assert_replays(story, tell(story))


# Another policy


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
    _silence_to_the_last_rung(story)
    _returned_lapsed_and_opened_again(story)
    found = simulate(story.runtime, story.runtime.pack)
    assert (found.cases, found.replayed, found.changed) == (2, 2, 0)
    assert not found.moves
    assert all(count.breached[0] == count.breached[1] for count in found.clocks.values())
    assert found.letters["authority_escalation"].written == [1, 1]
    assert found.lapses == [1, 1]


@SQLITE_ONLY
def test_a_shorter_time_breaches_more_and_writes_the_letters_of_the_ladder(story: Story) -> None:
    """Three hours of a platform's silence are in time by the law in use, and late where it has one hour."""
    number = _decided(story)
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
    _returned_lapsed_and_opened_again(story)
    found = simulate(story.runtime, changed(story.runtime.pack, "kz.reporter.answer", limit=hours(24 * 60)))
    assert found.lapses == [1, 0]
    assert found.letters["closure"].gone == 1
    assert found.clocks["kz.internal.review.routine"].started == [1, 1]


@SQLITE_ONLY
def test_more_time_that_a_person_gave_is_refused_where_the_new_rule_forbids_it(story: Story) -> None:
    number = _bullying_with_an_expert_group_and_more_time(story)
    found = simulate(story.runtime, changed(story.runtime.pack, "kz.expert_group", extension=None))
    assert found.refused == {("kz.expert_group", "clock.extension_unknown"): 1}
    assert found.examples["refused kz.expert_group"] == [number]
    assert found.clocks["kz.extension_notice"].started == [1, 0]
    assert found.letters["extension_notice"].written == [1, 0]


@SQLITE_ONLY
def test_a_rule_of_tomorrow_is_tried_on_the_cases_of_yesterday(story: Story) -> None:
    """A new text stands beside the old one from a day to come; what is asked is what it would have done."""
    _decided(story)
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
    kept = _decided(story)
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
    _the_platform_asks_and_is_answered(story)
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

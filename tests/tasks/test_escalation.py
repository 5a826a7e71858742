"""Silence climbs rung by rung, each once, until somebody acknowledges, the platform answers, or the ladder ends."""

from __future__ import annotations

from datetime import timedelta

import pytest

from casework.errors import NotAllowed, QorganError
from casework.vocabulary import Action
from db.tables import Escalation
from tasks.collect_outcomes import collect
from tasks.escalation import acknowledge
from tasks.sla_sweep import sweep
from tests.stories import AUDITOR, HEAD, INTAKE, LIAISON, REVIEWER, SQLITE_ONLY, START, Story, link

pytestmark = SQLITE_ONLY

LAW = {"category": "gambling_advertising"}
TO = [
    "notices@tiktok.example",
    "liaison.kz@tiktok.example",
    "region.head@tiktok.example",
    "reception@prosecutor.example",
]
LETTERS = ["platform_reminder", "liaison_escalation", "liaison_head_escalation", "authority_escalation"]


def _to_next_due(story: Story, number: str) -> None:
    """Until the case's earliest running clock runs out; then one sweep and the post."""
    due = story.case(number).next_due_at
    assert due is not None
    story.clock.set(max(due, story.clock()))
    sweep(story.runtime)
    story.send_letters()


def _rungs(story: Story, number: str) -> list[int]:
    return [rung.rung for rung in story.escalations(number)]


def _silent_until(story: Story, rungs: int) -> str:
    number = story.submitted(**LAW)
    story.send_letters()
    for _rung in range(rungs):
        _silence(story, number)
    return number


def _silence(story: Story, number: str) -> None:
    """Time passes until one more rung is raised."""
    before = len(story.escalations(number))
    for _due in range(5):
        running = [row for row in story.clocks(number) if row.state == "running" and row.breached_at is None]
        story.clock.set(min(row.due_at for row in running))
        sweep(story.runtime)
        story.send_letters()
        if len(story.escalations(number)) > before:
            return
    raise AssertionError("no rung was raised")


def test_rungs_go_up_in_order_each_with_its_letter_to_its_recipient_once(story: Story) -> None:
    number = _silent_until(story, 4)
    rungs = story.escalations(number)
    assert [rung.rung for rung in rungs] == [1, 2, 3, 4]
    assert [rung.letter for rung in rungs] == LETTERS
    for letter, address in zip(LETTERS, TO, strict=True):
        [row] = story.letters(number, letter)
        assert row.state == "sent"
        assert [kept for kept in story.mail(address) if kept.message["X-Qorgan-Letter"] == str(row.id)]
    assert len(story.mail("liaison.kz@tiktok.example")) == 1
    assert rungs[0].raised_at == START + timedelta(hours=24)
    assert rungs[1].raised_at == START + timedelta(hours=28), "four hours to acknowledge the reminder"
    assert rungs[2].raised_at == START + timedelta(hours=40), "twelve for the liaison"
    assert story.status(number) == "submitted", "an escalation is no status"
    story.assert_sound()


def test_after_the_last_rung_nothing_is_left_to_raise_and_the_breach_stays_on_record(story: Story) -> None:
    number = _silent_until(story, 4)
    story.clock.advance(days=30)
    for _run in range(3):
        sweep(story.runtime)
    assert _rungs(story, number) == [1, 2, 3, 4]
    [last] = story.clocks(number, "kz.platform_silence.rung4")
    assert last.breached_at == last.due_at
    assert len(story.events(number, "rung.raised")) == 4


def test_an_acknowledgement_stops_the_rung_and_starts_the_follow_up(story: Story) -> None:
    number = _silent_until(story, 2)
    liaison = story.escalations(number)[1]
    story.clock.advance(hours=2)
    acknowledge(story.runtime, liaison.id, LIAISON, "phone")
    [waiting] = story.clocks(number, "kz.platform_silence.rung2")
    assert (waiting.state, waiting.stopped_by) == ("met", "rung.acknowledged")
    [follow_up] = story.clocks(number, "kz.platform_silence.rung2.follow_up")
    assert follow_up.due_at == story.clock() + timedelta(hours=24)
    story.clock.set(waiting.due_at + timedelta(hours=1))
    sweep(story.runtime)
    assert _rungs(story, number) == [1, 2]
    story.clock.set(follow_up.due_at)
    sweep(story.runtime)
    assert _rungs(story, number) == [1, 2, 3], "an acknowledgement buys time, not silence"
    acknowledged = story.escalations(number)[1]
    assert (acknowledged.acknowledged_by, acknowledged.acknowledged_via) == (LIAISON, "phone")
    story.assert_sound()


def test_a_late_acknowledgement_does_not_raise_the_next_rung_a_second_time(story: Story) -> None:
    number = _silent_until(story, 3)
    late = story.escalations(number)[1]
    acknowledge(story.runtime, late.id, LIAISON, "meeting")
    [follow_up] = story.clocks(number, "kz.platform_silence.rung2.follow_up")
    story.clock.set(follow_up.due_at)
    assert sweep(story.runtime).failed == []
    assert _rungs(story, number).count(3) == 1
    assert len(story.letters(number, "liaison_head_escalation")) == 1
    assert _rungs(story, number)[-1] == 4, "silence after a late acknowledgement still climbs on"


@pytest.mark.parametrize("person", [INTAKE, "olzhas", HEAD, LIAISON])
def test_these_people_may_record_an_acknowledgement(story: Story, person: str) -> None:
    number = _silent_until(story, 1)
    acknowledge(story.runtime, story.escalations(number)[0].id, person, "mail")
    assert story.events(number, "rung.acknowledged")[0].actor_id == person


def test_an_acknowledgement_is_refused_from_others_twice_and_by_unknown_ways(story: Story) -> None:
    number = _silent_until(story, 1)
    [rung] = story.escalations(number)
    for person in (REVIEWER, AUDITOR, "stranger"):
        with pytest.raises(NotAllowed):
            acknowledge(story.runtime, rung.id, person, "mail")
    with pytest.raises(QorganError, match="no way to acknowledge"):
        acknowledge(story.runtime, rung.id, LIAISON, "pigeon")
    with pytest.raises(QorganError, match="does not exist"):
        acknowledge(story.runtime, 999, LIAISON, "mail")
    acknowledge(story.runtime, rung.id, LIAISON, "mail")
    with pytest.raises(QorganError, match=f"acknowledged by {LIAISON} already"):
        acknowledge(story.runtime, rung.id, INTAKE, "mail")
    assert len(story.events(number, "rung.acknowledged")) == 1


def test_the_platforms_answer_stops_the_ladder(story: Story) -> None:
    number = _silent_until(story, 2)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    assert not [row for row in story.clocks(number) if row.state == "running" and row.ladder]
    story.clock.advance(days=10)
    sweep(story.runtime)
    assert _rungs(story, number) == [1, 2]
    story.drive(number)
    assert story.status(number) == "closed"


def test_the_platforms_question_stops_the_ladder_too(story: Story) -> None:
    number = _silent_until(story, 1)
    story.answer(number, "more_info_needed")
    collect(story.runtime)
    story.drive(number)
    story.clock.advance(days=1)
    sweep(story.runtime)
    assert _rungs(story, number) == [1]
    assert story.status(number) == "more_info"


def test_an_answer_about_one_of_two_items_does_not_stop_it(story: Story) -> None:
    number = story.submitted(**LAW, links=[link(), link()])
    story.answer(number, "removed_globally", 1)
    collect(story.runtime)
    _silence(story, number)
    assert _rungs(story, number) == [1]


def test_each_notice_of_a_case_has_a_ladder_of_its_own(story: Story) -> None:
    number = story.submitted(**LAW, links=[link(), "https://youtu.be/abcdefghijm"])
    story.send_letters()
    story.answer(number, "removed_globally", 1)
    collect(story.runtime)
    story.clock.set(START + timedelta(hours=24))
    sweep(story.runtime)
    story.send_letters()
    [rung] = story.escalations(number)
    assert rung.submission_id == story.submissions(number)[1].id
    assert len(story.mail("notices@youtube.example")) == 2
    assert len(story.mail("notices@tiktok.example")) == 1


def test_no_rung_is_raised_on_a_case_that_has_ended(story: Story) -> None:
    """Even where a clock was left running, as after a hand at the database."""
    number = story.submitted(**LAW)
    story.execute("UPDATE case_file SET status = 'closed'")
    story.clock.set(START + timedelta(hours=24))
    assert sweep(story.runtime).rungs == 0
    assert story.all(Escalation) == []
    assert story.letters(number, "platform_reminder") == []


def test_a_withdrawn_case_has_no_clock_left_to_climb(story: Story) -> None:
    number = story.approved(**LAW)
    story.move(number, Action.WITHDRAW, INTAKE)
    story.clock.advance(days=30)
    sweep(story.runtime)
    assert story.escalations(number) == []


def test_the_letters_of_the_ladder_name_the_earlier_rungs_and_the_platforms_own_deadline(story: Story) -> None:
    number = _silent_until(story, 3)
    [letter] = story.mail("region.head@tiktok.example")
    text = letter.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert number in letter.subject
    assert "Regional liaison" in text
    assert "2026-03-19" in text
    assert "https://" not in text.replace("https://[", ""), "links are shown defanged"

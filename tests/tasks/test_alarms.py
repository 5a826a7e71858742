"""Operators are told once an hour about one thing, by a letter in which nothing stands that a person wrote."""

from __future__ import annotations

import pytest

from casework.errors import QorganError
from casework.vocabulary import LANGUAGES
from db.tables import Event, Letter
from tasks.alarms import MANY, MOST_OF_A_KIND, WHATS, alarm_late, raise_alarm
from tasks.board import refresh
from tasks.heartbeats import beat
from tests.stories import SQLITE_ONLY, Story, together


def alarms(story: Story) -> list[Letter]:
    return [row for row in story.all(Letter) if row.kind == "operations_alarm"]


def about(story: Story) -> list[tuple[str, str]]:
    return [(row.context["rows"][0]["what"], row.context["rows"][0]["case"]) for row in alarms(story)]


def test_one_thing_is_told_once_an_hour_whoever_finds_it(story: Story) -> None:
    first = together(*(lambda: raise_alarm(story.runtime, "run-failed", "sla-sweep") for _ in range(2)))
    assert sorted(first) == [False, True]
    assert raise_alarm(story.runtime, "run-crashed", "sla-sweep"), "another thing"
    story.clock.advance(hours=1)
    assert raise_alarm(story.runtime, "run-failed", "sla-sweep")
    assert about(story) == [("run-failed", "sla-sweep"), ("run-crashed", "sla-sweep"), ("run-failed", "sla-sweep")]
    raised = [event for event in story.all(Event) if event.kind == "alarm.raised"]
    assert [event.data["letter"] for event in raised] == [row.id for row in alarms(story)]
    story.assert_sound()


@SQLITE_ONLY
def test_a_storm_is_a_handful_of_letters_and_the_last_one_says_that_there_is_more(story: Story) -> None:
    told = [raise_alarm(story.runtime, "drive-fails", f"KZ-2026-{number:06}") for number in range(1, 101)]
    assert sum(told) == MOST_OF_A_KIND == len(alarms(story))
    assert about(story)[-1] == ("drive-fails", MANY)
    assert raise_alarm(story.runtime, "sweep-late", "clocks"), "a storm of one kind hides no other"


@SQLITE_ONLY
def test_an_alarm_goes_out_at_once_and_names_what_is_wrong_and_where_to_read(story: Story) -> None:
    raise_alarm(story.runtime, "queue-not-polled", "child-safety")
    story.send_letters(urgent_only=True)
    [letter] = alarms(story)
    assert (letter.state, letter.urgent, letter.case_id) == ("sent", True, None)
    [kept] = story.mail()
    text = " ".join(kept.message.get_body(("plain",)).get_content().split())
    assert "child-safety" in text
    assert "docs/when-it-is-red.md" in text
    assert "qorgan drive --lane child-safety" in text


@SQLITE_ONLY
def test_every_alarm_has_its_words_in_every_language(story: Story) -> None:
    press = story.runtime.letterpress
    assert all(press.word("alarm", what, language) for what in WHATS for language in LANGUAGES)


@SQLITE_ONLY
@pytest.mark.parametrize(
    "wrong", ["", "Қанат", "https://example.org/x?y", "two words", "a@b.kz", "x" * 65, "-x", "a\nb"]
)
def test_what_could_be_a_persons_words_is_refused_and_not_repeated(story: Story, wrong: str) -> None:
    with pytest.raises(QorganError) as refused:
        raise_alarm(story.runtime, "run-failed", wrong)
    assert refused.value.rule == "alarm.about"
    assert not wrong or wrong not in str(refused.value)
    assert alarms(story) == []


@SQLITE_ONLY
def test_an_alarm_that_nobody_knows_is_refused(story: Story) -> None:
    with pytest.raises(QorganError, match=r"alarm\.unknown"):
        raise_alarm(story.runtime, "coffee-out", "kitchen")  # type: ignore[arg-type]


@SQLITE_ONLY
def test_a_late_schedule_is_alarmed_about_but_not_in_the_first_minutes_after_an_outage(story: Story) -> None:
    def minute() -> None:
        story.clock.advance(minutes=1)
        beat(story.runtime, "clocks", {})
        alarm_late(story.runtime, refresh(story.runtime).beats, "clocks")

    for _ in range(4):
        minute()
    assert about(story) == []
    for _ in range(3):
        minute()
    late = {name for what, name in about(story)}
    assert {what for what, name in about(story)} == {"schedule-late"}
    assert late == {"inbox", "lane-child-safety", "mailbox"}
    story.clock.advance(days=2)
    before = len(alarms(story))
    minute()
    assert len(alarms(story)) == before, "after two days of silence everything is late, and has some minutes"

"""A liaison's week on one page, and each day's letters whose arrival nothing proves: frozen, and written once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db.tables import Event, Letter
from tasks.collect_outcomes import collect
from tasks.escalation import acknowledge
from tasks.sla_sweep import sweep
from tasks.submission import record_reference
from tasks.summaries import write_daily, write_weekly
from tests.stories import INTAKE, LIAISON, SQLITE_ONLY, Story, in_danger, link, portal_link, together

MONDAY = datetime(2026, 3, 30, 4, 0, tzinfo=UTC)
"""Nine in the morning in Astana."""


def summaries(story: Story, kind: str) -> list[Letter]:
    return [row for row in story.all(Letter) if row.kind == kind]


def a_week_with_two_platforms(story: Story) -> tuple[str, str]:
    """One notice is at its first rung, which the platform acknowledged; the other is a day old."""
    silent = story.submitted()
    story.later(days=8)
    sweep(story.runtime)
    [rung, *_] = story.escalations(silent)
    acknowledge(story.runtime, rung.id, LIAISON, "phone")
    fresh = story.at_portal()
    story.clock.set(MONDAY - timedelta(hours=12))
    record_reference(story.runtime, f"{fresh}/S1", "CRS-1", INTAKE)
    story.clock.set(MONDAY)
    return silent, fresh


def rows(letter: Letter) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = letter.context["rows"]
    return found


def test_each_liaison_gets_the_week_on_one_page_once_whoever_runs_it(story: Story) -> None:
    silent, fresh = a_week_with_two_platforms(story)
    together(*(lambda: write_weekly(story.runtime) for _ in range(2)))
    written = summaries(story, "liaison_weekly")
    assert {row["case"] for letter in written for row in rows(letter)} == {silent, fresh}
    assert len({(letter.contact, letter.language) for letter in written}) == len(written)
    again = write_weekly(story.runtime)
    assert (again.letters, again.before) == (0, len(written))
    story.clock.advance(days=3)
    assert write_weekly(story.runtime).letters == 0, "the same ISO week"
    events = [event for event in story.all(Event) if event.kind == "summary.written"]
    assert [event.data["letter"] for event in events] == [letter.id for letter in written]
    story.clock.advance(days=4)
    assert write_weekly(story.runtime).letters == len(written)
    story.assert_sound()


def test_a_row_says_what_since_when_due_when_and_how_far_it_got(story: Story) -> None:
    silent, fresh = a_week_with_two_platforms(story)
    write_weekly(story.runtime)
    by_case = {row["case"]: row for letter in summaries(story, "liaison_weekly") for row in rows(letter)}
    [notice] = story.submissions(silent)
    [clock] = story.clocks(silent, "kz.internal.platform_follow_up")
    assert by_case[silent]["since"] == notice.sent_at.isoformat()  # type: ignore[union-attr]
    assert by_case[silent]["due"] == clock.due_at.isoformat()
    assert by_case[silent]["rung"] == story.escalations(silent)[-1].rung
    assert (by_case[fresh]["rung"], by_case[fresh]["state"]) == (0, "running")
    assert by_case[fresh]["what"] == "platform_notice"
    assert by_case[fresh]["letter"].startswith(f"{fresh}/L")
    [letter] = [one for one in summaries(story, "liaison_weekly") if rows(one)[0]["case"] == silent]
    assert letter.context["counts"]["open"] == len({row["case"] for row in rows(letter)})
    assert letter.context["counts"]["overdue"] == 1
    assert (letter.context["period_from"], letter.context["period_to"]) == (
        "2026-03-22T19:00:00+00:00", "2026-03-29T19:00:00+00:00",
    )  # fmt: skip


def test_the_summary_arrives_and_names_cases_and_nobody(story: Story) -> None:
    silent, fresh = a_week_with_two_platforms(story)
    story.send_letters()
    before = len(story.mail())
    write_weekly(story.runtime)
    story.send_letters()
    assert {row.state for row in summaries(story, "liaison_weekly")} == {"sent"}
    texts = [
        kept.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        for kept in story.mail()[before:]
    ]
    assert texts
    assert any(silent in text for text in texts)
    assert any(fresh in text for text in texts)
    for text in texts:
        assert "reporter@mail.example" not in text
        assert "https://" not in text


@SQLITE_ONLY
def test_with_nothing_open_a_liaison_gets_no_letter_and_nothing_is_on_the_record(story: Story) -> None:
    number = story.submitted()
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    story.clock.set(MONDAY)
    before = story.counts()
    written = write_weekly(story.runtime)
    assert (written.letters, written.nothing > 0) == (0, True)
    assert story.counts() == before


@SQLITE_ONLY
def test_what_was_answered_in_the_week_is_counted_beside_what_is_open(story: Story) -> None:
    answered, waiting = story.submitted(), story.submitted()
    story.clock.set(MONDAY - timedelta(days=4))
    story.answer(answered, "no_action")
    collect(story.runtime)
    story.drive(answered)
    story.clock.set(MONDAY)
    write_weekly(story.runtime)
    [letter] = [one for one in summaries(story, "liaison_weekly") if rows(one)]
    assert [row["case"] for row in rows(letter)] == [waiting]
    assert letter.context["counts"]["answered"] == 1


@SQLITE_ONLY
def test_a_notice_of_which_the_platform_asked_us_is_not_open_at_the_platform(story: Story) -> None:
    number = story.submitted()
    story.answer(number, "more_info_needed", reason="Which law?")
    collect(story.runtime)
    story.drive(number)
    story.clock.set(MONDAY)
    assert write_weekly(story.runtime).letters == 0


@SQLITE_ONLY
def test_two_platforms_of_one_liaison_stand_in_one_letter(story: Story) -> None:
    liaisons = story.runtime.pack.liaisons
    first = next(entry for entry in liaisons.liaisons if entry.role == "liaison" and entry.platform == "tiktok")
    shared = tuple(
        entry.model_copy(update={"contact": first.contact}) if entry.role == "liaison" else entry
        for entry in liaisons.liaisons
    )
    pack = story.runtime.pack.model_copy(update={"liaisons": liaisons.model_copy(update={"liaisons": shared})})
    number = story.approved(links=[link(), portal_link()])
    story.drive(number)
    portal = next(row.number for row in story.submissions(number) if row.channel == "portal")
    record_reference(story.runtime, portal, "CRS-1", INTAKE)
    story.drive(number)
    story.clock.set(MONDAY)
    assert write_weekly(replace(story.runtime, pack=pack)).letters == 1
    [letter] = summaries(story, "liaison_weekly")
    assert [row["case"] for row in rows(letter)] == [number, number]
    assert letter.context["platform"] is None


# Unproven letters


def test_a_day_s_unproven_letters_are_listed_once_the_morning_after(story: Story) -> None:
    number = story.submitted()
    story.send_letters()
    sent = [row for row in story.letters(number) if row.state == "sent"]
    assert write_daily(story.runtime).nothing == 1, "yesterday nothing was sent"
    story.later(days=1)
    together(*(lambda: write_daily(story.runtime) for _ in range(2)))
    [letter] = summaries(story, "unproven_letters")
    assert (letter.recipient, letter.contact, letter.case_id) == ("unit", "unit", None)
    assert [row["letter"] for row in rows(letter)] == [f"{number}/L{row.id}" for row in sent]
    assert {row["state"] for row in rows(letter)} == {"unproven"}
    assert letter.context["counts"] == {"sent": len(sent), "unproven": len(sent)}
    story.send_letters()
    [letter] = summaries(story, "unproven_letters")
    assert letter.state == "sent", letter.reason
    [kept] = [kept for kept in story.mail() if kept.message["Message-ID"] == letter.message_id]
    assert "@mail.example" not in kept.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    story.later(days=1)
    assert write_daily(story.runtime).letters == 0, "the list itself is on no list"
    story.assert_sound()


@SQLITE_ONLY
def test_a_letter_that_is_proven_or_stays_in_our_house_is_on_no_list(story: Story) -> None:
    number = story.take_in(**{key: value for key, value in in_danger().items() if key != "links"})
    story.send_letters()
    [proven] = story.letters(number, "receipt")
    story.execute("UPDATE letter SET delivered_at = sent_at WHERE id = :id", id=proven.id)
    story.later(days=1)
    write_daily(story.runtime)
    [letter] = summaries(story, "unproven_letters")
    assert [row["what"] for row in rows(letter)] == ["police_referral"]


@SQLITE_ONLY
@pytest.mark.parametrize("hours", [23, 24])
def test_the_day_is_the_authoritys_own_day(story: Story, hours: int) -> None:
    """It sends at nine in the evening UTC, which is two in the morning of the next day there."""
    story.clock.set(datetime(2026, 3, 18, 21, 0, tzinfo=UTC))
    story.take_in()
    story.send_letters()
    story.clock.set(datetime(2026, 3, 18, 19, 0, tzinfo=UTC) + timedelta(hours=hours, minutes=1))
    assert write_daily(story.runtime).letters == (1 if hours == 24 else 0)

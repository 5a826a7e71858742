"""`qorgan clock` and `qorgan expert`: what people do to a clock, and what a group decided, from the command line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from casework.vocabulary import Action
from db.tables import Clock
from tasks import runtime
from tests.desk.conftest import AtTheDesk
from tests.stories import HEAD, REVIEWER, Story, bullied, link
from tests.tasks.changed_packs import SOURCE, changed_pack, clock_in

GROUP, REVIEW = "kz.expert_group", "kz.internal.review.routine"
WHY = "The group waits for a psychologist's opinion on the posts."


def _force_majeure(sla: Any) -> None:
    clock_in(sla, REVIEW)["pause"] = [
        {
            "reason": "force_majeure", "ordered_by": ["head_of_unit"],
            "at_most": {"amount": 2, "unit": "working_days"}, "source": SOURCE,
        }
    ]  # fmt: skip


@pytest.fixture
def with_pauses(desk: AtTheDesk, tmp_path: Path) -> Iterator[Story]:
    """The desk under a policy with a pause in one clock."""
    changed = desk.story.with_settings(pack=changed_pack(tmp_path, "2026-12", sla=_force_majeure))
    with runtime.use(changed.runtime):
        yield changed
    changed.close()


def _extend(until: str, number: str) -> tuple[object, ...]:
    return "clock", "extend", number, GROUP, "--until", until, "--as", "gulnara", "--reason", WHY


def test_a_cases_clocks_are_listed_those_that_run_first(desk: AtTheDesk) -> None:
    number = desk.in_review(**bullied())
    rows = desk.tells("clock", "list", number.lower())
    assert [(row["rule"], row["state"]) for row in rows] == [
        (GROUP, "running"), ("kz.internal.review.p2", "running"), ("kz.internal.triage.p2", "met"),
    ]  # fmt: skip
    assert rows[0]["due_at"] == "2026-03-26T18:30:00+05:00"
    assert rows[0]["policy"] == desk.story.runtime.pack.version
    assert "kz.expert_group" in desk.says("clock", "list", number)
    assert "[case.not_found]" in desk.refuses("clock", "list", "KZ-2026-999999")


def test_a_clock_stands_still_and_goes_on(desk: AtTheDesk, with_pauses: Story) -> None:
    number = replace(desk, story=with_pauses).in_review()
    ordered = ("--as", "marat", "--reason", "The office is flooded.")
    told = desk.tells("clock", "pause", number, REVIEW, "--for", "force_majeure", *ordered)
    assert (told["case"], told["rule"]) == (number, REVIEW)
    row = next(row for row in desk.tells("clock", "list", number) if row["rule"] == REVIEW)
    assert (row["state"], row["why"], row["due_at"]) == ("stands still", "force_majeure", told["due_at"])
    said = desk.refuses("clock", "pause", number, REVIEW, "--for", "force_majeure", *ordered)
    assert "stands still already [clock.paused]" in said
    assert "goes on; due" in desk.says("clock", "resume", number, REVIEW, *ordered)
    assert "[clock.not_paused]" in desk.refuses("clock", "resume", number, REVIEW, *ordered)
    assert "[clock.pause_unlisted]" in desk.refuses(
        "clock", "pause", number, REVIEW, "--for", "awaiting_applicant", *ordered
    )
    assert desk.run("clock", "pause", number, REVIEW, "--for", "holiday", *ordered).exit_code == 2


def test_clocks_that_run_for_each_notice_are_told_apart(desk: AtTheDesk) -> None:
    under = desk.story.with_settings(pack="au-esafety")
    with runtime.use(under.runtime):
        au = replace(desk, story=under)
        number = au.in_review(category="csam", age_band="child", links=[link(), "https://youtu.be/abcdefghijk"])
        under.approve(number, HEAD)
        under.drive(number)
        rule = "au.removal_24h"
        rows = [row for row in au.tells("clock", "list", number) if row["rule"] == rule]
        assert [row["notice"] for row in rows] == [f"{number}/S1", f"{number}/S2"]
        more = (
            "clock", "extend", number, rule, "--until", "2026-03-19 20:00", "--as", HEAD,
            "--reason", "The provider asked for five hours more.",
        )  # fmt: skip
        assert f"Name one with --notice: {number}/S1, {number}/S2." in au.refuses(*more)
        assert "is extended; due" in au.says(*more, "--notice", f"{number}/s2")
        due = {row["notice"]: row["due_at"] for row in au.tells("clock", "list", number) if row["rule"] == rule}
        assert due[f"{number}/S2"] == "2026-03-19T20:00:00+11:00" > due[f"{number}/S1"]
    under.close()


def test_more_time_is_given_in_local_time(desk: AtTheDesk) -> None:
    number = desk.in_review(**bullied())
    assert desk.tells(*_extend("2026-03-30 18:30", number)) == {
        "case": number, "rule": GROUP, "due_at": "2026-03-30T18:30:00+05:00",
    }  # fmt: skip
    assert "[clock.extension_times]" in desk.refuses(*_extend("2026-03-31 18:30", number))
    [letter] = desk.tells("letters", "list", "--case", number, "--kind", "extension_notice")
    assert letter["state"] == "queued"


@pytest.mark.parametrize(
    ("until", "sentence"),
    [
        ("2026-03-30", "has no time of day: write it as 2026-03-30 14:30"),
        ("next Monday", "is no date and time"),
        ("2026-03-30 18:30+06:00", "has not the offset of Asia/Almaty at that time"),
    ],
)
def test_a_time_that_cannot_be_read_is_refused_with_a_sentence(desk: AtTheDesk, until: str, sentence: str) -> None:
    number = desk.in_review(**bullied())
    said = desk.refuses(*_extend(until, number))
    assert sentence in said
    assert said.startswith("--until: ")
    assert "[time.unusable]" in said
    assert desk.story.events(number, "clock.extended") == []


def _in_berlin(authority: Any) -> None:
    authority["zone"] = "Europe/Berlin"


def _works_in_berlin(calendar: Any) -> None:
    calendar["calendars"][0]["zone"] = "Europe/Berlin"


@pytest.mark.parametrize(
    ("until", "sentences"),
    [
        ("2026-03-29 02:30", ["does not exist in Europe/Berlin", "2026-03-29 03:00"]),
        ("2026-10-25 02:30", ["comes twice in Europe/Berlin", "02:30:00+02:00", "02:30:00+01:00"]),
    ],
)
def test_a_local_time_that_the_clock_skips_or_shows_twice_is_refused(
    desk: AtTheDesk, tmp_path: Path, until: str, sentences: list[str]
) -> None:
    moved = desk.story.with_settings(
        pack=changed_pack(tmp_path, "2026-12", authority=_in_berlin, calendar=_works_in_berlin)
    )
    with runtime.use(moved.runtime):
        number = replace(desk, story=moved).in_review(**bullied())
        said = desk.refuses(*_extend(until, number))
        assert all(sentence in said for sentence in sentences), said
        assert desk.story.events(number, "clock.extended") == []
        said = desk.refuses(
            "expert", "record", number, "--reference", "1", "--present", "one,two,three", "--in-favour", 3,
            "--reasons", "The posts humiliate one pupil.", "--decided-at", until, "--as", "gulnara",
        )  # fmt: skip
        assert said.startswith("--decided-at: ")
    moved.close()


def test_an_opinion_is_entered_and_read(desk: AtTheDesk) -> None:
    number = desk.in_review(**bullied())
    assert "[expert.none]" in desk.refuses("expert", "show", number)
    entered = desk.tells(
        "expert", "record", number, "--reference", "2026-12", "--present", "one,two, three", "--present", "four",
        "--conflict", "four", "--in-favour", 2, "--against", 1, "--dissent", "It is rude, and no bullying.",
        "--reasons", "The posts humiliate one pupil, by name.", "--decided-at", "2026-03-18 09:00", "--as", "gulnara",
    )  # fmt: skip
    assert entered == {"case": number, "reference": "2026-12", "confirmed": True}
    shown = desk.tells("expert", "show", number)
    assert (shown["present"], shown["conflicted"]) == (["one", "two", "three", "four"], ["four"])
    assert (shown["in_favour"], shown["against"], shown["confirmed"]) == (2, 1, True)
    page = desk.says("expert", "show", number)
    assert "confirmed by kz.expert_group_on_cyberbullying, record 2026-12" in page
    assert "Dissent: It is rude, and no bullying." in page
    desk.story.move(number, Action.APPROVE, REVIEWER, basis=tuple(desk.story.runtime.pack.category("csam").basis))


def test_an_opinion_that_does_not_count_is_refused_in_one_line(desk: AtTheDesk) -> None:
    number = desk.in_review(**bullied())
    record = ("expert", "record", number, "--reference", "2026-12", "--reasons", "The posts humiliate one pupil.")
    said = desk.refuses(*record, "--present", "one,two", "--in-favour", 2, "--as", "gulnara")
    assert "the quorum is 3" in said
    assert "nothing was written" in said
    said = desk.refuses(*record, "--present", "one,two,three", "--in-favour", 3, "--as", "daniyar")
    assert "is entered by expert_chair or head_of_unit; daniyar is not" in said
    assert len(desk.story.all(Clock)) == 3

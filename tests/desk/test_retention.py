"""Retention at the desk: what is held, what would go, what went and why."""

from __future__ import annotations

import pytest

from casework.vocabulary import Action
from tasks import retention
from tests.desk.conftest import AtTheDesk
from tests.stories import AUDITOR, HEAD, REVIEWER

WHY = ("--reason", "Proceedings are announced.")


@pytest.fixture
def number(desk: AtTheDesk) -> str:
    """A declined case whose people and raw reports the pack no longer keeps."""
    found = desk.in_review()
    desk.story.move(found, Action.DECLINE, REVIEWER)
    desk.story.send_letters()
    desk.story.later(days=366)
    return found


def test_a_hold_is_placed_listed_and_lifted_by_somebody_else(desk: AtTheDesk, number: str) -> None:
    assert f"{number} is held (hold 1)" in desk.says("hold", "place", number, "--as", REVIEWER, *WHY)
    [row] = desk.tells("hold", "list")
    assert (row["case"], row["placed_by"], row["reason"], row["lifted_by"]) == (number, REVIEWER, WHY[1], None)
    assert "[hold.two_people]" in desk.refuses("hold", "lift", number, "--as", REVIEWER, *WHY)
    assert "[actor.not_allowed]" in desk.refuses("hold", "lift", number, "--as", AUDITOR, *WHY)
    assert "is lifted" in desk.says("hold", "lift", number, "--as", HEAD, *WHY)
    assert desk.tells("hold", "list") == []
    assert [row["lifted_by"] for row in desk.tells("hold", "list", number)] == [HEAD]


def test_a_dry_run_names_what_would_go_and_what_is_kept(desk: AtTheDesk, number: str) -> None:
    told = desk.tells("retention", "run", "--dry-run")
    assert (told["due"], told["erased"], told["rows"]) == (1, 0, {"report": 1, "party": 1})
    desk.says("hold", "place", number, "--as", REVIEWER, *WHY)
    assert f"Kept: {number} is under a legal hold." in desk.says("retention", "run", "--dry-run")


def test_what_was_erased_is_shown_with_the_rule_and_the_day(desk: AtTheDesk, number: str) -> None:
    assert "1 due; 1 erased." in desk.says("retention", "run")
    said = desk.says("retention", "show", number)
    assert "party: 1 row(s) erased on 2027-03-19" in said
    assert "under party: 12 months; source: unsourced (not verified)" in said
    assert {row["record"] for row in desk.tells("retention", "show", number)} == {"raw_report", "party"}
    assert "Erased: raw report, party." in desk.says("case", "show", number)


def test_a_large_erasure_waits_for_the_head_of_the_unit(
    desk: AtTheDesk, number: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CONFIRM_ABOVE", 0)
    assert "wait for a person" in desk.says("retention", "run")
    assert desk.tells("retention", "show", number) == []
    assert "[actor.not_allowed]" in desk.refuses("retention", "confirm", "--as", REVIEWER, *WHY)
    assert desk.says("retention", "confirm", "--as", HEAD, *WHY) == "The next run may erase from 1.\n"
    assert desk.tells("retention", "run")["erased"] == 1


def test_pages_of_a_case_whose_file_was_erased_still_open_and_say_so(desk: AtTheDesk, number: str) -> None:
    desk.story.later(days=4 * 366)
    letter = desk.story.letters(number)[0]
    desk.says("retention", "run")
    for words in (("case", "show", number), ("letters", "list"), ("cases",)):
        desk.says(*words)
    assert "erased" in desk.refuses("letters", "show", letter.id, "--as", REVIEWER)

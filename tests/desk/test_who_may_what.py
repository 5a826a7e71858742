"""The desk refuses in one line: who, which case, by what rule, and what to do next."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.desk.conftest import AtTheDesk
from tests.stories import NECESSITY, REASON, portal_link

APPROVE = "import sys; from desk.main import app; app(sys.argv[1:])"


def test_an_unknown_person_decides_nothing(desk: AtTheDesk) -> None:
    number = desk.in_review()
    said = desk.refuses("review", "approve", number, "--as", "stranger", "--reason", REASON)
    assert "stranger" in said
    assert "[actor.unknown]" in said
    assert "users.yaml" in said


def test_the_intake_person_may_not_approve(desk: AtTheDesk) -> None:
    number = desk.in_review()
    said = desk.refuses("review", "approve", number, "--as", "aigerim", "--reason", REASON)
    assert number in said
    assert "[actor.not_allowed]" in said


def test_a_refusal_names_case_rule_and_next_step(desk: AtTheDesk) -> None:
    number = desk.in_review()
    said = desk.refuses("review", "approve", number, "--as", "daniyar", "--reason", "no")
    assert said == (
        f"{number}: 'approve' needs a reason [review.reason_missing]"
        " Give it with --reason, in a sentence that would hold in court."
    )


def test_a_case_nobody_has_is_refused_whatever_is_asked(desk: AtTheDesk) -> None:
    for words in (
        ("case", "show"),
        ("review", "show"),
        ("explain", "due"),
        ("explain", "priority"),
        ("explain", "next"),
        ("explain", "why-not"),
    ):
        said = desk.refuses(*words, "KZ-2026-999999")
        assert said == "KZ-2026-999999: there is no case with this number [case.not_found] See 'qorgan cases'."


def test_a_move_that_the_lifecycle_does_not_know_says_from_where_it_is_possible(desk: AtTheDesk) -> None:
    number = desk.story.take_in()
    said = desk.refuses("review", "approve", number, "--as", "daniyar", "--reason", REASON)
    assert f"{number}: 'approve' is not possible from 'received'" in said
    assert "in_legal_review" in said


def test_of_two_reviewers_one_wins(desk: AtTheDesk) -> None:
    """In two processes at the same moment, as at two desks."""
    number = desk.in_review()
    at_once = [
        subprocess.Popen(
            [sys.executable, "-c", APPROVE, "review", "approve", number, "--as", person, "--reason", REASON],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
        )
        for person in ("daniyar", "saule")
    ]  # fmt: skip
    said = [process.communicate(timeout=60) for process in at_once]
    assert sorted(process.returncode for process in at_once) == [0, 1], said
    [refusal] = [err for (_, err), process in zip(said, at_once, strict=True) if process.returncode == 1]
    assert number in refusal
    assert "lifecycle." in refusal
    assert [review["verdict"] for review in desk.tells("case", "show", number)["reviews"]] == ["approved"]


def test_political_speech_takes_two_reviewers_and_a_note(desk: AtTheDesk) -> None:
    number = desk.in_review(category="political_events", age_band="nobody")
    basis = ("--basis", "kz.communications.41-1.1.events")
    alone = ("--as", "daniyar", "--reason", REASON, *basis)
    assert "review.proportionality_missing" in desk.refuses("review", "approve", number, *alone)
    assert "review.second_reviewer" in desk.refuses("review", "approve", number, *alone, "--proportionality", NECESSITY)
    desk.says("review", "endorse", number, *alone, "--proportionality", NECESSITY)
    assert desk.tells("review", "next", "--as", "daniyar") is None
    assert desk.tells("review", "next", "--as", "saule")["number"] == number
    second = ("--as", "saule", "--reason", REASON, *basis, "--proportionality", NECESSITY)
    assert desk.tells("review", "approve", number, *second)["status"] == "approved"


def test_going_below_the_computed_priority_takes_a_second_person(desk: AtTheDesk) -> None:
    number = desk.in_review()
    lower = ("case", "priority", number, "P4", "--as", "aigerim", "--reason", "It is an opinion.")
    assert "priority.two_people" in desk.refuses(*lower)
    assert "priority.two_people" in desk.refuses(*lower, "--confirmed-by", "aigerim")
    assert desk.tells(*lower, "--confirmed-by", "marat")["priority"] == "P4"
    assert "confirmed by marat" in desk.says("explain", "priority", number)


def test_only_some_may_open_a_letter(desk: AtTheDesk) -> None:
    desk.story.take_in()
    desk.says("letters", "send")
    said = desk.refuses("letters", "show", "1", "--as", "olzhas")
    assert "olzhas may not open it" in said
    desk.says("letters", "show", "1", "--as", "dina")


def test_only_an_officer_records_what_a_portal_said(desk: AtTheDesk) -> None:
    notice = f"{desk.at_the_portal()}/S1"
    assert "[actor.not_allowed]" in desk.refuses("submission", "record-reference", notice, "CRS-1", "--as", "dina")
    assert desk.tells("submission", "record-reference", notice, "CRS-1", "--as", "aigerim")["status"] == "submitted"
    told = desk.tells("submission", "record-outcome", notice, "1", "removed_globally", "--as", "aigerim")
    assert told["status"] == "submitted"
    desk.says("drive")
    assert desk.tells("case", "show", notice.partition("/")[0])["disposition"] == "action_taken"


def test_a_merge_that_would_lose_an_item_is_refused(desk: AtTheDesk) -> None:
    one, other = desk.in_review(), desk.in_review(links=[portal_link()])
    words = ("case", "merge", one, "--as", "aigerim", "--reason", "The same matter twice.")
    assert "[merge.items_lost]" in desk.refuses(*words, "--into", other)
    assert "[case.not_found]" in desk.refuses(*words, "--into", "KZ-2026-999999")
    assert "[merge.target_missing]" in desk.refuses(*words, "--into", one)
    assert desk.tells(*words, "--into", other, "--same-content")["status"] == "merged"
    assert "[merge.target_ended]" in desk.refuses(
        "case", "merge", other, "--into", one, "--as", "aigerim", "--reason", "And back.", "--same-content"
    )


def test_a_reopened_case_waits_for_the_platform_again(desk: AtTheDesk) -> None:
    number = desk.at_the_portal()
    for word in ("record-reference", "CRS-1"), ("record-outcome", "1", "no_action"):
        desk.says("submission", word[0], f"{number}/S1", *word[1:], "--as", "aigerim")
    desk.says("drive")
    desk.says("case", "reopen", number, "--as", "nurlan", "--reason", "The content is back.")
    desk.says("drive")
    desk.says("review", "approve", number, "--as", "saule", "--reason", REASON)
    desk.says("drive")
    desk.says("submission", "record-reference", f"{number}/S2", "CRS-2", "--as", "aigerim")
    desk.says("drive")
    assert desk.tells("case", "show", number)["waits_for"] == "Awaiting platform"


@pytest.mark.parametrize("word", ["supply", "amend"])
def test_nothing_supplied_is_refused(desk: AtTheDesk, word: str) -> None:
    number = desk.in_review()
    assert "[case.nothing_supplied]" in desk.refuses("case", word, number, "--as", "aigerim", "--reason", REASON)


def test_a_check_nobody_knows_is_a_matter_of_usage(desk: AtTheDesk) -> None:
    number = desk.in_review()
    words = ("review", "return", number, "--as", "daniyar", "--reason", REASON)
    assert desk.run(*words, "--missing", "wisdom").exit_code == 2
    assert desk.tells(*words, "--missing", "quote")["waits_for"] == "Awaiting reporter"
    assert desk.tells("case", "supply", number, "--as", "aigerim", "--quote", "Its own words.")["status"] == "triaged"

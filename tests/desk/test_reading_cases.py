"""What the desk shows: everything on the record, no link that can be clicked, nobody's identity."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from desk.output import harmless
from tests.desk.conftest import AtTheDesk
from tests.stories import REASON, in_danger, portal_link, report

CLICKABLE = re.compile(r"https?://|www\.[a-z]|tiktok\.com|facebook\.com", re.IGNORECASE)
SAID = "Он пишет https://www.tiktok.com/@x/video/1 и www.tiktok.com/@x, приходите."


@pytest.fixture
def number(desk: AtTheDesk) -> str:
    """A case with links in every text a reporter can write."""
    return desk.in_review(description=SAID, quote=SAID, why_unlawful=SAID, policy_line=SAID, legal_basis=[SAID])


@pytest.mark.parametrize("words", [("case", "show"), ("review", "show"), ("explain", "next"), ("explain", "priority")])
def test_no_link_can_be_clicked(desk: AtTheDesk, number: str, words: tuple[str, str]) -> None:
    assert not CLICKABLE.search(desk.says(*words, number))
    assert not CLICKABLE.search(desk.says(*words, number, "--json"))


def test_a_link_is_shown_defanged(desk: AtTheDesk, number: str) -> None:
    [item] = desk.tells("case", "show", number)["items"]
    assert item["link"].startswith("hxxps://www[.]tiktok[.]com/@practice/video/")


def test_no_page_names_the_reporter(desk: AtTheDesk, number: str) -> None:
    desk.says("letters", "send")
    for words in (
        ("case", "show", number),
        ("review", "show", number),
        ("letters", "list"),
        ("letters", "show", 1, "--as", "dina"),
    ):
        said = desk.says(*words) + desk.says(*words, "--json")
        assert "Practice Reporter" not in said
        assert "reporter@mail.example" not in said


def test_a_long_name_in_a_letter_is_struck_out_too(desk: AtTheDesk) -> None:
    name = "Құралай Бауыржанқызы Тестова-Практикова из Петропавловска"
    desk.story.take_in(reporter={"name": name, "email": "k.testova@mail.example"})
    desk.says("letters", "send")
    said = desk.says("letters", "show", 1, "--as", "dina", "--json")
    assert "Тестова" not in said
    assert "testova" not in said
    assert "[the reporter]" in said


def test_opening_a_letter_and_a_dossier_is_on_the_record(desk: AtTheDesk) -> None:
    number = desk.at_the_portal()
    desk.says("letters", "send")
    desk.says("letters", "show", 1, "--as", "dina")
    desk.says("submission", "dossier", f"{number}/S1", "--as", "aigerim")
    done = {(event["kind"], event["by"]) for event in desk.tells("case", "show", number)["timeline"]}
    assert {("letter.opened", "dina"), ("dossier.opened", "aigerim")} <= done


def test_a_dossier_has_the_real_link_and_a_warning(desk: AtTheDesk) -> None:
    said = desk.says("submission", "dossier", f"{desk.at_the_portal()}/S1", "--as", "aigerim")
    assert said.startswith("REAL LINKS BELOW")
    assert "https://www.facebook.com/groups/practice/posts/" in said


def test_a_dossier_as_json_is_exactly_what_legal_approved(desk: AtTheDesk) -> None:
    number = desk.at_the_portal()
    payload = desk.run("submission", "dossier", f"{number}/S1", "--as", "aigerim", "--json").stdout_bytes
    [notice] = desk.tells("case", "show", number)["submissions"]
    assert hashlib.sha256(payload).hexdigest() == notice["payload_sha256"]


def test_a_terminal_obeys_nothing_that_a_reporter_wrote(desk: AtTheDesk) -> None:
    number = desk.in_review(description="\u001b]0;owned\u0007\u001b[2J \u202egnp.exe [bold]loud[/bold]")
    said = desk.says("review", "show", number)
    assert "\u001b" not in said
    assert "\u202e" not in said
    assert "[bold]loud[/bold]" in said


def test_the_review_sheet_has_everything_for_a_decision(desk: AtTheDesk) -> None:
    number = desk.in_review(category="political_events", age_band="nobody", links=[portal_link()])
    sheet = desk.tells("review", "next", "--as", "daniyar")
    assert sheet["number"] == number
    assert sheet["said"]["quote"]
    assert 0 < sheet["gate"]["score"] <= 100
    assert "kz.communications.41-1.1.events" in {basis["code"] for basis in sheet["allowed_basis"] if basis["usual"]}
    assert any("two reviewers" in warning for warning in sheet["warnings"])
    assert {"approve", "decline", "return"} <= set(sheet["possible"])


def test_a_reviewer_is_shown_the_most_urgent_case_first(desk: AtTheDesk) -> None:
    desk.in_review()
    urgent = desk.in_review(**in_danger())
    assert desk.tells("review", "next", "--as", "daniyar")["number"] == urgent
    assert any("P0" in warning for warning in desk.tells("review", "show", urgent)["warnings"])


def test_an_overdue_case_says_so(desk: AtTheDesk, number: str) -> None:
    desk.story.later(days=30)
    assert desk.tells("case", "show", number)["overdue"] is True
    assert "OVERDUE" in desk.says("case", "show", number)
    assert "OVERDUE" in desk.says("cases")


def test_times_are_local_with_their_offset(desk: AtTheDesk, number: str) -> None:
    assert "2026-03-18 09:00 +05:00" in desk.says("case", "show", number)
    assert desk.tells("case", "show", number)["received_at"] == "2026-03-18T09:00:00+05:00"


def test_cases_are_filtered(desk: AtTheDesk) -> None:
    plain, urgent = desk.story.take_in(), desk.in_review(**in_danger())
    assert [case["number"] for case in desk.tells("cases")] == [urgent, plain]
    assert [case["number"] for case in desk.tells("cases", "--status", "received")] == [plain]
    assert [case["number"] for case in desk.tells("cases", "--priority", "P0")] == [urgent]
    assert [case["number"] for case in desk.tells("cases", "--limit", "1")] == [urgent]


def test_the_timeline_is_sentences(desk: AtTheDesk, number: str) -> None:
    desk.says("review", "decline", number, "--as", "daniyar", "--reason", REASON)
    said = [event["said"] for event in desk.tells("case", "show", number)["timeline"]]
    assert said[0].startswith("Received as report 1 with 1 item; fraud, P3")
    assert said[-1] == "Decline, in legal review → declined; ended as not unlawful."


LISTINGS = (
    ("cases",), ("submission", "list"), ("escalation", "list"), ("letters", "list"), ("held", "list"),
    ("held", "list", "--settled"), ("audit", "invariants"), ("audit", "verify"), ("sweep", "--dry-run"), ("sweep",),
    ("drive",), ("collect",), ("letters", "send"), ("policy", "check"),
)  # fmt: skip


@pytest.mark.parametrize("words", LISTINGS, ids=" ".join)
def test_every_listing_speaks_json_and_nothing_else(desk: AtTheDesk, words: tuple[str, ...]) -> None:
    desk.at_the_portal()
    desk.story.hand_in(report(links=[]))
    desk.tells(*words)
    assert desk.says(*words)


def test_a_preview_stores_and_sends_nothing(desk: AtTheDesk, number: str) -> None:
    before = desk.tells("letters", "list")
    told = desk.tells("letters", "preview", "information_request", number, "--language", "kk")
    assert number in told["subject"]
    assert "[the reporter]" in told["text"]
    assert "<html" in desk.says("letters", "preview", "information_request", number, "--html")
    assert desk.tells("letters", "list") == before
    assert desk.run("letters", "preview", "love_letter", number).exit_code == 2


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Suicide and self-harm: imminent risk", "Suicide and self-harm: imminent risk"),
        ("see https://a.example/p.html now", "see hxxps://a[.]example/p.html now"),
        ("t.me/abc", "t[.]me/abc"),
        ("HTTPS://A.EXAMPLE,http://b.example", "hxxps://A[.]EXAMPLE,hxxp://b[.]example"),
        ("https://a.example/?u=http://b.example", "hxxps://a[.]example/?u=hxxp://b[.]example"),
        ("https://a.examplehttp://b.example/", "hxxps://a[.]examplehttp[:]//b[.]example/"),
        ("kz.platform_law.9.4, answered 250 2.0.0", "kz.platform_law.9.4, answered 250 2.0.0"),
    ],
)
def test_words_stay_readable_and_links_lose_their_teeth(text: str, shown: str) -> None:
    assert harmless(text) == shown


def test_json_keeps_its_letters(desk: AtTheDesk, number: str) -> None:
    assert "Он пишет" in desk.says("review", "show", number, "--json")
    assert json.loads(desk.says("review", "show", number, "--json"))["said"]["quote"].startswith("Он пишет")

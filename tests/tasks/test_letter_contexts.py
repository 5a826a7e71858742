"""From rows to what a letter may say: the facts of one case, and the rows of a letter about several."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from casework.letter_context import LetterContext
from casework.letters import LETTERS
from casework.sealed import Unprintable
from db.tables import Letter
from tasks.letter_contexts import letter_context
from tasks.sla_sweep import sweep
from tests.stories import SQLITE_ONLY, Story, bullied, in_danger

pytestmark = SQLITE_ONLY

LAW = {"category": "gambling_advertising"}
PAGE = "https://answers.ministry.example"


@pytest.fixture
def served(story: Story) -> Iterator[Story]:
    """An installation that serves the page of acknowledgements."""
    other = story.with_settings(acknowledge_url=PAGE)
    yield other
    other.close()


def context_of(story: Story, letter: Letter) -> LetterContext:
    with story.runtime.sessions.read() as session:
        return letter_context(session, story.runtime, letter, "")


def intended(story: Story, kind: str, number: str | None, language: str = "en", **said: Any) -> Letter:
    """A letter as an intent, which nobody stores."""
    case_id = None if number is None else story.case(number).id
    role = LETTERS[kind].recipient.value
    return Letter(
        id=77, case_id=case_id, kind=kind, recipient=role, contact=role, language=language, context=said,
        created_at=story.clock(),
    )  # fmt: skip


def escalated(story: Story) -> str:
    """A case on whose second rung the liaison is written to."""
    number = story.submitted(**LAW)
    for hours in (24, 4):
        story.clock.advance(hours=hours)
        sweep(story.runtime)
    assert [rung.rung for rung in story.escalations(number)] == [1, 2]
    return number


def test_a_rungs_letter_carries_a_link_only_where_the_page_is_served(story: Story, served: Story) -> None:
    number = escalated(story)
    [letter] = story.letters(number, "liaison_escalation")
    plain, linked = context_of(story, letter), context_of(served, letter)
    assert (plain["ack_link"], plain["ack_link_until"]) == ("", None)
    assert linked["ack_link"].startswith(f"{PAGE}/acknowledge/")
    assert linked["ack_link_until"] is not None
    assert linked["ack_link_until"]["utc"].endswith("UTC")
    assert context_of(served, intended(story, "closure", number))["ack_link"] == ""


def test_a_reporters_name_and_address_never_come_out_of_the_vault_into_a_context(story: Story) -> None:
    number = story.take_in()
    made = context_of(story, story.letters(number, "receipt")[0])
    assert bool(made["reporter_name"])
    assert bool(made["reporter_address"])
    with pytest.raises(Unprintable):
        str(made["reporter_name"])
    assert story.events(number, "vault.opened") == []
    anonymous = story.take_in(reporter={}, links=["https://www.tiktok.com/@other/video/7999999999999999999"])
    made = context_of(story, intended(story, "closure", anonymous))
    assert not made["reporter_name"]
    assert not made["reporter_address"]


@pytest.mark.parametrize(
    ("language", "group"),
    [
        ("en", "Expert group on facts of cyberbullying of a child"),
        ("ru", "Экспертная группа по фактам кибербуллинга в отношении ребенка"),
        ("kk", "Балаға қатысты кибербуллинг фактілері жөніндегі сараптама тобы"),
    ],
)
@pytest.mark.parametrize("named", [True, False], ids=["named by the letter", "by the case's instrument"])
def test_a_letter_to_the_experts_names_their_group_in_its_language(
    story: Story, language: str, group: str, named: bool
) -> None:
    number = story.take_in(**bullied(instrument="prescription"))
    said = {"expert_group": "kz.expert_group_on_cyberbullying"} if named else {}
    assert context_of(story, intended(story, "expert_referral", number, language, **said))["expert_group"] == group


@pytest.mark.parametrize(
    ("mark", "language", "said"),
    [
        ("80%", "en", "80 % of the time has passed"),
        ("-6h", "en", "6 h before it is due"),
        ("50%", "kk", "мерзімнің 50 % өтті"),
        ("-1h", "ru", "до истечения срока 1 ч."),
    ],
)
def test_a_threshold_is_said_in_words(story: Story, mark: str, language: str, said: str) -> None:
    number = story.take_in()
    clock = story.clocks(number)[0]
    letter = intended(story, "deadline_warning", number, language, threshold=mark, clock=clock.id)
    made = context_of(story, letter)
    assert made["threshold"] == said
    assert made["duty_name"]
    assert made["deadline"] is not None


def test_a_letter_that_is_about_no_duty_names_none(story: Story) -> None:
    number = story.take_in()
    assert context_of(story, intended(story, "closure", number, clock=story.clocks(number)[0].id))["duty_name"] == ""


def test_a_failed_letter_is_told_by_number_role_and_the_servers_words(story: Story) -> None:
    number = story.take_in()
    failed = {"letter": 12, "kind": "closure", "recipient": "reporter", "words": "550 5.1.1 unknown"}
    made = context_of(story, intended(story, "address_request", number, "ru", failed=failed))
    assert made["failed"] == {
        "letter_number": f"{number}/L12",
        "kind": "письмо о результате",
        "recipient": "заявитель",
        "words": "550 5.1.1 unknown",
    }


def test_our_answer_is_what_was_frozen_else_what_the_lawyer_wrote_last(story: Story) -> None:
    number = story.submitted(**LAW)
    written = story.reviews(number)[-1].reason
    assert context_of(story, intended(story, "platform_answer", number))["answer"] == written
    assert context_of(story, intended(story, "platform_answer", number, answer="Yes."))["answer"] == "Yes."
    assert context_of(story, intended(story, "platform_notice", number))["answer"] == ""


# Letters about several cases ------------------------------------------------------------------------------


def bundled(story: Story, kind: str, language: str, members: list[Letter], **said: Any) -> Letter:
    """A digest that is stored, with these letters as its lines."""
    with story.runtime.sessions.write.begin() as session:
        digest = Letter(
            case_id=None, kind=kind, recipient=LETTERS[kind].recipient.value, contact=members[0].contact,
            language=language, once_key=f"{kind}:test", promise=LETTERS[kind].promise.value, urgent=False,
            context=said, state="queued", created_at=story.clock(),
        )  # fmt: skip
        session.add(digest)
        session.flush()
        for member in members:
            session.get_one(Letter, member.id).digest_id = digest.id
    return digest


def test_a_digest_tells_of_each_letter_what_it_asks_since_when_due_when_and_how_late(served: Story) -> None:
    first = escalated(served)
    story, second = served, served.submitted(**LAW, links=["https://www.tiktok.com/@other/video/7999999999999999999"])
    for hours in (24, 4):
        story.clock.advance(hours=hours)
        sweep(story.runtime)
    members = [story.letters(number, "liaison_escalation")[0] for number in (second, first)]
    receipt = story.letters(first, "receipt")[0]
    made = context_of(story, bundled(story, "digest", "en", [*members, receipt]))
    *late, undated = made["rows"]
    assert [row["case_number"] for row in late] == [first, second], "the longest overdue first"
    assert (undated["letter_number"], undated["due"]) == (f"{first}/L{receipt.id}", None)
    row = late[0]
    assert row["letter_number"] == f"{first}/L{members[1].id}"
    assert row["what"].startswith("Please acknowledge"), "the letter's own subject, without the number"
    assert row["rung"] == 2
    assert row["due"] is not None
    assert row["overdue"] == "32 h 0 min"
    assert row["since"]["utc"] < row["due"]["utc"]
    assert {row["ack_link"][: len(PAGE)] for row in late} == {PAGE}
    assert len({row["ack_link"] for row in late}) == 2
    assert made["period_from"] is not None
    assert made["period_to"] is not None
    assert made["case_number"] == ""
    assert made["letter_number"].startswith("KZ/L")
    russian = context_of(story, bundled(story, "unit_digest", "ru", members))
    assert russian["rows"][0]["what"].startswith("Просим подтвердить получение")
    assert first not in russian["rows"][0]["what"]
    assert russian["rows"][0]["overdue"] == "32 ч 0 мин"


def test_a_digest_of_letters_that_nothing_is_due_for_tells_since_when_only(story: Story) -> None:
    [one] = story.hand_in(in_danger())
    assert one.case_number is not None
    alert = story.letters(one.case_number, "duty_alert")[0]
    story.clock.advance(minutes=30)
    [row] = context_of(story, bundled(story, "unit_digest", "ru", [alert]))["rows"]
    assert (row["due"], row["overdue"], row["ack_link"]) == (None, "", "")
    assert row["since"]["utc"] == f"{alert.created_at:%Y-%m-%d %H:%M} UTC"


def test_a_weekly_summary_says_in_its_language_what_was_frozen(story: Story) -> None:
    now = story.clock()
    row = {
        "case": "KZ-2026-000007", "letter": "KZ-2026-000007/L3", "what": "liaison_escalation",
        "since": (now - timedelta(days=3)).isoformat(), "due": (now - timedelta(hours=2, minutes=5)).isoformat(),
        "rung": 2, "state": "overdue",
    }  # fmt: skip
    waiting = {**row, "due": None, "state": "running", "rung": 0}
    letter = intended(
        story, "liaison_weekly", None, "kk",
        rows=[row, waiting], counts={"open": 2, "overdue": 1}, platform="tiktok",
        period_from=(now - timedelta(days=7)).isoformat(), period_to=now.isoformat(),
    )  # fmt: skip
    made = context_of(story, letter)
    late, other = made["rows"]
    assert (late["what"], late["state"], late["overdue"]) == ("өңірлік өкілге хат", "мерзімі өтті", "2 сағат 5 минут")
    assert (other["due"], other["overdue"], other["state"]) == (None, "", "жауап күтілуде")
    assert [(count["label"], count["count"]) for count in made["counts"]] == [
        ("жауап күтіп тұрған істер", 2),
        ("мерзімі өткен істер", 1),
    ]
    assert made["platform"] == "TikTok"
    assert made["period_to"] is not None
    assert made["period_to"]["utc"] == f"{now:%Y-%m-%d %H:%M} UTC"

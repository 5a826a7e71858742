"""What was seen outside is held against the case file: each difference is found and named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from db.tables import Letter
from desk.seen_outside import at_platform, in_mailbox, told_by_platform
from tasks.collect_outcomes import collect
from tasks.outside import (
    AtPlatform,
    InMailbox,
    answers_recorded,
    canaries_nowhere,
    connected_only_to,
    no_reported_url_requested,
    once_outside,
)
from tests.stories import SQLITE_ONLY, Story


def seen(story: Story) -> tuple[list[AtPlatform], list[InMailbox]]:
    return list(at_platform(story.runtime)), list(in_mailbox(story.mailbox))


def broken(story: Story, notices: list[AtPlatform], mails: list[InMailbox]) -> str:
    return "; ".join(check.detail for check in once_outside(story.runtime, notices, mails) if not check.holds)


def test_what_left_the_house_is_what_the_case_file_says_on_both_databases(story: Story) -> None:
    story.submitted()
    story.at_portal()
    story.mailbox.drop_after_data_next = 1
    story.send_letters()
    story.later(minutes=20)
    story.send_letters()
    notices, mails = seen(story)
    assert (len(notices), len(mails) > len({mail.letter for mail in mails})) == (1, True)
    assert broken(story, notices, mails) == ""


def test_an_answer_that_is_not_on_the_record_is_named(story: Story) -> None:
    number = story.submitted()
    story.answer(number, "removed_globally")
    collect(story.runtime)
    [told] = told_by_platform(story.runtime.channels["api"])
    strangers = [
        replace(told, item="9"),
        replace(told, reference="PP-9"),
        replace(told, submission="XX-0000-000000/S0"),
    ]
    assert answers_recorded(story.runtime, [told, *strangers]).detail == "1 answers"
    missing = answers_recorded(story.runtime, [replace(told, answer_id="A-9")])
    assert (missing.holds, missing.detail) == (False, f"{number}/S1: answer A-9 about item 1 is not on the record")
    story.execute("UPDATE submission SET platform_reference = NULL, state = 'sending'")
    story.execute("DELETE FROM item_outcome")
    assert not answers_recorded(story.runtime, [told]).holds, "a receipt that we do not have makes it no stranger"


@SQLITE_ONLY
def test_a_difference_at_the_platform_is_named(story: Story) -> None:
    number = story.submitted()
    story.approved()
    [notice], mails = seen(story)
    queued = story.submissions("KZ-2026-000002")[0]
    waiting = AtPlatform(queued.number, queued.idempotency_key, "PP-9", queued.payload_sha256)
    told = {
        f"{number}/S1 is 'sent', and the platform does not have it": [],
        "2 notices under 1 keys": [notice, notice],
        f"{number}/S1: the platform has something else": [replace(notice, sha256="ab")],
        f"{number}/S1: the platform's reference is another": [replace(notice, reference="PP-9")],
        "KZ-2026-000002/S1 is 'queued', and the platform has it": [notice, waiting],
        "the platform has 1 notices that we never made": [notice, replace(notice, key="none of ours")],
    }
    assert [said for said, notices in told.items() if said not in broken(story, notices, mails)] == []


@SQLITE_ONLY
def test_a_difference_in_a_mailbox_is_named(story: Story) -> None:
    story.take_in()
    story.send_letters()
    notices, [mail] = seen(story)
    other = replace(mail, sha256="ab")
    told = {
        f"letter {mail.letter} is 'sent', and nobody has it": [],
        f"letter {mail.letter} arrived with 2 texts": [mail, other],
        f"letter {mail.letter} arrived as another than was made": [other],
        f"letter {mail.letter} arrived 2 times": [mail, mail],
        "letter 99 arrived, and is none of ours": [mail, replace(mail, letter=99)],
    }
    assert [said for said, mails in told.items() if said not in broken(story, notices, mails)] == []


@SQLITE_ONLY
@pytest.mark.parametrize(("promise", "most"), [("at_least_once", 3), ("at_most_once", 1)])
def test_a_letter_arrives_as_often_as_its_kind_may_be_tried(story: Story, promise: str, most: int) -> None:
    story.take_in()
    for _attempt in range(3):
        story.mailbox.drop_after_data_next = 1
        story.send_letters()
        story.later(hours=3)
    story.execute("UPDATE letter SET promise = :promise", promise=promise)
    notices, mails = seen(story)
    assert len(mails) == story.all(Letter)[0].attempts == 3
    assert bool(broken(story, notices, mails)) is (most < 3)


def test_a_request_to_a_reported_link_a_strange_address_and_a_canary_are_found() -> None:
    assert no_reported_url_requested([]).holds
    assert not no_reported_url_requested(["www.tiktok.com"]).holds
    assert connected_only_to(["a", "b", "a"], ["a", "b", "c"]).holds
    assert connected_only_to(["a", "x"], ["a"]).detail == "1 strange addresses, the first x"
    canaries = {"name": "Канарейка", "link": "kanarka"}
    assert canaries_nowhere(canaries, {"the logs": "nothing", "a subject": ""}).holds
    assert canaries_nowhere(canaries, {"the logs": "said KANARKA"}).detail == "the link is in the logs"
    escaped = r"\u043a\u0430\u043d\u0430\u0440\u0435\u0439\u043a\u0430"
    assert canaries_nowhere(canaries, {"a table": escaped}).detail == "the name is in a table"

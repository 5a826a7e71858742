"""Threads, and letters that do not go now or not to whom they were meant for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from db.queries.letters import letters_of_thread
from db.tables import Letter
from tasks import letter_run
from tasks.contacts import Reached
from tasks.letter_message import REFERENCES, reply_to_of
from tasks.pacing import Pace
from tasks.record import transaction
from tests.stories import SQLITE_ONLY, Story, in_danger
from tests.tasks.digests import a_digest_of


def _written(story: Story, number: str, count: int) -> None:
    """More letters to the reporter of a case, one after the other."""
    pattern = story.letters(number, "receipt")[0]
    with transaction(story.runtime) as session:
        for place in range(1, count + 1):
            session.add(
                Letter(
                    case_id=pattern.case_id, kind="receipt", recipient=pattern.recipient, contact=pattern.contact,
                    language=pattern.language, once_key=f"test:{place}", promise=pattern.promise, urgent=False,
                    context=pattern.context, state="queued", created_at=story.clock() + timedelta(seconds=place),
                )
            )  # fmt: skip


@SQLITE_ONLY
def test_the_letters_about_one_case_to_one_recipient_are_one_thread(story: Story) -> None:
    number, other = story.take_in(), story.take_in()
    _written(story, number, REFERENCES + 4)
    story.send_letters()
    ids = [row.message_id for row in story.letters(number)]
    read = {str(kept.message["Message-ID"]): kept.message for kept in story.mail("reporter@mail.example")}
    first, second, last = read[str(ids[0])], read[str(ids[1])], read[str(ids[-1])]
    assert (first["In-Reply-To"], first["References"]) == (None, None), "the first letter starts it"
    assert (second["In-Reply-To"], second["References"]) == (ids[0], ids[0])
    assert last["In-Reply-To"] == ids[-2]
    assert str(last["References"]).split() == [ids[0], *ids[-REFERENCES - 1 : -1]], "the first, and the last ten"
    [elsewhere] = [row.message_id for row in story.letters(other)]
    assert read[str(elsewhere)]["References"] is None, "another case is another thread"
    assert first["Reply-To"] == last["Reply-To"] != read[str(elsewhere)]["Reply-To"]


@SQLITE_ONLY
def test_two_recipients_of_a_case_have_a_thread_each(story: Story) -> None:
    story.hand_in(in_danger())
    story.send_letters()
    assert len(story.mail()) > 2
    assert [kept.message["References"] for kept in story.mail()] == [None] * len(story.mail())
    assert len({kept.message["Reply-To"] for kept in story.mail()}) == len(story.mail())


@SQLITE_ONLY
def test_a_digest_is_a_thread_of_its_own_and_is_answered_to_the_plain_mailbox(story: Story) -> None:
    digest = a_digest_of(story, 2)
    story.send_letters()
    [kept] = [kept for kept in story.mail() if kept.message["X-Qorgan-Letter"] == str(digest.id)]
    assert (kept.message["In-Reply-To"], kept.message["References"], kept.message["X-Qorgan-Case"]) == (None,) * 3
    assert kept.message["Reply-To"] == story.runtime.pack.authority.email == reply_to_of(story.runtime, "", "unit")


@SQLITE_ONLY
def test_a_letter_is_found_in_its_own_thread_and_in_no_other(story: Story) -> None:
    number = story.take_in()
    story.send_letters()
    [row] = story.letters(number)
    with story.runtime.sessions.read() as session:
        assert [one.id for one in letters_of_thread(session, story.case(number).id, row.contact)] == [row.id]
        assert letters_of_thread(session, story.case(number).id, "police") == []


def _paced(story: Story, monkeypatch: pytest.MonkeyPatch, goes: Callable[[int, int], Pace]) -> None:
    """Decide by the letter's id and by how often it was asked about before."""
    asked: Counter[int] = Counter()

    def pace(session: Any, runtime: Any, letter: Letter, reached: Any, now: Any) -> Pace:
        asked[letter.id] += 1
        return goes(letter.id, asked[letter.id])

    monkeypatch.setattr(letter_run, "pace", pace)


def test_a_letter_that_is_held_waits_and_is_on_record_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    number, until = story.take_in(), story.clock() + timedelta(hours=8)
    _paced(story, monkeypatch, lambda _id, _times: Pace(story.clock() >= until, until, "not now"))
    assert (story.send_letters().held, story.send_letters().held) == (1, 0), "not looked at again before its time"
    [row] = story.letters(number)
    assert (row.state, row.attempts, row.next_attempt_at, row.held_because) == ("queued", 0, until, "not now")
    story.execute("UPDATE letter SET next_attempt_at = NULL")
    story.send_letters()
    assert len(story.events(number, "letter.held")) == 1
    story.clock.set(until)
    assert story.send_letters().sent == 1
    [row] = story.letters(number)
    assert (row.attempts, row.held_because) == (1, "")


@SQLITE_ONLY
def test_of_two_letters_to_one_address_the_second_is_asked_about_again_after_the_first(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = story.take_in(), story.take_in()
    [held] = story.letters(second)
    until = story.clock() + timedelta(hours=1)
    _paced(story, monkeypatch, lambda id_, times: Pace(id_ != held.id or times != 2, until, "cap"))
    result = story.send_letters()
    assert (result.sent, result.held) == (1, 1)
    assert [row.state for row in story.letters(first)] == ["sent"]
    [row] = story.letters(second)
    assert (row.state, row.held_because, row.attempts) == ("queued", "cap", 0)
    assert row.message_sha256 is None, "it may still become a line of a digest, or go to a deputy"
    story.clock.set(until)
    assert story.send_letters().sent == 1
    assert len(story.mail()) == 2


@SQLITE_ONLY
def test_a_letter_to_a_deputy_is_in_the_deputys_language_thread_and_name(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    deputy = Reached("liaison:instagram", "Deputy", "deputy@tiktok.example", "kk", None, "deputy: absent")
    monkeypatch.setattr(letter_run, "reach", lambda *_: deputy)
    number = story.take_in()
    story.send_letters()
    [row], [kept] = story.letters(number), story.mail()
    assert (row.contact, row.sent_to, row.language) == (row.contact, deputy.contact, "kk")
    assert row.contact != row.sent_to
    assert row.address_hash == story.runtime.vault.fingerprint(deputy.address)
    assert (kept.recipients, kept.message["Content-Language"]) == ((deputy.address,), "kk")
    assert kept.message["Reply-To"] == reply_to_of(story.runtime, number, deputy.contact)
    [event] = story.events(number, "letter.redirected")
    assert (event.data["sent_to"], event.data["because"]) == (deputy.contact, "deputy: absent")

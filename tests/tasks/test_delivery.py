"""What becomes of letters: threads, proof, digests, relays in every mood, and one bad letter among many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from casework.vocabulary import Action, MailKind, MailState
from db.queries.letters import letter_by_id, letter_by_message_id, letters_of_thread, members_of
from db.tables import InboundMail, Letter
from tasks import letter_run
from tasks.contacts import Reached
from tasks.correspondence import settle_letter
from tasks.delivery import ATTEMPTS, BACK_OFF, GIVEN_UP, REPEATS, prove, unproven
from tasks.letter_message import REFERENCES, reply_to_of
from tasks.pacing import Pace
from tasks.record import transaction
from tests.stories import INTAKE, REVIEWER, SQLITE_ONLY, Story, in_danger, report
from tests.tasks.digests import a_digest_of


def _now(story: Story, letter: Letter) -> Letter:
    with story.runtime.sessions.read() as session:
        found = letter_by_id(session, letter.id)
    assert found is not None
    return found


def _declined(story: Story) -> Letter:
    """An at-most-once letter that waits; nothing else does."""
    number = story.to_review()
    story.send_letters()
    story.move(number, Action.DECLINE, REVIEWER)
    return story.letters(number, "decline")[0]


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


# Threads


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
def test_a_letter_is_found_by_its_message_id_and_in_its_thread(story: Story) -> None:
    number = story.take_in()
    story.send_letters()
    [row] = story.letters(number)
    with story.runtime.sessions.read() as session:
        found = letter_by_message_id(session, str(row.message_id))
        assert (found and found.id) == row.id
        assert letter_by_message_id(session, "<somebody@else.example>") is None
        assert [one.id for one in letters_of_thread(session, story.case(number).id, row.contact)] == [row.id]
        assert letters_of_thread(session, story.case(number).id, "police") == []


# Proof


def _prove(story: Story, letter: Letter, at: datetime | None = None) -> None:
    with transaction(story.runtime) as session:
        found = letter_by_id(session, letter.id)
        assert found is not None
        prove(session, story.runtime, found, at or story.clock(), by="mail:7")


def test_an_unknown_letter_that_is_proven_is_sent_and_its_duty_is_done(story: Story) -> None:
    letter = _declined(story)
    story.mailbox.drop_after_data_next = 1
    story.send_letters()
    assert _now(story, letter).state == "unknown"
    story.later(hours=1)
    _prove(story, letter)
    row = _now(story, letter)
    assert (row.state, row.sent_at, row.delivered_at) == ("sent", story.clock(), story.clock())
    number = story.case(story.runtime.pack.authority.number_prefix + "-2026-000001").number
    assert len(story.events(number, "case.answered")) == 1
    story.later(hours=1)
    _prove(story, letter)
    assert _now(story, letter).delivered_at == story.clock() - timedelta(hours=1), "the first proof counts"
    assert [event.data["by"] for event in story.events(number, "letter.delivered")] == ["mail:7"]
    story.send_letters()
    assert len([kept for kept in story.mail() if kept.message["Message-ID"] == row.message_id]) == 1
    story.assert_sound()


@SQLITE_ONLY
def test_a_letter_that_was_to_be_repeated_is_not_once_it_is_proven(story: Story) -> None:
    number = story.take_in()
    story.mailbox.drop_after_data_next = 1
    story.send_letters()
    [letter] = story.letters(number)
    assert letter.state == "queued"
    _prove(story, letter)
    story.later(hours=3)
    story.send_letters()
    assert (_now(story, letter).state, len(story.mail())) == ("sent", 1)


@SQLITE_ONLY
def test_proof_changes_nothing_for_a_letter_that_never_left(story: Story) -> None:
    number = story.take_in()
    _prove(story, story.letters(number)[0])
    assert story.letters(number)[0].state == "queued"
    assert story.send_letters().sent == 1


def test_sent_letters_without_report_or_answer_are_the_days_list(story: Story) -> None:
    numbers = [story.take_in() for _ in range(4)]
    began = story.clock()
    story.send_letters()
    story.later(hours=1)
    letters = [story.letters(number)[0] for number in numbers]
    _prove(story, letters[0])
    with transaction(story.runtime) as session:
        for letter, by_thread in ((letters[1], False), (letters[2], True)):
            session.add(_answer(story, letter, by_thread=by_thread))
    assert _unproven(story, began) == [letters[3].id]
    assert _unproven(story, story.clock()) == [], "sent before the day"
    with story.runtime.sessions.read() as session:
        assert list(unproven(session, began - timedelta(days=1), began)) == [], "sent after the day"


def _unproven(story: Story, since: datetime) -> list[int]:
    with story.runtime.sessions.read() as session:
        return [row.id for row in unproven(session, since, since + timedelta(days=1))]


def _answer(story: Story, letter: Letter, *, by_thread: bool) -> InboundMail:
    return InboundMail(
        mailbox="test", message_key=f"<{letter.id}@mail.example>", raw_sealed=b"", raw_sha256="", raw_bytes=0,
        stored_at=story.clock(), state=MailState.READ, kind=MailKind.ANSWER, because="", matched_by="thread",
        case_id=letter.case_id, letter_id=None if by_thread else letter.id,
        contact=letter.contact if by_thread else "",
    )  # fmt: skip


# Digests


def test_a_digest_whose_relay_drops_after_the_text_settles_all_its_lines_with_it(story: Story) -> None:
    digest = a_digest_of(story, 3)
    story.mailbox.drop_after_data_next = 1
    assert story.send_letters().repeated == 1
    assert [row.state for row in _lines(story, digest)] == ["bundled"] * 3, "nobody knows yet"
    story.later(minutes=2)
    assert story.send_letters().sent == 1
    lines, sent_at = _lines(story, digest), _now(story, digest).sent_at
    assert [(row.state, row.sent_at, row.reason) for row in lines] == [("sent", sent_at, "")] * 3
    for line in lines:
        number = _number_of(story, line)
        assert len(story.events(number, "case.answered")) == 1
        [sent] = [event for event in story.events(number, "letter.sent") if event.data["letter"] == line.id]
        assert sent.data["digest"] == digest.id


def test_the_lines_of_a_refused_digest_are_refused_and_go_again_with_it(story: Story) -> None:
    digest = a_digest_of(story, 3)
    story.mailbox.reject_data_next = 1
    assert story.send_letters().look_at == [digest.id], "a person looks at the digest, not at each line"
    lines = _lines(story, digest)
    assert {row.state for row in lines} == {"refused"}
    assert {row.reason for row in lines} == {f"as its digest, letter {digest.id}"}
    with pytest.raises(Exception, match=f"Settle letter {digest.id}"):
        settle_letter(story.runtime, lines[0].id, INTAKE, "again", "The relay is mended.")
    settle_letter(story.runtime, digest.id, INTAKE, "again", "The relay is mended.")
    assert {row.state for row in _lines(story, digest)} == {"bundled"}
    story.send_letters()
    assert {row.state for row in _lines(story, digest)} == {"sent"}


@SQLITE_ONLY
def test_a_proven_digest_proves_its_lines_sent(story: Story) -> None:
    digest = a_digest_of(story, 2)
    story.mailbox.drop_after_data_next = 1
    story.send_letters()
    _prove(story, digest)
    assert {row.state for row in (_now(story, digest), *_lines(story, digest))} == {"sent"}


@SQLITE_ONLY
def test_a_digest_holds_up_no_urgent_letter(story: Story) -> None:
    digest = a_digest_of(story, 2)
    story.hand_in(in_danger(reporter={}))
    assert story.send_letters(urgent_only=True).sent == 2
    assert _now(story, digest).state == "queued"


def _lines(story: Story, digest: Letter) -> list[Letter]:
    with story.runtime.sessions.read() as session:
        return list(members_of(session, digest.id))


def _number_of(story: Story, letter: Letter) -> str:
    from db.queries.cases import case_by_id

    assert letter.case_id is not None
    with story.runtime.sessions.read() as session:
        return case_by_id(session, letter.case_id).number


# A relay in every mood


def _people(count: int) -> list[dict[str, Any]]:
    return [report(reporter={"name": "N", "email": f"r{place}@mail.example"}) for place in range(count)]


def _states(story: Story) -> list[str]:
    return [row.state for row in sorted(story.all(Letter), key=lambda row: row.id)]


def test_the_relay_refuses_one_recipient_then_all_then_drops_then_is_well(story: Story) -> None:
    story.hand_in(*_people(4))
    story.mailbox.refuse_recipients = {"r1@mail.example"}
    assert story.send_letters().refused == 1
    assert _states(story) == ["sent", "refused", "sent", "sent"]
    story.mailbox.refuse_recipients = {f"r{place}@mail.example" for place in range(4)}
    story.hand_in(*_people(4), name="more.jsonl")
    result = story.send_letters()
    assert (result.sent, result.refused, result.stopped) == (0, 4, "")
    assert len(story.mail()) == 3
    story.mailbox.refuse_recipients = set()
    story.hand_in(*_people(8), name="most.jsonl")
    story.mailbox.drop_before_data_next = 1_000
    result = story.send_letters()
    assert (result.sent, result.later) == (0, 3)
    assert "in a row" in result.stopped, "a relay that is away is left alone"
    untouched = [row for row in story.all(Letter) if row.state == "queued" and row.attempts == 0]
    assert len(untouched) == 5
    story.mailbox.drop_before_data_next = 0
    story.later(minutes=2)
    assert story.send_letters().sent == 8
    assert sorted(_states(story)) == ["refused"] * 5 + ["sent"] * 11
    story.assert_sound()


@SQLITE_ONLY
def test_a_relay_that_loses_every_answer_gets_few_letters_before_a_person_looks(story: Story) -> None:
    story.hand_in(*_people(8))
    story.mailbox.drop_after_data_next = 1_000
    result = story.send_letters()
    assert (result.repeated, len(story.mail())) == (3, 3)
    assert "in a row" in result.stopped
    story.mailbox.drop_after_data_next = 0


def test_a_server_without_starttls_gets_nothing_and_no_letter_is_touched(story: Story) -> None:
    number = story.take_in()
    strict = story.with_settings(smtp_security="starttls")
    before = story.counts()
    result = strict.send_letters()
    strict.close()
    assert "mail.no_protection" in result.stopped
    assert "QORGAN_SMTP_SECURITY" in result.stopped
    assert (story.letters(number)[0].state, story.letters(number)[0].attempts, story.mail()) == ("queued", 0, [])
    assert story.counts() == before
    assert story.send_letters().sent == 1


@SQLITE_ONLY
def test_a_letter_that_nobody_accepts_for_days_is_given_up_and_a_person_looks(story: Story) -> None:
    number = story.take_in()
    story.mailbox.defer_recipients = {"reporter@mail.example"}
    began = story.clock()
    for _ in range(ATTEMPTS):
        result = story.send_letters()
        story.later(hours=2)
    [row] = story.letters(number)
    assert (row.state, row.reason, row.attempts, result.look_at) == ("refused", GIVEN_UP, ATTEMPTS, [row.id])
    assert sum(BACK_OFF, timedelta()) + (ATTEMPTS - 5) * BACK_OFF[-1] >= timedelta(days=2.9)
    assert story.clock() - began <= timedelta(days=4)
    story.mailbox.defer_recipients = set()
    assert story.send_letters().sent == 0, "not by itself"
    settle_letter(story.runtime, row.id, INTAKE, "again", "The mailbox is open again.")
    assert story.send_letters().sent == 1
    assert story.letters(number)[0].attempts == 1, "made anew, and counted anew"


@SQLITE_ONLY
def test_an_at_least_once_letter_is_not_repeated_for_ever(story: Story) -> None:
    number = story.take_in()
    story.mailbox.drop_after_data_next = 1_000
    for _ in range(REPEATS + 3):
        story.send_letters()
        story.later(hours=2)
    story.mailbox.drop_after_data_next = 0
    assert (story.letters(number)[0].state, len(story.mail())) == ("unknown", REPEATS)


@SQLITE_ONLY
def test_a_person_lets_an_unknown_letter_go_again_as_it_was(story: Story) -> None:
    letter = _declined(story)
    story.mailbox.drop_after_data_next = 1
    story.send_letters()
    made = _now(story, letter).message_sha256
    story.later(hours=5)
    settle_letter(story.runtime, letter.id, INTAKE, "again", "The reporter has nothing.")
    assert story.send_letters().sent == 1
    assert _now(story, letter).message_sha256 == made


# One among many


@pytest.mark.parametrize("count", [40, pytest.param(5_000, marks=[pytest.mark.prove, pytest.mark.timeout(1_200)])])
def test_one_poisoned_letter_among_many_holds_up_no_other(story: Story, count: int) -> None:
    story.hand_in(*_people(count))
    poisoned = story.all(Letter)[count // 2]
    story.execute("UPDATE letter SET contact = 'party:no number' WHERE id = :id", id=poisoned.id)
    result = story.send_letters(limit=count)
    assert (result.sent, result.refused, result.look_at) == (count - 1, 1, [poisoned.id])
    assert _now(story, poisoned).state == "refused"
    assert len(list(story.mailbox.directory.glob("*.eml"))) == count - 1
    assert len({kept.recipients for kept in story.mail()}) == count - 1


# Not now


def _paced(story: Story, monkeypatch: pytest.MonkeyPatch, goes: Callable[[int, int], Pace]) -> None:
    """Decide by the letter's id and by how often it was asked about before."""
    asked: Counter[int] = Counter()

    def pace(session: Any, runtime: Any, letter: Letter, reached: Any, now: Any) -> Pace:
        asked[letter.id] += 1
        return goes(letter.id, asked[letter.id])

    monkeypatch.setattr(letter_run, "pace", pace)


def test_a_letter_that_is_held_waits_and_is_on_record_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    number, until = story.take_in(), story.clock() + timedelta(hours=8)
    _paced(story, monkeypatch, lambda _id, _times: Pace(story.clock() >= until, until, "quiet hours"))
    assert (story.send_letters().held, story.send_letters().held) == (1, 0), "not looked at again before its time"
    [row] = story.letters(number)
    assert (row.state, row.attempts, row.next_attempt_at, row.held_because) == ("queued", 0, until, "quiet hours")
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
    assert row.message_sealed is None, "it may still become a line of a digest, or go to a deputy"
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

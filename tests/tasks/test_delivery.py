"""What becomes of letters: proof, digests, relays in every mood, and one bad letter among many."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from casework.vocabulary import Action, MailKind, MailState
from db.queries.letters import letter_by_id, members_of
from db.tables import InboundMail, Letter
from tasks.correspondence import settle_letter
from tasks.delivery import ATTEMPTS, BACK_OFF, GIVEN_UP, REPEATS, prove, unproven
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

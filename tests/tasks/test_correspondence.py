"""Letters over real SMTP: each recipient's answer counts for itself, and an unknown fate is never guessed."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from email.utils import getaddresses
from hashlib import sha256
from pathlib import Path

import pytest

from casework.errors import NotAllowed, QorganError
from casework.mail_tokens import read_bounce_address, reply_address
from casework.vocabulary import Action
from db.queries.letter_messages import message_of
from db.tables import Letter
from desk.seen_outside import delivered_bytes
from tasks.correspondence import LEASE, settle_letter
from tasks.delivery import BACK_OFF
from tasks.legal_review import Supplied, amend
from tasks.letter_message import made_before
from tasks.letterpress import Letterpress
from tasks.settings import ROOT
from tests.stories import (
    AUDITOR,
    INTAKE,
    REVIEWER,
    SQLITE_ONLY,
    Story,
    in_danger,
    link,
    report,
    together,
)  # fmt: skip
from tests.tasks.test_submission import closed_port


def _letters(story: Story) -> dict[str, str]:
    """State by kind, of the letters of all cases."""
    return {row.kind: row.state for row in story.all(Letter)}


def _declined(story: Story) -> str:
    """A case with one letter to send: an at-most-once refusal; its receipt is out."""
    number = story.to_review()
    story.send_letters()
    story.move(number, Action.DECLINE, REVIEWER)
    return number


@SQLITE_ONLY
def test_of_two_reporters_one_refused_by_the_server_the_other_gets_the_letter(story: Story) -> None:
    people = [{"name": name, "email": f"{name}@mail.example"} for name in ("gone", "there")]
    number = story.take_in(links=[link(41)], reporter=people[0])
    story.hand_in(report(links=[link(41, "mirror")], reporter=people[1]))
    story.mailbox.refuse_recipients = {"gone@mail.example"}
    result = story.send_letters()
    refused, sent = story.letters(number, "receipt")
    assert (refused.state, sent.state) == ("refused", "sent")
    assert refused.server_answer == "550 5.1.1 No such mailbox (practice)"
    assert (result.sent, result.refused, result.look_at) == (1, 1, [refused.id])
    assert [kept.recipients for kept in story.mail()] == [("there@mail.example",)]
    story.send_letters()
    assert len(story.mail()) == 1
    assert len(story.events(number, "letter.refused")) == 1


@SQLITE_ONLY
def test_a_duty_to_tell_is_done_when_the_last_of_several_reporters_is_told(story: Story) -> None:
    people = [{"name": name, "email": f"{name}@mail.example"} for name in ("late", "there")]
    number = story.take_in(links=[link(42)], reporter=people[0])
    story.hand_in(report(links=[link(42, "mirror")], reporter=people[1]))
    story.drive(number)
    story.send_letters()
    story.mailbox.defer_recipients = {"late@mail.example"}
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    assert sorted(row.state for row in story.letters(number, "decline")) == ["queued", "sent"]
    assert story.events(number, "case.answered") == [], "one of two does not know yet"
    story.mailbox.defer_recipients = set()
    story.later(hours=1)
    story.send_letters()
    assert [row.state for row in story.letters(number, "decline")] == ["sent", "sent"]
    assert len(story.events(number, "case.answered")) == 1


@SQLITE_ONLY
def test_while_the_mail_server_is_down_letters_wait_at_growing_pauses_and_then_go_once(story: Story) -> None:
    number = story.take_in()
    down = story.with_settings(smtp_port=closed_port())
    for pause in (*BACK_OFF, BACK_OFF[-1]):
        assert down.send_letters().later == 1
        assert down.send_letters().later == 0, "not before its pause is over"
        [row] = story.letters(number)
        assert row.state == "queued"
        assert row.next_attempt_at is not None
        assert 0.9 * pause <= row.next_attempt_at - story.clock() <= pause, "they do not all come back at once"
        story.clock.set(story.clock() + pause)
    down.close()
    story.send_letters()
    story.send_letters()
    [row] = story.letters(number)
    assert (row.state, row.attempts, row.sent_at) == ("sent", 6, story.clock())
    assert len(story.mail()) == 1


@SQLITE_ONLY
def test_an_at_most_once_letter_whose_fate_is_unknown_is_never_sent_again_by_itself(story: Story) -> None:
    number = _declined(story)
    story.mailbox.drop_after_data_next = 1
    result = story.send_letters()
    [row] = story.letters(number, "decline")
    assert (row.state, result.unknown, result.look_at) == ("unknown", 1, [row.id])
    assert "after the text" in row.server_answer
    for _run in range(5):
        story.clock.advance(hours=3)
        story.send_letters()
    assert len([kept for kept in story.mail() if kept.message["Message-ID"] == row.message_id]) == 1


@SQLITE_ONLY
def test_an_at_least_once_letter_is_repeated_under_the_same_message_id_with_the_same_bytes(story: Story) -> None:
    number = story.take_in()
    story.mailbox.drop_after_data_next = 1
    assert story.send_letters().repeated == 1
    assert story.letters(number)[0].state == "queued"
    story.clock.set(story.clock() + BACK_OFF[0])
    story.send_letters()
    story.send_letters()
    first, second = story.mail()
    assert first.message["Message-ID"] == second.message["Message-ID"] == story.letters(number)[0].message_id
    assert delivered_bytes(first) == delivered_bytes(second)


@SQLITE_ONLY
def test_a_connection_lost_before_the_text_is_simply_tried_later(story: Story) -> None:
    number = _declined(story)
    story.mailbox.drop_before_data_next = 1
    assert story.send_letters().later == 1
    story.clock.advance(minutes=2)
    story.send_letters()
    assert [row.state for row in story.letters(number)] == ["sent", "sent"]
    assert len(story.mail()) == 2


@SQLITE_ONLY
def test_a_letter_deferred_with_4xx_is_tried_again_and_one_refused_after_the_text_is_not(story: Story) -> None:
    number = story.take_in()
    story.mailbox.defer_recipients = {"reporter@mail.example"}
    assert story.send_letters().later == 1
    assert story.letters(number)[0].server_answer.startswith("451")
    story.mailbox.defer_recipients = set()
    story.clock.advance(minutes=2)
    assert story.send_letters().sent == 1
    other = story.take_in()
    story.mailbox.reject_data_next = 1
    assert story.send_letters().refused == 1
    assert story.letters(other)[0].server_answer.startswith("554")


@SQLITE_ONLY
def test_a_person_settles_what_nobody_could_know(story: Story) -> None:
    number = _declined(story)
    story.mailbox.drop_after_data_next = 1
    story.send_letters()
    [row] = story.letters(number, "decline")
    with pytest.raises(NotAllowed):
        settle_letter(story.runtime, row.id, AUDITOR, "arrived", "The reporter called.")
    with pytest.raises(QorganError, match="say how you know"):
        settle_letter(story.runtime, row.id, INTAKE, "arrived", "ok")
    settle_letter(story.runtime, row.id, INTAKE, "again", "The reporter has nothing.")
    story.send_letters()
    [row] = story.letters(number, "decline")
    assert row.state == "sent"
    with pytest.raises(QorganError, match="needs nobody"):
        settle_letter(story.runtime, row.id, INTAKE, "arrived", "The reporter called.")
    assert len({kept.message["Message-ID"] for kept in story.mail()}) == 2
    assert len(story.mail()) == 3


@SQLITE_ONLY
def test_what_is_stored_is_what_was_delivered(story: Story) -> None:
    story.submitted()
    story.send_letters()
    rows = {str(row.id): row for row in story.all(Letter)}
    assert len(rows) == len(story.mail()) > 1
    for kept in story.mail():
        row = rows[kept.message["X-Qorgan-Letter"]]
        with story.runtime.sessions.read() as session:
            made, sealed = made_before(session, story.runtime, row), message_of(session, row.id)
        assert made is not None
        assert sealed is not None
        assert made.message == delivered_bytes(kept)
        assert row.message_sha256 == sha256(delivered_bytes(kept)).hexdigest()
        assert made.recipient.encode() not in sealed


@SQLITE_ONLY
def test_the_headers_say_that_a_machine_wrote_and_where_to_answer(story: Story) -> None:
    number = story.take_in()
    story.send_letters()
    [kept] = story.mail()
    [row] = story.letters(number)
    message = kept.message
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    key, contact = story.runtime.vault.key_for("reply"), row.contact
    assert message["Reply-To"] == reply_address("notices@ministry.example", number, contact, key)
    assert (message["X-Qorgan-Case"], message["X-Qorgan-Letter"]) == (number, str(row.id))
    assert [message[name] for name in ("Precedence", "Feedback-ID", "List-Id", "List-Unsubscribe")] == [None] * 4
    assert (message["Message-ID"], message["Content-Language"]) == (row.message_id, "ru")
    assert message["Date"].datetime == row.created_at
    texts = [part.get_content_type() for part in message.walk() if not part.is_multipart()]
    assert texts == ["text/plain", "text/html"]
    assert {name: len(message.get_all(name)) for name in ("From", "To", "Subject", "Message-ID", "Date")} == {
        "From": 1, "To": 1, "Subject": 1, "Message-ID": 1, "Date": 1,
    }  # fmt: skip
    assert read_bounce_address(kept.sender, "notices@ministry.example", story.runtime.vault.key_for("bounce")) == row.id


NAMES = [
    "Eve\r\nBcc: victim@mail.example",
    "Eve\nSubject: something else",
    '"Eve, A." <other@mail.example>',
    "Ұлан Әбдірахман",
    "a" * 200,
    "=?utf-8?q?Eve=0D=0ABcc=3A_victim=40mail.example?=",
]


@pytest.mark.parametrize("name", NAMES)
@SQLITE_ONLY
def test_a_name_stays_one_header_and_one_recipient_whatever_it_contains(story: Story, name: str) -> None:
    story.take_in(reporter={"name": name, "email": "eve@mail.example"})
    story.send_letters()
    [kept] = story.mail()
    assert kept.recipients == ("eve@mail.example",)
    message = kept.message
    assert message["Bcc"] is None
    assert len(message.get_all("To")) == len(message.get_all("Subject")) == 1
    assert [address for _name, address in getaddresses([str(message["To"])])] == ["eve@mail.example"]


ADDRESSES = [
    "нет почты",
    "ұлан@пошта.қаз",
    "nobody",
    "a b@mail.example",
    "<x@mail.example",
    "@",
    "x@mail.example, y@mail.example",
]


@pytest.mark.parametrize("address", ADDRESSES)
@SQLITE_ONLY
def test_an_address_that_is_none_holds_up_nobody(story: Story, address: str) -> None:
    first = story.take_in(reporter={"name": "First", "email": address})
    second = story.take_in()
    story.send_letters()
    story.clock.set(story.clock() + LEASE)
    story.send_letters()
    assert story.letters(second)[0].state == "sent"
    assert story.letters(first)[0].state in ("refused", "sent")
    assert len(story.mail("reporter@mail.example")) == 1
    assert all(len(kept.recipients) == 1 for kept in story.mail())


@SQLITE_ONLY
def test_each_recipient_reads_their_own_language(story: Story) -> None:
    story.hand_in(in_danger(language="kk", reporter={"name": "Ұлан", "email": "ulan@mail.example"}))
    submitted = story.submitted(language="en")
    story.send_letters()
    languages = {kept.recipients[0]: kept.message["Content-Language"] for kept in story.mail()}
    assert languages["ulan@mail.example"] == "kk"
    assert languages["reporter@mail.example"] == "en"
    assert languages["notices@tiktok.example"] == "en"
    assert languages["duty@ministry.example"] == "ru", "our own people read the authority's language"
    assert {row.language for row in story.letters(submitted)} == {"en"}


@SQLITE_ONLY
def test_a_reporters_language_we_do_not_write_gets_the_authoritys(story: Story) -> None:
    number = story.take_in(language="de", translation="Перевод.")
    story.send_letters()
    assert story.letters(number)[0].language == "ru"
    assert len(story.mail()) == 1


@SQLITE_ONLY
def test_a_letter_that_cannot_be_made_is_refused_and_the_others_go(story: Story, tmp_path: Path) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(ROOT / "templates", templates)
    (templates / "receipt" / "ru" / "subject.txt").write_text("{{ case_number }} {{ no_such_word }}\n")
    broken = replace(story, runtime=replace(story.runtime, letterpress=Letterpress(templates)))
    broken.hand_in(in_danger())
    result = broken.send_letters()
    assert _letters(story) == {"receipt": "refused", "police_referral": "sent", "duty_alert": "sent"}
    [row] = [row for row in story.all(Letter) if row.kind == "receipt"]
    assert (result.refused, result.look_at) == (1, [row.id])
    assert "receipt" in row.reason
    assert row.message_sha256 is None
    settle_letter(story.runtime, row.id, INTAKE, "again", "The template is mended.")
    story.send_letters()
    assert _letters(story)["receipt"] == "sent"


@SQLITE_ONLY
def test_a_letter_is_made_once_and_a_later_try_sends_the_same_bytes(story: Story) -> None:
    """Also when the case has changed in between."""
    number = story.to_review()
    down = story.with_settings(smtp_port=closed_port())
    down.send_letters()
    down.close()
    made = story.letters(number)[0].message_sha256
    amend(story.runtime, number, INTAKE, Supplied(category="csam"), "The video shows a child.")
    story.clock.advance(minutes=2)
    story.send_letters()
    [receipt] = story.mail("reporter@mail.example")
    assert sha256(delivered_bytes(receipt)).hexdigest() == made == story.letters(number, "receipt")[0].message_sha256


@SQLITE_ONLY
def test_urgent_letters_go_before_all_others(story: Story) -> None:
    story.take_in()
    story.hand_in(in_danger(reporter={}))
    assert story.send_letters(urgent_only=True).sent == 2
    assert {kept.recipients[0] for kept in story.mail()} == {"duty@ministry.example", "duty@police.example"}
    story.take_in()
    story.hand_in(in_danger(reporter={}))
    story.send_letters(limit=2)
    assert {row.kind for row in story.all(Letter) if row.state == "queued"} == {"receipt"}


@SQLITE_ONLY
def test_without_a_mail_server_nothing_changes(story: Story) -> None:
    number = story.take_in()
    without = story.with_settings(smtp_host=None)
    before = story.counts()
    result = without.send_letters()
    without.close()
    assert result.look_at == [story.letters(number)[0].id]
    assert (story.letters(number)[0].state, story.letters(number)[0].attempts) == ("queued", 0)
    assert story.counts() == before


@SQLITE_ONLY
def test_one_sealed_address_that_does_not_open_holds_up_no_other_letter(story: Story) -> None:
    first, second = story.take_in(), story.take_in()
    story.execute("UPDATE party SET sealed = :other WHERE case_id = :id", other=b"\0" * 40, id=story.case(first).id)
    result = story.send_letters()
    assert story.letters(second)[0].state == "sent"
    assert story.letters(first)[0].state == "queued"
    assert result.look_at == [story.letters(first)[0].id]


def test_two_senders_at_once_send_each_letter_once(story: Story) -> None:
    story.hand_in(*(report(reporter={"name": "N", "email": f"r{place}@mail.example"}) for place in range(6)))
    results = together(*(lambda: story.send_letters() for _ in range(3)))
    assert not [outcome for outcome in results if isinstance(outcome, Exception)]
    assert sum(outcome.sent for outcome in results) == 6
    assert sorted(kept.recipients[0] for kept in story.mail()) == [f"r{place}@mail.example" for place in range(6)]
    assert {row.attempts for row in story.all(Letter)} == {1}


@SQLITE_ONLY
def test_opening_the_vault_for_a_letter_is_on_record_with_its_purpose(story: Story) -> None:
    number = story.take_in()
    story.send_letters()
    [opened] = story.events(number, "vault.opened")
    [row] = story.letters(number)
    assert opened.data == {"party": int(row.contact.partition(":")[2]), "purpose": f"letter {row.id}"}
    assert timedelta(0) <= opened.at - row.created_at

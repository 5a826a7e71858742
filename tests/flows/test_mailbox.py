"""The flow that brings answers home: its badge says what was done, and nothing personal stands in it."""

from __future__ import annotations

import pytest

from db.tables import Letter
from flows.mailbox import mailbox
from tasks import mail_reading
from tasks.runtime import use
from tests.flows.conftest import SECRET
from tests.mail_room import MailRoom
from tests.stories import Story


@pytest.fixture
def room(story: Story) -> MailRoom:
    return MailRoom(story)


def letter_out(story: Story) -> Letter:
    """A letter to a platform that has gone out."""
    number = story.submitted()
    story.send_letters()
    return next(letter for letter in story.letters(number, "platform_notice") if letter.state == "sent")


async def test_no_mails_is_said_and_nothing_is_written(story: Story, room: MailRoom) -> None:
    before = story.counts()
    assert (await mailbox(return_state=True)).name == "No mails"
    after = story.counts()
    assert after.pop("heartbeat") > 0, "that it ran is all that is noted"
    assert after == {what: count for what, count in before.items() if what != "heartbeat"}


async def test_mails_are_read_once_and_the_badge_counts_them(story: Story, room: MailRoom, woken: list[str]) -> None:
    letter = letter_out(story)
    room.put(room.answer(letter, "Received, thank you."))
    room.put(room.answer(letter, "We look at it today."))
    room.put(room.mail("Buy now."))
    assert (await mailbox(return_state=True)).name == "2 read, 1 held"
    assert (await mailbox(return_state=True)).name == "No mails"
    assert woken == []
    story.assert_sound()


async def test_pages_follow_each_other_until_all_is_read(
    story: Story, room: MailRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_reading.read_stored, "__defaults__", (2,))
    letter = letter_out(story)
    for turn in range(5):
        room.put(room.answer(letter, f"Message {turn}."))
    assert (await mailbox(return_state=True)).name == "5 read"


async def test_a_question_of_the_platform_wakes_the_lanes(story: Story, room: MailRoom, woken: list[str]) -> None:
    room.put(room.answer(letter_out(story), "Please provide the exact time at which it is said."))
    assert (await mailbox(return_state=True)).name == "1 read"
    assert woken == ["qorgan.lane.child-safety", "qorgan.lane.routine"]


async def test_a_mail_that_fails_fails_the_run_after_the_others_were_read(
    story: Story, room: MailRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = letter_out(story)
    room.put(room.answer(letter, SECRET))
    room.put(room.answer(letter, "Received, thank you."))
    whole = mail_reading.read_mail

    def stumble(raw: bytes) -> object:
        if SECRET.encode() in raw:
            raise ValueError(SECRET)
        return whole(raw)

    monkeypatch.setattr(mail_reading, "read_mail", stumble)
    state = await mailbox(return_state=True)
    [bad] = [mail for mail in room.mails() if mail.state == "stored"]
    assert state.is_failed()
    assert (state.name, state.message) == ("1 mails failed", f"Mails: {bad.id}. 1 read")
    assert [mail.state for mail in room.mails() if mail.id != bad.id] == ["read"]


async def test_a_mail_server_that_is_away_is_named_and_the_folder_is_read(story: Story, room: MailRoom) -> None:
    room.put(room.answer(letter_out(story), "Received, thank you."))
    away = story.with_settings(imap_host="127.0.0.1", imap_port=9, imap_user=SECRET, imap_password="secret")
    with use(away.runtime):
        state = await mailbox(return_state=True)
    away.close()
    assert state.is_completed()
    assert (state.name, state.message) == ("Not reached: imap", "1 read")

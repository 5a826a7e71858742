"""A letter that comes back: its address is marked, the next rung is raised, the unit asks for a better address."""

from __future__ import annotations

import pytest

from db.tables import AddressHealth
from tests.mail_room import LIAISON, MailRoom, letter_of_rung, silent_until
from tests.stories import SQLITE_ONLY, Story


@pytest.fixture
def room(story: Story) -> MailRoom:
    return MailRoom(story)


def test_a_letter_that_comes_back_marks_the_address_raises_the_next_rung_and_asks_for_a_better_one(
    story: Story, room: MailRoom
) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    mail = room.comes(room.report(letter))
    assert (mail.kind, mail.matched_by) == ("bounce_permanent", "bounce_address")
    assert mail.effects == ["letter.bounced", "address.marked", "rung.raised", "address.requested"]
    [marked] = story.all(AddressHealth)
    assert (marked.address_hash, marked.state, marked.mail_id) == (letter.address_hash, "dead", mail.id)
    [back] = [row for row in story.letters(number) if row.id == letter.id]
    assert (back.state, back.reason) == ("refused", "bounced: 5.1.1")
    assert [row.rung for row in story.escalations(number)] == [1, 2, 3]
    [request] = story.letters(number, "address_request")
    assert (request.contact, request.context["failed"]["letter"]) == ("unit", letter.id)
    assert LIAISON not in str(request.context)
    again = room.comes(room.report(letter))
    assert "rung.raised" not in again.effects
    assert len(story.letters(number, "address_request")) == 1
    assert [row.rung for row in story.escalations(number)] == [1, 2, 3]
    story.send_letters()
    story.assert_sound()


@SQLITE_ONLY
def test_a_full_mailbox_raises_the_next_rung_and_leaves_the_letter_sent(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    mail = room.comes(room.report(letter, status="5.2.2", words="mailbox full"))
    assert mail.kind == "bounce_full"
    assert "rung.raised" in mail.effects
    assert [row.state for row in story.all(AddressHealth)] == ["full"]
    assert [row.state for row in story.letters(number) if row.id == letter.id] == ["sent"]


@SQLITE_ONLY
def test_a_letter_that_came_back_after_its_rung_was_acknowledged_raises_nothing(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    room.comes(room.answer(letter, "ACK"))
    mail = room.comes(room.report(letter))
    assert "rung.raised" not in mail.effects
    assert [row.rung for row in story.escalations(number)] == [1, 2]


@SQLITE_ONLY
def test_a_delay_is_noted_and_nothing_else(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    before = len(story.letters(number))
    mail = room.comes(room.report(letter_of_rung(story, number, 2), action="delayed", status="4.4.1"))
    assert (mail.kind, mail.effects) == ("bounce_transient", ["noted"])
    assert story.all(AddressHealth) == []
    assert len(story.letters(number)) == before
    assert len(story.events(number, "letter.delayed")) == 1


@SQLITE_ONLY
def test_a_confirmed_delivery_is_proof(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    assert letter.delivered_at is None
    mail = room.comes(room.report(letter, action="delivered", status="2.0.0", words="Ok"))
    assert (mail.kind, mail.effects) == ("delivered", ["letter.proven"])
    assert letter_of_rung(story, number, 2).delivered_at is not None

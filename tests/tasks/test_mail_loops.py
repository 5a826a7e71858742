"""Machines that answer each other: however long it goes on, the mails we send stay few."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from db.tables import Letter
from tasks.correspondence import send_letters
from tests.mail_room import MailRoom, letter_of_rung, silent_until
from tests.stories import SQLITE_ONLY, Story, in_danger


@pytest.fixture
def room(story: Story) -> MailRoom:
    return MailRoom(story)


STYLES: list[tuple[str, Callable[[MailRoom, Letter], bytes]]] = [
    ("RFC 3834", lambda room, letter: room.answer(letter, "I am away.", Auto_Submitted="auto-replied")),
    ("precedence", lambda room, letter: room.answer(letter, "I am away.", Precedence="bulk")),
    ("suppress", lambda room, letter: room.answer(letter, "I am away.", X_Auto_Response_Suppress="All")),
    ("autoreply", lambda room, letter: room.answer(letter, "I am away.", X_Autoreply="yes")),
    ("empty path", lambda room, letter: room.answer(letter, "I am away.", Return_Path="<>")),
    ("subject", lambda room, letter: room.answer(letter, "I am away.", Subject="Automatic reply: your letter")),
    ("no mark", lambda room, letter: room.answer(letter, "Your message is important to us.")),
    ("bounce", lambda room, letter: room.report(letter)),
    ("full", lambda room, letter: room.report(letter, status="5.2.2")),
]


def _rounds(story: Story, room: MailRoom, number: str, rounds: int, style: Callable[[MailRoom, Letter], bytes]) -> int:
    """Everybody who gets a letter of ours has a machine that answers each at once; so many rounds. Mails we sent."""
    answered: set[int] = set()
    for _round in range(rounds):
        story.later(minutes=10)
        send_letters(story.runtime)
        for letter in story.letters(number):
            if letter.id not in answered and letter.sent_at is not None:
                answered.add(letter.id)
                room.put(style(room, letter))
        room.fetch()
        room.read()
    return len(story.mail())


@SQLITE_ONLY
@pytest.mark.parametrize(("name", "style"), STYLES, ids=[name for name, _ in STYLES])
def test_two_machines_that_answer_each_other_for_a_hundred_rounds_make_few_mails(
    story: Story, room: MailRoom, name: str, style: Callable[[MailRoom, Letter], bytes]
) -> None:
    number = silent_until(story, 2)
    before = len(story.mail())
    made = _rounds(story, room, number, 100, style) - before
    rungs = [row.rung for row in story.escalations(number)]
    if name in ("bounce", "full"):
        # What comes back goes up the ladder to its end, and asks our own unit once for each letter to somebody else.
        others = [row for row in story.letters(number) if row.recipient != "unit"]
        assert rungs == [1, 2, 3, 4]
        assert made == len(others) + 2 == 9, made
    else:
        assert (made, rungs) == (0, [1, 2])
    story.assert_sound()


@SQLITE_ONLY
def test_a_machine_that_answers_all_our_letters_with_new_letters_gets_no_answer(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    before = len(story.mail())
    for turn in range(100):
        story.later(minutes=1)
        room.put(room.answer(letter, f"Ticket {turn} was opened for your request."))
        room.fetch()
        room.read()
        send_letters(story.runtime)
    assert len(story.mail()) == before
    assert len(story.events(number, "rung.acknowledged")) == 1


@SQLITE_ONLY
def test_a_child_in_danger_is_written_about_at_once_whatever_comes_in(story: Story, room: MailRoom) -> None:
    number = story.take_in(**{key: value for key, value in in_danger().items() if key != "links"})
    story.drive(number)
    story.send_letters()
    letter = next(row for row in story.letters(number) if row.contact == "police")
    mail = room.comes(room.answer(letter, "We have it.", sender="police@police.example"))
    assert mail.effects == ["answered"]
    assert mail.contact == "police"

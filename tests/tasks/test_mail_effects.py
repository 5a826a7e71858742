"""What follows from a mail that came in: clocks stop, rungs are in hand, addresses are marked; and nobody is mailed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from casework.vocabulary import Action
from db.tables import AddressHealth, Letter, MailAttachment
from tasks.collect_outcomes import collect
from tasks.correspondence import send_letters
from tasks.escalation import acknowledge
from tasks.sla_sweep import sweep
from tests.mail_room import LIAISON, MailRoom
from tests.stories import INTAKE, REVIEWER, SQLITE_ONLY, Story, in_danger

LAW = {"category": "gambling_advertising"}
"""Its ladder climbs from the platform to its liaison, the head of the regional office, and the authority."""


@pytest.fixture
def room(story: Story) -> MailRoom:
    return MailRoom(story)


def silent_until(story: Story, rungs: int) -> str:
    """A notice that nobody answers until so many rungs were raised; every letter of it is out."""
    return all_silent_until(story, rungs, 1)[0]


def all_silent_until(story: Story, rungs: int, cases: int) -> list[str]:
    """The same for several at the same time."""
    numbers = [story.submitted(**LAW) for _ in range(cases)]
    story.send_letters()
    while len(story.escalations(numbers[0])) < rungs:
        running = [row for row in story.clocks(numbers[0]) if row.state == "running" and row.breached_at is None]
        story.clock.set(min(row.due_at for row in running))
        sweep(story.runtime)
        story.send_letters()
    return numbers


def letter_of_rung(story: Story, number: str, rung: int) -> Letter:
    [raised] = [row for row in story.escalations(number) if row.rung == rung]
    [letter] = [row for row in story.letters(number) if row.context.get("escalation") == raised.id]
    assert letter.state == "sent", (letter.state, letter.reason, letter.held_because)
    return letter


def acknowledged(story: Story, number: str) -> dict[int, str | None]:
    return {row.rung: row.acknowledged_via for row in story.escalations(number)}


def test_a_liaisons_answer_takes_the_rung_in_hand_and_is_on_the_case(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    waiting = {clock.id for clock in story.clocks(number) if clock.state == "running" and clock.duty == "liaison"}
    assert waiting
    mail = room.comes(room.answer(letter, "Thank you, our team looks at it today."))
    assert (mail.state, mail.kind, mail.matched_by) == ("read", "answer", "reply_address")
    assert (mail.letter_id, mail.contact) == (letter.id, "liaison:tiktok")
    assert mail.effects == ["answered", "rung.acknowledged"]
    [rung] = [row for row in story.escalations(number) if row.rung == 2]
    assert (rung.acknowledged_via, rung.acknowledged_by, rung.acknowledged_mail_id) == (
        "mail",
        "liaison:tiktok",
        mail.id,
    )
    stopped = [clock for clock in story.clocks(number) if clock.id in waiting and clock.state == "met"]
    assert {clock.stopped_by for clock in stopped} == {"rung.acknowledged"}
    running = [clock for clock in story.clocks(number) if clock.state == "running" and clock.id not in waiting]
    assert [clock for clock in running if clock.rule_id.endswith("follow_up")], "the follow-up clock has begun"
    [event] = story.events(number, "mail.answered")
    assert event.data["mail"] == mail.id
    assert "team" not in str([row.data for row in story.events(number)]), "no word of the mail is in the log"
    assert story.letters(number)[-1].delivered_at is not None, "an answer proves that the letter arrived"
    story.assert_sound()


@SQLITE_ONLY
@pytest.mark.parametrize("text", ["", "-- \nLiaison office", "> ACK\n> please acknowledge"])
def test_an_answer_without_a_word_of_its_own_takes_nothing_in_hand(story: Story, room: MailRoom, text: str) -> None:
    number = silent_until(story, 2)
    mail = room.comes(room.answer(letter_of_rung(story, number, 2), text))
    assert mail.effects == ["answered"]
    assert acknowledged(story, number)[2] is None


@SQLITE_ONLY
def test_an_answer_of_one_recipient_leaves_the_rungs_of_another_alone(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 3)
    room.comes(room.answer(letter_of_rung(story, number, 2), "ACK"))
    assert acknowledged(story, number) == {1: None, 2: "mail", 3: None}


@SQLITE_ONLY
def test_the_same_answer_twice_acknowledges_once(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    room.comes(room.answer(letter, "ACK"))
    again = room.comes(room.answer(letter, "ACK, once more"))
    assert again.effects == ["answered"]
    assert len(story.events(number, "rung.acknowledged")) == 1


@SQLITE_ONLY
def test_the_same_mail_from_the_mailbox_and_the_folder_has_one_effect(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    raw = room.answer(letter_of_rung(story, number, 2), "ACK")
    first = room.comes(raw)
    story.allow_changes("inbound_mail")
    story.execute("UPDATE inbound_mail SET mailbox = 'imap/INBOX' WHERE id = :id", id=first.id)
    again = room.comes(raw)
    assert (again.id != first.id, again.kind, again.effects) == (True, "duplicate", ["ignored"])
    assert len(story.events(number, "mail.answered")) == 1


@SQLITE_ONLY
def test_an_answer_to_a_rung_that_an_officer_recorded_already_does_no_harm(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    [rung] = [row for row in story.escalations(number) if row.rung == 2]
    acknowledge(story.runtime, rung.id, INTAKE, "phone")
    mail = room.comes(room.answer(letter_of_rung(story, number, 2), "As I said on the phone."))
    assert mail.effects == ["answered"]
    assert acknowledged(story, number)[2] == "phone"


def test_a_question_of_the_platform_opens_the_loop_with_its_clock(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    asked = "Please provide the exact time at which the statement is made."
    mail = room.comes(room.answer(letter_of_rung(story, number, 2), asked))
    assert mail.effects == ["answered", "rung.acknowledged", "platform.asked"]
    assert story.status(number) == "more_info"
    assert story.case(number).question == asked
    assert [item.outcome for item in story.items(number)] == ["more_info_needed"]
    ours = [clock for clock in story.clocks(number) if clock.duty == "authority" and clock.state == "running"]
    assert ours, "our clock to answer runs"
    assert asked not in str([row.data for row in story.events(number)])
    story.move(number, Action.ANSWER, REVIEWER)
    assert story.status(number) == "submitted"
    story.assert_sound()


@SQLITE_ONLY
def test_a_question_about_a_case_that_is_over_is_noted_for_a_person(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    assert story.status(number) == "closed"
    mail = room.comes(room.answer(letter, "Please provide the exact time."))
    assert "question.noted" in mail.effects
    assert story.status(number) == "closed"
    assert story.case(number).question == ""


@SQLITE_ONLY
def test_stated_outcomes_are_suggested_and_never_recorded(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    mail = room.comes(room.answer(letter_of_rung(story, number, 2), "ACK\n1: removed_globally"))
    assert mail.effects == ["answered", "rung.acknowledged", "outcomes.suggested"]
    [event] = story.events(number, "outcomes.suggested")
    assert event.data["outcomes"] == [[1, "removed_globally"]]
    assert event.data["submission"] == story.submissions(number)[0].number
    assert [item.outcome for item in story.items(number)] == ["pending"]
    assert story.status(number) == "submitted"


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


# --- Letters about several cases ------------------------------------------------------------------------------


def digest_of(story: Story, numbers: list[str]) -> Letter:
    """One letter to the liaison in place of those of the second rungs of these cases; it is out."""
    members = [letter_of_rung(story, number, 2) for number in numbers]
    with story.runtime.sessions.write.begin() as session:
        digest = Letter(
            kind="digest", recipient="liaison", contact="liaison:tiktok", language="en", once_key="digest:1",
            promise="at_least_once", urgent=False, context={}, state="sent", sent_at=story.clock(), attempts=1,
            created_at=story.clock(), message_id="<letter.900.0123456789abcdef@ministry.example>",
            address_hash=members[0].address_hash,
        )  # fmt: skip
        session.add(digest)
        session.flush()
        for member in members:
            session.merge(member).digest_id = digest.id
    return digest


def answer_to(room: MailRoom, digest: Letter, text: str) -> bytes:
    return room.mail(text, In_Reply_To=digest.message_id or "")


@SQLITE_ONLY
@pytest.mark.parametrize("text", ["ALL: ACK", "ACK", "ACK {both}"])
def test_an_answer_to_a_digest_takes_all_in_hand_where_it_says_so(story: Story, room: MailRoom, text: str) -> None:
    numbers = all_silent_until(story, 2, 2)
    mail = room.comes(answer_to(room, digest_of(story, numbers), text.format(both=", ".join(numbers))))
    assert (mail.matched_by, mail.effects) == ("thread", ["answered", "rung.acknowledged", "rung.acknowledged"])
    assert [acknowledged(story, number)[2] for number in numbers] == ["mail", "mail"]
    assert [len(story.events(number, "mail.answered")) for number in numbers] == [1, 1]


@SQLITE_ONLY
def test_an_answer_to_a_digest_takes_in_hand_the_case_that_it_names(story: Story, room: MailRoom) -> None:
    named, other = all_silent_until(story, 2, 2)
    room.comes(answer_to(room, digest_of(story, [named, other]), f"{named}: ACK"))
    assert (acknowledged(story, named)[2], acknowledged(story, other)[2]) == ("mail", None)
    assert story.events(other, "mail.answered") == []


@SQLITE_ONLY
def test_an_answer_to_a_digest_that_names_no_case_waits_for_a_person(story: Story, room: MailRoom) -> None:
    numbers = all_silent_until(story, 2, 2)
    mail = room.comes(answer_to(room, digest_of(story, numbers), "Which of these is the most urgent?"))
    assert (mail.state, mail.reason) == ("held", "it answers a letter about 2 cases and names none of them")
    assert [acknowledged(story, number)[2] for number in numbers] == [None, None]


@SQLITE_ONLY
def test_a_digest_that_comes_back_raises_the_next_rung_of_each_case_and_asks_once(story: Story, room: MailRoom) -> None:
    numbers = all_silent_until(story, 2, 2)
    mail = room.comes(room.report(digest_of(story, numbers)))
    assert mail.effects.count("rung.raised") == 2
    assert mail.effects.count("address.requested") == 1
    assert [max(acknowledged(story, number)) for number in numbers] == [3, 3]


@SQLITE_ONLY
def test_an_absence_note_neither_answers_nor_loops(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    before = len(story.letters(number))
    note = room.answer(letter, "I am out of the office until Monday.", Auto_Submitted="auto-replied")
    mail = room.comes(note)
    assert (mail.kind, mail.effects) == ("auto_reply", ["noted"])
    assert acknowledged(story, number)[2] is None
    assert len(story.letters(number)) == before


def test_a_request_that_comes_back_itself_makes_no_further_request(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    room.comes(room.report(letter_of_rung(story, number, 2)))
    story.send_letters()
    [request] = story.letters(number, "address_request")
    mail = room.comes(room.report(request))
    assert mail.kind == "bounce_permanent"
    assert "address.requested" not in mail.effects
    assert len(story.letters(number, "address_request")) == 1


def test_a_reporters_answer_is_noted_and_wakes_nobody(story: Story, room: MailRoom) -> None:
    number = story.take_in(links=["https://www.tiktok.com/@practice"])
    story.drive(number)
    story.send_letters()
    letter = story.letters(number)[-1]
    assert letter.contact.startswith("party:")
    before = story.case(number)
    picture = (
        "--edge\r\nContent-Type: text/plain\r\n\r\nHere is the link you asked for.\r\n"
        "--edge\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=x.png\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--edge--"
    )
    raw = room.answer(letter, picture, sender="reporter@mail.example", Content_Type='multipart/mixed; boundary="edge"')
    mail = room.comes(raw)
    assert (mail.state, mail.contact) == ("read", letter.contact)
    assert mail.effects == ["answered", "media.quarantined"]
    [event] = story.events(number, "mail.answered")
    assert (event.data["attachments"], event.data["media"]) == (1, 1)
    [kept] = story.all(MailAttachment)
    assert (kept.mail_id, kept.declared_type) == (mail.id, "image/png")
    after = story.case(number)
    assert (after.status, after.drive_at) == (before.status, before.drive_at)


def test_a_mail_that_fits_nothing_is_held_and_overdue_when_nobody_looks(story: Story, room: MailRoom) -> None:
    mail = room.comes(room.mail("Who are you?"))
    assert (mail.state, mail.matched_by, mail.case_id) == ("held", "nothing", None)
    story.later(days=30)
    assert sweep(story.runtime).breached >= 1


@SQLITE_ONLY
def test_a_forged_reply_address_opens_no_case(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    forged = _another_signature(room.reply_to(letter))
    mail = room.comes(room.mail("ACK", to=forged, Subject=f"Re: {number}"))
    assert (mail.state, mail.case_id) == ("held", None)
    assert acknowledged(story, number)[2] is None


def _another_signature(address: str) -> str:
    box, _, domain = address.partition("@")
    return f"{box[:-1]}{'a' if box[-1] != 'a' else 'b'}@{domain}"


# --- Two machines that answer each other -------------------------------------------------------------------

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

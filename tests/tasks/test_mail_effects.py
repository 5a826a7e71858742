"""What follows from a mail that came in: clocks stop, rungs are in hand, addresses are marked; and nobody is mailed."""

from __future__ import annotations

import pytest

from casework.vocabulary import Action
from db.tables import Letter, MailAttachment
from tasks.collect_outcomes import collect
from tasks.escalation import acknowledge
from tasks.sla_sweep import sweep
from tests.mail_room import MailRoom, acknowledged, all_silent_until, letter_of_rung, silent_until
from tests.stories import INTAKE, REVIEWER, SQLITE_ONLY, Story


@pytest.fixture
def room(story: Story) -> MailRoom:
    return MailRoom(story)


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
def test_a_second_question_to_the_same_letter_stops_the_time_on_our_answer(story: Story, room: MailRoom) -> None:
    number = silent_until(story, 2)
    letter = letter_of_rung(story, number, 2)
    room.comes(room.answer(letter, "Please provide the exact time at which the statement is made."))
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    answer = story.submissions(number)[-1]
    [owed] = [clock for clock in story.clocks(number) if clock.duty == "platform" and clock.state == "running"]
    assert (answer.kind, owed.subject_id) == ("answer", answer.id)
    room.comes(room.answer(letter, "Please provide the language too."))
    assert story.status(number) == "more_info"
    assert [clock.stopped_by for clock in story.clocks(number) if clock.id == owed.id] == ["platform.asked"]
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

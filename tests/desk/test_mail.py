"""Mails at the desk: what came in is listed, opened on the record, and settled by people."""

from __future__ import annotations

import pytest

from tests.desk.conftest import AtTheDesk
from tests.mail_room import MailRoom, letter_of_rung, silent_until
from tests.stories import AUDITOR, DUTY, HEAD, INTAKE


@pytest.fixture
def room(desk: AtTheDesk) -> MailRoom:
    return MailRoom(desk.story)


def test_an_answer_is_listed_and_stands_on_the_page_of_its_case(desk: AtTheDesk, room: MailRoom) -> None:
    number = silent_until(desk.story, 2)
    letter = letter_of_rung(desk.story, number, 2)
    room.put(room.answer(letter, "ACK\n1: removed_globally"))
    told = desk.tells("mail", "fetch")
    assert (told["stored"], told["read"], told["held"], told["not_reached"]) == (1, 1, 0, [])
    [row] = desk.tells("mail", "list", "--case", number)
    assert (row["case"], row["kind"], row["from"], row["letter"]) == (number, "answer", "liaison:tiktok", letter.id)
    assert row["effects"] == ["answered", "rung.acknowledged", "outcomes.suggested"]
    [on_case] = desk.tells("case", "show", number)["mails"]
    assert (on_case["id"], on_case["stated_outcomes"]) == (row["id"], [[1, "removed_globally"]])
    page = desk.says("case", "show", number)
    assert "Mails" in page
    assert "1: removed_globally" in " ".join(page.split())
    assert "Mails" not in desk.says("case", "show", desk.in_review())


def test_opening_a_mail_is_on_the_record_and_its_links_are_harmless(desk: AtTheDesk, room: MailRoom) -> None:
    number = silent_until(desk.story, 2)
    letter = letter_of_rung(desk.story, number, 2)
    mail = room.comes(room.answer(letter, "See https://platform.example/decision\n> our letter"))
    page = desk.tells("mail", "show", mail.id, "--as", INTAKE)
    assert "https://" not in page["own_words"]
    assert "decision" in page["own_words"]
    assert "our letter" not in page["own_words"]
    assert page["sender"] == "liaison@platform.example"
    [event] = desk.story.events(number, "mail.opened")
    assert (event.actor_id, event.data["mail"]) == (INTAKE, mail.id)
    assert "decision" in desk.says("mail", "show", mail.id, "--as", AUDITOR)


def test_who_reported_stays_closed_and_attachments_too(desk: AtTheDesk, room: MailRoom) -> None:
    number = desk.story.take_in()
    desk.story.send_letters()
    [letter] = desk.story.letters(number)
    body = (
        "--edge\r\nContent-Type: text/plain\r\n\r\nHere it is.\r\n--edge\r\nContent-Type: image/png; name=x.png\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n--edge--"
    )
    kind = 'multipart/mixed; boundary="edge"'
    mail = room.comes(room.answer(letter, body, sender="Someone <reporter@mail.example>", Content_Type=kind))
    said = desk.says("mail", "show", mail.id, "--as", INTAKE)
    assert "reporter@mail.example" not in said
    assert "[the reporter]" in said
    assert "image/png" in said
    assert "PNG" not in said.replace("image/png", "")


def test_somebody_without_the_role_may_not_open_a_mail(desk: AtTheDesk, room: MailRoom) -> None:
    mail = room.comes(room.mail("Who are you?"))
    assert f"mail {mail.id}: {DUTY} may not open it" in desk.refuses("mail", "show", mail.id, "--as", DUTY)


def test_a_held_mail_is_assigned_by_a_person(desk: AtTheDesk, room: MailRoom) -> None:
    number = silent_until(desk.story, 2)
    letter = letter_of_rung(desk.story, number, 2)
    mail = room.comes(room.mail("ACK", sender="private@mail.example"))
    [held] = desk.tells("mail", "list", "--state", "held")
    assert (held["id"], held["case"], held["from"]) == (mail.id, None, "nobody known")
    [pen] = desk.tells("held", "list")
    assert f"qorgan mail show {mail.id}" in pen["next_step"]
    reason = "She wrote from her own address, and said so on the phone."
    done = desk.tells("mail", "assign", mail.id, number, "--letter", letter.id, "--as", INTAKE, "--reason", reason)
    assert done == {"id": mail.id, "state": "settled", "effects": ["answered", "rung.acknowledged"]}
    assert desk.tells("mail", "list", "--state", "held") == []
    assert desk.tells("held", "list") == []


def test_a_held_mail_is_settled_with_a_reason(desk: AtTheDesk, room: MailRoom) -> None:
    mail = room.comes(room.mail("Buy now."))
    assert "may not settle it" in desk.refuses("mail", "settle", mail.id, "--as", AUDITOR, "--reason", "An advert.")
    said = desk.says("mail", "settle", mail.id, "--as", HEAD, "--reason", "It is an advertisement.")
    assert said.strip() == f"Mail {mail.id} is settled: nothing follows."
    assert "waits for nobody" in desk.refuses("mail", "settle", mail.id, "--as", HEAD, "--reason", "Once more.")


def test_a_mail_leaves_the_holding_pen_only_as_a_mail(desk: AtTheDesk, room: MailRoom) -> None:
    mail = room.comes(b"From: somebody@else.example\r\nSubject: hello\r\n\r\nhello\r\n")
    [held] = desk.tells("held", "list")
    said = desk.refuses("held", "settle", held["id"], "--as", INTAKE, "--reason", "It was nothing.")
    assert "[held.is_a_mail]" in said
    assert f"qorgan mail settle {mail.id}" in said
    assert desk.tells("mail", "list", "--state", "held")


def test_held_mails_are_read_again_one_or_all(desk: AtTheDesk, room: MailRoom) -> None:
    first, second = room.comes(room.mail("Buy now.")), room.comes(room.mail("Buy more."))
    one = desk.run("mail", "replay", first.id, "--as", INTAKE)
    assert (one.exit_code, one.stdout.splitlines()[-1]) == (1, "1 read again, 1 still held.")
    every = desk.run("mail", "replay", "--all-held", "--as", INTAKE)
    assert (every.exit_code, every.stdout.splitlines()[-1]) == (1, "2 read again, 2 still held.")
    assert {mail.state for mail in (first, second)} == {"held"}
    assert desk.run("mail", "replay", "--as", INTAKE).exit_code == 2


def test_a_mail_that_is_not_there_is_refused_in_one_line(desk: AtTheDesk) -> None:
    assert "there is no mail 7" in desk.refuses("mail", "show", 7, "--as", INTAKE)
    assert "there is no mail 7" in desk.refuses("mail", "replay", 7, "--as", INTAKE)

"""Only what a person wrote is an answer, and what a person wrote is one whatever it quotes."""

from __future__ import annotations

import pytest

from casework.inbound_mail import read_mail
from casework.mail_kinds import MAX_HOPS, Classified, OurMail, classify
from casework.vocabulary import MailKind

OURS = OurMail(frozenset({"notices@ministry.example", "unit@ministry.example"}), "ministry.example")
MARKS = (
    "Auto-Submitted: auto-replied", "Auto-Submitted: AUTO-GENERATED (rejected)", "Auto-Submitted: auto-notified; x=1",
    "X-Auto-Response-Suppress: All", "Precedence: bulk", "Precedence: JUNK", "Precedence: list",
    "Precedence: auto_reply", "X-Autoreply: yes", "X-Autorespond: away", "X-Loop: someone@platform.example",
    "List-Id: <safety.lists.example>", "Return-Path: <>",
)  # fmt: skip


def kind(
    text: str = "We look at it.",
    *headers: str,
    subject: str = "Re: case",
    sender: str = "a@platform.example",
    message_id: str = "<1@platform.example>",
) -> Classified:
    head = [f"From: {sender}", f"Subject: {subject}", f"Message-ID: {message_id}", *headers]
    body = text if text.startswith("--edge") else "\r\n" + text
    return classify(read_mail("\r\n".join(head).encode() + b"\r\n" + body.encode()), OURS)


def report(action: str, status: str, words: str = "said no", returned: str = "") -> Classified:
    body = (f"\r\n--edge\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
            f"Final-Recipient: rfc822; a@platform.example\r\nAction: {action}\r\nStatus: {status}\r\n"
            f"Diagnostic-Code: smtp; {words}\r\n--edge\r\nContent-Type: text/rfc822-headers\r\n\r\n{returned}\r\n"
            "--edge--\r\n")  # fmt: skip
    stated = 'Content-Type: multipart/report; report-type=delivery-status; boundary="edge"'
    return kind(body, stated, "Return-Path: <>", "Auto-Submitted: auto-replied", sender="MAILER-DAEMON@mx.example")


def in_words(text: str, *, subject: str = "Undelivered", sender: str = "MAILER-DAEMON@mx.example") -> Classified:
    return kind(text, "Return-Path: <>", subject=subject, sender=sender)


# --- A machine's answer, a person's answer ---------------------------------------------------------------


@pytest.mark.parametrize("mark", MARKS)
def test_a_mail_that_a_machine_marked_is_no_answer_even_with_ack_in_it(mark: str) -> None:
    found = kind("ACK\r\n1: removed_globally", mark)
    assert found.kind == MailKind.AUTO_REPLY
    assert mark.partition(":")[0].title() in found.because


@pytest.mark.parametrize(
    "mark",
    ["Auto-Submitted: no", "Auto-Submitted: No; x=1", "Auto-Submitted:", "X-Autoreply: no", "Precedence: normal"],
)
def test_a_mark_that_says_no_is_no_mark(mark: str) -> None:
    assert kind("ACK", mark).kind == MailKind.ANSWER


@pytest.mark.parametrize(
    "subject",
    ["Automatic reply: case", "Out of Office: case", "Out of office", "Out of Office AutoReply: x", "AutoReply: x",
     "Auto: I am away", "Автоответ: дело", "Автоматический ответ: дело", "Вне офиса", "Автоматты жауап: іс",
     "Abwesenheit", "Abwesenheitsnotiz: Fall", "Réponse automatique : affaire", "A. Sadykova is out of the office."],
)  # fmt: skip
def test_an_absence_note_without_a_mark_is_known_by_its_subject(subject: str) -> None:
    assert kind("I am away.", subject=subject).kind == MailKind.AUTO_REPLY


@pytest.mark.parametrize(
    "subject",
    ["Re: Automatic reply: case", "RE: Out of office", "Out of office hours: whom do we call?", "Case: out of office?",
     "Automatic removal of the post", "Auto shop scam, case", "Ответ: автоответ получен", "Вне офиса мы не отвечаем"],
)  # fmt: skip
def test_a_subject_that_speaks_of_absence_is_still_a_persons(subject: str) -> None:
    assert kind("We look at it.", subject=subject).kind == MailKind.ANSWER


@pytest.mark.parametrize(
    "line",
    ["I am currently out of the office until Monday.", "This is an automated response.", "Это автоматический ответ.",
     "Я нахожусь в отпуске до понедельника.", "Бұл автоматты жауап.", "Ich bin derzeit nicht im Büro."],
)  # fmt: skip
def test_an_absence_note_is_known_by_its_first_lines(line: str) -> None:
    assert kind(f"Hello,\r\n\r\n{line}\r\n").kind == MailKind.AUTO_REPLY
    assert kind(f"Hello,\r\n\r\n{line}\r\n\r\nACK").kind == MailKind.ANSWER, "its answer is a person's"
    assert kind(f"We look at it.\r\n\r\n> {line}\r\n").kind == MailKind.ANSWER, "it is quoted"
    assert kind(f"1\r\n2\r\n3\r\n{line}\r\n").kind == MailKind.ANSWER, "it stands further down"


def test_a_read_receipt_is_no_answer_and_no_report() -> None:
    stated = 'Content-Type: multipart/report; report-type=disposition-notification; boundary="edge"'
    body = "\r\n--edge\r\n\r\nACK\r\n--edge\r\nContent-Type: message/disposition-notification\r\n\r\nx\r\n--edge--"
    assert kind(body, stated).kind == MailKind.AUTO_REPLY


# --- Our own mail, and loops -----------------------------------------------------------------------------


def test_our_own_mail_is_known_by_each_of_its_marks() -> None:
    assert kind(message_id="<letter.12.0123456789abcdef@ministry.example>").kind == MailKind.OWN
    assert kind(sender="Unit <Notices@Ministry.example>").kind == MailKind.OWN
    assert kind(sender="notices+kz-2026-000123.abcdefgh.x@ministry.example").kind == MailKind.OWN
    assert kind("ACK", "X-Qorgan-Letter: 12").kind == MailKind.OWN


@pytest.mark.parametrize(
    "message_id",
    ["<letter.12.0123456789abcdef@platform.example>", "<letter.x@ministry.example>", "<note@ministry.example>"],
)
def test_a_message_id_that_only_resembles_ours_is_a_persons(message_id: str) -> None:
    assert kind(message_id=message_id).kind == MailKind.ANSWER


def test_a_colleague_at_our_own_domain_is_a_person() -> None:
    assert kind(sender="legal@ministry.example").kind == MailKind.ANSWER


def test_a_mail_that_went_through_too_many_servers_goes_round() -> None:
    hops = ["Received: from a by b; Tue, 10 Mar 2026 11:20:00 +0500"] * MAX_HOPS
    assert kind("ACK", *hops).kind == MailKind.LOOP
    assert kind("ACK", *hops[1:]).kind == MailKind.ANSWER


def test_a_loop_mark_with_our_own_address_is_a_loop() -> None:
    assert kind("ACK", "X-Loop: notices@ministry.example").kind == MailKind.LOOP


# --- Reports ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "status", "words", "expected"),
    [
        ("failed", "5.1.1", "550 unknown", MailKind.BOUNCE_PERMANENT),
        ("failed", "5.7.1", "554 refused as spam", MailKind.BOUNCE_PERMANENT),
        ("failed", "5.2.2", "552 no", MailKind.BOUNCE_FULL),
        ("failed", "4.2.2", "452 no", MailKind.BOUNCE_FULL),
        ("failed", "5.0.0", "552 Mailbox is full", MailKind.BOUNCE_FULL),
        ("failed", "5.0.0", "552 user is over quota", MailKind.BOUNCE_FULL),
        ("failed", "5.0.0", "552 Ящик переполнен", MailKind.BOUNCE_FULL),
        ("failed", "5.0.0", "552 Пошта жәшігі толы", MailKind.BOUNCE_FULL),
        ("failed", "4.4.7", "delivery time expired", MailKind.BOUNCE_PERMANENT),
        ("delayed", "4.4.1", "timed out", MailKind.BOUNCE_TRANSIENT),
        ("delayed", "4.2.2", "mailbox full", MailKind.BOUNCE_TRANSIENT),
        ("", "4.4.1", "timed out", MailKind.BOUNCE_TRANSIENT),
        ("", "5.1.1", "unknown", MailKind.BOUNCE_PERMANENT),
        ("delivered", "2.0.0", "250 ok", MailKind.DELIVERED),
        ("expanded", "2.0.0", "250 ok", MailKind.DELIVERED),
        ("relayed", "2.0.0", "250 ok", MailKind.AUTO_REPLY),
    ],
)
def test_a_report_is_read_by_what_the_server_did(action: str, status: str, words: str, expected: MailKind) -> None:
    found = report(action, status, words)
    assert found.kind == expected, found.because


@pytest.mark.parametrize(
    "returned",
    ["Content-Type: multipart/report; report-type=delivery-status", "Return-Path: <>", "From: MAILER-DAEMON@x.example",
     "Auto-Submitted: auto-replied"],
)  # fmt: skip
def test_a_report_about_a_machines_mail_is_a_loop_and_marks_nobody(returned: str) -> None:
    assert report("failed", "5.1.1", returned=returned).kind == MailKind.LOOP


def test_a_report_about_our_own_letter_is_not_our_own_mail() -> None:
    returned = "From: notices@ministry.example\r\nX-Qorgan-Letter: 7\r\nAuto-Submitted: auto-generated"
    assert report("failed", "5.1.1", returned=returned).kind == MailKind.BOUNCE_PERMANENT
    copied = kind("Delivery failed.", "Return-Path: <>", "X-Qorgan-Letter: 7", sender="MAILER-DAEMON@mx.example")
    assert copied.kind == MailKind.BOUNCE_PERMANENT, "some servers copy our headers into their own"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("I wasn't able to deliver your message. 550 5.1.1 no such user", MailKind.BOUNCE_PERMANENT),
        ("Your message could not be delivered: 552 5.2.2 mailbox full", MailKind.BOUNCE_FULL),
        ("Сообщение не доставлено: пользователь не найден", MailKind.BOUNCE_PERMANENT),
        ("Не удалось доставить письмо. 552 ящик переполнен", MailKind.BOUNCE_FULL),
        ("Хат жеткізілмеді.", MailKind.BOUNCE_PERMANENT),
        ("The scanner looked at your mail.", MailKind.AUTO_REPLY),
    ],
)
def test_a_server_with_words_of_its_own_is_understood(words: str, expected: MailKind) -> None:
    found = in_words(words, subject="Notice")
    assert found.kind == expected, found.because


def test_a_person_who_speaks_of_a_mail_that_came_back_is_a_person() -> None:
    text = "Your last letter could not be delivered: 550 5.1.1 user unknown. Write to me instead.\r\n"
    assert kind(text, subject="Undelivered mail").kind == MailKind.ANSWER


def test_an_absence_note_that_quotes_a_failure_marks_no_address() -> None:
    found = kind("My mailbox is full, delivery failed.", "Return-Path: <>", "Auto-Submitted: auto-replied (vacation)")
    assert found.kind == MailKind.AUTO_REPLY

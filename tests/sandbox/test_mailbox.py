"""The practice mailbox, spoken to over real SMTP."""

from __future__ import annotations

import smtplib
import socket
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path

import pytest

from sandbox.practice_mailbox import MAX_MESSAGE_BYTES, PracticeMailbox

US = "desk@ministry.example"
LIAISON = "liaison@platform.example"
HEAD = "head@platform.example"


def letter(subject: str = "Reminder KZ-2026-000123", text: str = "Please answer.\n") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = US, LIAISON, subject
    message.set_content(text)
    return message


def send(mailbox: PracticeMailbox, message: EmailMessage, *recipients: str) -> dict[str, tuple[int, bytes]]:
    with smtplib.SMTP(mailbox.host, mailbox.port, timeout=20) as smtp:
        return smtp.send_message(message, US, recipients or (LIAISON,))


def test_a_message_is_kept_with_its_envelope(mailbox: PracticeMailbox) -> None:
    before = datetime.now(UTC)
    send(mailbox, letter("Еске салу KZ-2026-000123", "Сәлеметсіз бе!\n"), LIAISON, HEAD)

    [kept] = mailbox.messages()

    assert (kept.sender, kept.recipients) == (US, (LIAISON, HEAD))
    assert kept.subject == "Еске салу KZ-2026-000123"
    assert kept.message.get_content() == "Сәлеметсіз бе!\n"
    head = kept.path.read_text("utf-8").splitlines()
    assert head[:2] == [f"X-Envelope-From: {US}", f"X-Envelope-To: {LIAISON}, {HEAD}"]
    stamp, sequence = kept.path.stem.rsplit("-", 1)
    written_at = datetime.strptime(stamp, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    assert before <= written_at <= datetime.now(UTC)
    assert sequence == "000001"


def test_messages_come_back_in_the_order_of_arrival_and_whole(mailbox: PracticeMailbox) -> None:
    for number in range(3):
        send(mailbox, letter(f"Letter {number}"))

    assert [kept.subject for kept in mailbox.messages()] == ["Letter 0", "Letter 1", "Letter 2"]
    assert {path.suffix for path in mailbox.directory.iterdir()} == {".eml"}


def test_envelope_headers_a_sender_made_up_are_not_believed(mailbox: PracticeMailbox) -> None:
    message = letter()
    message["X-Envelope-To"] = "somebody@else.example"
    send(mailbox, message)

    assert mailbox.messages()[0].recipients == (LIAISON,)


def test_a_bounce_with_no_sender_is_kept(mailbox: PracticeMailbox) -> None:
    with smtplib.SMTP(mailbox.host, mailbox.port, timeout=20) as smtp:
        smtp.sendmail("", [LIAISON], b"Subject: Undelivered\r\n\r\n.dots\r\n")

    [kept] = mailbox.messages()
    assert (kept.sender, kept.subject, kept.message.get_content()) == (
        "",
        "Undelivered",
        ".dots\n",
    )


def test_a_refused_recipient_does_not_stop_the_other(mailbox: PracticeMailbox) -> None:
    mailbox.refuse_recipients = {"Head@Platform.example"}

    refused = send(mailbox, letter(), LIAISON, HEAD)

    assert refused[HEAD][0] == 550
    assert mailbox.messages()[0].recipients == (LIAISON,)


def test_a_deferred_recipient_is_told_to_try_later(mailbox: PracticeMailbox) -> None:
    mailbox.defer_recipients.add(LIAISON)

    with pytest.raises(smtplib.SMTPRecipientsRefused) as deferred:
        send(mailbox, letter())

    assert deferred.value.recipients[LIAISON][0] == 451
    assert mailbox.messages() == []


def test_an_accepted_message_whose_answer_is_lost_is_kept(mailbox: PracticeMailbox) -> None:
    mailbox.drop_after_data_next = 1

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mailbox, letter("First"))
    send(mailbox, letter("Second"))

    assert [kept.subject for kept in mailbox.messages()] == ["First", "Second"]


def test_a_message_dropped_before_it_began_is_not_kept(mailbox: PracticeMailbox) -> None:
    mailbox.drop_before_data_next = 1

    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(mailbox, letter("First"))
    send(mailbox, letter("Second"))

    assert [kept.subject for kept in mailbox.messages()] == ["Second"]


def test_a_rejected_message_is_not_kept(mailbox: PracticeMailbox) -> None:
    mailbox.reject_data_next = 1

    with pytest.raises(smtplib.SMTPDataError) as rejected:
        send(mailbox, letter("First"))
    send(mailbox, letter("Second"))

    assert rejected.value.smtp_code == 554
    assert [kept.subject for kept in mailbox.messages()] == ["Second"]


def test_a_message_over_ten_megabytes_is_refused(mailbox: PracticeMailbox) -> None:
    with (
        smtplib.SMTP(mailbox.host, mailbox.port, timeout=20) as smtp,
        pytest.raises(smtplib.SMTPSenderRefused) as refused,
    ):
        smtp.sendmail(US, [LIAISON], b"x" * (MAX_MESSAGE_BYTES + 1))

    assert refused.value.smtp_code == 552
    assert mailbox.messages() == []


def test_a_mailbox_started_again_keeps_its_port_and_counts_on(tmp_path: Path) -> None:
    mailbox = PracticeMailbox(tmp_path)
    mailbox.start()
    send(mailbox, letter("First"))
    port = mailbox.port
    mailbox.stop()
    mailbox.stop()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((mailbox.host, port), timeout=5)

    with mailbox:
        send(mailbox, letter("Second"))

    assert mailbox.port == port
    assert [kept.path.stem[-6:] for kept in mailbox.messages()] == ["000001", "000002"]


def test_a_started_mailbox_cannot_be_started_twice(mailbox: PracticeMailbox) -> None:
    with pytest.raises(RuntimeError):
        mailbox.start()

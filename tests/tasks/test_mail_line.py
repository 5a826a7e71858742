"""Many letters over one connection: each has its own answer, and a server that hangs up in between loses none."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from casework.errors import ConfigurationError
from sandbox.practice_mailbox import PracticeMailbox
from tasks import mailer
from tasks.mailer import Delivered, Envelope, Mailer
from tasks.smtp_words import queue_id_of
from tests.certificates import own_certificate
from tests.tasks.test_mailer import _mailer, _server


def _envelope(number: int, to: str = "them@mail.example", **more: str) -> Envelope:
    return Envelope("us@ministry.example", to, f"Subject: letter {number}\r\n\r\nText.\r\n".encode(), **more)


@pytest.fixture
def mailbox(tmp_path: Path) -> Iterator[PracticeMailbox]:
    with PracticeMailbox(tmp_path / "mail") as running:
        yield running


def _to(mailbox: PracticeMailbox, **changes: object) -> Mailer:
    options = {"security": "none", "user": None, "password": None, "timeout": 10.0, **changes}
    return Mailer(mailbox.host, mailbox.port, **options)  # type: ignore[arg-type]


def _subjects(mailbox: PracticeMailbox) -> list[str]:
    return [kept.subject for kept in mailbox.messages()]


def test_many_letters_take_one_connection() -> None:
    with _server() as server, _mailer(server).connected() as line:
        results = [line.send(_envelope(number)).result for number in range(20)]
    assert set(results) == {Delivered.YES}
    assert server.conversations == 1
    assert [word for word in server.heard if word.upper().startswith("QUIT")] == ["quit"]


def test_after_many_letters_the_server_is_called_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailer, "LETTERS_A_CONNECTION", 3)
    with _server() as server, _mailer(server).connected() as line:
        results = [line.send(_envelope(number)).result for number in range(7)]
    assert set(results) == {Delivered.YES}
    assert server.conversations == 3


def test_a_refused_letter_leaves_the_connection_to_the_next(mailbox: PracticeMailbox) -> None:
    mailbox.refuse_recipients, mailbox.defer_recipients = {"gone@mail.example"}, {"busy@mail.example"}
    mailbox.reject_data_next = 1
    with _to(mailbox).connected() as line:
        rejected = line.send(_envelope(0))
        answers = [line.send(_envelope(1, f"{name}@mail.example")).result for name in ("gone", "there", "busy", "here")]
    assert rejected.result is Delivered.NO
    assert answers == [Delivered.NO, Delivered.YES, Delivered.LATER, Delivered.YES]
    assert [kept.recipients for kept in mailbox.messages()] == [("there@mail.example",), ("here@mail.example",)]


def test_a_server_that_cannot_begin_anew_after_a_refusal_is_called_again() -> None:
    with _server(RCPT="550 no such mailbox", RSET="502 what") as server, _mailer(server).connected() as line:
        assert [line.send(_envelope(number)).result for number in range(2)] == [Delivered.NO] * 2
    assert server.conversations == 2


@pytest.mark.parametrize("limit", [1, 2])
def test_a_server_that_closes_between_two_letters_gets_each_letter_once(mailbox: PracticeMailbox, limit: int) -> None:
    mailbox.messages_per_connection = limit
    with _to(mailbox).connected() as line:
        results = [line.send(_envelope(number)).result for number in range(5)]
    assert results == [Delivered.YES] * 5
    assert _subjects(mailbox) == [f"letter {number}" for number in range(5)]


def test_a_connection_lost_after_the_text_is_unknown_also_for_a_later_letter(mailbox: PracticeMailbox) -> None:
    with _to(mailbox).connected() as line:
        first = line.send(_envelope(1))
        mailbox.drop_after_data_next = 1
        second = line.send(_envelope(2))
        third = line.send(_envelope(3))
    assert [one.result for one in (first, second, third)] == [Delivered.YES, Delivered.UNKNOWN, Delivered.YES]
    assert _subjects(mailbox) == ["letter 1", "letter 2", "letter 3"], "the one nobody knows about is not repeated"


def test_a_connection_lost_before_the_text_is_opened_again_once(mailbox: PracticeMailbox) -> None:
    with _to(mailbox).connected() as line:
        line.send(_envelope(1))
        mailbox.drop_before_data_next = 1
        assert line.send(_envelope(2)).result is Delivered.YES
        mailbox.drop_before_data_next = 2
        assert line.send(_envelope(3)).result is Delivered.LATER
    assert _subjects(mailbox) == ["letter 1", "letter 2"]


# What the server says, and what it is asked for

QUEUE_IDS = {
    "2.0.0 Ok: queued as 4XyZ1b2c3d": "4XyZ1b2c3d",
    "OK id=1tQx0a-0000000Ab1-2C3d": "1tQx0a-0000000Ab1-2C3d",
    "2.0.0 4BPAkx001234 Message accepted for delivery": "4BPAkx001234",
    "2.6.0 <x@y.example> [InternalId=12345678901234, Hostname=a.example] Queued mail for delivery": "12345678901234",
    "ok 1742280000 qp 4711": "1742280000 qp 4711",
    "2.0.0 Stored (practice)": "",
    "Thank you": "",
}


@pytest.mark.parametrize(("words", "queue_id"), QUEUE_IDS.items())
def test_the_servers_own_number_of_a_letter_is_read_from_its_words(words: str, queue_id: str) -> None:
    assert queue_id_of(words.encode()) == queue_id
    with _server(end=f"250 {words}") as server, _mailer(server).connected() as line:
        attempt = line.send(_envelope(1))
    assert (attempt.result, attempt.queue_id) == (Delivered.YES, queue_id)


def test_a_server_that_can_report_delivery_is_asked_to() -> None:
    letter = _envelope(1, "o+ne@mail.example", id="4711")
    with _server(EHLO="250-hello\r\n250 DSN") as server, _mailer(server).connected() as line:
        assert line.send(letter).result is Delivered.YES
    [mail, rcpt] = [word for word in server.heard if word.upper().startswith(("MAIL", "RCPT"))]
    assert mail.endswith(" RET=HDRS ENVID=4711")
    assert rcpt.endswith(" NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;o+2Bne@mail.example")


def test_a_server_that_cannot_is_not() -> None:
    with _server() as server, _mailer(server).connected() as line:
        assert line.send(_envelope(1, id="4711")).result is Delivered.YES
    assert not [word for word in server.heard if "ENVID" in word or "NOTIFY" in word]


# Protection of the connection


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    """A server's own certificate for the local host, and the server's side of it."""
    known = own_certificate(tmp_path_factory.mktemp("tls"), "server", "practice", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(known, known.with_suffix(".key"))
    return known, context


def test_letters_go_under_tls_to_a_server_whose_certificate_is_known(
    tmp_path: Path, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    known, context = certificate
    with PracticeMailbox(tmp_path / "mail", tls=context) as mailbox:
        with smtplib.SMTP(mailbox.host, mailbox.port, timeout=10) as bare, pytest.raises(smtplib.SMTPException):
            bare.sendmail("us@ministry.example", ["them@mail.example"], "Subject: in clear\r\n\r\nText.\r\n")
        with _to(mailbox, security="starttls", ca_file=known).connected() as line:
            assert [line.send(_envelope(number)).result for number in range(2)] == [Delivered.YES] * 2
        assert _subjects(mailbox) == ["letter 0", "letter 1"]


def test_a_certificate_that_nobody_vouches_for_stops_the_sending(
    tmp_path: Path, certificate: tuple[Path, ssl.SSLContext]
) -> None:
    with PracticeMailbox(tmp_path / "mail", tls=certificate[1]) as mailbox:
        wary = _to(mailbox, security="starttls")
        with pytest.raises(ConfigurationError, match="QORGAN_SMTP_CA_FILE"), wary.connected() as line:
            line.open()
        with wary.connected() as line:
            assert line.send(_envelope(1)).result is Delivered.LATER
        assert _subjects(mailbox) == []


def test_certificates_that_cannot_be_read_stop_the_sending(mailbox: PracticeMailbox, tmp_path: Path) -> None:
    (tmp_path / "broken.pem").write_text("no certificate")
    for file in (tmp_path / "broken.pem", tmp_path / "nowhere.pem"):
        line = _to(mailbox, security="starttls", ca_file=file).connected()
        with pytest.raises(ConfigurationError, match="QORGAN_SMTP_CA_FILE"), line:
            pass


def test_tls_from_the_first_byte_checks_the_certificate_too(certificate: tuple[Path, ssl.SSLContext]) -> None:
    known, context = certificate
    with _server() as server:
        server.tls = context
        with _mailer(server, security="tls", ca_file=known).connected() as line:
            assert [line.send(_envelope(number)).result for number in range(2)] == [Delivered.YES] * 2
        assert server.conversations == 1
        with (
            pytest.raises(ConfigurationError, match="certificate"),
            _mailer(server, security="tls").connected() as line,
        ):
            line.open()

"""One attempt at one recipient, spoken with servers that behave in every way servers do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import pytest

from casework.errors import ConfigurationError
from tasks.composer import compose
from tasks.mailer import Attempt, Delivered, Envelope, Mailer

ENVELOPE = Envelope("us@ministry.example", "them@mail.example", b"Subject: a letter\r\n\r\nText.\r\n")

POLITE = {
    "": "220 ready", "EHLO": "250 hello", "MAIL": "250 ok", "RCPT": "250 ok", "DATA": "354 go ahead", ".": "250 stored",
    "RSET": "250 ok", "QUIT": "221 bye",
}  # fmt: skip
"""Answers by the first word of a command; '' is the greeting, '.' the end of the text."""

SILENT, HANG_UP = "(silent)", "(hang up)"


class ScriptedServer:
    """An SMTP server that says what the script says, to one client after another."""

    def __init__(self, **changes: str) -> None:
        self.script = {
            **POLITE,
            "": changes.pop("greeting", POLITE[""]),
            ".": changes.pop("end", POLITE["."]),
            **changes,
        }
        self.heard: list[str] = []
        self.conversations = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.tls: ssl.SSLContext | None = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        while not self.over.is_set():
            try:
                client, _address = self.listener.accept()
            except OSError:
                return
            self.conversations += 1
            with suppress(OSError):
                self._talk(client if self.tls is None else self.tls.wrap_socket(client, server_side=True))

    def _talk(self, client: socket.socket) -> None:
        with client, client.makefile("rwb") as stream:
            if not self._say(stream, ""):
                return
            text = False
            for raw in stream:
                line = raw.decode("utf-8", "replace").strip()
                word = "." if text and line == "." else line.partition(" ")[0].upper()
                if text and word != ".":
                    continue
                self.heard.append(line)
                text = word == "DATA" and self.script["DATA"].startswith("354")
                if not self._say(stream, word) or word == "QUIT":
                    return

    def _say(self, stream: object, word: str) -> bool:
        answer = self.script.get(word, "502 unknown")
        if answer == SILENT:
            self.over.wait(20)
            return False
        if answer == HANG_UP:
            return False
        stream.write(f"{answer}\r\n".encode())  # type: ignore[attr-defined]
        stream.flush()  # type: ignore[attr-defined]
        return True

    def close(self) -> None:
        self.over.set()
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(20)


@contextmanager
def _server(**script: str) -> Iterator[ScriptedServer]:
    server = ScriptedServer(**script)
    try:
        yield server
    finally:
        server.close()


def _send(server: ScriptedServer, envelope: Envelope = ENVELOPE, **changes: object) -> Attempt:
    with _mailer(server, **changes).connected() as line:
        return line.send(envelope)


def _mailer(server: ScriptedServer, **changes: Any) -> Mailer:
    options = {"security": "none", "user": None, "password": None, "timeout": 0.5, **changes}
    return Mailer("127.0.0.1", server.port, **options)


def test_a_yes_is_a_yes_and_quotes_the_servers_last_word() -> None:
    with _server() as server:
        assert _send(server) == Attempt(Delivered.YES, "250 stored")
    assert [line.partition(" ")[0].upper() for line in server.heard] == ["EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"]


OUTCOMES = [
    ({"greeting": "421 too busy"}, Delivered.LATER),
    ({"greeting": "554 go away"}, Delivered.LATER),
    ({"greeting": HANG_UP}, Delivered.LATER),
    ({"greeting": SILENT}, Delivered.LATER),
    ({"MAIL": "451 later"}, Delivered.LATER),
    ({"MAIL": "550 not you"}, Delivered.NO),
    ({"MAIL": HANG_UP}, Delivered.LATER),
    ({"RCPT": "450 greylisted"}, Delivered.LATER),
    ({"RCPT": "550 no such mailbox"}, Delivered.NO),
    ({"RCPT": HANG_UP}, Delivered.LATER),
    ({"DATA": "451 later"}, Delivered.LATER),
    ({"DATA": "554 no"}, Delivered.NO),
    ({"DATA": HANG_UP}, Delivered.LATER),
    ({"DATA": SILENT}, Delivered.LATER),
    ({"end": "451 later"}, Delivered.LATER),
    ({"end": "554 spam"}, Delivered.NO),
    ({"end": "nonsense"}, Delivered.UNKNOWN),
    ({"end": "250 " + "x" * 9_000}, Delivered.UNKNOWN),
    ({"RCPT": "nonsense"}, Delivered.LATER),
    ({"end": HANG_UP}, Delivered.UNKNOWN),
    ({"end": SILENT}, Delivered.UNKNOWN),
    ({"QUIT": HANG_UP}, Delivered.YES),
    ({"QUIT": "500 never"}, Delivered.YES),
]


@pytest.mark.parametrize(("script", "result"), OUTCOMES, ids=lambda value: str(value))
def test_what_is_known_after_one_attempt(script: dict[str, str], result: Delivered) -> None:
    with _server(**script) as server:
        assert _send(server).result is result
    assert server.conversations == 1, "one attempt is one attempt"


def test_a_server_that_does_not_offer_the_encryption_we_require_gets_nothing() -> None:
    with _server() as server, pytest.raises(ConfigurationError, match=r"STARTTLS.*QORGAN_SMTP_SECURITY"):
        _open(server, security="starttls")
    assert not [line for line in server.heard if line.upper().startswith(("MAIL", "DATA"))]


def test_a_login_that_is_refused_sends_nothing_and_blames_no_letter() -> None:
    with _server(EHLO="250-hello\r\n250 AUTH PLAIN", AUTH="535 wrong password") as server:
        with pytest.raises(ConfigurationError, match="QORGAN_SMTP_PASSWORD") as refused:
            _open(server, user="desk", password="secret")
        assert _send(server, user="desk", password="secret").result is Delivered.LATER
    assert not [line for line in server.heard if line.upper().startswith("MAIL")]
    assert "secret" not in str(refused.value)


def _open(server: ScriptedServer, **changes: Any) -> None:
    with _mailer(server, **changes).connected() as line:
        line.open()


ADDRESSES = [
    "ұлан@пошта.қаз", "ұлан@mail.example", "нет почты", "", "@", "a b@mail.example", "a@mail.example, b@mail.example",
    "Them <b@mail.example>", "a\r\nRCPT TO:<b@mail.example>",
]  # fmt: skip


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_smtp_cannot_carry_is_a_no_and_no_crash(address: str) -> None:
    with _server() as server:
        attempt = _send(server, Envelope("us@ministry.example", address, ENVELOPE.message))
    assert attempt.result is Delivered.NO
    assert not [line for line in server.heard if line.upper().startswith("DATA")]


def test_a_servers_answer_is_kept_without_the_address_it_repeats() -> None:
    with _server(RCPT="550 5.1.1 <them@mail.example>: Recipient address rejected " + "x" * 400) as server:
        answer = _send(server).answer
    assert answer.startswith("550 5.1.1 Recipient address rejected")
    assert "them" not in answer
    assert len(answer) <= 200


def test_an_account_at_a_server_that_offers_no_login_stops_the_sending() -> None:
    with _server() as server, pytest.raises(ConfigurationError, match="offers no login"):
        _open(server, user="desk", password="secret")


def test_without_a_server_it_says_what_to_set() -> None:
    nowhere = Mailer(None, 25, "none", None, None, 1)
    with pytest.raises(ConfigurationError, match="QORGAN_SMTP_HOST"), nowhere.connected():
        pass


@pytest.mark.parametrize("part", ["subject", "recipient", "address", "reply_to", "header"])
def test_a_line_break_in_a_header_is_refused(part: str) -> None:
    evil = "a\r\nBcc: b@mail.example"
    with pytest.raises(ValueError, match="line break"):
        compose(
            message_id="<1@ministry.example>",
            sender=("Unit", "us@ministry.example"),
            recipient=(evil if part == "recipient" else "Them", evil if part == "address" else "them@mail.example"),
            reply_to=evil if part == "reply_to" else "us@ministry.example",
            subject=evil if part == "subject" else "A letter",
            text="Text.",
            html="<p>Text.</p>",
            at=datetime(2026, 3, 18, 4, 0, tzinfo=UTC),
            headers={"X-One": evil if part == "header" else "1"},
        )


def test_the_message_has_crlf_line_ends_throughout() -> None:
    message = compose(
        message_id="<1@ministry.example>", sender=("Unit", "us@ministry.example"), recipient=("Ұлан", "u@mail.example"),
        reply_to="us@ministry.example", subject="Тақырып", text="Бір\nЕкі\n", html="<p>Бір</p>\n",
        at=datetime(2026, 3, 18, 4, 0, tzinfo=UTC), headers={},
    )  # fmt: skip
    assert message.count(b"\n") == message.count(b"\r\n")
    assert max(len(line) for line in message.split(b"\r\n")) <= 998

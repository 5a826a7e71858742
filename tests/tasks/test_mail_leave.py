"""A letter is announced to the server while its sender notes that it goes; its text is handed over only after that."""

from __future__ import annotations

import time

import pytest

from tasks.mailer import Delivered
from tests.tasks.test_mail_line import _envelope
from tests.tasks.test_mailer import HANG_UP, ScriptedServer, _mailer, _server

ONE_BY_ONE, SEVERAL_AT_ONCE = "250 hello", "250-hello\r\n250 PIPELINING"
both_kinds = pytest.mark.parametrize("ehlo", [ONE_BY_ONE, SEVERAL_AT_ONCE], ids=["one by one", "several at once"])


class Leave:
    """Whoever may say that a letter goes; it remembers what the server had heard when it was asked."""

    def __init__(self, server: ScriptedServer, *, says: bool = True) -> None:
        self.server, self.says = server, says
        self.asked: list[list[str]] = []

    def __call__(self) -> bool:
        self.asked.append(words(self.server))
        return self.says


def words(server: ScriptedServer) -> list[str]:
    """The commands that a server heard since it was greeted."""
    heard = [line.split()[0].upper() for line in server.heard]
    return [word for word in heard if word not in ("EHLO", "QUIT")]


@both_kinds
def test_leave_is_asked_once_and_before_the_text(ehlo: str) -> None:
    with _server(EHLO=ehlo) as server, _mailer(server).connected() as line:
        leave = Leave(server)
        attempt = line.send(_envelope(1), leave)
        assert attempt is not None
        assert attempt.result is Delivered.YES
        [heard_before] = leave.asked
        assert "DATA" not in heard_before
        assert words(server) == ["MAIL", "RCPT", "DATA", "."]


def test_a_server_that_takes_several_commands_at_once_hears_the_recipient_meanwhile() -> None:
    with _server(EHLO=SEVERAL_AT_ONCE) as server, _mailer(server).connected() as line:

        def once_it_heard() -> bool:
            deadline = time.monotonic() + 10
            while "RCPT" not in words(server) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert words(server) == ["MAIL", "RCPT"]
            return True

        attempt = line.send(_envelope(1), once_it_heard)
    assert attempt is not None
    assert attempt.result is Delivered.YES


@both_kinds
def test_without_leave_no_text_is_handed_over_and_the_next_letter_takes_the_same_connection(ehlo: str) -> None:
    with _server(EHLO=ehlo) as server, _mailer(server).connected() as line:
        assert line.send(_envelope(1), Leave(server, says=False)) is None
        assert "DATA" not in words(server)
        attempt = line.send(_envelope(2), Leave(server))
        assert attempt is not None
        assert attempt.result is Delivered.YES
    assert server.conversations == 1
    assert words(server)[-5:] == ["RSET", "MAIL", "RCPT", "DATA", "."]


@both_kinds
def test_a_refused_sender_leaves_no_answer_behind_for_the_next_letter(ehlo: str) -> None:
    refusal = "550 5.7.1 not from you"
    with _server(EHLO=ehlo, MAIL=refusal, RCPT="503 sender first") as server, _mailer(server).connected() as line:
        refused = line.send(_envelope(1))
        assert refused is not None
        assert (refused.result, refused.answer[:3]) == (Delivered.NO, "550")
        server.script |= {"MAIL": "250 ok", "RCPT": "250 ok"}
        attempt = line.send(_envelope(2))
        assert attempt is not None
        assert attempt.result is Delivered.YES
    assert server.conversations == 1


@both_kinds
def test_leave_is_asked_once_although_the_server_hung_up_between_two_letters(ehlo: str) -> None:
    with _server(EHLO=ehlo) as server, _mailer(server).connected() as line:
        assert line.send(_envelope(1)) is not None
        server.script["MAIL"] = HANG_UP
        leave = Leave(server)
        attempt = line.send(_envelope(2), leave)
        assert attempt is not None
        assert (attempt.result, attempt.connected) == (Delivered.LATER, False)
        assert len(leave.asked) == 1
    assert server.conversations == 2


def test_leave_is_asked_also_where_no_server_answers_so_that_the_attempt_is_on_the_record() -> None:
    with _server() as server:
        gone = _mailer(server)
    leave = Leave(server)
    with gone.connected() as line:
        attempt = line.send(_envelope(1), leave)
    assert attempt is not None
    assert (attempt.result, attempt.connected, len(leave.asked)) == (Delivered.LATER, False, 1)


def test_what_goes_wrong_while_leave_is_asked_is_raised_and_no_text_was_handed_over() -> None:
    def broken() -> bool:
        raise LookupError("the record is away")

    with _server(EHLO=SEVERAL_AT_ONCE) as server, _mailer(server).connected() as line, pytest.raises(LookupError):
        line.send(_envelope(1), broken)
    assert "DATA" not in words(server)


def test_a_name_of_a_host_in_letters_of_its_own_is_told_as_the_library_tells_it() -> None:
    with _server(EHLO=SEVERAL_AT_ONCE) as server, _mailer(server).connected() as line:
        attempt = line.send(_envelope(1, "them@пошта.example"))
    assert attempt is not None
    assert attempt.result is Delivered.YES
    told = "them@" + "пошта.example".encode("idna").decode()
    assert [heard for heard in server.heard if "xn--" in heard] == [f"rcpt TO:<{told}>"]

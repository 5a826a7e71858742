"""The only way to a mail server. Sends exactly the bytes it is given, and says what is known.

``emails`` speaks SMTP here, and in tasks/composer.py it writes messages. Its own way of sending is
not trusted with a record: it swallows errors, counts a partly refused message as sent, sends again
by itself after a disconnect, accepts any certificate, and sets no Message-ID. Here one message has
one recipient, one attempt is one attempt, and a connection lost after the text was handed over is
*unknown*, never 'failed'.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any, Literal

from emails.backend.smtp.backend import SMTPBackend
from emails.backend.smtp.client import SMTPClientWithResponse
from emails.utils import sanitize_email

from casework.errors import ConfigurationError
from tasks.settings import Settings
from tasks.smtp_words import answer_of, queue_id_of, report_options

LETTERS_A_CONNECTION = 100
"""After so many letters the server is called anew: many servers hang up on those who never do."""


class Delivered(StrEnum):
    """What one attempt came to."""

    YES = "yes"
    NO = "no"
    LATER = "later"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Result of one attempt; ``answer`` is the server's last word or the error, without addresses.

    ``queue_id`` is the server's own number of the letter, '' where it names none. ``connected`` says whether there
    was anybody to talk to: without that the attempt shows nothing about the letter.
    """

    result: Delivered
    answer: str
    queue_id: str = ""
    connected: bool = True


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message to one recipient. With an ``id`` the server is asked to report what became of it (RFC 3461)."""

    sender: str
    recipient: str
    message: bytes
    id: str = ""


_ADDRESS = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+")
_GO_AHEAD, _CLOSING = 354, 421
"""The server's reply to DATA, and to nothing else: the text comes next. And: it ends the conversation."""


class _Withdrawn(Exception):
    """The letter may not go after all; the server knows its sender, and perhaps its recipient, but no text."""


class _Client(SMTPClientWithResponse):
    """Checks whom it talks to, bounds the time of an attempt, and notes when the text is handed over."""

    parent: _Backend
    _unread: int = 0
    """Replies to MAIL and RCPT that nobody has read yet."""
    _told: str = ""
    """What RCPT was told ahead of the reply to MAIL."""

    def initialize(self) -> None:
        if self.parent.starttls is not None:
            self.ehlo_or_helo_if_needed()
            if not self.has_extn("starttls"):
                raise ConfigurationError(
                    "the mail server offers no STARTTLS; nothing was sent",
                    rule="mail.no_protection",
                    next_step="Mend the server, or set QORGAN_SMTP_SECURITY to tls, or to none on a protected network.",
                )
            self.starttls(context=self.parent.starttls)
        self.ehlo_or_helo_if_needed()
        if self.user:
            self.login(self.user, self.password)

    def putcmd(self, cmd: str, args: str = "") -> None:
        """Give one command. With MAIL goes RCPT, to a server that takes several at once (RFC 2920).

        While the server looks at them, whoever sends is asked whether the letter may go.
        """
        if cmd == "rcpt" and self._told:
            assert args == self._told, "one letter, one recipient"
            self._told = ""
            return
        super().putcmd(cmd, args)
        if cmd == "mail":
            self._unread, self._told = 1, ""
            if self.has_extn("pipelining"):
                super().putcmd("rcpt", self.parent.recipient)
                self._unread, self._told = 2, self.parent.recipient
            self.parent.ask_leave()

    def getreply(self) -> tuple[int, bytes]:
        self._unread = max(0, self._unread - 1)
        if self.sock is not None:
            left = self.parent.deadline - monotonic()
            self.sock.settimeout(max(0.001, min(self.parent.timeout, left)))
        code, words = super().getreply()
        if code == _GO_AHEAD:
            # From here on a lost connection proves nothing.
            self.parent.text_handed_over = True
        elif code == _CLOSING:
            self.close()
        return code, words

    def begin_anew(self) -> None:
        """RSET, after a refusal; a server that cannot do that is called again."""
        try:
            while self._unread and self.sock is not None:
                self.getreply()
            if self.rset()[0] != 250:
                self.close()
        except (OSError, smtplib.SMTPException):
            self.close()

    _rset = begin_anew


class _TlsClient(_Client):
    """TLS from the first byte."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        assert self.parent.tls_context is not None
        plain: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]
        return self.parent.tls_context.wrap_socket(plain, server_hostname=host)


def _always() -> bool:
    return True


class _Backend(SMTPBackend):
    """The library's backend without its second attempt."""

    connection_cls = _Client
    connection_ssl_cls = _TlsClient  # type: ignore[assignment]  # the library's own opens two connections, unchecked

    def __init__(self, mailer: Mailer) -> None:
        implicit = mailer.security == "tls"
        options = {"host": mailer.host, "port": mailer.port, "timeout": mailer.timeout}
        account = {} if mailer.user is None else {"user": mailer.user, "password": mailer.password}
        super().__init__(ssl=implicit, fail_silently=False, mail_options=None, **options, **account)
        context = None if mailer.security == "none" else ssl.create_default_context(cafile=mailer.ca_file)
        self.tls_context = context
        self.starttls = None if implicit else context
        self.timeout = mailer.timeout
        self.deadline = 0.0
        self.text_handed_over = False
        self.recipient = ""
        self.may_go: Callable[[], bool] = _always

    def retry_on_disconnect(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def open_client(self) -> _Client | None:
        """The client, if it is connected."""
        client = self._client
        return client if isinstance(client, _Client) and client.sock is not None else None

    def forget(self) -> None:
        self._client = None

    def begin(self) -> None:
        """An attempt begins: in all, it may take four times the longest silence."""
        self.deadline, self.text_handed_over = monotonic() + 4 * self.timeout, False

    def ask_leave(self) -> None:
        """Ask whether the letter may go. How long that takes is not the server's fault. Raises _Withdrawn."""
        if not self.may_go():
            raise _Withdrawn
        self.begin()


@dataclass(frozen=True, slots=True)
class _Finished:
    """Bytes in the shape the backend expects of a message."""

    message: bytes

    def as_bytes(self) -> bytes:
        return self.message


@dataclass(frozen=True, slots=True)
class Mailer:
    """One mail server and how to talk to it. ``timeout`` is in seconds; ``ca_file`` None: the system's certificates."""

    host: str | None
    port: int
    security: Literal["starttls", "tls", "none"]
    user: str | None
    password: str | None
    timeout: float
    ca_file: Path | None = None

    @classmethod
    def from_settings(cls, settings: Settings) -> Mailer:
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        return cls(
            settings.smtp_host, settings.smtp_port, settings.smtp_security, settings.smtp_user, password,
            settings.smtp_timeout_seconds, settings.smtp_ca_file,
        )  # fmt: skip

    @contextmanager
    def connected(self) -> Iterator[Line]:
        """A line to the server, for many letters. Raises ConfigurationError when no server is set.

        The server is called with the first letter, or with :meth:`Line.open`.
        """
        if self.host is None:
            raise ConfigurationError(
                "no mail server is set", rule="mail.no_server", next_step="Set QORGAN_SMTP_HOST, or start the sandbox."
            )
        try:
            backend = _Backend(self)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"the certificates to check the mail server against cannot be read: {type(error).__name__}",
                rule="mail.certificates",
                next_step="Mend QORGAN_SMTP_CA_FILE.",
            ) from error
        line = Line(backend)
        try:
            yield line
        finally:
            line.close()


@dataclass(slots=True)
class Line:
    """One connection, opened again where the server has closed it between two letters. Not for several threads."""

    _backend: _Backend
    _letters: int = 0
    _failed: Attempt | None = None

    @property
    def ready(self) -> bool:
        """Whether the next letter needs no new connection, as far as we know."""
        return self._backend.open_client() is not None and self._letters < LETTERS_A_CONNECTION

    def open(self) -> None:
        """Make sure that there is a connection. Where there is none, the next letter gets the reason as its result.

        Raises ConfigurationError when this server may not be used: no protection, a wrong certificate, a wrong login.
        """
        if self._failed is None:
            self._backend.begin()
            self._failed = self._open()

    def send(self, envelope: Envelope, may_go: Callable[[], bool] = _always) -> Attempt | None:
        """Make one attempt: what went wrong is its result. None when the letter may not go after all.

        ``may_go`` is called once, and no text is handed over before it has said yes: while the server answers to who
        sends and who receives, or, where no server answers, in the end. What it raises is raised here.
        """
        asked = cache(may_go)
        self._backend.may_go = asked
        attempt = self._attempts(envelope)
        return attempt if asked() else None

    def _attempts(self, envelope: Envelope) -> Attempt:
        if _ADDRESS.fullmatch(envelope.recipient) is None:
            # The library would send to whatever it finds in it, or to nobody, and call that a success.
            return Attempt(Delivered.NO, "not attempted: this is no address of a mailbox")
        failed, self._failed = self._failed, None
        if failed is not None:
            return failed
        used = self._backend.open_client() is not None and self._letters > 0
        self._backend.begin()
        attempt = self._attempt(envelope)
        if used and not attempt.connected:
            # The server hung up between two letters, and has not taken the text of this one.
            attempt = self._attempt(envelope)
        return attempt

    def close(self) -> None:
        """Say goodbye; what the server answers to that changes nothing about the letters."""
        self._letters = 0
        try:
            self._backend.close()
        except (OSError, smtplib.SMTPException):
            self._backend.forget()

    def _open(self) -> Attempt | None:
        """None once there is a connection, else the attempt that failed for want of one."""
        if self.ready:
            return None
        self.close()
        try:
            self._backend.get_client()
        except ssl.SSLCertVerificationError as error:
            raise ConfigurationError(
                f"the mail server's certificate is not trusted: {error.verify_message}; nothing was sent",
                rule="mail.certificate",
                next_step="Mend the server's certificate, or name its issuer in QORGAN_SMTP_CA_FILE.",
            ) from error
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPNotSupportedError) as error:
            said = "it offers no login" if not isinstance(error, smtplib.SMTPResponseException) else _answer(error)
            if said.startswith("4"):
                return Attempt(Delivered.LATER, said, connected=False)
            raise ConfigurationError(
                f"the mail server refuses our account: {said}; nothing was sent",
                rule="mail.login",
                next_step="Mend QORGAN_SMTP_USER and QORGAN_SMTP_PASSWORD.",
            ) from error
        except smtplib.SMTPResponseException as error:
            # Said before any letter: it is about the server, and no letter is refused for it.
            return Attempt(Delivered.LATER, _answer(error), connected=False)
        except (OSError, smtplib.SMTPException) as error:
            return Attempt(Delivered.LATER, f"not accepted: {type(error).__name__}", connected=False)
        return None

    def _attempt(self, envelope: Envelope) -> Attempt:
        try:
            failed = self._open()
        except ConfigurationError as error:
            failed = Attempt(Delivered.LATER, error.message, connected=False)
        if failed is not None:
            return failed
        self._letters += 1
        return self._say(envelope)

    def _say(self, envelope: Envelope) -> Attempt:
        backend, client = self._backend, self._backend.open_client()
        assert client is not None, "opened before"
        asks = client.has_extn("dsn")
        mail, rcpt = report_options(envelope.id, envelope.recipient) if asks else ([], [])
        try:
            backend.recipient = " ".join([f"TO:{smtplib.quoteaddr(sanitize_email(envelope.recipient))}", *rcpt])
            response = backend.sendmail(
                envelope.sender, envelope.recipient, _Finished(envelope.message), mail_options=mail, rcpt_options=rcpt
            )
        except _Withdrawn:
            client.begin_anew()
            return Attempt(Delivered.LATER, "not attempted: it may not go now")
        except UnicodeError:
            client.begin_anew()
            return Attempt(Delivered.NO, "not attempted: the address has letters that this way of sending cannot carry")
        except smtplib.SMTPRecipientsRefused as error:
            return self._refused(client, *next(iter(error.recipients.values())))
        except smtplib.SMTPSenderRefused as error:
            attempt = self._refused(client, error.smtp_code, error.smtp_error)
            # A server that closes answers so to the first command it hears: that is not about this letter.
            return replace(attempt, connected=error.smtp_code != _CLOSING)
        except smtplib.SMTPDataError as error:
            if not backend.text_handed_over:
                client.begin_anew()
            return self._refused(client, error.smtp_code, error.smtp_error)
        except (OSError, smtplib.SMTPException) as error:
            client.close()
            if backend.text_handed_over:
                return Attempt(Delivered.UNKNOWN, f"the connection was lost after the text: {type(error).__name__}")
            return Attempt(Delivered.LATER, f"not accepted: {type(error).__name__}", connected=False)
        if response is None or not response.success:
            return Attempt(Delivered.UNKNOWN, "the server gave no final answer")
        words = response.status_text or b""
        return Attempt(Delivered.YES, answer_of(response.status_code or 250, words), queue_id_of(words))

    def _refused(self, client: _Client, code: int, words: bytes | str) -> Attempt:
        """RFC 5321: 4xx may be tried again, 5xx may not. A code that fits nothing says nothing."""
        answer = answer_of(code, words)
        if 400 <= code < 600:
            return Attempt(Delivered.LATER if code < 500 else Delivered.NO, answer)
        client.close()
        return Attempt(Delivered.UNKNOWN if self._backend.text_handed_over else Delivered.LATER, answer)


def _answer(error: smtplib.SMTPResponseException) -> str:
    return answer_of(error.smtp_code, error.smtp_error)

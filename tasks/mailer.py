"""The only importer of ``emails``. Composes a message once, sends exactly those bytes, and says what is known.

The library's own sending is not trusted with a record: it swallows errors, counts a partly
refused message as sent, sends again by itself after a disconnect, and sets no Message-ID.
Here one message has one recipient, one attempt is one attempt, and a connection lost after
the text was handed over is *unknown*, never 'failed'.
"""

from __future__ import annotations

import re
import smtplib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from emails.backend.smtp.backend import SMTPBackend
from emails.backend.smtp.client import SMTPClientWithResponse
from emails.message import Message

from casework.errors import ConfigurationError
from tasks.settings import Settings


class Delivered(StrEnum):
    """What one attempt came to."""

    YES = "yes"
    NO = "no"
    LATER = "later"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Attempt:
    """Result of one attempt; ``answer`` is the server's last word or the error, without addresses."""

    result: Delivered
    answer: str


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message to one recipient."""

    sender: str
    recipient: str
    message: bytes


def compose(
    *,
    message_id: str,
    sender: tuple[str, str],
    recipient: tuple[str, str],
    reply_to: str,
    subject: str,
    text: str,
    html: str,
    at: datetime,
    headers: dict[str, str],
) -> bytes:
    """The message's bytes (CRLF line ends). Raises ValueError for a header with a line break in it.

    Marked as written by a machine (RFC 3834), so that absence notes do not answer it.
    """
    for value in (subject, *recipient, *sender, reply_to, message_id, *headers.values()):
        if "\r" in value or "\n" in value:
            raise ValueError("a header may not contain a line break")
    # A name that looks like an encoded word is shown as it stands: decoded, it could hold a line break after all.
    recipient = (recipient[0].replace("=?", "= ?"), recipient[1])
    message = Message(
        subject=subject,
        text=text,
        html=html,
        mail_from=sender,
        mail_to=recipient,
        reply_to=reply_to,
        message_id=message_id,
        date=at,
        headers={"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", **headers},
    )
    return bytes(message.as_bytes())


_ADDRESS = re.compile(r"[^\s@<>(),;:\"]+@[^\s@<>(),;:\"]+")
_GO_AHEAD = 354
"""The server's reply to DATA, and to nothing else: the text comes next."""


class _OneAttempt(SMTPClientWithResponse):
    """Notes when the text is handed over: from there on a lost connection proves nothing."""

    def getreply(self) -> tuple[int, bytes]:
        code, words = super().getreply()
        if code == _GO_AHEAD:
            self.parent.text_handed_over = True
        return code, words


class _Backend(SMTPBackend):
    """The library's backend without its second attempt."""

    connection_cls = _OneAttempt
    text_handed_over = False

    def retry_on_disconnect(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


@dataclass(frozen=True, slots=True)
class _Finished:
    """Bytes in the shape the backend expects of a message."""

    message: bytes

    def as_bytes(self) -> bytes:
        return self.message


@dataclass(frozen=True, slots=True)
class Mailer:
    """Sends one envelope to one server. ``timeout`` is in seconds."""

    host: str | None
    port: int
    tls: bool
    user: str | None
    password: str | None
    timeout: float

    @classmethod
    def from_settings(cls, settings: Settings) -> Mailer:
        password = settings.smtp_password.get_secret_value() if settings.smtp_password else None
        return cls(
            settings.smtp_host,
            settings.smtp_port,
            settings.smtp_tls,
            settings.smtp_user,
            password,
            settings.smtp_timeout_seconds,
        )

    def send(self, envelope: Envelope) -> Attempt:
        """Make one attempt. Raises ConfigurationError when no server is set; never anything else."""
        if self.host is None:
            raise ConfigurationError(
                "no mail server is set", rule="mail.no_server", next_step="Set QORGAN_SMTP_HOST, or start the sandbox."
            )
        if _ADDRESS.fullmatch(envelope.recipient) is None:
            # The library would send to whatever it finds in it, or to nobody, and call that a success.
            return Attempt(Delivered.NO, "not attempted: this is no address of a mailbox")
        options: dict[str, Any] = {"host": self.host, "port": self.port, "timeout": self.timeout, "tls": self.tls}
        if self.user is not None:
            options |= {"user": self.user, "password": self.password}
        backend = _Backend(fail_silently=False, **options)
        try:
            response = backend.sendmail(
                from_addr=envelope.sender, to_addrs=[envelope.recipient], msg=_Finished(envelope.message)
            )
        except smtplib.SMTPRecipientsRefused as error:
            code, words = next(iter(error.recipients.values()))
            return Attempt(_by_code(code), _words(code, words))
        except UnicodeError:
            return Attempt(Delivered.NO, "not attempted: the address has letters that this way of sending cannot carry")
        except smtplib.SMTPResponseException as error:
            return Attempt(_by_code(error.smtp_code), _words(error.smtp_code, error.smtp_error))
        except (OSError, smtplib.SMTPException) as error:
            if backend.text_handed_over:
                return Attempt(Delivered.UNKNOWN, f"the connection was lost after the text: {type(error).__name__}")
            return Attempt(Delivered.LATER, f"not accepted: {type(error).__name__}")
        finally:
            _close(backend)
        if response is None or not response.success:
            return Attempt(Delivered.UNKNOWN, "the server gave no final answer")
        return Attempt(Delivered.YES, _words(response.status_code or 250, response.status_text or b""))


def _by_code(code: int) -> Delivered:
    """RFC 5321: 4xx may be tried again, 5xx may not."""
    return Delivered.LATER if 400 <= code < 500 else Delivered.NO


def _words(code: int, words: bytes | str) -> str:
    """The server's words on one line, without addresses, at most 200 characters."""
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    kept = " ".join(part for part in text.split() if "@" not in part)
    return f"{code} {kept}"[:200]


def _close(backend: SMTPBackend) -> None:
    """Say goodbye; what the server answers to that changes nothing about the letter."""
    try:
        backend.close()
    except (OSError, smtplib.SMTPException):
        backend._client = None

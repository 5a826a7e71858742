"""A practice mailbox: an SMTP server that keeps every message as a file and sends nothing on."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from ssl import SSLContext
from threading import Lock
from types import TracebackType
from typing import Literal, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

from sandbox.listening import listen

MAX_MESSAGE_BYTES = 10_000_000
HOSTNAME = "practice-mailbox.localhost"

Knob = Literal["drop_after_data_next", "drop_before_data_next", "reject_data_next"]


@dataclass(frozen=True)
class StoredMessage:
    """A message as it was accepted: the envelope's addresses, and the message itself."""

    path: Path
    sender: str
    recipients: tuple[str, ...]
    subject: str
    message: EmailMessage


def read_message(path: Path) -> StoredMessage:
    """Read a stored file back; its first two lines are the envelope, written by the mailbox.

    The file keeps the CRLF line ends of SMTP; the parsed message has LF. A bounce has the sender "".
    """
    sender, recipients, raw = path.read_bytes().split(b"\r\n", 2)
    message = BytesParser(EmailMessage, policy=policy.default).parsebytes(raw.replace(b"\r\n", b"\n"))
    return StoredMessage(
        path=path,
        sender=sender.decode().partition(": ")[2],
        recipients=tuple(recipients.decode().partition(": ")[2].split(", ")),
        subject=str(message["Subject"] or ""),
        message=message,
    )


async def _hang_up(server: SMTP) -> None:
    """Close the connection without another word; the conversation is cancelled while this waits."""
    if server.transport is not None:
        server.transport.close()
    await asyncio.Event().wait()


class PracticeMailbox:
    """The mailbox and its knobs; a knob that ends in ``_next`` counts down.

    refuse_recipients: addresses answered 550 at RCPT; defer_recipients: 451. Letter case does not matter.
    drop_after_data_next: so many messages are stored, and the connection closes without an answer.
    drop_before_data_next: so many DATA commands close the connection, nothing stored.
    reject_data_next: so many messages are answered 554, nothing stored.
    messages_per_connection: after so many on one connection the next is answered 421, and it closes; 0: no limit.
    """

    def __init__(
        self, directory: Path | str, host: str = "127.0.0.1", port: int = 0, *, tls: SSLContext | None = None
    ) -> None:
        """Messages go into ``directory``, made if absent; port 0 takes a free one at start.

        With ``tls`` it offers STARTTLS, and takes no message without.
        """
        self.tls = tls
        self.directory = Path(directory)
        self.host = host
        self.port = port
        self.refuse_recipients: set[str] = set()
        self.defer_recipients: set[str] = set()
        self.drop_after_data_next: int = 0
        self.drop_before_data_next: int = 0
        self.reject_data_next: int = 0
        self.messages_per_connection: int = 0
        self._lock = Lock()
        self._sequence = 0
        self._controller: _Controller | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; on return ``port`` is the real one. OSError if it is taken, RuntimeError if started."""
        if self._controller is not None:
            raise RuntimeError("the practice mailbox is already started")
        self.directory.mkdir(parents=True, exist_ok=True)
        self._sequence = max((_sequence_of(path) for path in self._paths()), default=0)
        listener = listen(self.host, self.port)
        controller = _Controller(self, listener)
        try:
            controller.start()
        except BaseException:
            listener.close()
            raise
        self._controller = controller
        self.port = listener.getsockname()[1]

    def stop(self) -> None:
        """Close the port; messages stay. Stopping twice does nothing."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def messages(self) -> list[StoredMessage]:
        """Every stored message, in the order of arrival."""
        return [read_message(path) for path in sorted(self._paths(), key=_sequence_of)]

    def use_up(self, knob: Knob) -> bool:
        """True, and one less left, if the counting ``knob`` is above zero."""
        with self._lock:
            left: int = getattr(self, knob)
            if left > 0:
                setattr(self, knob, left - 1)
            return left > 0

    def store(self, sender: str, recipients: list[str], content: bytes) -> Path:
        """Write one message whole or not at all; the path it got."""
        with self._lock:
            self._sequence += 1
            name = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{self._sequence:06d}.eml"
        path = self.directory / name
        unfinished = path.with_suffix(".partial")
        head = f"X-Envelope-From: {sender}\r\nX-Envelope-To: {', '.join(recipients)}\r\n"
        unfinished.write_bytes(head.encode() + content)
        unfinished.replace(path)
        return path

    def _paths(self) -> list[Path]:
        return list(self.directory.glob("*-*.eml"))

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """aiosmtpd's hook at EHLO. As other mail servers, it takes several commands at once (RFC 2920)."""
        session.host_name = hostname
        name, *can = responses
        return [name, "250-PIPELINING", *can]

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """aiosmtpd's hook at RCPT TO."""
        if address.lower() in {refused.lower() for refused in tuple(self.refuse_recipients)}:
            return "550 5.1.1 No such mailbox (practice)"
        if address.lower() in {deferred.lower() for deferred in tuple(self.defer_recipients)}:
            return "451 4.3.0 Try again later (practice)"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """aiosmtpd's hook at the end of a message."""
        if self.use_up("reject_data_next"):
            return "554 5.7.1 Message refused (practice)"
        assert isinstance(envelope.content, bytes)
        sender = (envelope.mail_from or "").removeprefix("<>")
        self.store(sender, list(envelope.rcpt_tos), envelope.content)
        if self.use_up("drop_after_data_next"):
            await _hang_up(server)
        return "250 2.0.0 Stored (practice)"


def _sequence_of(path: Path) -> int:
    return int(path.stem.rpartition("-")[2])


class _Conversation(SMTP):
    """SMTP that can hang up where a message would begin."""

    def __init__(self, mailbox: PracticeMailbox) -> None:
        super().__init__(
            mailbox,
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            hostname=HOSTNAME,
            ident="practice mailbox",
            tls_context=mailbox.tls,
            require_starttls=mailbox.tls is not None,
        )
        self._mailbox = mailbox
        self._messages = 0

    @syntax("MAIL FROM: <address>")
    async def smtp_MAIL(self, arg: str | None) -> None:
        limit = self._mailbox.messages_per_connection
        if limit and self._messages >= limit:
            await self.push("421 4.7.0 Too many messages on one connection (practice)")
            await _hang_up(self)
        await super().smtp_MAIL(arg)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        if self._mailbox.use_up("drop_before_data_next"):
            await _hang_up(self)
        self._messages += 1
        await super().smtp_DATA(arg)


class _Controller(Controller):
    """Serves a socket that listens already, so that a free port is known before the first conversation."""

    def __init__(self, mailbox: PracticeMailbox, listener: socket.socket) -> None:
        host, port = listener.getsockname()[:2]
        super().__init__(mailbox, hostname=host, port=port)
        self._mailbox, self._listener = mailbox, listener

    def factory(self) -> SMTP:
        return _Conversation(self._mailbox)

    async def _create_server(self) -> asyncio.AbstractServer:
        return await self.loop.create_server(self._factory_invoker, sock=self._listener)

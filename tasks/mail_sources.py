"""Where mails come from: a folder of files, and a mailbox over IMAP. Neither removes what is not stored.

A source lists what waits, hands out one mail at a time, and is told when that one is stored.
"""

from __future__ import annotations

import imaplib
import re
import secrets
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from imap_tools import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from casework.errors import ConfigurationError, QorganError
from tasks.settings import Settings

IMAP_TIMEOUT_SECONDS = 30.0
"""Longest silence of the mail server that is waited for."""

HEAD_BYTES = 256 * 1024
"""As much of a mail's head as is kept of one that is too long."""

TAKING, TOO_LARGE = "taking", "too-large"
UNFINISHED = (".part", ".tmp", "~")
"""Endings of files that somebody is still writing."""

_END_OF_HEAD = re.compile(rb"\n\r*\n")


class SourceAway(QorganError):
    """The mail server is away, or refuses us. Nothing is lost: the mails are still there."""

    rule = "mail.source_away"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One mail as its source has it; of one that is too long, only the head. ``length`` is the mail's, in bytes."""

    raw: bytes
    length: int
    whole: bool


class Source(Protocol):
    """What mails are fetched from, while it is open. A handle names one mail of it."""

    name: str

    def waiting(self) -> Sequence[str]:
        """Handles of the mails that wait, oldest first. Raises SourceAway."""

    def take(self, handle: str, longest: int) -> Incoming | None:
        """One mail, at most ``longest`` bytes of it whole; None when another reader has it. Raises SourceAway."""

    def done(self, handle: str, *, whole: bool) -> None:
        """It is stored: nobody needs to find it again. Raises SourceAway."""


class Folder:
    """A watched folder. A file is moved aside under a name of its own before it is read, and removed when stored.

    Of a mail that is too long only the head is stored, so its file is kept, in ``too-large``.
    """

    name = "folder"

    def __init__(self, path: Path) -> None:
        self._path = path

    def waiting(self) -> Sequence[str]:
        taking = self._path / TAKING
        taking.mkdir(parents=True, exist_ok=True)
        left = sorted(path.name for path in taking.iterdir() if path.is_file())
        return [*left, *self._claimed(taking)]

    def _claimed(self, taking: Path) -> Iterator[str]:
        for path in sorted(path for path in self._path.iterdir() if path.is_file()):
            if path.name.startswith(".") or path.name.endswith(UNFINISHED):
                continue
            # A name that no other file ever has: neither an older file nor another reader's is overwritten.
            name = f"{secrets.token_hex(6)}-{path.name[-150:]}"
            try:
                path.replace(taking / name)
            except FileNotFoundError:
                continue
            yield name

    def take(self, handle: str, longest: int) -> Incoming | None:
        path = self._path / TAKING / handle
        try:
            with path.open("rb") as file:
                length = path.stat().st_size
                if length > longest:
                    return Incoming(head_of(file.read(HEAD_BYTES)), length, whole=False)
                raw = file.read()
        except FileNotFoundError:
            return None
        return Incoming(raw, len(raw), whole=True)

    def done(self, handle: str, *, whole: bool) -> None:
        path = self._path / TAKING / handle
        if whole:
            path.unlink(missing_ok=True)
            return
        aside = self._path / TOO_LARGE
        aside.mkdir(exist_ok=True)
        path.replace(aside / handle)


STORED_MARK = "QorganStored"
"""Keyword by which a mail in the mailbox is known as stored, whoever opens it there."""


class ImapMailbox:
    """A folder of a mailbox. What was stored is marked there; nothing is ever removed or expunged.

    Where the server keeps no keywords the mark is that it was seen, and then a mail that a person opens elsewhere is
    missed: such a mailbox must be for Qorgan alone.
    """

    def __init__(self, box: BaseMailBox, folder: str) -> None:
        self.name = f"imap/{folder}"[:80]
        self._client: imaplib.IMAP4 = box.client
        self._box = box
        allowed = self._client.response("PERMANENTFLAGS")[1]
        self._keywords = any(isinstance(flags, bytes) and rb"\*" in flags for flags in allowed or ())

    def waiting(self) -> Sequence[str]:
        with _away():
            return self._box.uids(f"UNKEYWORD {STORED_MARK}" if self._keywords else "UNSEEN", charset=None)

    def take(self, handle: str, longest: int) -> Incoming | None:
        with _away():
            said = self._client.uid("FETCH", handle, "(RFC822.SIZE)")[1]
            length = _size(said)
            if length is None:
                return None
            whole = length <= longest
            # PEEK: reading alone must not mark it as seen.
            raw = _literal(self._client.uid("FETCH", handle, "(BODY.PEEK[])" if whole else "(BODY.PEEK[HEADER])")[1])
        if raw is None:
            return None
        return Incoming(raw, length, whole=True) if whole else Incoming(raw[:HEAD_BYTES], length, whole=False)

    def done(self, handle: str, *, whole: bool) -> None:
        with _away():
            # Not through the library's own way of setting flags: it expunges what others have marked for deletion.
            mark = rf"(\Seen {STORED_MARK})" if self._keywords else r"(\Seen)"
            self._client.uid("STORE", handle, "+FLAGS.SILENT", mark)


@contextmanager
def imap_mailbox(settings: Settings) -> Iterator[Source]:
    """The mailbox of the settings, open until the end of the block. Raises SourceAway, or ConfigurationError."""
    host, user, password = settings.imap_host, settings.imap_user, settings.imap_password
    if host is None or user is None or password is None:
        raise ConfigurationError(
            "the mailbox needs host, user and password",
            rule="mail.no_account",
            next_step="Set QORGAN_IMAP_HOST, QORGAN_IMAP_USER and QORGAN_IMAP_PASSWORD.",
        )
    with _away():
        box = _connect(settings, host)
    try:
        with _away():
            box.login(user, password.get_secret_value(), initial_folder=settings.imap_folder)
        yield ImapMailbox(box, settings.imap_folder)
    finally:
        _leave(box)


def _connect(settings: Settings, host: str) -> BaseMailBox:
    if settings.imap_security == "none":
        return MailBoxUnencrypted(host, settings.imap_port, timeout=IMAP_TIMEOUT_SECONDS)
    kind = MailBox if settings.imap_security == "tls" else MailBoxStartTls
    trusted = ssl.create_default_context(cafile=settings.smtp_ca_file)
    return kind(host, settings.imap_port, timeout=IMAP_TIMEOUT_SECONDS, ssl_context=trusted)


def _leave(box: BaseMailBox) -> None:
    try:
        box.client.logout()
    except (OSError, imaplib.IMAP4.error):
        # It is gone already, and nothing depends on a polite end.
        return


@contextmanager
def _away() -> Iterator[None]:
    """Whatever the server or the line does is one thing to us. Its words stay out of ours: they may name an account."""
    try:
        yield
    except (OSError, imaplib.IMAP4.error, ImapToolsError) as error:
        raise SourceAway(
            f"the mailbox cannot be read: {type(error).__name__}", next_step="The next run tries again."
        ) from None


def head_of(raw: bytes) -> bytes:
    """A mail's head, with the empty line that ends it, or all there is."""
    end = _END_OF_HEAD.search(raw)
    return raw if end is None else raw[: end.end()]


def _size(said: Sequence[object]) -> int | None:
    for part in said:
        line = part[0] if isinstance(part, tuple) else part
        if isinstance(line, bytes):
            _, found, rest = line.partition(b"RFC822.SIZE ")
            digits = rest[: len(rest) - len(rest.lstrip(b"0123456789"))]
            if found and digits:
                return int(digits)
    return None


def _literal(said: Sequence[object]) -> bytes | None:
    for part in said:
        if isinstance(part, tuple) and len(part) > 1 and isinstance(part[1], bytes):
            return part[1]
    return None

"""The inbox folder: files put there are taken in, then removed. A crash leaves them where they are found again."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from casework.facts import SYSTEM
from casework.report_formats import split_file
from casework.vocabulary import ReportState
from tasks.holding_pen import hold_file
from tasks.intake import read_stored, take_in_batches
from tasks.intake_results import TakenIn
from tasks.logs import logger
from tasks.record import transaction
from tasks.runtime import Runtime
from tasks.switches import guard_after_import

log = logger("inbox")

TAKING, EMPTY, TOO_LARGE = "taking", "empty", "too-large"
LOCK, NEXT = ".intake.lock", ".intake.next"
"""Held by whoever takes in, and by one who waits for the turn."""
LARGEST_FILE = 512 * 1024 * 1024
"""Bytes of one file: it is read as a whole."""
UNFINISHED = (".part", ".tmp", "~")
"""Endings of files that somebody is still writing."""


def take_in_inbox(runtime: Runtime) -> Iterator[list[TakenIn]]:
    """Take in every file of the inbox in name order, batch by batch; first, what a crash left unread.

    A file is moved to ``taking`` before it is read and removed after its last commit: its bytes are
    in the case file by then, sealed, and plain names are not left lying about. One that is taken in
    twice after a crash makes duplicates by its bytes, never second cases. One without a single
    report is put into ``empty``, one that is too large into ``too-large``, and that is held; one that
    cannot be opened stays, and the next goes on.
    """
    left = read_stored(runtime)
    if left:
        yield left
    inbox = runtime.settings.inbox
    (inbox / TAKING).mkdir(parents=True, exist_ok=True)
    for path in _claimed(inbox):
        try:
            if path.stat().st_size > LARGEST_FILE:
                _put_aside(runtime, path)
                continue
            data = path.read_bytes()
        except OSError as error:
            log.error("file not readable", error=type(error).__name__)
            continue
        empty, cases = True, 0
        for batch in take_in_batches(runtime, split_file(path.name, data), SYSTEM):
            empty = False
            cases += sum(result.state is ReportState.CASE for result in batch)
            yield batch
        guard_after_import(runtime, cases)
        if empty:
            # Nothing was stored of it, so it must not vanish.
            (inbox / EMPTY).mkdir(exist_ok=True)
            path.replace(_free(inbox / EMPTY / path.name))
        else:
            path.unlink()


def _put_aside(runtime: Runtime, path: Path) -> None:
    """A file larger than one may be: nobody reads it, it stays, and the holding pen says so."""
    aside = runtime.settings.inbox / TOO_LARGE
    aside.mkdir(exist_ok=True)
    with transaction(runtime) as session:
        hold_file(session, runtime, "inbox", LARGEST_FILE, runtime.now())
    path.replace(_free(aside / path.name))


class Turn:
    """Whose turn it is to take in: two at once would take files from under each other.

    Locks go with their process, however that ends; their empty files stay.
    """

    def __init__(self, inbox: Path) -> None:
        inbox.mkdir(parents=True, exist_ok=True)
        # Open for writing, because network file systems lock nothing else.
        self._lock, self._next = (inbox / LOCK).open("a"), (inbox / NEXT).open("a")

    def __enter__(self) -> Turn:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.close()
        self._next.close()

    def taken(self) -> bool:
        """Whether it is ours; asked again, it may have become so. Until then whoever has it sees that we wait."""
        if not _locked(self._lock):
            _locked(self._next)
            return False
        fcntl.flock(self._next, fcntl.LOCK_UN)
        return True

    def awaited(self) -> bool:
        """Of a turn that is ours: whether somebody waits for it."""
        if not _locked(self._next):
            return True
        fcntl.flock(self._next, fcntl.LOCK_UN)
        return False


def _locked(file: TextIO) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def something_waits(runtime: Runtime) -> bool:
    """Whether a file lies in the inbox that nobody is still writing."""
    return bool(_waiting(runtime.settings.inbox))


def count_lines(runtime: Runtime) -> int:
    """Lines of the files that wait: about how many reports there are, where a file has many."""
    inbox, lines = runtime.settings.inbox, 0
    for path in _waiting(inbox) if inbox.is_dir() else ():
        with suppress(OSError), path.open("rb") as file:
            lines += sum(1 for _ in file)
    return lines


def _waiting(inbox: Path) -> list[Path]:
    found = sorted(path for path in inbox.iterdir() if path.is_file())
    return [path for path in found if not path.name.startswith(".") and not path.name.endswith(UNFINISHED)]


def _claimed(inbox: Path) -> Iterator[Path]:
    yield from sorted(path for path in (inbox / TAKING).iterdir() if path.is_file())
    for path in _waiting(inbox):
        target = _free(inbox / TAKING / path.name)
        path.replace(target)
        yield target


def _free(path: Path) -> Path:
    """A name that nothing has yet: an older file of the same name is never overwritten."""
    number = 1
    candidate = path
    while candidate.exists():
        candidate = path.with_name(f"{path.stem}.{number}{path.suffix}")
        number += 1
    return candidate

"""The inbox folder: files put there are taken in, then removed. A crash leaves them where they are found again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from casework.facts import SYSTEM
from casework.report_formats import split_file
from tasks.intake import read_stored, take_in_batches
from tasks.intake_results import TakenIn
from tasks.logs import logger
from tasks.runtime import Runtime

log = logger("inbox")

TAKING, EMPTY = "taking", "empty"
UNFINISHED = (".part", ".tmp", "~")
"""Endings of files that somebody is still writing."""


def take_in_inbox(runtime: Runtime) -> Iterator[list[TakenIn]]:
    """Take in every file of the inbox in name order, batch by batch; first, what a crash left unread.

    A file is moved to ``taking`` before it is read and removed after its last commit: its bytes are
    in the case file by then, sealed, and plain names are not left lying about. One that is taken in
    twice after a crash makes duplicates by its bytes, never second cases. One without a single
    report is put into ``empty``; one that cannot be opened stays, and the next goes on.
    """
    left = read_stored(runtime)
    if left:
        yield left
    inbox = runtime.settings.inbox
    (inbox / TAKING).mkdir(parents=True, exist_ok=True)
    for path in _claimed(inbox):
        try:
            data = path.read_bytes()
        except OSError as error:
            log.error("file not readable", error=type(error).__name__)
            continue
        empty = True
        for batch in take_in_batches(runtime, split_file(path.name, data), SYSTEM):
            empty = False
            yield batch
        if empty:
            # Nothing was stored of it, so it must not vanish.
            (inbox / EMPTY).mkdir(exist_ok=True)
            path.replace(_free(inbox / EMPTY / path.name))
        else:
            path.unlink()


def _claimed(inbox: Path) -> Iterator[Path]:
    yield from sorted(path for path in (inbox / TAKING).iterdir() if path.is_file())
    for path in sorted(path for path in inbox.iterdir() if path.is_file()):
        if path.name.startswith(".") or path.name.endswith(UNFINISHED):
            continue
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

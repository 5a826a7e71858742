"""Work in a process of its own that may be killed: a fork of this one, with everything imported and read already."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

OPEN_FILES = 1_024


@dataclass(frozen=True)
class Ended:
    """How a child ended: by the signal, or with what it said."""

    killed: bool
    said: Any


def in_child(work: Callable[[], Any]) -> Ended:
    """Do work in a fork of this process; what it gave back as JSON. Raises AssertionError with its traceback.

    This process may hold no connection to a database meanwhile: a child that opens the same SQLite file would
    believe that it holds its parent's locks.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            close_all_but(writing)
            with os.fdopen(writing, "w") as pipe:
                json.dump(_said_by(work), pipe)
        finally:
            # Whatever happened: a child never goes on with what its parent was doing.
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            text = pipe.read()
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    status = os.waitpid(pid, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return Ended(True, None)
    said = json.loads(text)
    assert "failed" not in said, said["failed"]
    return Ended(False, said["said"])


def _said_by(work: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"said": work()}
    except BaseException:
        return {"failed": traceback.format_exc()}


def close_all_but(*kept: int) -> None:
    """In a child: let go of what its parent has open, or a conversation that the other side ends would not end."""
    for number in range(3, OPEN_FILES):
        if number not in kept:
            with suppress(OSError):
                os.close(number)


def die(*_anything: Any, **_options: Any) -> None:
    """Nothing is tidied up, nothing more is written."""
    os.kill(os.getpid(), signal.SIGKILL)

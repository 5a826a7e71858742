"""Which program this is: its version, the schema it was written for, and a digest of its code.

The version alone does not tell two hosts apart of which one was mended in place; the digest does.
"""

from __future__ import annotations

import hashlib
import socket
from datetime import datetime
from functools import cache
from importlib.metadata import version

from sqlalchemy.orm import Session

from db.migrate import newest
from db.queries.clocks import record_success
from db.queries.heartbeats import heartbeats
from tasks.settings import ROOT

CODE = ("casework", "db", "tasks", "flows", "templates")
"""What decides on cases and letters; the desk may differ from host to host without harm to either."""

ENDINGS = frozenset({".py", ".txt", ".html"})


@cache
def program() -> str:
    """This program, as in 0.1.0+0010.3fa9c1d2e4b7: version, newest migration, digest of the code."""
    digest = hashlib.sha256()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in ENDINGS and path.is_file():
                digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return f"{version('qorgan')}+{newest()}.{digest.hexdigest()[:12]}"


def host() -> str:
    """The name of this machine, as it is written beside what was done on it."""
    return socket.gethostname()[:40]


_BEAT = "program@"
"""Before the machine's name: the heartbeat that says which program worked there last."""


def note_program(session: Session, at: datetime) -> None:
    """Scheduled work has succeeded on this machine, done by this program."""
    record_success(session, _BEAT + host(), at, {"program": program()})


def programs(session: Session) -> dict[str, tuple[datetime, str]]:
    """By machine: when scheduled work last succeeded there, and which program did it."""
    return {
        name.removeprefix(_BEAT): (at, str(detail["program"]))
        for name, (at, detail) in heartbeats(session).items()
        if name.startswith(_BEAT)
    }

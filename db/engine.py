"""Engines: SQLite by default, PostgreSQL where it is outgrown. Both behave the same to their callers."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session, sessionmaker

BUSY_TIMEOUT_MS = 15_000
"""How long a SQLite writer waits for another, in milliseconds."""

LOOKING_MS = 18
"""How long a writer lets SQLite itself wait for the turn, in milliseconds, before it asks anew.

SQLite looks again after 1, 2, 5 and 10 ms, which are these eighteen; later it looks only every
100 ms, and a writer that has waited long would lose its turn to whoever comes by.
"""


def make_engine(url: str) -> Engine:
    """An engine for a database URL. Its errors never show parameters: they may name a person or a link.

    On SQLite: WAL, foreign keys, a busy timeout, and every transaction that may write begins
    IMMEDIATE, so that a writer waits at its start instead of failing at its end.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if parsed.database and parsed.database != ":memory:":
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _pragmas(connection: Any, _record: Any) -> None:
        # sqlite3 would otherwise begin transactions by itself, deferred.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Any) -> None:
        reading = connection.get_execution_options().get("reading", False)
        if reading:
            connection.exec_driver_sql("BEGIN")
        else:
            _take_turn(connection)

    return engine


def _take_turn(connection: Connection) -> None:
    """Begins a SQLite transaction that may write, as soon as nobody else has one.

    Raises OperationalError when the turn is not free for ``BUSY_TIMEOUT_MS``, and at once when
    something else is wrong: a file that may not be written, a disk that is full.
    """
    patience_ends = monotonic() + BUSY_TIMEOUT_MS / 1000
    connection.exec_driver_sql(f"PRAGMA busy_timeout = {LOOKING_MS}")
    try:
        while True:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
                return
            except OperationalError as error:
                if not _is_busy(error) or monotonic() >= patience_ends:
                    raise
    finally:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _is_busy(error: OperationalError) -> bool:
    """Whether SQLite says that another has the turn; the low byte is the code, the rest its kind."""
    return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


@dataclass(frozen=True)
class Sessions:
    """Two kinds of session. Only ``write`` may change anything; ``read`` never waits for a writer."""

    write: sessionmaker[Session]
    read: sessionmaker[Session]


def make_sessions(engine: Engine) -> Sessions:
    """Sessions whose objects stay readable after commit."""
    return Sessions(
        write=sessionmaker(engine, expire_on_commit=False),
        read=sessionmaker(engine.execution_options(reading=True), expire_on_commit=False),
    )

"""Who waits to write into SQLite: how soon it has its turn, and what it is told when it has none."""

from __future__ import annotations

import sqlite3
import statistics
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError

import db.engine
from db.engine import make_engine, make_sessions


@pytest.fixture
def case_file(tmp_path: Path) -> Path:
    return tmp_path / "cases.db"


@pytest.fixture
def writer(case_file: Path) -> Iterator[Engine]:
    engine = make_engine(f"sqlite:///{case_file}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE kept (word TEXT)"))
    yield engine
    engine.dispose()


@pytest.fixture
def other(case_file: Path, writer: Engine) -> Iterator[sqlite3.Connection]:
    """Another process's connection, which may have the turn."""
    connection = sqlite3.connect(case_file, isolation_level=None, check_same_thread=False)
    yield connection
    connection.close()


def timeout_of(engine: Engine) -> int:
    """What is left on its connection, looked at without a transaction."""
    connection = engine.raw_connection()
    try:
        (milliseconds,) = connection.cursor().execute("PRAGMA busy_timeout").fetchone()
        return int(milliseconds)
    finally:
        connection.close()


def test_who_waited_long_has_its_turn_within_milliseconds(writer: Engine, other: sqlite3.Connection) -> None:
    """SQLite by itself would look every 100 ms by then: after some 50 in the middle."""
    waited = []
    for held_s in (0.300, 0.315, 0.330, 0.345, 0.360, 0.375, 0.390):
        freed: list[float] = []
        other.execute("BEGIN IMMEDIATE")

        def give_up_the_turn(held_s: float = held_s, freed: list[float] = freed) -> None:
            sleep(held_s)
            freed.append(monotonic())
            other.execute("COMMIT")

        holder = threading.Thread(target=give_up_the_turn)
        holder.start()
        with writer.begin() as connection:
            waited.append(monotonic() - freed[0])
            connection.execute(text("INSERT INTO kept VALUES ('mine')"))
        holder.join()
    assert statistics.median(waited) < 0.030, waited
    assert other.execute("SELECT count(*) FROM kept").fetchone() == (7,)


def test_who_waits_in_vain_is_told_so_and_waits_as_long_the_next_time(
    writer: Engine, other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db.engine, "BUSY_TIMEOUT_MS", 200)
    other.execute("BEGIN IMMEDIATE")
    begun = monotonic()
    with pytest.raises(OperationalError, match="database is locked"), writer.begin():
        pytest.fail("two have the turn")
    assert 0.2 <= monotonic() - begun < 5
    assert timeout_of(writer) == 200
    other.execute("ROLLBACK")
    with writer.begin() as connection:
        connection.execute(text("INSERT INTO kept VALUES ('after')"))
    assert other.execute("SELECT word FROM kept").fetchall() == [("after",)]


def test_what_is_wrong_otherwise_is_told_at_once(writer: Engine) -> None:
    begun = monotonic()
    with writer.connect() as connection:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.execute("BEGIN")
        with pytest.raises(OperationalError, match="within a transaction"):
            connection.begin()
    assert monotonic() - begun < db.engine.BUSY_TIMEOUT_MS / 1000 / 3
    assert timeout_of(writer) == db.engine.BUSY_TIMEOUT_MS


def test_who_only_reads_waits_for_nobody(writer: Engine, other: sqlite3.Connection) -> None:
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO kept VALUES ('not yet')")
    begun = monotonic()
    with make_sessions(writer).read() as session:
        assert session.execute(text("SELECT count(*) FROM kept")).scalar_one() == 0
    assert monotonic() - begun < db.engine.BUSY_TIMEOUT_MS / 1000 / 3
    other.execute("ROLLBACK")

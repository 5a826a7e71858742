"""Prefect's server on SQLite: transactions take turns, and garbage keeps nobody waiting."""

import asyncio
import os
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from desk.prefect_server import InTurn

GIVES_UP_SECONDS = 2
"""So long a statement of the script waits for another's transaction; Prefect's wait for sixty seconds."""

BOTH_WAIT = f"""
import sqlite3, sys, threading, time

place, apart = sys.argv[1], sys.argv[2] == "apart"
if apart:
    from desk.prefect_server import collect_garbage_apart
    collect_garbage_apart()

ours = sqlite3.connect(place, isolation_level=None)
ours.execute("PRAGMA journal_mode = WAL")
ours.execute("CREATE TABLE note (id INTEGER)")
other = sqlite3.connect(place, isolation_level=None, check_same_thread=False, timeout={GIVES_UP_SECONDS})

left = [other.execute("SELECT 1 UNION SELECT 2")]
left.append(left)
ours.execute("BEGIN IMMEDIATE")

def write():
    try:
        other.execute("INSERT INTO note VALUES (1)")
        print("written")
    except sqlite3.OperationalError:
        print("gave up")

waiting = threading.Thread(target=write)
waiting.start()
time.sleep(0.3)
del left
kept = [[] for _ in range(10_000)]
ours.execute("COMMIT")
waiting.join()
"""
"""Garbage with a statement of a connection that waits, in its thread, for the transaction of the thread that now
makes ten thousand objects."""


@pytest.mark.parametrize(("how", "ended"), [("as usual", "gave up"), ("apart", "written")])
def test_who_has_the_turn_is_not_kept_by_garbage_of_who_waits_for_it(tmp_path: Path, how: str, ended: str) -> None:
    """As usual both wait for each other until one gives up; that is what stops Prefect's server for a minute."""
    command = [sys.executable, "-c", BOTH_WAIT, str(tmp_path / "notes.db"), how]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == ended


def test_garbage_is_still_collected() -> None:
    script = (
        "import gc, time, weakref\n"
        "from desk.prefect_server import collect_garbage_apart\n"
        "class Ring: pass\n"
        "collect_garbage_apart()\n"
        "def ring():\n"
        "    one = Ring(); one.self = one; return weakref.ref(one)\n"
        "rings = [ring() for _ in range(10_000)]\n"
        "deadline = time.monotonic() + 30\n"
        "while any(one() for one in rings) and time.monotonic() < deadline: time.sleep(0.02)\n"
        "print(gc.isenabled(), sum(one() is not None for one in rings))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["False", "0"]


@pytest.mark.parametrize(
    ("url", "changed"),
    [
        ("sqlite+aiosqlite:///{}/prefect.db", "InTurn False"),
        ("postgresql+asyncpg://nobody@localhost/no", "None True"),
    ],
)
def test_the_server_is_changed_on_sqlite_and_on_nothing_else(tmp_path: Path, url: str, changed: str) -> None:
    script = (
        "import gc\n"
        "from prefect.server.database.dependencies import MODELS_DEPENDENCIES\n"
        "from desk.prefect_server import take_turns_on_sqlite\n"
        "take_turns_on_sqlite()\n"
        "config = MODELS_DEPENDENCIES['database_config']\n"
        "print(config and type(config).__name__, gc.isenabled())\n"
    )
    env = {**os.environ, "PREFECT_SERVER_DATABASE_CONNECTION_URL": url.format(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=60, env=env
    )
    assert done.stdout.strip() == changed


def test_a_transaction_that_reads_first_is_not_refused_because_another_wrote(tmp_path: Path) -> None:
    with pytest.raises(OperationalError, match="database is locked"):
        asyncio.run(_two_that_read_and_write(AioSqliteConfiguration, tmp_path / "prefects.db"))
    assert asyncio.run(_two_that_read_and_write(InTurn, tmp_path / "ours.db")) == 2


def test_a_second_session_reads_while_the_first_has_the_turn(tmp_path: Path) -> None:
    async def read_inside() -> int:
        config = InTurn(connection_url=f"sqlite+aiosqlite:///{tmp_path / 'prefect.db'}")
        engine = await config.engine()
        async with await config.session(engine) as first, config.begin_transaction(first):
            await first.execute(text("CREATE TABLE note (id INTEGER)"))
            async with asyncio.timeout(20), await config.session(engine) as second:
                found = (await second.execute(text("SELECT count(*) FROM sqlite_master"))).scalar_one()
        await engine.dispose()
        return int(found)

    assert asyncio.run(read_inside()) == 0, "and sees nothing of what the first has not committed"


async def _two_that_read_and_write(kind: type[AioSqliteConfiguration], place: Path) -> int:
    """Each reads, lets the other go on, and writes; how many notes there are then."""
    config = kind(connection_url=f"sqlite+aiosqlite:///{place}")
    engine = await config.engine()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        async with await config.session(engine) as session, config.begin_transaction(session):
            await session.execute(text("CREATE TABLE note (id INTEGER)"))
        both_read = asyncio.Barrier(2)

        async def read_and_write() -> None:
            async with await config.session(engine) as session, config.begin_transaction(session):
                await session.execute(text("SELECT count(*) FROM note"))
                with_other = asyncio.create_task(both_read.wait())
                await asyncio.wait([with_other], timeout=0.3)
                with_other.cancel()
                await session.execute(text("INSERT INTO note VALUES (1)"))

        await asyncio.gather(read_and_write(), read_and_write())
        async with await config.session(engine) as session:
            return int((await session.execute(text("SELECT count(*) FROM note"))).scalar_one())

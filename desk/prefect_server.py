"""Prefect's server on SQLite, without the minutes in which it waits for itself. ``python -m desk.prefect_server``
takes what ``prefect`` takes.

Two habits are changed, both found by looking into a server that stood still (docs/performance.md):

1. A transaction that reads before it writes is refused at once when another has written meanwhile; the client asks
   again seconds later. Here every transaction that may write takes its turn before it reads.
2. Python collects garbage in whichever thread is making objects. When that is the thread of the event loop, and a
   statement of a connection is among the garbage, and that connection waits in its own thread for a transaction which
   the event loop has open, then both wait for each other until SQLite gives up, after sixty seconds. Here garbage is
   collected by a thread that has nothing else to do.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from prefect.server.database.configurations import SQLITE_BEGIN_MODE, AioSqliteConfiguration
from prefect.server.database.dependencies import MODELS_DEPENDENCIES
from prefect.server.utilities.database import get_dialect
from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction

LOOK_SECONDS = 0.1
"""So often the collecting thread looks whether there is work."""

OLDEST = len(gc.get_threshold()) - 1
"""The generation of what has lived longest."""


class InTurn(AioSqliteConfiguration):
    """SQLite for Prefect, where transactions take turns from their beginning."""

    @asynccontextmanager
    async def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AsyncGenerator[AsyncSessionTransaction]:
        """Begin one that may write; another that is open is waited for here, not stumbled upon at the first write."""
        async with super().begin_transaction(session, with_for_update=True) as transaction:
            await session.connection()
            # The server opens a second session, to read, while the first has the turn: it must not ask for one.
            SQLITE_BEGIN_MODE.set("DEFERRED")
            yield transaction


def collect_garbage_apart() -> None:
    """From now on garbage is collected in a thread of its own, by Python's own thresholds, and nowhere else."""
    gc.disable()
    threading.Thread(target=_collect_for_ever, name="garbage", daemon=True).start()


def _collect_for_ever() -> None:
    settled = False
    while True:
        time.sleep(LOOK_SECONDS)
        counts = zip(range(OLDEST + 1), gc.get_count(), gc.get_threshold(), strict=True)
        due = max((generation for generation, count, threshold in counts if count > threshold), default=None)
        if due is None:
            continue
        gc.collect(due)
        if due == OLDEST and not settled:
            # What lives now is the program itself: looking through it again and again finds nothing and takes time.
            gc.freeze()
            settled = True


def take_turns_on_sqlite() -> None:
    """Change both habits in this process, if Prefect's database is SQLite. Call it before the server is made."""
    url = PREFECT_API_DATABASE_CONNECTION_URL.value()
    if get_dialect(url).name == "sqlite":
        MODELS_DEPENDENCIES["database_config"] = InTurn(connection_url=url)
        collect_garbage_apart()


def main() -> None:
    """Prefect's command line in such a process."""
    from prefect.cli import app

    take_turns_on_sqlite()
    app()


if __name__ == "__main__":
    main()

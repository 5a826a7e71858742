"""A bare durable-execution library on the same PostgreSQL: workflows of five steps, each one insert, one after another.

What a routine lane is measured against: DBOS records every step before the next, as a case file records every move.
"""

from __future__ import annotations

import logging
from time import perf_counter

from dbos import DBOS, DBOSConfig
from sqlalchemy import Engine, create_engine, text

STEPS = 5
"""As many as the stages that the system takes a routine case through."""
WARM_UP = 20

_engine: Engine | None = None


@DBOS.step()
def insert_row(workflow: int, step: int) -> None:
    """One insert, one commit."""
    assert _engine is not None, "set before the first workflow"
    with _engine.begin() as connection:
        connection.execute(
            text("INSERT INTO step_done (workflow, step) VALUES (:workflow, :step)"),
            {"workflow": workflow, "step": step},
        )


@DBOS.workflow()
def five_steps(workflow: int) -> None:
    """Five steps, in order."""
    for step in range(STEPS):
        insert_row(workflow, step)


def workflows_per_second(system_url: str, work_url: str, count: int) -> float:
    """Run ``count`` workflows one after another in this process; workflows a second."""
    global _engine
    logging.getLogger("dbos").setLevel(logging.ERROR)
    _engine = create_engine(work_url)
    with _engine.begin() as connection:
        connection.execute(
            text("CREATE TABLE step_done (workflow integer, step integer, PRIMARY KEY (workflow, step))")
        )
    config: DBOSConfig = {"name": "bench", "system_database_url": system_url, "log_level": "ERROR"}
    DBOS(config=config)
    DBOS.launch()
    try:
        for number in range(WARM_UP):
            five_steps(number)
        begun = perf_counter()
        for number in range(WARM_UP, WARM_UP + count):
            five_steps(number)
        seconds = perf_counter() - begun
        with _engine.connect() as connection:
            done = connection.scalar(text("SELECT count(*) FROM step_done"))
    finally:
        DBOS.destroy()
        _engine.dispose()
    assert done == STEPS * (WARM_UP + count), "every step is done once"
    return count / seconds

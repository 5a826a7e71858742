"""Effects called from flows: in a thread of their own, and with errors that Prefect's page may show."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

from casework.errors import QorganError
from tasks.logs import logger

P = ParamSpec("P")
Result = TypeVar("Result")

log = logger("flows")


async def in_thread(effect: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
    """Run one effect. Our own errors pass; of any other only the kind and the place do.

    Prefect writes an error's text into state and log, and an unexpected one may quote a report.
    """
    try:
        return await asyncio.to_thread(effect, *args, **kwargs)
    except QorganError:
        raise
    except Exception as error:
        kind, frames = type(error).__name__, traceback.extract_tb(error.__traceback__)
        where = " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames[2:])
        log.error("effect failed", error=kind, where=where)
        raise QorganError(
            f"it failed with {kind}", rule="flow.effect_failed", next_step="The log has the place."
        ) from None

"""Effects called from flows: in a thread of their own, and with errors that Prefect's page may show."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from casework.errors import QorganError
from tasks.failures import EffectFailed, kind_and_place
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
        kind, where = kind_and_place(error)
        log.error("effect failed", error=kind, where=where)
        raise EffectFailed(kind, where) from None

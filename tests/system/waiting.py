"""Waiting for a real server to have done something, without guessing how long it takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import httpx

Found = TypeVar("Found")


def wait_for(look: Callable[[], Found], what: str, seconds: float = 240, tell: Callable[[], str] = str) -> Found:
    """Look twice a second until something is found; a server that does not answer has not found it yet.

    ``tell`` is asked how things stand when nothing was.
    """
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(httpx.HTTPError, OSError, ValueError):
            if found := look():
                return found
        time.sleep(0.5)
    raise AssertionError(f"not within {seconds:g} seconds: {what}\n{tell()}")

"""What one check of the case file comes to, and how it is made."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from tasks.runtime import Runtime

Walk = Generator[str, None, str]
"""Yields what breaks an invariant, naming the row; returns what it looked at."""

Invariant = Callable[[Session, Runtime], Walk]

PAGE = 500
"""Rows fetched at a time: memory does not grow with the case file."""


@dataclass(frozen=True, slots=True)
class Check:
    """One invariant: what holds, whether it does, and the first thing that breaks it."""

    name: str
    holds: bool
    detail: str


def judge(name: str, walk: Walk) -> Check:
    """Walk until something breaks the invariant, or to the end."""
    try:
        return Check(name, False, next(walk))
    except StopIteration as end:
        return Check(name, True, end.value)
    except OperationalError:
        raise
    except Exception as error:
        # What cannot be read is no proof, and must not hide what the other checks find.
        return Check(name, False, f"cannot be checked: {type(error).__name__}")
    finally:
        walk.close()


def stream(session: Session, query: Select[Any]) -> Generator[Any]:
    """The rows of a query, page by page; close it if left early."""
    with session.execute(query.execution_options(yield_per=PAGE)) as rows:
        yield from rows

"""Case numbers: none is used twice, whoever takes them, whatever fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from db.engine import make_sessions
from db.queries.cases import take_numbers
from tests.stories import together


def _take(engine: Engine, count: int, *, year: int = 2026, fail: bool = False) -> list[int]:
    with make_sessions(engine).write.begin() as session:
        taken = list(take_numbers(session, "kz-ministry", year, count))
        if fail:
            raise RuntimeError("the case could not be written")
        return taken


def test_numbers_follow_one_another_and_each_year_begins_with_one(engine: Engine) -> None:
    assert _take(engine, 2) == [1, 2]
    assert _take(engine, 3) == [3, 4, 5]
    assert _take(engine, 1, year=2027) == [1]


def test_concurrent_takers_never_get_the_same_number(engine: Engine) -> None:
    """Also when all of them want the first number of a new year."""

    def taker(count: int) -> Callable[[], list[int]]:
        return lambda: [number for _ in range(5) for number in _take(engine, count)]

    given = together(*(taker(count) for count in (1, 2, 3, 4)))
    failed = [outcome for outcome in given if isinstance(outcome, Exception)]
    assert not failed
    numbers = [number for outcome in given for number in outcome]
    assert sorted(numbers) == list(range(1, 51))


def test_a_rolled_back_taker_leaves_no_number_to_be_given_twice(engine: Engine) -> None:
    assert _take(engine, 1) == [1]
    with pytest.raises(RuntimeError):
        _take(engine, 5, fail=True)
    after = _take(engine, 2)
    assert len(set(after) | {1}) == 3
    with pytest.raises(RuntimeError):
        _take(engine, 1, year=2027, fail=True)
    assert _take(engine, 1, year=2027) == [1]

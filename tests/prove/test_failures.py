"""A thin slice of `make prove`: a few points of each way, and the monkey for a few seconds."""

from __future__ import annotations

import pytest

from tests.children import in_child
from tests.database import PostgresServer
from tests.prove.crash_matrix import all_ways, run
from tests.prove.lab import laboratory
from tests.prove.monkey import Monkey
from tests.prove.ways import WAYS


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest) -> PostgresServer | None:
    """The server of the lab's database; None for SQLite, which has none."""
    if request.param == "sqlite":
        return None
    found: PostgresServer | str = request.getfixturevalue("postgres_server")
    if isinstance(found, str):
        pytest.skip(f"no PostgreSQL: {found}")
    return found


def test_a_process_that_dies_at_any_of_these_points_is_followed_by_one_that_finds_everything(
    quiet_logs: None, server: PostgresServer | None
) -> None:
    ways = list(WAYS) if server is None else ["silence and escalation"]
    with laboratory(lambda runtime: all_ways(runtime, ways), server) as lab:
        for way in ways:
            found = run(lab, way, every=91)
            assert found.tried >= 2
            assert found.broken == []


@pytest.mark.parametrize("server", ["sqlite"], indirect=True)
def test_after_seconds_of_faults_under_load_everything_settles_and_is_sound(
    quiet_logs: None, server: PostgresServer | None
) -> None:
    with laboratory(all_ways, server) as lab:
        found = Monkey(lab, seed=7).run(6.0, lambda _gone, _faults: None)
    assert found.cases >= 5
    assert sum(found.faults.values()) >= 10
    assert found.broken == []


def test_what_a_child_fails_at_is_told_by_its_parent() -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        in_child(lambda: 1 / 0)
    assert in_child(lambda: {"one": 1}).said == {"one": 1}

"""Where a Prefect server differs from prefect.yaml, found without one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tasks.deployments import (
    Difference,
    Fault,
    FoundDeployment,
    FoundSchedule,
    Timing,
    differences,
    planned,
)

MINUTELY = Timing("* * * * *", "Asia/Almaty", "every-minute")
DAILY = Timing("0 8 * * *", "Asia/Almaty", "every-morning")
PLAN = {"clocks": (MINUTELY,), "one-case": ()}
CLOCKS = FoundDeployment("d1", "clocks", False, (FoundSchedule("s1", MINUTELY, True),))
ONE_CASE = FoundDeployment("d2", "one-case", False, ())


def found(*deployments: FoundDeployment) -> list[tuple[str, str, str]]:
    return [(one.fault.value, one.deployment, one.schedule_id) for one in differences(PLAN, deployments)]


def test_a_server_as_planned_differs_in_nothing() -> None:
    assert found(CLOCKS, ONE_CASE) == []


def test_a_slug_and_the_order_say_nothing() -> None:
    renamed = replace(CLOCKS, schedules=(FoundSchedule("s1", replace(MINUTELY, slug=""), True),))
    assert found(ONE_CASE, renamed) == []


@pytest.mark.parametrize(
    ("schedules", "said"),
    [
        ((), [("schedule missing", "")]),
        ((FoundSchedule("s1", MINUTELY, False),), [("schedule paused", "s1")]),
        ((FoundSchedule("s1", MINUTELY, True), FoundSchedule("s2", MINUTELY, True)), [("schedule doubled", "s2")]),
        # The one that runs is kept.
        ((FoundSchedule("s1", MINUTELY, False), FoundSchedule("s2", MINUTELY, True)), [("schedule doubled", "s1")]),
        # The wrong one goes first: a slug may be there once only.
        ((FoundSchedule("s1", DAILY, True),), [("schedule doubled", "s1"), ("schedule missing", "")]),
        ((FoundSchedule("s1", replace(MINUTELY, timezone="UTC"), True),),
         [("schedule doubled", "s1"), ("schedule missing", "")]),
        ((FoundSchedule("s1", None, True), FoundSchedule("s2", MINUTELY, True)), [("schedule doubled", "s1")]),
    ],
    ids=["none", "paused", "twice", "twice, one paused", "another time", "another zone", "no cron"],
)  # fmt: skip
def test_each_planned_time_has_one_schedule_that_runs(
    schedules: tuple[FoundSchedule, ...], said: list[tuple[str, str]]
) -> None:
    assert found(replace(CLOCKS, schedules=schedules), ONE_CASE) == [(fault, "clocks", at) for fault, at in said]


def test_deployments_are_missing_paused_or_unknown() -> None:
    old = FoundDeployment("d9", "clocks-of-old", False, ())
    assert found(replace(ONE_CASE, paused=True), old) == [
        ("deployment missing", "clocks", ""),
        ("deployment paused", "one-case", ""),
        ("deployment unknown", "clocks-of-old", ""),
    ]
    assert found(CLOCKS, ONE_CASE, replace(old, paused=True)) == [], "it stands still already"


def test_a_missing_schedule_says_which() -> None:
    [missing] = differences(PLAN, [replace(CLOCKS, schedules=()), ONE_CASE])
    assert missing == Difference(Fault.SCHEDULE_MISSING, "clocks", "d1", MINUTELY)


def test_the_plan_is_that_of_prefect_yaml() -> None:
    assert planned()["clocks"] == (MINUTELY,)
    assert planned()["one-case"] == ()

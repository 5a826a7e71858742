"""A large case file: how long it takes to back it up, to verify it and to bring it back."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from bench.practice import practice_reports
from casework.report_formats import split_file
from tasks.intake import take_in
from tests.stories import INTAKE, Story
from tests.tasks.backups import backed_up, bring_back, tidied, verified, with_tools

CASES = 20_000
Result = TypeVar("Result")


@pytest.fixture
def house(story: Story) -> Iterator[Story]:
    with tidied(with_tools(story)) as ready:
        yield ready


def _timed(call: Callable[[], Result]) -> tuple[Result, float]:
    start = time.perf_counter()
    return call(), time.perf_counter() - start


@pytest.mark.prove
@pytest.mark.timeout(900)
def test_twenty_thousand_cases_are_backed_up_verified_and_brought_back_in_minutes(
    house: Story, capsys: pytest.CaptureFixture[str]
) -> None:
    take_in(house.runtime, split_file("practice.jsonl", practice_reports(CASES)), INTAKE)
    made, copying = _timed(lambda: backed_up(house))
    found, verifying = _timed(lambda: verified(house, made.folder))
    cases = made.manifest.content.cases
    _, restoring = _timed(lambda: bring_back(house, made.folder))
    megabytes = made.manifest.data.bytes / 1e6
    with capsys.disabled():
        sys.stdout.write(
            f"\n{made.manifest.kind}: {cases} cases, {megabytes:.0f} MB; backed up in {copying:.1f} s"
            f" ({megabytes / copying:.0f} MB/s, {cases / copying:,.0f} cases/s), verified in {verifying:.1f} s,"
            f" restored in {restoring:.1f} s\n"
        )
    assert found.holds, [check for check in found.checks if not check.holds]
    assert house.counts()["case_file"] == cases > CASES * 0.5
    assert copying < 60
    assert verifying < 300
    assert restoring < 300

"""The invariants stay quick and small however large the case file is."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable, Sequence

import pytest

from bench.practice import practice_reports
from casework.report_formats import split_file
from tasks.audit import one_moment, verify_chain
from tasks.case_lifecycle import advance, claim
from tasks.checks import judge
from tasks.intake import take_in
from tasks.invariants import INVARIANTS, invariants
from tests.stories import INTAKE, Story


def grow(story: Story, reports: Sequence[bytes]) -> None:
    """Take reports in, drive them as far as they go, and send their letters."""
    take_in(story.runtime, split_file("reports.jsonl", b"\n".join(reports)), INTAKE)
    while numbers := claim(story.runtime, None, "a size", 500):
        for number in numbers:
            advance(story.runtime, number)
    story.send_letters(limit=len(reports))


def peaks(story: Story) -> dict[str, int]:
    """The most memory that each check held at a time, in bytes."""
    found: dict[str, int] = {}

    def measured(name: str, check: Callable[[], object]) -> None:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        check()
        found[name] = tracemalloc.get_traced_memory()[1] - before

    tracemalloc.start()
    with one_moment(story.runtime) as session:
        for name, walk in INVARIANTS.items():
            measured(name, lambda name=name, walk=walk: judge(name, walk(session, story.runtime)))  # type: ignore[misc]
    measured("the chain", lambda: verify_chain(story.runtime))
    tracemalloc.stop()
    return found


@pytest.mark.prove
@pytest.mark.timeout(1_800)
def test_every_check_of_ten_thousand_cases_takes_seconds_and_no_more_memory_than_of_two_thousand(
    story: Story, record_property: Callable[[str, object], None]
) -> None:
    reports = practice_reports(10_000).split(b"\n")
    grow(story, reports[:2_000])
    invariants(story.runtime)
    small = peaks(story)
    grow(story, reports[2_000:])
    large = peaks(story)
    began = time.perf_counter()
    checks = invariants(story.runtime)
    seconds = time.perf_counter() - began
    record_property("seconds", round(seconds, 1))
    assert [check for check in checks if not check.holds] == []
    grown = {name: (small[name], peak) for name, peak in large.items() if peak > 1.5 * small[name] + 1_000_000}
    assert grown == {}
    assert seconds < 60

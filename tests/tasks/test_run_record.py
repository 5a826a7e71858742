"""What a run did, in codes and case numbers."""

from __future__ import annotations

from tasks.run_record import begin, done_by_sweep, done_to_case
from tasks.sla_sweep import sweep
from tests.stories import SQLITE_ONLY, Story

pytestmark = SQLITE_ONLY


def test_it_tells_what_happened_to_this_case_since_then_in_order(story: Story) -> None:
    other, number = story.take_in(), story.take_in()
    since = begin(story.runtime)
    story.drive(number)
    story.drive(other)
    rows = done_to_case(story.runtime, number, since)
    moves = [(row["what"], row["from"], row["to"]) for row in rows if row["to"]]
    assert moves == [("moved: triage", "received", "triaged"), ("moved: complete", "triaged", "in_legal_review")]
    assert all(row["when"] == "2026-03-18 09:00:00" for row in rows), "the authority's own time"
    assert done_to_case(story.runtime, number, begin(story.runtime)) == []


def test_it_tells_which_clocks_a_sweep_acted_on(story: Story) -> None:
    number = story.take_in()
    story.later(days=3)
    since = begin(story.runtime)
    sweep(story.runtime)
    rows = done_by_sweep(story.runtime, since)
    assert {row["case"] for row in rows} == {number}
    assert "clock: breached" in {row["what"] for row in rows}
    assert all(row["rule"] and row["duty"] for row in rows if row["what"].startswith("clock"))
    assert "Reporter" not in repr(rows)

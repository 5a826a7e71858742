"""The one way in which evidence may go: with a tombstone of its own, and to nothing but its erased form."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from tasks.invariants import invariants
from tests.stories import Story

REFUSED = [
    "UPDATE report SET raw_sealed = raw_sealed",
    "UPDATE report SET raw_sha256 = 'ab'",
    "DELETE FROM report",
    "UPDATE content_item SET url_original = 'https://other.example/'",
    "UPDATE submission SET payload_sha256 = 'ab'",
    "UPDATE submission SET payload = payload",
    "DELETE FROM submission",
    "UPDATE tombstone SET content_hash = 'cd'",
    "DELETE FROM tombstone",
    "UPDATE erasure SET rule = 'another'",
    "DELETE FROM erasure",
    "UPDATE event SET reason = ''",
]


def buried(story: Story) -> None:
    """Tombstones for the first rows of three tables, as somebody at the console could write them."""
    story.execute(
        "INSERT INTO erasure_run (begun_at, state, due, erased) VALUES ('2026-03-18 04:00:00+00:00', 'x', 1, 1)"
    )
    story.execute(
        "INSERT INTO erasure (run_id, case_id, record, rule, policy_version, rows, erased_at, event_seq)"
        " VALUES (1, 1, 'raw_report', 'r', 'v', 1, '2026-03-18 04:00:00+00:00', 1)"
    )
    for table in ("report", "content_item", "submission"):
        story.execute(
            "INSERT INTO tombstone (erasure_id, case_id, table_name, row_id, content_hash) VALUES (1, 1, :t, 1, 'ab')",
            t=table,
        )


ERASED = [
    ("UPDATE report SET raw_sealed = :nothing", True),
    ("UPDATE content_item SET url_original = ''", False),
    ("UPDATE submission SET payload = :nothing", True),
]


def test_without_a_tombstone_nothing_is_emptied(story: Story) -> None:
    story.submitted()
    for statement, blob in ERASED:
        with pytest.raises(DBAPIError, match="evidence is never changed"):
            story.execute(statement, **({"nothing": b""} if blob else {}))


def test_with_a_tombstone_a_row_is_emptied_and_never_changed_to_anything_else(story: Story) -> None:
    story.submitted()
    buried(story)
    for statement in REFUSED:
        with pytest.raises(DBAPIError, match="evidence is never changed"):
            story.execute(statement)
    for statement, blob in ERASED:
        story.execute(statement, **({"nothing": b""} if blob else {}))
    with pytest.raises(DBAPIError, match="evidence is never changed"):
        story.execute("UPDATE content_item SET url_original = 'https://back.example/'")


def test_an_erasure_past_us_shows_in_the_audit(story: Story) -> None:
    """Somebody with the database's own rights can bury evidence; not unseen."""
    story.submitted()
    buried(story)
    story.execute("UPDATE report SET raw_sealed = :nothing", nothing=b"")
    broken = {check.name for check in invariants(story.runtime) if not check.holds}
    assert "every erasure is told by its event" in broken
    assert "what is said to be erased is gone, and nothing else" in broken


def test_a_hold_is_lifted_by_somebody_else_also_at_the_console(story: Story) -> None:
    story.take_in()
    story.execute("INSERT INTO legal_hold (case_id, placed_by, placed_at, reason) VALUES (1, 'a', '2026-03-18', 'why')")
    for statement in (
        "UPDATE legal_hold SET lifted_by = 'a'",
        "UPDATE legal_hold SET reason = 'no'",
        "DELETE FROM legal_hold",
    ):
        with pytest.raises(DBAPIError):
            story.execute(statement)

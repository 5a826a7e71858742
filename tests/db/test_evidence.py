"""What was received, decided and approved stays as it was, also for somebody at the database's own console."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from tests.stories import Story

CHANGES = [
    "UPDATE event SET reason = 'another reason'",
    "UPDATE event SET hash = previous",
    "DELETE FROM event",
    "UPDATE report SET raw_sealed = raw_sealed",
    "UPDATE report SET raw_sha256 = 'ab'",
    "UPDATE report SET received_at = read_at",
    "DELETE FROM report",
    "UPDATE content_item SET url_original = 'https://other.example/'",
    "DELETE FROM content_item",
    "UPDATE review SET verdict = 'declined'",
    "UPDATE review SET reviewer_name = 'Somebody else'",
    "DELETE FROM review",
    "UPDATE approved_payload SET payload_sha256 = 'ab'",
    "DELETE FROM approved_payload",
    "UPDATE submission SET payload = payload",
    "UPDATE submission SET payload_sha256 = 'ab'",
    "UPDATE submission SET idempotency_key = 'another'",
    "DELETE FROM submission",
]


def test_evidence_is_never_changed_or_removed(story: Story) -> None:
    story.submitted()
    before = story.counts()
    for statement in CHANGES:
        with pytest.raises(DBAPIError, match="evidence is never changed"):
            story.execute(statement)
    assert story.counts() == before
    story.assert_sound()


def test_what_may_change_still_does(story: Story) -> None:
    """The triggers watch the evidence and nothing beside it."""
    number = story.submitted()
    story.execute("UPDATE submission SET last_error = 'seen'")
    story.execute("UPDATE report SET reason = 'seen'")
    story.execute("UPDATE content_item SET locator = 'seen'")
    assert story.submissions(number)[0].last_error == "seen"

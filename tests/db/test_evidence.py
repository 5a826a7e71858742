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


def test_what_was_in_force_and_what_an_expert_group_said_stay_as_they_were(story: Story) -> None:
    case_id = story.case(story.take_in()).id
    story.execute(
        "INSERT INTO policy_version (version, regime_id, folder, digest, texts, public_days, adopted_at)"
        " VALUES ('qn/2026-11+aaaaaaaa', 'qn/2026-11', 'qn', 'ab', '{}', '{}', '2026-03-18 04:00:00+00:00')"
    )
    story.execute(
        "INSERT INTO expert_opinion (case_id, group_id, reference, present, conflicted, in_favour, against, confirmed,"
        " reasons, dissent, recorded_by, policy_version, decided_at, recorded_at)"
        " VALUES (:case, 'qn.group', 'P 7', '[]', '[]', 3, 0, :confirmed, 'It is so.', '[]', 'marat', 'v',"
        " '2026-03-18 04:00:00+00:00', '2026-03-18 05:00:00+00:00')",
        case=case_id, confirmed=True,
    )  # fmt: skip
    before = story.counts()
    for statement in (
        "UPDATE policy_version SET texts = '{}'",
        "UPDATE policy_version SET public_days = '{}'",
        "DELETE FROM policy_version",
        "UPDATE expert_opinion SET reasons = 'others'",
        "UPDATE expert_opinion SET dissent = '[]'",
        "DELETE FROM expert_opinion",
    ):
        with pytest.raises(DBAPIError, match="evidence is never changed"):
            story.execute(statement)
    assert story.counts() == before


def test_what_may_change_still_does(story: Story) -> None:
    """The triggers watch the evidence and nothing beside it."""
    number = story.submitted()
    story.execute("UPDATE submission SET last_error = 'seen'")
    story.execute("UPDATE report SET reason = 'seen'")
    story.execute("UPDATE content_item SET locator = 'seen'")
    assert story.submissions(number)[0].last_error == "seen"

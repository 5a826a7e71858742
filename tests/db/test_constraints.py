"""Four eyes, approved bytes and lowered priorities are rules of the database too: no script passes by them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from db.base import Base
from tests.stories import INTAKE, REVIEWER, Story

REVIEW = (
    "INSERT INTO review (case_id, intake_by, reviewer_id, reviewer_name, verdict, reason, basis, policy_line,"
    " proportionality, policy_version, decided_at) VALUES (:case, :intake, :reviewer, 'Somebody', :verdict, :reason,"
    " '[]', '', '', 'v', '2026-03-18 04:00:00+00:00')"
)
PRIORITY = (
    "INSERT INTO priority_change (case_id, from_rank, to_rank, floor_rank, proposed_by, confirmed_by, reason,"
    " changed_at) VALUES (:case, :floor, :to, :floor, 'aigerim', :second, 'why', '2026-03-18 04:00:00+00:00')"
)


def _review(story: Story, number: str, **changes: Any) -> None:
    values = {
        "case": story.case(number).id, "intake": INTAKE, "reviewer": REVIEWER, "verdict": "approved", "reason": "Good.",
    }  # fmt: skip
    story.execute(REVIEW, **{**values, **changes})


def test_another_reviewer_may_be_written(story: Story) -> None:
    number = story.take_in()
    _review(story, number)
    assert len(story.reviews(number)) == 1


def test_the_intake_person_cannot_be_the_reviewer(story: Story) -> None:
    number = story.take_in()
    for verdict in ("approved", "endorsed", "urgent", "confirmed", "declined"):
        with pytest.raises(IntegrityError, match="four_eyes"):
            _review(story, number, reviewer=INTAKE, verdict=verdict)
    assert not story.reviews(number)


def test_a_lie_about_who_took_the_report_in_is_refused(story: Story) -> None:
    number = story.take_in()
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        _review(story, number, intake="nurlan", reviewer=INTAKE)


def test_a_review_without_reasons_is_refused(story: Story) -> None:
    number = story.take_in()
    with pytest.raises(IntegrityError, match="reasons_given"):
        _review(story, number, reason="")


def test_a_submission_with_bytes_that_nobody_approved_is_refused(story: Story) -> None:
    story.approved()
    columns = (
        "case_id, platform, channel, environment, kind, item_ids, review_id, payload, state, attempts, last_error,"
        " created_at"
    )
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
        story.execute(
            f"INSERT INTO submission (number, idempotency_key, payload_sha256, {columns})"
            f" SELECT 'X/S9', 'another', 'nobody approved this', {columns} FROM submission"
        )


def test_the_same_approved_bytes_with_their_hash_may_be_queued(story: Story) -> None:
    """The key above is what refuses: the same statement with the approved hash goes through."""
    number = story.approved()
    columns = (
        "case_id, platform, channel, environment, kind, item_ids, review_id, payload, payload_sha256, state, attempts,"
        " last_error, created_at"
    )
    story.execute(
        f"INSERT INTO submission (number, idempotency_key, {columns}) SELECT 'X/S9', 'another', {columns}"
        " FROM submission"
    )
    assert len(story.submissions(number)) == 2


def test_going_below_the_computed_priority_takes_a_second_person(story: Story) -> None:
    case_id = story.case(story.take_in()).id
    for second in (None, "aigerim"):
        with pytest.raises(IntegrityError, match="two_people"):
            story.execute(PRIORITY, case=case_id, floor=2, to=3, second=second)
    story.execute(PRIORITY, case=case_id, floor=2, to=3, second="marat")
    story.execute(PRIORITY, case=case_id, floor=2, to=1, second=None)


@pytest.mark.parametrize("table", ["content_item", "letter"])
def test_an_item_stands_once_in_a_case_and_a_letter_goes_once_per_key(story: Story, table: str) -> None:
    story.take_in()
    columns = ", ".join(column.name for column in Base.metadata.tables[table].columns if column.name != "id")
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        story.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table}")


def test_a_clock_belongs_to_a_case_or_to_something_held(story: Story) -> None:
    story.take_in()
    with pytest.raises(IntegrityError, match="belongs_somewhere"):
        story.execute("UPDATE clock SET case_id = NULL")

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


OPINION = (
    "INSERT INTO expert_opinion (case_id, group_id, reference, present, conflicted, in_favour, against, confirmed,"
    " reasons, dissent, recorded_by, policy_version, decided_at, recorded_at)"
    " VALUES (:case, :group, 'Protocol 7', '[]', '[]', :in_favour, :against, :confirmed, :reasons, '[]', 'marat', 'v',"
    " '2026-03-18 04:00:00+00:00', '2026-03-18 05:00:00+00:00')"
)
VERSION = (
    "INSERT INTO policy_version (version, regime_id, folder, digest, texts, public_days, adopted_at)"
    " VALUES (:version, :regime, 'a-pack', 'ab', '{}', '{}', '2026-03-18 04:00:00+00:00')"
)


def _opinion(story: Story, case_id: int, **changes: Any) -> None:
    values = {
        "case": case_id, "group": "kz.group", "in_favour": 2, "against": 1, "confirmed": True, "reasons": "It is so.",
    }  # fmt: skip
    story.execute(OPINION, **{**values, **changes})


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


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("majority", {"confirmed": False}),
        ("majority", {"in_favour": 1, "against": 1}),
        ("majority", {"in_favour": 1, "against": 2}),
        ("votes_counted", {"against": -1}),
        ("reasons_given", {"reasons": ""}),
    ],
)
def test_an_expert_opinion_says_what_its_votes_say_and_why(story: Story, rule: str, changes: dict[str, Any]) -> None:
    case_id = story.case(story.take_in()).id
    with pytest.raises(IntegrityError, match=rule):
        _opinion(story, case_id, **changes)
    _opinion(story, case_id)


def test_one_record_of_an_expert_group_stands_once_in_a_case(story: Story) -> None:
    case_id = story.case(story.take_in()).id
    _opinion(story, case_id)
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        _opinion(story, case_id)
    _opinion(story, case_id, group="kz.another_group")


def test_one_regime_id_is_one_text_for_good(story: Story) -> None:
    story.execute(VERSION, version="qn/2026-11+aaaaaaaa", regime="qn/2026-11")
    with pytest.raises(IntegrityError, match=r"(?i)unique"):
        story.execute(VERSION, version="qn/2026-11+bbbbbbbb", regime="qn/2026-11")
    story.execute(VERSION, version="qn/2026-12+bbbbbbbb", regime="qn/2026-12")


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

"""A prescription against the bullying of a child needs the group's opinion: entered once, and never changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from casework.errors import MoveRefused, NotAllowed
from casework.vocabulary import Action
from db.tables import ExpertOpinion
from tasks.expert_opinions import OpinionRefused, record_opinion
from tests.stories import CHAIR, HEAD, INTAKE, REVIEWER, SQLITE_ONLY, Story, bullied, opinion, together


def test_what_the_chair_enters_lets_a_lawyer_approve(story: Story) -> None:
    number = story.to_review(**bullied())
    with pytest.raises(MoveRefused, match=r"needs the opinion of 'kz\.expert_group_on_cyberbullying'"):
        story.approve(number)
    story.clock.advance(hours=3)
    story.confirmed_by_experts(number)
    [row] = story.all(ExpertOpinion)
    assert (row.group_id, row.reference, row.confirmed) == ("kz.expert_group_on_cyberbullying", "2026-12", True)
    assert (row.in_favour, row.against, row.conflicted, row.recorded_by) == (3, 1, ["five"], CHAIR)
    assert row.dissent == ["It is rude, and no bullying."]
    assert row.policy_version == story.runtime.pack.version
    [event] = story.events(number, "expert.decided")
    assert (event.actor_id, event.data["reference"], event.data["dissents"]) == (CHAIR, "2026-12", 1)
    assert "one" not in str(event.data), "members are named in the opinion, not in the log"
    story.approve(number)
    story.drive(number)
    assert story.status(number) == "submitted"
    story.assert_sound()


@SQLITE_ONLY
def test_a_number_that_somebody_typed_into_the_file_is_no_opinion(story: Story) -> None:
    number = story.to_review(**bullied(expert_decision="12-1"))
    with pytest.raises(MoveRefused, match="none is recorded") as refused:
        story.approve(number)
    assert refused.value.rule == "review.expert_decision_missing"


def test_a_group_that_does_not_confirm_stops_the_notice_until_it_decides_otherwise(story: Story) -> None:
    number = story.to_review(**bullied())
    no = {"reference": "2026-13", "in_favour": 1, "against": 3, "confirmed": False, "dissent": ()}
    story.confirmed_by_experts(number, **no)
    before = story.counts()
    with pytest.raises(MoveRefused, match="did not confirm the case \\(record 2026-13\\)") as refused:
        story.approve(number)
    assert refused.value.rule == "review.expert_rejected"
    assert story.counts() == before
    story.clock.advance(days=1)
    story.confirmed_by_experts(number, reference="2026-14")
    story.approve(number)
    assert len(story.all(ExpertOpinion)) == 2, "the first opinion stays beside the second"


DOES_NOT_COUNT = {
    "too few who may vote": ({"present": ("one", "two", "five"), "in_favour": 2, "against": 0}, "quorum is 3"),
    "more votes than members who may vote": ({"in_favour": 4, "against": 1}, "do not fit 4 deciding"),
    "a member is counted twice": ({"present": ("one", "one", "two", "three")}, "named twice"),
    "a stranger stands aside": ({"conflicted": ("nine",)}, "'nine' is said to have a conflict"),
    "the votes say no": ({"in_favour": 1, "against": 2, "dissent": ()}, "do not carry"),
    "no reasons": ({"reasons": "Bullying."}, "the reasons are missing"),
    "votes against and no dissent": ({"dissent": ()}, "no dissent is recorded"),
    "no number": ({"reference": " "}, "no number"),
    "a number longer than a record may have": ({"reference": "7" * 81}, "no number of at most 80 signs"),
}  # fmt: skip


@pytest.mark.parametrize("case", DOES_NOT_COUNT.values(), ids=DOES_NOT_COUNT.keys())
def test_an_opinion_that_does_not_count_is_refused_and_nothing_is_written(
    story: Story, case: tuple[dict[str, Any], str]
) -> None:
    said, sentence = case
    number = story.to_review(**bullied())
    before = story.counts()
    with pytest.raises(OpinionRefused, match=sentence):
        story.confirmed_by_experts(number, **said)
    assert story.counts() == before
    assert story.case(number).expert_decision == ""


@SQLITE_ONLY
def test_an_opinion_is_neither_older_than_the_case_nor_from_the_future(story: Story) -> None:
    number = story.to_review(**bullied())
    for minutes in (-1, 1):
        with pytest.raises(OpinionRefused, match="before the case was received, or in the future"):
            at = story.clock() + timedelta(minutes=minutes)
            record_opinion(story.runtime, number, opinion(at), CHAIR)


@SQLITE_ONLY
def test_the_chair_or_the_head_enters_it_and_nobody_else(story: Story) -> None:
    number = story.to_review(**bullied())
    for person in (REVIEWER, INTAKE, "stranger"):
        with pytest.raises(NotAllowed, match=person):
            record_opinion(story.runtime, number, opinion(story.clock()), person)
    assert record_opinion(story.runtime, number, opinion(story.clock()), HEAD).opinion is not None


@SQLITE_ONLY
def test_an_opinion_is_for_open_cases_whose_form_of_notice_needs_one(story: Story) -> None:
    fraud = story.to_review()
    with pytest.raises(OpinionRefused, match="a 'platform_report' needs no group's opinion"):
        story.confirmed_by_experts(fraud)
    declined = story.to_review(**bullied())
    story.move(declined, Action.DECLINE, REVIEWER)
    with pytest.raises(OpinionRefused, match="it is 'declined'"):
        story.confirmed_by_experts(declined)


def test_one_record_is_entered_once_even_by_two_at_once(story: Story) -> None:
    number = story.to_review(**bullied())
    outcomes = together(*(lambda: story.confirmed_by_experts(number) for _ in range(2)))
    [refused] = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert isinstance(refused, OpinionRefused)
    assert refused.rule == "expert.repeated"
    before = story.counts()
    with pytest.raises(OpinionRefused, match="record '2026-12' was entered before"):
        story.confirmed_by_experts(number, in_favour=4, against=0, dissent=())
    assert story.counts() == before
    other = story.to_review(**bullied())
    story.confirmed_by_experts(other)
    assert len(story.all(ExpertOpinion)) == 2, "one record may be about several cases"
    story.assert_sound()


def test_an_opinion_is_evidence_that_nobody_changes_or_removes(story: Story) -> None:
    story.confirmed_by_experts(story.to_review(**bullied()))
    for statement in ("UPDATE expert_opinion SET reasons = 'Otherwise.'", "DELETE FROM expert_opinion"):
        with pytest.raises(DBAPIError):
            story.execute(statement)
    [row] = story.all(ExpertOpinion)
    assert row.reasons == "The posts humiliate one pupil, by name, for weeks."

"""One move, one transaction; one winner; people who may not decide are refused whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update
from sqlalchemy.orm import Session

from casework.errors import CaseError, CaseMovedMeanwhile, CaseNotFound, MoveRefused, NotAllowed
from casework.facts import CaseFacts
from casework.vocabulary import Action
from db.tables import CaseFile
from tasks import record
from tasks.record import move_case, transaction
from tests.stories import (
    AUDITOR,
    INTAKE,
    LIAISON,
    OTHER_REVIEWER,
    REASON,
    REVIEWER,
    SQLITE_ONLY,
    Story,
    link,
    together,
)  # fmt: skip


class Interrupted(Exception):
    """Something breaks in the middle of a move."""


def _fail(*_anything: Any, **_more: Any) -> None:
    raise Interrupted


def test_a_move_that_fails_in_the_middle_leaves_nothing_behind(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    number = story.to_review()
    before = story.counts()
    for broken in ("append_events", "write_review", "start_for", "refresh_due"):
        with monkeypatch.context() as patched, pytest.raises(Interrupted):
            patched.setattr(record, broken, _fail)
            story.approve(number)
        assert story.counts() == before
    assert story.status(number) == "in_legal_review"
    assert not story.reviews(number)
    story.assert_sound()
    story.approve(number)
    assert story.status(number) == "approved"


def test_a_letter_that_cannot_be_intended_takes_the_move_with_it(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    number = story.to_review()
    before = story.counts()
    monkeypatch.setattr(record, "queue_letters", _fail)
    with pytest.raises(Interrupted):
        story.move(number, Action.DECLINE, REVIEWER)
    assert story.counts() == before
    assert story.status(number) == "in_legal_review"


def test_a_move_writes_status_event_review_notice_and_clocks_together(story: Story) -> None:
    number = story.approved()
    [event] = story.events(number, "moved.approve")
    assert (event.from_status, event.to_status) == ("in_legal_review", "approved")
    assert (event.actor_id, event.actor_name) == (REVIEWER, "Daniyar (practice)")
    assert event.reason == REASON
    assert [review.verdict for review in story.reviews(number)] == ["approved"]
    assert [row.state for row in story.submissions(number)] == ["queued"]
    [clock] = story.clocks(number, "kz.internal.review.routine")
    assert (clock.state, clock.stopped_by) == ("met", "review.approved")


def test_of_two_reviewers_who_decide_at_once_one_wins_and_the_other_hears_why(story: Story) -> None:
    number = story.to_review()
    outcomes = together(
        lambda: story.approve(number, REVIEWER),
        lambda: story.move(number, Action.DECLINE, OTHER_REVIEWER),
    )
    lost = [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert len(lost) == 1
    assert isinstance(lost[0], CaseError)
    assert number in str(lost[0])
    assert len(story.reviews(number)) == 1
    assert story.status(number) in ("approved", "declined")
    story.assert_sound()


def test_a_decision_on_what_was_seen_a_moment_ago_is_refused(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    """The case moved between the reading and the writing: the status in the file decides, not the one in mind."""
    number = story.to_review()
    seen = record.facts_of

    def facts_then_somebody_moves(session: Session, case: CaseFile) -> CaseFacts:
        facts = seen(session, case)
        session.execute(update(CaseFile).values(status="returned"))
        return facts

    with monkeypatch.context() as patched, pytest.raises(CaseMovedMeanwhile) as refused:
        patched.setattr(record, "facts_of", facts_then_somebody_moves)
        story.move(number, Action.DECLINE, REVIEWER)
    assert refused.value.case_number == number
    assert "in_legal_review" in refused.value.message
    assert not story.letters(number, "decline")
    assert not story.reviews(number)
    assert story.status(number) == "in_legal_review"


@SQLITE_ONLY
def test_somebody_unknown_is_refused(story: Story) -> None:
    number = story.to_review()
    with pytest.raises(NotAllowed, match="nobody is known as 'stranger'"):
        story.approve(number, "stranger")
    with pytest.raises(NotAllowed, match="nobody is known as 'system'"):
        move_case(story.runtime, number, Action.CLOSE, "system")
    assert story.status(number) == "in_legal_review"


@SQLITE_ONLY
def test_people_without_the_role_cannot_approve(story: Story) -> None:
    number = story.to_review()
    for person in (AUDITOR, LIAISON, "nurlan", "olzhas"):
        with pytest.raises(NotAllowed, match=number):
            story.approve(number, person)
    assert not story.reviews(number)


def test_who_took_the_report_in_cannot_decide_it(story: Story) -> None:
    """Also when the same person has the reviewer's role: the rule looks at the person."""
    both = story.runtime.users.actor(REVIEWER)
    number = story.to_review()
    with story.runtime.sessions.write.begin() as session:
        record.find_case(session, number).intake_by = both.id
    for action in (Action.APPROVE, Action.DECLINE):
        with pytest.raises(MoveRefused) as refused:
            story.move(number, action, both.id)
        assert refused.value.rule == "review.four_eyes"
    story.approve(number, OTHER_REVIEWER)
    assert story.status(number) == "approved"


@SQLITE_ONLY
def test_a_case_nobody_has_is_not_found(story: Story) -> None:
    with pytest.raises(CaseNotFound, match="KZ-2026-999999"):
        move_case(story.runtime, "KZ-2026-999999", Action.APPROVE, REVIEWER)


@SQLITE_ONLY
def test_a_move_that_the_table_does_not_know_names_those_it_does(story: Story) -> None:
    number = story.take_in()
    with pytest.raises(MoveRefused, match=r"not possible from 'received'.*in_legal_review"):
        story.approve(number)


@SQLITE_ONLY
def test_withdrawing_takes_back_what_was_not_sent(story: Story) -> None:
    number = story.approved()
    story.move(number, Action.WITHDRAW, INTAKE)
    assert story.status(number) == "withdrawn"
    assert [row.state for row in story.submissions(number)] == ["dropped"]
    assert not [clock for clock in story.clocks(number) if clock.state == "running"]
    story.drive(number)
    assert story.notices_at_platform() == 0


@SQLITE_ONLY
def test_nothing_is_withdrawn_once_it_may_be_out(story: Story) -> None:
    number = story.approved()
    story.execute("UPDATE submission SET state = 'unknown'")
    with pytest.raises(MoveRefused, match="may already be with the platform"):
        story.move(number, Action.WITHDRAW, INTAKE)


@SQLITE_ONLY
def test_a_merged_case_says_where_it_lives_on(story: Story) -> None:
    first, second = story.to_review(), story.to_review()
    story.move(second, Action.MERGE, INTAKE, merge_into=first)
    merged = story.case(second)
    assert (merged.status, merged.disposition, merged.merged_into) == ("merged", "duplicate", first)


def test_two_people_writing_to_crossed_cases_do_not_block_each_other(story: Story) -> None:
    """A file of reports that join open cases is taken in while somebody works on the same cases."""
    videos = [story.to_review(links=[link(9_000 + place)]) for place in range(4)]

    def joins() -> None:
        for turn in range(4):
            story.hand_in(*({"links": [link(9_000 + place, f"mirror{turn}{place}")]} for place in (3, 2, 1, 0)))

    somebody = story.runtime.users.actor(INTAKE)

    def amendments() -> None:
        for turn in range(4):
            for number in videos:
                with transaction(story.runtime) as session:
                    case = record.find_case(session, number)
                    case.policy_line = f"Frauds and scams {turn}"
                    session.flush()
                    record.note(session, story.runtime, case, "case.amended", somebody, story.clock())

    outcomes = together(joins, amendments)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [story.case(number).reporters for number in videos] == [5, 5, 5, 5]
    story.assert_sound()

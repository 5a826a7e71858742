"""An answer to a platform's question that may have arrived, while the platform already goes on."""

from __future__ import annotations

import pytest

from casework.vocabulary import Action
from tasks.case_lifecycle import claim
from tasks.channels import Accepted, Receipt
from tasks.collect_outcomes import collect
from tests.stories import REVIEWER, SQLITE_ONLY, Story

pytestmark = SQLITE_ONLY


def answer_that_nobody_heard_arrive(story: Story) -> str:
    """A reviewer has answered the platform's question; the platform has the answer, and we do not know."""
    number = story.submitted()
    story.answer(number, "more_info_needed", reason="Which second?")
    collect(story.runtime)
    story.drive(number)
    story.move(number, Action.ANSWER, REVIEWER)
    story.platform.behaviour(fail_after_accept_next=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(story.runtime.channels["api"]), "lookup", lambda *_: Receipt(Accepted.UNKNOWN))
        story.drive(number)
    assert story.submissions(number)[1].state in ("queued", "unknown")
    return number


@pytest.mark.parametrize(
    ("outcome", "then"), [("removed_globally", "closed"), ("more_info_needed", "more_info")], ids=["decides", "asks"]
)
def test_what_the_platform_says_next_leaves_no_answer_behind(story: Story, outcome: str, then: str) -> None:
    number = answer_that_nobody_heard_arrive(story)
    story.answer(number, outcome, reason="And which minute?")
    collect(story.runtime)
    for _ in range(4):
        story.drive(number)
        story.later(minutes=40)
    assert story.status(number) == then
    assert [row.state for row in story.submissions(number)] == ["sent", "sent"]
    assert claim(story.runtime, None, "the next one", 5) == [], "nothing is left to do"
    story.assert_sound()

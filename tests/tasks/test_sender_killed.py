"""A sender killed at every step around the server's yes: what may be repeated is, and the rest is asked about."""

from __future__ import annotations

import time

import pytest

from casework.vocabulary import Action
from db.tables import CaseFile, Letter
from desk.seen_outside import delivered_bytes
from sandbox.practice_mailbox import StoredMessage
from tasks.correspondence import LEASE
from tests.stories import REVIEWER, Story
from tests.tasks.digests import a_digest_of
from tests.tasks.dying import LETTER_MOMENTS, die_while

ARRIVED = {"before_text": 0, "after_text": 1, "after_yes": 1, "after_commit": 1}
"""How many copies the recipient has when the sender dies."""


def _to_send(story: Story, promise: str) -> Letter:
    """The only letter waiting: a refusal, of which nobody gets two, or a receipt."""
    number = story.to_review() if promise == "at_most_once" else story.take_in()
    if promise == "at_most_once":
        story.send_letters()
        story.move(number, Action.DECLINE, REVIEWER)
    letter = story.letters(number)[-1]
    assert (letter.promise, letter.state) == (promise, "queued")
    return letter


def _now(story: Story, letter: Letter) -> Letter:
    return next(row for row in story.all(Letter) if row.id == letter.id)


def _copies(story: Story, letter: Letter) -> list[StoredMessage]:
    return [kept for kept in story.mail() if kept.message["X-Qorgan-Letter"] == str(letter.id)]


def _wait_for_copies(story: Story, letter: Letter, count: int) -> None:
    """The mailbox stores a text that it has in full, also when nobody is left to hear its answer."""
    until = time.monotonic() + 20
    while len(_copies(story, letter)) < count:
        assert time.monotonic() < until, "it never arrived"
        time.sleep(0.01)


@pytest.mark.parametrize("promise", ["at_most_once", "at_least_once"])
@pytest.mark.parametrize("moment", LETTER_MOMENTS)
def test_a_killed_senders_letter_is_repeated_or_asked_about_as_its_kind_says(
    story: Story, moment: str, promise: str
) -> None:
    letter = _to_send(story, promise)
    die_while(story.runtime, moment)
    _wait_for_copies(story, letter, ARRIVED[moment])
    assert _now(story, letter).state == ("sent" if moment == "after_commit" else "sending")
    story.clock.advance(minutes=1)
    story.send_letters()
    assert len(_copies(story, letter)) == ARRIVED[moment], "the dead process still holds the lease"
    story.clock.set(story.clock() + LEASE)
    result = story.send_letters()
    story.later(hours=3)
    story.send_letters()
    row, copies = _now(story, letter), _copies(story, letter)
    abandoned = story.events(story.all(CaseFile)[0].number, "letter.abandoned")
    if moment == "after_commit":
        assert (row.state, len(copies), abandoned) == ("sent", 1, [])
    elif promise == "at_most_once":
        assert (row.state, len(copies), result.look_at) == ("unknown", ARRIVED[moment], [row.id])
        assert len(abandoned) == 1
    else:
        assert (row.state, len(copies), len(abandoned)) == ("sent", ARRIVED[moment] + 1, 1)
    assert len({delivered_bytes(kept) for kept in copies}) <= 1, "a repeated letter is the same, byte for byte"
    assert {kept.message["Message-ID"] for kept in copies} <= {row.message_id}
    story.assert_sound()


@pytest.mark.parametrize("moment", LETTER_MOMENTS)
def test_a_sender_killed_within_a_digest_settles_its_lines_once(story: Story, moment: str) -> None:
    digest = a_digest_of(story, 3)
    die_while(story.runtime, moment)
    _wait_for_copies(story, digest, ARRIVED[moment])
    lines = [row for row in story.all(Letter) if row.digest_id == digest.id]
    done = moment == "after_commit"
    assert {row.state for row in lines} == ({"sent"} if done else {"bundled"})
    story.clock.set(story.clock() + LEASE)
    story.later(minutes=1)
    story.send_letters()
    story.send_letters()
    assert len(_copies(story, digest)) == ARRIVED[moment] + (0 if done else 1)
    lines = [row for row in story.all(Letter) if row.digest_id == digest.id]
    assert [(row.state, row.sent_at == _now(story, digest).sent_at) for row in lines] == [("sent", True)] * 3
    for case in story.all(CaseFile):
        assert len(story.events(case.number, "letter.sent")) == 2, "the receipt and the line of the digest"
        assert len(story.events(case.number, "case.answered")) == 1, "the duty that the letter does is done once"

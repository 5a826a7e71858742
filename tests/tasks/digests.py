"""Letters that wait as lines of a digest."""

from __future__ import annotations

from casework.vocabulary import Action, DeliveryPromise, DeliveryState, Recipient
from db.tables import Letter
from tasks.record import transaction
from tests.stories import REVIEWER, Story


def a_digest_of(story: Story, count: int) -> Letter:
    """A digest to a liaison, not made yet, with one line for each of ``count`` cases; nothing else waits.

    Its lines are letters that do a duty when they are sent, so that a line that counts twice or never shows.
    """
    numbers = [story.to_review() for _ in range(count)]
    story.send_letters()
    for number in numbers:
        story.move(number, Action.DECLINE, REVIEWER)
    at, liaison = story.clock(), story.runtime.pack.liaison("tiktok", "liaison")
    assert liaison is not None
    with transaction(story.runtime) as session:
        digest = Letter(
            kind="digest", recipient=Recipient.LIAISON, contact="liaison:tiktok", language="en", once_key="digest:test",
            address_hash=story.runtime.vault.fingerprint(liaison.email), promise=DeliveryPromise.AT_LEAST_ONCE,
            urgent=False, state=DeliveryState.QUEUED, created_at=at,
            context={"period_from": at.isoformat(), "period_to": at.isoformat()},
        )  # fmt: skip
        session.add(digest)
        session.flush()
        for number in numbers:
            [line] = story.letters(number, "decline")
            row = session.get_one(Letter, line.id)
            row.recipient, row.contact = digest.recipient, digest.contact
            row.state, row.digest_id = DeliveryState.BUNDLED, digest.id
        return digest

"""The log proves itself: whatever is altered behind its back is found."""

from __future__ import annotations

import pytest

from casework.errors import AuditBroken
from db.tables import Event
from tasks.audit import verify_chain
from tasks.collect_outcomes import collect
from tasks.invariants import invariants
from tests.stories import SQLITE_ONLY, Story


def test_after_everything_the_chain_verifies_and_every_invariant_holds(story: Story) -> None:
    number = story.submitted()
    story.answer(number, "restricted_locally")
    collect(story.runtime)
    story.drive(number)
    story.take_in()
    story.hand_in({"links": []})
    story.send_letters()
    assert story.status(number) == "closed"
    assert verify_chain(story.runtime) == len(story.all(Event))
    story.assert_sound()


@SQLITE_ONLY
def test_a_case_file_in_which_nothing_has_happened_but_the_adoption_of_its_policy_verifies(story: Story) -> None:
    assert [event.kind for event in story.all(Event)] == ["policy.adopted"]
    assert verify_chain(story.runtime) == 1
    story.assert_sound()


CHAIN = "the event log's chain verifies"
TAMPERING = {
    "a reason is rewritten": "UPDATE event SET reason = 'Another reason.' WHERE kind = 'moved.approve'",
    "an actor is exchanged": "UPDATE event SET actor_id = 'saule' WHERE kind = 'moved.approve'",
    "a time is moved": "UPDATE event SET at = '2026-03-18 03:00:00+00:00' WHERE seq = 2",
    "data is rewritten": "UPDATE event SET data = '{\"score\": 1}' WHERE kind = 'moved.complete'",
    "an event in the middle is removed": "DELETE FROM event WHERE seq = 2",
    "the newest events are removed": "DELETE FROM event WHERE seq > 2",
    "all events are removed": "DELETE FROM event",
    "the head is set back": "UPDATE chain_head SET seq = seq - 1",
}


@SQLITE_ONLY
@pytest.mark.parametrize("statement", TAMPERING.values(), ids=TAMPERING.keys())
def test_tampering_with_the_log_is_found(story: Story, statement: str) -> None:
    story.approved()
    story.allow_changes("event")
    story.assert_sound()
    story.execute(statement)
    with pytest.raises(AuditBroken):
        verify_chain(story.runtime)
    assert CHAIN in [check.name for check in invariants(story.runtime) if not check.holds]


def test_a_status_changed_without_an_event_is_found_and_named(story: Story) -> None:
    number = story.to_review()
    story.execute("UPDATE case_file SET status = 'closed'")
    with pytest.raises(AuditBroken, match=f"{number} is 'closed', but its log says 'in_legal_review'"):
        verify_chain(story.runtime)


def test_a_case_slipped_in_without_a_log_is_found(story: Story) -> None:
    number = story.take_in()
    story.allow_changes("event")
    story.execute("DELETE FROM event")
    story.execute("UPDATE chain_head SET seq = 0, hash = :genesis", genesis="0" * 64)
    with pytest.raises(AuditBroken, match=f"{number} is 'received', but its log says 'None'"):
        verify_chain(story.runtime)

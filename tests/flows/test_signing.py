"""The daily signing as a run: its badge says what was signed, once more does no harm, a broken log is a red run."""

from __future__ import annotations

import pytest

from casework.errors import AuditBroken
from db.tables import Letter
from flows.signing import sign_head
from tasks.signing_key import make_key
from tests.stories import SQLITE_ONLY, Story

pytestmark = SQLITE_ONLY


async def test_a_day_is_signed_once_and_the_badge_says_how_many_events(story: Story) -> None:
    make_key(story.runtime.settings.signing_key)
    number = story.take_in()
    state = await sign_head(return_state=True)
    assert state.name == f"{story.events(number)[-1].seq} events signed, 2 letters"
    assert (await sign_head(return_state=True)).name == "Signed before"
    assert len([row for row in story.all(Letter) if row.kind == "audit_head"]) == 2


async def test_a_log_that_was_altered_is_a_failed_run_and_nothing_is_signed(story: Story) -> None:
    make_key(story.runtime.settings.signing_key)
    story.take_in()
    story.allow_changes("event")
    story.execute("UPDATE event SET reason = 'altered' WHERE seq = 1")
    state = await sign_head(return_state=True)
    assert state.is_failed()
    with pytest.raises(AuditBroken, match="event 1 was altered"):
        await state.result()


async def test_without_a_key_the_run_fails_and_says_how_to_make_one(story: Story) -> None:
    story.take_in()
    state = await sign_head(return_state=True)
    assert state.is_failed()
    assert "qorgan audit key new" in str(state.message)

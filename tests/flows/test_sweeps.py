"""The flows that go round by the clock: their badges say what was done, and once more does no harm."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.client.schemas.sorting import ArtifactSort

from db.tables import Clock, Letter
from flows.collect_outcomes import collect_outcomes
from flows.correspondence import correspondence
from flows.sla_sweep import sla_sweep
from flows.summaries import daily_list, weekly_summary
from tasks import sla_sweep as sweep_tasks
from tasks.runtime import use
from tests.flows.conftest import SECRET
from tests.stories import Story


async def test_a_sweep_with_nothing_due_says_so(story: Story) -> None:
    story.take_in()
    assert (await sla_sweep(return_state=True)).name == "Nothing due"


async def test_a_sweep_says_how_much_it_found_and_a_second_one_finds_nothing(story: Story) -> None:
    number = story.take_in()
    story.later(days=3)
    first = await sla_sweep(return_state=True)
    breached = len(story.events(number, "clock.breached"))
    assert breached >= 1
    assert first.name is not None
    assert first.name.startswith(f"{breached} breached, ")
    before = story.counts()
    assert (await sla_sweep(return_state=True)).name == "Nothing due"
    after = story.counts()
    assert after == before
    story.assert_sound()


async def test_a_silent_platform_raises_a_rung_once(story: Story) -> None:
    number = story.submitted()
    story.later(days=30)
    state = await sla_sweep(return_state=True)
    assert state.name is not None
    assert not state.name.endswith(" 0 rungs")
    rungs = len(story.escalations(number))
    assert rungs >= 1
    assert (await sla_sweep(return_state=True)).is_completed()
    assert len(story.escalations(number)) == rungs


async def test_a_clock_that_cannot_be_handled_fails_the_run_after_the_others_were_and_names_the_case(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned, other = story.take_in(), story.take_in()
    [bad] = {clock.id for clock in story.clocks(poisoned) if clock.next_check_at is not None}
    fire = sweep_tasks._fire

    def stumble(session: object, runtime: object, clock: Clock, *rest: object) -> None:
        if clock.id == bad:
            raise ValueError(SECRET)
        fire(session, runtime, clock, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(sweep_tasks, "_fire", stumble)
    story.later(days=3)
    state = await sla_sweep(return_state=True)
    assert state.is_failed()
    assert state.name == "1 clocks failed"
    assert state.message == f"Look at: {poisoned}"
    assert story.events(other, "clock.breached")
    [clock] = [clock for clock in story.clocks(poisoned) if clock.id == bad]
    assert clock.next_check_at == story.clock.at + timedelta(hours=1)


async def test_letters_are_sent_once_and_the_badge_counts_them(story: Story) -> None:
    story.submitted()
    queued = len([letter for letter in story.all(Letter) if letter.state == "queued"])
    assert queued >= 1
    assert (await correspondence(return_state=True)).name == f"{queued} sent"
    assert len(story.mail()) == queued
    assert (await correspondence(return_state=True)).name == "Nothing to send"
    assert len(story.mail()) == queued


async def test_letters_that_must_wait_are_counted_and_go_out_later(story: Story) -> None:
    story.take_in()
    story.mailbox.defer_recipients = {"reporter@mail.example"}
    assert (await correspondence(return_state=True)).name == "0 sent, 1 again later"
    story.mailbox.defer_recipients = set()
    story.later(minutes=2)
    assert (await correspondence(return_state=True)).name == "1 sent"


async def test_a_letter_that_was_refused_is_named_by_its_number_never_by_its_address(story: Story) -> None:
    story.take_in()
    story.mailbox.refuse_recipients = {"reporter@mail.example"}
    state = await correspondence(return_state=True)
    [letter] = [letter for letter in story.all(Letter) if letter.state == "refused"]
    assert state.is_completed()
    assert state.name == "0 sent, 1 to look at"
    assert state.message == f"Letters: {letter.id}. See 'qorgan letters list --dead'."


async def _page(key: str = "correspondence") -> str:
    """The newest page under a key, as an operator opens it."""
    async with get_client() as client:
        [artifact] = await client.read_artifacts(
            artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])), sort=ArtifactSort.CREATED_DESC, limit=1
        )
    assert isinstance(artifact.data, str)
    return artifact.data


async def test_operators_read_how_the_correspondence_stands_and_no_address_name_or_link(story: Story) -> None:
    number = story.submitted()
    refused = story.take_in(reporter={"name": "Canaryqyzy Symbat", "email": "canary.reporter@mail.example"})
    story.mailbox.refuse_recipients = {"canary.reporter@mail.example"}
    story.mailbox.defer_recipients = {"reporter@mail.example"}
    assert (await correspondence(return_state=True)).is_completed()
    page = await _page()
    counts = Counter(letter.state for letter in story.all(Letter))
    for state in ("queued", "refused", "sent"):
        assert f"| {state} | {counts[state]} |" in page
    [dead] = story.letters(refused, "receipt")
    [oldest] = story.letters(number, "receipt")
    assert f"Waits longest: {number}, letter {oldest.id} (receipt), since 2026-03-18 09:00" in page
    assert (
        f"- {refused}, letter {dead.id} (receipt), since 2026-03-18 09:00: refused, the mail server refused it" in page
    )
    assert "Dead letters: 1" in page
    assert f"not proven to have arrived: {counts['sent']}" in page
    for mark in ("@", "://", "canary", "reporter@", "Practice Reporter", "tiktok.com"):
        assert mark.lower() not in page.lower()


async def test_a_letter_that_is_held_is_counted_with_its_reason(story: Story) -> None:
    number = story.to_review()
    [clock] = story.clocks(number, "kz.internal.review.routine")
    story.clock.set(clock.due_at + timedelta(hours=4))
    assert (await sla_sweep(return_state=True)).is_completed()
    state = await correspondence(return_state=True)
    assert str(state.name).endswith("1 held")
    assert "| quiet hours | 1 |" in await _page()


async def test_a_cause_that_quotes_an_address_or_a_link_does_not_pass_it_on(story: Story) -> None:
    story.take_in()
    story.execute(
        "UPDATE letter SET state = 'refused', reason = 'no a.b@c.example, see https://d.example/e' WHERE id = 1"
    )
    assert (await correspondence(return_state=True)).is_completed()
    page = await _page()
    assert "refused, no (…) see (…)" in page


async def test_a_week_and_a_day_are_told_once_and_the_badge_says_how_much(story: Story) -> None:
    story.submitted()
    assert (await weekly_summary(return_state=True)).name == "1 written, 1 rows"
    assert (await weekly_summary(return_state=True)).name == "Written before"
    assert (await daily_list(return_state=True)).name == "Every letter proven"
    assert (await correspondence(return_state=True)).is_completed()
    sent = len([letter for letter in story.all(Letter) if letter.state == "sent"])
    story.later(days=1)
    assert (await daily_list(return_state=True)).name == f"1 written, {sent} rows"
    assert (await daily_list(return_state=True)).name == "Written before"


async def test_with_nothing_open_the_weeks_run_says_so(story: Story) -> None:
    story.take_in()
    assert (await weekly_summary(return_state=True)).name == "Nothing open"


async def test_answers_are_recorded_once_and_the_lanes_are_woken_once(story: Story, woken: list[str]) -> None:
    number = story.submitted()
    assert (await collect_outcomes(return_state=True)).name == "No answers"
    assert woken == []
    story.answer(number, "removed_globally")
    assert (await collect_outcomes(return_state=True)).name == "1 outcomes, 0 held"
    assert woken == ["qorgan.lane.child-safety", "qorgan.lane.routine"]
    before = story.counts()
    assert (await collect_outcomes(return_state=True)).name == "No answers"
    assert story.counts() == before
    assert len(woken) == 2


async def test_a_platform_that_cannot_be_reached_is_named_and_nothing_is_lost(story: Story, woken: list[str]) -> None:
    number = story.submitted()
    story.answer(number, "no_action")
    away = story.with_settings(platform_url="http://127.0.0.1:9")
    with use(away.runtime):
        state = await collect_outcomes(return_state=True)
    away.close()
    assert state.is_completed()
    assert state.name == "Not reached: api"
    assert (await collect_outcomes(return_state=True)).name == "1 outcomes, 0 held"

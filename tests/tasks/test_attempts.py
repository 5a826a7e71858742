"""Cases driven together share transactions, and nothing else: no failure, and no lost answer of a platform."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from casework.vocabulary import Status
from tasks import attempts
from tasks.case_lifecycle import STAGES, Driven, Stage, advance_all, advance_by_stages
from tasks.channels import ApiChannel, Receipt
from tasks.runtime import Runtime
from tasks.switches import mute
from tests.stories import DUTY, SQLITE_ONLY, Story, in_danger, link


def several(story: Story, count: int = 3) -> list[str]:
    return [story.approved(links=[link()]) for _ in range(count)]


def commits(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One entry for each commit from now on."""
    seen: list[None] = []
    dialect = runtime.engine.dialect
    commit = dialect.do_commit

    def counted(connection: Any) -> None:
        seen.append(None)
        commit(connection)

    monkeypatch.setattr(dialect, "do_commit", counted)
    return seen


def test_cases_driven_together_reach_the_platform_once_each_in_three_commits(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = several(story)
    seen = commits(story.runtime, monkeypatch)
    driven = advance_all(story.runtime, numbers)
    assert {wait.name for wait in driven.waits.values()} == {"Awaiting platform"}
    assert len(seen) == 3, "taken, answered, given back"
    assert story.notices_at_platform() == len(numbers)
    story.assert_sound()


def test_in_a_run_of_its_own_each_stage_commits_and_nothing_else_does(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = story.take_in()
    seen = commits(story.runtime, monkeypatch)
    assert advance_by_stages(story.runtime, number).name == "Awaiting legal review"
    assert len(seen) == 2, "prioritized, checked"
    story.approve(number)
    seen.clear()
    assert advance_by_stages(story.runtime, number).name == "Awaiting platform"
    assert len(seen) == 2, "taken, answered"
    story.assert_sound()


def broken(monkeypatch: pytest.MonkeyPatch, status: Status, poisoned: str) -> None:
    """Make the stage of a status fail for one case."""
    whole = STAGES[status]

    def stumble(session: Any, runtime: Any, case: Any) -> None:
        if case.number == poisoned:
            raise ValueError
        assert whole.within is not None
        whole.within(session, runtime, case)

    monkeypatch.setitem(STAGES, status, Stage(whole.name, stumble))


def test_one_that_fails_takes_nothing_from_the_others_nor_from_its_own_earlier_stages(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    [result] = story.hand_in(in_danger())
    danger, others = str(result.case_number), [story.take_in() for _ in range(2)]
    broken(monkeypatch, Status.TRIAGED, danger)
    driven = advance_all(story.runtime, [danger, *others])
    assert [type(error) for error in driven.failed.values()] == [ValueError]
    assert story.status(danger) == "triaged", "what it had done before stays done"
    assert {story.status(number) for number in others} == {"in_legal_review"}
    assert all(len(story.events(number, "moved.triage")) == 1 for number in (danger, *others))
    story.assert_sound()


def test_what_keeps_a_case_from_moving_on_takes_nothing_from_what_its_platform_said(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = story.approved()
    whole = STAGES[Status.APPROVED]

    def stumble(_session: Any, _runtime: Any, _case: Any) -> None:
        raise ValueError

    with monkeypatch.context() as within:
        within.setitem(STAGES, Status.APPROVED, replace(whole, within=stumble))
        with pytest.raises(ValueError):
            advance_by_stages(story.runtime, number)
    assert (story.status(number), story.submissions(number)[0].state) == ("approved", "sent")
    assert advance_by_stages(story.runtime, number).name == "Awaiting platform"
    assert story.notices_at_platform() == 1
    story.assert_sound()


@SQLITE_ONLY
def test_an_answer_that_cannot_be_written_takes_no_other_with_it(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = several(story)
    settle = attempts.settle

    def stumble(session: Any, runtime: Any, attempt: attempts.Attempt, *said: Any) -> None:
        if attempt.case_number == numbers[1]:
            raise ValueError
        settle(session, runtime, attempt, *said)

    with monkeypatch.context() as within:
        within.setattr(attempts, "settle", stumble)
        driven = advance_all(story.runtime, numbers)
    assert (list(driven.failed), sorted(driven.waits)) == ([numbers[1]], [numbers[0], numbers[2]])
    assert [story.submissions(number)[0].state for number in numbers] == ["sent", "sending", "sent"]
    story.later(minutes=3)
    assert story.drive(numbers[1]).name == "Awaiting platform"
    assert story.notices_at_platform() == len(numbers), "the platform was asked, and had it"
    story.assert_sound()


class Slow:
    """A platform's channel on which every attempt takes so long, on a clock that only it moves."""

    kind = "api"

    def __init__(self, channel: Any, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.channel, self.seconds, self.now = channel, seconds, 0.0
        monkeypatch.setattr(attempts, "monotonic", lambda: self.now)

    def send(self, *said: Any) -> Receipt:
        self.now += self.seconds
        receipt: Receipt = self.channel.send(*said)
        return receipt

    def lookup(self, *said: Any) -> Receipt:
        receipt: Receipt = self.channel.lookup(*said)
        return receipt


def drive_slowly(story: Story, monkeypatch: pytest.MonkeyPatch, numbers: list[str], seconds: float) -> Driven:
    slow = Slow(story.runtime.channels["api"], monkeypatch, seconds)
    return advance_all(replace(story.runtime, channels={**story.runtime.channels, "api": slow}), numbers)  # type: ignore[dict-item]


@SQLITE_ONLY
def test_after_ten_slow_seconds_the_others_are_put_back_for_something_more_urgent(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = several(story, 4)
    driven = drive_slowly(story, monkeypatch, numbers, seconds=6.0)
    assert not driven.failed
    assert [story.submissions(number)[0].state for number in numbers] == ["sent", "sent", "queued", "queued"]
    assert story.submissions(numbers[2])[0].last_error == "not tried: those before it took long"
    story.later(minutes=2)
    monkeypatch.undo()
    assert {wait.name for wait in advance_all(story.runtime, numbers).waits.values()} == {"Awaiting platform"}
    assert story.notices_at_platform() == len(numbers)
    story.assert_sound()


@SQLITE_ONLY
def test_a_mute_stops_those_that_were_taken_and_not_yet_tried(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = several(story, 3)
    send = ApiChannel.send

    def muted_meanwhile(self: ApiChannel, *said: Any) -> Receipt:
        if not story.notices_at_platform():
            mute(story.runtime, DUTY, "The address is wrong.")
        return send(self, *said)

    monkeypatch.setattr(ApiChannel, "send", muted_meanwhile)
    drive_slowly(story, monkeypatch, numbers, seconds=1.5)
    assert [story.submissions(number)[0].state for number in numbers] == ["sent", "queued", "queued"]
    assert story.notices_at_platform() == 1
    assert {story.submissions(number)[0].last_error for number in numbers[1:]} == {"not tried: sending is muted"}


@SQLITE_ONLY
def test_what_may_be_there_stays_something_to_ask_about_when_it_was_not_tried(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = several(story, 3)
    story.execute("UPDATE submission SET state = 'unknown'")
    found: list[str] = []
    lookup = ApiChannel.lookup

    def slow_lookup(self: ApiChannel, outgoing: Any) -> Receipt:
        found.append(outgoing.number)
        return lookup(self, outgoing)

    monkeypatch.setattr(ApiChannel, "lookup", slow_lookup)
    drive_slowly(story, monkeypatch, numbers, seconds=11.0)
    assert found == [f"{numbers[0]}/S1"]
    assert [story.submissions(number)[0].state for number in numbers] == ["sent", "unknown", "unknown"]

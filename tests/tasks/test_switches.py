"""While sending is muted nothing leaves; when it is lifted everything due goes, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from casework.errors import NotAllowed, QorganError
from db.tables import Event, Letter
from tasks.case_lifecycle import claim
from tasks.correspondence import send_letters
from tasks.mailer import Attempt, Envelope, Line
from tasks.sla_sweep import confirm, sweep
from tasks.switches import IMPORT, guard_after_import, guard_of, mute, muted, sending_state, unmute
from tests.stories import AUDITOR, DUTY, HEAD, INTAKE, SQLITE_ONLY, Story

WHY = "The mail server sends to the wrong place."


def _kinds(story: Story) -> list[str]:
    return [event.kind for event in story.all(Event) if event.kind.startswith(("sending.", "sweep."))]


def test_while_sending_is_muted_nothing_leaves_and_then_everything_goes_once(story: Story) -> None:
    number = story.approved()
    mute(story.runtime, DUTY, WHY)
    waiting = len([row for row in story.all(Letter) if row.state == "queued"])
    assert story.drive(number).name == "Sending is muted"
    result = story.send_letters()
    assert (result.sent, result.waiting, result.muted) == (0, waiting, WHY)
    assert (story.mail(), story.notices_at_platform()) == ([], 0)
    story.later(minutes=1)
    done = unmute(story.runtime, HEAD, "The address is right again.")
    assert (done.letters, done.notices, done.held) == (waiting, 1, ())
    assert claim(story.runtime, None, "test", 10) == [number], "lifting the mute wakes it"
    assert story.drive(number).name == "Awaiting platform"
    story.send_letters()
    story.send_letters()
    assert story.notices_at_platform() == 1
    assert len(story.mail()) == len([row for row in story.all(Letter) if row.state == "sent"]) >= waiting
    assert _kinds(story) == ["sending.muted", "sending.unmuted"]
    story.assert_sound()


def test_a_muted_case_is_not_driven_over_and_over(story: Story) -> None:
    number = story.approved()
    mute(story.runtime, HEAD, WHY)
    story.drive(number)
    assert claim(story.runtime, None, "test", 10) == []
    story.later(minutes=10)
    assert claim(story.runtime, None, "test", 10) == [number]


def test_a_mute_stops_a_run_between_two_letters(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        story.take_in()
    send = Line.send

    def and_then_muted(line: Line, envelope: Envelope, may_go: Callable[[], bool]) -> Attempt | None:
        attempt = send(line, envelope, may_go)
        if attempt is not None:
            mute(story.runtime, HEAD, WHY)
        return attempt

    monkeypatch.setattr(Line, "send", and_then_muted)
    result = story.send_letters()
    assert (result.sent, result.waiting, len(story.mail())) == (1, 2, 1)
    assert sorted(row.state for row in story.all(Letter)) == ["queued", "queued", "sent"]


@SQLITE_ONLY
def test_a_mute_and_its_end_take_the_right_people_and_a_reason(story: Story) -> None:
    for person in (INTAKE, AUDITOR):
        with pytest.raises(NotAllowed):
            mute(story.runtime, person, WHY)
    with pytest.raises(QorganError, match=r"switch\.reason_missing"):
        mute(story.runtime, HEAD, " no ")
    with pytest.raises(QorganError, match=r"sending\.not_muted"):
        unmute(story.runtime, HEAD, WHY)
    mute(story.runtime, DUTY, WHY)
    with pytest.raises(NotAllowed):
        unmute(story.runtime, DUTY, WHY)
    with pytest.raises(QorganError, match=r"sending\.muted"):
        mute(story.runtime, HEAD, WHY)
    found = sending_state(story.runtime)
    assert (found.on, found.reason, found.set_by, found.set_at) == (False, WHY, DUTY, story.clock())
    with story.runtime.sessions.read() as session:
        assert muted(session) == WHY


def _many_overdue(story: Story, count: int) -> list[str]:
    """Cases whose platform is silent: the next sweep writes a letter for each."""
    numbers = [story.submitted() for _ in range(count)]
    send_letters(story.runtime)
    guard_after_import(story.runtime, IMPORT)
    story.later(hours=49)
    return numbers


def test_a_first_sweep_that_would_write_much_writes_nothing_until_a_person_confirms(story: Story) -> None:
    small = story.with_settings(first_sweep_most=2)
    numbers = _many_overdue(small, 3)
    before = small.counts()
    result = sweep(small.runtime)
    assert result.would is not None
    assert (result.clocks, small.counts()) == (0, before)
    assert sweep(small.runtime).would == result.would, "it says the same as often as it runs"
    letters = result.would.letters
    assert (letters >= 3, result.would.rungs) == (True, 3)
    with pytest.raises(QorganError, match=r"sweep\.more_than_confirmed"):
        confirm(small.runtime, letters - 1, HEAD, "I have read the list.")
    with pytest.raises(NotAllowed):
        confirm(small.runtime, letters, INTAKE, "I have read the list.")
    confirm(small.runtime, letters, HEAD, "I have read the list.")
    done = sweep(small.runtime)
    assert (done.rungs, done.would, guard_of(small.runtime)) == (3, None, None)
    assert all(len(small.escalations(number)) == 1 for number in numbers)
    assert _kinds(small) == ["sweep.guarded", "sweep.let_go"]
    small.assert_sound()
    small.close()


def test_a_first_sweep_that_writes_little_simply_goes(story: Story) -> None:
    [number] = _many_overdue(story, 1)
    assert sweep(story.runtime).rungs == 1
    assert len(story.escalations(number)) == 1
    assert guard_of(story.runtime) is None
    with pytest.raises(QorganError, match=r"sweep\.nothing_to_confirm"):
        confirm(story.runtime, 10, HEAD, "I have read the list.")


@SQLITE_ONLY
def test_an_imports_guard_waits_for_a_sweep_that_finds_something(story: Story) -> None:
    story.take_in()
    guard_after_import(story.runtime, IMPORT - 1)
    assert guard_of(story.runtime) is None, "a busy day is no import"
    guard_after_import(story.runtime, IMPORT)
    assert sweep(story.runtime).clocks == 0
    assert guard_of(story.runtime) is not None


@SQLITE_ONLY
def test_a_childs_deadline_never_waits_for_a_confirmation(story: Story) -> None:
    none = story.with_settings(first_sweep_most=0)
    _many_overdue(none, 2)
    child = none.take_in(category="csam", age_band="13_17")
    none.later(days=3)
    result = sweep(none.runtime)
    assert result.would is not None
    assert none.events(child, "clock.breached")
    assert {event.case_id for event in none.all(Event) if event.kind == "clock.breached"} == {none.case(child).id}
    none.close()

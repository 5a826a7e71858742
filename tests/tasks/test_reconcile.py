"""What nobody would ever go on with is found, put right once, and on the record."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from casework.vocabulary import Action, DeliveryState
from db.queries.reconcile import free_lease, leases_held, make_ready
from tasks import case_lifecycle
from tasks.program import host
from tasks.reconcile import Reconciled, reconcile
from tasks.record import transaction
from tests.stories import INTAKE, SQLITE_ONLY, Story, link, portal_link, together


@pytest.fixture(autouse=True)
def no_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


def found(result: Reconciled) -> list[tuple[str, str]]:
    return [(trouble.what, trouble.about) for trouble in result.found]


def forget(story: Story, number: str) -> None:
    """No drive will find the case any more."""
    story.execute(
        "UPDATE case_file SET drive_at = NULL, lease_owner = NULL, lease_until = NULL WHERE number = :number",
        number=number,
    )


def received(story: Story) -> str:
    return story.take_in()


def decided(story: Story) -> str:
    number = story.submitted()
    story.execute("UPDATE case_file SET status = 'decided' WHERE number = :number", number=number)
    return number


def approved_and_sent(story: Story) -> str:
    """An officer recorded the portal's reference, and the process died before the case moved on."""
    number = story.take_in(links=[portal_link()])
    story.drive(number)
    story.approve(number)
    story.drive(number)
    story.execute("UPDATE submission SET state = 'sent', platform_reference = 'portal-1' WHERE state = 'handed_over'")
    return number


def answered(story: Story) -> str:
    """The platform decided every item, and nobody was woken."""
    number = story.submitted()
    story.execute("UPDATE content_item SET outcome = 'no_action'")
    return number


def queued_notice(story: Story) -> str:
    return story.approved()


def notice_of_a_dead_sender(story: Story) -> str:
    number = story.approved()
    story.execute(
        "UPDATE submission SET state = 'sending', lease_until = :until",
        until=naive(story.clock.at - timedelta(seconds=1)),
    )
    return number


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (received, "ready"),
        (decided, "ready"),
        (approved_and_sent, "ready"),
        (answered, "ready"),
        (queued_notice, "submission"),
        (notice_of_a_dead_sender, "submission"),
    ],
)
def test_a_case_that_the_system_should_go_on_with_and_no_drive_would_find_is_ready_again(
    story: Story, make: Callable[[Story], str], what: str
) -> None:
    number = make(story)
    forget(story, number)
    assert case_lifecycle.ready(story.runtime, None) == 0
    assert found(reconcile(story.runtime)) == [(what, number)]
    assert case_lifecycle.claim(story.runtime, None, "the next drive", 10) == [number]
    assert len(story.events(number, f"reconciled.{what}")) == 1
    assert reconcile(story.runtime).found == []


def in_review(story: Story) -> str:
    number = story.take_in()
    story.drive(number)
    return number


def with_the_officer(story: Story) -> str:
    number = story.take_in(links=[portal_link()])
    story.drive(number)
    story.approve(number)
    story.drive(number)
    return number


def half_with_the_officer(story: Story) -> str:
    """One platform has its notice; the officer has not entered the other's."""
    number = story.take_in(links=[link(), portal_link()])
    story.drive(number)
    story.approve(number)
    story.drive(number)
    assert sorted(row.state for row in story.submissions(number)) == ["handed_over", "sent"]
    return number


def withdrawn(story: Story) -> str:
    number = story.take_in()
    story.move(number, Action.WITHDRAW, INTAKE)
    return number


@pytest.mark.parametrize("make", [in_review, with_the_officer, half_with_the_officer, Story.submitted, withdrawn])
def test_a_case_that_waits_for_somebody_is_left_alone(story: Story, make: Callable[[Story], str]) -> None:
    make(story)
    before = story.counts()
    assert reconcile(story.runtime).found == []
    assert story.counts() == before


def test_a_dry_run_says_what_it_would_put_right_and_writes_nothing(story: Story) -> None:
    number = received(story)
    forget(story, number)
    before = story.counts()
    result = reconcile(story.runtime, dry_run=True)
    assert (result.mended, found(result)) == (False, [("ready", number)])
    assert story.counts() == before
    assert story.case(number).drive_at is None


def test_without_prefect_the_case_file_is_put_right_and_the_rest_is_said_to_be_left_out(story: Story) -> None:
    assert reconcile(story.runtime).prefect.startswith("not known")


@SQLITE_ONLY
def test_a_prefect_that_does_not_answer_holds_nothing_up(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    number = received(story)
    forget(story, number)
    result = reconcile(story.runtime)
    assert result.prefect == "not reachable: Prefect does not answer"
    assert found(result) == [("ready", number)]


def ended_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_the_lease_of_a_command_that_ended_is_freed_at_once(story: Story) -> None:
    number = story.take_in()
    owner = f"desk:{host()}:{ended_process()}"
    assert case_lifecycle.claim(story.runtime, None, owner, 10) == [number]
    assert case_lifecycle.ready(story.runtime, None) == 0
    assert found(reconcile(story.runtime)) == [("lease", number)]
    assert case_lifecycle.ready(story.runtime, None) == 1
    [event] = story.events(number, "reconciled.lease")
    assert (event.data["owner"], event.data["because"]) == (owner, "has ended")
    assert reconcile(story.runtime).found == []


@pytest.mark.parametrize(
    "owner",
    [f"desk:{host()}:{os.getpid()}", "desk:another-host:99999999", "drive-cases:0190d6a2-0000-7000-8000-000000000000"],
    ids=["a command at work", "a command on another host", "a run that nobody can be asked about"],
)
def test_a_lease_whose_owner_may_be_at_work_is_left_to_run_out(story: Story, owner: str) -> None:
    story.take_in()
    case_lifecycle.claim(story.runtime, None, owner, 10)
    assert reconcile(story.runtime).found == []
    assert case_lifecycle.ready(story.runtime, None) == 0


def test_a_letter_whose_sender_died_is_recovered_by_its_own_rules(story: Story) -> None:
    number = story.take_in()
    letter = story.letters(number)[0]
    story.execute(
        "UPDATE letter SET state = 'sending', attempts = 1, lease_until = :until WHERE id = :id",
        id=letter.id, until=naive(story.clock.at - timedelta(seconds=1)),
    )  # fmt: skip
    assert ("letter", f"letter {letter.id}") in found(reconcile(story.runtime, dry_run=True))
    assert found(reconcile(story.runtime)) == [("letter", f"letter {letter.id}")]
    [after] = [row for row in story.letters(number) if row.id == letter.id]
    assert after.state in (DeliveryState.QUEUED, DeliveryState.UNKNOWN)
    assert len(story.events(number, "letter.abandoned")) == 1
    assert len(story.events(number, "reconciled.letter")) == 1
    assert reconcile(story.runtime).found == []


def test_two_at_once_put_a_case_right_once(story: Story) -> None:
    number = received(story)
    forget(story, number)
    both = together(lambda: reconcile(story.runtime), lambda: reconcile(story.runtime))
    assert sorted(found(result) for result in both) == [[], [("ready", number)]]
    assert len(story.events(number, "reconciled.ready")) == 1


def test_what_somebody_did_meanwhile_stands(story: Story) -> None:
    """Between the look and the repair a case was claimed, and a lease was renewed."""
    number = received(story)
    claimed_by(story, "the drive at work")
    with transaction(story.runtime) as session:
        [lease] = leases_held(session, story.clock.at)
        assert not make_ready(session, lease.id, story.clock.at)
    story.later(seconds=1)
    story.execute("UPDATE case_file SET lease_until = :later", later=naive(story.clock.at + timedelta(minutes=1)))
    with transaction(story.runtime) as session:
        assert not free_lease(session, lease)
    assert story.case(number).lease_owner == "the drive at work"


def claimed_by(story: Story, owner: str) -> None:
    assert len(case_lifecycle.claim(story.runtime, None, owner, 10)) == 1


def naive(at: datetime) -> datetime:
    """As raw SQL stores a time in both databases."""
    return at.replace(tzinfo=None)

"""Whoever looks at a case can read what it waits for, and who moves next."""

from __future__ import annotations

import pytest

from casework.vocabulary import OPEN_STATUSES, READY_STATUSES, DeliveryState, Role, Status
from casework.waiting import waiting_for
from tests.casework.building import DANIYAR, a_case, a_speech_case, a_submission


@pytest.mark.parametrize("status", list(Status))
def test_every_status_says_who_moves_next_and_what_would_help(status: Status) -> None:
    wait = waiting_for(a_case(status=status))
    assert wait.name
    assert wait.who
    assert wait.what.endswith(".")


def test_an_ended_case_waits_for_nobody_and_an_open_one_for_somebody() -> None:
    idle = {status for status in Status if waiting_for(a_case(status=status)).who == "nobody"}
    assert idle == set(Status) - OPEN_STATUSES


def test_where_the_system_moves_next_the_drive_takes_the_case_up() -> None:
    ours = {status for status in Status if waiting_for(a_case(status=status)).who == Role.SYSTEM}
    assert ours <= READY_STATUSES


def test_names_tell_waits_on_different_people_apart() -> None:
    waits = [waiting_for(a_case(status=status)) for status in OPEN_STATUSES]
    by_name = {wait.name: wait.who for wait in waits}
    assert len({(wait.name, wait.who) for wait in waits}) == len(by_name)
    assert by_name["Awaiting reporter"] == "reporter"
    assert by_name["Awaiting platform"] == "platform"
    assert by_name["Awaiting legal review"] == Role.LEGAL_REVIEWER


def test_political_speech_that_one_reviewer_endorsed_waits_for_the_second() -> None:
    assert waiting_for(a_speech_case()).name == "Awaiting legal review"
    assert waiting_for(a_speech_case(endorsed_by=frozenset({DANIYAR.id}))).name == "Awaiting second reviewer"


def test_an_endorsement_left_over_from_before_a_change_of_category_asks_for_no_second_reviewer() -> None:
    assert waiting_for(a_case(endorsed_by=frozenset({DANIYAR.id}))).name == "Awaiting legal review"


@pytest.mark.parametrize(
    ("states", "name"),
    [
        ((), "Awaiting submission"),
        ((DeliveryState.QUEUED,), "Awaiting submission"),
        ((DeliveryState.SENDING,), "Awaiting submission"),
        ((DeliveryState.SENT, DeliveryState.HANDED_OVER), "Awaiting portal entry"),
        ((DeliveryState.HANDED_OVER, DeliveryState.REFUSED), "Submission refused"),
        ((DeliveryState.REFUSED, DeliveryState.HANDED_OVER, DeliveryState.UNKNOWN), "Unknown whether sent"),
        ((DeliveryState.DROPPED,), "Awaiting submission"),
    ],
)
def test_an_approved_case_names_the_submission_that_needs_a_person_most(states: tuple[str, ...], name: str) -> None:
    submissions = tuple(a_submission(state, number) for number, state in enumerate(states, start=1))
    assert waiting_for(a_case(status=Status.APPROVED, submissions=submissions)).name == name


@pytest.mark.parametrize(
    ("state", "name"),
    [
        (DeliveryState.SENT, "Awaiting platform"),
        (DeliveryState.HANDED_OVER, "Awaiting portal entry"),
        (DeliveryState.REFUSED, "Submission refused"),
        (DeliveryState.UNKNOWN, "Unknown whether sent"),
    ],
)
def test_a_submitted_case_names_the_answer_that_is_not_there_yet(state: str, name: str) -> None:
    papers = (a_submission(), a_submission(state, 2, kind="answer"))
    assert waiting_for(a_case(status=Status.SUBMITTED, submissions=papers)).name == name


def test_a_submission_that_once_was_unknown_does_not_mark_a_case_that_went_on() -> None:
    case = a_case(status=Status.SUBMITTED, submissions=(a_submission(DeliveryState.UNKNOWN),))
    assert waiting_for(case).name == "Awaiting platform"

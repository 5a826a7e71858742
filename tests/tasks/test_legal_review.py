"""The gate, the file and the reviewers: what is missing is asked once, and two judge what touches speech."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from casework.errors import MoveRefused, NotAllowed
from casework.vocabulary import Action
from tasks.legal_review import Supplied, amend, next_review, review_sheet, supply
from tasks.submission import dossier
from tests.stories import (
    AUDITOR,
    HEAD,
    INTAKE,
    NECESSITY,
    OTHER_INTAKE,
    OTHER_REVIEWER,
    REASON,
    REVIEWER,
    SQLITE_ONLY,
    Story,
    in_danger,
    link,
    report,
)  # fmt: skip

pytestmark = SQLITE_ONLY

THIN = {"observed_at": None, "description": "", "quote": "", "why_unlawful": ""}
POLITICAL = {"category": "false_information"}


def test_the_gate_returns_a_thin_case_to_its_reporter_and_says_what_is_missing(story: Story) -> None:
    number = story.take_in(**THIN)
    wait = story.drive(number)
    assert (story.status(number), wait.name) == ("returned", "Awaiting reporter")
    assert set(story.case(number).missing) >= {"observed_at", "quote", "why_unlawful"}
    [clock] = story.clocks(number, "kz.reporter.answer")
    assert (clock.state, clock.lapse) == ("running", True)
    story.send_letters()
    [_receipt, request] = story.mail("reporter@mail.example")
    assert number in request.subject
    assert story.letters(number, "information_request")[0].context["missing"] == [
        code for code in story.events(number, "moved.return")[0].data["missing"] if code != "policy_line"
    ]


def test_a_child_in_danger_passes_whatever_is_missing(story: Story) -> None:
    [result] = story.hand_in(in_danger(**THIN))
    number = str(result.case_number)
    story.drive(number)
    assert story.status(number) == "in_legal_review"
    assert "observed_at" in story.case(number).missing
    assert story.letters(number, "information_request") == []


@pytest.mark.parametrize("reporter", [{}, {"name": "No Address"}])
def test_a_case_whose_reporter_cannot_be_asked_passes_with_the_list(story: Story, reporter: dict[str, str]) -> None:
    number = story.take_in(**THIN, reporter=reporter)
    story.drive(number)
    assert story.status(number) == "in_legal_review"
    assert "observed_at" in story.case(number).missing


def test_what_was_supplied_is_judged_again(story: Story) -> None:
    number = story.take_in(**THIN)
    story.drive(number)
    supply(
        story.runtime, number, INTAKE,
        Supplied(quote="Переведи деньги.", why_unlawful="Обман.", observed_at="2026-03-17T09:00+05:00"),
        "The reporter answered by mail.",
    )  # fmt: skip
    [clock] = story.clocks(number, "kz.reporter.answer")
    assert (clock.state, clock.stopped_by) == ("met", "case.supplied")
    story.drive(number)
    assert story.status(number) == "in_legal_review"
    assert story.items(number)[0].observed_at is not None


@pytest.mark.parametrize("stated", ["yesterday", "2026-03-17T09:00", "2027-03-17T09:00+05:00"])
def test_a_time_that_is_none_or_lies_ahead_is_refused_and_nothing_is_written(story: Story, stated: str) -> None:
    number = story.take_in(**THIN)
    story.drive(number)
    before = story.counts()
    with pytest.raises(MoveRefused, match="observed_at"):
        supply(story.runtime, number, INTAKE, Supplied(quote="Слова.", observed_at=stated), "The reporter answered.")
    assert story.counts() == before
    assert story.case(number).quote == ""


def test_a_file_is_amended_with_a_reason_by_those_who_work_on_it_until_it_is_approved(story: Story) -> None:
    number = story.to_review()
    with pytest.raises(NotAllowed):
        amend(story.runtime, number, AUDITOR, Supplied(quote="Иначе."), "Because I can.")
    with pytest.raises(MoveRefused, match="needs a reason"):
        amend(story.runtime, number, INTAKE, Supplied(quote="Иначе."), "")
    with pytest.raises(MoveRefused, match="no category 'witchcraft'"):
        amend(story.runtime, number, INTAKE, Supplied(category="witchcraft"), "It looks like it.")
    amend(story.runtime, number, INTAKE, Supplied(quote="Иначе."), "The quote had a slip.")
    assert story.case(number).quote == "Иначе."
    story.approve(number)
    with pytest.raises(MoveRefused, match="the file is fixed"):
        amend(story.runtime, number, INTAKE, Supplied(quote="Позже."), "The quote had a slip.")


def test_the_next_review_is_the_most_urgent_case_the_reviewer_may_decide(story: Story) -> None:
    calm = story.to_review()
    urgent = story.to_review(category="csam", age_band="child")
    sheet = next_review(story.runtime, REVIEWER)
    assert sheet is not None
    assert sheet.case.number == urgent
    story.approve(urgent, policy_line="Child safety")
    sheet = next_review(story.runtime, REVIEWER)
    assert sheet is not None
    assert sheet.case.number == calm
    assert review_sheet(story.runtime, calm).gate.score == 100
    with pytest.raises(NotAllowed):
        next_review(story.runtime, INTAKE)


def test_the_next_review_is_none_for_somebody_who_took_the_report_in(story: Story) -> None:
    number = story.to_review()
    story.execute("UPDATE case_file SET intake_by = :who", who=REVIEWER)
    assert next_review(story.runtime, REVIEWER) is None
    other = next_review(story.runtime, OTHER_REVIEWER)
    assert other is not None
    assert other.case.number == number


def test_speech_takes_an_endorsement_and_another_reviewer(story: Story) -> None:
    number = story.to_review(**POLITICAL)
    with pytest.raises(MoveRefused, match="necessity and proportionality"):
        story.move(number, Action.ENDORSE, REVIEWER, basis=("kz.platform_law.1",))
    with pytest.raises(MoveRefused, match="a second reviewer must have endorsed"):
        story.approve(number, proportionality=NECESSITY)
    story.move(number, Action.ENDORSE, REVIEWER, basis=("kz.platform_law.1",), proportionality=NECESSITY)
    assert story.drive(number).name == "Awaiting second reviewer"
    with pytest.raises(MoveRefused, match="a second reviewer must have endorsed"):
        story.approve(number, REVIEWER, proportionality=NECESSITY)
    assert next_review(story.runtime, REVIEWER) is None
    story.approve(number, OTHER_REVIEWER, proportionality=NECESSITY)
    assert [(review.verdict, review.reviewer_id) for review in story.reviews(number)] == [
        ("endorsed", REVIEWER),
        ("approved", OTHER_REVIEWER),
    ]
    story.drive(number)
    assert story.status(number) == "submitted"


def test_an_endorsement_is_of_the_text_as_it_stood(story: Story) -> None:
    number = story.to_review(**POLITICAL)
    story.move(number, Action.ENDORSE, REVIEWER, basis=("kz.platform_law.1",), proportionality=NECESSITY)
    story.later(minutes=5)
    amend(story.runtime, number, INTAKE, Supplied(quote="Совсем другие слова."), "The quote had a slip.")
    with pytest.raises(MoveRefused, match="a second reviewer must have endorsed"):
        story.approve(number, OTHER_REVIEWER, proportionality=NECESSITY)
    story.later(minutes=5)
    story.move(number, Action.ENDORSE, REVIEWER, basis=("kz.platform_law.1",), proportionality=NECESSITY)
    story.approve(number, OTHER_REVIEWER, proportionality=NECESSITY)
    assert story.status(number) == "approved"


def test_after_a_recall_speech_takes_two_people_again(story: Story) -> None:
    number = story.to_review(**POLITICAL)
    story.move(number, Action.ENDORSE, REVIEWER, basis=("kz.platform_law.1",), proportionality=NECESSITY)
    story.approve(number, OTHER_REVIEWER, proportionality=NECESSITY)
    story.move(number, Action.RECALL, HEAD)
    with pytest.raises(MoveRefused, match="a second reviewer must have endorsed"):
        story.approve(number, OTHER_REVIEWER, proportionality=NECESSITY)


def test_an_ordinary_case_needs_no_endorsement(story: Story) -> None:
    number = story.to_review()
    with pytest.raises(MoveRefused, match="one reviewer only"):
        story.move(number, Action.ENDORSE, REVIEWER)


def test_the_bytes_that_legal_approved_are_the_bytes_the_platform_received(story: Story) -> None:
    links = [link(), "https://youtu.be/abcdefghijk?t=30"]
    number = story.submitted(links=links, category="gambling_advertising")
    rows = story.submissions(number)
    assert [row.platform for row in rows] == ["tiktok", "youtube"]
    for row in rows:
        received = story.at_platform(row.idempotency_key)
        assert received is not None
        assert received["body_sha256"] == row.payload_sha256 == sha256(bytes(row.payload)).hexdigest()
        assert received["reference"] == row.platform_reference
        notice = json.loads(bytes(row.payload))
        assert notice["reasons"] == REASON
        assert notice["submission"] == row.number
    [event] = story.events(number, "dossier.opened") or [None]
    assert event is None
    assert dossier(story.runtime, rows[0].number, INTAKE) == bytes(rows[0].payload)
    assert len(story.events(number, "dossier.opened")) == 1


def test_neither_the_reporter_nor_the_description_is_in_the_notice(story: Story) -> None:
    number = story.approved(
        description="Слова заявителя", reporter={"name": "Айгуль Н.", "email": "aigul@mail.example"}
    )
    payload = bytes(story.submissions(number)[0].payload).decode()
    assert "Слова заявителя" not in payload
    assert "Айгуль" not in payload
    assert "aigul@mail.example" not in payload


def test_a_declined_case_tells_why_and_another_person_hears_the_appeal(story: Story) -> None:
    number = story.to_review()
    story.move(number, Action.DECLINE, REVIEWER, reason="No provision forbids this content.")
    story.send_letters()
    letter = story.mail("reporter@mail.example")[-1]
    assert "No provision forbids this content." in letter.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert (story.case(number).status, story.case(number).disposition) == ("declined", "not_unlawful")
    story.move(number, Action.REOPEN, OTHER_INTAKE)
    story.drive(number)
    with pytest.raises(MoveRefused, match="cannot decide the appeal"):
        story.approve(number, REVIEWER)
    story.approve(number, OTHER_REVIEWER)
    assert story.status(number) == "approved"


def test_nothing_goes_out_urgently_while_the_pack_names_no_law_for_it(story: Story) -> None:
    [result] = story.hand_in(in_danger())
    number = str(result.case_number)
    story.drive(number)
    with pytest.raises(MoveRefused, match="before legal review"):
        story.move(number, Action.APPROVE_URGENTLY, "olzhas")
    assert story.notices_at_platform() == 0


def test_a_second_report_while_in_review_does_not_move_the_case(story: Story) -> None:
    number = story.to_review(links=[link(710)])
    story.hand_in(report(links=[link(710, "mirror")]))
    assert story.status(number) == "in_legal_review"

"""Each letter is written at its moment, only then, and once, whoever asks again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from casework.clocks import Subject
from casework.facts import SYSTEM
from casework.vocabulary import Action, Outcome
from tasks.case_facts import find_case
from tasks.clock_changes import extend_clock
from tasks.collect_outcomes import collect, record_outcome
from tasks.legal_review import Supplied, amend
from tasks.record import note, transaction
from tasks.sla_sweep import sweep
from tasks.submission import record_reference
from tests.stories import CHAIR, HEAD, INTAKE, REVIEWER, SQLITE_ONLY, Story, bullied, in_danger, link, together

GROUP = "kz.expert_group"
CSAM = {"category": "csam", "age_band": "child"}


def kinds(story: Story, number: str, *wanted: str) -> list[str]:
    return [row.kind for row in story.letters(number) if row.kind in wanted]


def text_of(story: Story, number: str, kind: str) -> str:
    """The letter as it was delivered, on one line."""
    story.send_letters()
    [row] = story.letters(number, kind)
    assert row.state == "sent", (row.reason, row.server_answer)
    [kept] = [kept for kept in story.mail() if kept.message["Message-ID"] == row.message_id]
    return " ".join(kept.message.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]


def answered_at_a_portal(story: Story) -> str:
    """The platform asked in its portal, a lawyer answered, and the officer has entered the answer."""
    number = story.at_portal()
    record_reference(story.runtime, f"{number}/S1", "CRS-1", INTAKE)
    record_outcome(story.runtime, f"{number}/S1", 1, Outcome.MORE_INFO_NEEDED, INTAKE, "Which provision?")
    story.drive(number)
    story.move(number, Action.ANSWER, REVIEWER, reason="The provision is named in the notice: it is the first one.")
    story.drive(number)
    assert story.letters(number, "platform_answer") == [], "the officer has not entered it yet"
    record_reference(story.runtime, f"{number}/S2", "CRS-2", INTAKE)
    return number


# Moments


def test_the_reporter_hears_that_the_report_was_found_right_once_for_each_approval(story: Story) -> None:
    number = story.to_review()
    assert story.letters(number, "decision_confirmed") == []
    story.approve(number)
    story.drive(number)
    story.drive(number)
    [row] = story.letters(number, "decision_confirmed")
    assert (row.recipient, row.state, row.urgent) == ("reporter", "queued", False)
    assert number in text_of(story, number, "decision_confirmed")
    story.assert_sound()


@SQLITE_ONLY
def test_a_hotline_confirms_no_report_because_it_decides_on_none(story: Story) -> None:
    under = story.with_settings(pack="eu-trusted-flagger")
    number = under.approved(category="csam", age_band="child")
    under.drive(number)
    assert kinds(under, number, "decision_confirmed", "platform_prescription") == []
    assert kinds(under, number, "platform_notice", "preservation_request") == [
        "platform_notice",
        "preservation_request",
    ]
    under.close()


def test_a_case_is_laid_before_the_expert_group_when_review_begins_with_the_date_of_its_clock(story: Story) -> None:
    number = story.take_in(**bullied())
    assert story.letters(number, "expert_referral") == []
    story.drive(number)
    story.drive(number)
    [row] = story.letters(number, "expert_referral")
    [clock] = story.clocks(number, GROUP)
    assert row.contact == "expert_group:kz.expert_group_on_cyberbullying"
    assert (row.context["clock"], row.context["expert_group"]) == (clock.id, "kz.expert_group_on_cyberbullying")
    said = text_of(story, number, "expert_referral")
    assert clock.due_at.strftime("%H:%M UTC") in said or clock.due_at.strftime("%Y-%m-%d") in said
    [kept] = story.mail("secretary@experts.example")
    assert "reporter@mail.example" not in kept.path.read_text(errors="replace")


@SQLITE_ONLY
@pytest.mark.parametrize("fields", [{}, {"category": "gambling_advertising"}, CSAM])
def test_a_case_that_needs_no_expert_group_is_laid_before_none(story: Story, fields: dict[str, Any]) -> None:
    assert story.letters(story.to_review(**fields), "expert_referral") == []


@SQLITE_ONLY
def test_a_case_that_comes_back_with_an_opinion_is_not_laid_before_the_group_again(story: Story) -> None:
    number = story.to_review(**bullied())
    story.confirmed_by_experts(number)
    story.move(number, Action.RETURN, REVIEWER, missing=("quote",))
    story.move(number, Action.SUPPLY, INTAKE)
    story.drive(number)
    assert story.status(number) == "in_legal_review"
    assert len(story.letters(number, "expert_referral")) == 1


@pytest.mark.parametrize(
    ("fields", "letter"),
    [({}, "platform_notice"), ({"category": "gambling_advertising"}, "platform_notice"),
     (bullied(), "platform_prescription")],
)  # fmt: skip
def test_a_notice_has_the_covering_letter_of_its_force_once(story: Story, fields: dict[str, Any], letter: str) -> None:
    number = story.to_review(**fields)
    if fields.get("category") == "cyberbullying_child":
        story.confirmed_by_experts(number)
    story.approve(number)
    assert kinds(story, number, "platform_notice", "platform_prescription") == [], "the platform does not have it yet"
    story.drive(number)
    story.drive(number)
    assert kinds(story, number, "platform_notice", "platform_prescription") == [letter]
    [row] = story.letters(number, letter)
    assert (row.contact, row.context["submission"]) == ("platform:tiktok", f"{number}/S1")
    assert f"{number}/S1" in text_of(story, number, letter)


@SQLITE_ONLY
def test_a_removal_notice_binds_and_says_so(story: Story) -> None:
    under = story.with_settings(pack="au-esafety")
    number = under.to_review(category="csam", age_band="child")
    under.approve(number, HEAD)
    under.drive(number)
    assert kinds(under, number, "platform_notice", "platform_prescription") == ["platform_prescription"]
    under.close()


def test_each_of_two_notices_has_its_own_letters(story: Story) -> None:
    number = story.approved(links=[link(), "https://youtu.be/abcdefghijk"], category="suicide_or_self_harm")
    story.drive(number)
    for row in story.submissions(number):
        if row.state == "handed_over":
            record_reference(story.runtime, row.number, "YT-1", INTAKE)
    about = [(row.kind, row.context["submission"]) for row in story.letters(number) if row.recipient == "platform"]
    sent = [row.number for row in story.submissions(number) if row.state == "sent"]
    assert len(sent) == 2
    assert sorted(about) == sorted((kind, one) for one in sent for kind in ("platform_notice", "preservation_request"))


@SQLITE_ONLY
def test_only_where_the_data_must_be_kept_a_request_asks_for_it(story: Story) -> None:
    assert story.letters(story.submitted(), "preservation_request") == []
    number = story.submitted(category="suicide_or_self_harm")
    assert f"{number}/S1" in text_of(story, number, "preservation_request")
    [notice] = [kept for kept in story.mail() if kept.message["Message-ID"] == _message_id(story, number)]
    text = notice.message.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    assert "preserve" in text.lower(), "the covering letter says so as well"


def _message_id(story: Story, number: str) -> str | None:
    return story.letters(number, "platform_notice")[0].message_id


def test_an_answer_that_no_programme_takes_goes_by_letter_with_the_lawyers_words(story: Story) -> None:
    number = answered_at_a_portal(story)
    [row] = story.letters(number, "platform_answer")
    assert (row.contact, row.context["submission"]) == ("platform:facebook", f"{number}/S2")
    assert "it is the first one" in text_of(story, number, "platform_answer")
    story.assert_sound()


@SQLITE_ONLY
def test_an_answer_over_the_platforms_own_channel_needs_no_letter(story: Story) -> None:
    number = story.submitted()
    story.answer(number, "more_info_needed", reason="Which provision?")
    collect(story.runtime)
    story.drive(number)
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    assert story.events(number, "answer.sent")
    assert story.letters(number, "platform_answer") == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [({}, []), (CSAM, ["police_report"]), (in_danger(), ["police_referral"]),
     (in_danger(**CSAM), ["police_referral"])],
)  # fmt: skip
def test_the_police_hear_once_of_a_danger_by_referral_and_of_a_suspected_crime_by_report(
    story: Story, fields: dict[str, Any], expected: list[str]
) -> None:
    number = story.take_in(**{key: value for key, value in fields.items() if key != "links"})
    story.drive(number)
    assert kinds(story, number, "police_report", "police_referral") == expected
    for kind in expected:
        assert number in text_of(story, number, kind)


@SQLITE_ONLY
def test_a_case_that_turns_out_to_be_one_for_the_police_is_reported_then(story: Story) -> None:
    number = story.to_review()
    amend(story.runtime, number, INTAKE, Supplied(category="csam"), "The video shows abuse of a child.")
    assert len(story.letters(number, "police_report")) == 1
    amend(story.runtime, number, INTAKE, Supplied(quote="Another quotation."), "The quotation was another one.")
    assert len(story.letters(number, "police_report")) == 1


def test_a_moment_told_twice_writes_a_letter_about_a_notice_once(story: Story) -> None:
    number = story.submitted(category="suicide_or_self_harm")
    before = len(story.letters(number))
    [notice] = story.submissions(number)
    for _ in range(2):
        with transaction(story.runtime) as session:
            case = find_case(session, number)
            note(session, story.runtime, case, "submission.sent", SYSTEM, story.clock(), moment="submission.sent",
                 subject=Subject("submission", notice.id), data={"submission": notice.number})  # fmt: skip
    assert len(story.letters(number)) == before


# Thresholds of clocks


def test_our_own_warning_and_breach_go_to_our_own_people_once_whoever_sweeps(story: Story) -> None:
    number = story.to_review()
    [clock] = story.clocks(number, "kz.internal.review.routine")
    story.clock.set(clock.due_at - timedelta(minutes=1))
    results = together(*(lambda: sweep(story.runtime) for _ in range(2)))
    assert [outcome.failed for outcome in results] == [[], []]
    assert kinds(story, number, "deadline_warning", "breach_notice") == ["deadline_warning"]
    [row] = story.letters(number, "deadline_warning")
    assert (row.contact, row.context["threshold"], row.urgent) == ("unit", "80%", False)
    story.clock.set(clock.due_at)
    together(*(lambda: sweep(story.runtime) for _ in range(2)))
    sweep(story.runtime)
    assert kinds(story, number, "deadline_warning", "breach_notice") == ["deadline_warning", "breach_notice"]
    assert story.letters(number, "breach_notice")[0].contact == "head_of_unit"
    said = text_of(story, number, "breach_notice")
    assert "Правовая проверка" in said
    story.assert_sound()


@SQLITE_ONLY
def test_a_clock_that_stands_on_anothers_duty_warns_none_of_our_people(story: Story) -> None:
    number = story.submitted()
    story.later(days=4)
    sweep(story.runtime)
    assert story.events(number, "clock.breached")
    assert kinds(story, number, "deadline_warning", "breach_notice") == []


@SQLITE_ONLY
def test_warnings_of_a_childs_case_leave_before_all_others(story: Story) -> None:
    number = story.to_review(**CSAM)
    story.later(hours=5)
    sweep(story.runtime)
    found = [row for row in story.letters(number) if row.kind in ("deadline_warning", "breach_notice")]
    assert len(found) >= 2
    assert all(row.urgent for row in found)


@SQLITE_ONLY
def test_two_thresholds_of_one_clock_on_one_day_are_two_letters(story: Story) -> None:
    number = story.to_review(**CSAM)
    [clock] = story.clocks(number, "kz.internal.review.p1")
    story.clock.set(clock.due_at - timedelta(minutes=1))
    sweep(story.runtime)
    warned = [row.context["threshold"] for row in story.letters(number, "deadline_warning")
              if row.context["clock"] == clock.id]  # fmt: skip
    assert warned == ["50%", "-1h"]


def test_an_expert_group_is_reminded_at_each_threshold_and_again_after_more_time(story: Story) -> None:
    number = story.to_review(**bullied())
    [clock] = story.clocks(number, GROUP)
    story.clock.set(clock.due_at - timedelta(minutes=1))
    sweep(story.runtime)
    assert [row.context["threshold"] for row in story.letters(number, "expert_reminder")] == ["50%", "80%"]
    extend_clock(story.runtime, number, GROUP, clock.due_at + timedelta(days=7), CHAIR,
                 "The group needs the opinion of a psychologist.")  # fmt: skip
    story.clock.set(clock.due_at + timedelta(days=7))
    sweep(story.runtime)
    reminders = story.letters(number, "expert_reminder")
    assert [row.context.get("threshold") for row in reminders] == ["50%", "80%", "50%", "80%", None]
    assert {row.recipient for row in reminders} == {"expert_group"}
    assert len({row.once_key for row in reminders}) == 5


def test_a_reminder_reaches_the_secretary_of_the_group(story: Story) -> None:
    number = story.to_review(**bullied())
    [clock] = story.clocks(number, GROUP)
    assert clock.next_check_at is not None
    story.send_letters()
    story.clock.set(clock.next_check_at)
    sweep(story.runtime)
    assert number in text_of(story, number, "expert_reminder")
    assert len(story.mail("secretary@experts.example")) == 2, "the referral and the reminder"


@SQLITE_ONLY
def test_once_the_group_has_decided_it_is_not_reminded_though_our_own_time_runs_on(story: Story) -> None:
    number = story.to_review(**bullied())
    story.confirmed_by_experts(number)
    [clock] = story.clocks(number, GROUP)
    story.clock.set(clock.due_at)
    sweep(story.runtime)
    assert story.letters(number, "expert_reminder") == []
    assert [row for row in story.letters(number, "deadline_warning") if row.context["clock"] == clock.id]

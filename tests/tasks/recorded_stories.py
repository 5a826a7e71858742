"""Whole cases through the real system, with a sweep at the instant of every threshold."""

from __future__ import annotations

from datetime import timedelta

from casework.vocabulary import Action, Priority
from db.tables import Clock
from tasks.clock_changes import extend_clock
from tasks.collect_outcomes import collect
from tasks.escalation import acknowledge
from tasks.expert_opinions import Opinion, record_opinion
from tasks.legal_review import Supplied, supply
from tasks.merging import merge_case
from tasks.prioritization import change_priority
from tasks.sla_sweep import sweep
from tests.stories import (
    HEAD,
    INTAKE,
    NECESSITY,
    OTHER_INTAKE,
    OTHER_REVIEWER,
    REVIEWER,
    Story,
    in_danger,
    link,
    report,
)  # fmt: skip

LAW = {"category": "gambling_advertising"}


def pass_time(story: Story, **by: float) -> None:
    """Time passes with a sweep at the very instant of every threshold, and the post behind it."""
    until = story.clock() + timedelta(**by)
    while True:
        ahead = [row.next_check_at for row in story.all(Clock) if row.next_check_at and row.next_check_at <= until]
        if not ahead:
            break
        story.clock.set(max(min(ahead), story.clock()))
        sweep(story.runtime)
        story.send_letters()
    story.clock.set(until)
    story.platform.set_clock(until)


def decided(story: Story) -> str:
    number = story.submitted(**LAW)
    pass_time(story, hours=3)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    assert story.status(number) == "closed"
    return number


def silence_to_the_last_rung(story: Story) -> str:
    number = story.submitted(**LAW)
    pass_time(story, hours=30)
    asked = story.escalations(number)[-1]
    acknowledge(story.runtime, asked.id, INTAKE, "phone")
    pass_time(story, days=30)
    assert [rung.rung for rung in story.escalations(number)] == [1, 2, 3, 4]
    return number


def two_notices_of_which_one_is_answered(story: Story) -> str:
    number = story.submitted(links=[link(), "https://youtu.be/abcdefghijm"], **LAW)
    pass_time(story, hours=25)
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    pass_time(story, days=3)
    assert len({row.subject_id for row in story.clocks(number) if row.subject_kind == "submission"}) == 2
    return number


def danger_to_a_child(story: Story) -> str:
    [result] = story.hand_in(in_danger())
    assert result.case_number is not None
    pass_time(story, hours=1)
    story.drive(result.case_number)
    pass_time(story, days=2)
    assert [row.kind for row in story.letters(result.case_number)][:2] == ["police_referral", "duty_alert"]
    return result.case_number


def returned_lapsed_and_opened_again(story: Story) -> str:
    number = story.take_in(observed_at=None)
    story.drive(number)
    pass_time(story, days=20)
    assert story.status(number) == "closed"
    story.move(number, Action.REOPEN, OTHER_INTAKE)
    story.drive(number)
    pass_time(story, days=1)
    supply(story.runtime, number, INTAKE, Supplied(observed_at="2026-03-17T09:00:00+05:00"), "The reporter answered.")
    story.drive(number)
    pass_time(story, days=9)
    return number


def the_platform_asks_and_is_answered(story: Story) -> str:
    number = story.submitted(**LAW)
    pass_time(story, hours=5)
    story.answer(number, "more_info_needed", reason="Which law?")
    collect(story.runtime)
    story.drive(number)
    pass_time(story, days=2)
    story.move(number, Action.ANSWER, REVIEWER)
    story.drive(number)
    pass_time(story, days=2)
    assert len(story.submissions(number)) == 2
    return number


def raised_by_many_reports_then_lowered_by_two_people(story: Story) -> str:
    video = link()
    number = story.take_in(category="fraud", links=[video])
    pass_time(story, hours=1)
    story.hand_in(*[report(links=[video], description=f"Сообщение {place}.") for place in range(12)])
    assert story.case(number).priority == "P2"
    story.drive(number)
    pass_time(story, hours=2)
    change_priority(story.runtime, number, Priority.P4, INTAKE, "The account has no followers.", HEAD)
    pass_time(story, days=10)
    change_priority(story.runtime, number, Priority.P1, INTAKE, "It has many followers after all.")
    pass_time(story, days=1)
    return number


def bullying_with_an_expert_group_and_more_time(story: Story) -> str:
    number = story.to_review(category="cyberbullying_child", age_band="13_17")
    pass_time(story, days=1)
    extend_clock(
        story.runtime, number, "kz.expert_group", story.clock() + timedelta(days=9), "gulnara",
        "The group needs the opinion of a psychologist.",
    )  # fmt: skip
    story.send_letters()
    pass_time(story, days=20)
    opinion = Opinion("2026-7", ("one", "two", "three", "four", "five"), (), 5, 0, True, "It humiliates a pupil.", (),
                      story.clock() - timedelta(hours=1))  # fmt: skip
    record_opinion(story.runtime, number, opinion, "gulnara")
    story.approve(number)
    story.drive(number)
    pass_time(story, days=2)
    assert len(story.letters(number, "overdue_reminder")) > 1
    return number


def political_with_two_reviewers(story: Story) -> str:
    number = story.to_review(category="political_events")
    pass_time(story, days=1)
    basis = tuple(story.runtime.pack.category("political_events").basis)
    story.move(number, Action.ENDORSE, REVIEWER, basis=basis, proportionality=NECESSITY)
    pass_time(story, days=4)
    story.approve(number, OTHER_REVIEWER, proportionality=NECESSITY)
    story.drive(number)
    pass_time(story, hours=20)
    return number


def merged(story: Story) -> str:
    number = story.take_in(**LAW)
    story.drive(number)
    other = story.take_in(**LAW)
    pass_time(story, hours=5)
    merge_case(story.runtime, number, other, INTAKE, "The same video.", same_content=True)
    pass_time(story, days=5)
    return number


def withdrawn(story: Story) -> str:
    number = story.to_review()
    pass_time(story, days=5)
    story.move(number, Action.WITHDRAW, INTAKE)
    pass_time(story, days=1)
    return number


def declined_and_opened_again(story: Story) -> str:
    number = story.to_review()
    pass_time(story, hours=30)
    story.move(number, Action.DECLINE, REVIEWER)
    story.send_letters()
    pass_time(story, days=3)
    story.move(number, Action.REOPEN, OTHER_INTAKE)
    story.drive(number)
    pass_time(story, days=3)
    return number

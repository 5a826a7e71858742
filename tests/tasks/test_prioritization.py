"""The order of work: rules set a floor, anybody may raise, two people together may lower."""

from __future__ import annotations

import pytest

from casework.errors import MoveRefused, NotAllowed
from casework.vocabulary import AgeBand, Priority
from db.tables import Clock, PriorityChange
from tasks.legal_review import Supplied, amend
from tasks.prioritization import change_priority
from tests.stories import (
    AUDITOR,
    HEAD,
    INTAKE,
    LIAISON,
    OTHER_INTAKE,
    REVIEWER,
    SQLITE_ONLY,
    Story,
    link,
    report,
)  # fmt: skip

WHY = "The account has no followers."

pytestmark = SQLITE_ONLY


def _change(story: Story, number: str, to: Priority, by: str = INTAKE, second: str | None = None) -> None:
    change_priority(story.runtime, number, to, by, WHY, second)


def test_triage_keeps_the_rules_that_fired(story: Story) -> None:
    number = story.to_review(category="csam", age_band="under_13")
    case = story.case(number)
    assert (case.priority, case.priority_floor, case.lane) == ("P1", "P1", "child-safety")
    assert [line["rule"] for line in case.priority_trace] == ["kz.p1.sexual_abuse", "kz.mod.under_13"]
    assert story.events(number, "moved.triage")[0].data == {"priority": "P1"}


def test_anybody_who_works_on_cases_may_raise(story: Story) -> None:
    number = story.to_review()
    _change(story, number, Priority.P1)
    case = story.case(number)
    assert (case.priority, case.priority_rank, case.priority_floor) == ("P1", 1, "P3")
    [event] = story.events(number, "priority.changed")
    assert (event.actor_id, event.reason, event.data["from"], event.data["to"]) == (INTAKE, WHY, "P3", "P1")


@pytest.mark.parametrize(
    ("first", "second"),
    [(INTAKE, None), (HEAD, None), (HEAD, HEAD), (REVIEWER, REVIEWER), (INTAKE, OTHER_INTAKE)],
)
def test_nobody_goes_below_the_floor_alone_or_with_somebody_who_may_not(
    story: Story, first: str, second: str | None
) -> None:
    number = story.to_review(category="csam", age_band="child")
    with pytest.raises(MoveRefused) as refused:
        _change(story, number, Priority.P3, first, second)
    assert refused.value.rule == "priority.two_people"
    assert story.case(number).priority == "P1"
    assert story.all(PriorityChange) == []


@pytest.mark.parametrize("second", [HEAD, REVIEWER])
def test_two_people_may_go_below_the_floor_and_both_are_on_record(story: Story, second: str) -> None:
    number = story.to_review(category="csam", age_band="child")
    _change(story, number, Priority.P3, INTAKE, second)
    [change] = story.all(PriorityChange)
    assert (change.from_rank, change.to_rank, change.floor_rank) == (1, 3, 1)
    assert (change.proposed_by, change.confirmed_by) == (INTAKE, second)
    assert story.case(number).priority == "P3"


def test_what_two_people_lowered_stays_lowered_until_the_rules_find_something_new(story: Story) -> None:
    number = story.take_in(links=[link(700)], category="csam", age_band="child")
    _change(story, number, Priority.P3, INTAKE, HEAD)
    story.drive(number)
    assert story.case(number).priority == "P3"
    story.hand_in(report(links=[link(700, "mirror")]))
    assert story.case(number).priority == "P3"
    story.hand_in(report(links=[link(700, "third")], indicators=["live_streamed_abuse"]))
    assert story.case(number).priority == "P0"


def test_what_a_person_raised_is_not_lowered_by_the_rules(story: Story) -> None:
    number = story.take_in()
    _change(story, number, Priority.P1)
    story.drive(number)
    assert story.case(number).priority == "P1"


@pytest.mark.parametrize("person", [AUDITOR, LIAISON])
def test_readers_change_nothing(story: Story, person: str) -> None:
    number = story.to_review()
    with pytest.raises(NotAllowed, match=number):
        _change(story, number, Priority.P0, person)


def test_a_change_needs_a_reason(story: Story) -> None:
    number = story.to_review()
    with pytest.raises(MoveRefused, match="needs a reason"):
        change_priority(story.runtime, number, Priority.P1, INTAKE, "  ")


def test_raising_to_p0_alerts_people_once(story: Story) -> None:
    number = story.to_review()
    _change(story, number, Priority.P0)
    _change(story, number, Priority.P1)
    _change(story, number, Priority.P0)
    story.send_letters()
    assert [row.state for row in story.letters(number, "duty_alert")] == ["sent"]
    assert [row.state for row in story.letters(number, "police_referral")] == ["sent"]


def test_an_amended_file_is_judged_again(story: Story) -> None:
    number = story.to_review()
    amend(story.runtime, number, INTAKE, Supplied(category="csam", age_band=AgeBand.CHILD), "The video shows a child.")
    case = story.case(number)
    assert (case.priority, case.lane, case.instrument, case.ground) == ("P1", "child-safety", "request", "both")
    assert story.events(number, "case.amended")[0].data == {"fields": ["age_band", "category"]}
    assert len(story.events(number, "priority.raised")) == 1


def test_a_politically_sensitive_case_gets_no_rise_from_indicators(story: Story) -> None:
    number = story.to_review(category="false_information", indicators=["csam_any", "repeat_victim"], age_band="child")
    case = story.case(number)
    assert (case.priority, case.lane, case.political) == ("P3", "routine", True)
    assert any(str(line["effect"]).startswith("withheld") for line in case.priority_trace)


def test_a_case_raised_to_imminent_danger_has_its_minutes_from_then_on_and_keeps_statutory_clocks(story: Story) -> None:
    number = story.to_review(category="cyberbullying_child", age_band="13_17", expert_decision="12-1")
    story.clock.advance(hours=2)
    _change(story, number, Priority.P0)
    case_id = story.case(number).id
    clocks = {clock.rule_id: clock for clock in story.all(Clock) if clock.case_id == case_id}
    review = clocks["kz.internal.review.p0"]
    assert (review.due_at - story.clock()).total_seconds() == 30 * 60
    assert clocks["kz.internal.review.p2"].stopped_by == "priority.changed"
    assert clocks["kz.expert_group"].state == "running"


def test_many_people_make_a_case_more_urgent_and_one_file_that_is_read_again_and_again_does_not(story: Story) -> None:
    shared, again = link(), report(links=[link()])
    read_again = story.take_in(**again)
    for _ in range(11):
        story.hand_in(again)
    # Whoever joins makes the rules look at the case anew.
    story.hand_in({**again, "description": "Та же ссылка, другими словами."})
    many = story.take_in(links=[shared])
    for person in range(11):
        story.hand_in(report(links=[shared], description=f"Сообщение номер {person}."))
    assert [line["rule"] for line in story.case(many).priority_trace][-1] == "kz.mod.many_reports"
    assert "kz.mod.many_reports" not in {line["rule"] for line in story.case(read_again).priority_trace}
    assert (story.case(many).priority, story.case(read_again).priority) == ("P2", "P3")

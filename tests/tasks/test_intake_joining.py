"""Duplicates: other links of the same item, reports that overlap, and two desks at once."""

from __future__ import annotations

from typing import Any

from casework.vocabulary import Action, ReportState
from db.tables import CaseFile, ContentItem, Party
from tasks.collect_outcomes import collect
from tests.stories import INTAKE, OTHER_INTAKE, SQLITE_ONLY, Story, link, report, together


def _reporter(name: str) -> dict[str, str]:
    return {"name": name, "email": f"{name}@mail.example"}


def test_the_same_item_under_another_link_joins_and_each_reporter_hears_once(story: Story) -> None:
    number = story.take_in(links=[link(77)], reporter=_reporter("first"))
    [joined] = story.hand_in(report(links=[link(77, "mirror") + "?lang=kk"], reporter=_reporter("second")))
    assert (joined.state, joined.reason, joined.case_number) == (ReportState.DUPLICATE, "same_items", number)
    assert story.case(number).reporters == 2
    assert len(story.all(ContentItem)) == 1
    for _run in range(3):
        story.send_letters()
    for name in ("first", "second"):
        [receipt] = story.mail(f"{name}@mail.example")
        assert number in receipt.subject
    assert [event.data["reporters"] for event in story.events(number, "report.joined")] == [2]
    story.assert_sound()


def test_both_reporters_hear_how_it_ended_in_their_own_letters(story: Story) -> None:
    number = story.submitted(links=[link(78)], reporter=_reporter("first"))
    story.hand_in(report(links=[link(78, "mirror")], reporter=_reporter("second"), language="kk"))
    story.answer(number, "removed_globally")
    collect(story.runtime)
    story.drive(number)
    story.send_letters()
    assert [(row.contact, row.language) for row in story.letters(number, "closure")] == [
        ("party:1", "ru"),
        ("party:2", "kk"),
    ]
    # The first was there when the case was approved; both have a receipt and the end.
    for name, count in (("first", 3), ("second", 2)):
        assert len(story.mail(f"{name}@mail.example")) == count


@SQLITE_ONLY
def test_of_a_partly_overlapping_report_only_the_new_items_open_a_case(story: Story) -> None:
    first = story.take_in(links=[link(81), link(82)])
    [result] = story.hand_in(report(links=[link(82, "mirror"), link(83)]))
    assert result.state is ReportState.CASE
    second = str(result.case_number)
    assert second != first
    assert [item.key for item in story.items(second)] == [f"tiktok:video:73{83:017d}"]
    assert story.case(first).reporters == 2
    assert story.events(second, "case.received")[0].data["related"] == 1
    assert len({item.key for item in story.all(ContentItem)}) == 3
    story.assert_sound()


@SQLITE_ONLY
def test_a_report_of_items_of_two_cases_joins_both_and_is_one_report(story: Story) -> None:
    first, second = story.take_in(links=[link(84)]), story.take_in(links=[link(85)])
    [result] = story.hand_in(report(links=[link(84, "a"), link(85, "b")], reporter=_reporter("third")))
    assert result.state is ReportState.DUPLICATE
    assert result.case_number == first
    assert [story.case(number).reporters for number in (first, second)] == [2, 2]
    story.send_letters()
    assert len(story.mail("third@mail.example")) == 1
    story.assert_sound()


@SQLITE_ONLY
def test_items_of_an_ended_case_open_a_new_one(story: Story) -> None:
    number = story.to_review(links=[link(86)])
    story.move(number, Action.DECLINE, "daniyar")
    assert story.take_in(links=[link(86, "mirror")]) != number


def test_a_join_that_brings_danger_raises_the_case_and_alerts_once(story: Story) -> None:
    number = story.take_in(links=[link(87)])
    assert story.case(number).priority == "P3"
    for name in ("second", "third"):
        story.hand_in(
            report(
                links=[link(87, name)],
                reporter=_reporter(name),
                indicators=["threat_to_life_of_child"],
                age_band="child",
            )
        )
    case = story.case(number)
    assert (case.priority, case.lane, case.child) == ("P0", "child-safety", True)
    assert len(story.events(number, "priority.raised")) == 1
    story.send_letters()
    story.send_letters()
    [alert] = story.letters(number, "duty_alert")
    [referral] = story.letters(number, "police_referral")
    assert (alert.state, referral.state) == ("sent", "sent")
    assert alert.urgent
    story.assert_sound()


@SQLITE_ONLY
def test_many_reports_within_a_day_raise_the_priority(story: Story) -> None:
    number = story.take_in(links=[link(88)])
    story.hand_in(*(report(links=[link(88, f"m{place}")], reporter={}) for place in range(10)))
    assert story.case(number).reporters == 11
    assert story.case(number).priority == "P2"
    [raised] = story.events(number, "priority.raised")
    assert raised.data == {"from": "P3", "to": "P2"}


@SQLITE_ONLY
def test_a_reporter_who_left_no_address_gets_no_receipt_and_the_log_says_why(story: Story) -> None:
    number = story.take_in(reporter={"name": "Without Address"})
    assert story.letters(number) == []
    assert story.events(number, "case.received")[0].data["receipt"] == "no address"
    assert [party.reachable for party in story.all(Party)] == [False]


def test_two_desks_that_take_in_the_same_content_at_once_open_one_case(story: Story) -> None:
    def desk(person: str, account: str) -> Any:
        rows = [report(links=[link(9_100 + place, account)], reporter={}) for place in range(6)]
        return lambda: story.hand_in(*rows, by=person)

    results = together(desk(INTAKE, "one"), desk(OTHER_INTAKE, "two"))
    assert not [outcome for outcome in results if isinstance(outcome, Exception)]
    states = [result.state for outcome in results for result in outcome]
    assert (states.count(ReportState.CASE), states.count(ReportState.DUPLICATE)) == (6, 6)
    assert len(story.all(CaseFile)) == 6
    assert {case.reporters for case in story.all(CaseFile)} == {2}
    story.assert_sound()


def test_two_desks_that_take_in_the_same_file_at_once_open_one_case(story: Story) -> None:
    rows = [report(links=[link(9_200 + place)], reporter={}) for place in range(6)]
    results = together(lambda: story.hand_in(*rows), lambda: story.hand_in(*rows, by=OTHER_INTAKE))
    assert not [outcome for outcome in results if isinstance(outcome, Exception)]
    assert len(story.all(CaseFile)) == 6
    assert len(story.all(ContentItem)) == 6
    story.assert_sound()

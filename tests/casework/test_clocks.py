"""Clocks start at a named moment, warn before they breach, and keep the law they started with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from casework.clocks import (
    ClockStart,
    Subject,
    Threshold,
    detected_late,
    due_earliest,
    next_check,
    passed,
    rung_clock,
    start_clocks,
)
from casework.facts import CaseFacts
from casework.lifecycle import MOVES
from casework.moments import Moment
from casework.policy_pack import Pack
from casework.vocabulary import Duty, Instrument, Priority
from tests.casework.building import a_case, pack_with_clock, the_pack

ALMATY = ZoneInfo("Asia/Almaty")
CASE = Subject("case", 123)
NOTICE = Subject("submission", 7)
LADDER = "kz.platform_silence"
LAST_RUNG = 4
FROM_ELSEWHERE = {
    "case.received", "submission.sent", "answer.sent", "platform.asked", "report.held", "hold.settled",
    "extension.granted", "extension.notified",
}  # fmt: skip
"""Moments that intake, sending, the holding pen and the extension of a clock give; all others are moves of a case."""


def at(text: str) -> datetime:
    """Almaty time."""
    return datetime.fromisoformat(text).replace(tzinfo=ALMATY)


SENT = at("2026-04-03T17:00")
"""A Friday."""


def started(moment: Moment, when: datetime, case: CaseFacts | None, subject: Subject = CASE) -> dict[str, ClockStart]:
    return {clock.rule_id: clock for clock in start_clocks(moment, subject, when, case, the_pack())}


def with_rule(rule_id: str, **changes: object) -> Pack:
    """The pack with one clock changed."""
    return pack_with_clock(rule_id, changes)


# --- Which clocks start ----------------------------------------------------------------------------------


@pytest.mark.parametrize("priority", list(Priority))
def test_a_received_case_gets_the_triage_time_of_its_own_priority_and_no_other(priority: Priority) -> None:
    assert set(started("case.received", SENT, a_case(priority=priority))) == {f"kz.internal.triage.{priority.lower()}"}


def test_cyberbullying_of_a_child_starts_the_expert_groups_time_beside_our_own() -> None:
    clocks = started("case.received", SENT, a_case(category="cyberbullying_child", priority=Priority.P2))
    assert set(clocks) == {"kz.internal.triage.p2", "kz.expert_group"}
    assert clocks["kz.expert_group"].statutory
    assert not clocks["kz.internal.triage.p2"].statutory


@pytest.mark.parametrize(
    ("instrument", "rule"),
    [
        (Instrument.REQUEST, "kz.platform_24h"),
        (Instrument.PRESCRIPTION, "kz.removal_24h"),
        (Instrument.PLATFORM_REPORT, "kz.internal.platform_follow_up"),
    ],
)
def test_a_sent_notice_starts_the_platforms_time_by_its_legal_form(instrument: Instrument, rule: str) -> None:
    clocks = started("submission.sent", SENT, a_case(instrument=instrument), NOTICE)
    assert set(clocks) == {rule}
    assert (clocks[rule].duty, clocks[rule].subject) == (Duty.PLATFORM, NOTICE)


@pytest.mark.parametrize("instrument", [Instrument.REQUEST, Instrument.PRESCRIPTION, Instrument.PLATFORM_REPORT])
def test_our_answer_to_a_question_starts_the_platforms_time_once_more(instrument: Instrument) -> None:
    case = a_case(instrument=instrument)
    first, again = (started(moment, SENT, case, NOTICE) for moment in ("submission.sent", "answer.sent"))
    assert again == first
    assert "platform.asked" in next(iter(first.values())).stop_on


def test_a_moment_that_no_rule_waits_for_starts_nothing() -> None:
    assert started("case.triaged", SENT, a_case()) == {}


def test_a_held_report_has_a_clock_of_its_own_without_any_case() -> None:
    clocks = started("report.held", at("2026-04-03T10:00"), None, Subject("hold", 5))
    assert set(clocks) == {"kz.hold.pen"}
    assert clocks["kz.hold.pen"].due_at == at("2026-04-06T18:30"), "received Friday, looked at by the end of Monday"
    assert clocks["kz.hold.pen"].subject == Subject("hold", 5)


def test_a_lapse_is_only_for_the_reporters_silence() -> None:
    assert started("case.returned", SENT, a_case())["kz.reporter.answer"].lapse
    assert [rule.id for rule in the_pack().sla.clocks if rule.lapse] == ["kz.reporter.answer"]


# --- When they are due -----------------------------------------------------------------------------------


def test_the_expert_groups_three_working_days_run_over_nauryz() -> None:
    """Wed 18 March does not count; Thu 19 is one, Fri 20 two; 21 to 25 March are days off; Thu 26 is three."""
    clocks = started("case.received", at("2026-03-18T09:00"), a_case(category="cyberbullying_child"))
    assert clocks["kz.expert_group"].due_at == at("2026-03-26T18:30")


def test_a_platforms_24_hours_do_not_stop_for_the_weekend() -> None:
    clock = started("submission.sent", SENT, a_case(instrument=Instrument.REQUEST))["kz.platform_24h"]
    assert clock.due_at == at("2026-04-04T17:00")
    assert clock.due_at.astimezone(ALMATY).strftime("%A") == "Saturday"


def test_a_childs_imminent_danger_is_triaged_in_half_an_hour_also_at_night() -> None:
    night = at("2026-03-22T03:10")
    assert started("case.received", night, a_case(priority=Priority.P0))["kz.internal.triage.p0"].due_at == at(
        "2026-03-22T03:40"
    )


def test_one_instant_is_one_due_time_in_whatever_zone_it_was_written() -> None:
    case = a_case(category="cyberbullying_child")
    local = started("case.received", SENT, case)["kz.expert_group"]
    utc = started("case.received", SENT.astimezone(UTC), case)["kz.expert_group"]
    assert local.due_at == utc.due_at


# --- Warnings --------------------------------------------------------------------------------------------


def test_warnings_by_share_and_by_distance_come_in_order_before_the_breach() -> None:
    clock = started("review.opened", SENT, a_case(priority=Priority.P1))["kz.internal.review.p1"]
    hour = timedelta(hours=1)
    assert [(mark.level, mark.at - SENT) for mark in clock.thresholds] == [
        ("50%", 2 * hour), ("-1h", 3 * hour), ("breach", 4 * hour),
    ]  # fmt: skip


def test_half_of_three_working_days_is_counted_in_working_time() -> None:
    clock = started("case.received", at("2026-03-18T09:00"), a_case(category="cyberbullying_child"))["kz.expert_group"]
    half = clock.thresholds[0]
    assert half.level == "50%"
    assert at("2026-03-19T09:00") < half.at < at("2026-03-20T18:30"), "not in the middle of the holidays"


def test_every_clock_of_the_pack_warns_in_order_and_ends_in_its_breach() -> None:
    for rule in the_pack().sla.clocks:
        case = a_case(
            priority=(rule.applies.priority or (Priority.P3,))[0],
            category=(rule.applies.category or ("drugs",))[0],
            instrument=(rule.applies.instrument or (Instrument.REQUEST,))[0],
        )
        clock = started(rule.start, SENT, case)[rule.id]
        times = [clock.started_at, *(mark.at for mark in clock.thresholds)]
        assert all(earlier < later for earlier, later in pairwise(times)), rule.id
        repeats = rule.repeat.at_most if rule.repeat else 0
        expected = [False] * len(rule.warn_at) + [True] + [False] * repeats
        assert [mark.breach for mark in clock.thresholds] == expected, rule.id
        assert [mark.repeat for mark in clock.thresholds if mark.repeat] == list(range(1, repeats + 1)), rule.id
        assert clock.thresholds[len(rule.warn_at)].at == clock.due_at


def test_warnings_come_in_the_order_of_time_and_not_of_the_file() -> None:
    pack = with_rule("kz.internal.platform_follow_up", warn_at=("-1h", "80%", "50%"))
    (clock,) = start_clocks("submission.sent", NOTICE, SENT, a_case(), pack)
    assert [mark.level for mark in clock.thresholds] == ["50%", "80%", "-1h", "breach"]


def test_a_warning_that_would_come_before_the_start_is_left_out() -> None:
    pack = with_rule("kz.internal.platform_follow_up", limit={"amount": 6, "unit": "hours"}, warn_at=("-6h", "-30m"))
    (clock,) = start_clocks("submission.sent", NOTICE, SENT, a_case(), pack)
    assert [mark.level for mark in clock.thresholds] == ["-30m", "breach"]


def test_a_duty_that_is_still_owed_is_called_again_at_the_close_of_each_working_day_ten_times_at_most() -> None:
    clock = started("case.received", at("2026-03-18T09:00"), a_case(category="cyberbullying_child"))["kz.expert_group"]
    breach, *repeats = clock.thresholds[-11:]
    assert (breach.level, breach.at) == ("breach", at("2026-03-26T18:30"))
    assert [mark.level for mark in repeats] == [f"+{number}" for number in range(1, 11)]
    assert [mark.at for mark in repeats[:3]] == [
        at("2026-03-27T18:30"), at("2026-03-30T18:30"), at("2026-03-31T18:30"),
    ], "over the weekend nobody is called"  # fmt: skip


def test_a_repeat_in_real_time_is_counted_from_the_breach() -> None:
    repeat = {"every": {"amount": 2, "unit": "hours"}, "at_most": 2}
    pack = with_rule("kz.internal.platform_follow_up", repeat=repeat)
    (clock,) = start_clocks("submission.sent", NOTICE, SENT, a_case(), pack)
    assert [(mark.level, mark.at - clock.due_at) for mark in clock.thresholds[-3:]] == [
        ("breach", timedelta(0)), ("+1", timedelta(hours=2)), ("+2", timedelta(hours=4)),
    ]  # fmt: skip


# --- What ends them --------------------------------------------------------------------------------------


def test_every_clock_has_an_end_that_something_really_gives() -> None:
    given = FROM_ELSEWHERE | {moment for move in MOVES.values() for moment in move.moments}
    for rule in the_pack().sla.clocks:
        assert set(rule.stop) <= given, rule.id
        assert rule.start in given, rule.id
        assert rule.start not in rule.stop, rule.id
        final = "hold.settled" if rule.start == "report.held" else "case.ended"
        assert final in rule.stop, f"{rule.id} would run on after its matter is over"


def test_a_clock_carries_what_stops_it_and_the_version_and_source_it_started_with() -> None:
    clock = started("submission.sent", SENT, a_case(instrument=Instrument.REQUEST))["kz.platform_24h"]
    assert clock.stop_on == ("platform.decided", "platform.asked", "case.ended")
    assert clock.policy_version == the_pack().version
    assert clock.source == "Law No. 18-VIII of 10 July 2023, Art. 9(4)(2)"
    assert (clock.ladder, clock.next_rung) == (LADDER, 1)


def test_a_new_policy_does_not_reach_a_running_clock() -> None:
    running = started("submission.sent", SENT, a_case())["kz.internal.platform_follow_up"]
    shorter = with_rule("kz.internal.platform_follow_up", limit={"amount": 1, "unit": "hours"}, warn_at=())
    (new,) = start_clocks("submission.sent", NOTICE, SENT, a_case(), shorter)
    assert new.due_at == SENT + timedelta(hours=1)
    assert running.due_at == SENT + timedelta(hours=48)
    assert running.limit.amount == 48


# --- Rungs -----------------------------------------------------------------------------------------------


def test_silence_climbs_rung_by_rung_until_none_is_left() -> None:
    when, rung, climbed = SENT, 1, []
    while rung:
        clock = rung_clock(LADDER, rung, 7, when, the_pack())
        assert clock.due_at > when
        assert (clock.duty, clock.subject) == (Duty.LIAISON, NOTICE)
        climbed.append(clock.rule_id)
        when, rung = clock.due_at, clock.next_rung or 0
    assert climbed == [f"{LADDER}.rung{number}" for number in range(1, LAST_RUNG + 1)]


def test_the_first_rung_waits_four_hours_and_a_received_acknowledgement_gives_twenty_four() -> None:
    assert rung_clock(LADDER, 1, 7, SENT, the_pack()).due_at == SENT + timedelta(hours=4)
    follow_up = rung_clock(LADDER, 1, 7, SENT, the_pack(), acknowledged=True)
    assert follow_up.due_at == SENT + timedelta(hours=24)
    assert follow_up.duty is Duty.PLATFORM, "who acknowledged has done their duty; the platform has not"


@pytest.mark.parametrize("rung", range(1, LAST_RUNG + 1))
def test_an_acknowledgement_stops_the_wait_for_it_but_not_the_wait_for_the_outcome(rung: int) -> None:
    waiting = rung_clock(LADDER, rung, 7, SENT, the_pack())
    follow_up = rung_clock(LADDER, rung, 7, SENT, the_pack(), acknowledged=True)
    assert "rung.acknowledged" in waiting.stop_on
    assert "rung.acknowledged" not in follow_up.stop_on
    for clock in (waiting, follow_up):
        assert {"platform.decided", "platform.asked", "case.ended"} <= set(clock.stop_on)
        assert clock.policy_version == the_pack().version
        assert not clock.statutory, "the times of the ladder are ours and never shown as law"
    assert waiting.rule_id != follow_up.rule_id


# --- The sweep -------------------------------------------------------------------------------------------

MARKS = (
    Threshold(SENT + timedelta(hours=1), "50%"),
    Threshold(SENT + timedelta(hours=2), "breach"),
)


def test_the_sweep_looks_again_at_the_next_mark_and_never_after_the_last() -> None:
    assert next_check(MARKS, 0) == MARKS[0].at
    assert next_check(MARKS, 1) == MARKS[1].at
    assert next_check(MARKS, 2) is None


@pytest.mark.parametrize(
    ("fired", "minutes", "levels"),
    [(0, 59, []), (0, 60, ["50%"]), (0, 119, ["50%"]), (0, 120, ["50%", "breach"]), (1, 119, []), (1, 500, ["breach"]),
     (2, 500, [])],
)  # fmt: skip
def test_each_mark_passes_once_at_its_instant_oldest_first(fired: int, minutes: int, levels: list[str]) -> None:
    now = SENT + timedelta(minutes=minutes)
    assert [mark.level for mark in passed(MARKS, fired, now)] == levels


@pytest.mark.parametrize(("seconds", "late"), [(-1, False), (0, False), (1, True)])
def test_a_breach_found_more_than_half_an_hour_after_its_time_is_called_late(seconds: int, late: bool) -> None:
    assert detected_late(MARKS[1], MARKS[1].at + timedelta(minutes=30, seconds=seconds)) is late


def test_the_earliest_of_several_dues_leads() -> None:
    assert due_earliest([SENT, SENT - timedelta(hours=1), SENT + timedelta(days=1)]) == SENT - timedelta(hours=1)
    assert due_earliest([]) is None

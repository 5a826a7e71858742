"""A running clock pauses, goes on, begins anew or gets more time: by its own rule, and by nobody else's wish."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from casework.clock_changes import (
    ClockChange,
    ClockChangeRefused,
    ClockFacts,
    begin_pause,
    end_pause,
    extend,
    pause_by_rule,
)
from casework.clocks import Subject, start_clock
from casework.facts import SYSTEM
from casework.vocabulary import PauseReason, Role
from tests.casework.building import AIGERIM, DANIYAR, MARAT, pack_with_clock

RULE = "kz.internal.platform_follow_up"
START = datetime(2026, 4, 1, 0, 0, tzinfo=UTC)
REASONS = "The group needs the answer of a second expert."
SOURCE = {"ref": "An act made up for a test, Art. 7"}


def after(hours: float) -> datetime:
    """So many hours after the start."""
    return START + timedelta(hours=hours)


def hours(amount: int) -> dict[str, Any]:
    return {"amount": amount, "unit": "hours"}


PAUSES = (
    {"reason": "awaiting_applicant", "begins": ("case.returned",), "ends": ("case.supplied",),
     "ordered_by": (Role.LEGAL_REVIEWER,), "at_most": hours(20), "source": SOURCE},
    {"reason": "force_majeure", "ordered_by": (Role.HEAD_OF_UNIT,), "at_most": hours(72), "source": SOURCE},
    {"reason": "court_suspension", "ordered_by": (Role.HEAD_OF_UNIT,), "at_most": hours(30), "then": "restart",
     "source": SOURCE},
)  # fmt: skip
EXTENSION = {"roles": (Role.HEAD_OF_UNIT,), "ceiling": hours(100), "source": SOURCE}


def a_clock(**rule: Any) -> ClockFacts:
    """Forty hours, warned of at half and six hours before the end, as it stands at its start."""
    says = {"limit": hours(40), "warn_at": ("50%", "-6h"), "pause": PAUSES, "extension": EXTENSION, **rule}
    pack = pack_with_clock(RULE, says)
    started = start_clock(RULE, Subject("case", 123), START, pack)
    return ClockFacts(
        "KZ-2026-000123", pack.sla.clock(RULE), pack.working_calendar(), START, started.due_at, started.thresholds, 0
    )


def then(clock: ClockFacts, change: ClockChange, fired: int | None = None) -> ClockFacts:
    """The clock after a change; ``fired`` marks acted on since."""
    known = change.fired if fired is None else fired
    return replace(clock, history=change.history, due_at=change.due_at, marks=change.marks, fired=known)


def shown(clock: ClockFacts | ClockChange) -> list[tuple[str, float]]:
    """Each mark that is still ahead, with its hours after the start."""
    return [(mark.level, (mark.at - START) / timedelta(hours=1)) for mark in clock.marks[clock.fired :]]


def refused(change: Any, *details: Any, **named: Any) -> ClockChangeRefused:
    with pytest.raises(ClockChangeRefused) as refusal:
        change(*details, **named)
    assert "KZ-2026-000123" in str(refusal.value)
    assert f"'{RULE}'" in str(refusal.value) or refusal.value.rule == "clock.extension_reason"
    return refusal.value


def test_the_clock_that_these_tests_change() -> None:
    assert shown(a_clock()) == [("50%", 20), ("-6h", 34), ("breach", 40)]


# --- Pausing ---------------------------------------------------------------------------------------------


def test_while_it_stands_still_the_due_time_is_the_latest_that_can_come() -> None:
    clock = then(a_clock(), begin_pause(a_clock(), PauseReason.FORCE_MAJEURE, after(10), MARAT))
    assert clock.due_at == after(40 + 72)
    assert shown(clock) == [("go on", 82), ("50%", 92), ("-6h", 106), ("breach", 112)]
    assert clock.history.standing_still(after(81.9)) is not None
    assert clock.history.standing_still(after(82)) is None


def test_going_on_gives_back_what_was_not_used_and_the_pause_has_spent_nothing() -> None:
    paused = then(a_clock(), begin_pause(a_clock(), PauseReason.FORCE_MAJEURE, after(10), MARAT))
    running = then(paused, end_pause(paused, after(15), MARAT))
    assert running.due_at == after(45)
    assert shown(running) == [("50%", 25), ("-6h", 39), ("breach", 45)]
    assert running.started_at == START, "a pause never shifts the start"


def test_a_pause_that_nobody_ends_is_over_after_its_longest_time() -> None:
    paused = then(a_clock(), begin_pause(a_clock(), PauseReason.AWAITING_APPLICANT, after(10)))
    assert refused(end_pause, paused, after(30)).rule == "clock.not_paused"
    again = begin_pause(paused, PauseReason.AWAITING_APPLICANT, after(31), DANIYAR)
    assert again.due_at == after(40 + 20 + 20), "and the clock may then be paused anew"


def test_a_pause_by_a_moment_needs_no_person_and_begins_only_at_its_own_moment() -> None:
    clock = a_clock()
    rule = pause_by_rule(clock, "case.returned")
    assert rule is not None and rule.reason is PauseReason.AWAITING_APPLICANT
    assert pause_by_rule(clock, "platform.asked") is None
    paused = then(clock, begin_pause(clock, rule.reason, after(10)))
    assert "case.supplied" in rule.ends
    assert then(paused, end_pause(paused, after(12))).due_at == after(42)


def test_a_reason_that_the_rule_does_not_list_stops_no_clock() -> None:
    refusal = refused(begin_pause, a_clock(), PauseReason.MORE_INFO_NEEDED, after(10), MARAT)
    assert refusal.rule == "clock.pause_unlisted"
    assert "reasons its rule lists: awaiting_applicant, force_majeure, court_suspension" in str(refusal)
    assert "only for what its law provides" in refusal.next_step


@pytest.mark.parametrize("reason", list(PauseReason))
def test_a_clock_whose_law_knows_no_pause_is_never_paused(reason: PauseReason) -> None:
    refusal = refused(begin_pause, a_clock(pause=()), reason, after(10), MARAT)
    assert refusal.rule == "clock.pause_unlisted"
    assert "lists: none" in str(refusal)


@pytest.mark.parametrize("person", [AIGERIM, DANIYAR, SYSTEM])
def test_who_may_not_order_a_pause_neither_begins_nor_ends_it(person: Any) -> None:
    refusal = refused(begin_pause, a_clock(), PauseReason.FORCE_MAJEURE, after(10), person)
    assert refusal.rule == "clock.pause_role"
    assert "by head_of_unit" in str(refusal) and person.id in str(refusal)
    paused = then(a_clock(), begin_pause(a_clock(), PauseReason.FORCE_MAJEURE, after(10), MARAT))
    assert refused(end_pause, paused, after(11), person).rule == "clock.pause_role"


def test_a_pause_that_begins_by_itself_only_is_ordered_by_nobody() -> None:
    own = ({**PAUSES[0], "ordered_by": ()},)
    refusal = refused(begin_pause, a_clock(pause=own), PauseReason.AWAITING_APPLICANT, after(10), MARAT)
    assert "nobody: it begins by itself" in str(refusal)


def test_a_clock_that_stands_still_is_not_paused_twice_for_whatever_reason() -> None:
    paused = then(a_clock(), begin_pause(a_clock(), PauseReason.FORCE_MAJEURE, after(10), MARAT))
    for reason in (PauseReason.FORCE_MAJEURE, PauseReason.AWAITING_APPLICANT):
        assert refused(begin_pause, paused, reason, after(11)).rule == "clock.paused"


def test_a_clock_that_runs_cannot_go_on() -> None:
    assert refused(end_pause, a_clock(), after(10), MARAT).rule == "clock.not_paused"


@pytest.mark.parametrize("late", [40, 40.5, 500])
def test_a_pause_cannot_undo_that_the_time_was_up(late: float) -> None:
    refusal = refused(begin_pause, a_clock(), PauseReason.FORCE_MAJEURE, after(late), MARAT)
    assert refusal.rule == "clock.ran_out"
    assert begin_pause(a_clock(), PauseReason.FORCE_MAJEURE, after(39.9), MARAT).due_at > after(40)


def test_what_was_warned_of_before_a_pause_is_not_warned_of_again() -> None:
    warned = replace(a_clock(), fired=1)
    paused = then(warned, begin_pause(warned, PauseReason.FORCE_MAJEURE, after(21), MARAT))
    assert shown(paused) == [("go on", 93), ("-6h", 106), ("breach", 112)]
    running = then(paused, end_pause(paused, after(31), MARAT))
    assert shown(running) == [("-6h", 44), ("breach", 50)]


def test_two_pauses_add_up() -> None:
    clock = a_clock()
    for begins, ends in ((5, 8), (20, 27)):
        clock = then(clock, begin_pause(clock, PauseReason.FORCE_MAJEURE, after(begins), MARAT))
        clock = then(clock, end_pause(clock, after(ends), MARAT))
    assert clock.due_at == after(50)
    assert len(clock.history.standstills) == 2


def test_a_working_clock_is_paused_in_working_time() -> None:
    """Three working days from Wednesday; a pause over Thursday moves the end from Monday to Tuesday."""
    clock = a_clock(limit={"amount": 3, "unit": "working_days"}, warn_at=())
    thursday = datetime(2026, 4, 2, 4, 0, tzinfo=UTC)
    paused = then(clock, begin_pause(clock, PauseReason.FORCE_MAJEURE, thursday, MARAT))
    running = then(paused, end_pause(paused, thursday + timedelta(days=1), MARAT))
    assert clock.due_at == datetime(2026, 4, 6, 13, 30, tzinfo=UTC)
    assert running.due_at == datetime(2026, 4, 7, 13, 30, tzinfo=UTC)


# --- Beginning anew --------------------------------------------------------------------------------------


def test_a_pause_after_which_it_begins_anew_gives_the_whole_time_again() -> None:
    paused = then(a_clock(), begin_pause(a_clock(), PauseReason.COURT_SUSPENSION, after(30), MARAT))
    assert paused.due_at == after(30 + 30 + 40)
    running = then(paused, end_pause(paused, after(40), MARAT))
    assert running.due_at == after(80)
    assert running.started_at == START


def test_after_a_new_beginning_every_warning_comes_again_once() -> None:
    """Also when somebody ends the pause early, and when another pause follows."""
    warned = replace(a_clock(), fired=1)
    paused = then(warned, begin_pause(warned, PauseReason.COURT_SUSPENSION, after(30), MARAT))
    assert shown(paused) == [("go on", 60), ("50%", 80), ("-6h", 94), ("breach", 100)]
    running = then(paused, end_pause(paused, after(40), MARAT))
    assert shown(running) == [("50%", 60), ("-6h", 74), ("breach", 80)]
    halfway = replace(running, fired=running.fired + 1)
    later = then(halfway, begin_pause(halfway, PauseReason.FORCE_MAJEURE, after(62), MARAT))
    later = then(later, end_pause(later, after(64), MARAT))
    assert shown(later) == [("-6h", 76), ("breach", 82)]


def test_a_pause_before_a_warning_that_is_to_come_again_does_not_lose_it() -> None:
    warned = replace(a_clock(), fired=1)
    paused = then(warned, begin_pause(warned, PauseReason.COURT_SUSPENSION, after(30), MARAT))
    running = then(paused, end_pause(paused, after(40), MARAT))
    later = then(running, begin_pause(running, PauseReason.FORCE_MAJEURE, after(50), MARAT))
    later = then(later, end_pause(later, after(51), MARAT))
    assert shown(later) == [("50%", 61), ("-6h", 75), ("breach", 81)]


# --- More time -------------------------------------------------------------------------------------------


def test_more_time_up_to_the_ceiling_and_not_a_minute_past_it() -> None:
    assert extend(a_clock(), after(100), MARAT, REASONS, after(10)).due_at == after(100)
    refusal = refused(extend, a_clock(), after(100) + timedelta(minutes=1), MARAT, REASONS, after(10))
    assert refusal.rule == "clock.extension_ceiling"
    assert "2026-04-05 04:00 UTC at the latest" in str(refusal)
    assert SOURCE["ref"] in str(refusal)


def test_a_ceiling_may_count_from_the_day_of_the_decision() -> None:
    clock = a_clock(extension={**EXTENSION, "counted_from": "grant"})
    assert extend(clock, after(110), MARAT, REASONS, after(10)).due_at == after(110)
    assert refused(extend, clock, after(110.1), MARAT, REASONS, after(10)).rule == "clock.extension_ceiling"


@pytest.mark.parametrize("person", [AIGERIM, DANIYAR, SYSTEM])
def test_only_who_the_rule_names_gives_more_time(person: Any) -> None:
    refusal = refused(extend, a_clock(), after(60), person, REASONS, after(10))
    assert refusal.rule == "clock.extension_role"
    assert f"by head_of_unit; {person.id} may not" in str(refusal)


@pytest.mark.parametrize("reason", ["", "   ", "too much work", " " * 40])
def test_more_time_needs_its_reasons(reason: str) -> None:
    assert refused(extend, a_clock(), after(60), MARAT, reason, after(10)).rule == "clock.extension_reason"


def test_a_clock_whose_law_knows_no_extension_gets_none() -> None:
    assert refused(extend, a_clock(extension=None), after(60), MARAT, REASONS, after(10)).rule == (
        "clock.extension_unknown"
    )


@pytest.mark.parametrize("times", [1, 2])
def test_more_time_is_given_as_often_as_the_rule_says(times: int) -> None:
    clock = a_clock(extension={**EXTENSION, "times": times})
    for number in range(times):
        clock = then(clock, extend(clock, after(50 + 10 * number), MARAT, REASONS, after(10 + number)))
    refusal = refused(extend, clock, after(90), MARAT, REASONS, after(20))
    assert refusal.rule == "clock.extension_times"
    assert f"{times} time(s)" in str(refusal)
    assert clock.due_at == after(40 + 10 * times), "what was granted stays"


@pytest.mark.parametrize("until", [39, 40])
def test_more_time_is_more_time(until: float) -> None:
    assert refused(extend, a_clock(), after(until), MARAT, REASONS, after(10)).rule == "clock.extension_shorter"


@pytest.mark.parametrize("late", [40, 41])
def test_nothing_is_left_to_extend_when_the_time_was_up(late: float) -> None:
    assert refused(extend, a_clock(), after(60), MARAT, REASONS, after(late)).rule == "clock.ran_out"
    assert extend(a_clock(), after(60), MARAT, REASONS, after(39.9)).due_at == after(60)


def test_after_more_time_the_warnings_still_ahead_come_again_once() -> None:
    """Both warnings were given; half of the longer time and six hours before its end are still to come."""
    warned = replace(a_clock(), fired=2)
    longer = then(warned, extend(warned, after(100), MARAT, REASONS, after(36)))
    assert shown(longer) == [("50%", 50), ("-6h", 94), ("breach", 100)]
    assert [mark.level for mark in longer.marks[:2]] == ["50%", "-6h"], "what was acted on stays on the record"
    halfway = replace(longer, fired=3)
    paused = then(halfway, begin_pause(halfway, PauseReason.FORCE_MAJEURE, after(60), MARAT))
    assert shown(then(paused, end_pause(paused, after(62), MARAT)))[0][0] == "-6h"


def test_a_warning_given_whose_new_time_has_passed_too_does_not_come_again() -> None:
    warned = replace(a_clock(), fired=1)
    longer = extend(warned, after(44), MARAT, REASONS, after(30))
    assert shown(longer) == [("-6h", 38), ("breach", 44)], "half of the longer time, 22 hours, has passed as well"


def test_an_extension_is_written_with_its_time_and_reasons() -> None:
    change = extend(a_clock(), after(60), MARAT, REASONS, after(10))
    granted = change.history.extension
    assert granted is not None
    assert (granted.granted_at, granted.until, granted.reason) == (after(10), after(60), REASONS)


# --- What is repeated ------------------------------------------------------------------------------------


def test_the_repeats_after_a_breach_move_with_it() -> None:
    repeat = {"every": hours(12), "at_most": 2}
    clock = a_clock(repeat=repeat)
    assert shown(clock)[2:] == [("breach", 40), ("+1", 52), ("+2", 64)]
    paused = then(clock, begin_pause(clock, PauseReason.FORCE_MAJEURE, after(10), MARAT))
    assert shown(then(paused, end_pause(paused, after(13), MARAT)))[2:] == [("breach", 43), ("+1", 55), ("+2", 67)]
    longer = extend(clock, after(60), MARAT, REASONS, after(10))
    assert shown(longer)[2:] == [("breach", 60), ("+1", 72), ("+2", 84)]

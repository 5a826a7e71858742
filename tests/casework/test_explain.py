"""What the answers to 'why' share: how spans, sources, thresholds and moments are said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from casework.clocks import GO_ON, Threshold
from casework.explain import both, cited, length, level, moment, standing
from tests.casework.explaining import EXPERTS, PLATFORM, REFUSAL, REVIEW, a_clock


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(seconds=-5), "0 min"),
        (timedelta(minutes=59, seconds=59), "59 min"),
        (timedelta(hours=1), "1 h"),
        (timedelta(hours=23, minutes=59), "23 h 59 min"),
        (timedelta(days=1), "1 d"),
        (timedelta(days=2, hours=3, minutes=50), "2 d 3 h"),
    ],
)
def test_a_span_is_told_in_its_two_largest_units(span: timedelta, said: str) -> None:
    assert length(span) == said


def test_a_time_is_told_with_offset_zone_and_utc() -> None:
    before = datetime(2024, 2, 29, 12, 0, tzinfo=UTC)
    assert both(before, "Asia/Almaty") == "2024-02-29 18:00 +06:00 Asia/Almaty (2024-02-29 12:00 UTC)"
    after = before + timedelta(days=1)
    assert both(after, "Asia/Almaty") == "2024-03-01 17:00 +05:00 Asia/Almaty (2024-03-01 12:00 UTC)"


def test_a_source_that_nobody_has_checked_is_never_shown_without_saying_so() -> None:
    assert cited("Act 1", verified=False) == "Act 1 (unverified)"
    assert cited("Act 1", verified=True) == "Act 1 (verified)"


def test_law_law_in_words_and_our_own_target_are_three_things() -> None:
    law, words, own = (a_clock(rule) for rule in (PLATFORM, REFUSAL, REVIEW))
    assert standing(law) == "Set by law."
    assert standing(words) == (
        "Set by law in words: “without undue delay”. The law gives no number;"
        " 3 working days is our own target, not law."
    )
    assert standing(own) == "Our own target, not law."
    assert [clock.number_is_law for clock in (law, words, own)] == [True, False, False]


def test_every_threshold_has_words() -> None:
    at = datetime(2026, 3, 18, tzinfo=UTC)
    said = [level(Threshold(at, code)) for code in ("80%", "-6h", GO_ON, "breach", "+2")]
    assert said == ["warning 80%", "warning -6h", "end of the longest pause", "time is up", "repeat 2"]


def test_every_moment_at_which_a_clock_stops_has_words() -> None:
    for code in (*EXPERTS.stop, "priority.changed", "policy.changed"):
        assert moment(code) != code
    assert moment("a moment of a later version") == "a moment of a later version"

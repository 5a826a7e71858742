"""A local time is one instant, or a sentence says why it is none."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime

import pytest

from casework.local_time import (
    LocalTimeInvalid,
    NoSuchLocalTime,
    TwoSuchLocalTimes,
    ZoneInvalid,
    local_instant,
    place_zone,
)


@pytest.mark.parametrize(
    ("text", "zone", "utc"),
    [
        ("2026-04-15 14:30", "Asia/Almaty", "2026-04-15T09:30"),
        ("2024-02-29 14:30", "Asia/Almaty", "2024-02-29T08:30"),
        (" 2026-04-15T14:30:05 ", "Asia/Almaty", "2026-04-15T09:30:05"),
        ("2026-04-15 14:30+05:00", "Asia/Almaty", "2026-04-15T09:30"),
        ("2026-03-29 01:59", "Europe/Berlin", "2026-03-29T00:59"),
        ("2026-03-29 03:00", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-10-25 01:59", "Europe/Berlin", "2026-10-24T23:59"),
        ("2026-10-25 02:30+02:00", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-10-25 02:30+01:00", "Europe/Berlin", "2026-10-25T01:30"),
        ("2026-10-25 03:00", "Europe/Berlin", "2026-10-25T02:00"),
        ("2026-04-15 14:30Z", "UTC", "2026-04-15T14:30"),
    ],
)
def test_a_local_time_is_read_as_the_instant_it_is(text: str, zone: str, utc: str) -> None:
    found = local_instant(text, zone)
    assert found == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "zone", "told"),
    [
        (
            "2026-03-29 02:30",
            "Europe/Berlin",
            "2026-03-29 02:30:00 does not exist in Europe/Berlin: the clock goes from 2026-03-29 02:00 (+01:00) to "
            "2026-03-29 03:00 (+02:00). Write a time before the one or from the other on",
        ),
        # Half an hour only, on an island in the southern hemisphere.
        (
            "2026-10-04 02:15",
            "Australia/Lord_Howe",
            "2026-10-04 02:15:00 does not exist in Australia/Lord_Howe: the clock goes from 2026-10-04 02:00 (+10:30) "
            "to 2026-10-04 02:30 (+11:00). Write a time before the one or from the other on",
        ),
        # A whole date was skipped.
        (
            "2011-12-30 12:00",
            "Pacific/Apia",
            "2011-12-30 12:00:00 does not exist in Pacific/Apia: the clock goes from 2011-12-30 00:00 (-10:00) to "
            "2011-12-31 00:00 (+14:00). Write a time before the one or from the other on",
        ),
    ],
)
def test_a_time_that_the_clock_skips_is_refused_with_the_jump(text: str, zone: str, told: str) -> None:
    with pytest.raises(NoSuchLocalTime) as refused:
        local_instant(text, zone)
    assert str(refused.value) == told


def test_a_skipped_time_stays_refused_with_an_offset() -> None:
    with pytest.raises(NoSuchLocalTime):
        local_instant("2026-03-29 02:30+01:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "zone", "told"),
    [
        (
            "2026-10-25 02:00",
            "Europe/Berlin",
            "2026-10-25 02:00:00 comes twice in Europe/Berlin: 2026-10-25 02:00:00+02:00 (2026-10-25 00:00 UTC) and "
            "2026-10-25 02:00:00+01:00 (2026-10-25 01:00 UTC). Write the offset that is meant behind it",
        ),
        (
            "2024-02-29 23:30",
            "Asia/Almaty",
            "2024-02-29 23:30:00 comes twice in Asia/Almaty: 2024-02-29 23:30:00+06:00 (2024-02-29 17:30 UTC) and "
            "2024-02-29 23:30:00+05:00 (2024-02-29 18:30 UTC). Write the offset that is meant behind it",
        ),
    ],
)
def test_a_time_that_comes_twice_is_refused_with_both_readings(text: str, zone: str, told: str) -> None:
    with pytest.raises(TwoSuchLocalTimes) as refused:
        local_instant(text, zone)
    assert str(refused.value) == told


def test_a_wrong_offset_is_refused_with_the_right_ones() -> None:
    with pytest.raises(LocalTimeInvalid, match=r"write 2026-04-15 14:30:00\+05:00, or no offset"):
        local_instant("2026-04-15 14:30+06:00", "Asia/Almaty")
    with pytest.raises(LocalTimeInvalid, match=r"write 2026-10-25 02:30:00\+02:00 or 2026-10-25 02:30:00\+01:00"):
        local_instant("2026-10-25 02:30Z", "Europe/Berlin")


@pytest.mark.parametrize("text", ["", "tomorrow", "2026-02-30 10:00", "29.03.2026 10:00", "2026-04-15 24:30"])
def test_what_is_no_date_and_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(LocalTimeInvalid, match="write it as 2026-03-29 14:30"):
        local_instant(text, "Asia/Almaty")


def test_a_date_without_a_time_and_a_year_out_of_reach_are_refused() -> None:
    with pytest.raises(LocalTimeInvalid, match="no time of day: write it as 2026-04-15 14:30"):
        local_instant("2026-04-15", "Asia/Almaty")
    for text in ("0001-01-01 00:00", "9999-12-31 23:59"):
        with pytest.raises(LocalTimeInvalid, match="check the year"):
            local_instant(text, "America/New_York")


@pytest.mark.parametrize(
    "zone",
    [
        "+05:00",
        "UTC+5",
        "GMT",
        "Etc/GMT-5",
        "Etc/UTC",
        "EST",
        "CET",
        "EST5EDT",
        "Zulu",
        "right/Europe/Berlin",
        "",
        "Asia",
    ],
)
def test_an_offset_or_a_fixed_name_is_no_zone(zone: str) -> None:
    """An offset keeps yesterday's rule: Almaty was +06:00 until a government decided otherwise."""
    with pytest.raises(ZoneInvalid, match="name a place, such as Asia/Almaty, never an offset"):
        place_zone(zone)


@pytest.mark.parametrize("zone", ["Asia/Nowhere", "America/Argentina", "../etc/passwd", "Asia/\0"])
def test_a_place_that_nobody_knows_is_refused(zone: str) -> None:
    with pytest.raises(ZoneInvalid, match="knows no such place"):
        place_zone(zone)


def test_utc_itself_is_a_zone() -> None:
    assert place_zone("UTC").key == "UTC"
    assert place_zone("America/Argentina/Buenos_Aires").key == "America/Argentina/Buenos_Aires"


def test_zones_come_from_the_locked_package_and_never_from_the_machine() -> None:
    """Two machines with files of different years would else give one case two due times."""
    assert zoneinfo.TZPATH == ()
    assert local_instant("2026-04-15 14:30", "Asia/Almaty") == datetime(2026, 4, 15, 9, 30, tzinfo=UTC)

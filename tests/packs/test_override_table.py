"""The table of single days: each row is a decision that can be shown, and what is wrong is named by its line."""

from __future__ import annotations

import csv
from datetime import date

import pytest

from casework.limits import Limit, Unit, due_at
from casework.pack_reader import read_pack
from tests.casework.building import NOW, pack_texts, the_pack
from tests.packs.breaking import edited, faults

COLUMNS = "calendar,day,kind,name,hours,source,url,verified_on"
GOOD = ",2026-04-02,closed,Closure,,Decision 4,,2026-03-01"


def table(*rows: str) -> dict[str, str]:
    return pack_texts() | {"overrides.csv": "\n".join([COLUMNS, *rows]) + "\n"}


def test_a_closed_day_of_the_table_is_a_day_on_which_nobody_works() -> None:
    closed = read_pack("kz-ministry", table(GOOD)).working_calendar()
    limit = Limit(1, Unit.WORKING_DAYS)
    assert due_at(limit, NOW, the_pack().working_calendar()).date() == date(2026, 4, 2)
    assert due_at(limit, NOW, closed).date() == date(2026, 4, 3)


def test_a_row_is_for_the_calendar_it_names_and_for_the_first_when_it_names_none() -> None:
    texts = table(GOOD, "night-shift,2026-04-03,open,Night,22:00-24:00,Decision 5,,")
    second = '  - {id: night-shift, zone: Asia/Almaty, country: null, windows: [{opens: "20:00", closes: "24:00"}],\n'
    second += "     covers: [2025, 2026], source: {ref: Internal}}\n"
    texts["calendar"] += second
    pack = read_pack("kz-ministry", texts)
    assert set(pack.working_calendar().overrides) == {date(2026, 4, 2)}
    assert set(pack.working_calendar("night-shift").overrides) == {date(2026, 4, 3)}


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (",2026-04-02,closed,Closure,,,,", "2026-04-02 has no source: name the decision"),
        (",2026-04-02,closed,Closure,,  ,,", "2026-04-02 has no source: name the decision"),
        (",2026-02-30,closed,Closure,,D,,", "day must be a date that exists, like 2026-05-28, not '2026-02-30'"),
        (",soon,closed,Closure,,D,,", "day must be a date that exists, like 2026-05-28, not 'soon'"),
        (",,closed,Closure,,D,,", "day must be a date that exists, like 2026-05-28, not ''"),
        (GOOD[:-10] + "yesterday", "verified_on must be a date that exists, like 2026-05-28, not 'yesterday'"),
        (",2026-04-02,half,Closure,,D,,", "kind must be closed or open, not 'half'"),
        (",2026-04-02,closed,,,D,,", "2026-04-02 needs a name of at most 120 letters"),
        (",2026-04-02,open,Half day,9-13,D,,", "hours must read like 09:00-13:00 14:00-17:00, not '9-13'"),
        (
            ",2026-04-02,open,Half day,25:00-26:00,D,,",
            "hours must read like 09:00-13:00 14:00-17:00, not '25:00-26:00'",
        ),
        (",2026-04-02,closed,Half day,09:00-13:00,D,,", "2026-04-02 is closed and has hours: a half day is open"),
        (",2026-04-02,closed", "the row has not 8 columns"),
        (GOOD + ",and more", "the row has not 8 columns"),
        (
            ",2031-05-28,closed,Closure,,D,,",
            "2031-05-28 lies outside the years that calendar 'kz-ministry' covers, 2024 to 2027",
        ),
        ("nowhere,2026-04-02,closed,Closure,,D,,", "calendar 'nowhere' is not in calendar.yaml"),
        (",2026-04-01,open,Again,,D,,", "calendar 'kz-ministry' has two overrides for 2026-04-01"),
    ],
)
def test_a_row_that_cannot_be_used_is_named_by_its_line(row: str, said: str) -> None:
    """It follows a good row whose quoted name takes two lines."""
    assert faults(table(',2026-04-01,closed,"Two\nlines",,D,,', row)) == [f"kz-ministry/overrides.csv:4: {said}"]


def test_a_row_of_several_lines_is_named_by_the_first_of_them() -> None:
    assert faults(table(GOOD, ',2026-04-03,half,"Three\nlines\nlong",,D,,')) == [
        "kz-ministry/overrides.csv:3: kind must be closed or open, not 'half'"
    ]


def test_a_day_in_both_the_table_and_the_calendar_file_is_refused() -> None:
    here = "overrides: [{day: 2026-04-02, kind: closed, name: Closure, source: {ref: Decision 4}}]"
    texts = edited(table(GOOD), "calendar", "", "overrides: []", here)
    said = "kz-ministry/overrides.csv:2: calendar 'kz-ministry' has two overrides for 2026-04-02"
    assert faults(texts) == [said]


@pytest.mark.parametrize("heading", ["day,kind", COLUMNS.replace("source", "reference"), COLUMNS.replace(",", ";")])
def test_a_table_with_other_columns_is_refused_and_the_right_ones_are_named(heading: str) -> None:
    found = faults(pack_texts() | {"overrides.csv": f"{heading}\n{GOOD}\n"})
    assert found == [f"kz-ministry/overrides.csv:1: the columns must be {COLUMNS.replace(',', ', ')}"]


def test_every_bad_row_is_named_at_once() -> None:
    found = faults(table(GOOD, ",soon,closed,X,,D,,", "nowhere,2026-04-02,closed,X,,D,,", ",2026-04-03,open,X,9,D,,"))
    assert {fault.split(":")[1] for fault in found} == {"3", "4", "5"}
    assert len(found) == 3


def test_a_table_that_a_spreadsheet_saved_with_its_mark_is_read() -> None:
    pack = read_pack("kz-ministry", pack_texts() | {"overrides.csv": f"\ufeff{COLUMNS}\r\n{GOOD}\r\n"})
    assert set(pack.working_calendar().overrides) == {date(2026, 4, 2)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("overrides: []", "overrides:"),
        ("overrides: []", "overrides: none"),
        ("overrides: []", "overrides: [soon]"),
        ("covers: [2024, 2025, 2026, 2027]", "covers: soon"),
        ("- id: kz-ministry", "- id: [kz-ministry]"),
        ("\ncalendars:", "\ncalendars: none\nformerly:"),
    ],
)
def test_a_calendar_file_that_is_wrong_itself_is_what_is_named(old: str, new: str) -> None:
    found = faults(edited(table(GOOD), "calendar", "", old, new))
    assert {fault.split(":")[0] for fault in found} == {"kz-ministry/calendar.yaml"}


def test_the_table_may_end_its_lines_as_any_computer_does() -> None:
    for ending in ("\n", "\r\n", "\r"):
        texts = pack_texts() | {"overrides.csv": ending.join([COLUMNS, GOOD, ""])}
        assert set(read_pack("kz-ministry", texts).working_calendar().overrides) == {date(2026, 4, 2)}


def test_what_is_no_table_is_refused_with_its_line() -> None:
    before = csv.field_size_limit(1_000)
    try:
        said = faults(table(GOOD, f",2026-04-02,closed,{'x' * 1_001},,D,,"))
    finally:
        csv.field_size_limit(before)
    assert said == ["kz-ministry/overrides.csv:3: cannot be read as a table: field larger than field limit (1000)"]

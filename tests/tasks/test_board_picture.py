"""The board's picture is one small SVG with nothing in it that leads anywhere."""

from __future__ import annotations

from base64 import b64decode
from datetime import timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

from casework.vocabulary import OPEN_STATUSES, Lane
from tasks.board_picture import COLOURS, Counted, picture, picture_address
from tests.stories import START

ALMATY = ZoneInfo("Asia/Almaty")


def week(hours: int = 168) -> list[Counted]:
    """Hourly counts of every stage in both lanes, the last of them a minute before the start."""
    end = START - timedelta(minutes=1)
    return [
        (end - timedelta(hours=hours - hour), status.value, lane.value, 10 + (hour * place) % 17)
        for hour in range(hours)
        for place, status in enumerate(sorted(OPEN_STATUSES), start=1)
        for lane in Lane
    ]


def test_every_stage_of_an_open_case_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == OPEN_STATUSES
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_it_shows_both_lanes_every_stage_and_the_days() -> None:
    drawn = picture(week(), START, ALMATY)
    texts = [node.text for node in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in texts if text and text.endswith("cases")] == ["Children's cases", "Routine cases"]
    assert {status.value.replace("_", " ") for status in OPEN_STATUSES} <= set(texts)
    assert texts.count("18 Mar") == 2, "midnight of the authority's zone, in both lanes"


def test_it_is_small_enough_to_be_written_every_minute_and_refers_to_nothing() -> None:
    address = picture_address(week(), START, ALMATY)
    assert len(address) < 80_000
    head, _, body = address.partition(",")
    assert head == "data:image/svg+xml;base64"
    drawn = b64decode(body).decode()
    assert drawn == picture(week(), START, ALMATY)
    assert not [mark for mark in ("href", "<script", "url(", "@import", "<image") if mark in drawn]


def test_there_is_no_picture_before_there_are_two_counts() -> None:
    assert picture_address([], START, ALMATY) == ""
    assert picture_address(week(hours=1), START, ALMATY) == ""


def test_hours_in_which_nobody_counted_leave_a_straight_line_and_no_error() -> None:
    holes = [row for row in week() if not 30 < (START - row[0]) / timedelta(hours=1) < 90]
    assert picture(holes, START, ALMATY).count("<path fill") == 2 * len(OPEN_STATUSES)

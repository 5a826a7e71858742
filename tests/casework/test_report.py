"""A report is read field by field; what cannot be used is named, and its value never repeated."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.errors import ReportRefused
from casework.report import MAX_LINKS, Report, is_media, read_report
from casework.vocabulary import AgeBand, HoldReason
from tests.casework.building import NOW

LINK = "https://tiktok.example/@practice/video/1"
CANARY = "Zhanbolat-secret-7731"
"""Planted in a bad field; it may be a child's name, so no message may repeat it."""


def read(**fields: Any) -> Report:
    return read_report({"links": [LINK], **fields}, NOW)


def refusal(**fields: Any) -> ReportRefused:
    with pytest.raises(ReportRefused) as refused:
        read(**fields)
    return refused.value


def test_a_link_alone_is_a_report() -> None:
    report = read()
    assert [item.url for item in report.all_items()] == [LINK]
    assert (report.age_band, report.category) == (AgeBand.UNKNOWN, "unclassified")


# --- Dates -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "2026-03-18T09:00:00",
        "2026-03-18 09:00",
        "2026-03-18",
        "18.03.2026 09:00",
        "yesterday at 10:00",
        "",
        "2026-02-30T09:00:00+05:00",
        "2026-03-18T25:00:00+05:00",
        True,
        [],
        {},
        1e999,
        float("nan"),
        -99999999999999999999,
    ],
)
def test_a_date_that_leaves_the_instant_open_is_held_as_a_bad_date(value: Any) -> None:
    assert refusal(observed_at=value).reason == HoldReason.BAD_DATE
    in_item = refusal(links=[], items=[{"url": LINK, "observed_at": value}])
    assert in_item.reason == HoldReason.BAD_DATE
    assert "items.0.observed_at" in in_item.message


@pytest.mark.parametrize("value", [20260318, "20260318", "1774000000", 1774000000, 0, 1.5])
def test_a_bare_number_is_never_taken_for_seconds_since_1970(value: Any) -> None:
    assert refusal(observed_at=value).reason == HoldReason.BAD_DATE


@pytest.mark.parametrize("year", ["0001-01-01T00:00:00+05:00", "1989-12-31T23:59:59+00:00"])
def test_a_date_before_there_was_anything_to_see_is_held(year: str) -> None:
    assert refusal(observed_at=year).reason == HoldReason.BAD_DATE


def test_the_future_begins_one_second_after_now() -> None:
    assert read(observed_at=NOW.isoformat()).observed_at == NOW
    late = refusal(observed_at=(NOW + timedelta(seconds=1)).isoformat())
    assert (late.reason, late.message) == (HoldReason.BAD_DATE, "field 'observed_at' lies in the future")


def test_the_future_is_judged_by_the_instant_and_not_by_the_wall_clock() -> None:
    almaty_wall = "2026-04-01T10:59:00+05:00"
    assert read(observed_at=almaty_wall).observed_at == datetime(2026, 4, 1, 5, 59, tzinfo=UTC)
    assert refusal(observed_at="2026-04-01T06:01:00+00:00").reason == HoldReason.BAD_DATE


def test_a_bare_link_was_seen_when_the_report_says_and_an_item_when_it_says_itself() -> None:
    report = read(
        observed_at="2026-03-30T10:00:00+05:00",
        items=[{"url": LINK + "2", "observed_at": "2026-03-31T10:00:00+05:00"}, {"url": LINK + "3"}],
    )
    seen = [item.observed_at.day for item in report.all_items() if item.observed_at]
    assert seen == [31, 30, 30]


# --- Fields outside their bounds -------------------------------------------------------------------------

BAD_FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("age_band", {"age_band": CANARY}),
    ("category", {"category": f"Bad Category {CANARY}"}),
    ("category", {"category": CANARY + "x" * 64}),
    ("language", {"language": f"{CANARY}!"}),
    ("indicators.0", {"indicators": [f"{CANARY} !"]}),
    ("indicators", {"indicators": CANARY}),
    ("ground", {"ground": CANARY}),
    ("requested_action", {"requested_action": CANARY}),
    ("territories.0", {"territories": [CANARY]}),
    ("channel", {"channel": CANARY}),
    ("anonymous", {"anonymous": CANARY}),
    ("quote", {"quote": CANARY * 1000}),
    ("description", {"description": {"text": CANARY}}),
    ("links", {"links": CANARY}),
    ("links.0", {"links": [CANARY * 300]}),
    ("links.0", {"links": [{"url": CANARY}]}),
    ("items.0.url", {"items": [{"link": CANARY}]}),
    ("items.0", {"items": [CANARY]}),
    ("reporter.email", {"reporter": {"email": CANARY * 20}}),
    ("reporter.email", {"reporter": {"email": f"a@b.example\nBcc: {CANARY}@c.example"}}),
    ("reporter.is_child", {"reporter": {"is_child": CANARY}}),
    ("reporter", {"reporter": CANARY}),
    ("victim.name", {"victim": {"name": CANARY * 20}}),
    ("attachments.0.filename", {"attachments": [{"name": CANARY}]}),
    ("attachments.0.sha256", {"attachments": [{"filename": "a.pdf", "sha256": CANARY}]}),
    ("legal_basis.0", {"legal_basis": [CANARY * 20]}),
    ("quote", {"quote": f"{CANARY}\ud800"}),
]
BAD_DATES = [("observed_at", {"observed_at": CANARY}), ("observed_at", {"observed_at": f"{CANARY} 10:00"})]


@pytest.mark.parametrize(("field", "fields"), BAD_FIELDS)
def test_a_bad_field_is_named_and_its_value_is_not_repeated(field: str, fields: dict[str, Any]) -> None:
    refused = refusal(**fields)
    assert refused.reason == HoldReason.BAD_FIELD
    assert f"'{field}'" in refused.message
    assert CANARY not in str(refused)
    assert refused.next_step


@pytest.mark.parametrize(("field", "fields"), BAD_DATES)
def test_a_bad_date_is_named_and_its_value_is_not_repeated(field: str, fields: dict[str, Any]) -> None:
    refused = refusal(**fields)
    assert f"'{field}'" in refused.message
    assert CANARY not in str(refused)


@pytest.mark.parametrize("field", ["links", "items"])
def test_more_links_than_one_report_may_carry_are_held(field: str) -> None:
    many: list[Any] = [f"{LINK}{number}" for number in range(MAX_LINKS + 1)]
    if field == "items":
        many = [{"url": url} for url in many]
    assert refusal(**{field: many}).reason == HoldReason.BAD_FIELD
    assert len(getattr(read(**{field: many[:-1]}), field)) == MAX_LINKS


def test_an_unknown_field_is_named_and_sinks_no_report() -> None:
    report = read(platfrom="tiktok", all_items="x", reporter={"name": "Aliya", "shoe_size": 37})
    assert report.unread_fields() == ("all_items", "platfrom")
    assert len(report.all_items()) == 1


@pytest.mark.parametrize(
    "markup", ["{{ 7*7 }}", "{% for x in y %}", "<script>alert(1)</script>", "${jndi:x}", "%s %(a)s"]
)
def test_markup_in_a_text_is_kept_as_the_plain_text_it_is(markup: str) -> None:
    report = read(description=markup, quote=markup, reporter={"name": markup})
    assert (report.description, report.quote, report.reporter.name) == (markup, markup, markup)


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
@pytest.mark.parametrize("field", ["name", "phone"])
def test_no_line_break_in_a_name_can_begin_a_new_header(field: str, break_: str) -> None:
    report = read(reporter={field: f"Aliya{break_}Bcc: all@x.example"}, victim={field: f"A{break_}B"})
    assert getattr(report.reporter, field) == "Aliya Bcc: all@x.example"
    assert getattr(report.victim, field) == "A B"


@given(
    st.dictionaries(
        st.sampled_from([*Report.model_fields, "text", "x"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=6,
        ),
        max_size=6,
    )
)
def test_whatever_the_fields_hold_the_answer_is_a_report_or_a_reason(fields: dict[str, Any]) -> None:
    try:
        answer = json.dumps(read_report(fields, NOW).unread_fields())
    except ReportRefused as refused:
        answer = refused.reason
    assert answer.startswith("[") or answer in (HoldReason.BAD_FIELD, HoldReason.BAD_DATE)


# --- Media -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("media_type", ["image/jpeg", "IMAGE/PNG", "video/mp4", "audio/ogg", "application/zip"])
def test_media_is_known_by_its_type(media_type: str) -> None:
    assert is_media("note.txt", media_type)


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "b.HeiC", "c.mp4", "voice.ogg", "all.zip", "x.tar.gz", "d.svg"])
def test_media_is_known_by_the_ending_of_its_name(name: str) -> None:
    assert is_media(name, "application/octet-stream")


@pytest.mark.parametrize(
    "head",
    [
        b"\xff\xd8\xff\xe0", b"\x89PNG\r\n", b"GIF89a", b"RIFF....WEBP", b"PK\x03\x04", b"Rar!\x1a", b"\x1f\x8b\x08",
        b"\x00\x00\x00\x18ftypmp42", b"\x00\x00\x00\x1cftypisom", b"\x00\x00\x00 ftypheic", b"\x1aE\xdf\xa3",
        b"ID3\x04", b"OggS", b"II*\x00", b"MM\x00*",
    ],
)  # fmt: skip
def test_media_under_a_harmless_name_is_known_by_its_first_bytes(head: bytes) -> None:
    assert is_media("letter.pdf", "application/pdf", head)


@pytest.mark.parametrize(
    ("name", "media_type", "head"),
    [
        ("letter.pdf", "application/pdf", b"%PDF-1.7"),
        ("note.txt", "text/plain", b"Dear unit"),
        ("gif", "text/plain", b""),
    ],
)
def test_a_document_is_no_media(name: str, media_type: str, head: bytes) -> None:
    assert not is_media(name, media_type, head)


def test_a_report_counts_the_media_it_came_with_and_not_its_documents() -> None:
    attachments = [
        {"filename": "a.jpg"},
        {"filename": "b", "media_type": "video/mp4"},
        {"filename": "c.bin", "media": True},
        {"filename": "decision.pdf", "media_type": "application/pdf"},
    ]
    assert read(attachments=attachments).refused_media == 3

"""Tables and JSON as people really send them: every row is read, or held with its reason, and none is lost."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casework.errors import ReportRefused
from casework.report import MAX_RAW_BYTES
from casework.report_formats import CSV_COLUMNS, RawReport, decode, fields_of, split_file
from casework.vocabulary import HoldReason

LINK = "https://vk.example/wall-1_1"
CANARY = "Zhanbolat-secret-7731"
WORDS = "Қорқыту: балаға қауіп төніп тұр. Угроза ребёнку в комментариях."
RUSSIAN = "Угроза ребёнку в комментариях"


def split(name: str, data: bytes | str, encoding: str = "utf-8") -> list[RawReport]:
    return list(split_file(name, data if isinstance(data, bytes) else data.encode(encoding)))


def rows(name: str, data: bytes | str, encoding: str = "utf-8") -> list[dict[str, Any]]:
    return [fields_of(raw) for raw in split(name, data, encoding)]


def held(raw: RawReport) -> ReportRefused:
    with pytest.raises(ReportRefused) as refused:
        fields_of(raw)
    return refused.value


def held_whole(name: str, data: bytes | str) -> ReportRefused:
    """The file is one raw report, kept byte for byte, with one reason."""
    (raw,) = split(name, data)
    assert raw.raw == (data if isinstance(data, bytes) else data.encode())
    return held(raw)


# --- JSON ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ['{"links": [', "not json", '{"a":}', "{'a': 1}", '{"a" 1}', f'{{"name": {CANARY}'])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.txt", "A.JSON"])
def test_malformed_json_is_held_as_such_and_not_repeated(name: str, text: str) -> None:
    refused = held_whole(name, text)
    assert refused.reason == HoldReason.MALFORMED
    assert CANARY not in str(refused)
    assert refused.next_step


@pytest.mark.parametrize("text", ["[1, 2]", '"words"', "17", "null", "true"])
def test_a_line_that_is_no_object_is_no_report(text: str) -> None:
    (raw,) = split("a.jsonl", text)
    assert held(raw).reason == HoldReason.MALFORMED


def test_one_bad_line_holds_up_no_other_line() -> None:
    raws = split("a.jsonl", f'{{"links":["{LINK}"]}}\n{{broken\n\n{{"links":["{LINK}2"]}}\r\n')
    assert [raw.row for raw in raws] == [1, 2, 4]
    assert held(raws[1]).reason == HoldReason.MALFORMED
    assert [fields_of(raws[index])["links"] for index in (0, 2)] == [[LINK], [f"{LINK}2"]]


def test_a_list_of_reports_becomes_one_report_an_element_bad_ones_too() -> None:
    raws = split("a.json", json.dumps([{"quote": WORDS}, 5, {"quote": "2"}]))
    assert [raw.row for raw in raws] == [1, 2, 3]
    assert fields_of(raws[0])["quote"] == WORDS
    assert held(raws[1]).reason == HoldReason.MALFORMED


@pytest.mark.parametrize("opening", ["[", '{"a":', '[{"a":'])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl"])
def test_nesting_without_end_is_held_and_breaks_nothing(name: str, opening: str) -> None:
    assert held_whole(name, opening * 100_000).reason == HoldReason.MALFORMED


def test_a_key_that_stands_twice_loses_nothing_of_what_is_stored() -> None:
    """The last one counts; the raw report, stored first, keeps both for whoever looks."""
    (raw,) = split("a.jsonl", f'{{"links":["{LINK}"],"quote":"first","quote":"second"}}')
    assert fields_of(raw)["quote"] == "second"
    assert b"first" in raw.raw


@pytest.mark.parametrize("number", ["1" * 5000, "-" + "9" * 100_000])
def test_a_number_of_thousands_of_digits_is_held(number: str) -> None:
    assert held_whole("a.jsonl", f'{{"n": {number}}}').reason == HoldReason.MALFORMED


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "12345678901234567890123"])
def test_a_number_beyond_bounds_is_read_and_left_to_its_field(number: str) -> None:
    assert "n" in rows("a.jsonl", f'{{"n": {number}}}')[0]


@pytest.mark.parametrize(
    "document",
    [
        {"quote": f"{CANARY}\x00"},
        {"reporter": {"name": f"{CANARY}\x00"}},
        {"links": [LINK, f"{LINK}\x00"]},
        {"items": [{"url": LINK, "note": [{"deep": "\x00"}]}]},
        {"key\x00": 1},
    ],
)
def test_nul_bytes_anywhere_in_a_report_are_held(document: dict[str, Any]) -> None:
    (raw,) = split("a.jsonl", json.dumps(document))
    refused = held(raw)
    assert refused.reason == HoldReason.NUL_BYTES
    assert CANARY not in str(refused)


def test_a_raw_nul_is_held_with_its_bytes_kept() -> None:
    assert held_whole("a.json", b'{"a": "\x00"}').reason == HoldReason.NUL_BYTES


# --- Size ------------------------------------------------------------------------------------------------


@cache
def fifty_megabytes() -> bytes:
    return b"x" * 50_000_000


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv", "a.txt"])
def test_a_line_of_fifty_megabytes_is_held_at_once_and_not_repeated(name: str) -> None:
    began = time.monotonic()
    (raw,) = split(name, fifty_megabytes())
    refused = held(raw)
    assert time.monotonic() - began < 10
    assert refused.reason == HoldReason.TOO_LARGE
    assert "50,000,000" in str(refused)
    assert len(str(refused)) < 300
    assert "xxx" not in str(refused)


@pytest.mark.parametrize(("extra", "too_large"), [(0, False), (1, True)])
def test_the_bound_of_one_report_is_exact(extra: int, too_large: bool) -> None:
    frame = len(b'{"quote":""}')
    raw = RawReport("a.jsonl", 1, "jsonl", b'{"quote":"' + b"y" * (MAX_RAW_BYTES - frame + extra) + b'"}')
    if too_large:
        assert held(raw).reason == HoldReason.TOO_LARGE
    else:
        assert len(fields_of(raw)["quote"]) == MAX_RAW_BYTES - frame


def test_a_large_file_of_small_reports_is_read() -> None:
    line = json.dumps({"links": [LINK], "quote": "y" * 1000})
    assert len(rows("a.jsonl", "\n".join([line] * 2_000))) == 2_000


# --- Encodings -------------------------------------------------------------------------------------------

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "cp1251", "koi8-r"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_cyrillic_survives_every_usual_encoding_in_every_format(encoding: str) -> None:
    line = json.dumps({"links": [LINK], "quote": RUSSIAN}, ensure_ascii=False)
    assert rows("a.json", f"[{line}]", encoding)[0]["quote"] == RUSSIAN
    assert [row["quote"] for row in rows("a.jsonl", f"{line}\n{line}\n", encoding)] == [RUSSIAN, RUSSIAN]
    table = rows("a.csv", f"url;quote\n{LINK};{RUSSIAN}\n", encoding)
    assert table == [{"links": [LINK], "quote": RUSSIAN}]


@pytest.mark.parametrize("byte_order", ["utf-16-le", "utf-16-be"])
def test_utf_16_in_either_byte_order_is_read_by_its_mark(byte_order: str) -> None:
    assert decode(("\ufeff" + WORDS).encode(byte_order)) == WORDS


def test_utf_16_without_its_mark_is_held_and_not_guessed() -> None:
    assert held_whole("a.json", '{"a": 1}'.encode("utf-16-le")).reason == HoldReason.NUL_BYTES


def test_kazakh_letters_are_read_as_they_are() -> None:
    assert rows("a.csv", f"url,quote\n{LINK},{WORDS}\n", "utf-8-sig")[0]["quote"] == WORDS


@given(st.binary(max_size=300), st.sampled_from(["a.json", "a.jsonl", "a.csv", "a.eml"]))
def test_any_bytes_at_all_are_read_or_held_for_a_reason(data: bytes, name: str) -> None:
    for raw in split(name, data):
        try:
            answer = type(fields_of(raw)).__name__
        except ReportRefused as refused:
            answer = refused.reason
        assert answer in ("dict", *HoldReason)


# --- Tables ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", [f"link,quote\n{LINK},x\n", f"{LINK},{CANARY}\n", "", "\n\n", "ссылка;текст\nа;б\n", "urls,quote\na,b\n"]
)
def test_a_table_with_a_wrong_header_is_held_whole_and_told_the_columns(text: str) -> None:
    refused = held_whole("a.csv", text)
    assert refused.reason == HoldReason.WRONG_HEADER
    assert all(column in refused.next_step for column in CSV_COLUMNS)
    assert CANARY not in str(refused)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_commas_or_semicolons_and_any_line_end_make_a_table(delimiter: str, end: str) -> None:
    text = end.join([delimiter.join(["URL", " Quote "]), delimiter.join([LINK, "one"]), delimiter.join([LINK, "two"])])
    assert [row["quote"] for row in rows("a.csv", text)] == ["one", "two"]


def test_commas_inside_a_table_of_semicolons_divide_nothing() -> None:
    assert rows("a.csv", f"url;quote\n{LINK};one, two, three\n")[0]["quote"] == "one, two, three"


def test_a_cell_may_hold_several_lines_and_quotation_marks() -> None:
    text = f'url,quote\n{LINK},"first line\nsecond ""line"""\n{LINK},next\n'
    assert [row["quote"] for row in rows("a.csv", text)] == ['first line\nsecond "line"', "next"]


@pytest.mark.parametrize("row", [f"{LINK}", f"{LINK},a,{CANARY}"])
def test_a_row_of_another_length_than_its_header_is_held_alone(row: str) -> None:
    raws = split("a.csv", f"url,quote\n{row}\n{LINK},good\n")
    refused = held(raws[0])
    assert refused.reason == HoldReason.MALFORMED
    assert CANARY not in str(refused)
    assert fields_of(raws[1])["quote"] == "good"


def test_a_nul_in_one_row_holds_up_no_other_row() -> None:
    raws = split("a.csv", f"url,quote\n{LINK},good\n{LINK},bad\x00\n{LINK},good too\n")
    assert [fields_of(raws[index])["quote"] for index in (0, 2)] == ["good", "good too"]
    assert held(raws[1]).reason == HoldReason.NUL_BYTES


def test_a_stored_row_can_be_read_again_from_its_own_bytes_and_header() -> None:
    (raw,) = split("a.csv", f"url;quote\n{LINK};one\ntwo\n".replace("one\ntwo", '"one\ntwo"'))
    replayed = RawReport(raw.source, raw.row, raw.format, raw.raw, raw.header)
    assert fields_of(replayed) == {"links": [LINK], "quote": "one\ntwo"}


def test_a_row_that_is_no_row_is_held_and_not_raised() -> None:
    assert held(RawReport("a.csv", 2, "csv", b"a\nb", ("url",))).reason == HoldReason.MALFORMED


def test_empty_rows_are_no_reports() -> None:
    assert len(rows("a.csv", f"url,quote\n\n,\n , \n{LINK},x\n")) == 1


def test_a_cell_with_several_links_is_several_links() -> None:
    assert rows("a.csv", f"url,quote\n{LINK} {LINK}2\t{LINK}3,x\n")[0]["links"] == [LINK, f"{LINK}2", f"{LINK}3"]


def test_lists_and_the_reporter_are_taken_out_of_their_columns() -> None:
    text = (
        "url,indicators,legal_basis,anonymous,reporter_name,reporter_is_child\n"
        f"{LINK},sextortion; repeat_victim ;,kz.order_562,yes,Aliya,TRUE\n"
        f"{LINK},,,no,,\n"
    )
    first, second = rows("a.csv", text)
    assert first["indicators"] == ["sextortion", "repeat_victim"]
    assert first["legal_basis"] == ["kz.order_562"]
    assert first["anonymous"] is True
    assert first["reporter"] == {"name": "Aliya", "is_child": True}
    assert second == {"links": [LINK], "anonymous": False}

"""Reports of every format: read, or held with a reason; never lost, and never a fault of ours."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from sqlalchemy import func, select

from casework.errors import ReportRefused
from casework.letter_reader import read_letter
from casework.link_finder import find_links
from casework.links import LinkRefused, read_link
from casework.policy_pack import Pack
from casework.report_formats import RawReport, split_file
from db.tables import Report
from tasks.inbox import take_in_inbox
from tasks.intake import take_in
from tasks.intake_reading import read_raw
from tasks.runtime import load_pack
from tasks.settings import POLICIES
from tests.fuzz.material import (
    CSV,
    FILES,
    LINES,
    LIST,
    MAIL,
    as_json,
    fuzzed,
    read_or_refused,
    report_fields,
    spoiled,
    texts,
    values,
)
from tests.stories import INTAKE, START, Story


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load_pack(POLICIES / "kz-ministry")


def sound(raw: RawReport, pack: Pack) -> bool:
    """Whether a report is read with a link, or refused in a sentence; any other error is a fault of ours."""
    found = read_or_refused(lambda: read_raw(raw, START, pack), ReportRefused)
    return found is None or bool(found.items)


@fuzzed(name=st.sampled_from(sorted(FILES)), data=st.binary(max_size=400))
def test_bytes_at_random_are_split_and_held(pack: Pack, name: str, data: bytes) -> None:
    assert all(sound(raw, pack) for raw in split_file(name, data))


@fuzzed(data=spoiled([LINES, LIST, CSV, MAIL]), name=st.sampled_from(sorted(FILES)))
def test_spoiled_files_are_read_or_held_under_any_ending(pack: Pack, name: str, data: bytes) -> None:
    assert all(sound(raw, pack) for raw in split_file(name, data))


@fuzzed(fields=report_fields())
def test_any_value_in_any_field_is_read_or_held(pack: Pack, fields: dict[str, Any]) -> None:
    assert sound(RawReport("a.jsonl", 1, "jsonl", as_json(fields)), pack)


@fuzzed(value=values)
def test_any_json_is_read_or_held(pack: Pack, value: Any) -> None:
    assert all(sound(raw, pack) for raw in split_file("a.json", as_json(value)))


@fuzzed(text=st.one_of(texts, st.lists(texts, max_size=5).map(" https://x.example/".join)))
def test_any_text_is_searched_for_links_and_any_link_is_read_or_refused(text: str) -> None:
    found = find_links(text)
    read_letter(text)
    assert all(read_link(one.link.canonical).key == one.link.key for one in found.links), "an item keeps its key"
    with suppress(LinkRefused):
        assert read_link(text).canonical


@fuzzed(share=6, data=spoiled([LINES, LIST, CSV, MAIL]), name=st.sampled_from(sorted(FILES)))
def test_what_was_split_is_stored_one_row_each_whatever_stands_in_it(story: Story, name: str, data: bytes) -> None:
    """On both databases: what one stores and the other refuses must not sink a batch."""
    with story.runtime.sessions.read() as session:
        before = session.scalar(select(func.count()).select_from(Report)) or 0
    raws = list(split_file(name, data))
    results = take_in(story.runtime, raws, INTAKE)
    with story.runtime.sessions.read() as session:
        stored = (session.scalar(select(func.count()).select_from(Report)) or 0) - before
    assert len(raws) == len(results) == stored
    assert all(result.state in ("case", "duplicate", "held") for result in results)


@fuzzed(share=6, fields=report_fields())
def test_any_field_that_is_read_can_be_stored(story: Story, fields: dict[str, Any]) -> None:
    [result] = take_in(story.runtime, [RawReport("a.jsonl", 1, "jsonl", as_json(fields))], INTAKE)
    assert result.state in ("case", "duplicate", "held")


@pytest.mark.parametrize("name", [b"\xff\xfe report.jsonl", "отчёт.jsonl".encode(), b"a\nb.jsonl", b"=1+1.csv"])
def test_a_file_of_any_name_is_taken_in_and_gone_from_the_inbox(story: Story, name: bytes) -> None:
    inbox = story.runtime.settings.inbox
    inbox.mkdir(exist_ok=True)
    path = bytes(inbox) + b"/" + name
    with open(path, "wb") as file:  # noqa: PTH123  a name that is no text
        file.write(LINES)
    results = [result for batch in take_in_inbox(story.runtime) for result in batch]
    assert results
    assert [found for found in Path(inbox).rglob("*") if found.is_file()] == []

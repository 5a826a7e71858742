"""The practice reports are many, harmless, and hold what people really send."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from casework.errors import ReportRefused
from casework.link_finder import find_links
from casework.links import Link, LinkRefused, read_link
from casework.pack_reader import read_pack
from casework.policy_pack import Pack
from casework.priority import PriorityFacts, assess
from casework.report import Report, read_report
from casework.report_formats import RawReport, fields_of, split_file
from casework.vocabulary import HoldReason, Priority, Role

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples"
RESERVED = re.compile(r"(?:^|\.)(?:example|test|invalid)$|(?:^|\.)example\.(?:com|net|org)$")
NOW = datetime.fromisoformat("2026-03-18T09:00:00+05:00")
FIRST_DAY = datetime.fromisoformat("2026-03-12T00:00:00+05:00")

HOSTILE_HEADERS = "header-injection-en.eml"
HELD = {
    ("cut-off.json", 1): HoldReason.MALFORMED,
    ("wrong-header.csv", 1): HoldReason.WRONG_HEADER,
    ("monitoring.jsonl", 15): HoldReason.MALFORMED,
    ("monitoring.jsonl", 18): HoldReason.BAD_DATE,
    ("hotline.json", 15): HoldReason.BAD_DATE,
    ("hotline.json", 21): HoldReason.NUL_BYTES,
    ("hotline.json", 22): HoldReason.BAD_FIELD,
    ("school.csv", 11): HoldReason.BAD_DATE,
    ("school.csv", 13): HoldReason.MALFORMED,
}
WITHOUT_LINK = {("school.csv", 12), ("no-link-kk.eml", 1)}
BAD_LINKS = {("monitoring.jsonl", 19): "link.scheme", ("hotline.json", 14): "link.credentials"}


@dataclass(frozen=True)
class Handed:
    """One practice report, where it stands, and what its file's text links to."""

    where: tuple[str, int]
    raw: RawReport
    report: Report
    text: str

    @property
    def urls(self) -> tuple[str, ...]:
        found = find_links(self.text)
        return (*(i.url for i in self.report.all_items()), *(f.link.original for f in found.links))


@cache
def raw_reports() -> tuple[RawReport, ...]:
    files = sorted((FOLDER / "reports").iterdir())
    return tuple(raw for file in files for raw in split_file(file.name, file.read_bytes()))


def readable() -> Iterator[Handed]:
    """Every report that is not meant to be held for its form."""
    for raw in raw_reports():
        where = (raw.source, raw.row)
        if where not in HELD and raw.source != HOSTILE_HEADERS:
            fields = fields_of(raw)
            text = str(fields.pop("text", ""))
            yield Handed(where, raw, read_report(fields, NOW), text)


def links() -> Iterator[tuple[Handed, Link]]:
    for handed in readable():
        if handed.where not in BAD_LINKS:
            yield from ((handed, read_link(url)) for url in handed.urls)


@cache
def pack() -> Pack:
    folder = ROOT / "policies" / "kz-ministry"
    return read_pack(folder.name, {path.stem: path.read_text("utf-8") for path in folder.glob("*.yaml")})


def priority_of(handed: Handed) -> Priority:
    facts = PriorityFacts(
        category=handed.report.category,
        age_band=handed.report.age_band,
        indicators=frozenset(handed.report.indicators),
        reporter_is_child=handed.report.reporter.is_child,
    )
    return assess(facts, pack()).priority


def test_there_are_at_least_forty_reports_in_all_four_formats() -> None:
    assert len(raw_reports()) >= 40
    assert {raw.format for raw in raw_reports()} == {"jsonl", "json", "csv", "eml"}


def test_kazakh_russian_and_english_are_written_in_tables_and_in_mails() -> None:
    said = Counter(handed.report.language for handed in readable() if handed.report.language)
    assert set(said) == {"kk", "ru", "en"} and min(said.values()) >= 4
    mails = [message_from_bytes(raw.raw)["Content-Language"] for raw in raw_reports() if raw.format == "eml"]
    assert set(mails) == {"kk", "ru", "en"}


def test_every_link_leads_to_a_reserved_name() -> None:
    hosts = [(handed.where, urlsplit(link.canonical).hostname or "") for handed, link in links()]
    assert len(hosts) > 50
    assert [host for host in hosts if not RESERVED.search(host[1])] == []


def test_not_even_a_malformed_report_names_a_real_host_or_a_real_mailbox() -> None:
    for raw in raw_reports():
        text = raw.raw.decode("utf-8", errors="replace")
        for host in re.findall(r"(?:https?://(?:[^\s/@\"]+@)?|[\w.+-]+@)([a-z0-9][a-z0-9.-]*[a-z])", text):
            assert RESERVED.search(host), f"{raw.source}:{raw.row} names {host}"


@pytest.mark.parametrize("where", HELD)
def test_each_unreadable_report_is_held_for_its_own_reason(where: tuple[str, int]) -> None:
    raw = next(raw for raw in raw_reports() if (raw.source, raw.row) == where)
    with pytest.raises(ReportRefused) as refusal:
        read_report(fields_of(raw), NOW)
    assert refusal.value.reason == HELD[where]


@pytest.mark.parametrize("where", BAD_LINKS)
def test_each_unusable_link_is_refused_by_its_own_rule(where: tuple[str, int]) -> None:
    handed = next(handed for handed in readable() if handed.where == where)
    with pytest.raises(LinkRefused) as refusal:
        read_link(handed.urls[0])
    assert refusal.value.rule == BAD_LINKS[where]


def test_exactly_two_reports_hold_no_link() -> None:
    assert {handed.where for handed in readable() if not handed.urls} == WITHOUT_LINK


def test_a_hidden_line_break_in_a_senders_name_reaches_no_field() -> None:
    raw = next(raw for raw in raw_reports() if raw.source == HOSTILE_HEADERS)
    try:
        fields = fields_of(raw)
    except ReportRefused:
        return
    assert "\n" not in str(fields.get("reporter")) and "\r" not in str(fields.get("reporter"))


def test_a_picture_comes_with_two_reports_and_neither_is_taken_in() -> None:
    with_media = {handed.where for handed in readable() if handed.report.refused_media}
    assert with_media == {("hotline.json", 20), ("with-picture-ru.eml", 1)}


def test_no_file_holds_a_picture() -> None:
    for raw in raw_reports():
        if raw.format == "eml":
            for part in message_from_bytes(raw.raw).walk():
                payload = part.get_payload(decode=True)
                if part.get_content_maintype() != "text" and isinstance(payload, bytes):
                    assert len(payload) <= 16, raw.source


def test_every_category_and_every_indicator_is_one_that_the_ministry_knows() -> None:
    known = {category.code for category in pack().categories}
    for handed in readable():
        assert handed.report.category in known, handed.where
        assert set(handed.report.indicators) <= pack().indicators, handed.where
        for basis in handed.report.legal_basis:
            assert pack().basis(basis), handed.where


def test_all_priorities_occur_and_the_routine_is_the_most_of_it() -> None:
    found = Counter(priority_of(handed) for handed in readable())
    assert set(found) == set(Priority)
    assert found[Priority.P0] >= 3 and found[Priority.P1] >= 5 and found[Priority.P2] >= 5
    assert found.most_common(1)[0][0] is Priority.P3


def test_a_speech_request_dressed_up_as_child_safety_stays_normal() -> None:
    dressed = next(h for h in readable() if h.report.category == "false_information" and h.report.indicators)
    assert priority_of(dressed) is Priority.P3


def test_several_reports_share_an_item_under_links_that_differ() -> None:
    keys: dict[str, set[str]] = {}
    for _, link in links():
        keys.setdefault(link.key, set()).add(link.original)
    assert len([key for key, spellings in keys.items() if len(spellings) > 1]) >= 6


def test_some_reports_are_too_thin_to_go_on() -> None:
    thin = [link for _, link in links() if link.opaque or not link.exact or link.kind in ("profile", "page")]
    assert {link.opaque for link in thin} == {True, False} and len(thin) >= 4
    assert [h for h in readable() if h.report.items == () and h.report.links and h.report.observed_at is None]


def test_an_anonymous_report_of_abuse_carries_nobody_and_no_quotation() -> None:
    anonymous = [handed.report for handed in readable() if handed.report.anonymous]
    assert [report.category for report in anonymous] == ["csam"]
    assert anonymous[0].reporter.name == "" and anonymous[0].quote == ""


def test_everything_was_seen_in_the_week_before_the_demo() -> None:
    for handed in readable():
        for item in handed.report.all_items():
            assert item.observed_at is None or FIRST_DAY <= item.observed_at <= NOW, handed.where


def test_one_row_is_handed_in_twice_word_for_word() -> None:
    assert max(Counter(raw.raw for raw in raw_reports()).values()) == 2


def test_one_person_at_least_can_play_every_part() -> None:
    users = yaml.safe_load((FOLDER / "users.yaml").read_text("utf-8"))["users"]
    assert len({user["id"] for user in users}) == len(users)
    assert {role for user in users for role in user["roles"]} == set(Role) - {Role.SYSTEM}
    assert len([user for user in users if Role.LEGAL_REVIEWER in user["roles"]]) >= 2


def test_the_readme_counts_what_is_there() -> None:
    counted = re.search(r"(\d+) reports in Kazakh", (FOLDER / "README.md").read_text("utf-8"))
    assert counted is not None and int(counted[1]) == len(raw_reports())

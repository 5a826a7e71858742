"""Every kind of mail that has gone wrong somewhere is read as what it is, and no damage to it breaks the reader."""

from __future__ import annotations

import re
import time
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.inbound_mail import InboundMail, MailUnreadable, read_mail
from casework.mail_answer import read_answer
from casework.mail_kinds import classify
from casework.mail_matching import Matched, match
from casework.vocabulary import MailKind, MatchedBy
from tests.mails import HERE, Fixture, filled, index
from tests.mails.cast import OURS, PREFIX, VALUES, KnownCast

FIXTURES = index()
MAILS = [fixture for fixture in FIXTURES if fixture.kind != MailKind.UNREADABLE]
EFFECTS = {"acknowledged", "read_on_case", "held", "address_marked", "proven", "nothing"}


def named(fixture: Fixture) -> str:
    return fixture.file


@cache
def raw_of(file: str) -> bytes:
    return filled(file, **VALUES)


def matched(mail: InboundMail) -> Matched:
    return match(mail, classify(mail, OURS).kind, KnownCast(), PREFIX)


def value(word: object) -> object:
    """A word of the index with its placeholders filled."""
    if isinstance(word, list):
        return tuple(value(part) for part in word)
    if isinstance(word, str):
        return VALUES.get(word.strip("@").lower(), word) if word.startswith("@@") else word
    return word


def test_the_index_names_every_file_and_every_file_is_in_the_index() -> None:
    assert sorted(f"{fixture.file}.eml" for fixture in FIXTURES) == sorted(path.name for path in HERE.glob("*.eml"))
    assert len(FIXTURES) == len({fixture.file for fixture in FIXTURES}) >= 50
    assert {fixture.effect for fixture in FIXTURES} == EFFECTS
    assert {fixture.kind for fixture in FIXTURES} == set(MailKind) - {MailKind.DUPLICATE}
    assert {fixture.by for fixture in FIXTURES} == set(MatchedBy) - {MatchedBy.PERSON}


def test_no_fixture_names_anybody_outside_the_reserved_domains() -> None:
    for fixture in FIXTURES:
        for domain in re.findall(r"[\w.+-]+@([a-z0-9-]+(?:\.[a-z0-9-]+)+)", raw_of(fixture.file).decode("latin-1")):
            assert domain.endswith(".example"), (fixture.file, domain)


@pytest.mark.parametrize("fixture", MAILS, ids=named)
def test_a_mail_is_what_the_index_says(fixture: Fixture) -> None:
    mail = read_mail(raw_of(fixture.file))
    kind = classify(mail, OURS)
    assert kind.kind == fixture.kind, kind.because
    assert matched(mail).by == fixture.by, matched(mail).because
    assert (matched(mail).found is None) == (fixture.by == MatchedBy.NOTHING)
    assert matched(mail).look == fixture.reads.get("look", False), matched(mail).because
    for words in (kind.because, matched(mail).because):
        assert words and "@" not in words


@pytest.mark.parametrize("fixture", [one for one in MAILS if one.reads], ids=named)
def test_a_mail_reads_as_the_index_says(fixture: Fixture) -> None:
    mail = read_mail(raw_of(fixture.file))
    answer = read_answer(mail.text)
    read = {
        "acknowledges": answer.acknowledges,
        "asks": answer.asks,
        "cases": answer.cases,
        "all_cases": answer.all_cases,
        "outcomes": tuple((number, outcome.value) for number, outcome in answer.outcomes),
        "attachments": len(mail.attachments),
        "dated": mail.written_at is not None,
        "subject": mail.subject,
        "sender": mail.sender,
        "message_id": mail.message_id,
        "report": mail.report and (mail.report.action, mail.report.status),
        "contains": fixture.reads.get("contains") if fixture.reads.get("contains", "") in mail.text else mail.text,
        "look": matched(mail).look,
    }
    for name, expected in fixture.reads.items():
        assert read[name] == value(expected), name


@pytest.mark.parametrize("fixture", [one for one in FIXTURES if one not in MAILS], ids=named)
def test_what_is_no_mail_is_said_to_be_none(fixture: Fixture) -> None:
    with pytest.raises(MailUnreadable) as refused:
        read_mail(raw_of(fixture.file))
    assert refused.value.rule == "mail.unreadable" and refused.value.next_step


@pytest.mark.parametrize("fixture", MAILS, ids=named)
def test_line_ends_of_the_network_and_of_files_read_alike(fixture: Fixture) -> None:
    raw = raw_of(fixture.file)
    on_the_wire = raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    here, there = read_mail(raw), read_mail(on_the_wire)
    assert (here.text, here.subject, here.report) == (there.text, there.subject, there.report)
    assert (here.headers, len(here.attachments)) == (there.headers, len(there.attachments))


@pytest.mark.parametrize("fixture", MAILS, ids=named)
def test_no_report_and_no_reason_holds_an_address(fixture: Fixture) -> None:
    report = read_mail(raw_of(fixture.file)).report
    if report is not None:
        assert "@" not in report.words and len(report.words) <= 200 and "\n" not in report.words


def read_within_time(raw: bytes) -> bool:
    """Whether a mail is read and understood soon, or said to be none; any other error is a fault of ours."""
    began = time.process_time()
    try:
        mail = read_mail(raw)
    except MailUnreadable:
        return time.process_time() - began < 2
    classify(mail, OURS)
    matched(mail)
    read_answer(mail.text)
    return "\x00" not in mail.text + mail.subject and time.process_time() - began < 2


CHOSEN = st.sampled_from([fixture.file for fixture in FIXTURES])


@settings(max_examples=300, deadline=None)
@given(file=CHOSEN, share=st.floats(0, 1))
def test_a_mail_cut_anywhere_is_read_or_said_to_be_none(file: str, share: float) -> None:
    raw = raw_of(file)
    assert read_within_time(raw[: int(len(raw) * share)])
    assert read_within_time(raw[int(len(raw) * share) :])


@settings(max_examples=300, deadline=None)
@given(file=CHOSEN, places=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=40))
def test_a_mail_with_bytes_changed_is_read_or_said_to_be_none(file: str, places: list[tuple[float, int]]) -> None:
    raw = bytearray(raw_of(file))
    for share, byte in places:
        if raw:
            raw[int((len(raw) - 1) * share)] = byte
    assert read_within_time(bytes(raw))


@settings(max_examples=200, deadline=None)
@given(one=CHOSEN, other=CHOSEN, share=st.floats(0, 1))
def test_two_mails_run_together_are_read_or_said_to_be_none(one: str, other: str, share: float) -> None:
    first, second = raw_of(one), raw_of(other)
    assert read_within_time(first[: int(len(first) * share)] + second[int(len(second) * share) :])

"""A mail is read whatever its shape, within bounds of time and memory; what is attached is known by its hash alone."""

from __future__ import annotations

import base64
import hashlib
import quopri
import time
import tracemalloc
from datetime import UTC, datetime

import pytest

from casework.inbound_mail import MAX_TEXTS, InboundMail, MailUnreadable, read_mail
from casework.mail_parts import MAX_DEPTH, MAX_HEADERS, MAX_PARTS
from casework.mail_text import MAX_TEXT

RUSSIAN = "Здравствуйте! Материал удалён, решение направим завтра."
KAZAKH = "Сәлеметсіз бе! Хатыңызды алдық, жауабын ертең жібереміз."
FILE = b"%PDF-1.7 practice\x00\xff" * 40


def mail(body: bytes | str = b"", *headers: str) -> InboundMail:
    content = body.encode() if isinstance(body, str) else body
    lines = ["From: Aigerim <liaison@platform.example>", "Subject: practice", *headers]
    return read_mail("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def several(*parts: bytes, kind: str = "mixed", edge: str = "edge") -> tuple[bytes, str]:
    inside = b"".join(b"--" + edge.encode() + b"\r\n" + part + b"\r\n" for part in parts)
    return inside + b"--" + edge.encode() + b"--\r\n", f'Content-Type: multipart/{kind}; boundary="{edge}"'


def part(content: bytes, *headers: str) -> bytes:
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + content


def html(markup: str) -> str:
    return mail(markup, "Content-Type: text/html; charset=utf-8").text


# --- Words -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-8", "iso-8859-5", "utf-16", "mac-cyrillic"])
def test_a_text_is_read_in_the_encoding_it_states(charset: str) -> None:
    coded = base64.encodebytes(RUSSIAN.encode(charset))
    stated = f"Content-Type: text/plain; charset={charset}"
    assert mail(coded, stated, "Content-Transfer-Encoding: base64").text == RUSSIAN


@pytest.mark.parametrize("stated", ["", "us-ascii", "x-unknown", "utf-8", "iso-8859-1", "windows-1252", "idna", "hex"])
@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-8"])
def test_a_text_that_states_a_false_encoding_keeps_its_letters(stated: str, charset: str) -> None:
    headers = [f"Content-Type: text/plain; charset={stated}"] if stated else []
    assert mail(RUSSIAN.encode(charset), *headers).text == RUSSIAN


@pytest.mark.parametrize("stated", ["windows-1251", "koi8-r", "iso-8859-1"])
def test_kazakh_in_utf_8_is_read_whatever_it_states(stated: str) -> None:
    assert mail(KAZAKH, f"Content-Type: text/plain; charset={stated}").text == KAZAKH


def test_kazakh_is_read_in_the_national_code_page() -> None:
    assert mail(KAZAKH.encode("kz1048"), "Content-Type: text/plain; charset=KZ-1048").text == KAZAKH


def test_german_and_french_in_their_own_encoding_are_not_taken_for_misread_cyrillic() -> None:
    words = "Déjà supprimé, où êtes-vous? Müller prüft es später."
    assert mail(words.encode("latin-1"), "Content-Type: text/plain; charset=iso-8859-1").text == words


def test_html_becomes_lines_and_what_it_quotes_stays_quoted() -> None:
    read = html("<html><head><title>no</title><style>p{}</style></head><body><script>ACK</script><!-- ACK -->"
                "<p>ACK&nbsp;&amp; more</p>one<br>two<blockquote><p>1: not_found</p><blockquote>deep</blockquote>"
                "</blockquote><header>below</header></body>")  # fmt: skip
    assert [line for line in read.split("\n") if line.strip("> ")] == [
        "ACK & more",
        "one",
        "two",
        "> 1: not_found",
        "> > deep",
        "below",
    ]


@pytest.mark.parametrize(
    "markup", ["<p>left", "<p>left<!-- open", "<p>left<script>open", "<p title='>'>left", "left</p"]
)
def test_html_that_is_never_finished_keeps_the_words_before(markup: str) -> None:
    assert html(markup).startswith("left")


def test_a_letter_that_is_longer_in_lower_case_moves_nothing() -> None:
    assert html(f"{'İ' * 40}<style>p{{}}</style><p>left</p>").split("\n")[-1] == "left"
    assert "p{}" not in html(f"{'İ' * 40}<style>p{{}}</style><p>left</p>")


@pytest.mark.parametrize("piece", ["<!--", "<a ", "<a b='", "<a/", "<script", "&#9", "<blockquote>", "<head", "&a"])
def test_html_made_to_keep_a_reader_busy_takes_no_time(piece: str) -> None:
    began = time.process_time()
    html(piece * (300_000 // len(piece)))
    assert time.process_time() - began < 2


def test_a_number_no_letter_has_does_not_break_the_reader() -> None:
    assert html(f"<p>before &#{'1' * 6_000}; after &#x{'f' * 6_000};").startswith("before")


def test_of_two_versions_the_plain_one_is_read_unless_it_is_empty() -> None:
    words = part(b"<p>html</p>", "Content-Type: text/html")
    full, kind = several(part(b"plain", "Content-Type: text/plain"), words, kind="alternative")
    empty, _ = several(part(b" \r\n", "Content-Type: text/plain"), words, kind="alternative")
    assert mail(full, kind).text == "plain"
    assert mail(empty, kind).text == "html"
    assert mail(full, kind).attachments == ()


def test_a_text_is_kept_up_to_a_bound_and_nul_bytes_are_not() -> None:
    read = mail("a\x00b\x07" + "ж" * (MAX_TEXT + 10))
    assert len(read.text) == MAX_TEXT
    assert read.text.startswith("abжж")


# --- Headers ---------------------------------------------------------------------------------------------


def test_a_folded_subject_cut_within_a_letter_is_one_subject() -> None:
    coded = KAZAKH.encode()
    words = [base64.b64encode(piece).decode() for piece in (coded[:21], coded[21:40], coded[40:])]
    raw = "From: a@b.example\r\nSubject: " + "\r\n ".join(f"=?UTF-8?b?{word}?=" for word in words) + "\r\n\r\n"
    assert read_mail(raw.encode()).subject == KAZAKH


@pytest.mark.parametrize(
    ("subject", "read"),
    [
        ("=?utf-8?q?caf=C3=A9?= und (mehr)", "café und (mehr)"), ("=?utf-8?b?####?=", ""),
        ("=?x-none?q?abc?=", "abc"), ("Ж =?utf-8?q?=C3=A9?= Ә", "Ж é Ә"), ("=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
    ],
)  # fmt: skip
def test_a_subject_is_one_line_of_readable_words(subject: str, read: str) -> None:
    assert read_mail(f"From: a@b.example\r\nSubject: {subject}\r\n\r\n".encode()).subject == read


def test_a_subject_in_raw_bytes_is_read_as_the_text_is() -> None:
    for charset in ("windows-1251", "koi8-r", "utf-8"):
        raw = b"From: a@b.example\r\nContent-Type: text/plain; charset=" + charset.encode()
        read = read_mail(raw + b"\r\nSubject: " + "Ответ по делу".encode(charset) + b"\r\n\r\n")
        assert read.subject == "Ответ по делу"


@pytest.mark.parametrize(
    ("value", "sender"),
    [
        ("Aigerim <A.B@Platform.Example>", "a.b@platform.example"), ("a@b.example (home)", "a@b.example"),
        ('"evil@x.example" <a@b.example>', "a@b.example"), ("a@b.example, c@d.example", "a@b.example"),
        ("(x@y.example) a@b.example", "a@b.example"), ("group: a@b.example;", ""), ("<>", ""), ("nobody", ""),
        ('"' + "(" * 5000, ""), ("=?utf-8?q?x=40y.example?= <a@b.example>", "a@b.example"),
    ],
)  # fmt: skip
def test_the_sender_is_the_address_and_never_what_stands_in_a_name(value: str, sender: str) -> None:
    expected = sender or ("a@b.example" if value.startswith("group") else "")
    assert read_mail(f"From: {value}\r\nSubject: x\r\n\r\n".encode()).sender == expected


def test_every_address_it_was_delivered_to_counts_once_in_small_letters() -> None:
    read = mail("", "To: Box <Box+A@ministry.example>, c@d.example", "Cc: C@d.example",
                "Delivered-To: box+a@ministry.example", "X-Original-To: box+b9.x@ministry.example",
                "Envelope-To: e@f.example")  # fmt: skip
    assert read.recipients == (
        "box+a@ministry.example", "c@d.example", "box+b9.x@ministry.example", "e@f.example",
    )  # fmt: skip


def test_what_it_answers_is_in_order_with_the_last_one_last() -> None:
    read = mail("", "In-Reply-To: <3@a.example>", "References: <1@a.example> <2@a.exa\r\n mple> <3@a.example> junk")
    assert read.references == ("<1@a.example>", "<2@a.example>", "<3@a.example>")


def test_an_empty_return_path_is_not_a_missing_one() -> None:
    assert mail("", "Return-Path: <>").return_path == ""
    assert mail("", "Return-Path: <A@b.example>").return_path == "a@b.example"
    assert mail("").return_path is None


@pytest.mark.parametrize(
    "date",
    ["", "yesterday", "Tue, 10 Mar 2026 11:20:00", "Tue, 10 Mar 2026 11:20:00 -0000", "99 Mar 2026 11:20 +0500",
     "Fri, 31 Dec 9999 23:59:59 -1200", "1" * 5_000, "Tue, 10 Mar 2026 11:20 +9999999"],
)  # fmt: skip
def test_a_date_that_is_no_instant_is_none(date: str) -> None:
    assert mail("", f"Date: {date}").written_at is None


def test_a_date_is_kept_in_utc() -> None:
    assert mail("", "Date: Tue, 10 Mar 2026 11:20:00 +0500").written_at == datetime(2026, 3, 10, 6, 20, tzinfo=UTC)


def test_of_two_message_ids_the_first_counts_and_a_broken_one_is_kept_as_it_stands() -> None:
    assert mail("", "Message-ID: <1@a.example>", "Message-ID: <2@a.example>").message_id == "<1@a.example>"
    assert mail("", "Message-ID: 1@a.example").message_id == "1@a.example"
    assert mail("", "Message-ID: none").message_id == ""
    assert len(mail("", f"Message-ID: <{'x' * 900}@a.example>").message_id) == 255


def test_headers_beyond_the_bound_are_not_kept_and_a_long_one_is_cut() -> None:
    read = mail("ACK", *(f"X-{number}: y" for number in range(MAX_HEADERS + 50)), "X-Last: " + "z" * 100_000)
    assert len(read.headers) == MAX_HEADERS
    assert read.text == "ACK"
    assert len(mail("", "X-Long: " + "z" * 100_000).headers["x-long"][0]) <= 10_000


def test_a_bare_carriage_return_makes_no_header() -> None:
    assert "auto-submitted" not in mail("", "X-Note: a\rAuto-Submitted: no").headers


# --- Parts -----------------------------------------------------------------------------------------------


def attachment(coded: bytes, encoding: str) -> InboundMail:
    inside, kind = several(part(b"See below.", "Content-Type: text/plain"),
                           part(coded, "Content-Type: application/pdf; name=a.pdf",
                                f"Content-Transfer-Encoding: {encoding}"))  # fmt: skip
    return mail(inside, kind)


@pytest.mark.parametrize("encoding", ["base64", "BASE64", "quoted-printable", "binary"])
def test_an_attachment_is_known_by_the_hash_of_what_it_is(encoding: str) -> None:
    coded = {"base64": base64.encodebytes(FILE), "quoted-printable": quopri.encodestring(FILE)}.get(
        encoding.lower(), FILE
    )
    (found,) = attachment(coded, encoding).attachments
    assert (found.number, found.declared_type) == (2, "application/pdf")
    if encoding == "quoted-printable":
        assert found.sha256 == hashlib.sha256(quopri.decodestring(coded.removesuffix(b"\n"))).hexdigest()
    else:
        assert (found.length, found.sha256) == (len(FILE), hashlib.sha256(FILE).hexdigest())


def test_base64_that_cannot_be_decoded_is_hashed_as_it_stands() -> None:
    for broken in (b"JVBERi0xLjcgA", b"AAAA====BBBB"):
        (found,) = attachment(broken, "base64").attachments
        assert found.sha256 == hashlib.sha256(broken).hexdigest()


def test_parts_nested_deeper_than_the_bound_are_one_part_as_it_stands() -> None:
    content = part(b"deep words", "Content-Type: text/plain")
    for level in range(MAX_DEPTH + 3):
        inside, kind = several(content, edge=f"edge{level}")
        content = part(inside, kind)
    read = mail(*several(content, edge="top"))
    assert read.text == ""
    assert [found.declared_type for found in read.attachments] == ["multipart/mixed"]


def test_mails_nested_without_end_are_one_attachment() -> None:
    read = mail(b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"x", "Content-Type: message/rfc822")
    assert [found.declared_type for found in read.attachments] == ["message/rfc822"]


def test_more_parts_than_the_bound_are_not_followed() -> None:
    parts = [part(b"x", "Content-Type: application/x")] * (MAX_PARTS + 200)
    assert len(mail(*several(*parts)).attachments) < MAX_PARTS
    texts = [part(b"x", "Content-Type: text/plain")] * (MAX_TEXTS + 5)
    assert len(mail(*several(*texts)).attachments) == 5


def test_of_a_returned_letter_the_headers_alone_are_read() -> None:
    inside, kind = several(
        part(b"Not delivered.", "Content-Type: text/plain"),
        part(b"Reporting-MTA: dns; a\r\n\r\nFinal-Recipient: rfc822; A@b.example\r\nAction: failed\r\n"
             b"Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 <a@b.example> unknown",
             "Content-Type: message/delivery-status"),
        part(b"Message-ID: <letter.7.aa@ministry.example>\r\n\r\nACK", "Content-Type: message/rfc822"),
        kind="report; report-type=delivery-status",
    )  # fmt: skip
    read = mail(inside, kind)
    assert read.report is not None
    assert (read.report.action, read.report.status, read.report.recipient) == ("failed", "5.1.1", "a@b.example")
    assert (read.report.words, read.report.message_id) == ("550 unknown", "<letter.7.aa@ministry.example>")
    assert "ACK" not in read.text
    assert read.attachments == ()


def test_of_several_recipients_the_one_that_fared_worst_is_reported() -> None:
    blocks = [
        f"Final-Recipient: rfc822; {name}@b.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        for name, action, status in (("a", "delivered", "2.0.0"), ("b", "failed", "5.2.2"), ("c", "delayed", "4.0.0"))
    ]
    inside, kind = several(part("\r\n".join(["Reporting-MTA: dns; a\r\n", *blocks]).encode(),
                                "Content-Type: message/delivery-status"), kind="report")  # fmt: skip
    report = mail(inside, kind).report
    assert report is not None
    assert (report.action, report.recipient) == ("failed", "b@b.example")


# --- The whole -------------------------------------------------------------------------------------------


def test_the_same_body_has_the_same_hash_whatever_its_headers() -> None:
    assert mail("ACK").body_sha256 == mail("ACK", "X-Way: another").body_sha256 == hashlib.sha256(b"ACK").hexdigest()
    assert mail("ACK").body_sha256 != mail("ACK.").body_sha256


@pytest.mark.parametrize(
    "raw",
    [b"", b"\r\n\r\n", b"\x00" * 50, b"%PDF-1.7\n1 0 obj", b"note: a letter\n\nwords", b"PK\x03\x04" + b"\xff" * 99],
)
def test_what_is_no_mail_is_refused_with_a_next_step(raw: bytes) -> None:
    with pytest.raises(MailUnreadable) as refused:
        read_mail(raw)
    assert refused.value.rule == "mail.unreadable"
    assert refused.value.next_step


def test_thirty_megabytes_take_little_memory_and_little_time() -> None:
    file = bytes(range(256)) * 85_000
    inside, kind = several(part(b"ACK", "Content-Type: text/plain"),
                           part(base64.encodebytes(file), "Content-Type: application/zip",
                                "Content-Transfer-Encoding: base64"))  # fmt: skip
    raw = b"From: a@b.example\r\nSubject: x\r\n" + kind.encode() + b"\r\n\r\n" + inside
    assert len(raw) > 29_000_000
    began = time.process_time()
    read = read_mail(raw)
    assert time.process_time() - began < 2
    assert (read.text, read.attachments[0].sha256) == ("ACK", hashlib.sha256(file).hexdigest())
    tracemalloc.start()
    read_mail(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.parametrize(
    "rest", [b"\n--xy", b"--x\n", b"a\n", b"a:\n", b"-", b"--x\nContent-Type: multipart/mixed; boundary=x\n\n"]
)
def test_thirty_megabytes_made_to_keep_a_reader_busy_take_little_time(rest: bytes) -> None:
    head = b"From: a@b.example\nContent-Type: multipart/mixed; boundary=x\n"
    began = time.process_time()
    read_mail(head + b"\n" + rest * (30_000_000 // len(rest)))
    read_mail(head + rest * (30_000_000 // len(rest)))
    assert time.process_time() - began < 5

"""A mail is read whatever its encoding and shape; media in it is found wherever it hides, and stays outside."""

from __future__ import annotations

import base64
import quopri
import random
import time
from typing import Any

import pytest

from casework.errors import ReportRefused
from casework.report import read_report
from casework.report_formats import RawReport, fields_of, split_file
from casework.vocabulary import HoldReason
from tests.casework.building import NOW

LINK = "https://vk.example/wall-1_1"
TEXT = "Угроза ребёнку, ссылка ниже"
JPEG = b"\xff\xd8\xff\xe0practice, not a picture"
CANARY = "Zhanbolat-secret-7731"


def mail(body: bytes, *headers: str, sender: str = "Aliya <aliya@family.example>") -> bytes:
    lines = [f"From: {sender}", "Subject: report", "MIME-Version: 1.0", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def part(content: bytes, *headers: str) -> bytes:
    return "\r\n".join(headers).encode() + b"\r\n\r\n" + content


def several(*parts: bytes, kind: str = "mixed", mark: str = "A") -> tuple[bytes, str]:
    edge = f"--{mark}".encode()
    inside = b"".join(edge + b"\r\n" + piece + b"\r\n" for piece in parts) + edge + b"--\r\n"
    return inside, f'Content-Type: multipart/{kind}; boundary="{mark}"'


WORDS = part(b"See the attachment.", "Content-Type: text/plain; charset=utf-8")


def fields(raw: bytes) -> dict[str, Any]:
    (report,) = split_file("Letter.EML", raw)
    assert (report.format, report.raw) == ("eml", raw)
    return fields_of(report)


def media(raw: bytes) -> list[bool]:
    return [attachment["media"] for attachment in fields(raw)["attachments"]]


def held(raw: bytes) -> ReportRefused:
    with pytest.raises(ReportRefused) as refused:
        fields_of(RawReport("a.eml", 1, "eml", raw))
    return refused.value


# --- Text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-8", "iso-8859-5", "utf-16"])
def test_a_mail_is_read_in_the_encoding_it_states(charset: str) -> None:
    body = base64.encodebytes(TEXT.encode(charset))
    raw = mail(body, f"Content-Type: text/plain; charset={charset}", "Content-Transfer-Encoding: base64")
    assert fields(raw)["text"].strip() == TEXT


@pytest.mark.parametrize("charset", ["koi8-r", "windows-1251", "utf-8"])
@pytest.mark.parametrize("stated", [None, "us-ascii", "x-unknown-charset"])
def test_a_mail_that_states_no_usable_encoding_keeps_its_letters(stated: str | None, charset: str) -> None:
    headers = [f"Content-Type: text/plain; charset={stated}"] if stated else []
    raw = mail(f"{TEXT} {LINK}".encode(charset), *headers, "Content-Transfer-Encoding: 8bit")
    assert fields(raw)["text"].strip() == f"{TEXT} {LINK}"


def test_a_mail_that_states_the_wrong_encoding_keeps_its_letters() -> None:
    raw = mail(TEXT.encode("cp1251"), "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    assert fields(raw)["text"].strip() == TEXT


def test_one_broken_letter_does_not_turn_the_others_into_nonsense() -> None:
    body = TEXT.encode() + b"\xd0"
    raw = mail(body, "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: 8bit")
    assert fields(raw)["text"].startswith(TEXT)


def test_a_mail_in_html_alone_is_read() -> None:
    raw = mail(f'<p>Here: <a href="{LINK}">a post</a></p>'.encode(), "Content-Type: text/html; charset=utf-8")
    assert LINK in fields(raw)["text"]
    assert fields(raw)["attachments"] == []


def test_of_a_plain_and_an_html_version_the_plain_one_is_read() -> None:
    inside, kind = several(
        part(b"plain words", "Content-Type: text/plain"), part(b"<p>html</p>", "Content-Type: text/html"),
        kind="alternative",
    )  # fmt: skip
    raw = mail(inside, kind)
    assert fields(raw)["text"].strip() == "plain words"
    assert fields(raw)["attachments"] == []


def test_a_mail_without_text_is_held_and_asks_for_the_link_in_text() -> None:
    refused = held(mail(base64.encodebytes(JPEG), "Content-Type: image/jpeg", "Content-Transfer-Encoding: base64"))
    assert refused.reason == HoldReason.MALFORMED
    assert "link" in refused.next_step


def test_a_nul_in_a_mail_is_held() -> None:
    assert held(mail(f"{CANARY}\x00".encode())).reason == HoldReason.NUL_BYTES


def test_a_mail_of_fifty_megabytes_of_text_is_held_and_not_repeated() -> None:
    began = time.monotonic()
    refused = held(mail(b"x" * 50_000_000))
    assert time.monotonic() - began < 20
    assert refused.reason == HoldReason.TOO_LARGE
    assert "xxx" not in str(refused)


def test_a_mail_may_be_large_by_what_is_attached_and_is_still_read() -> None:
    blob = part(base64.encodebytes(JPEG + b"0" * 2_000_000), "Content-Type: image/jpeg",
                "Content-Transfer-Encoding: base64")  # fmt: skip
    inside, kind = several(WORDS, blob)
    assert fields(mail(inside, kind))["text"].strip() == "See the attachment."


# --- Sender ----------------------------------------------------------------------------------------------


def test_the_sender_becomes_the_reporter() -> None:
    raw = mail(b"hi", sender="=?utf-8?b?0JDQudCz0YPQu9GM?= <a@b.example>")
    assert fields(raw)["reporter"] == {"name": "Айгуль", "email": "a@b.example"}


@pytest.mark.parametrize(
    "sender",
    [
        "=?utf-8?q?Aliya=0D=0ABcc:_all?= <a@b.example>", "=?utf-8?q?=0A?=", '"', "<a@", "a@[", "@", "<>", "(((",
        "=?x", ",", ";", "=?utf-8?b?####?= <a@b.example>", "a@b.example, c@d.example", "", "group: a@b.example;",
        "x" * 5000 + "@b.example",
    ],
)  # fmt: skip
def test_a_sender_made_to_break_the_reader_costs_the_sender_and_not_the_mail(sender: str) -> None:
    read = fields(mail(LINK.encode(), sender=sender))
    assert LINK in read["text"]
    assert not any(letter in str(read.get("reporter")) for letter in ("\\r", "\\n"))
    assert read_report({"links": [LINK], "reporter": read.get("reporter", {})}, NOW).links == (LINK,)


def test_a_sender_in_raw_bytes_does_not_hold_up_the_mail() -> None:
    raw = b"From: " + "Айгуль".encode("cp1251") + b" <a@b.example>\r\n\r\nhi"
    assert read_report({"reporter": fields(raw)["reporter"]}, NOW).reporter.email == "a@b.example"


# --- Media -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"), [("image/png", ""), ("video/mp4", "film"), ("application/octet-stream", "photo.JPG")]
)
def test_an_attachment_is_media_by_type_or_by_ending(kind: str, name: str) -> None:
    disposition = f'Content-Disposition: attachment; filename="{name}"' if name else "Content-Disposition: attachment"
    inside, outer = several(WORDS, part(b"practice", f"Content-Type: {kind}", disposition))
    assert media(mail(inside, outer)) == [True]


@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
@pytest.mark.parametrize("kind", ["application/octet-stream", "application/pdf", "text/plain"])
def test_a_picture_under_a_false_name_is_found_by_its_first_bytes(kind: str, encoding: str) -> None:
    coded = base64.encodebytes(JPEG) if encoding == "base64" else quopri.encodestring(JPEG)
    hidden = part(
        coded, f"Content-Type: {kind}", 'Content-Disposition: attachment; filename="decision.pdf"',
        f"Content-Transfer-Encoding: {encoding}",
    )  # fmt: skip
    inside, outer = several(WORDS, hidden)
    assert media(mail(inside, outer)) == [True]


def test_a_picture_inside_an_html_mail_is_found() -> None:
    picture = part(base64.encodebytes(JPEG), "Content-Type: image/jpeg", "Content-ID: <1>",
                   "Content-Transfer-Encoding: base64")  # fmt: skip
    related, kind = several(part(b"<p>x</p>", "Content-Type: text/html"), picture, kind="related", mark="B")
    inside, outer = several(part(related, kind))
    assert media(mail(inside, outer)) == [True]
    assert media(mail(related, kind)) == [True]


def test_a_picture_inside_a_forwarded_mail_is_found() -> None:
    inner, kind = several(WORDS, part(JPEG[:3], "Content-Type: image/jpeg; name=p.jpg"), mark="B")
    inside, outer = several(WORDS, part(mail(inner, kind), "Content-Type: message/rfc822"))
    raw = mail(inside, outer)
    assert True in media(raw)
    assert fields(raw)["text"].strip() == "See the attachment."


def test_a_document_is_kept_by_name_and_is_no_media() -> None:
    named = 'Content-Disposition: attachment; filename="order.pdf"'
    document = part(b"%PDF-1.7", "Content-Type: application/pdf", named)
    inside, outer = several(WORDS, document)
    assert fields(mail(inside, outer))["attachments"] == [
        {"filename": "order.pdf", "media_type": "application/pdf", "media": False}
    ]


def test_no_byte_of_an_attachment_is_among_the_fields() -> None:
    secret = part(base64.encodebytes(CANARY.encode()), "Content-Type: application/octet-stream",
                  "Content-Transfer-Encoding: base64")  # fmt: skip
    inside, outer = several(WORDS, secret)
    assert CANARY not in str(fields(mail(inside, outer)))


# --- Shape -----------------------------------------------------------------------------------------------


def test_mails_nested_without_end_are_held_and_break_nothing() -> None:
    russian_dolls = b"Content-Type: message/rfc822\r\n\r\n" * 3_000 + b"x"
    assert held(russian_dolls).reason == HoldReason.MALFORMED


def test_parts_nested_without_end_are_held_and_break_nothing() -> None:
    edges = (f"Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n" for n in range(1_200))
    assert held("".join(edges).encode()).reason == HoldReason.MALFORMED


PIECES = (
    b"From: ", b"a@b", b"<", b">", b"=?utf-8?q?", b"?=", b"\n", b";", b'"', b"Content-Type: ", b"--A\n", b"--A--",
    b"multipart/mixed; boundary=A", b"text/plain; charset=", b"utf-8", b"\xff", b"filename*=", b"utf-8''%ff",
    b"Content-Disposition: attachment; ", b"filename=", b"(", b"[", b":", b",", b"\\", b"message/rfc822", b"base64",
    b"Content-Transfer-Encoding: ", b"quoted-printable", b"x-uuencode", b"=", b"\n\n", b"filename*0*=",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_mails_put_together_from_rubble_are_read_or_held(seed: int) -> None:
    chance, reasons = random.Random(seed), set()
    for _ in range(400):
        raw = b"".join(chance.choice(PIECES) for _ in range(chance.randint(1, 25)))
        try:
            reasons.add(type(fields_of(RawReport("a.eml", 1, "eml", raw))).__name__)
        except ReportRefused as refused:
            reasons.add(refused.reason)
    assert reasons <= {"dict", *HoldReason}
    assert len(reasons) > 1, "some of it is read and some of it held"

"""From a file's bytes to single raw reports: JSONL, JSON, CSV, .eml. Splitting only; reading comes later.

Each raw report keeps exactly the bytes it came in, so that what is stored first is what
was handed in. A row that cannot be read becomes a raw report of its own with its fault.
"""

from __future__ import annotations

import csv
import email
import email.policy
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage, MIMEPart
from typing import Any

from charset_normalizer import from_bytes

from casework.errors import ReportRefused
from casework.report import MAX_RAW_BYTES, is_media
from casework.vocabulary import HoldReason


@dataclass(frozen=True, slots=True)
class RawReport:
    """One report as it came. ``row`` counts from 1 inside its source."""

    source: str
    row: int
    format: str
    raw: bytes
    header: tuple[str, ...] = ()


CSV_COLUMNS = (
    "url", "category", "language", "description", "quote", "translation", "observed_at", "age_band", "indicators",
    "provider_told_at",
    "why_unlawful", "policy_line", "legal_basis", "requested_action", "expert_decision", "anonymous",
    "reporter_name", "reporter_email", "reporter_phone", "reporter_is_child", "reference",
)  # fmt: skip
CSV_REQUIRED = ("url",)
_LISTS = ("indicators", "legal_basis")
MOST_COLUMNS, LONGEST_HEADER = 100, 5_000
"""Columns of a table and characters of its header: the header is stored beside every row."""


def split_file(name: str, data: bytes) -> Iterator[RawReport]:
    """Split a file into raw reports by the ending of its name; unknown endings are read as JSONL."""
    name = _storable(name)
    lower = name.lower()
    if lower.endswith(".eml"):
        yield RawReport(name, 1, "eml", data)
    elif lower.endswith(".csv"):
        yield from _split_csv(name, data)
    elif lower.endswith(".json"):
        yield from _split_json(name, data)
    else:
        for row, line in enumerate(_one_byte_lines(data).split(b"\n"), start=1):
            if line.strip(b" \t\r\xef\xbb\xbf"):
                yield RawReport(name, row, "jsonl", line.rstrip(b"\r"))


def _one_byte_lines(data: bytes) -> bytes:
    """UTF-16 has a NUL beside each line end: such a file is written anew as UTF-8 before it is cut."""
    if not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data
    try:
        return data.decode("utf-16").encode()
    except UnicodeError:
        return data


def _split_json(name: str, data: bytes) -> Iterator[RawReport]:
    """A list becomes one report an element; anything else, also what is malformed, is one report."""
    try:
        parsed = json.loads(decode(data))
    except (ValueError, ReportRefused, RecursionError):
        parsed = None
    if isinstance(parsed, list):
        for row, element in enumerate(parsed, start=1):
            yield RawReport(name, row, "json", json.dumps(element, ensure_ascii=False).encode())
    else:
        yield RawReport(name, 1, "json", data)


def _split_csv(name: str, data: bytes) -> Iterator[RawReport]:
    """One report a row; with a wrong header the whole file is one report that will be held."""
    try:
        rows = list(_records(_text(data)))
    except (ReportRefused, csv.Error):
        yield RawReport(name, 1, "csv", data)
        return
    header = tuple(cell.strip().lower() for cell in rows[0]) if rows else ()
    if len(header) > MOST_COLUMNS or sum(map(len, header)) > LONGEST_HEADER or any("\x00" in cell for cell in header):
        yield RawReport(name, 1, "csv", data)
        return
    if any(column not in header for column in CSV_REQUIRED):
        yield RawReport(name, 1, "csv", data, header)
        return
    for row, cells in enumerate(rows[1:], start=2):
        if any(cell.strip() for cell in cells):
            out = io.StringIO()
            csv.writer(out).writerow(cells)
            yield RawReport(name, row, "csv", out.getvalue().removesuffix("\r\n").encode(), header)


def _records(text: str) -> Iterator[list[str]]:
    first = (text[:10_000].splitlines() or [""])[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    csv.field_size_limit(MAX_RAW_BYTES)
    return csv.reader(io.StringIO(text, newline=None), delimiter=delimiter)


def decode(data: bytes) -> str:
    """Text of bytes: UTF-8 (with or without BOM), UTF-16 with BOM, else the best guess.

    Raises ReportRefused for NUL bytes and for what no encoding explains.
    """
    return _no_nul(_text(data))


def _text(data: bytes) -> str:
    """As ``decode``, NUL bytes and all: one of them in a table must not hold up the other rows."""
    for bom, codec in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if data.startswith(bom):
            try:
                return data.decode(codec)
            except UnicodeDecodeError:
                break
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        guess = from_bytes(data[:100_000], cp_isolation=["cp1251", "koi8_r", "cp1252", "utf_16", "mac_cyrillic"]).best()
        if guess is None:
            raise ReportRefused(
                HoldReason.UNKNOWN_ENCODING, "the text is in no encoding that was recognised",
                next_step="Save it as UTF-8 and hand it in again.",
            ) from None  # fmt: skip
        try:
            return data.decode(guess.encoding)
        except UnicodeDecodeError:
            raise ReportRefused(
                HoldReason.UNKNOWN_ENCODING, "the text changes its encoding midway",
                next_step="Save it as UTF-8 and hand it in again.",
            ) from None  # fmt: skip


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ReportRefused(
            HoldReason.NUL_BYTES, "the report contains NUL bytes", next_step="Ask for the text without them."
        )
    return text


def fields_of(report: RawReport) -> dict[str, Any]:
    """The fields of a raw report, not yet checked. Raises ReportRefused with the reason to hold it."""
    if len(report.raw) > MAX_RAW_BYTES and report.format != "eml":
        raise ReportRefused(
            HoldReason.TOO_LARGE,
            f"one report may have {MAX_RAW_BYTES:,} bytes; this has {len(report.raw):,}",
            next_step="Hand it in in parts, links and text only.",
        )
    if report.format == "eml":
        try:
            return _mail_fields(report.raw)
        except (RecursionError, LookupError, ValueError, AttributeError, TypeError):
            # The standard library's mail parser fails in all these ways on mail made to be hostile.
            raise ReportRefused(
                HoldReason.MALFORMED, "not readable as a mail", next_step="Ask for the link in plain text."
            ) from None
    text = decode(report.raw)
    if report.format == "csv":
        return _csv_fields(report, text)
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        raise ReportRefused(
            HoldReason.MALFORMED, "not readable as JSON", next_step="Mend the row and hand it in again."
        ) from None
    if not isinstance(parsed, dict):
        raise ReportRefused(HoldReason.MALFORMED, "a report is a JSON object", next_step="Mend the row.")
    if _has_nul(parsed):
        raise ReportRefused(HoldReason.NUL_BYTES, "a field contains NUL bytes", next_step="Remove them.")
    return parsed


def _has_nul(value: Any) -> bool:
    """Whether a NUL stands anywhere in a parsed document, in a key or in a value."""
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(part) for pair in value.items() for part in pair)
    return isinstance(value, list) and any(_has_nul(part) for part in value)


def _csv_fields(report: RawReport, text: str) -> dict[str, Any]:
    if not report.header:
        raise ReportRefused(
            HoldReason.WRONG_HEADER,
            f"the table has no header of at most {MOST_COLUMNS} columns and {LONGEST_HEADER:,} characters without NUL",
            next_step=f"Known columns: {', '.join(CSV_COLUMNS)}.",
        )
    absent = [column for column in CSV_REQUIRED if column not in report.header]
    if absent:
        raise ReportRefused(
            HoldReason.WRONG_HEADER,
            f"the table's header lacks the column '{absent[0]}'",
            next_step=f"Known columns: {', '.join(CSV_COLUMNS)}.",
        )
    try:
        csv.field_size_limit(MAX_RAW_BYTES)
        cells = next(csv.reader([text]))
    except csv.Error:
        raise ReportRefused(
            HoldReason.MALFORMED, "not readable as a row of a table", next_step="Mend the row and hand it in again."
        ) from None
    if len(cells) != len(report.header):
        raise ReportRefused(
            HoldReason.MALFORMED,
            f"the row has {len(cells)} cells, its header {len(report.header)}",
            next_step="Mend the row and hand it in again.",
        )
    row = {column: cell.strip() for column, cell in zip(report.header, cells, strict=True) if cell.strip()}
    fields: dict[str, Any] = {}
    person: dict[str, Any] = {}
    for column, cell in row.items():
        if column == "url":
            fields["links"] = [part for part in cell.split() if part]
        elif column in _LISTS:
            fields[column] = [part.strip() for part in cell.split(";") if part.strip()]
        elif column.startswith("reporter_"):
            name = column.removeprefix("reporter_")
            person[name] = cell.lower() in ("1", "true", "yes") if name == "is_child" else cell
        elif column == "anonymous":
            fields[column] = cell.lower() in ("1", "true", "yes")
        else:
            fields[column] = cell
    if person:
        fields["reporter"] = person
    return fields


def _mail_fields(raw: bytes) -> dict[str, Any]:
    """A mail: sender to the vault, text to the letter reader, media marked by type, name and first bytes."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body(preferencelist=("plain", "html"))
    attachments = [_attachment(part) for part in message.walk() if part is not body and _is_attachment(part)]
    if body is None:
        raise ReportRefused(HoldReason.MALFORMED, "the mail has no text", next_step="Ask for the link in text.")
    try:
        text = body.get_content()
    except (LookupError, UnicodeError):
        payload = body.get_payload(decode=True)
        text = decode(payload if isinstance(payload, bytes) else b"")
    if len(str(text)) > MAX_RAW_BYTES:
        raise ReportRefused(
            HoldReason.TOO_LARGE,
            f"one report may have {MAX_RAW_BYTES:,} characters of text; this has {len(str(text)):,}",
            next_step="Ask for the links and the text only.",
        )
    text = _mended(str(text), body)
    fields: dict[str, Any] = {"text": _no_nul(text), "attachments": attachments, "channel": "mail"}
    try:
        addresses = getattr(message.get("From"), "addresses", ())
    except (ValueError, LookupError, AttributeError, TypeError):
        # A line break hidden in an encoded name, or an address that breaks the parser: the mail is
        # read, its sender is not believed.
        addresses = ()
    if addresses:
        fields["reporter"] = {
            "name": _storable(" ".join(addresses[0].display_name.split())[:200]),
            "email": _storable(addresses[0].addr_spec[:254]),
        }
    return fields


def _is_attachment(part: EmailMessage) -> bool:
    """Every leaf with a name or of another kind than text, also inside nested messages and beside HTML."""
    if part.is_multipart():
        return part.get_content_type() == "message/rfc822"
    plain = part.get_content_type() in ("text/plain", "text/html")
    return not plain or part.is_attachment() or bool(part.get_filename())


def _attachment(part: EmailMessage) -> dict[str, Any]:
    payload = part.get_payload(decode=True)
    head = payload[:16] if isinstance(payload, bytes) else b""
    name, kind = (part.get_filename() or "attachment")[:200], part.get_content_type()[:120]
    return {"filename": _storable(name), "media_type": kind, "media": is_media(name, kind, head)}


def _mended(text: str, body: MIMEPart) -> str:
    """The text, or where its stated encoding lost most foreign letters, the best guess from the bytes."""
    foreign = sum(letter > "\x7f" for letter in text)
    payload = body.get_payload(decode=True)
    if text.count("\ufffd") * 2 <= foreign or not isinstance(payload, bytes):
        return text
    try:
        return decode(payload)
    except ReportRefused:
        return text


def _storable(text: str) -> str:
    """Raw bytes in a header become lone surrogates, which no database and no letter can hold."""
    return text.encode("utf-8", "replace").decode()

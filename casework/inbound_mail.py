"""Reads a mail that came in, whatever its shape. Nothing in it is opened, requested or believed.

The standard library's parser builds the whole tree of a mail in memory, follows mails nested in mails without end, and
fails in many ways on what was made to break it. Here depth, parts, headers and text are bounded, attachments are
known by their hash alone, and 30 MB cost no more memory than they have. Its helpers still read single headers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from casework.errors import QorganError
from casework.mail_parts import MAX_HEAD_BYTES, MailPart, fields_of_head, leaves, measure_uuencoded, without_uuencoded
from casework.mail_reports import DeliveryReport as DeliveryReport
from casework.mail_reports import Returned, addresses_in, message_id_in, read_report
from casework.mail_text import MAX_TEXT, clean, header_words, html_words, one_line, words_of

MAX_ADDRESSES = 200
MAX_REFERENCES = 100
MAX_TEXTS = 50
"""Parts that are read as text; further ones are attachments."""


class MailUnreadable(QorganError):
    """The bytes are no mail; they are kept, and a person looks."""

    rule = "mail.unreadable"


@dataclass(frozen=True, slots=True)
class Part:
    """One attachment, by what it says it is and by the hash of its bytes. ``number`` counts all parts from 1."""

    number: int
    declared_type: str
    length: int
    sha256: str


@dataclass(frozen=True, slots=True)
class InboundMail:
    """What a mail says. Nothing of it is proven but its bytes."""

    message_id: str
    """With its angle brackets, at most 255 characters; '' where it has none. Of two the first counts."""
    body_sha256: str
    """SHA-256 of all bytes after the headers."""
    sender: str
    """Address in lower case; of several the first; '' where it has none."""
    return_path: str | None
    """'' for the empty one of reports; None where the mail server set none."""
    recipients: tuple[str, ...]
    """Every address it was sent or delivered to, in lower case."""
    references: tuple[str, ...]
    """Message-IDs that it answers, the one answered last at the end."""
    subject: str
    written_at: datetime | None
    """UTC; None where its date has no zone or cannot be."""
    text: str
    attachments: tuple[Part, ...]
    report: DeliveryReport | None
    headers: Mapping[str, tuple[str, ...]]
    """By name in lower case, each on one line, in the order of the mail."""


_TELLING = {
    "from", "sender", "to", "cc", "reply-to", "subject", "date", "message-id", "in-reply-to", "references",
    "received", "return-path", "delivered-to", "mime-version", "content-type",
}  # fmt: skip
"""A mail has one of these: other texts have lines with a colon too."""
_DELIVERED_TO = ("to", "cc", "delivered-to", "x-original-to", "envelope-to")
_TEXT_BYTES = 2_000_000
"""Bytes of a text that are decoded: enough for all that is kept, however it is encoded."""
_HTML_BYTES = 1_000_000
_STATUS_BYTES = 100_000
"""Bytes of a report's fields that are read."""
_ENVELOPE = re.compile(rb"(?:\xef\xbb\xbf)?\s{0,1000}+(?:>?From [^\r\n]{0,1000}(?:\r*\n|\r))?")


def read_mail(raw: bytes) -> InboundMail:
    """Read the bytes of one mail. Raises MailUnreadable where they are none, and nothing else."""
    before = _ENVELOPE.match(raw)
    if before is not None and before.end():  # a mark, blank lines, the 'From ' line of mail programs' files
        raw = raw[before.end() :]
    if b"\n" not in raw:
        raw = raw.replace(b"\r", b"\n")
    top = MailPart(raw, 0, len(raw))
    if not top.fields.keys() & _TELLING:
        raise MailUnreadable(
            "no header of a mail was found in it", next_step="Look at the file; hand it in again as .eml if it is one."
        )
    body = _read_body(top)
    headers = {name: tuple(one_line(_plainly(value)) for value in values) for name, values in top.fields.items()}
    senders = [*_addresses(headers, "from"), *_addresses(headers, "sender")]
    sender = senders[0] if senders else ""
    return_path = _return_path(headers)
    subject = header_words(top.first("subject"), body.charset)
    return InboundMail(
        message_id=message_id_in(_first(headers, "message-id")),
        body_sha256=hashlib.sha256(memoryview(raw)[top.body :]).hexdigest(),
        sender=sender,
        return_path=return_path,
        recipients=tuple(dict.fromkeys(_addresses(headers, *_DELIVERED_TO)))[:MAX_ADDRESSES],
        references=_references(headers),
        subject=subject,
        written_at=_date(_first(headers, "date")),
        text=body.text,
        attachments=tuple(body.attachments),
        report=read_report(sender, return_path, subject, headers, body.text, body.returned),
        headers=headers,
    )


def _plainly(value: bytes) -> str:
    """A header as it stands. No encoding is guessed: a thousand of them would take their time."""
    return value.decode("utf-8", "replace")


def _first(headers: Mapping[str, tuple[str, ...]], name: str) -> str:
    return next(iter(headers.get(name, ())), "")


def _addresses(headers: Mapping[str, tuple[str, ...]], *names: str) -> Iterator[str]:
    for name in names:
        for value in headers.get(name, ()):
            yield from addresses_in(value)


def _return_path(headers: Mapping[str, tuple[str, ...]]) -> str | None:
    if "return-path" not in headers:
        return None
    return next(iter(addresses_in(_first(headers, "return-path"))), "")


_MESSAGE_ID = re.compile(r"<[^<>]{1,998}>")


def _references(headers: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Oldest first. What a mail answers stands in In-Reply-To, the way there in References."""
    values = [*headers.get("references", ()), *headers.get("in-reply-to", ())]
    ids = [message_id_in(found) for value in values for found in _MESSAGE_ID.findall(value)]
    newest_first = dict.fromkeys(reversed([name for name in ids if name]))
    return tuple(reversed(list(newest_first)[:MAX_REFERENCES]))


def _date(value: str) -> datetime | None:
    try:
        written = parsedate_to_datetime(value[:200])
        return written.astimezone(UTC) if written.tzinfo is not None else None
    except (ValueError, TypeError, LookupError, OverflowError, AttributeError):
        return None


# --- Text, attachments, what was returned ----------------------------------------------------------------


@dataclass(slots=True)
class _Body:
    text: str = ""
    charset: str = ""
    attachments: list[Part] = field(default_factory=list)
    returned: Returned = field(default_factory=Returned)


def _read_body(top: MailPart) -> _Body:
    body = _Body()
    texts: list[MailPart] = []
    number = 0
    for number, part in enumerate(leaves(top), start=1):
        if part.type in ("text/plain", "text/html") and not part.attached and len(texts) < MAX_TEXTS:
            texts.append(part)
        elif not _is_about_delivery(part, top, body.returned):
            body.attachments.append(Part(number, part.type, *part.fingerprint()))
    body.charset = next((part.parameters["charset"] for part in texts if "charset" in part.parameters), "")
    body.text = _text_of(texts, body.attachments, number)
    return body


def _is_about_delivery(part: MailPart, top: MailPart, returned: Returned) -> bool:
    """Parts that a mail server wrote for a mail server to read; of a returned letter only the headers are read."""
    if part.type in ("message/delivery-status", "message/global-delivery-status"):
        returned.status = returned.status or part.head_of_body(_STATUS_BYTES)
    elif part.type in ("text/rfc822-headers", "message/global-headers"):
        returned.head = returned.head or fields_of_head(part.head_of_body(MAX_HEAD_BYTES))
    elif part.type in ("message/rfc822", "message/global") and top.type == "multipart/report":
        returned.head = returned.head or MailPart(part.raw, part.body, part.end).fields
    else:
        return part.type == "message/disposition-notification"
    return True


def _text_of(texts: list[MailPart], attachments: list[Part], last: int) -> str:
    """Of the versions of a text the plain one, unless it is empty; else HTML as lines. Files in it are taken out."""
    read: dict[int, str] = {}
    for place, part in enumerate(texts):
        if part.type == "text/plain":
            data, files = without_uuencoded(part.head_of_body(_TEXT_BYTES))
            for encoded in files:
                last += 1
                attachments.append(Part(last, "application/octet-stream", *measure_uuencoded(encoded)))
            read[place] = clean(words_of(data, part.parameters.get("charset", "")))
    plain = {texts[place].group for place, words in read.items() if words.strip()} - {0}
    for place, part in enumerate(texts):
        if part.type == "text/html" and part.group not in plain:
            data = part.head_of_body(_HTML_BYTES)
            read[place] = html_words(clean(words_of(data, part.parameters.get("charset", ""))))
    whole = "\n".join(read[place] for place in sorted(read) if read[place].strip())
    return whole[:MAX_TEXT]

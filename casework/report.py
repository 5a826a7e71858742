"""A report as the authority reads it, whatever format it came in.

The raw bytes are stored before any of this runs; a report that cannot be read is held,
never lost. Limits here bound what one report may carry.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from casework.errors import ReportRefused
from casework.vocabulary import AgeBand, Ground, HoldReason, RequestedAction

MAX_LINKS = 200
MAX_RAW_BYTES = 1_000_000
"""Bytes of one report; a larger one is held by its digest and its first bytes."""

Short = Annotated[str, StringConstraints(max_length=200)]
Long = Annotated[str, StringConstraints(max_length=20_000)]
EARLIEST_YEAR = 1990
"""Nothing was online to be seen before; an earlier year is a slip of the pen."""


def _written_out(value: Any) -> Any:
    """A bare number is no date: 20260318 would be read as seconds since 1970."""
    if not isinstance(value, datetime) and not (isinstance(value, str) and ":" in value):
        raise ValueError("write the date with time and zone, as in 2026-03-18T09:00:00+05:00")
    return value


def _on_one_line(value: Any) -> Any:
    """A line break in a name would begin a new header of a letter."""
    return " ".join(value.split()) if isinstance(value, str) else value


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out)]
Line = Annotated[str, BeforeValidator(_on_one_line)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.\-]{0,63}$")]


class _Open(BaseModel):
    """Unknown fields do not sink a report; they are named on the case as not read."""

    model_config = ConfigDict(frozen=True, extra="allow")


class ReportedItem(_Open):
    """One link and what is known about it."""

    url: Annotated[str, StringConstraints(max_length=4_000)]
    observed_at: Moment | None = None
    note: Long = ""


class Person(_Open):
    """Goes to the party vault and nowhere else."""

    name: Annotated[Line, StringConstraints(max_length=200)] = ""
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    phone: Annotated[Line, StringConstraints(max_length=40)] = ""
    is_child: bool = False


class Attachment(_Open):
    """What came with a report. Media is refused; only names and digests of documents are kept."""

    filename: Short
    media_type: Annotated[str, StringConstraints(max_length=120)] = "application/octet-stream"
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    media: bool = False


class Report(_Open):
    """What a reporter, a hotline or another authority tells us. Only links are indispensable."""

    reference: Short = ""
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None
    category: Code = "unclassified"
    items: Annotated[tuple[ReportedItem, ...], Field(max_length=MAX_LINKS)] = ()
    links: Annotated[tuple[Annotated[str, StringConstraints(max_length=4_000)], ...], Field(max_length=MAX_LINKS)] = ()
    observed_at: Moment | None = None
    provider_told_at: Moment | None = None
    description: Long = ""
    quote: Long = ""
    translation: Long = ""
    why_unlawful: Long = ""
    age_band: AgeBand = AgeBand.UNKNOWN
    indicators: Annotated[tuple[Code, ...], Field(max_length=50)] = ()
    ground: Ground | None = None
    policy_line: Short = ""
    legal_basis: Annotated[tuple[Short, ...], Field(max_length=20)] = ()
    expert_decision: Short = ""
    requested_action: RequestedAction | None = None
    territories: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")], ...], Field(max_length=50)
    ] = ()
    reporter: Person = Person()
    anonymous: bool = False
    victim: Person | None = None
    attachments: Annotated[tuple[Attachment, ...], Field(max_length=50)] = ()
    channel: Literal["web", "mail", "hotline", "authority", "monitoring"] = "web"

    def all_items(self) -> tuple[ReportedItem, ...]:
        """Items and bare links together; a bare link inherits the report's ``observed_at``."""
        bare = tuple(ReportedItem(url=link, observed_at=self.observed_at) for link in self.links)
        own = tuple(
            item if item.observed_at is not None else item.model_copy(update={"observed_at": self.observed_at})
            for item in self.items
        )
        return own + bare

    @property
    def refused_media(self) -> int:
        """How many attachments are media and stay outside the case."""
        return sum(
            attachment.media or is_media(attachment.filename, attachment.media_type) for attachment in self.attachments
        )

    def unread_fields(self) -> tuple[str, ...]:
        """Names of fields we do not know; values are not repeated."""
        return tuple(sorted(self.model_extra or {}))


def read_report(fields: dict[str, Any], now: datetime) -> Report:
    """Check the fields of one report at ``now`` (aware).

    Raises ReportRefused naming the field, never its value: it may be personal data.
    """
    try:
        report = Report.model_validate(fields)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in fault["loc"])
        dated = "observed_at" in where or where == "provider_told_at"
        raise ReportRefused(
            HoldReason.BAD_DATE if dated else HoldReason.BAD_FIELD,
            f"field '{where}': {fault['msg']}",
            next_step="Correct the field and replay the report.",
        ) from None
    for item in report.all_items():
        _check_date("observed_at", item.observed_at, now)
    _check_date("provider_told_at", report.provider_told_at, now)
    return report


def _check_date(field: str, at: datetime | None, now: datetime) -> None:
    if at is None or (at <= now and at.year >= EARLIEST_YEAR):
        return
    where = "in the future" if at > now else f"before {EARLIEST_YEAR}"
    raise ReportRefused(
        HoldReason.BAD_DATE, f"field '{field}' lies {where}", next_step="Correct the date and replay the report."
    )


_MEDIA_TYPES = ("image/", "video/", "audio/")
_MEDIA_ENDINGS = (
    ".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".heic", ".tif", ".tiff", ".svg", ".avif",
    ".mp4", ".mov", ".avi", ".mkv", ".webm", ".3gp", ".m4v", ".mp3", ".ogg", ".wav", ".m4a",
    ".zip", ".rar", ".7z", ".tar", ".gz",
)  # fmt: skip
_ARCHIVES = ("application/zip", "application/x-rar", "application/vnd.rar", "application/x-7z-compressed",
             "application/gzip", "application/x-tar")  # fmt: skip
_MAGIC = (
    b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b",
    b"\x1aE\xdf\xa3", b"ID3", b"OggS",
    b"II*\x00", b"MM\x00*", b"\xff\xfb", b"fLaC",
)  # fmt: skip


def is_media(filename: str, media_type: str, head: bytes = b"") -> bool:
    """Whether something is an image, video, sound or archive, by type, by ending or by first bytes.

    Such a part is never taken into a case: a copy may be a crime to hold, and the link is enough.
    """
    kind = media_type.lower()
    looks = kind.startswith(_MEDIA_TYPES) or kind in _ARCHIVES or filename.lower().endswith(_MEDIA_ENDINGS)
    return looks or head[4:8] == b"ftyp" or any(head.startswith(magic) for magic in _MAGIC)

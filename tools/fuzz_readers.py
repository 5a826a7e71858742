"""Every reader of what comes from outside, given bytes, and a good example for each: to be imported under atheris,
which follows the code that is loaded then."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from casework.calendar_feed import FeedUnreadable, read_feed
from casework.errors import PackError, ReportRefused
from casework.inbound_mail import MailUnreadable, read_mail
from casework.letter_reader import read_letter
from casework.links import LinkRefused, read_link
from casework.pack_reader import read_pack
from casework.report_formats import split_file
from tasks.intake_reading import read_raw
from tasks.runtime import load_pack, pack_texts
from tasks.settings import POLICIES
from tests.fuzz.material import FEED, FILES, MAIL
from tests.stories import link

FOLDER = POLICIES / "kz-ministry"
NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)


def readers() -> dict[str, Callable[[bytes], object]]:
    """Each reader by name, given bytes."""
    pack, texts = load_pack(FOLDER), pack_texts(FOLDER)

    def reports(name: str) -> Callable[[bytes], object]:
        def read(data: bytes) -> None:
            for raw in split_file(name, data):
                with suppress(ReportRefused):
                    read_raw(raw, NOW, pack)

        return read

    def refusing(read: Callable[[bytes], object], *refusals: type[Exception]) -> Callable[[bytes], object]:
        def one(data: bytes) -> None:
            with suppress(*refusals):
                read(data)

        return one

    def text(data: bytes) -> str:
        return data.decode("utf-8", "replace")

    return {
        "jsonl": reports("a.jsonl"),
        "json": reports("a.json"),
        "csv": reports("a.csv"),
        "eml": reports("a.eml"),
        "mail": refusing(read_mail, MailUnreadable),
        "link": refusing(lambda data: read_link(text(data)), LinkRefused),
        "letter": lambda data: read_letter(text(data)),
        "feed": refusing(lambda data: read_feed(data, 2026), FeedUnreadable),
        "pack": refusing(lambda data: read_pack("fuzzed", {**texts, "roles": text(data)}), PackError),
    }


def examples() -> dict[str, bytes]:
    """For each reader something that it reads: from there on the search finds what it would not find from nothing."""
    return {
        "jsonl": FILES["reports.jsonl"],
        "json": FILES["reports.json"],
        "csv": FILES["reports.csv"],
        "eml": MAIL,
        "mail": MAIL,
        "link": link(1).encode(),
        "letter": MAIL,
        "feed": FEED,
        "pack": pack_texts(FOLDER)["roles"].encode(),
    }

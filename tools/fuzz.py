"""``python -m tools.fuzz READER``: feed one reader by coverage with atheris, until Ctrl-C or ``--seconds``.

Atheris is not in the lock file: it has wheels for few systems. Where it is not installed this says so and ends with 2.
What the readers are held to is the same as in tests/fuzz: any error but our own ends the run, with the input kept.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from importlib.util import find_spec

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

NOW = datetime(2026, 3, 18, 4, 0, tzinfo=UTC)


def readers() -> dict[str, Callable[[bytes], object]]:
    """Each reader by name, given bytes."""
    folder = POLICIES / "kz-ministry"
    pack, texts = load_pack(folder), pack_texts(folder)

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


def main() -> int:
    """Run; 0 when the time is over, 2 without atheris. A finding ends the process by itself."""
    asked = argparse.ArgumentParser(
        prog="python -m tools.fuzz", description=__doc__.split("\n\n")[0] if __doc__ else ""
    )
    known = readers()
    asked.add_argument("reader", choices=sorted(known))
    asked.add_argument("--seconds", type=int, default=60, help="how long; by default a minute")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    if find_spec("atheris") is None:
        sys.stderr.write("atheris is not installed; 'make prove' fuzzes every reader without it (tests/fuzz).\n")
        return 2
    import atheris  # type: ignore[import-not-found]

    atheris.instrument_all()
    switches = [
        f"-max_total_time={given.seconds}",
        f"-seed={given.seed}",
        "-max_len=4096",
        "-timeout=5",
        "-rss_limit_mb=1024",
    ]
    atheris.Setup([sys.argv[0], *switches], known[given.reader])
    atheris.Fuzz()
    return 0


if __name__ == "__main__":
    sys.exit(main())

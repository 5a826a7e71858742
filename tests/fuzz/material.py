"""What readers are given: bytes at random, and good samples with something spliced, cut, doubled or exchanged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any, TypeVar

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.stories import link, report

EXAMPLES = int(os.environ.get("QORGAN_FUZZ", "60"))
"""Inputs a reader is given: few with every test run, thousands in `make prove`."""

SECONDS = 5
"""No reader may take longer over one small input, on a busy machine."""

Test = TypeVar("Test", bound=Callable[..., Any])


def fuzzed(share: int = 1, **strategies: st.SearchStrategy[Any]) -> Callable[[Test], Test]:
    """The same inputs each time. ``share`` divides their number where one of them costs much."""
    quiet = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    chosen = settings(
        max_examples=max(EXAMPLES // share, 5), derandomize=True, database=None, deadline=SECONDS * 1_000,
        suppress_health_check=quiet,
    )  # fmt: skip

    def make(test: Test) -> Test:
        return chosen(given(**strategies)(test))  # type: ignore[return-value]

    return make


Found = TypeVar("Found")


def read_or_refused(read: Callable[[], Found], refusal: type[Exception]) -> Found | None:
    """What was read; None where it was refused, and then in a sentence that a person can read and a terminal can show.

    Any other error is a fault of ours, and passes.
    """
    try:
        return read()
    except refusal as error:
        said = str(error)
        assert said.strip(), "a refusal says why"
        assert len(said) < 3_000, "and does not repeat what it was given"
        assert "\x00" not in said
        return None


NASTY = [
    "\x00", "\ud800", "\udcff", "\u202e", "\ufeff", "\u2028", "\r\n", "\r", "\x1b[2J", "\u0130", "ﷺ" * 40, "🧿", "é",
    "'", '"', "`", "{{ 7*7 }}", "{% raw %}", "%s%n", "=HYPERLINK(1)", "../../etc/passwd", "javascript:alert(1)",
    "https://", "https://[::1", "https://user:pw@x.example/", "hxxps://a[.]example", "٣", "²", "NaN", "1e999", "-0",
    "9" * 400, "true", "null", "2026-02-30T25:61:00+99:99", "0001-01-01T00:00:00+00:00", "x" * 3_000,
]  # fmt: skip
"""What has broken one reader or another somewhere."""

texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=60), st.text(st.characters(), max_size=20))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(2**70), 2**70), st.floats(), texts,
    st.sampled_from([10**400, -1, 2**63, 0]),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
"""Any value that JSON can hold, and some that it should not."""


STUFF = [b"[" * 300, b"{" * 300, b"\xff\xfe", b"\n", b",", b";", b'"', b"--edge", b":", b"&a *a"]
"""What means something to one format or another."""


@st.composite
def spoiled(draw: st.DrawFn, samples: list[bytes]) -> bytes:
    """A good sample, spoiled in up to six places."""
    data = draw(st.sampled_from(samples))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        until = min(at + draw(st.sampled_from([0, 1, 2, 8, 40])), len(data))
        piece = draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from(NASTY).map(lambda text: text.encode("utf-8", "surrogatepass")),
                st.sampled_from(STUFF),
                st.just(data[at:until] * 3),
            )
        )
        data = data[:at] + piece + data[until:]
    return data


@st.composite
def report_fields(draw: st.DrawFn) -> dict[str, Any]:
    """The fields of a good report, some of them exchanged for anything at all."""
    more = {"items": [], "victim": {"name": "A"}, "attachments": [], "territories": ["KZ"], "legal_basis": [], "a": 1}
    fields = {**report(links=[link(7)]), **more, "indicators": []}
    for name in draw(st.lists(st.sampled_from([*fields]), max_size=4)):
        fields[name] = draw(values)
    if draw(st.booleans()):
        fields[draw(texts)] = draw(values)
    return fields


def as_json(value: Any) -> bytes:
    """JSON as a careless program writes it: NaN, lone surrogates and all."""
    try:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    except ValueError:
        return json.dumps(repr(value)).encode()


CSV = (
    "url,category,language,description,reporter_name,reporter_email\r\n"
    'https://www.tiktok.com/@a/video/7300000000000000001,fraud,ru,"Обещают, и просят",Practice,p@mail.example\r\n'
    "https://www.tiktok.com/@a/video/7300000000000000002,drugs,kk,Сатады,,\r\n"
).encode()
MAIL = (
    "From: Practice Reporter <reporter@mail.example>\r\nTo: unit@authority.example\r\n"
    "Subject: =?utf-8?B?0J/RgNC40LLQtdGC?=\r\n"
    "Message-ID: <1@mail.example>\r\nDate: Wed, 18 Mar 2026 09:00:00 +0500\r\nMIME-Version: 1.0\r\n"
    'Content-Type: multipart/mixed; boundary="edge"\r\n\r\n'
    "--edge\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    "Прошу проверить https://www.tiktok.com/@a/video/7300000000000000003 и ответить.\r\n"
    '--edge\r\nContent-Type: application/pdf; name="a.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n'
    "--edge--\r\n"
).encode()
FEED = (
    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//a//b//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    b"DTSTART;VALUE=DATE:20260321\r\nDTEND;VALUE=DATE:20260324\r\nSUMMARY:Nauryz\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)
LINES = b"\n".join(json.dumps(report(links=[link(number)]), ensure_ascii=False).encode() for number in (1, 2))
LIST = json.dumps([report(links=[link(3)]), report(links=[link(4)])], ensure_ascii=False).encode()
FILES = {"reports.jsonl": LINES, "reports.json": LIST, "reports.csv": CSV, "mail.eml": MAIL}
"""One good file of each format."""

"""Answers of a platform, made up to break us: a receipt, a page of answers, or down; no more is read than may be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from hypothesis import strategies as st

from tasks import channels
from tasks.channels import Accepted, ApiChannel, ChannelDown, Outgoing
from tests.fuzz.material import as_json, fuzzed, texts, values
from tests.stories import START

NOTICE = Outgoing("KZ-2026-000001/S1", "practice", "key", b"{}")
ANSWER = {
    "cursor": 1, "answer_id": "a1", "reference": "R-1", "submission": "KZ-2026-000001/S1", "item": "1",
    "outcome": "removed_globally", "decided_at": "2026-03-18T04:00:00Z",
}  # fmt: skip
deep = st.sampled_from([b"[" * 100_000, b'{"a":' * 50_000, b"\xff", b""])
bodies = st.one_of(values.map(as_json), st.binary(max_size=100), deep)


def answering(status: int, body: bytes | Iterator[bytes], headers: dict[str, str] | None = None) -> ApiChannel:
    """A channel whose platform always says the same."""
    channel = ApiChannel("http://platform.example", "practice", 5.0)

    def stream() -> Iterator[bytes]:
        yield from [body] if isinstance(body, bytes) else body

    respond = httpx.MockTransport(lambda _: httpx.Response(status, content=stream(), headers=headers))
    channel._client = httpx.Client(base_url="http://platform.example", transport=respond)
    return channel


@fuzzed(
    status=st.sampled_from([200, 201, 204, 302, 404, 409, 429, 500, 503]),
    body=st.one_of(bodies, texts.map(lambda text: as_json({"reference": text}))),
    wait=st.sampled_from(["", "5", "²", "9" * 400, "-1", "1e5", "Wed, 18 Mar 2026 09:00:00 GMT"]),
)
def test_any_answer_to_a_notice_is_a_receipt(status: int, body: bytes, wait: str) -> None:
    channel = answering(status, body, {"Retry-After": wait} if wait.isascii() else {})
    for receipt in (channel.send(NOTICE, START), channel.lookup(NOTICE)):
        assert receipt.accepted in set(Accepted)
        if receipt.accepted is Accepted.YES:
            assert receipt.reference
            assert "\x00" not in receipt.reference
            receipt.reference.encode()
        assert receipt.retry_after is None or receipt.retry_after < 10**6


@fuzzed(
    body=st.one_of(
        bodies,
        st.fixed_dictionaries({"answers": st.lists(values, max_size=3), "next": values}).map(as_json),
        st.dictionaries(st.sampled_from(sorted(ANSWER)), values, max_size=3).map(
            lambda changes: as_json({"answers": [{**ANSWER, **changes}], "next": 9})
        ),
    )
)
def test_any_page_of_answers_is_read_row_by_row_or_the_platform_is_down(body: bytes) -> None:
    try:
        page = answering(200, body).answers(0)
    except ChannelDown:
        return
    assert 0 <= page.next <= channels.LAST_POSITION


def test_an_answer_without_end_is_left_and_nothing_is_believed_of_it() -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(10_000):
            read.append(1)
            yield b" " * 65_536

    for ask in (lambda one: one.send(NOTICE, START).accepted, lambda one: one.lookup(NOTICE).accepted):
        read: list[int] = []
        assert ask(answering(200, endless())) is Accepted.UNKNOWN
        assert len(read) * 65_536 <= channels.LONGEST_ANSWER + 2 * 65_536
    with pytest.raises(ChannelDown):
        answering(200, endless()).answers(0)


def test_an_answer_that_drips_is_left_when_its_time_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(0, 10_000, 2))
    monkeypatch.setattr(channels, "monotonic", lambda: float(next(seconds)))

    def dripping() -> Iterator[bytes]:
        for _ in range(100):
            yield b" "

    assert answering(200, dripping()).send(NOTICE, START).accepted is Accepted.UNKNOWN


def test_more_answers_than_were_asked_for_are_not_half_read() -> None:
    rows: list[Any] = [ANSWER] * (channels.MOST_ANSWERS + 1)
    with pytest.raises(ChannelDown):
        answering(200, as_json({"answers": rows, "next": 5})).answers(0)


@pytest.mark.parametrize("position", [-1, 2**70, 4])
def test_a_position_that_goes_back_or_nowhere_is_not_believed(position: int) -> None:
    with pytest.raises(ChannelDown):
        answering(200, as_json({"answers": [], "next": position})).answers(5)

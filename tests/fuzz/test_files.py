"""Files of the administrator: policy packs, tables of days, the users file, calendar feeds, times at the desk."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import strategies as st

from casework.calendar_feed import MOST_DAYS, FeedUnreadable, read_feed
from casework.errors import ConfigurationError, PackError
from casework.local_time import LocalTimeInvalid, local_instant
from casework.pack_reader import read_pack
from tasks.runtime import pack_texts
from tasks.settings import POLICIES
from tasks.users import read_users
from tests.fuzz.material import FEED, NASTY, fuzzed, read_or_refused, spoiled, texts
from tests.stories import USERS

PACK = pack_texts(POLICIES / "kz-ministry")
BOMB = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 8)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
"""Aliases of aliases: a few lines that would be a hundred million entries."""


@fuzzed(data=spoiled([USERS.read_bytes()]))
def test_any_users_file_is_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "users.yaml"
    path.write_bytes(data)
    found = read_or_refused(lambda: read_users(path), ConfigurationError)
    assert found is None or all(actor.id == id_ for id_, actor in found.by_id.items())


@fuzzed(share=2, data=spoiled([text.encode() for name, text in PACK.items() if name in ("retention", "roles", "mail")]),
        name=st.sampled_from(["retention", "roles", "mail", "overrides.csv"]))  # fmt: skip
def test_any_file_of_a_pack_is_read_or_refused_with_its_line(data: bytes, name: str) -> None:
    texts_ = {**PACK, name: data.decode("utf-8", "replace")}
    found = read_or_refused(lambda: read_pack("fuzzed", texts_), PackError)
    assert found is None or found.folder == "fuzzed"


@pytest.mark.parametrize("text", [BOMB, "[" * 50_000, "a: &a [*a]", "- " * 20_000, "{" * 5_000, "? " * 3_000, "\x00"])
def test_a_pack_that_would_never_end_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(PackError):
        read_pack("fuzzed", {**PACK, "roles": text})
    users = tmp_path / "users.yaml"
    users.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError):
        read_users(users)


@fuzzed(data=st.one_of(st.binary(max_size=300), spoiled([FEED])))
def test_any_feed_is_read_or_refused(data: bytes) -> None:
    found = read_or_refused(lambda: read_feed(data, 2026), FeedUnreadable)
    assert found is None or len(found) <= MOST_DAYS


@fuzzed(text=st.one_of(texts, st.sampled_from(["2026-03-29 02:30", "2026-13-01 00:00", *NASTY])))
def test_any_time_at_the_desk_is_a_time_or_is_refused(text: str) -> None:
    with suppress(LocalTimeInvalid):
        assert local_instant(text, "Asia/Almaty").tzinfo is not None

"""The desk and the acknowledgement page: whatever is typed or requested, an answer, and no fault of ours."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import httpx
import pytest
from hypothesis import strategies as st

from desk.acknowledge_page import acknowledgement_app
from tests.desk.conftest import AtTheDesk
from tests.desk.conftest import database_url as database_url
from tests.fuzz.material import fuzzed, texts
from tests.pages import serving
from tests.stories import REVIEWER, Story

words = st.one_of(texts, st.sampled_from(["--json", "--as", REVIEWER, "--reason", "KZ-2026-000001", "-1", "--limit"]))
commands = st.sampled_from([
    ("case", "show"), ("case", "merge"), ("cases",), ("hold", "place"), ("hold", "lift"), ("hold", "list"),
    ("retention", "show"), ("explain", "due"), ("review", "approve"), ("review", "decline"), ("held", "settle"),
    ("contact", "absent"), ("contact", "mend"), ("letters", "show"), ("mail", "list"), ("submission", "dossier"),
    ("clock", "list"), ("policy", "check"), ("report", "add"), ("explain", "next"), (),
])  # fmt: skip


@fuzzed(share=2, command=commands, said=st.lists(words, max_size=5))
def test_any_words_at_the_desk_are_done_or_refused(desk: AtTheDesk, command: tuple[str, ...], said: list[str]) -> None:
    result = desk.run(*command, *said)
    assert result.exit_code in (0, 1, 2), result.output
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)


@pytest.fixture
def page(story: Story) -> Iterator[str]:
    with serving(acknowledgement_app(story.runtime)) as address:
        yield address


@fuzzed(token=st.one_of(st.text(max_size=200), st.binary(max_size=80).map(lambda raw: raw.decode("latin-1"))))
def test_any_address_of_the_page_is_answered_and_changes_nothing(story: Story, page: str, token: str) -> None:
    path = f"{page}/acknowledge/{quote(token, safe='', errors='replace')}"
    before = story.counts()
    for answer in (httpx.get(path, trust_env=False), httpx.post(path, content=b"x" * 1_000, trust_env=False)):
        assert answer.status_code in (307, 404, 405), "no such link: nobody signed it"
    assert story.counts() == before

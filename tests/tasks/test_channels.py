"""Channels to the platforms, before anybody asks one."""

from __future__ import annotations

import httpx
import pytest

from tasks.channels import ChannelDown, make_channels
from tests.stories import Story


def test_who_asks_no_platform_reads_no_certificate_authorities(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[object] = []
    client = httpx.Client

    def note_and_make(**settings: object) -> httpx.Client:
        made.append(settings)
        return client(**settings)  # type: ignore[arg-type]

    monkeypatch.setattr(httpx, "Client", note_and_make)
    api = make_channels(story.runtime.settings.model_copy(update={"platform_url": "http://127.0.0.1:9"}))["api"]
    assert made == []
    for _ in range(2):
        with pytest.raises(ChannelDown):
            api.answers(0)
    assert len(made) == 1, "and who asks twice reads them once"

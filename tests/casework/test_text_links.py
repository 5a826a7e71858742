"""Links inside texts are defanged, whatever shape they have; words and numbers stay."""

from __future__ import annotations

import pytest

from casework.text_links import defang_text


@pytest.mark.parametrize(
    "text",
    [
        "See https://www.tiktok.com/@a/video/1 now.",
        "HTTP://EXAMPLE.COM/x",
        "look at example.com/page",
        "ftp://files.example/a and http://b.example",
        "10.0.0.1:8080/login",
        "см. https://пример.рф/путь",
    ],
)
def test_no_program_finds_a_link_in_it_any_more(text: str) -> None:
    said = defang_text(text)
    assert said != text
    assert "http://" not in said.lower()
    assert "https://" not in said.lower()


@pytest.mark.parametrize(
    "text", ["Art. 41-1(5) of the Law, No. 18-VIII.", "KZ-2026-000123/S1", "1: removed_globally", ""]
)
def test_what_is_no_link_stays(text: str) -> None:
    assert defang_text(text) == text

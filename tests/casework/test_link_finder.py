"""Every link of a text is found as it was written, and nothing that looks like one is lost."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.link_finder import find_links


def keys(text: str) -> list[str]:
    return [found.link.key for found in find_links(text).links]


@pytest.mark.parametrize(
    "text",
    [
        "See https://github.com/a/b.",
        "See https://github.com/a/b, then go on",
        "See https://github.com/a/b; then",
        "(https://github.com/a/b)",
        "(see https://github.com/a/b).",
        "«https://github.com/a/b»",
        'the page "https://github.com/a/b"',
        "'https://github.com/a/b'",
        "<https://github.com/a/b>",
        "&lt;https://github.com/a/b&gt;",
        "[a page](https://github.com/a/b)",
        "**https://github.com/a/b**",
        "https://github.com/a/b?",
        "https://github.com/a/b…",
        "https://github.com/a/b .",
        "请删除https://github.com/a/b。谢谢",
        "请删除https://github.com/a/b，谢谢",
        "请删除https://github.com/a/b；谢谢",
        "（https://github.com/a/b）",
        "链接：https://github.com/a/b、其他",
        "请删除https://github.com/a/b中的信息",
        "请删除https://github.com/a/b/中的信息",
        "ссылкаhttps://github.com/a/bи другое",
        "URLhttps://github.com/a/b",
        "https[:]//github[.]com/a/b",
        "hxxps://github.com/a/b",
        "hxxps[:]//github(dot)com/a/b",
        "https: // github.com/a/b",
        "github.com/a/b",
        "github.com/a/b.",
        "www.github.com/a/b",
        "https://git\u200bhub.com/a/\u00adb",
        "https://github.com/\u200ca/b",
        "\ufeffhttps://github.com/a/b\u200e",
    ],
)
def test_a_link_is_found_whatever_stands_around_it(text: str) -> None:
    assert keys(text) == ["github:repository:a/b"]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("сайт bartertone.github.io/leavehomesafer снят", "github:site:bartertone:leavehomesafer"),
        ("the site www.example.org/x", "web:example.org:/x"),
        ("the site casino.test is open", "web:casino.test:/"),
        ("сайт пример.рф/путь", "web:xn--e1afmkfd.xn--p1ai:/%D0%BF%D1%83%D1%82%D1%8C"),
        (
            "https://www.example.org/ru/app/ркн/id1511970611",
            "web:example.org:/ru/app/%D1%80%D0%BA%D0%BD/id1511970611",
        ),
        ("https://github.com/o/r/blob/main/文件.md", "github:file:o/r:main/%E6%96%87%E4%BB%B6.md"),
        ("https://www.example.org/wiki/法轮功。", "web:example.org:/wiki/%E6%B3%95%E8%BD%AE%E5%8A%9F"),
        ("(https://www.example.org/wiki/A_(b))", "web:example.org:/wiki/A_(b)"),
        ("https://www.example.org/x?a=1&amp;b=2", "web:example.org:/x?a=1&b=2"),
    ],
)
def test_a_link_keeps_what_is_its_own(text: str, key: str) -> None:
    assert keys(text) == [key]


@pytest.mark.parametrize(
    "text",
    [
        "see README.md and run.sh",
        "1317854_notification_on.rtf.sig",
        "write to someone@example.org or john.smith@mail.example.org",
        "Article 15.In the case of p.3, e.g. a/b and/or c",
        "versions 1.2.3 and 2.0/3.0",
        "т.е. и т.д. по ст.15.1",
        "It was removed.It is gone",
        "https://",
        "a javascript: scheme",
    ],
)
def test_files_mail_addresses_and_prose_are_no_links(text: str) -> None:
    found = find_links(text)
    assert (found.links, found.refused) == ((), ())


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("click javascript:alert(1) now", "link.scheme"),
        ("at ftp://files.example.org/x.", "link.scheme"),
        ("at https://user:pw@www.example.org/x", "link.credentials"),
        ("at http://localhost:8000/x", "link.private_address"),
        ("at https://www.example.org/" + "a" * 3000, "link.too_long"),
    ],
)
def test_what_looks_like_a_link_and_cannot_be_used_is_returned_with_its_rule(text: str, rule: str) -> None:
    found = find_links(text)
    assert found.links == ()
    assert [refused.rule for refused in found.refused] == [rule]
    refused = found.refused[0]
    assert text[refused.start : refused.end] == refused.text


def test_an_item_named_three_times_is_one_item_with_three_places() -> None:
    text = "See https[:]//github[.]com/A/b, then http://www.github.com/a/b/, github.com/a/b?x=1; t.me/channel/1"
    first, second = find_links(text).links
    assert (first.count, second.count) == (3, 1)
    assert first.link.original == "https[:]//github[.]com/A/b"
    assert text[first.start : first.end] == first.link.original
    assert [text[start:end] for start, end in first.places][1:] == [
        "http://www.github.com/a/b/",
        "github.com/a/b?x=1",
    ]
    assert first.context == "See "


def test_the_context_is_the_text_just_before() -> None:
    found = find_links("x" * 200 + " the page: https://github.com/a/b").links[0]
    assert found.context.endswith("the page: ")
    assert len(found.context) == 80


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                "https://t.me/abc/1",
                "github[.]com/a/b",
                "\u200b",
                " ",
                "。",
                "да",
                "中",
                "&amp;",
                "://",
                "(",
                "\n",
                "www.",
            ]
        )
    )
)
def test_every_place_lies_in_the_text(pieces: list[str]) -> None:
    text = "".join(pieces)
    found = find_links(text)
    for link in found.links:
        assert text[link.start : link.end] == link.link.original
        assert all(0 <= start < end <= len(text) for start, end in link.places)
    for refused in found.refused:
        assert text[refused.start : refused.end] == refused.text


HOSTILE = {
    "labels": "a.",
    "schemes": "https://",
    "brackets": "https://a.example/" + ")" * 50,
    "dots": "[.]",
    "prose": "https://github.com/a/中",
    "letters": "a",
    "hyphens": "a-",
    "invisible": "\u200b",
    "entities": "&amp;",
    "spaces": " ",
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_takes_time_in_line_with_its_length(piece: str) -> None:
    text = (piece * (300_000 // len(piece) + 1))[:300_000]
    started = time.perf_counter()
    find_links(text)
    assert time.perf_counter() - started < 2

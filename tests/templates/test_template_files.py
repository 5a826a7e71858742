"""What must hold for the template files themselves, before anything is rendered."""

from __future__ import annotations

import re

import pytest
from jinja2 import meta

from casework.letter_context import LetterContext
from casework.letters import LETTERS
from casework.vocabulary import LANGUAGES
from tasks.pack_wording import read_words
from tests.templates.rendering import ENVIRONMENT, EVERY_LETTER, FILES, TEMPLATES

KEYS = set(LetterContext.__annotations__)
IMPORTED = {"w", "say", "part"}
"""What a letter imports at its head and its blocks then use: shared words, its own wording, the parts."""

SOURCES = sorted(
    path.relative_to(TEMPLATES).as_posix() for path in TEMPLATES.rglob("*") if path.suffix in {".txt", ".html"}
)
WORD_FILES = [name for name in SOURCES if name.endswith(("words.txt", "wording.txt"))]
FORBIDDEN = ("child porn", "детская порнограф", "детской порнограф", "детскую порнограф", "балалар порнограф")


def source(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


def test_every_letter_of_the_registry_has_its_files_in_every_language() -> None:
    wanted = {f"{letter}/{language}/{file}" for letter, language in EVERY_LETTER for file in FILES}
    assert len(wanted) == 9 * len(LETTERS)
    assert wanted <= set(SOURCES)


def test_every_folder_has_a_line_in_the_registry() -> None:
    folders = {path.name for path in TEMPLATES.iterdir() if path.is_dir() and path.name != "_base"}
    assert folders == set(LETTERS)
    for letter in LETTERS:
        assert {path.name for path in (TEMPLATES / letter).iterdir()} == set(LANGUAGES)


@pytest.mark.parametrize("name", SOURCES)
def test_a_template_uses_only_what_the_context_declares(name: str) -> None:
    used = meta.find_undeclared_variables(ENVIRONMENT.parse(source(name)))
    assert used - IMPORTED <= KEYS
    if name in WORD_FILES:
        assert used <= KEYS


@pytest.mark.parametrize("name", SOURCES)
def test_our_own_words_never_call_the_abuse_of_children_by_the_wrong_name(name: str) -> None:
    text = source(name).casefold()
    assert not [phrase for phrase in FORBIDDEN if phrase in text]


@pytest.mark.parametrize("name", SOURCES)
def test_no_template_switches_escaping_off(name: str) -> None:
    assert not re.search(r"\|\s*safe\b|autoescape|\|\s*xmlattr", source(name))


@pytest.mark.parametrize("name", WORD_FILES)
def test_word_files_hold_no_macros_because_an_html_letter_would_not_escape_them(name: str) -> None:
    assert "{% macro" not in source(name)


@pytest.mark.parametrize("letter", LETTERS)
def test_a_letter_has_the_same_named_words_in_every_language(letter: str) -> None:
    def names(language: str) -> list[str]:
        return re.findall(r"{% set (\w+)", source(f"{letter}/{language}/wording.txt"))

    assert names("kk") == names("ru") == names("en")
    assert len(names("kk")) >= 4


def test_the_shared_words_are_the_same_in_every_language() -> None:
    names = {language: re.findall(r"{% set (\w+)", source(f"_base/{language}/words.txt")) for language in LANGUAGES}
    assert names["kk"] == names["ru"] == names["en"]


def test_no_shared_word_is_left_without_a_use() -> None:
    structure = "".join(source(name) for name in SOURCES if name not in WORD_FILES)
    unused = [
        word
        for word in re.findall(r"{% set (\w+)", source("_base/en/words.txt"))
        if not re.search(rf"\bw\.{word}\b", structure)
    ]
    assert unused == []


@pytest.mark.parametrize("letter", LETTERS)
def test_kazakh_is_written_in_kazakh_letters(letter: str) -> None:
    wording = source(f"{letter}/kk/wording.txt")
    assert len(set("әғқңөұүһі") & set(wording.casefold())) >= 5
    assert set("әғқңөұүһі") & set(source(f"{letter}/kk/subject.txt").casefold())


def test_every_word_stands_in_every_language_and_asks_for_the_same_values() -> None:
    for group, codes in read_words(TEMPLATES).items():
        for code, texts in codes.items():
            assert set(texts) == set(LANGUAGES), f"{group}.{code}"
            if group == "counting":
                asked = [sorted(re.findall(r"{(\w+)}", text)) for text in texts.values()]
                assert asked[0] and asked[0] == asked[1] == asked[2], f"{group}.{code}"


@pytest.mark.parametrize("name", SOURCES)
def test_languages_do_not_leak_into_one_another(name: str) -> None:
    text = source(name).casefold()
    if "/en/" in name:
        assert not re.search(r"[а-яәғқңөұүһі]", text)
    if "/ru/" in name:
        assert not re.search(r"[әғқңөұүһі]", text)


def test_the_review_list_says_of_every_letter_in_every_language_how_far_it_is() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w+) \| (\w+) \|$", source("REVIEW.md"), re.M)
    assert [name for name, *_ in listed] == list(LETTERS)
    assert "| letter | " + " | ".join(LANGUAGES) + " |" in source("REVIEW.md")
    assert {state for _, *states in listed for state in states} <= {"draft", "read", "approved"}

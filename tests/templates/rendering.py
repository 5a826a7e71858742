"""Renders letters the way the product does, and reads HTML letters without a browser."""

from __future__ import annotations

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import cast

from jinja2 import FileSystemLoader

from casework.letters import LETTERS
from casework.vocabulary import LANGUAGES, Recipient
from tasks.letter_environment import letter_environment
from tasks.letterpress import guarded
from tests.templates.built_contexts import context

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
FILES = ("subject.txt", "body.txt", "body.html")
EVERY_LETTER = [(letter, language) for letter in LETTERS for language in LANGUAGES]
OF_A_CASE = [(letter, language) for letter, language in EVERY_LETTER if LETTERS[letter].about == "case"]
ABOUT_SEVERAL = [(letter, language) for letter, language in EVERY_LETTER if LETTERS[letter].about == "several"]
OUTSIDE = {Recipient.PLATFORM, Recipient.LIAISON, Recipient.LIAISON_HEAD, Recipient.AUTHORITY}
TO_OUTSIDE = [(letter, language) for letter, language in OF_A_CASE if LETTERS[letter].recipient in OUTSIDE]
"""Letters about one case that lay a matter before the platform's people or the next authority."""

_VOID = {"meta", "br", "hr", "img", "link", "input"}

ENVIRONMENT = letter_environment(FileSystemLoader(TEMPLATES))


def rendered(letter: str, language: str, file: str, **overrides: object) -> str:
    """One file of one letter, rendered over the sample context."""
    if overrides.keys() <= {"child"}:
        return _as_it_is(letter, language, file, cast("bool | None", overrides.get("child")))
    return _render(letter, language, file, overrides)


@cache
def _as_it_is(letter: str, language: str, file: str, child: bool | None) -> str:
    return _render(letter, language, file, {} if child is None else {"child": child})


def _render(letter: str, language: str, file: str, overrides: dict[str, object]) -> str:
    template = ENVIRONMENT.get_template(f"{letter}/{language}/{file}")
    return template.render(guarded(LETTERS[letter], context(letter, language, **overrides)))


def bodies(letter: str, language: str, **overrides: object) -> dict[str, str]:
    """What a reader sees: the text body, and the words of the HTML body, each on one line."""
    return {
        "text": flat(rendered(letter, language, "body.txt", **overrides)),
        "html": page(rendered(letter, language, "body.html", **overrides)).text,
    }


def flat(text: str) -> str:
    """The text on one line, so that where a line breaks does not matter."""
    return " ".join(text.split())


class Page(HTMLParser):
    """An HTML letter: its words, its attributes, and the tags that do not close."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.unbalanced: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self._text: list[str] = []
        self.feed(source)
        self.close()
        self.unbalanced += self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)
        if tag in {"br", "p", "td", "li", "h1", "h2"}:
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        if "title" not in self.open:
            self._text.append(data)

    @property
    def text(self) -> str:
        return flat("".join(self._text))

    @property
    def addresses(self) -> list[str]:
        """Everything a mail client could open or load."""
        return [value for name, value in self.attributes if name in {"href", "src", "background", "action", "srcset"}]


@cache
def page(source: str) -> Page:
    """An HTML letter, read once."""
    return Page(source)


def words(text: str) -> list[str]:
    """The words of a text in order, without punctuation and rules."""
    return [word for word in re.findall(r"\w+", text.casefold()) if word.strip("_")]

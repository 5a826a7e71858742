"""Renders letters the way the product does, and reads HTML letters without a browser."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from casework.letters import LETTERS
from casework.vocabulary import LANGUAGES
from tests.templates.built_contexts import context

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
FILES = ("subject.txt", "body.txt", "body.html")
EVERY_LETTER = [(letter, language) for letter in LETTERS for language in LANGUAGES]

_VOID = {"meta", "br", "hr", "img", "link", "input"}

ENVIRONMENT = SandboxedEnvironment(
    loader=FileSystemLoader(TEMPLATES),
    undefined=StrictUndefined,
    autoescape=lambda name: bool(name) and str(name).endswith(".html"),
    trim_blocks=True,
    lstrip_blocks=True,
)


def rendered(letter: str, language: str, file: str, **overrides: object) -> str:
    """One file of one letter, rendered over the sample context."""
    template = ENVIRONMENT.get_template(f"{letter}/{language}/{file}")
    return template.render(**context(letter, language, **overrides))


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


def words(text: str) -> list[str]:
    """The words of a text in order, without punctuation and rules."""
    return [word for word in re.findall(r"\w+", text.casefold()) if word.strip("_")]

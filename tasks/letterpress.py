"""Rendering of letters: strict, sandboxed, autoescaped; wording is in templates/ and the pack's wording.yaml."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import TemplateError, TemplateNotFound, TemplateSyntaxError, UndefinedError

from casework.errors import QorganError
from casework.letter_context import EXPOSURE, WRITTEN_BY_PEOPLE, Exposure, LetterContext, seal
from casework.letters import Letter, letter
from casework.sealed import Unprintable
from casework.vocabulary import LANGUAGES
from tasks.letter_environment import Asked, asked_by, letter_environment
from tasks.pack_wording import PASSAGES, WordingLoader, Words, check_wording, read_words

PARTS = ("subject.txt", "body.txt", "body.html")
"""The templates of a letter in one language."""

UNFILLED = ("{{", "{%", "###")
"""Marks of a text that somebody meant to fill in."""

MEND = "Mend the template, then replay."


class RenderFailed(QorganError):
    """A letter could not be made; nothing was sent."""

    rule = "letter.render_failed"


class WordingRefused(QorganError):
    """A pack's own wording cannot be used; the message lists every fault, one a line."""

    rule = "policy.wording"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter's three parts. ``subject`` is one line."""

    subject: str
    text: str
    html: str


class Letterpress:
    """Renders the registry's letters from one folder, in a pack's own wording where it has one.

    Raises WordingRefused with every fault of the wording.
    """

    def __init__(self, folder: Path, *, wording: Mapping[str, Any] | None = None) -> None:
        self._folder = folder
        self._wording = wording or {}
        faults = check_wording(folder, self._wording)
        if faults:
            raise WordingRefused("\n".join(map(str, faults)), next_step="Mend wording.yaml; no letter was made.")
        self._environment = letter_environment(WordingLoader(folder, self._wording.get(PASSAGES, {})))
        self._asked: dict[tuple[str, str], Asked] = {}

    def render(self, name: str, context: LetterContext) -> Rendered:
        """The letter in the context's language.

        Raises RenderFailed, which names letter, language and cause, when a variable is missing, a part is empty, a
        placeholder is left, a value is printed that may not stand in this letter, or one is not that has to.
        """
        line, where = letter(name), f"letter '{name}' in '{context.get('language', '?')}'"
        missing = self._missing(name, context, where)
        if missing:
            raise RenderFailed(f"{where}: the context lacks '{min(missing)}'", next_step=MEND)
        shown = guarded(line, context)
        subject, text, page = (self._part(f"{name}/{context['language']}/{part}", shown, where) for part in PARTS)
        subject = " ".join(subject.split())
        for part, said in zip(PARTS, (subject, text, page), strict=True):
            _check_part(part, said, context, where)
        bodies = _dense(text), _dense(html.unescape(page))
        for needed in line.must_contain:
            value = _dense(_value(context, needed))
            if not value or not all(value in body for body in bodies):
                raise RenderFailed(f"{where} does not state its {needed}", next_step=MEND)
        if line.about == "case" and context["case_number"] not in subject:
            raise RenderFailed(f"{where} does not state its case_number in the subject", next_step=MEND)
        return Rendered(subject, text, page)

    def subject(self, name: str, context: LetterContext) -> str:
        """The subject alone, for a line that stands for the letter. Raises RenderFailed."""
        where = f"letter '{name}' in '{context['language']}'"
        said = self._part(f"{name}/{context['language']}/{PARTS[0]}", guarded(letter(name), context), where)
        return " ".join(said.split())

    def variables(self, name: str, language: str) -> frozenset[str]:
        """The keys of a context that a letter's templates ask for, whether or not they are printed.

        Raises TemplateError when a template is missing or cannot be read.
        """
        return self._asked_by(name, language).variables

    def read_ahead(self, name: str, language: str) -> None:
        """Read now what the letter will be made of.

        The first time in a process that takes ten times as long as making the letter does, and whoever makes one
        holds the case file. What cannot be read is told by the letter that needs it.
        """
        with suppress(Exception):
            for template in self._asked_by(name, language).templates:
                self._environment.get_template(template)
            _ = self._words, self.version

    def _asked_by(self, name: str, language: str) -> Asked:
        known = self._asked.get((name, language))
        if known is None:
            parts = (f"{name}/{language}/{part}" for part in PARTS)
            known = self._asked[name, language] = asked_by(self._environment, *parts)
        return known

    def _missing(self, name: str, context: LetterContext, where: str) -> frozenset[str] | set[str]:
        if "language" not in context:
            return {"language"}
        try:
            return self.variables(name, context["language"]) - context.keys()
        except TemplateError as error:
            raise RenderFailed(f"{where}: {_cause(error)}", next_step=MEND) from error

    def _part(self, template: str, shown: Mapping[str, Any], where: str) -> str:
        part = template.rpartition("/")[2]
        try:
            return self._environment.get_template(template).render(shown)
        except Unprintable as error:
            raise RenderFailed(
                f"{where}: {part} prints {error.key}, which is {error.exposure}", next_step=MEND
            ) from error
        except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise RenderFailed(f"{where}: {part}: {_cause(error)}", next_step=MEND) from error

    @cached_property
    def version(self) -> str:
        """SHA-256 over all templates and the pack's wording: recorded on every letter made from them."""
        digest = hashlib.sha256()
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and path.suffix in (".txt", ".html", ".yaml", ".j2"):
                digest.update(str(path.relative_to(self._folder)).encode() + b"\0" + path.read_bytes())
        if self._wording:
            digest.update(b"wording\0" + json.dumps(self._wording, sort_keys=True).encode())
        return digest.hexdigest()

    @cached_property
    def _words(self) -> Words:
        return read_words(self._folder)

    def word(self, group: str, code: str, language: str) -> str:
        """A word of the vocabulary in a language of letters: the pack's own, else that of words.yaml.

        Raises KeyError when neither has it.
        """
        spoken = language if language in LANGUAGES else "en"
        own: Mapping[str, str] = self._wording.get(group, {}).get(code, {})
        return own[spoken] if spoken in own else self._words[group][code][spoken]


def guarded(line: Letter, context: LetterContext) -> dict[str, Any]:
    """The context with a guard in place of every value that may not stand in this letter."""
    return {**context, **{key: seal(key, context.get(key)) for key in _GUARDED[line.internal]}}


_GUARDED = {
    internal: tuple(
        key for key, far in EXPOSURE.items() if far is Exposure.SECRET or (far is Exposure.INTERNAL and not internal)
    )
    for internal in (True, False)
}


def _check_part(part: str, said: str, context: LetterContext, where: str) -> None:
    if not said.strip():
        raise RenderFailed(f"{where} has an empty part: {part}", next_step=MEND)
    for mark in UNFILLED:
        if mark in said and not any(_holds(context.get(key), mark) for key in WRITTEN_BY_PEOPLE):
            raise RenderFailed(f"{where}: {part} has an unfilled placeholder: {mark}", next_step=MEND)


def _holds(value: object, mark: str) -> bool:
    """Whether a mark stands anywhere in a value."""
    if isinstance(value, Mapping):
        return any(_holds(inner, mark) for inner in value.values())
    if isinstance(value, list):
        return any(_holds(inner, mark) for inner in value)
    return isinstance(value, str) and mark in value


def _cause(error: Exception) -> str:
    """What went wrong, in names of the templates only: an error's own words may repeat a value."""
    named = re.search(r"'([A-Za-z_]\w{0,60})' is undefined$|has no attribute '([A-Za-z_]\w{0,60})'$", str(error))
    match error:
        case TemplateNotFound():
            return f"there is no template '{error.name}'"
        case TemplateSyntaxError():
            return f"'{error.name}' cannot be read, line {error.lineno}"
        case UndefinedError() if named:
            return f"'{named[1] or named[2]}' is undefined"
        case _:
            return type(error).__name__


def _value(context: LetterContext, dotted: str) -> str:
    """The value at a dotted key; '' where the way to it ends before."""
    value: Any = context
    for key in dotted.split("."):
        value = value[key] if value else ""
    return str(value)


def _dense(text: str) -> str:
    """Without white space: a body breaks its lines where they fit, and still states the value."""
    return "".join(text.split())

"""Rendering of letters: strict, sandboxed, autoescaped; wording is in templates/ and the pack's wording.yaml."""

from __future__ import annotations

import hashlib
import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from casework.errors import QorganError
from casework.letters import LetterContext, letter
from casework.vocabulary import LANGUAGES
from tasks.pack_wording import PASSAGES, WordingLoader, Words, check_wording, letter_environment, read_words


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

    def render(self, name: str, context: LetterContext) -> Rendered:
        """The letter in the context's language.

        Raises RenderFailed when a variable is missing, a part is empty, or something the
        registry demands does not stand in the text.
        """
        language = context["language"]
        try:
            subject, text, page = (
                self._environment.get_template(f"{name}/{language}/{part}").render(dict(context))
                for part in ("subject.txt", "body.txt", "body.html")
            )
        except TemplateError as error:
            raise RenderFailed(
                f"letter '{name}' in '{language}': {type(error).__name__}", next_step="Mend the template, then replay."
            ) from error
        subject = " ".join(subject.split())
        for needed in letter(name).must_contain:
            value = _dense(_value(context, needed))
            if not value or value not in _dense(text) or value not in _dense(html.unescape(page)):
                raise RenderFailed(f"letter '{name}' in '{language}' does not state its {needed}")
        if not subject or not text.strip() or not page.strip():
            raise RenderFailed(f"letter '{name}' in '{language}' has an empty part")
        return Rendered(subject, text, page)

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


def _value(context: LetterContext, dotted: str) -> str:
    """The value at a dotted key; '' where the way to it ends before."""
    value: Any = context
    for key in dotted.split("."):
        value = value[key] if value else ""
    return str(value)


def _dense(text: str) -> str:
    """Without white space: a body breaks its lines where they fit, and still states the value."""
    return "".join(text.split())

"""Rendering of letters: strict, sandboxed, autoescaped; wording is in templates/, never here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from jinja2 import FileSystemLoader, StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from casework.errors import QorganError
from casework.letters import LetterContext, letter
from casework.vocabulary import LANGUAGES


class RenderFailed(QorganError):
    """A letter could not be made; nothing was sent."""

    rule = "letter.render_failed"


@dataclass(frozen=True, slots=True)
class Rendered:
    """A letter's three parts. ``subject`` is one line."""

    subject: str
    text: str
    html: str


class Letterpress:
    """Renders the registry's letters from one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = ImmutableSandboxedEnvironment(
            loader=FileSystemLoader(folder),
            undefined=StrictUndefined,
            autoescape=lambda name: bool(name and name.endswith(".html")),
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def render(self, name: str, context: LetterContext) -> Rendered:
        """The letter in the context's language.

        Raises RenderFailed when a variable is missing, a part is empty, or something the
        registry demands does not stand in the text.
        """
        language = context["language"]
        try:
            subject, text, html = (
                self._environment.get_template(f"{name}/{language}/{part}").render(dict(context))
                for part in ("subject.txt", "body.txt", "body.html")
            )
        except TemplateError as error:
            raise RenderFailed(
                f"letter '{name}' in '{language}': {type(error).__name__}", next_step="Mend the template, then replay."
            ) from error
        subject = " ".join(subject.split())
        for needed in letter(name).must_contain:
            value = str(context[needed])  # type: ignore[literal-required]
            if value not in text or value not in html:
                raise RenderFailed(f"letter '{name}' in '{language}' does not state its {needed}")
        if not subject or not text.strip() or not html.strip():
            raise RenderFailed(f"letter '{name}' in '{language}' has an empty part")
        return Rendered(subject, text, html)

    @cached_property
    def version(self) -> str:
        """SHA-256 over all templates: recorded on every letter made from them."""
        digest = hashlib.sha256()
        for path in sorted(self._folder.rglob("*")):
            if path.is_file() and path.suffix in (".txt", ".html", ".yaml", ".j2"):
                digest.update(str(path.relative_to(self._folder)).encode() + b"\0" + path.read_bytes())
        return digest.hexdigest()

    @cached_property
    def _words(self) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
        found: Mapping[str, Any] = yaml.safe_load((self._folder / "words.yaml").read_text(encoding="utf-8"))
        return found

    def word(self, group: str, code: str, language: str) -> str:
        """A word of the vocabulary in a language of letters; KeyError when words.yaml lacks it."""
        return self._words[group][code][language if language in LANGUAGES else "en"]

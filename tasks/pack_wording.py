"""A pack's own wording, laid over the letters of templates/.

A pack may have a ``wording.yaml``, where its law or its people say a thing differently. It has the two levels of
templates/words.yaml, ``group: code: {language: text}``, and besides them a group ``passages``,
``letter: name: {language: text}``, whose texts replace the ``{% set name %}`` passages of that letter's wording.txt,
or its subject where the name is ``subject``. What it leaves out stays as templates/ has it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, TemplateError, TemplateSyntaxError, meta, nodes

from casework.letter_context import EXPOSURE, SUBJECT_KEYS, Exposure, sample_context
from casework.letters import LETTERS, Letter
from casework.sealed import Unprintable
from casework.vocabulary import LANGUAGES
from tasks.letter_environment import LetterEnvironment, letter_environment

Words = Mapping[str, Mapping[str, Mapping[str, str]]]

PASSAGES = "passages"
"""The group of a pack's wording that replaces passages of letters; every other group replaces words."""

SUBJECT = "subject"
"""The passage that replaces a letter's subject."""

_OPEN_GROUPS = ("country",)
"""Groups in which a pack may name a code that words.yaml lacks: it may ask for action in any country."""

_PASSAGE_NODES = (
    *(nodes.Template, nodes.Output, nodes.TemplateData, nodes.If),
    *(nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Filter, nodes.Concat, nodes.CondExpr),
    *(nodes.Compare, nodes.Operand, nodes.Not, nodes.And, nodes.Or, nodes.Add),
)
"""What a passage may be made of: text, values and conditions. A macro would leave HTML unescaped."""


@dataclass(frozen=True, slots=True)
class WordingFault:
    """What is wrong in a pack's wording.yaml, and under which keys."""

    path: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        return f"wording.yaml: {'.'.join(self.path) or 'file'}: {self.what}"


def check_wording(folder: Path, wording: Mapping[str, Any]) -> list[WordingFault]:
    """Everything for which a pack's wording cannot be laid over the templates in ``folder``.

    Each passage is rendered twice: with every key of the context filled, and with every key as empty as it may
    be. A passage that needs a value which may be missing is found here and not on the day of the letter.
    """
    if not wording:
        return []
    words = read_words(folder)
    faults: list[WordingFault] = []
    for path, text in _texts(wording, faults):
        if path[0] == PASSAGES:
            what = _passage_fault(folder, path, text)
        else:
            what = _word_fault(words, path, text)
        if what:
            faults.append(WordingFault(path, what))
    return faults


class WordingLoader(FileSystemLoader):
    """Lays a pack's passages over wording.txt, where what is set last is what a letter says, and over subject.txt."""

    def __init__(self, folder: Path, passages: Mapping[str, Mapping[str, Mapping[str, str]]]) -> None:
        super().__init__(folder)
        self._over: dict[str, str] = {}
        self._subjects: dict[str, str] = {}
        for name, of_letter in passages.items():
            for passage, texts in of_letter.items():
                for language, text in texts.items():
                    if passage == SUBJECT:
                        self._subjects[f"{name}/{language}/subject.txt"] = text
                        continue
                    template = _wording_of(name, language)
                    self._over[template] = self._over.get(template, "") + _set_block(passage, text)

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        source, file, up_to_date = super().get_source(environment, template)
        return self._subjects.get(template, source) + self._over.get(template, ""), file, up_to_date


def read_words(folder: Path) -> Words:
    """words.yaml of a folder of templates."""
    return _parsed((folder / "words.yaml").read_text(encoding="utf-8"))


@lru_cache(maxsize=16)
def _parsed(text: str) -> Words:
    """The same words once a process: the packs' presses read one file."""
    found: Words = yaml.safe_load(text)
    return found


def _wording_of(name: str, language: str) -> str:
    return f"{name}/{language}/wording.txt"


def _set_block(passage: str, text: str) -> str:
    return f"\n{{% set {passage} %}}\n{text}\n{{% endset %}}\n"


def _texts(wording: Mapping[str, Any], faults: list[WordingFault]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every text of a wording with the keys that lead to it; what is no text at its depth becomes a fault."""
    queue: list[tuple[tuple[str, ...], Any]] = [((), wording)]
    while queue:
        path, value = queue.pop(0)
        depth = 4 if path[:1] == (PASSAGES,) else 3
        if path and not isinstance(path[-1], str):
            faults.append(WordingFault(tuple(map(str, path)), "YAML does not read this key as text, put it in quotes"))
        elif len(path) < depth and isinstance(value, Mapping):
            queue += [((*path, key), below) for key, below in value.items()]
        elif len(path) < depth:
            faults.append(WordingFault(path, "keys are needed here, down to a language for each text"))
        elif path[-1] not in LANGUAGES:
            faults.append(WordingFault(path, f"no letter is written in '{path[-1]}'; known: {', '.join(LANGUAGES)}"))
        elif not isinstance(value, str) or not value.strip():
            faults.append(WordingFault(path, "a text is needed here, in quotes if YAML reads it as something else"))
        else:
            yield path, value


def _word_fault(words: Words, path: tuple[str, ...], text: str) -> str:
    group, code, language = path
    if group not in words:
        return f"words.yaml has no group '{group}'; known: {', '.join(words)}, {PASSAGES}"
    if code not in words[group]:
        if group in _OPEN_GROUPS:
            return ""
        return f"the group '{group}' of words.yaml has no code '{code}'; known: {', '.join(words[group])}"
    known = _braces(words[group][code][language])
    try:
        strange = _braces(text) - known if known else set()
    except ValueError as error:
        return f"the braces cannot be filled in: {error}"
    return f"nothing fills in {{{min(strange)}}}; known: {', '.join(sorted(known))}" if strange else ""


def _braces(text: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(text) if field is not None}


def _passage_fault(folder: Path, path: tuple[str, ...], text: str) -> str:
    _, name, passage, language = path
    environment = letter_environment(FileSystemLoader(folder))
    if name not in LETTERS:
        return f"no letter is called '{name}'; known: {', '.join(LETTERS)}"
    if passage == SUBJECT:
        return _subject_fault(environment, LETTERS[name], language, text)
    source = (folder / _wording_of(name, language)).read_text(encoding="utf-8")
    wording = environment.parse(source)
    passages = _set_by(wording, nodes.AssignBlock)
    if passage not in passages:
        return f"the letter '{name}' has no passage '{passage}'; known: {', '.join((*passages, SUBJECT))}"
    known = {*_may_stand_in(LETTERS[name]), *_set_by(wording, nodes.Assign)}
    if fault := _text_fault(environment, text, known):
        return fault
    layered = environment.from_string(source + _set_block(passage, text))

    def said(filled: bool) -> str:
        return str(getattr(layered.make_module(dict(sample_context(language, filled=filled))), passage))

    return _saying_fault(said)


def _subject_fault(environment: LetterEnvironment, line: Letter, language: str, text: str) -> str:
    if len(text.strip().splitlines()) > 1:
        return "a subject is one line"
    if fault := _text_fault(environment, text, _may_stand_in(line) & SUBJECT_KEYS):
        return fault
    template = environment.from_string(text.strip())

    def said(filled: bool) -> str:
        return template.render(sample_context(language, filled=filled))

    fault = _saying_fault(said)
    if not fault and line.about == "case" and sample_context(language, filled=True)["case_number"] not in said(True):
        return "a subject names its case: {{ case_number }}"
    return fault


def _may_stand_in(line: Letter) -> set[str]:
    """The keys that a wording of this letter may use."""
    return {key for key, far in EXPOSURE.items() if far is not Exposure.INTERNAL or line.internal}


def _text_fault(environment: LetterEnvironment, text: str, known: set[str]) -> str:
    try:
        parsed = environment.parse(text)
    except TemplateSyntaxError as error:
        return f"cannot be read: {error.message}"
    for node in parsed.find_all(nodes.Node):
        if not isinstance(node, _PASSAGE_NODES):
            return f"only text, values and conditions can stand in a passage, not '{type(node).__name__.lower()}'"
    strange = meta.find_undeclared_variables(parsed) - known
    if strange:
        told = min(strange)
        return f"'{told}' may not stand here" if told in EXPOSURE else f"a letter knows no '{told}'"
    return ""


def _saying_fault(said: Callable[[bool], str]) -> str:
    """Why a text cannot be said with every key filled, or with every key as empty as it may be."""
    try:
        told = said(True) + said(False)
    except Unprintable as error:
        return f"prints {error.key}, which is {error.exposure}"
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError) as error:
        return f"does not render: {error}"
    return "" if told.strip() else "says nothing"


def _set_by(wording: nodes.Template, kind: type[nodes.Node]) -> list[str]:
    """The names that a wording sets in one line, or as passages of several."""
    return [name.name for found in wording.find_all(kind) for name in found.find_all(nodes.Name) if name.ctx == "store"]

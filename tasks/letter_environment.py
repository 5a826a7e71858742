"""The one way to read a letter's templates: sandboxed, strict, HTML escaped, compiled once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from jinja2 import BaseLoader, BytecodeCache, StrictUndefined, TemplateSyntaxError, meta, nodes, pass_environment
from jinja2.bccache import Bucket
from jinja2.environment import TemplateModule
from jinja2.filters import do_wordwrap
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment


class _Compiled(BytecodeCache):
    """Compiled templates of this process, by name and source: packs differ in few of them."""

    def __init__(self) -> None:
        self._codes: dict[tuple[str, str], CodeType] = {}

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        return name

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._codes.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._codes[bucket.key, bucket.checksum] = bucket.code


_OF_TEXT = frozenset({"split", "strip"})
"""Methods of text that letters call all the time."""


class LetterEnvironment(ImmutableSandboxedEnvironment):
    """The sandbox, with a short way to the fields of plain data and the words of a template."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of ``obj``. The short ways lead to data and two methods of text, never to a name with ``_`` first."""
        if type(obj) is dict:
            if attribute in obj:
                return obj[attribute]
        elif attribute in _OF_TEXT and isinstance(obj, str):
            return getattr(obj, attribute)
        elif type(obj) is TemplateModule and not attribute.startswith("_"):
            try:
                return obj.__dict__[attribute]
            except KeyError:
                pass
        return super().getattr(obj, attribute)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call ``__obj``; a macro of ours without the checks that a value from outside needs."""
        if type(__obj) is not Macro:
            return super().call(__context, __obj, *args, **kwargs)
        for scope in ("_block_vars", "_loop_vars"):
            kwargs.pop(scope, None)
        return __obj(__context.eval_ctx, *args, **kwargs)


@pass_environment
def _wordwrap(environment: LetterEnvironment, text: str, width: int = 79, **said: Any) -> str:
    """Jinja's own filter; most lines are short enough as they are."""
    if type(text) is str and len(text) <= width and len(text.splitlines()) <= 1 and text == text.strip():
        return text
    return do_wordwrap(environment, text, width, **said)


_COMPILED = _Compiled()


def letter_environment(loader: BaseLoader) -> LetterEnvironment:
    """Reads what ``loader`` finds: nothing unsafe, nothing undefined, HTML escaped.

    A template is read once: what a process sends does not change while it runs.
    """
    environment = LetterEnvironment(
        loader=loader,
        undefined=StrictUndefined,
        autoescape=_is_html,
        trim_blocks=True,
        lstrip_blocks=True,
        cache_size=-1,
        auto_reload=False,
        bytecode_cache=_COMPILED,
    )
    environment.filters["wordwrap"] = _wordwrap
    return environment


def _is_html(name: str | None) -> bool:
    return bool(name and name.endswith(".html"))


@dataclass(frozen=True, slots=True)
class Needs:
    """What one template asks for, and what it gives to the templates that it extends."""

    names: frozenset[str]
    """Names from outside."""
    layouts: frozenset[str]
    """Templates that it extends or includes: they see what it sets."""
    modules: frozenset[str]
    """Templates that it imports: they see none of it."""
    sets: frozenset[str]
    """Names that it imports a template under, or sets outside its blocks and macros."""


@lru_cache(maxsize=4_096)
def needs_of(source: str) -> Needs:
    """What a template's source asks for. Raises TemplateSyntaxError."""
    parsed = _READER.parse(source)
    modules = {name for found in parsed.find_all(nodes.Import) for name in _named(found.template)}
    sets = {
        node.target.name
        for node in parsed.body
        if isinstance(node, nodes.Assign | nodes.AssignBlock) and isinstance(node.target, nodes.Name)
    }
    return Needs(
        frozenset(meta.find_undeclared_variables(parsed)),
        frozenset(name for name in meta.find_referenced_templates(parsed) if name is not None and name not in modules),
        frozenset(modules),
        frozenset(sets | {found.target for found in parsed.find_all(nodes.Import)}),
    )


def _named(template: nodes.Expr) -> list[str]:
    return [template.value] if isinstance(template, nodes.Const) else []


_READER = letter_environment(BaseLoader())


@dataclass(frozen=True, slots=True)
class Asked:
    """What a letter's templates ask for, with all that they extend, import and include."""

    variables: frozenset[str]
    """Names that they take from its context."""
    templates: frozenset[str]
    """Themselves and the templates that they lead to."""


def asked_by(environment: LetterEnvironment, *templates: str) -> Asked:
    """What these ask for. Raises TemplateError when one is missing or cannot be read."""
    loader = environment.loader
    assert loader is not None
    names: set[str] = set()
    given: set[str] = set()
    read: set[str] = set()
    queue = [(name, True) for name in templates]
    while queue:
        name, of_letter = queue.pop()
        if name in read:
            continue
        read.add(name)
        try:
            needs = needs_of(loader.get_source(environment, name)[0])
        except TemplateSyntaxError as error:
            error.name = name
            raise
        names |= needs.names
        if of_letter:
            given |= needs.sets
        queue += [(layout, of_letter) for layout in needs.layouts]
        queue += [(module, False) for module in needs.modules]
    return Asked(frozenset(names - given), frozenset(read))

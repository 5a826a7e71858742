"""From the texts of a pack's files to a :class:`Pack`, or to errors with file and line."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, RootModel, ValidationError

from casework.errors import PackError
from casework.policy_clocks import CalendarPolicy, Sla
from casework.policy_pack import Authority, Category, Pack, Platforms, PriorityPolicy, Regime


class _Categories(RootModel[tuple[Category, ...]]):
    """categories.yaml is a list."""


FILES: dict[str, type[BaseModel]] = {
    "authority": Authority,
    "regime": Regime,
    "categories": _Categories,
    "priority": PriorityPolicy,
    "sla": Sla,
    "calendar": CalendarPolicy,
    "platforms": Platforms,
}
"""Each file of a pack, by its stem, and the model it must satisfy."""

Lines = dict[tuple[str | int, ...], int]
M = TypeVar("M", bound=BaseModel)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A pack is read at every start; libyaml, where the wheel has it, does that in a tenth of the time."""


def read_pack(folder: str, texts: Mapping[str, str]) -> Pack:
    """Read a pack from ``{stem: yaml text}``.

    Raises PackError listing every fault found, each as ``folder/file.yaml:line: what``.
    """
    faults: list[str] = []
    parts: dict[str, Any] = {}
    lines: dict[str, Lines] = {}
    for stem, model in FILES.items():
        name = f"{folder}/{stem}.yaml"
        if stem not in texts:
            faults.append(f"{name}:1: the file is missing")
            continue
        try:
            parts[stem], lines[stem] = _read_file(name, texts[stem], model)
        except PackError as error:
            faults.extend(error.message.splitlines())
    faults.extend(f"{folder}/{stem}.yaml:1: no such file in a pack" for stem in texts if stem not in FILES)
    if not faults:
        faults = _cross_check(folder, parts, lines)
    if faults:
        raise PackError("\n".join(faults), next_step="Mend the pack; nothing was loaded.")
    digest = hashlib.sha256("\0".join(f"{s}\0{texts[s]}" for s in sorted(texts)).encode()).hexdigest()
    parts["categories"] = parts["categories"].root
    return Pack(folder=folder, digest=digest, **parts)


def _read_file(name: str, text: str, model: type[M]) -> tuple[M, Lines]:
    try:
        node = yaml.compose(text, Loader=_LOADER)
        if node is None:
            raise PackError(f"{name}:1: the file is empty")
        lines: Lines = {}
        _index(node, (), lines, name)
        data = yaml.constructor.SafeConstructor().construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or "not readable as YAML"
        raise PackError(f"{name}:{line}: {problem}") from None
    try:
        return model.model_validate(data), lines
    except ValidationError as error:
        raise PackError(
            "\n".join(
                f"{name}:{line_of(lines, fault['loc'])}: {'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False)
            )
        ) from None


def _index(node: yaml.Node, path: tuple[str | int, ...], lines: Lines, name: str) -> None:
    """Remember the line of every key; refuse a key that stands twice, which YAML would swallow."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise PackError(f"{name}:{key.start_mark.line + 1}: the key '{key.value}' stands twice")
            seen.add(key.value)
            _index(value, (*path, key.value), lines, name)
            lines[(*path, key.value)] = key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for position, value in enumerate(node.value):
            _index(value, (*path, position), lines, name)
    elif node.tag == "tag:yaml.org,2002:timestamp":
        try:
            yaml.constructor.SafeConstructor().construct_object(node)
        except ValueError as error:
            raise PackError(f"{name}:{node.start_mark.line + 1}: no such date: {error}") from None


def line_of(lines: Lines, path: tuple[str | int, ...]) -> int:
    """The line of a path, or of its nearest parent that has one."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1


def _cross_check(folder: str, parts: Mapping[str, Any], lines: Mapping[str, Lines]) -> list[str]:
    """Names that one file uses and another must define."""
    faults: list[str] = []

    def fault(stem: str, path: tuple[str | int, ...], what: str) -> None:
        faults.append(f"{folder}/{stem}.yaml:{line_of(lines[stem], path)}: {what}")

    categories = parts["categories"].root
    known_basis = {basis.code for basis in parts["regime"].legal_basis}
    known_instruments = {rule.instrument for rule in parts["regime"].instruments}
    known_categories = {category.code for category in categories}
    if len(known_categories) != len(categories):
        fault("categories", (), "category codes must differ")
    for position, category in enumerate(categories):
        for code in category.basis:
            if code not in known_basis:
                fault("categories", (position, "basis"), f"{category.code} cites '{code}', not in regime.yaml")
        if category.instrument not in known_instruments:
            fault(
                "categories",
                (position, "instrument"),
                f"{category.code} uses '{category.instrument}', not in regime.yaml",
            )
    for position, rule in enumerate(parts["priority"].rules):
        for code in rule.any_category:
            if code not in known_categories:
                fault(
                    "priority",
                    ("rules", position, "any_category"),
                    f"{rule.id} names category '{code}', not in categories.yaml",
                )
    for position, clock in enumerate(parts["sla"].clocks):
        for code in clock.applies.category:
            if code not in known_categories:
                fault(
                    "sla",
                    ("clocks", position, "applies"),
                    f"{clock.id} names category '{code}', not in categories.yaml",
                )
    try:
        parts["calendar"].calendar.day(parts["regime"].valid_from)
    except ValueError as error:
        fault("calendar", (), str(error))
    return faults

"""From the texts of a pack's files to a :class:`Pack`, or to errors with file and line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, RootModel, ValidationError
from pydantic_core import ErrorDetails

from casework.calendar_table import add_overrides, read_overrides
from casework.errors import PackError
from casework.pack_checks import check_pack, claimed_ids
from casework.policy_calendar import Calendars
from casework.policy_clocks import Sla
from casework.policy_letters import LetterPolicy
from casework.policy_mail import MailPolicy
from casework.policy_pack import Category, Pack, Platforms, PriorityPolicy
from casework.policy_people import Authority, Liaisons, Retention, Roles
from casework.policy_regime import Regime


class Categories(RootModel[tuple[Category, ...]]):
    """Kinds of harm: a list."""


class Wording(RootModel[dict[str, dict[str, dict[str, Any]]]]):
    """The pack's own words for letters, by group and code; see docs/writing-a-letter.md."""


FILES: dict[str, type[BaseModel]] = {
    "authority": Authority,
    "roles": Roles,
    "regime": Regime,
    "categories": Categories,
    "priority": PriorityPolicy,
    "sla": Sla,
    "calendar": Calendars,
    "platforms": Platforms,
    "liaisons": Liaisons,
    "retention": Retention,
}
"""Each file of a pack, by its stem, and the model it must satisfy."""

OPTIONAL: dict[str, type[BaseModel]] = {"wording": Wording, "mail": MailPolicy, "letters": LetterPolicy}
"""Files that a pack may have."""

OVERRIDES = "overrides.csv"
"""The table of single days that differ from the public calendar; it adds to calendar.yaml."""

MOST_PLACES = 100_000
"""Keys and entries of one file; what an alias repeats is counted each time."""

Lines = dict[tuple[str | int, ...], int]
M = TypeVar("M", bound=BaseModel)

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A pack is read at every start; libyaml, where the wheel has it, does that in a tenth of the time."""


def read_pack(folder: str, texts: Mapping[str, str]) -> Pack:
    """Read a pack from ``{stem of a YAML file, or the name of another file: its text}``.

    Raises PackError listing every fault found, each as ``folder/file.yaml:line: what``.
    """
    return _read(folder, texts)[0]


def read_packs(texts: Mapping[str, Mapping[str, str]]) -> tuple[Pack, ...]:
    """Read several packs, by folder, that are to stand side by side. PackError also for an id that two claim."""
    read: list[tuple[Pack, dict[str, Lines]]] = []
    faults: list[str] = []
    for folder, files in texts.items():
        try:
            read.append(_read(folder, files))
        except PackError as error:
            faults.extend(error.message.splitlines())
    if faults:
        raise PackError("\n".join(faults), next_step="Mend the packs; nothing was loaded.")
    owners: dict[str, str] = {}
    for pack, lines in read:
        for stem, path, code in claimed_ids(pack):
            place = f"{pack.folder}/{stem}.yaml:{line_of(lines[stem], path)}"
            owner = owners.setdefault(code, place)
            # A rule may stand twice in its own pack, as two versions of it.
            if not owner.startswith(f"{pack.folder}/"):
                faults.append(f"{place}: the rule id '{code}' is claimed by {owner} as well")
    if faults:
        raise PackError("\n".join(faults), next_step="Give the rule an id of its own; nothing was loaded.")
    return tuple(pack for pack, _ in read)


def _read(folder: str, texts: Mapping[str, str]) -> tuple[Pack, dict[str, Lines]]:
    faults: list[str] = []
    parts: dict[str, Any] = {}
    data: dict[str, Any] = {}
    lines: dict[str, Lines] = {}
    models = {**FILES, **{stem: model for stem, model in OPTIONAL.items() if stem in texts}}
    overrides = read_overrides(f"{folder}/{OVERRIDES}", texts.get(OVERRIDES, ""), faults)
    for stem, model in models.items():
        name = f"{folder}/{stem}.yaml"
        if stem not in texts:
            faults.append(f"{name}:1: the file is missing")
            continue
        try:
            data[stem], lines[stem] = _parse(name, texts[stem])
            if stem == "calendar" and overrides:
                data[stem] = add_overrides(f"{folder}/{OVERRIDES}", data[stem], overrides, faults)
            parts[stem] = _validated(name, model, data[stem], lines[stem])
        except PackError as error:
            faults.extend(error.message.splitlines())
    known = {*models, *OPTIONAL, OVERRIDES}
    for name in texts:
        if name not in known:
            faults.append(f"{folder}/{name if '.' in name else f'{name}.yaml'}:1: no such file in a pack")
    if not faults:
        digest = hashlib.sha256(json.dumps(data, sort_keys=True, default=str, ensure_ascii=False).encode()).hexdigest()
        named = {"categories": parts.pop("categories").root, "calendars": parts.pop("calendar")}
        if "wording" in parts:
            named["wording"] = parts.pop("wording").root
        pack = Pack(folder=folder, digest=digest, **named, **parts)
        check_pack(
            pack,
            lambda stem, path, what: faults.append(f"{folder}/{stem}.yaml:{line_of(lines[stem], path)}: {what}"),
        )
    if faults:
        raise PackError("\n".join(faults), next_step="Mend the pack; nothing was loaded.")
    return pack, lines


def _parse(name: str, text: str) -> tuple[Any, Lines]:
    try:
        node = yaml.compose(text, Loader=_LOADER)
        if node is None:
            raise PackError(f"{name}:1: the file is empty")
        lines: Lines = {}
        _index(node, (), lines, name)
        return yaml.constructor.SafeConstructor().construct_document(node), lines
    except RecursionError:
        raise PackError(f"{name}:1: nested without end") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or "not readable as YAML"
        raise PackError(f"{name}:{line}: {problem}") from None


def _validated(name: str, model: type[M], data: Any, lines: Lines) -> M:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise PackError(
            "\n".join(
                f"{name}:{_line_of_fault(lines, fault)}: {'.'.join(map(str, fault['loc'])) or 'file'}: {_said(fault)}"
                for fault in found
                if not _only_follows(fault, found)
            )
        ) from None


def _only_follows(fault: ErrorDetails, found: list[ErrorDetails]) -> bool:
    """Whether a list is called too short only because an entry of it has a fault of its own, which is said."""
    at = fault["loc"]
    return fault["type"] == "too_short" and any(
        other["loc"][: len(at)] == at and len(other["loc"]) > len(at) for other in found
    )


def _line_of_fault(lines: Lines, fault: ErrorDetails) -> int:
    """The line of what the fault is about: of the key that its sentence begins with, where it begins with one."""
    key = _said(fault).split(" ", 1)[0]
    return line_of(lines, (*fault["loc"], key))


def _said(fault: ErrorDetails) -> str:
    """The fault in the words of somebody who edits YAML."""
    if fault["type"] == "extra_forbidden":
        return "unknown key"
    if fault["type"] == "missing":
        return "is missing"
    if fault["type"] == "too_short" and fault["loc"][-1:] in (("windows",), ("week",)):
        return "the calendar is empty: without working hours no deadline could ever arrive"
    return fault["msg"].removeprefix("Value error, ")


def _index(node: yaml.Node, path: tuple[str | int, ...], lines: Lines, name: str) -> None:
    """Remember the line of every key; refuse a key that stands twice, which YAML would swallow."""
    lines[path] = node.start_mark.line + 1
    if len(lines) > MOST_PLACES:
        raise PackError(f"{name}:{lines[path]}: more than {MOST_PLACES:,} keys and entries, aliases counted")
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


def line_in(name: str, text: str, path: tuple[str | int, ...]) -> int:
    """The line of a path in a YAML text; PackError for a text that is no YAML."""
    return line_of(_parse(name, text)[1], path)


def line_of(lines: Lines, path: tuple[str | int, ...]) -> int:
    """The line of a path, or of its nearest parent that has one."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return lines[path[:length]]
    return 1

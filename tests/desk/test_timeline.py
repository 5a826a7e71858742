"""Every event that is written about a case is told to people as a sentence: the source is read for what is written."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from casework.letters import LETTERS
from casework.vocabulary import Action
from desk.timeline import sentence
from tasks.settings import ROOT

WRITERS = {"note": (2, 3), "note_mail": (2, 3), "NewEvent": (0, 2), "letter_event": (1, 2), "note_letter": (2, 3)}
"""Who writes an event, and which arguments are the case (or its letter) and the kind."""

CAME_TO = {"letter.sent", "letter.refused", "letter.unknown", "letter.queued"}
"""What an attempt on a letter, or on the digest in which it stands, may come to."""

DUTIES = {letter.does for letter in LETTERS.values() if letter.does is not None}
"""Moments that come when a letter is out."""

WRITTEN_OUT: dict[tuple[str, str], Iterable[str]] = {
    ("correspondence", "kind"): {"letter.found_arrived", "letter.replayed", "letter.given_up"},
    ("delivery", "f'letter.{letter.state}'"): CAME_TO,
    ("delivery", "f'letter.{member.state}'"): {*CAME_TO, "letter.dropped"},
    ("delivery", "moment"): DUTIES,
    ("pacing", "moment"): DUTIES,
    ("reconcile", "f'reconciled.{trouble.what}'"): {
        "reconciled.lease", "reconciled.ready", "reconciled.submission", "reconciled.letter",
    },
    ("record", "f'moved.{decision.action}'"): {f"moved.{action}" for action in Action},
    ("record", "kind"): {"clock.paused", "clock.resumed"},
    ("record", "moment"): DUTIES,
}  # fmt: skip
"""Kinds that a reading of the source cannot tell, by file and expression."""

DATA = {
    "report": 3, "letter": 7, "kind": "receipt", "to": "unit", "from": "P1", "submission": "N-1",
    "due_at": "2026-03-18T09:00:00+00:00", "rule": "first_answer", "item": 1, "outcome": "no_action", "rung": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Write:
    """A place where an event about a case is written. ``kinds`` is None where the source does not tell which."""

    file: str
    line: int
    said: str
    kinds: frozenset[str] | None


def argument(call: ast.Call, position: int, *names: str) -> ast.expr | None:
    for keyword in call.keywords:
        if keyword.arg in names:
            return keyword.value
    return call.args[position] if position < len(call.args) else None


def called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")


def texts(node: ast.expr | None, function: ast.FunctionDef | None, module: ast.Module) -> set[str] | None:
    """Every text that an expression can be, as far as its function and module tell; None where they do not."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return {node.value}
    if isinstance(node, ast.IfExp):
        return union(texts(one, function, module) for one in (node.body, node.orelse))
    if isinstance(node, ast.Name):
        return of_name(node.id, function, module)
    return None


def union(several: Iterable[set[str] | None]) -> set[str] | None:
    found: set[str] = set()
    for one in several:
        if one is None:
            return None
        found |= one
    return found


def of_name(name: str, function: ast.FunctionDef | None, module: ast.Module) -> set[str] | None:
    """What a name can be: what its function assigns to it, what is handed to that in its module, or a constant."""
    if function is not None:
        parameters = [one.arg for one in (*function.args.args, *function.args.kwonlyargs)]
        if name in parameters:
            if function.name in WRITERS:
                # Those who call it are looked at themselves.
                return set()
            return handed_to(function, name, parameters.index(name), module)
    values = assigned(name, function if function is not None else module)
    if not values:
        values = assigned(name, module, deep=False)
    return union(texts(value, function, module) for value in values) if values else None


def assigned(name: str, where: ast.AST, *, deep: bool = True) -> list[ast.expr | None]:
    """Values that are assigned to a name; None among them for one that a loop or a tuple gives it."""
    found: list[ast.expr | None] = []
    for node in ast.walk(where) if deep else getattr(where, "body", []):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.For):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name) and target.id == name and not isinstance(node, ast.For):
                    found.append(node.value)
                elif name in {one.id for one in ast.walk(target) if isinstance(one, ast.Name)}:
                    found.append(None)
    return found


def handed_to(function: ast.FunctionDef, name: str, position: int, module: ast.Module) -> set[str] | None:
    calls = [(call, outer) for call, outer in calls_in(module) if called(call) == function.name]
    return union(texts(argument(call, position, name), outer, module) for call, outer in calls) if calls else None


def calls_in(module: ast.Module) -> Iterator[tuple[ast.Call, ast.FunctionDef | None]]:
    """Every call with the function around it."""

    def walk(node: ast.AST, outer: ast.FunctionDef | None) -> Iterator[tuple[ast.Call, ast.FunctionDef | None]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                yield child, outer
            yield from walk(child, child if isinstance(child, ast.FunctionDef) else outer)

    yield from walk(module, None)


def writes_in(path: Path) -> Iterator[Write]:
    module = ast.parse(path.read_text(encoding="utf-8"))
    for call, function in calls_in(module):
        if called(call) not in WRITERS:
            continue
        case, kind = WRITERS[called(call)]
        about, expression = argument(call, case, "case", "case_id", "letter"), argument(call, kind, "kind", "event")
        if (isinstance(about, ast.Constant) and about.value is None) or expression is None:
            # About no case: it stands on no case's page.
            continue
        said = ast.unparse(expression)
        told = texts(expression, function, module)
        kinds = WRITTEN_OUT.get((path.stem, said)) if told is None else told
        yield Write(path.stem, call.lineno, said, None if kinds is None else frozenset(kinds))


@cache
def writes() -> list[Write]:
    folders = (ROOT / "tasks", ROOT / "desk", ROOT / "flows")
    return [write for folder in folders for path in sorted(folder.glob("*.py")) for write in writes_in(path)]


def kinds() -> list[str]:
    return sorted({kind for write in writes() for kind in write.kinds or ()})


def test_of_every_event_it_is_known_which_kinds_it_can_be() -> None:
    unknown = [f"{write.file}.py:{write.line} writes {write.said}" for write in writes() if write.kinds is None]
    assert unknown == [], "name the kinds in WRITTEN_OUT, and give each a sentence"


def test_nothing_is_written_out_that_is_not_written_any_more() -> None:
    assert set(WRITTEN_OUT) <= {(write.file, write.said) for write in writes()}


def test_the_reading_finds_what_it_must() -> None:
    written = set(kinds())
    assert {"case.received", "clock.breached", "clock.extended", "submission.unknown", "platform.decided"} <= written
    assert {"moved.triage", "letter.sent", "mail.answered", "letter.opened", "drive.failed"} <= written
    assert len(writes()) > 60


@pytest.mark.parametrize("kind", kinds())
def test_an_event_about_a_case_is_told_as_a_sentence(kind: str) -> None:
    said = sentence(kind, DATA, "received", "triaged")
    assert kind not in said, "desk/timeline.py has no words for it"
    assert re.fullmatch(r"\w.* .*\.", said), said


def test_what_is_asked_of_a_platform_and_what_leaves_the_house_is_told_with_its_numbers() -> None:
    asked = {"submission": "KZ-2026-000001/S1", "items": [1, 3], "letter": 9}
    assert sentence("appeal.asked", asked, None, None) == (
        "The platform of notice KZ-2026-000001/S1 is asked to look at its decision again, item 1, 3; letter 9."
    )
    assert "without the identities" in sentence("case.exported", {"identities": False}, None, None)
    assert "with the identities" in sentence("case.exported", {"identities": True}, None, None)

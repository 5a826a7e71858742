"""``python -m tools.generate_docs``: write the generated parts of README.md and docs/ again.

A generated part stands between ``<!-- name:begin -->`` and ``<!-- name:end -->``; what is outside is
left alone. ``--check`` writes nothing, names the files that are out of date and ends with 1.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, is_typeddict

import yaml

from casework import letter_context, letters, vocabulary
from casework.completeness_checks import CHECKS
from casework.facts import CaseFacts, SubmissionFacts
from casework.lifecycle import MOVES
from casework.vocabulary import AgeBand, DeliveryState, Explained, Priority, Role, Status
from casework.waiting import waiting_for
from tasks.letterpress import Letterpress
from tasks.settings import Settings
from tools.generate_schema import reference, schema_files
from tools.markdown import code, codes, table
from tools.pack_pages import pack_pages, packs

ROOT = Path(__file__).resolve().parents[1]
FEW = 3
"""A move from more places than this is told in a note of the picture, not in arrows."""

Build = Callable[[], str]


def _explained(words: type[Explained]) -> str:
    return table(("value", "meaning"), [(code(word), word.meaning) for word in words])


# The lifecycle -------------------------------------------------------------------------------------------


def lifecycle_picture() -> str:
    """The moves as a state diagram; moves that stay in place are in the table only."""
    arrows: dict[tuple[Status, Status], list[str]] = {}
    notes: dict[Status, tuple[str, str]] = {}
    for action, move in MOVES.items():
        if move.to is None:
            continue
        if len(move.sources) > FEW:
            notes[move.to] = (action, ", ".join(status for status in Status if status in move.sources))
            continue
        for source in (status for status in Status if status in move.sources):
            arrows.setdefault((source, move.to), []).append(action.replace("_", " "))
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {Status.RECEIVED}"]
    lines += [f"    {source} --> {to}: {', '.join(names)}" for (source, to), names in arrows.items()]
    for to, (name, sources) in notes.items():
        lines += [f"    note right of {to}", f"        {name}, from {sources}", "    end note"]
    return "\n".join([*lines, "```"])


def moves() -> str:
    rows = [
        (
            code(action),
            ", ".join(status for status in Status if status in move.sources),
            move.to or "(stays)",
            ", ".join(role for role in Role if role in move.roles),
            code(move.letter or ""),
            move.why,
        )
        for action, move in MOVES.items()
    ]
    return table(("action", "from", "to", "who", "letter", "why"), rows)


def checks() -> str:
    return table(("check", "what must be there"), [(code(name), meaning) for name, meaning in CHECKS.items()])


def waits() -> str:
    """Every badge that a run of a case can end with, found by asking the rules."""
    nobody = CaseFacts(
        id=0, number="", status=Status.RECEIVED, priority=Priority.P3, category="", political=False, child=False,
        age_band=AgeBand.UNKNOWN, language="", instrument="", ground="", requested_action="", intake_by="",
        received_at=datetime(2026, 1, 1, tzinfo=UTC),
    )  # fmt: skip
    approved = replace(nobody, status=Status.APPROVED)
    political = replace(nobody, status=Status.IN_LEGAL_REVIEW, political=True, endorsed_by=frozenset({"somebody"}))
    cases = [replace(nobody, status=status) for status in Status]
    cases += [
        political,
        *(
            replace(approved, submissions=(SubmissionFacts(0, "", "", "notice", state),))
            for state in (DeliveryState.HANDED_OVER, DeliveryState.UNKNOWN, DeliveryState.REFUSED)
        ),
    ]
    found = dict.fromkeys((case.status, waiting_for(case)) for case in cases)
    rows = [(f"**{wait.name}**", status, wait.who, wait.what) for status, wait in found]
    return table(("badge", "status", "who moves next", "what would go on"), rows)


# Letters -------------------------------------------------------------------------------------------------


def registry() -> str:
    rows = [
        (
            code(line.name),
            line.recipient,
            line.promise.replace("_", " "),
            line.once,
            " → ".join(line.languages),
            "yes" if line.digest else "",
            code(line.does or ""),
            line.purpose,
            codes(line.must_contain),
        )
        for line in letters.LETTERS.values()
    ]
    titles = ("letter", "to", "promise", "once-per key", "languages", "digest", "does", "what for", "must state")
    return table(titles, rows)


def letter_variables() -> str:
    """The keys each letter's templates ask for, in any language, in the order of the context."""
    press = Letterpress(ROOT / "templates")
    rows = []
    for name in letters.LETTERS:
        used = frozenset().union(*(press.variables(name, language) for language in vocabulary.LANGUAGES))
        rows.append((code(name), codes(tuple(key for key in letter_context.EXPOSURE if key in used))))
    return table(("letter", "keys it uses"), rows)


def context_keys() -> str:
    rows = [
        (code(key), code(_ANNOTATED.sub(r"\1", kind.__forward_arg__)), letter_context.EXPOSURE[key])
        for key, kind in letter_context.LetterContext.__annotations__.items()
    ]
    return table(("key", "type", "how far it may go"), rows)


_ANNOTATED = re.compile(r"^Annotated\[(.*), Exposure\.\w+\]$")


def context_shapes() -> str:
    """The shapes that the keys' types name, in the order of the module."""
    shapes = [
        shape
        for shape in vars(letter_context).values()
        if isinstance(shape, type) and is_typeddict(shape) and shape is not letter_context.LetterContext
    ]
    rows = [(code(shape.__name__), codes(shape.__annotations__), shape.__doc__ or "") for shape in shapes]
    return table(("type", "its fields", "what it is"), rows)


# Running it ----------------------------------------------------------------------------------------------


def deployments() -> str:
    definition = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    rows = []
    for deployment in definition["deployments"]:
        limit = deployment.get("concurrency_limit")
        rows.append(
            (
                code(f"{flow_name(deployment['entrypoint'])}/{deployment['name']}"),
                "; ".join(_triggers(deployment)) or "by hand",
                deployment["work_pool"]["work_queue_name"],
                f"{limit['limit']}, {limit['collision_strategy']}" if limit else "any number",
                deployment["description"],
            )
        )
    return table(("flow/deployment", "trigger", "queue", "at a time", "what it does"), rows)


def _triggers(deployment: dict[str, Any]) -> list[str]:
    crons = [f"cron {code(plan['cron'])} {plan['timezone']}" for plan in deployment.get("schedules", ())]
    events = [
        f"event {codes(trigger['expect'])} of {code(trigger['match']['prefect.resource.id'])}"
        for trigger in deployment.get("triggers", ())
    ]
    return crons + events


def flow_name(entrypoint: str) -> str:
    """The name Prefect shows for a flow, read from its decorator without importing Prefect."""
    module, _, function = entrypoint.rpartition(".")
    source = ast.parse((ROOT / Path(*module.split("."))).with_suffix(".py").read_text(encoding="utf-8"))
    for node in source.body:
        if isinstance(node, ast.AsyncFunctionDef | ast.FunctionDef) and node.name == function:
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call):
                    named = {word.arg: word.value for word in decorator.keywords}
                    return str(ast.literal_eval(named["name"]))
    raise LookupError(f"{entrypoint} is no flow")


def settings() -> str:
    said = _attribute_docs(Settings)
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "not set" if default is None else str(default).lower() if isinstance(default, bool) else str(default)
        rows.append(
            (
                code(f"QORGAN_{name.upper()}"),
                code(shown) if default is not None else shown,
                said.get(name, name.replace("_", " ").capitalize() + "."),
            )
        )
    return table(("setting", "default", "what it is"), rows)


def _attribute_docs(model: type) -> dict[str, str]:
    """The string under each field of a class, which Python itself does not keep."""
    source = ast.parse((ROOT / Path(*model.__module__.split("."))).with_suffix(".py").read_text(encoding="utf-8"))
    body = next(node.body for node in source.body if isinstance(node, ast.ClassDef) and node.name == model.__name__)
    return {
        field.target.id: " ".join(text.value.value.replace("``", "`").split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


_BUILDERS: tuple[Build, ...] = (
    moves, checks, waits, registry, letter_variables, context_keys, context_shapes, deployments, settings,
)  # fmt: skip
_VOCABULARIES: dict[str, type[Explained]] = {
    "statuses": Status,
    "dispositions": vocabulary.Disposition,
    "outcomes": vocabulary.Outcome,
    "delivery-states": DeliveryState,
    "priorities": Priority,
    "hold-reasons": vocabulary.HoldReason,
    "roles": Role,
}
BLOCKS: dict[str, Build] = {
    "lifecycle": lifecycle_picture,
    **{build.__name__.replace("_", "-"): build for build in _BUILDERS},
    **{name: partial(_explained, words) for name, words in _VOCABULARIES.items()},
    "pack-schema": reference,
    "packs": packs,
}
"""Every generated part, by the name in its markers."""

_BLOCK = re.compile(r"(<!-- (?P<name>[\w-]+):begin -->\n).*?(<!-- (?P=name):end -->)", re.DOTALL)
_MARKER = re.compile(r"<!-- ([\w-]+):(?:begin|end) -->")


def refreshed(text: str) -> str:
    """A text with its generated parts written anew. KeyError for a part nobody builds, ValueError for a lone marker."""
    marks = _MARKER.findall(text)
    if len(marks) != 2 * len(_BLOCK.findall(text)):
        raise ValueError(f"a marker lacks its partner; markers found: {', '.join(marks)}")
    return _BLOCK.sub(lambda found: f"{found[1]}{BLOCKS[found['name']]()}\n{found[3]}", text)


def documents() -> list[Path]:
    """The files that may hold generated parts."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "deploy").glob("*.md"))]


def main(argv: Sequence[str] | None = None) -> int:
    """Write what changed and say so; with ``--check`` only say so. 1 when ``--check`` finds something."""
    parser = argparse.ArgumentParser(prog="python -m tools.generate_docs", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; end with 1 when a file is out of date")
    wanted = parser.parse_args(argv)
    stale = []
    written = {path: refreshed(path.read_text(encoding="utf-8")) for path in documents()}
    written |= schema_files() | pack_pages()
    for path, after in written.items():
        if path.exists() and path.read_text(encoding="utf-8") == after:
            continue
        stale.append(path)
        if not wanted.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(after, encoding="utf-8")
    for path in stale:
        verb = "is out of date: run make docs" if wanted.check else "written"
        sys.stdout.write(f"{path.relative_to(ROOT)} {verb}\n")
    return 1 if wanted.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())

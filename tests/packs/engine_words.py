"""Every word that the engine's files say, and the words by which a pack, a country or a law would be named."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from casework.pack_checks import claimed_ids
from casework.policy_base import UNSOURCED, Source
from casework.policy_pack import Pack
from tests.packs.every_pack import FOLDERS, the_pack_in

ROOT = Path(__file__).parents[2]

NAMES = (
    "Kazakhstan", "Kazakhstani", "Australia", "Australian", "Germany", "German", "Bundesrepublik", "United Kingdom",
    "United States", "European Union", "European Commission", "eSafety", "eSafety Commissioner", "Ofcom",
    "Bundesnetzagentur", "Online Safety Act", "Digital Services Act", "DSA", "GDPR", "NetzDG",
    "DDG", "TCO Regulation", "Criminal Code", "Penal Code", "Prosecutor General", "Order No. 562", "Law No. 18-VIII",
)  # fmt: skip
"""Countries, authorities and laws by their common names; what the packs themselves say is added to them."""


def engine_files() -> list[Path]:
    """casework/, db/ without its migrations, tasks/ and flows/."""
    found = [path for folder in ("casework", "db", "tasks", "flows") for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


def said_in(source: str) -> Iterator[tuple[int, str]]:
    """Each string, docstring, comment and identifier with its line; comments of database columns are left out.

    The words of a column's comment are evidence that a migration has written, and stay as they were.
    """
    tree = ast.parse(source)
    left_out = {
        id(constant)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "mapped_column"
        for keyword in call.keywords
        if keyword.arg == "comment"
        for constant in ast.walk(keyword.value)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in left_out:
            yield node.lineno, node.value
        for field in ("id", "attr", "name", "arg", "asname", "module"):
            word = getattr(node, field, None)
            if isinstance(word, str):
                yield getattr(node, "lineno", 1), word.replace("_", " ").replace(".", " ")
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


@cache
def forbidden() -> re.Pattern[str]:
    """Whatever names a pack, a country or a law, as whole words."""
    words = {*NAMES}
    for folder in FOLDERS:
        words |= named_by(the_pack_in(folder), folder)
    country = yaml.safe_load((ROOT / "templates" / "words.yaml").read_text("utf-8")).get("country", {})
    words |= {text for texts in country.values() for text in texts.values() if len(text) > 3}
    longest_first = sorted((word for word in words if word), key=len, reverse=True)
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)", re.IGNORECASE)


def named_by(pack: Pack, folder: str) -> set[str]:
    """The pack's own names: of itself, its authority, its rules, its provisions and its sources."""
    ids = {code for _, _, code in claimed_ids(pack)}
    authority = pack.authority
    words = {folder, authority.id, authority.number_prefix, authority.country, pack.regime.id}
    words |= {*pack.regime.territorial_scope, *ids, *(code.split(".")[0] for code in ids)}
    words |= {calendar.id for calendar in pack.calendars.calendars}
    words |= {text for period in authority.names for text in period.name.root.values()}
    words |= {text for entry in pack.regime.legal_basis for text in entry.citation.root.values()}
    return words | {ref for ref in sources(pack) if ref != UNSOURCED and not ref.startswith("Internal")}


def sources(node: Any) -> Iterator[str]:
    """Every act or page that the pack refers to."""
    if isinstance(node, Source):
        yield node.ref
    elif isinstance(node, BaseModel):
        for name in type(node).model_fields:
            yield from sources(getattr(node, name))
    elif isinstance(node, tuple):
        for part in node:
            yield from sources(part)

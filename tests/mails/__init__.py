"""Mails as they come in, each a file; what is signed or differs between cases is a placeholder in it.

``index.yaml`` says of each file what it is. A placeholder is ``@@CASE@@`` or ``@@REPLY:liaison@@``; its value is given
under its name in small letters, with ``_`` for the colon.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).parent
PLACEHOLDER = re.compile(rb"@@([A-Z_]+(?::[a-z_]+)?)@@")


@dataclass(frozen=True)
class Fixture:
    """One line of the index; ``reads`` is what the reading of it gives beyond kind and match."""

    file: str
    kind: str
    by: str
    effect: str
    why: str
    reads: dict[str, Any] = field(default_factory=dict)


def index() -> tuple[Fixture, ...]:
    """Every fixture, in the order of the index."""
    known = ("file", "kind", "by", "effect", "why")
    rows = yaml.safe_load((HERE / "index.yaml").read_text(encoding="utf-8"))
    return tuple(
        Fixture(**{name: row[name] for name in known}, reads={name: row[name] for name in row if name not in known})
        for row in rows
    )


def filled(file: str, **values: str) -> bytes:
    """The mail of this name with values for its placeholders, all of which must be given."""

    def value(found: re.Match[bytes]) -> bytes:
        return values[found[1].decode().lower().replace(":", "_")].encode()

    return PLACEHOLDER.sub(value, (HERE / f"{file}.eml").read_bytes())

"""How the desk speaks: tables for people, JSON for programs, one line for every refusal."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperGroup

from casework.errors import QorganError

if TYPE_CHECKING:
    from pydantic import ValidationError

WIDTH = 100
"""Columns when nobody says how wide the paper is."""

Row = dict[str, Any]
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


class Desk(TyperGroup):
    """The root command: turns every refusal into one line on stderr and exit code 1."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for word in args:
            fault = _unusable(word)
            if fault is not None:
                say_refusal(QorganError(fault, rule="desk.word", next_step="Nothing was done."))
                raise typer.Exit(1)
        return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            known = as_refusal(error)
            if known is None:
                raise
            say_refusal(known)
            raise typer.Exit(1) from None


LONGEST_WORD = 20_000
"""Characters of one word of a command: of a reason, a path, an option."""


def _unusable(word: str) -> str | None:
    """What is wrong with one word of a command: too long, or bytes that are no text."""
    if len(word) > LONGEST_WORD:
        return f"one word of a command may have {LONGEST_WORD:,} characters; this has {len(word):,}"
    try:
        word.encode()
    except UnicodeEncodeError:
        return "a word of the command is no UTF-8"
    return None


def as_refusal(error: Exception) -> QorganError | None:
    """The refusal behind an error; None for one that is a fault of the program.

    A database's own message repeats the row it was given, so only its kind is told.
    """
    if isinstance(error, QorganError):
        return error
    if _is(error, "sqlalchemy.exc", "IntegrityError"):
        return QorganError(
            "the database refused the change: a constraint of the case file forbids it",
            rule="database.constraint",
            next_step="Nothing was changed; look at the case again.",
        )
    if _is(error, "sqlalchemy.exc", "SQLAlchemyError"):
        return QorganError(
            f"the case file cannot be used: {type(error).__name__}",
            rule="database.unusable",
            next_step="Run 'qorgan doctor'.",
        )
    if _is(error, "pydantic", "ValidationError"):
        return bad_setting(error)  # type: ignore[arg-type]
    return None


def bad_setting(error: ValidationError) -> QorganError:
    """A setting that cannot be used, by name; its value may be a secret and is not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    name = "_".join(str(part) for part in first["loc"]).upper()
    return QorganError(f"QORGAN_{name}: {first['msg']}", rule="settings.invalid", next_step="Correct the setting.")


def _is(error: Exception, module: str, name: str) -> bool:
    """Whether an error is of a class of a module that may not be loaded."""
    kind = getattr(sys.modules.get(module), name, None)
    return kind is not None and isinstance(error, kind)


def say_refusal(error: QorganError) -> None:
    """One line: what was refused, by which rule, and what to do next."""
    said = " ".join(f"{error.message} [{error.rule}] {error.next_step}".split())
    typer.echo(visible(said), err=True)


def warn(said: str) -> None:
    """Something a person should know although the work was done."""
    typer.echo(f"Warning: {visible(said)}", err=True)


def visible(text: str) -> str:
    """Text without what a terminal would obey or an eye could not see."""
    return _UNSEEN.sub("�", text.replace("\r\n", "\n"))


def harmless(text: str) -> str:
    """A reporter's or platform's words: links cannot be clicked, and nothing in them steers the terminal."""
    from casework.text_links import defang_text

    return defang_text(visible(text))


def make_console(*, stderr: bool = False) -> Console:
    """A console for one answer. Square brackets in texts are text, never markup."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() or "COLUMNS" in os.environ else WIDTH
    return Console(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)


def answer(data: Any, as_json: bool, show: Callable[[Console], None]) -> None:
    """Print ``data`` as JSON, or let ``show`` print it for a person."""
    if as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, indent=2))
        return
    show(make_console())


def table(columns: Sequence[str], rows: Iterable[Sequence[str | Text]], *, wide: Sequence[str] = ()) -> Table:
    """A plain table; ``wide`` names columns whose text may run over lines, all others stay on one."""
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column, header_style="dim", no_wrap=column not in wide, overflow="fold")
    for row in rows:
        made.add_row(*row)
    return made


def pairs(console: Console, rows: Iterable[tuple[str, str | Text]]) -> None:
    """Names and values, one a line; a value that is empty is left out."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in rows:
        if str(value):
            grid.add_row(name, value)
    console.print(grid)


def heading(console: Console, title: str) -> None:
    """A section's title, with air above it."""
    console.print()
    console.print(Text(title, style="bold"))


def local(at: datetime | None, zone: str) -> str:
    """A moment for a person: local time of the authority with its offset; empty for none."""
    if at is None:
        return ""
    offset = (there := at.astimezone(ZoneInfo(zone))).strftime("%z")
    return f"{there:%Y-%m-%d %H:%M} {offset[:3]}:{offset[3:]}"


def iso(at: datetime | None, zone: str) -> str | None:
    """A moment for a program: ISO 8601 with the authority's offset."""
    return None if at is None else at.astimezone(ZoneInfo(zone)).isoformat()


def shown(stamp: str | None) -> str:
    """A moment of a JSON answer, for a person."""
    if stamp is None:
        return ""
    at = datetime.fromisoformat(stamp)
    return f"{at:%Y-%m-%d %H:%M} {at.isoformat()[-6:]}"


_URGENCY = {"P0": "bold red", "P1": "red", "P2": "yellow"}


def priority_text(priority: str) -> Text:
    """A priority, the more urgent the louder."""
    return Text(priority, style=_URGENCY.get(priority, ""))

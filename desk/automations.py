"""Prefect's automations at the desk: what the files say, where the server differs, and making it the same."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from casework.errors import ConfigurationError
from desk.options import Json
from desk.output import Row, answer, table

if TYPE_CHECKING:
    from tasks.automations import Difference
    from tasks.orchestrator import Orchestrator

app = typer.Typer(no_args_is_help=True, help="Prefect's automations, which are files in automations/.")


@contextmanager
def _prefect() -> Iterator[Orchestrator]:
    from tasks.orchestrator import known_address, orchestrator
    from tasks.settings import Settings

    address = known_address(Settings().home)
    if address is None:
        raise ConfigurationError(
            "nobody said where Prefect is", rule="prefect.no_address", next_step="Set PREFECT_API_URL."
        )
    with orchestrator(address) as prefect:
        yield prefect


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the automations of the files, and what each is for."""
    from tasks.automations import automation_files

    data: list[Row] = [
        {"file": f"automations/{file.stem}.yaml", "name": file.name, "does": file.body.get("description", "")}
        for file in automation_files()
    ]

    def show(console: Console) -> None:
        rows = [(row["file"], row["name"], row["does"]) for row in data]
        console.print(table(("file", "name", "does"), rows, wide=("does",)))

    answer(data, as_json, show)


@app.command()
def diff(as_json: Json = False) -> None:
    """Say where the server differs from the files; fails when it does."""
    from tasks.automations import differences

    with _prefect() as prefect:
        found = differences(prefect)
    _answer(found, as_json, "The server has every automation as its file says.")
    if found:
        raise typer.Exit(1)


@app.command()
def apply(as_json: Json = False) -> None:
    """Make the server as the files say. May be repeated; automations that are not ours are left alone."""
    from tasks.automations import apply as make_the_same

    with _prefect() as prefect:
        found = make_the_same(prefect)
    _answer(found, as_json, "Nothing to do: the server has every automation as its file says.")


def _answer(found: list[Difference], as_json: bool, same: str) -> None:
    data: list[Row] = [{"name": one.name, "fault": one.fault.value} for one in found]

    def show(console: Console) -> None:
        if not data:
            console.print(same)
            return
        console.print(table(("automation", "was"), [(row["name"], row["fault"]) for row in data]))

    answer(data, as_json, show)

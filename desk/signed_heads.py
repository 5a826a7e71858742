"""Signed heads of the event log at the desk: the key, the list, and a kept statement against the log as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from desk.options import Json, Limit, at_work
from desk.output import Row, answer, iso, pairs, shown, table

if TYPE_CHECKING:
    from tasks.signing_key import SigningKey

key = typer.Typer(no_args_is_help=True, help="The key that signs heads of the event log and exports.")


@key.command("new")
def new_key(
    to: Annotated[
        Path | None, typer.Option("--to", dir_okay=False, help="A new file; by default that of the settings.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key in a new file (mode 0600) and print its public part. The private part is never shown."""
    from tasks.settings import Settings
    from tasks.signing_key import make_key

    path = to or Settings().signing_key
    _tell_key(make_key(path), path, as_json)


@key.command("show")
def show_key(as_json: Json = False) -> None:
    """Print the public part of the key in use."""
    from tasks.settings import Settings
    from tasks.signing_key import key_of

    settings = Settings()
    _tell_key(key_of(settings), settings.signing_key, as_json)


def _tell_key(made: SigningKey, path: Path, as_json: bool) -> None:
    data: Row = {"file": str(path), "key_id": made.key_id, "public_key": made.public_key.hex()}

    def show(console: Console) -> None:
        pairs(console, [("file", str(path)), ("key", made.key_id), ("public key", made.public_key.hex())])
        console.print(
            "Publish the public key, and note it down outside this machine: who has it can check what it signs."
        )

    answer(data, as_json, show)


def sign(as_json: Json = False) -> None:
    """Sign today's head of the event log, and write it to the audit officers; once a day, as the schedule does."""
    from tasks.signed_heads import sign_daily

    signed = sign_daily(at_work())
    data: Row = {"new": signed.new, "letters": signed.letters, **signed.head.as_dict()}
    events = signed.head.statement.seq
    done = f"{events} events signed, {signed.letters} letter(s) to the audit officers."
    said = done if signed.new else f"Signed before today, at {events} events."
    answer(data, as_json, lambda console: console.print(said))


def heads(limit: Limit = 30, as_json: Json = False) -> None:
    """Signed heads, newest first, each compared with the log; fails when one does not agree."""
    from tasks.signed_heads import list_heads

    runtime = at_work()
    found = list_heads(runtime, limit)
    zone = runtime.pack.authority.zone
    data: list[Row] = [
        {
            "signed_at": iso(row.signed_at, zone),
            "events": row.seq,
            "hash": row.hash,
            "key_id": row.key_id,
            "for": row.occasion,
            "agrees": not row.wrong,
            "wrong": row.wrong,
        }
        for row in found
    ]

    def show(console: Console) -> None:
        if not found:
            console.print("No head was signed yet: 'qorgan audit key new', then 'qorgan audit sign'.")
            return
        rows = [
            (
                shown(row["signed_at"]), str(row["events"]), row["hash"][:16], row["key_id"][:8], row["for"],
                Text("agrees", style="green") if row["agrees"] else Text(row["wrong"], style="bold red"),
            )
            for row in data
        ]  # fmt: skip
        console.print(table(("signed", "events", "hash", "key", "for", "the log"), rows, wide=("the log",)))

    answer(data, as_json, show)
    if any(row.wrong for row in found):
        raise typer.Exit(1)


def check_head(
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="The letter as it was saved, or its text."),
    ] = None,
    statement: Annotated[
        str | None, typer.Option("--statement", help="Instead of a file: the lines of the statement, or its JSON.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Compare a signed head that somebody kept with the log as it is now; fails where the log was rewritten."""
    from casework.signed_head import LONGEST, read_statement
    from tasks.signed_heads import check_statement

    if (file is None) == (statement is None):
        raise typer.BadParameter("give either a file or --statement")
    if file is not None:
        with file.open("rb") as opened:
            read = opened.read(LONGEST + 1)
    else:
        read = (statement or "").encode()
    agreed = check_statement(at_work(), read_statement(read))
    said = agreed.head.statement
    data: Row = {"agrees": True, "events": agreed.events, **agreed.head.as_dict()}
    text = (
        f"The log agrees: its first {said.seq} events are those that were signed on {said.at:%Y-%m-%d %H:%M} UTC\n"
        f"with key {said.key_id}. It has {agreed.events} now, and the whole chain verifies."
    )
    answer(data, as_json, lambda console: console.print(text))

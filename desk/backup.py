"""Backups at the desk: make one, verify one, restore one; and the switch that holds everything back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn
from rich.text import Text

from desk.options import As, Json, Reason, at_work
from desk.output import Row, answer, iso, make_console, pairs, shown, table

if TYPE_CHECKING:
    from tasks.backup_manifest import Manifest
    from tasks.backup_manifest import Progress as Told

app = typer.Typer(invoke_without_command=True, help="Back the case file up while people work; verify a backup.")
sending = typer.Typer(no_args_is_help=True, help="Hold back everything that leaves, and let it go again.")

WITHOUT_KEY = "The vault key is not in it: keep vault.key apart. Without it reports, people and letters stay closed."

Backup = Annotated[Path, typer.Argument(metavar="BACKUP", exists=True, file_okay=False, help="Folder of one backup.")]


@app.callback()
def backup(
    context: typer.Context,
    into: Annotated[
        Path | None, typer.Option("--to", file_okay=False, help="Folder of backups; by default backups in the home.")
    ] = None,
    keep: Annotated[int | None, typer.Option("--keep", min=1, help="Remove all but so many of the newest.")] = None,
    as_json: Json = False,
) -> None:
    """Back the case file up while people work; with a subcommand, verify a backup."""
    if context.invoked_subcommand is not None:
        return
    from tasks.backup import make_backup
    from tasks.settings import Settings

    with _bar("copying", quiet=as_json) as told:
        made = make_backup(Settings(), into, datetime.now(UTC), told, keep)
    data: Row = {"folder": str(made.folder), "removed": list(made.removed), **_row(made.manifest)}

    def show(console: Console) -> None:
        console.print(f"Backed up into {made.folder}", soft_wrap=True)
        _describe(console, data)
        for name in made.removed:
            console.print(f"Removed {name}.")
        console.print(WITHOUT_KEY, soft_wrap=True)

    answer(data, as_json, show)


@app.command()
def verify(folder: Backup, as_json: Json = False) -> None:
    """Restore a backup aside, audit it, and throw the copy away. The backup itself is only read."""
    from tasks.backup_verify import verify_backup
    from tasks.settings import Settings

    with _bar("reading", quiet=as_json) as told:
        found = verify_backup(Settings(), folder, datetime.now(UTC), told)
    checks: list[Row] = [
        {"name": check.name, "holds": check.holds, "detail": check.detail} for check in found.checks
    ]  # fmt: skip
    data: Row = {
        **_row(found.manifest), "verified": found.holds, "upgraded_aside": found.upgraded, "invariants": checks,
    }  # fmt: skip

    def show(console: Console) -> None:
        _describe(console, data)
        if found.upgraded:
            console.print("It is of an older version; its copy was brought to the newest tables before the audit.")
        rows = [
            (
                Text("holds", style="green") if check.holds else Text("BROKEN", style="bold red"),
                check.name,
                check.detail,
            )
            for check in found.checks
        ]
        console.print(table(("", "what must hold", "found"), rows, wide=("what must hold", "found")))
        console.print(f"\n{found.events} events; the chain verifies. Files, tables and rows are as they were written.")

    answer(data, as_json, show)
    if not found.holds:
        raise typer.Exit(1)


def restore(
    folder: Backup,
    as_user: As,
    reason: Reason,
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="PLACE", help="A home folder or a database's URL; by default, here."),
    ] = None,
    replace: Annotated[
        int | None,
        typer.Option("--replace", min=0, metavar="CASES", help="Replace the case file there: it holds so many cases."),
    ] = None,
    key_lost: Annotated[
        bool, typer.Option("--key-lost", help="The vault key is lost for good: what is sealed stays closed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Bring a backup back, muted: nothing leaves until a person lifts it with 'qorgan sending unmute'."""
    from tasks.restore import Order, target_of
    from tasks.restore import restore as bring_back
    from tasks.settings import Settings

    settings = target_of(Settings(), into)
    order = Order(as_user, reason, replace, key_lost)
    with _bar("restoring", quiet=as_json) as told:
        done = bring_back(settings, folder, order, lambda: datetime.now(UTC), told)
    undone = done.undone
    data: Row = {
        **_row(done.manifest), "kept": done.kept, "letters": list(undone.letters), "asked": list(undone.asked),
        "at_portal": list(undone.at_portal), "police": list(undone.police), "numbers_skipped": undone.numbers_skipped,
    }  # fmt: skip

    def show(console: Console) -> None:
        console.print(f"Restored {done.manifest.id}. Sending is muted: nothing leaves.", style="bold")
        _describe(console, data)
        pairs(
            console,
            [
                ("kept aside", done.kept),
                ("letters for a person", ", ".join(map(str, undone.letters))),
                ("asked of the platform", ", ".join(undone.asked)),
                ("look in the portal", ", ".join(undone.at_portal)),
            ],
        )
        if undone.police:
            said = f"Telephone the police now: they may not know of {', '.join(undone.police)}."
            console.print(said, style="bold red")
        console.print("\nNext: qorgan doctor, qorgan sweep, qorgan collect, qorgan drive; then qorgan sending unmute.")

    answer(data, as_json, show)


@sending.command("mute")
def mute(as_user: As, reason: Reason, as_json: Json = False) -> None:
    """From now on no letter and no notice leaves. Work goes on; what is due waits."""
    from tasks.switches import mute as hold_back

    hold_back(at_work(), as_user, reason)
    answer({"sending": "muted"}, as_json, lambda console: console.print("Sending is muted: nothing leaves."))


@sending.command("unmute")
def unmute(as_user: As, reason: Reason, as_json: Json = False) -> None:
    """Let letters and notices leave again; the next runs send what waits."""
    from desk.reports import lanes_with_work
    from desk.wake import wake
    from tasks.switches import unmute as let_go

    runtime = at_work()
    done = let_go(runtime, as_user, reason)
    wake(lanes_with_work(runtime))
    data: Row = {"sending": "on", "letters": done.letters, "notices": done.notices, "held": list(done.held)}

    def show(console: Console) -> None:
        console.print(f"Sending is on. {done.letters} letter(s) and {done.notices} notice(s) go with the next runs.")
        if done.held:
            console.print(
                "A person must look at letters that may have gone out before:"
                f" {', '.join(map(str, done.held))} ('qorgan letters list --dead')."
            )

    answer(data, as_json, show)


@sending.command("status")
def status(as_json: Json = False) -> None:
    """Whether anything leaves, since when, why, and what waits."""
    from tasks.switches import sending_state

    runtime = at_work()
    found = sending_state(runtime)
    data: Row = {
        "sending": "on" if found.on else "muted", "reason": found.reason, "set_by": found.set_by,
        "set_at": iso(found.set_at, runtime.pack.authority.zone), "letters": found.letters,
        "notices": found.notices, "first_sweep": found.first_sweep,
    }  # fmt: skip

    def show(console: Console) -> None:
        console.print("Sending is on." if found.on else "Sending is muted: nothing leaves.", style="bold")
        pairs(
            console,
            [
                ("why", found.reason), ("by", found.set_by), ("since", shown(data["set_at"])),
                ("letters that wait", str(found.letters)), ("notices that wait", str(found.notices)),
                ("the first sweep is looked at", found.first_sweep),
            ],
        )  # fmt: skip

    answer(data, as_json, show)


def _row(manifest: Manifest) -> Row:
    content = manifest.content
    return {
        "backup": manifest.id,
        "made_at": manifest.made_at.isoformat(),
        "program": manifest.program,
        "kind": manifest.kind,
        "bytes": manifest.data.bytes,
        "cases": content.cases,
        "events": content.chain_seq,
        "head": content.chain_hash,
        "policy_version": content.policy_version,
        "vault_key_included": manifest.vault_key_included,
    }


def _describe(console: Console, data: Row) -> None:
    pairs(
        console,
        [
            ("backup", data["backup"]), ("made at", shown(data["made_at"])), ("version", data["program"]),
            ("database", data["kind"]), ("size", f"{data['bytes'] / 1e6:,.1f} MB"), ("cases", str(data["cases"])),
            ("events", str(data["events"])), ("head", data["head"]),
        ],
    )  # fmt: skip


@contextmanager
def _bar(doing: str, *, quiet: bool) -> Iterator[Told]:
    """A bar in bytes; on stderr, and only where a person watches."""
    console = make_console(stderr=True)
    bar = Progress(
        SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        console=console, transient=True, disable=quiet or not console.is_terminal,
    )  # fmt: skip
    task = bar.add_task(doing, total=None)
    with bar:
        yield lambda done, total: bar.update(task, completed=done, total=total or None)

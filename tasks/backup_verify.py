"""Is a backup worth anything? It is restored aside, looked at with the eyes of the audit, and thrown away.

The backup itself is only read. Where it is of an older version, the copy aside is brought to the newest tables before
the audit reads it: a backup that cannot be upgraded is not worth anything either.
"""

from __future__ import annotations

import secrets
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL

from casework.errors import ConfigurationError
from db.migrate import knows, newest
from tasks.audit import verify_chain
from tasks.backup import fingerprint, in_our_words, read_content
from tasks.backup_manifest import BackupDamaged, Manifest, Progress, check_files, compare, read_manifest
from tasks.backup_postgres import create, drop, load, maintenance, server_version, tool
from tasks.checks import Check
from tasks.invariants import invariants
from tasks.runtime import Runtime, build
from tasks.settings import Settings

SCRATCH = "qorgan_verify_"
"""Databases that a verification makes on the server, and removes."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found. ``upgraded``: the copy had to be brought to the newest tables first."""

    manifest: Manifest
    events: int
    checks: list[Check]
    upgraded: bool

    @property
    def holds(self) -> bool:
        return all(check.holds for check in self.checks)


def verify_backup(settings: Settings, folder: Path, now: datetime, progress: Progress) -> Verified:
    """Restore a backup aside and audit it.

    Raises BackupDamaged for what is not as it was written, AuditBroken where the event log does not add up,
    ConfigurationError where this installation cannot read it, and BackupFailed where there is no room for the copy.
    """
    manifest = read_manifest(folder)
    refuse_foreign(settings, manifest)
    data = check_files(folder, manifest, progress)
    try:
        with _restored_aside(settings, manifest, data, progress) as url:
            compare(manifest, read_content(url))
            aside = open_aside(settings, url, now)
            try:
                upgraded = manifest.content.migration != newest()
                return Verified(manifest, verify_chain(aside), invariants(aside), upgraded)
            finally:
                aside.engine.dispose()
    except OSError as error:
        raise in_our_words(error, Path(tempfile.gettempdir())) from None


def refuse_foreign(settings: Settings, manifest: Manifest, *, key_lost: bool = False) -> None:
    """What this program, or this installation, cannot read. Raises ConfigurationError."""
    if not knows(manifest.content.migration):
        raise ConfigurationError(
            f"{manifest.id} is newer than this program: its tables are of revision {manifest.content.migration}, and"
            f" the program knows {newest()} as the newest",
            rule="backup.newer",
            next_step=f"Install version {manifest.program} or a newer one.",
        )
    if manifest.vault_key and not key_lost and fingerprint(settings) != manifest.vault_key:
        raise ConfigurationError(
            f"the vault key that opens {manifest.id} is not here; it is never in a backup",
            rule="backup.vault_key",
            next_step="Put vault.key into QORGAN_HOME, or set QORGAN_VAULT_KEY.",
        )


def open_aside(settings: Settings, url: URL, now: datetime) -> Runtime:
    """An installation on a case file of its own, with everything else as it is here."""
    address = url.render_as_string(hide_password=False)
    return build(settings.model_copy(update={"database_url": address}), now=lambda: now)


@contextmanager
def _restored_aside(settings: Settings, manifest: Manifest, data: Path, progress: Progress) -> Iterator[URL]:
    """The case file of a backup in a place of its own, gone afterwards."""
    if manifest.kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="qorgan-verify-") as folder:
            copy = Path(folder) / data.name
            shutil.copyfile(data, copy)
            copy.chmod(0o600)
            check_sqlite(copy)
            yield URL.create("sqlite", database=str(copy))
        return
    here = make_url(settings.database)
    if here.get_backend_name() != "postgresql":
        raise ConfigurationError(
            f"{manifest.id} is of a case file on PostgreSQL, and this installation has none",
            rule="backup.no_server",
            next_step="Set QORGAN_DATABASE_URL to a server on which a database may be made aside.",
        )
    aside = here.set(database=f"{SCRATCH}{secrets.token_hex(6)}")
    program = tool("pg_restore", settings.pg_bin, server_version(maintenance(here)))
    create(aside)
    try:
        load(aside, program, data, progress)
        yield aside
    finally:
        drop(aside)


def check_sqlite(path: Path) -> None:
    """Whether a SQLite file is whole inside, and every row that another names is there. Raises BackupDamaged."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            [said] = connection.execute("PRAGMA integrity_check(1)").fetchone()
            lost = connection.execute("PRAGMA foreign_key_check").fetchone()
    except sqlite3.DatabaseError:
        raise BackupDamaged(f"{path.name} is no database that SQLite can read") from None
    if said != "ok":
        raise BackupDamaged(f"{path.name} is broken inside: SQLite's own check of it fails")
    if lost is not None:
        raise BackupDamaged(f"{path.name}: a row of {lost[0]} names one of {lost[2]} that is not there")

"""A backup of the case file while people work: one moment of it, whole, with a manifest.

Order and why: (1) lock the folder of backups, (2) copy one moment of the case file into a folder with a name that no
backup has, (3) count what was copied and hash it, (4) write the manifest, (5) have the disk confirm all of it, (6) give
the folder its name. Whoever is killed before 6 leaves nothing that reads as a backup; the next one clears it away.
Nothing is migrated: this is what one runs before an upgrade.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.engine import URL

from casework.errors import ConfigurationError, QorganError
from db.engine import make_engine, make_sessions
from db.queries.clocks import record_success
from tasks.backup_manifest import (
    DATA,
    FORMAT,
    MANIFEST,
    BackupDamaged,
    Content,
    File,
    Kind,
    Manifest,
    Progress,
    backup_id,
    content_of,
    digest_of,
    read_manifest,
)
from tasks.backup_postgres import FULL, PostgresRefused, dump, server_version, tool
from tasks.settings import Settings
from tasks.vault import vault_from

NAME = "backup"
"""Its heartbeat."""

UNFINISHED = ".unfinished-"
LOCK = ".lock"

PAGES = 4_000
"""Pages of SQLite copied at a time, 16 MB: between two of them somebody is told how far it is."""


class BackupFailed(QorganError):
    """The case file, or a backup of it, could not be copied; nothing that looks whole was left."""

    rule = "backup.failed"


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that is whole, and the older ones that were removed for it."""

    folder: Path
    manifest: Manifest
    removed: tuple[str, ...]


def make_backup(
    settings: Settings, into: Path | None, now: datetime, progress: Progress, keep: int | None = None
) -> Made:
    """Back the case file up into a new folder in ``into``, by default ``backups`` in the home.

    ``keep``: so many backups stay there, the newest. Raises BackupFailed, ConfigurationError or PostgresRefused.
    """
    url = make_url(settings.database)
    _refuse_missing(url)
    folder = into or settings.home / "backups"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder):
        for left in folder.glob(f"{UNFINISHED}*"):
            shutil.rmtree(left)
        name = backup_id(now)
        if (folder / name).exists():
            raise BackupFailed(f"{name} was made in this very second", next_step="Try again.")
        making = folder / f"{UNFINISHED}{name}"
        making.mkdir(mode=0o700)
        try:
            manifest = _fill(making, settings, url, name, now, progress)
            making.rename(folder / name)
            sync(folder)
        except (OSError, sqlite3.Error, PostgresRefused) as error:
            raise in_our_words(error, folder) from None
        finally:
            shutil.rmtree(making, ignore_errors=True)
        removed = _remove_older(folder, keep) if keep is not None else ()
    _heartbeat(settings, manifest, now)
    return Made(folder / name, manifest, removed)


def backups_in(folder: Path) -> list[tuple[Path, Manifest]]:
    """The whole backups of a folder, newest first."""
    found: list[tuple[Path, Manifest]] = []
    for path in sorted(folder.glob("qorgan-*"), reverse=True):
        try:
            found.append((path, read_manifest(path)))
        except BackupDamaged:
            continue
    return found


def _refuse_missing(url: URL) -> None:
    """Connecting to SQLite would make an empty case file, and then back that up."""
    if url.get_backend_name() == "sqlite" and not (url.database and Path(url.database).is_file()):
        raise ConfigurationError(
            "there is no case file to back up",
            rule="backup.no_case_file",
            next_step="Set QORGAN_HOME or QORGAN_DATABASE_URL.",
        )


def _fill(making: Path, settings: Settings, url: URL, name: str, now: datetime, progress: Progress) -> Manifest:
    kind: Kind = "sqlite" if url.get_backend_name() == "sqlite" else "postgresql"
    data = making / DATA[kind]
    os.close(os.open(data, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    if kind == "sqlite":
        server, content = sqlite3.sqlite_version, _copy_sqlite(Path(str(url.database)), data, progress)
    else:
        server, content = _dump_postgres(settings, url, data, progress)
    sync(data)
    manifest = Manifest(
        format=FORMAT,
        id=name,
        made_at=now,
        program=version("qorgan"),
        kind=kind,
        server_version=server,
        content=content,
        vault_key=fingerprint(settings),
        files=(File(name=data.name, bytes=data.stat().st_size, sha256=digest_of(data, progress)),),
    )
    described = making / MANIFEST
    with os.fdopen(os.open(described, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(manifest.model_dump_json(indent=2) + "\n")
    sync(described)
    sync(making)
    return manifest


def fingerprint(settings: Settings) -> str:
    """Tells vault keys apart without telling anything of them; '' where there is no key."""
    key, file = settings.vault_key, settings.home / "vault.key"
    if key is None and not file.exists():
        # Asking for the vault would make a new key.
        return ""
    return vault_from(key.get_secret_value() if key else None, file).fingerprint("qorgan-backup")


def _copy_sqlite(case_file: Path, copy: Path, progress: Progress) -> Content:
    """One moment of a SQLite case file. Reading it holds the moment: what others write meanwhile is not in the copy."""
    with (
        closing(sqlite3.connect(f"{case_file.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)) as source,
        closing(sqlite3.connect(copy, isolation_level=None)) as target,
    ):
        size = source.execute("PRAGMA page_size").fetchone()[0]
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # The whole is made sure of at the end; page by page would take many times as long.
        target.execute("PRAGMA synchronous = OFF")
        source.backup(
            target, pages=PAGES, progress=lambda _, left, total: progress((total - left) * size, total * size)
        )
        # One file: no log of it stands beside.
        target.execute("PRAGMA journal_mode = DELETE")
    return read_content(f"sqlite:///{copy}")


def read_content(url: str | URL) -> Content:
    """What a case file at rest holds. Opens it as it is, and changes nothing."""
    engine = create_engine(url, hide_parameters=True)
    try:
        with engine.connect() as connection:
            return content_of(connection)
    finally:
        engine.dispose()


def _dump_postgres(settings: Settings, url: URL, data: Path, progress: Progress) -> tuple[str, Content]:
    """One moment of a PostgreSQL case file: pg_dump reads the very snapshot in which the rows are counted."""
    server = server_version(url)
    program = tool("pg_dump", settings.pg_bin, server)
    engine: Engine = create_engine(url, hide_parameters=True, isolation_level="REPEATABLE READ")
    try:
        with engine.connect() as connection:
            snapshot = str(connection.execute(text("SELECT pg_export_snapshot()")).scalar_one())
            content = content_of(connection)
            with data.open("r+b") as into:
                dump(url, snapshot, program, into, progress)
            return str(server), content
    finally:
        engine.dispose()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """One backup at a time in a folder. The lock falls with the process that held it."""
    with os.fdopen(os.open(folder / LOCK, os.O_WRONLY | os.O_CREAT, 0o600), "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise BackupFailed("another backup is being made in this folder", rule="backup.under_way") from None
        yield


def _remove_older(folder: Path, keep: int) -> tuple[str, ...]:
    older = backups_in(folder)[max(keep, 1) :]
    for path, _ in older:
        # Without its manifest it is no backup, whatever happens to the rest.
        (path / MANIFEST).unlink()
        shutil.rmtree(path)
    return tuple(path.name for path, _ in older)


def in_our_words(error: Exception, folder: Path) -> QorganError:
    """Why a copy into ``folder`` failed; the words of a database may quote a row."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    if full or FULL in str(error) or "disk is full" in str(error) or "disk I/O error" in str(error):
        free = shutil.disk_usage(folder).free
        return BackupFailed(
            f"the disk took no more: {free / 1e6:,.0f} MB are free where the copy goes",
            rule="backup.disk_full",
            next_step="Make room there, or name another place.",
        )
    if isinstance(error, QorganError):
        return error
    return BackupFailed(f"the case file could not be copied: {type(error).__name__}")


def sync(path: Path) -> None:
    """Have the disk confirm a file, or a folder's list of names."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _heartbeat(settings: Settings, manifest: Manifest, now: datetime) -> None:
    engine = make_engine(settings.database)
    try:
        with make_sessions(engine).write.begin() as session:
            record_success(session, NAME, now, {"backup": manifest.id, "cases": manifest.content.cases})
    finally:
        engine.dispose()

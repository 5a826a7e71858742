"""A case file comes back from a backup, muted. The one it replaces is kept aside; nothing is ever overwritten.

Order and why: (1) read the backup to its last byte, (2) see what stands where it shall go, and who has it open,
(3) restore beside it, under another name, (4) compare with the manifest, bring it to the newest tables, walk the event
log, (5) mute it and set right what may have gone on without it (tasks/restored.py), committed, (6) move the old one
aside and the new one in. Whoever is killed before 6 has changed nothing; there is no moment in which a restored case
file stands in its place and may send.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from casework.errors import ConfigurationError, NotAllowed, QorganError
from casework.facts import Actor
from casework.vocabulary import Role
from tasks.audit import verify_chain
from tasks.backup import in_our_words, read_content, sync
from tasks.backup_manifest import Manifest, Progress, check_files, compare, read_manifest
from tasks.backup_postgres import (
    create,
    databases_like,
    drop,
    exists,
    load,
    maintenance,
    rename,
    server_version,
    tool,
)
from tasks.backup_verify import check_sqlite, open_aside, refuse_foreign
from tasks.restored import Undone, come_up_muted
from tasks.settings import Settings
from tasks.users import read_users

RESTORING = "restoring"
REPLACED = "replaced"


class RestoreRefused(QorganError):
    """Nothing was restored and nothing replaced."""

    rule = "restore.refused"


@dataclass(frozen=True, slots=True)
class Order:
    """Who wants a backup back, and why. ``replace``: the number of cases in the case file that it may replace."""

    actor_id: str
    reason: str
    replace: int | None = None
    key_lost: bool = False


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back. ``kept``: where the case file is that it replaced; '' where there was none."""

    manifest: Manifest
    undone: Undone
    kept: str


def target_of(settings: Settings, into: str | None) -> Settings:
    """The installation that a backup goes into: this one, a database's address, or a home folder."""
    if into is None:
        return settings
    if "://" in into:
        return settings.model_copy(update={"database_url": into})
    return settings.model_copy(
        update={"home": Path(into), "database_url": None, "users_file": settings.users}
    )  # fmt: skip


def restore(
    settings: Settings, folder: Path, order: Order, now: Callable[[], datetime], progress: Progress
) -> Restored:
    """Bring a backup back as the case file of these settings.

    Raises NotAllowed, BackupDamaged, ConfigurationError, RestoreRefused, BackupFailed or PostgresRefused; then nothing
    was changed.
    """
    actor = _may_restore(settings, order)
    manifest = read_manifest(folder)
    refuse_foreign(settings, manifest, key_lost=order.key_lost)
    url = make_url(settings.database)
    if url.get_backend_name() != manifest.kind:
        raise ConfigurationError(
            f"{manifest.id} is of a case file on {manifest.kind}, and it shall go into {url.get_backend_name()}",
            rule="restore.other_database",
            next_step="Name a database of the same kind with --into.",
        )
    data = check_files(folder, manifest, progress)
    _refuse_occupied(url, order.replace)
    at = now().astimezone(UTC)
    place = _in_file if manifest.kind == "sqlite" else _on_server
    try:
        with place(settings, url, data, at, progress) as (aside, kept):
            compare(manifest, read_content(aside))
            restored = open_aside(settings, aside, at)
            try:
                verify_chain(restored)
                undone = come_up_muted(restored, manifest, actor, order.reason)
            finally:
                restored.engine.dispose()
    except (OSError, sqlite3.Error) as error:
        raise in_our_words(error, settings.home) from None
    return Restored(manifest, undone, kept)


def _may_restore(settings: Settings, order: Order) -> Actor:
    actor = read_users(settings.users).actor(order.actor_id)
    if not actor.has(Role.HEAD_OF_UNIT):
        raise NotAllowed(f"{actor.id} may not restore a case file", next_step=f"It takes the role {Role.HEAD_OF_UNIT}.")
    if len(order.reason.strip()) < 5:
        raise RestoreRefused("say why, in a sentence", rule="restore.reason_missing", next_step="Give --reason.")
    return actor


def _refuse_occupied(url: URL, replace: int | None) -> None:
    """A case file that holds something is replaced only by somebody who knows how much it holds."""
    cases = _cases_in(url)
    if cases is None or cases == replace:
        return
    said = f"the case file there holds {cases} case(s)" if cases else "there is a case file already"
    raise RestoreRefused(
        f"{said}, and {'none may be replaced' if replace is None else f'{replace} were named'}",
        rule="restore.occupied",
        next_step=f"Is it the right one? Then say --replace {cases}; it is kept aside.",
    )


def _cases_in(url: URL) -> int | None:
    """Cases in the case file at an address; None where there is none, or an empty one. One that is unreadable has 0."""
    if url.get_backend_name() == "sqlite":
        if not Path(str(url.database)).exists():
            return None
    elif not exists(url):
        return None
    try:
        found = read_content(url)
    except DBAPIError:
        return 0
    held = found.chain_seq or any(found.tables.get(name) for name in ("report", "case_file", "event"))
    strange = found.tables and "case_file" not in found.tables
    return found.cases if held or strange else None


Place = tuple[URL, str]
"""Where the case file is restored aside, and where the one it replaces is kept; '' where there is none."""


@contextmanager
def _in_file(_settings: Settings, url: URL, data: Path, at: datetime, progress: Progress) -> Iterator[Place]:
    """Beside the case file; at the end it takes its place."""
    target = Path(str(url.database)).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{RESTORING}")
    kept = target.with_name(f"{target.name}.{REPLACED}-{at:%Y%m%dT%H%M%SZ}") if target.exists() else None
    _refuse_in_use(target)
    try:
        _remove(aside)
        shutil.copyfile(data, aside)
        aside.chmod(0o600)
        progress(data.stat().st_size, data.stat().st_size)
        check_sqlite(aside)
        yield url.set(database=str(aside)), "" if kept is None else str(kept)
        _into_one_file(aside)
        sync(aside)
        _refuse_in_use(target)
        if kept is not None:
            _move(target, kept)
        aside.rename(target)
        sync(target.parent)
    finally:
        _remove(aside)


@contextmanager
def _on_server(settings: Settings, url: URL, data: Path, at: datetime, progress: Progress) -> Iterator[Place]:
    """In a database of its own on the same server; at the end it takes the name."""
    program = tool("pg_restore", settings.pg_bin, server_version(maintenance(url)))
    stem = str(url.database)[:40]
    for left in databases_like(url, f"{stem}_{RESTORING}_"):
        drop(url.set(database=left))
    aside = url.set(database=f"{stem}_{RESTORING}_{at:%Y%m%dt%H%M%S}")
    kept = f"{stem}_{REPLACED}_{at:%Y%m%dt%H%M%S}" if exists(url) else ""
    create(aside)
    try:
        load(aside, program, data, progress)
        yield aside, kept
        if kept:
            rename(url, kept)
        rename(aside, str(url.database))
    finally:
        drop(aside)


def _refuse_in_use(case_file: Path) -> None:
    """Whoever has the old file open would go on writing into it, and what they write would be lost."""
    if not case_file.exists():
        return
    try:
        with closing(sqlite3.connect(case_file, timeout=0, isolation_level=None)) as connection:
            # Leaving the log mode takes the file for oneself alone: it fails while anybody else is connected.
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.OperationalError:
        raise RestoreRefused(
            "somebody has the case file open",
            rule="restore.in_use",
            next_step="Stop the workers, the acknowledgement page and every desk; then restore again.",
        ) from None
    except sqlite3.DatabaseError:
        # It is broken: that is why it is replaced.
        return


def _into_one_file(case_file: Path) -> None:
    """No log beside it any more: the file alone is the whole."""
    with closing(sqlite3.connect(case_file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _move(case_file: Path, kept: Path) -> None:
    """The file, and the logs of one that was not closed."""
    for end in ("-wal", "-shm", ""):
        part = case_file.with_name(case_file.name + end)
        if part.exists():
            part.rename(kept.with_name(kept.name + end))


def _remove(case_file: Path) -> None:
    for end in ("", "-wal", "-shm", "-journal"):
        case_file.with_name(case_file.name + end).unlink(missing_ok=True)

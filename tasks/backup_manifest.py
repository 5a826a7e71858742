"""What is in a backup, and whether it still is: the manifest that lies beside the data.

A backup is a folder with two files, the case file and ``manifest.json``. The manifest is written last, and the folder
gets its name after that: what is called a backup is whole.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection, inspect, text

from casework.errors import QorganError

FORMAT = "qorgan-backup/1"
MANIFEST = "manifest.json"
DATA = {"sqlite": "case-file.db", "postgresql": "case-file.dump"}

LARGEST_MANIFEST = 1_000_000
"""Bytes; a larger file is no manifest of ours."""

_PAGE = 4 * 1024 * 1024

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many; 0 where nobody knows."""

Kind = Literal["sqlite", "postgresql"]


class BackupDamaged(QorganError):
    """A backup is not what its manifest says; the message names the file, the table or the event."""

    rule = "backup.damaged"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class File(_Part):
    """One file of a backup."""

    name: str = Field(pattern=r"^[a-z-]+\.(db|dump)$")
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class Content(_Part):
    """What the case file held at the moment of the backup."""

    migration: str = Field(max_length=40)
    chain_seq: int = Field(ge=0)
    chain_hash: str = Field(pattern=r"^[0-9a-f]{64}$")
    policy_version: str = Field(max_length=80)
    tables: dict[str, int]
    """Rows of each table."""

    @property
    def cases(self) -> int:
        return self.tables.get("case_file", 0)


class Manifest(_Part):
    """The manifest. ``vault_key`` tells which key opens what is sealed; the key itself is never in a backup."""

    format: Literal["qorgan-backup/1"]
    id: str = Field(pattern=r"^qorgan-\d{8}T\d{6}Z$")
    made_at: AwareDatetime
    program: str = Field(max_length=40)
    kind: Kind
    server_version: str = Field(max_length=40)
    content: Content
    vault_key_included: Literal[False] = False
    vault_key: str = Field(max_length=64)
    files: tuple[File, ...] = Field(min_length=1, max_length=1)

    @property
    def data(self) -> File:
        return self.files[0]


def backup_id(at: datetime) -> str:
    """The name of a backup that is made at a moment."""
    return f"qorgan-{at.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a backup. Raises BackupDamaged where there is none or it cannot be read."""
    path = folder / MANIFEST
    try:
        if path.stat().st_size > LARGEST_MANIFEST:
            raise BackupDamaged(f"{folder.name}: {MANIFEST} is too large to be one")
        return Manifest.model_validate_json(path.read_bytes())
    except OSError:
        raise BackupDamaged(
            f"{folder.name} is no backup: it has no {MANIFEST}", next_step="Name the folder that 'qorgan backup' made."
        ) from None
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors(include_url=False, include_input=False)[0]["loc"])
        raise BackupDamaged(f"{folder.name}: {MANIFEST} cannot be read, at '{where}'") from None


def check_files(folder: Path, manifest: Manifest, progress: Progress) -> Path:
    """The data of a backup, once it is byte for byte what was written. Raises BackupDamaged."""
    file = manifest.data
    path = folder / file.name
    try:
        size = path.stat().st_size
    except OSError:
        raise BackupDamaged(f"{folder.name}: {file.name} is missing") from None
    if size != file.bytes:
        raise BackupDamaged(f"{folder.name}: {file.name} has {size:,} bytes, and {file.bytes:,} were written")
    if digest_of(path, progress) != file.sha256:
        raise BackupDamaged(f"{folder.name}: {file.name} was altered: its hash is not the manifest's")
    return path


def digest_of(path: Path, progress: Progress) -> str:
    """SHA-256 of a file, page by page."""
    digest, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while page := file.read(_PAGE):
            digest.update(page)
            done += len(page)
            progress(done, size)
    return digest.hexdigest()


def content_of(connection: Connection) -> Content:
    """What a case file holds. Asks the database and not the program: it may be of an older version."""
    names = sorted(name for name in inspect(connection).get_table_names() if name != "alembic_version")

    def ask(statement: str) -> tuple[object, ...] | None:
        row = connection.execute(text(statement)).one_or_none()
        return None if row is None else tuple(row)

    # Names of tables come from the database itself, not from a person.
    counts = {name: connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one() for name in names}  # noqa: S608
    migration = ask("SELECT version_num FROM alembic_version") or ("",)
    head = ask("SELECT seq, hash FROM chain_head") if "chain_head" in counts else None
    policy = (
        ask("SELECT version FROM policy_version ORDER BY adopted_at DESC, version LIMIT 1")
        if "policy_version" in counts
        else None
    )
    seq, digest = head or (0, "0" * 64)
    return Content.model_validate(
        {
            "migration": migration[0], "chain_seq": seq, "chain_hash": digest,
            "policy_version": (policy or ("",))[0], "tables": counts,
        }
    )  # fmt: skip


def compare(manifest: Manifest, found: Content) -> None:
    """Whether a restored case file holds what the backup says. Raises BackupDamaged with the first difference."""
    said = manifest.content
    for name, rows in said.tables.items():
        if name not in found.tables:
            raise BackupDamaged(f"{manifest.id}: the table {name} is missing")
        if found.tables[name] != rows:
            raise BackupDamaged(f"{manifest.id}: {name} has {found.tables[name]} rows, and {rows} were backed up")
    if (found.chain_seq, found.chain_hash) != (said.chain_seq, said.chain_hash):
        raise BackupDamaged(
            f"{manifest.id}: the event log ends at event {found.chain_seq}, {found.chain_hash[:12]}…,"
            f" and the manifest says {said.chain_seq}, {said.chain_hash[:12]}…"
        )
    if found.migration != said.migration:
        raise BackupDamaged(f"{manifest.id}: its tables are of revision {found.migration}, not {said.migration}")

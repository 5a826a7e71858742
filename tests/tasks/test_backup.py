"""A backup is one moment of the case file, whole or not there; verifying finds whatever was done to it since."""

from __future__ import annotations

import json
import os
import resource
import signal
import stat
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import pytest
from alembic import command
from sqlalchemy import make_url
from sqlalchemy.engine import URL

from casework.errors import AuditBroken, ConfigurationError
from db.engine import make_engine
from db.migrate import config, newest
from db.queries.clocks import last_success
from tasks import backup, backup_postgres
from tasks.backup import BackupFailed, backups_in, make_backup
from tasks.backup_manifest import MANIFEST, BackupDamaged, Progress, read_manifest
from tasks.backup_postgres import databases_like
from tests.database import find_binaries
from tests.stories import SQLITE_ONLY, START, Story
from tests.tasks.backups import backed_up, quiet, tampered, tidied, verified, with_tools


@pytest.fixture
def house(story: Story) -> Iterator[Story]:
    """An installation with a case that has gone all the way to the platform."""
    with tidied(with_tools(story)) as ready:
        ready.submitted()
        ready.send_letters()
        yield ready


def test_a_backup_says_what_is_in_it_and_verifies(house: Story) -> None:
    made = backed_up(house)
    said, counts = made.manifest, house.counts()
    assert said.made_at == START
    assert said.content.migration == newest()
    assert {name: rows for name, rows in said.content.tables.items() if rows != counts[name]} == {
        "heartbeat": counts["heartbeat"] - 1
    }, "that a backup was made is written after it"
    assert said.content.policy_version == house.runtime.pack.version
    assert said.vault_key_included is False
    assert {path.name for path in made.folder.iterdir()} == {MANIFEST, said.data.name}
    found = verified(house, made.folder)
    assert found.holds
    assert found.events == said.content.chain_seq > 0
    assert not found.upgraded
    with house.runtime.sessions.read() as session:
        assert last_success(session, "backup") == START


def test_only_its_owner_can_read_a_backup(house: Story) -> None:
    folder = backed_up(house).folder
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_vault_key_is_in_no_file_of_a_backup(house: Story) -> None:
    key = (house.runtime.settings.home / "vault.key").read_bytes()
    assert not [path for path in backed_up(house).folder.iterdir() if key in path.read_bytes()]


def test_a_backup_is_one_moment_however_much_others_write_meanwhile(
    house: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite somebody writes after every page that is copied; on PostgreSQL after the moment is held."""
    before = house.counts()
    writing = iter(range(8))

    def write(*_anything: object) -> None:
        if next(writing, None) is not None:
            house.take_in()

    def late(url: URL, snapshot: str, program: str, into: IO[bytes], progress: Progress) -> None:
        write()
        backup_postgres.dump(url, snapshot, program, into, progress)

    monkeypatch.setattr(backup, "PAGES", 1)
    monkeypatch.setattr(backup, "dump", late)
    made = make_backup(house.runtime.settings, None, house.clock(), write)
    assert made.manifest.content.tables == before
    assert house.counts()["case_file"] > before["case_file"]
    assert verified(house, made.folder).holds


def _flip(path: Path, at: float) -> None:
    data = bytearray(path.read_bytes())
    data[int(at * (len(data) - 1))] ^= 1
    path.write_bytes(data)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "first byte": (lambda path: _flip(path, 0), "was altered"),
    "middle byte": (lambda path: _flip(path, 0.5), "was altered"),
    "last byte": (lambda path: _flip(path, 1), "was altered"),
    "cut": (lambda path: os.truncate(path, path.stat().st_size - 1), "were written"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"0"), "were written"),
    "gone": (Path.unlink, "is missing"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_the_data_is_found_and_named(house: Story, damage: str) -> None:
    made = backed_up(house)
    do, words = DAMAGE[damage]
    do(made.folder / made.manifest.data.name)
    with pytest.raises(BackupDamaged, match=words) as found:
        verified(house, made.folder)
    assert made.manifest.data.name in found.value.message


@pytest.mark.parametrize(
    ("text", "words"),
    [(None, "it has no manifest"), ("{}", "cannot be read, at 'format'"), ("[" * 2_000_000, "too large")],
    ids=["gone", "another's", "huge"],
)
@SQLITE_ONLY
def test_damage_to_the_manifest_is_found(house: Story, text: str | None, words: str) -> None:
    folder = backed_up(house).folder
    (folder / MANIFEST).unlink()
    if text is not None:
        (folder / MANIFEST).write_text(text)
    with pytest.raises(BackupDamaged, match=words):
        verified(house, folder)


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DROP TABLE absence"], "the table absence is missing"),
        (["DELETE FROM clock WHERE id = 1"], r"clock has \d+ rows, and \d+ were backed up"),
        (["DELETE FROM party"], "party has 0 rows, and 1 were backed up"),
        (["UPDATE chain_head SET seq = seq - 1"], "the event log ends at event"),
        (["UPDATE alembic_version SET version_num = '0001'"], "its tables are of revision 0001"),
        (["PRAGMA foreign_keys = OFF", "UPDATE content_item SET case_id = 99"], "a row of content_item names one"),
    ],
)
@SQLITE_ONLY
def test_what_no_hash_shows_is_found_by_looking_inside(house: Story, statements: list[str], words: str) -> None:
    folder = backed_up(house).folder
    tampered(folder, *statements)
    with pytest.raises(BackupDamaged, match=words):
        verified(house, folder)


@SQLITE_ONLY
def test_an_altered_event_and_a_broken_invariant_are_found_by_the_audit(house: Story) -> None:
    folder = backed_up(house).folder
    tampered(folder, "UPDATE letter SET message_sha256 = '0' WHERE state = 'sent'")
    found = verified(house, folder)
    assert not found.holds
    assert [check.name for check in found.checks if not check.holds] == ["every sent letter is kept as it was sent"]
    tampered(folder, "DROP TRIGGER event_no_update", "UPDATE event SET reason = 'another' WHERE seq = 3")
    with pytest.raises(AuditBroken):
        verified(house, folder)


def test_a_verification_leaves_nothing_behind(house: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = backed_up(house)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in made.folder.iterdir()}
    verified(house, made.folder)
    assert {path: path.stat().st_mtime_ns for path in made.folder.iterdir()} == before
    assert not list(tmp_path.glob("qorgan-verify-*"))
    if made.manifest.kind == "postgresql":
        assert databases_like(make_url(house.runtime.settings.database), "qorgan_verify_") == []


def test_a_killed_backup_leaves_nothing_that_looks_whole_and_the_next_one_clears_up(house: Story) -> None:
    folder = house.runtime.settings.home / "backups"
    house.runtime.engine.dispose()
    child = os.fork()
    if not child:
        # The copy is made, and is just being hashed.
        make_backup(house.runtime.settings, None, house.clock(), lambda *_: os.kill(os.getpid(), signal.SIGKILL))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    assert backups_in(folder) == []
    [left] = folder.glob(".unfinished-*")
    made = backed_up(house)
    assert not left.exists()
    assert [path for path, _ in backups_in(folder)] == [made.folder]


@SQLITE_ONLY
def test_a_disk_that_fills_is_said_and_leaves_nothing(house: Story) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(BackupFailed, match=r"the disk took no more.*backup\.disk_full"):
            backed_up(house)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in (house.runtime.settings.home / "backups").iterdir()] == [".lock"]


@SQLITE_ONLY
def test_two_backups_into_one_folder_at_once_are_one(house: Story) -> None:
    def another(*_anything: object) -> None:
        with pytest.raises(BackupFailed, match="another backup is being made"):
            backed_up(house)

    make_backup(house.runtime.settings, None, house.clock(), another)


@SQLITE_ONLY
def test_only_so_many_are_kept_and_what_is_no_backup_stays(house: Story) -> None:
    strange = house.runtime.settings.home / "backups" / "qorgan-notes"
    strange.mkdir(parents=True)
    names = []
    for _ in range(4):
        house.later(days=1)
        names.append(backed_up(house, keep=2).folder.name)
    assert [path.name for path, _ in backups_in(strange.parent)] == [names[3], names[2]]
    assert strange.is_dir()


@SQLITE_ONLY
def test_a_backup_migrates_nothing_and_an_older_one_is_upgraded_aside(house: Story, tmp_path: Path) -> None:
    old = tmp_path / "old.db"
    engine = make_engine(f"sqlite:///{old}")
    settings = config()
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0005")
    engine.dispose()
    there = house.runtime.settings.model_copy(update={"database_url": f"sqlite:///{old}"})
    made = make_backup(there, None, house.clock(), quiet)
    assert made.manifest.content.migration == "0005"
    found = verified(house, made.folder)
    assert (found.upgraded, found.holds) == (True, True)
    assert read_manifest(made.folder) == made.manifest


@SQLITE_ONLY
def test_where_there_is_no_case_file_none_is_made(house: Story, tmp_path: Path) -> None:
    nowhere = house.runtime.settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'no.db'}"})
    with pytest.raises(ConfigurationError, match=r"backup\.no_case_file"):
        make_backup(nowhere, None, house.clock(), quiet)
    assert not (tmp_path / "no.db").exists()


@SQLITE_ONLY
def test_a_backup_of_another_vault_key_or_a_newer_program_is_not_audited(house: Story) -> None:
    folder = backed_up(house).folder
    key = house.runtime.settings.home / "vault.key"
    kept = key.read_bytes()
    key.unlink()
    with pytest.raises(ConfigurationError, match=r"vault key.*backup\.vault_key"):
        verified(house, folder)
    assert not key.exists(), "no new key is made in its place"
    key.write_bytes(kept)
    said = json.loads((folder / MANIFEST).read_text())
    said["content"]["migration"] = "9999"
    (folder / MANIFEST).write_text(json.dumps(said))
    with pytest.raises(ConfigurationError, match=r"newer than this program.*backup\.newer"):
        verified(house, folder)


POSTGRES_ONLY = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)

SPY = """#!/bin/sh
if [ "$1" = --version ]; then echo "pg_dump (PostgreSQL) 99.1"; exit; fi
printf '%s\\n' "$@" > {folder}/arguments
printf '%s' "$PGPASSWORD" > {folder}/password
exec {real} "$@"
"""


def _tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(script)
    (folder / name).chmod(0o755)


def _with_tools_in(house: Story, folder: Path, **more: Any) -> Story:
    settings = house.runtime.settings.model_copy(update={"pg_bin": folder, **more})
    return replace(house, runtime=replace(house.runtime, settings=settings))


@POSTGRES_ONLY
def test_a_password_is_no_argument_of_a_command(house: Story, tmp_path: Path) -> None:
    _tool(tmp_path, "pg_dump", SPY.format(folder=tmp_path, real=find_binaries() / "pg_dump"))
    url = make_url(house.runtime.settings.database).set(password="s3cret")
    there = _with_tools_in(house, tmp_path, database_url=url.render_as_string(hide_password=False))
    backed_up(there)
    assert "s3cret" not in (tmp_path / "arguments").read_text()
    assert (tmp_path / "password").read_text() == "s3cret"


@POSTGRES_ONLY
def test_tools_that_are_missing_or_older_than_the_server_are_named(house: Story, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"pg_dump is not there.*QORGAN_PG_BIN"):
        backed_up(_with_tools_in(house, tmp_path))
    _tool(tmp_path, "pg_dump", "#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6.24'\n")
    with pytest.raises(ConfigurationError, match=r"pg_dump is of version 9, and the server of \d+"):
        backed_up(_with_tools_in(house, tmp_path))
    _tool(tmp_path, "pg_dump", SPY.format(folder=tmp_path, real="false"))
    with pytest.raises(backup_postgres.PostgresRefused, match="pg_dump failed"):
        backed_up(_with_tools_in(house, tmp_path))
    assert backups_in(house.runtime.settings.home / "backups") == []

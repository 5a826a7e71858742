"""Backups in tests: one is made and brought back under the same settings, as on a machine that lost its disk."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from sqlalchemy import make_url

from tasks.backup import Made, make_backup
from tasks.backup_manifest import MANIFEST
from tasks.backup_postgres import databases_like, drop
from tasks.backup_verify import Verified, verify_backup
from tasks.restore import Order, Restored, restore
from tasks.settings import Settings
from tests.database import find_binaries
from tests.stories import HEAD, Story, make_runtime, read_once


def quiet(_done: int, _total: int) -> None:
    """Nobody watches."""


def with_tools(story: Story) -> Story:
    """The same installation; on PostgreSQL it knows where that server's own tools are."""
    if story.runtime.engine.dialect.name == "sqlite":
        return story
    settings = story.runtime.settings.model_copy(update={"pg_bin": find_binaries()})
    return replace(story, runtime=replace(story.runtime, settings=settings))


def backed_up(story: Story, **options: int) -> Made:
    return make_backup(story.runtime.settings, None, story.clock(), quiet, **options)


def verified(story: Story, folder: Path) -> Verified:
    return verify_backup(story.runtime.settings, folder, story.clock(), quiet)


def order(story: Story, **said: object) -> Order:
    """What the head of unit says who knows how many cases there are."""
    given = {"replace": story.counts()["case_file"], **said}
    return Order(HEAD, "The disk failed.", **given)  # type: ignore[arg-type]


def bring_back(story: Story, folder: Path, **said: object) -> Restored:
    """Restore over the story's own case file. Everybody has let go of it; afterwards the story goes on with it."""
    told = order(story, **said)
    story.runtime.engine.dispose()
    with read_once():
        return restore(story.runtime.settings, folder, told, story.clock, quiet)


def opened_again(story: Story, settings: Settings) -> Story:
    """The installation of other settings, seen with the same clock, platform and mailbox."""
    return replace(story, runtime=make_runtime(settings, story.clock))


def tampered(folder: Path, *statements: str) -> None:
    """As somebody would who can also write the manifest: its hash is made to fit."""
    data = folder / "case-file.db"
    with closing(sqlite3.connect(data, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.execute("PRAGMA journal_mode = DELETE")
    said = json.loads((folder / MANIFEST).read_text())
    said["files"][0] |= {"bytes": data.stat().st_size, "sha256": sha256(data.read_bytes()).hexdigest()}
    (folder / MANIFEST).write_text(json.dumps(said))


@contextmanager
def tidied(story: Story) -> Iterator[Story]:
    """What restores keep aside on the server is removed after the test."""
    try:
        yield story
    finally:
        story.runtime.engine.dispose()
        if story.runtime.engine.dialect.name == "postgresql":
            url = make_url(story.runtime.settings.database)
            for left in databases_like(url, f"{url.database}_"):
                if left != "qorgan_template":
                    drop(url.set(database=left))

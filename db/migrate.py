"""Bring a database to the newest schema, and say how far behind or ahead one is."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, func, select

from casework.errors import ConfigurationError

MIGRATION_LOCK = 7_026_002
"""Key of the advisory lock that lets one process at a time migrate."""


class DatabaseIsNewer(ConfigurationError):
    """Another program has brought the database further than this one knows; this one must not touch it."""

    rule = "database.newer"


def config() -> Config:
    """Alembic's configuration, without a file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return settings


def upgrade(engine: Engine) -> None:
    """Run every migration that is missing, in one transaction each.

    Raises DatabaseIsNewer, and has written nothing, when the database is at a revision that this program lacks.
    """
    settings = config()
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two processes may start on an empty database at once; the second finds the work done.
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        unknown = _unknown(connection)
        if unknown is not None:
            raise DatabaseIsNewer(
                f"the database is newer than this program: it is at revision {unknown[:40]}, and the program knows"
                f" {newest()} as the newest; nothing was written",
                next_step="Install the version that migrated it, here too, and start again.",
            )
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def pending(engine: Engine) -> list[str]:
    """Revisions this database lacks, oldest first; empty when it is up to date, or ahead."""
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    if current is None:
        return list(_revisions())
    return list(_revisions()[_revisions().index(current) + 1 :]) if current in _revisions() else []


def ahead(engine: Engine) -> str | None:
    """The database's revision where this program does not know it; None where it does."""
    with engine.connect() as connection:
        return _unknown(connection)


def newest() -> str:
    """The newest revision that this program knows."""
    return _revisions()[-1]


def knows(revision: str) -> bool:
    """Whether this program has a revision."""
    return revision in _revisions()


def _unknown(connection: Connection) -> str | None:
    current = MigrationContext.configure(connection).get_current_revision()
    return None if current is None or current in _revisions() else current


@cache
def _revisions() -> tuple[str, ...]:
    """Every revision of this program, oldest first."""
    script = ScriptDirectory.from_config(config())
    return tuple(reversed([revision.revision for revision in script.walk_revisions()]))

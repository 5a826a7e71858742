"""Bring a database to the newest schema, and say how far behind one is."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, select

MIGRATION_LOCK = 7_026_002
"""Key of the advisory lock that lets one process at a time migrate."""


def config() -> Config:
    """Alembic's configuration, without a file."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return settings


def upgrade(engine: Engine) -> None:
    """Run every migration that is missing, in one transaction each."""
    settings = config()
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            # Two processes may start on an empty database at once; the second finds the work done.
            connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        settings.attributes["connection"] = connection
        command.upgrade(settings, "head")


def pending(engine: Engine) -> list[str]:
    """Revisions this database lacks, oldest first; empty when it is up to date."""
    script = ScriptDirectory.from_config(config())
    with engine.connect() as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    behind: list[str] = []
    for revision in script.walk_revisions():
        if revision.revision == current:
            break
        behind.append(revision.revision)
    return list(reversed(behind))

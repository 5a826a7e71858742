"""From nothing to the newest schema, step by step, the database comes to what the models say."""

from __future__ import annotations

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import DefaultClause, Engine, inspect, text
from sqlalchemy.schema import CheckConstraint, UniqueConstraint

import db.tables  # noqa: F401  registers every table
from db.base import Base
from db.migrate import pending, upgrade

TABLES = Base.metadata.sorted_tables


def test_migrations_give_exactly_the_models(empty_engine: Engine) -> None:
    upgrade(empty_engine)
    with empty_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_migrations_give_the_defaults_of_the_models(empty_engine: Engine) -> None:
    """The comparison above cannot compare an empty text, nor JSON on PostgreSQL."""
    upgrade(empty_engine)
    found = inspect(empty_engine)
    made = {(table.name, row["name"]): row["default"] for table in TABLES for row in found.get_columns(table.name)}
    defaults = {
        place: re.sub(r"^'(.*)'(::[\w ]+)?$", r"\1", default)
        for place, default in made.items()
        if default is not None and not default.startswith("nextval(")
    }
    assert defaults == {
        (table.name, column.name): column.server_default.arg
        for table in TABLES
        for column in table.columns
        if isinstance(column.server_default, DefaultClause)
    }


def test_migrations_make_every_check_and_every_key(empty_engine: Engine) -> None:
    """The comparison above looks at neither checks nor the conditions of indexes."""
    upgrade(empty_engine)
    found = inspect(empty_engine)
    for table in TABLES:
        checks = {str(rule.name) for rule in table.constraints if isinstance(rule, CheckConstraint)}
        uniques = {str(rule.name) for rule in table.constraints if isinstance(rule, UniqueConstraint)}
        assert {row["name"] for row in found.get_check_constraints(table.name)} == checks, table.name
        assert {row["name"] for row in found.get_unique_constraints(table.name)} == uniques, table.name
        partial = {index.name for index in table.indexes if index.dialect_options["postgresql"]["where"] is not None}
        key = f"{empty_engine.dialect.name}_where"
        made = {row["name"] for row in found.get_indexes(table.name) if key in row.get("dialect_options", {})}
        assert made == partial, table.name


def test_a_fresh_database_lacks_every_revision_and_a_migrated_one_none(empty_engine: Engine) -> None:
    assert pending(empty_engine) == ["0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010"]
    upgrade(empty_engine)
    assert pending(empty_engine) == []


def test_migrating_twice_changes_nothing(empty_engine: Engine) -> None:
    upgrade(empty_engine)
    before = inspect(empty_engine).get_table_names()
    upgrade(empty_engine)
    assert inspect(empty_engine).get_table_names() == before


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_says_what_it_holds(table: object) -> None:
    silent = [column.name for column in table.columns if not column.comment]  # type: ignore[attr-defined]
    assert silent == []


def test_the_database_itself_carries_the_comments(engine: Engine) -> None:
    if engine.dialect.name == "sqlite":
        pytest.skip("SQLite keeps no comments")
    found = inspect(engine)
    stored = {(table.name, row["name"]): row["comment"] for table in TABLES for row in found.get_columns(table.name)}
    assert stored == {(table.name, column.name): column.comment for table in TABLES for column in table.columns}


def test_sqlite_keeps_what_it_promises(engine: Engine) -> None:
    """Foreign keys are enforced, readers do not wait, and what is removed is overwritten."""
    if engine.dialect.name != "sqlite":
        pytest.skip("about SQLite")
    with engine.connect() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("foreign_keys", "journal_mode", "synchronous", "secure_delete", "busy_timeout")
        }
    assert pragmas == {
        "foreign_keys": 1, "journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "busy_timeout": 15_000,
    }  # fmt: skip

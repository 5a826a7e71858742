"""Alembic's environment. The engine comes from db/migrate.py, never from a file."""

from __future__ import annotations

from alembic import context

import db.tables  # noqa: F401  registers every table
from db.base import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True, compare_type=True)
with context.begin_transaction():
    context.run_migrations()

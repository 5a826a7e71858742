"""Many rows in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.base import Base


def insert_rows(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all name the same columns."""
    if rows:
        session.execute(insert(table).execution_options(**_NULLS_AS_VALUES), rows)


def insert_numbered(
    session: Session, table: type[Base], id_: InstrumentedAttribute[int], rows: Sequence[dict[str, Any]]
) -> Sequence[int]:
    """The same; the ids that the database gave, in order of the rows."""
    if not rows:
        return ()
    statement = insert(table).returning(id_, sort_by_parameter_order=True)
    return session.scalars(statement.execution_options(**_NULLS_AS_VALUES), rows).all()


_NULLS_AS_VALUES = {"render_nulls": True}
"""Otherwise rows with other nulls become other statements, almost one a row."""

"""Many rows in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import Insert, insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from db.base import Base
from db.queries.held import forget


def insert_rows(session: Session, table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows that all name the same columns, past the mapper: it would make a statement per pattern of nulls."""
    if rows:
        session.connection().execute(_insert_into(table), rows)
        forget(session, table)


@cache
def _insert_into(table: type[Base]) -> Insert:
    return insert(Base.metadata.tables[table.__tablename__])


def insert_numbered(
    session: Session, table: type[Base], id_: InstrumentedAttribute[int], rows: Sequence[dict[str, Any]]
) -> Sequence[int]:
    """The same; the ids that the database gave, in order of the rows."""
    if not rows:
        return ()
    statement = insert(Base.metadata.tables[table.__tablename__]).returning(id_, sort_by_parameter_order=True)
    ids = session.scalars(statement, rows).all()
    forget(session, table)
    return ids

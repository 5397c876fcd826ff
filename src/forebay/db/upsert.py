"""INSERT ... ON CONFLICT, which both databases know under the same words but SQLAlchemy in two modules."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
    """Insert those of `rows` whose unique keys are not there yet; how many. All rows have the same columns."""
    if not rows:
        return 0
    statement = _insert(connection, table).on_conflict_do_nothing().returning(*table.primary_key.columns)
    return len(connection.execute(statement, rows).all())


def upsert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert `rows`; one whose primary key is there already replaces the old row's columns."""
    if not rows:
        return
    statement = _insert(connection, table)
    keys = [column.name for column in table.primary_key.columns]
    new = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=new), rows)


def _insert(connection: sa.Connection, table: sa.Table) -> postgresql.Insert:
    if connection.dialect.name == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)  # type: ignore[return-value]  # the same methods, without a common class

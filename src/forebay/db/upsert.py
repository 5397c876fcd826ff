"""INSERT ... ON CONFLICT, which both databases know under the same words but SQLAlchemy in two modules."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite


def insert_new(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> int:
    """Insert those of `rows` whose unique keys are not there yet; how many. All rows have the same columns."""
    if not rows:
        return 0
    statement = _insert(connection.dialect.name, table).on_conflict_do_nothing()
    return connection.execute(statement, rows, execution_options={"preserve_rowcount": True}).rowcount


def upsert(connection: sa.Connection, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    """Insert `rows`; one whose primary key is there already replaces the old row's columns."""
    if rows:
        connection.execute(_replacing(connection.dialect.name, table, tuple(rows[0])), rows)


@cache
def _replacing(dialect: str, table: sa.Table, names: tuple[str, ...]) -> postgresql.Insert:
    statement = _insert(dialect, table)
    keys = [column.name for column in table.primary_key.columns]
    new = {name: statement.excluded[name] for name in names if name not in keys}
    return statement.on_conflict_do_update(index_elements=keys, set_=new)


def _insert(dialect: str, table: sa.Table) -> postgresql.Insert:
    if dialect == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)  # type: ignore[return-value]  # the same methods, without a common class

"""Column types that behave alike on SQLite and PostgreSQL, and names of columns that are made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from forebay.model.task import TaskState


class Instant(sa.TypeDecorator[datetime]):
    """A moment, in UTC, to the microsecond. SQLite has no zones: there it is text that sorts by time."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """UTC for the database. Raises ValueError for a time without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """UTC, with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


RowId = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""A growing number; SQLite counts only in a column that is called INTEGER."""

ByteOrdered = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that both databases compare and sort by its bytes, whatever language a server was set up in."""

JsonValue = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
"""A JSON value; PostgreSQL can look into it."""


class JsonByAnybody(sa.TypeDecorator[Any]):
    """A JSON value that other programs write, too: of one that is no JSON, as SQLite lets them, the text."""

    impl = JsonValue
    cache_ok = True

    def result_processor(self, dialect: sa.Dialect, coltype: object) -> Callable[[Any], Any]:
        """As JSON is read, where it is."""
        read = super().result_processor(dialect, coltype)

        def lenient(value: Any) -> Any:
            try:
                return read(value) if read else value
            except ValueError:
                return value

        return lenient


def entered_column(state: TaskState) -> str:
    """The column that says when a task last entered `state`."""
    return f"{state}_at"

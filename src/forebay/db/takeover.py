"""Takes over the database of the tracker that was here before Forebay, known by the columns of its table `files`."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from forebay.errors import LedgerError
from forebay.stores.disk import sync

ASIDE = "files_before_forebay"
"""The tracker's own table, from then on. Nothing reads it any more; it is the user's to drop."""

_TABLE = "files"
_ITS_COLUMNS = {"file_key", "status", "retry_count", "error_message", "worker_id"}
# Versions of the tracker called their times differently; one that has none is known by the rest.
_CREATED = ("created_at", "discovered_at", "added_at")
_UPDATED = ("updated_at", "last_updated", "last_updated_at", "last_attempt_at")


@dataclass(frozen=True, slots=True)
class Tracker:
    """A tracker's table, as found."""

    created: str
    """SQL for the time a row was made, as UTC; `NULL` if it has none."""
    updated: str


def recognise(connection: sa.Connection, name: str) -> Tracker | None:
    """The tracker's table in a database without Forebay's view `files`; None if it has no `files` at all.

    Raises LedgerError, with nothing changed, for a `files` of somebody else's.
    """
    inspector = sa.inspect(connection)
    if not inspector.has_table(_TABLE):
        return None
    columns = {column["name"]: column["type"] for column in inspector.get_columns(_TABLE)}
    if missing := _ITS_COLUMNS - columns.keys():
        raise _foreign(name, f"without {', '.join(sorted(missing))}")
    if _TABLE in inspector.get_view_names():
        raise _foreign(name, "that is a view")
    return Tracker(_time(connection, columns, _CREATED), _time(connection, columns, _UPDATED))


def _foreign(name: str, what: str) -> LedgerError:
    return LedgerError(
        f"the database {name} has a `files` {what}: neither Forebay nor the tracker before it made that",
        remedy="let DATABASE_URL name another database, or rename that one; nothing was changed",
    )


def _time(connection: sa.Connection, columns: dict[str, Any], names: tuple[str, ...]) -> str:
    name = next((name for name in names if name in columns), None)
    if name is None:
        return "NULL"
    if connection.dialect.name == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f000', {name})"  # text in any ISO spelling; NULL for what is no time
    aware = getattr(columns[name], "timezone", False)
    return name if aware else f"{name} AT TIME ZONE 'UTC'"


def back_up(path: Path, now: datetime) -> Path:
    """Copy a SQLite database beside itself, as it was last committed; the copy's path.

    The copy has its name once it is whole. Raises LedgerError.
    """
    target = path.with_name(f"{path.name}.before-forebay-{now:%Y%m%dT%H%M%SZ}")
    partial = path.with_name(f"{path.name}.before-forebay.partial")
    try:
        partial.unlink(missing_ok=True)
        with closing(sqlite3.connect(path)) as old, closing(sqlite3.connect(partial)) as new:
            old.backup(new)
            new.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it
        partial.replace(target)
        sync(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise LedgerError(
            f"cannot copy the tracker's database to {target}: {error}",
            remedy="make room or the folder writable; the tracker is as it was",
        ) from error
    return target


def set_aside(connection: sa.Connection) -> None:
    """Give the tracker's table another name, so that the view `files` can have its own."""
    connection.exec_driver_sql(f"ALTER TABLE {_TABLE} RENAME TO {ASIDE}")


def copy_rows(connection: sa.Connection, tracker: Tracker) -> int:
    """What the tracker knew, into `files_earlier`; how many files. Of two rows for one key the later one counts."""
    statement = f"""
        INSERT INTO files_earlier
            (file_key, status, retry_count, error_message, worker_id, created_at, updated_at)
        SELECT file_key, lower(CAST(status AS TEXT)), COALESCE(retry_count, 0), error_message, worker_id,
            {tracker.created}, {tracker.updated}
        FROM {ASIDE} WHERE file_key IS NOT NULL AND status IS NOT NULL
        ORDER BY {tracker.updated} DESC
        ON CONFLICT DO NOTHING
    """
    return connection.exec_driver_sql(statement).rowcount

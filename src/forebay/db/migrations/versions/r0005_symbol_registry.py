"""The registry of symbols; that of the system before Forebay, if it is in the same database, with every row."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from forebay.db.types import ByteOrdered, Instant, JsonValue
from forebay.errors import LedgerError

revision = "0005"
down_revision = "0004"

_TABLE = "symbol_registry"
_ASIDE = "symbol_registry_before_forebay"
"""The earlier table, from then on. Nothing reads it any more; it is the user's to drop."""
_STRATEGIES = ("flatpack", "snapshot", "stream", "flatpack_api", "snapshot_stream", "flatpack_snapshot_stream")
_INSTANTS = ("last_backfill", "last_snapshot", "last_stream", "created_at", "updated_at")


def upgrade() -> None:
    """Make the table. Raises LedgerError for a table of that name that is not what it takes over."""
    connection = op.get_bind()
    earlier = _earlier(connection)
    if earlier:
        op.rename_table(_TABLE, _ASIDE)
    _create()
    if earlier:
        connection.exec_driver_sql(_copying(connection.dialect.name, earlier))


def _earlier(connection: sa.Connection) -> dict[str, Any]:
    """The earlier table's columns with their types; none if there is no such table."""
    inspector = sa.inspect(connection)
    if not inspector.has_table(_TABLE):
        return {}
    columns = {column["name"]: column["type"] for column in inspector.get_columns(_TABLE)}
    if missing := {"symbol", "strategy", "status", "enabled"} - columns.keys():
        raise LedgerError(
            f"the database has a table {_TABLE} without {', '.join(sorted(missing))}: no registry that Forebay knows",
            remedy="let DATABASE_URL name another database, or rename that table; nothing was changed",
        )
    names = ", ".join(f"'{name}'" for name in _STRATEGIES)
    strange = f"SELECT symbol, strategy FROM {_TABLE} WHERE lower(strategy) NOT IN ({names}) ORDER BY symbol LIMIT 1"
    if row := connection.exec_driver_sql(strange).one_or_none():
        raise LedgerError(
            f"{_TABLE} keeps {row[0]} by the strategy {row[1]!r}, which there is not",
            remedy=f"give it one of {', '.join(_STRATEGIES)}; nothing was changed",
        )
    return columns


def _create() -> None:
    op.create_table(
        _TABLE,
        sa.Column("symbol", ByteOrdered, nullable=False),
        sa.Column("strategy", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False, server_default="idle"),
        sa.Column("enabled", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("description", sa.Text, nullable=False, server_default=""),
        sa.Column("metadata", JsonValue, nullable=False, server_default="{}"),
        sa.Column("last_backfill", Instant),
        sa.Column("last_snapshot", Instant),
        sa.Column("last_stream", Instant),
        sa.Column("error_message", sa.Text),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("retry_at", Instant),
        sa.Column("worker_id", sa.Text),
        sa.Column("lease_token", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("lease_expires_at", Instant),
        sa.Column("claimed_at", Instant),
        sa.Column("created_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", Instant, nullable=False, server_default=sa.func.now()),
        sa.PrimaryKeyConstraint("symbol", name="pk_symbol_registry"),
    )


def _copying(dialect: str, columns: dict[str, Any]) -> str:
    """The statement that copies every row. Whoever was running then holds no lease: nothing runs it now."""
    disabled = "NOT COALESCE(enabled, true) OR lower(status) = 'disabled'"
    empty = "'{}'" if dialect == "sqlite" else "'{}'::jsonb"
    values = {
        "symbol": "symbol",
        "strategy": "lower(strategy)",
        "status": f"CASE WHEN {disabled} THEN 'disabled' WHEN lower(status) = 'error' THEN 'error' ELSE 'idle' END",
        "enabled": f"CASE WHEN {disabled} THEN false ELSE true END",
        "failures": "CASE WHEN lower(status) = 'error' THEN 1 ELSE 0 END",
        **{name: _instant(dialect, name, columns[name]) for name in _INSTANTS if name in columns},
        **({"description": "COALESCE(description, '')"} if "description" in columns else {}),
        **({"error_message": "error_message"} if "error_message" in columns else {}),
        **({"metadata": f"COALESCE(metadata, {empty})"} if "metadata" in columns else {}),
    }
    for name in ("created_at", "updated_at"):
        values[name] = f"COALESCE({values[name]}, CURRENT_TIMESTAMP)" if name in values else "CURRENT_TIMESTAMP"
    return f"INSERT INTO {_TABLE} ({', '.join(values)}) SELECT {', '.join(values.values())} FROM {_ASIDE}"


def _instant(dialect: str, name: str, kind: Any) -> str:
    """SQL for a time as UTC: SQLite has it as text in any ISO spelling, a server with or without a zone."""
    if dialect == "sqlite":
        return f"strftime('%Y-%m-%d %H:%M:%f000', {name})"
    return name if getattr(kind, "timezone", False) else f"{name} AT TIME ZONE 'UTC'"

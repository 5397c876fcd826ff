"""The first tables: tasks, coverage, feeds, listings, entitlements and the rate budget.

A migration is history: it spells everything out, and does not change when `forebay.db.tables` does.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.types import Instant, RowId

revision = "0001"
down_revision = None

_CLAIMABLE = sa.text("status IN ('pending', 'failed_download', 'failed_upload')")
_HELD = sa.text("status IN ('processing', 'downloading', 'downloaded', 'uploading')")


def upgrade() -> None:
    """Create every table; the budget's one row with them."""
    _create_tasks()
    _create_coverage()
    _create_memories()
    _create_budget()


def _create_tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", RowId, nullable=False),
        *_required(sa.Text, "kind", "key", "destination", "dataset", "table_name", "symbol"),
        *_required(sa.Date, "start_date", "end_date"),
        *_required(sa.Text, "source"),
        sa.Column("etag", sa.Text),
        sa.Column("size", sa.BigInteger),
        sa.Column("last_modified", Instant),
        *_required(sa.Integer, "priority"),
        *_required(sa.Text, "status"),
        *_required(Instant, "available_at"),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("upload_attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("throttled_since", Instant),
        sa.Column("crashes", sa.Integer, nullable=False, server_default="0"),
        *_optional(sa.Text, "error_kind", "error_message"),
        *_optional(sa.BigInteger, "rows", "bytes"),
        sa.Column("worker_id", sa.Text),
        sa.Column("lease_token", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("lease_expires_at", Instant),
        *_required(Instant, "created_at", "updated_at"),
        *_optional(Instant, "pending_at", "processing_at", "downloading_at", "downloaded_at", "uploading_at"),
        *_optional(Instant, "completed_at", "failed_download_at", "failed_upload_at", "permanent_failure_at"),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.UniqueConstraint("destination", "key", name="uq_tasks_destination_key"),
        sqlite_autoincrement=True,
    )
    claim: list[str | sa.TextClause] = [sa.text("priority DESC"), "id", "available_at"]
    op.create_index("ix_tasks_claim", "tasks", claim, sqlite_where=_CLAIMABLE, postgresql_where=_CLAIMABLE)
    op.create_index("ix_tasks_lease", "tasks", ["lease_expires_at"], sqlite_where=_HELD, postgresql_where=_HELD)
    op.create_index("ix_tasks_destination_status", "tasks", ["destination", "status"])
    op.create_index("ix_tasks_table_name_symbol_start_date", "tasks", ["table_name", "symbol", "start_date"])


def _create_coverage() -> None:
    op.create_table(
        "coverage",
        *_required(sa.Text, "destination", "table_name", "symbol"),
        *_required(sa.Date, "start_date", "end_date"),
        *_required(sa.Text, "source", "verdict"),
        *_optional(sa.BigInteger, "rows", "bytes"),
        *_optional(sa.Text, "sha256", "etag"),
        sa.Column("size", sa.BigInteger),
        sa.Column("last_modified", Instant),
        *_required(sa.Text, "reason"),
        *_required(sa.JSON, "details"),
        *_required(Instant, "checked_at"),
        sa.Column("expires_at", Instant),
        sa.PrimaryKeyConstraint(
            "destination", "table_name", "symbol", "start_date", "end_date", "source", name="pk_coverage"
        ),
        sqlite_with_rowid=False,
    )


def _create_memories() -> None:
    op.create_table(
        "feeds",
        *_required(sa.Text, "name"),
        *_required(sa.JSON, "feed"),
        *_required(Instant, "remembered_at"),
        sa.PrimaryKeyConstraint("name", name="pk_feeds"),
    )
    op.create_table(
        "files_upstream",
        *_required(sa.Text, "dataset"),
        *_required(sa.Date, "day"),
        *_required(sa.Text, "etag"),
        *_required(sa.BigInteger, "size"),
        *_required(Instant, "last_modified", "seen_at"),
        sa.PrimaryKeyConstraint("dataset", "day", name="pk_files_upstream"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "entitlements",
        *_required(sa.Text, "dataset"),
        *_required(sa.Date, "first_day"),
        *_required(Instant, "asked_at"),
        sa.PrimaryKeyConstraint("dataset", name="pk_entitlements"),
    )


def _create_budget() -> None:
    op.create_table(
        "rate_grants",
        sa.Column("id", RowId, nullable=False),
        *_required(Instant, "granted_at"),
        sa.PrimaryKeyConstraint("id", name="pk_rate_grants"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_rate_grants_granted_at", "rate_grants", ["granted_at"])
    pause = op.create_table(
        "rate_pause",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("until", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_rate_pause"),
    )
    op.bulk_insert(pause, [{"id": 1}])


def _required(kind: type | object, *names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, kind, nullable=False) for name in names]  # type: ignore[arg-type]


def _optional(kind: type | object, *names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, kind) for name in names]  # type: ignore[arg-type]

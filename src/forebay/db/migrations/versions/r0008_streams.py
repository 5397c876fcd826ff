"""Live data: how each cluster's stream is, and when it was interrupted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.types import Instant, JsonValue, RowId

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "streams",
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("worker_id", sa.Text),
        sa.Column("lease_expires_at", Instant),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("subscriptions", JsonValue, nullable=False),
        sa.Column("started_at", Instant),
        sa.Column("heard_until", Instant),
        sa.Column("last_message", Instant),
        sa.Column("lag", sa.Float),
        sa.Column("reconnects", sa.BigInteger, nullable=False),
        sa.Column("gap_seconds", sa.Float, nullable=False),
        sa.Column("counts", JsonValue, nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("updated_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("cluster", name="pk_streams"),
    )
    op.create_table(
        "interruptions",
        sa.Column("id", RowId, nullable=False),
        sa.Column("cluster", sa.Text, nullable=False),
        sa.Column("subscriptions", JsonValue, nullable=False),
        sa.Column("began", Instant, nullable=False),
        sa.Column("ended", Instant),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("closed_at", Instant),
        sa.Column("evidence", JsonValue, nullable=False),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_interruptions"),
    )
    open_ones = sa.text("closed_at IS NULL")
    op.create_index(
        "ix_interruptions_open",
        "interruptions",
        ["cluster", "began"],
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )

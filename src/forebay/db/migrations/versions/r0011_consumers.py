"""Consumers of Kafka: how each process is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.types import Instant, JsonValue

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "consumers",
        sa.Column("worker_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("lease_expires_at", Instant),
        sa.Column("started_at", Instant),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("lag", sa.BigInteger),
        sa.Column("last_stored", Instant),
        sa.Column("counts", JsonValue, nullable=False),
        sa.Column("topics", JsonValue, nullable=False),
        sa.PrimaryKeyConstraint("worker_id", name="pk_consumers"),
    )

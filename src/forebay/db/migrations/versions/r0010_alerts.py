"""Alerts: what is wrong now, and who was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.types import Instant

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "alerts",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("condition", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("remedy", sa.Text, nullable=False),
        sa.Column("raised_at", Instant, nullable=False),
        sa.Column("seen_at", Instant, nullable=False),
        sa.Column("told_at", Instant),
        sa.Column("cleared_at", Instant),
        sa.PrimaryKeyConstraint("key", name="pk_alerts"),
    )

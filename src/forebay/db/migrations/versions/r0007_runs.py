"""Runs: what was ordered over HTTP, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.types import Instant, JsonValue

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("service", sa.Text),
        sa.Column("lease_expires_at", Instant),
        sa.Column("ordered_at", Instant, nullable=False),
        sa.Column("started_at", Instant),
        sa.Column("finished_at", Instant),
        sa.Column("completed", sa.BigInteger, nullable=False),
        sa.Column("failed", sa.BigInteger, nullable=False),
        sa.Column("records", sa.BigInteger, nullable=False),
        sa.Column("errors", JsonValue, nullable=False),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("ix_runs_waiting", "runs", ["asked"], unique=True, sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("ix_runs_ordered_at", "runs", ["ordered_at", "id"])

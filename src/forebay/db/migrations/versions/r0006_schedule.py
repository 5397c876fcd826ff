"""The schedule: who leads, whether jobs are to be run, and what ran when."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.types import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "schedule",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("leader", sa.Text),
        sa.Column("leads_until", Instant),
        sa.PrimaryKeyConstraint("id", name="pk_schedule"),
    )
    op.create_table(
        "schedule_jobs",
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("done_until", Instant, nullable=False),
        sa.Column("next_run_at", Instant),
        sa.Column("started_at", Instant),
        sa.Column("finished_at", Instant),
        sa.Column("error", sa.Text),
        sa.Column("runs", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_schedule_jobs"),
    )

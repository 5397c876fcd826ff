"""The universe: who is listed in each category, and as of when each category is known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.types import Instant

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the two tables."""
    op.create_table(
        "universe",
        sa.Column("ticker", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("bearer", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("exchange", sa.Text, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.Column("figi", sa.Text),
        sa.Column("listed", sa.Date),
        sa.Column("delisted", sa.Date),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.PrimaryKeyConstraint("ticker", "category", "bearer", name="pk_universe"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_universe_category", "universe", ["category", "active", "as_of"])
    op.create_table(
        "universe_refreshes",
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("as_of", sa.Date, nullable=False),
        sa.Column("listings", sa.Integer, nullable=False),
        sa.Column("refreshed_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint("category", name="pk_universe_refreshes"),
    )

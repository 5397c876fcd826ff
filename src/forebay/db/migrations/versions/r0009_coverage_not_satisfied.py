"""Coverage that is not satisfied is counted without a look at all of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the index; of ten million rows that takes some seconds, once."""
    open_ones = sa.text("verdict IN ('pending_upstream', 'missing_upstream', 'suspect')")
    op.create_index(
        "ix_coverage_not_satisfied",
        "coverage",
        ["destination", "table_name", "verdict", "source"],
        sqlite_where=open_ones,
        postgresql_where=open_ones,
    )

"""The rate budget: which calls a person waits for, and a limit that a 429 lowers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.types import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the three columns. Calls that are promised already are batch calls, as are those of earlier versions."""
    op.add_column("rate_grants", sa.Column("interactive", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("rate_pause", sa.Column("lowered_to", sa.Integer))
    op.add_column("rate_pause", sa.Column("clean_since", Instant))

"""Tasks are listed by their last change, and those that failed found, without a look at all of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Add the indexes: every task is read, once."""
    newest_first: list[str | sa.TextClause] = [sa.text("updated_at DESC"), "id"]
    failed = sa.text("status IN ('failed_download', 'failed_upload', 'permanent_failure')")
    op.create_index("ix_tasks_changed", "tasks", newest_first)
    op.create_index("ix_tasks_failed", "tasks", newest_first, sqlite_where=failed, postgresql_where=failed)

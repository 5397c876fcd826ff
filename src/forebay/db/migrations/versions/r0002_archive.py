"""The archive: tasks that are held back, where destinations are, and the tracker that was here before."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from forebay.db.files_view import FILES_VIEW
from forebay.db.types import Instant

revision = "0002"
down_revision = "0001"

_CLAIMABLE = sa.text("status IN ('pending', 'failed_download', 'failed_upload') AND hold IS NULL")
_HELD_BACK = sa.text("hold IS NOT NULL")
_UNSETTLED = sa.text("settled_at IS NULL")


def upgrade() -> None:
    """Add the column and its indexes, the two tables and the view. A foreign table `files` is out of the way by now."""
    _hold_tasks()
    op.create_table(
        "places",
        sa.Column("destination", sa.Text, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("since", Instant, nullable=False),
        sa.PrimaryKeyConstraint("destination", name="pk_places"),
    )
    _create_files_earlier()
    op.execute(FILES_VIEW)


def _hold_tasks() -> None:
    op.add_column("tasks", sa.Column("hold", sa.Text))
    op.drop_index("ix_tasks_claim", "tasks")
    claim: list[str | sa.TextClause] = [sa.text("priority DESC"), "id", "available_at"]
    op.create_index("ix_tasks_claim", "tasks", claim, sqlite_where=_CLAIMABLE, postgresql_where=_CLAIMABLE)
    op.create_index("ix_tasks_hold", "tasks", ["hold", "key"], sqlite_where=_HELD_BACK, postgresql_where=_HELD_BACK)


def _create_files_earlier() -> None:
    op.create_table(
        "files_earlier",
        sa.Column("file_key", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("retry_count", sa.Integer, nullable=False),
        sa.Column("error_message", sa.Text),
        sa.Column("worker_id", sa.Text),
        sa.Column("created_at", Instant),
        sa.Column("updated_at", Instant),
        sa.Column("settled_at", Instant),
        sa.PrimaryKeyConstraint("file_key", name="pk_files_earlier"),
    )
    op.create_index(
        "ix_files_earlier_open",
        "files_earlier",
        ["file_key"],
        sqlite_where=_UNSETTLED,
        postgresql_where=_UNSETTLED,
    )

"""Conditions that indexes and queries share.

Literal text, not parameters: both databases use a partial index only for a condition they can read.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from forebay.model.coverage import Verdict
from forebay.model.task import FAILED, TaskState


def _names(words: Sequence[TaskState | Verdict]) -> str:
    return ", ".join(f"'{word}'" for word in words)


WAITING = sa.text(f"status IN ({_names([state for state in TaskState if state.claimable])})")
"""Nobody holds the task and it is not over."""
CLAIMABLE = sa.text(f"{WAITING} AND hold IS NULL")
"""And nothing holds it back."""
HELD = sa.text(f"status IN ({_names([state for state in TaskState if state.held])})")
UNFINISHED = sa.text(f"status NOT IN ({_names([state for state in TaskState if state.over])})")
HAS_FAILED = sa.text(f"status IN ({_names(FAILED)})")
"""Few of millions."""
HELD_BACK = sa.text("hold IS NOT NULL")
UNSETTLED = sa.text("settled_at IS NULL")
RUN_WAITS = sa.text("state = 'waiting'")
NOT_CLOSED = sa.text("closed_at IS NULL")
NOT_SATISFIED = sa.text(f"verdict IN ({_names([verdict for verdict in Verdict if not verdict.satisfies])})")
"""Something is still to be done for the partition, or nothing can be: few of millions."""


def only(condition: sa.TextClause) -> dict[str, Any]:
    """What makes an index one of rows that meet the condition, on both databases."""
    return {"sqlite_where": condition, "postgresql_where": condition}

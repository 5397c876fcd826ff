"""Drafts to rows: adding what the plan wants, without ever adding it twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, islice
from typing import Any

import sqlalchemy as sa

from forebay.db.engine import Database
from forebay.db.tables import tasks
from forebay.db.upsert import insert_new
from forebay.errors import StoreUnavailable, VendorUnavailable
from forebay.ledger.holds import PAUSED, hold_back
from forebay.ledger.records import AS_NEW, Record, draft_record, read_revision, revision_record
from forebay.model.task import TaskDraft, TaskState

CANCELLED = "cancelled"
"""The error kind of a task that a person has given up."""
OUTAGES = (VendorUnavailable.kind, StoreUnavailable.kind)
"""Error kinds that say nothing of the file: a task that was given up for one starts over when it is planned again."""
CHUNK = 1000
"""Drafts in one transaction: few enough that a claim never waits long for the write lock."""


@dataclass(frozen=True, slots=True)
class Adding:
    """How drafts meet the rows that are there."""

    now: datetime
    again: bool = False
    """Start over whatever nobody holds, whatever became of it."""
    planned_at: datetime | None = None
    """When the coverage was read that these drafts are missing from. A task completed before then has lost it; one
    completed since then, by another worker, has not."""
    cancelled: bool = False
    """`again` starts over what a person has cancelled, too."""

    def starts_over(self, draft: TaskDraft, row: Record) -> bool:
        """Whether the row of an earlier draft becomes pending as if it were new."""
        state = TaskState(row["status"])
        if state.held:
            return False
        if state.claimable:
            return self.again and (state is not TaskState.PENDING or row["available_at"] > self.now)
        if row["error_kind"] == CANCELLED:
            return self.again and self.cancelled
        if row["error_kind"] in OUTAGES:
            return True
        if state is TaskState.COMPLETED and self.planned_at is not None:
            return is_newer(draft, row) or bool(row["completed_at"] < self.planned_at)
        return self.again or is_newer(draft, row)


def is_newer(draft: TaskDraft, row: Record) -> bool:
    """Whether the vendor has replaced the file since the row was written. A draft that does not know says no."""
    return draft.revision is not None and draft.revision != read_revision(row)


def add(database: Database, drafts: Iterable[TaskDraft], adding: Adding) -> int:
    """Add drafts, a chunk in a transaction; how many tasks are new or start over. See `Tasks.add`."""
    return sum(_add_chunk(database, chunk, adding) for chunk in _chunks(drafts))


def _chunks(drafts: Iterable[TaskDraft]) -> Iterator[dict[tuple[str, str], TaskDraft]]:
    iterator = iter(drafts)
    while chunk := {(draft.destination, draft.key): draft for draft in islice(iterator, CHUNK)}:
        yield chunk


def _add_chunk(database: Database, chunk: dict[tuple[str, str], TaskDraft], adding: Adding) -> int:
    with database.write() as connection:
        known = _existing(connection, chunk)
        fresh = [draft_record(draft, adding.now) for identity, draft in chunk.items() if identity not in known]
        added = insert_new(connection, tasks, fresh)
        met = [(chunk[identity], row) for identity, row in known.items()]
        restarted = [_restarted(draft, row, adding.now) for draft, row in met if adding.starts_over(draft, row)]
        updated = [
            _updated(draft, row) for draft, row in met if not adding.starts_over(draft, row) and _differs(draft, row)
        ]
        _update(connection, restarted)
        _update(connection, updated)
        hold_back(connection, chunk.values())
    return added + len(restarted)


def _existing(connection: sa.Connection, chunk: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Record]:
    found: dict[tuple[str, str], Record] = {}
    for destination, identities in groupby(sorted(chunk), key=lambda identity: identity[0]):
        keys = [key for _, key in identities]
        query = sa.select(tasks).where(tasks.c.destination == destination, tasks.c.key.in_(keys))
        found |= {(destination, row["key"]): row for row in connection.execute(query).mappings()}
    return found


def _restarted(draft: TaskDraft, row: Record, now: datetime) -> dict[str, Any]:
    """What was paused stays paused; what it waits for is found out anew."""
    hold = PAUSED if (row["hold"] or "").startswith(PAUSED) else None
    return {**_where(row), **draft_record(draft, now), **AS_NEW, "created_at": row["created_at"], "hold": hold}


def _differs(draft: TaskDraft, row: Record) -> bool:
    state = TaskState(row["status"])
    moved = (draft.partition.dates.start, draft.partition.dates.end) != (row["start_date"], row["end_date"])
    return draft.priority != row["priority"] or (state.claimable and (moved or is_newer(draft, row)))


def _updated(draft: TaskDraft, row: Record) -> dict[str, Any]:
    """A task that is held keeps its revision: its worker reads that one, and the new one makes it start over later.

    So it does with its dates, which another draft of the same key can have: that of a ticker's file.
    """
    claimable, dates = TaskState(row["status"]).claimable, draft.partition.dates
    revision = draft.revision if claimable and draft.revision is not None else read_revision(row)
    start, end = (dates.start, dates.end) if claimable else (row["start_date"], row["end_date"])
    values = {"priority": draft.priority, "start_date": start, "end_date": end}
    return {**_where(row), **values, **revision_record(revision)}


def _where(row: Record) -> dict[str, Any]:
    return {"row_id": row["id"], "row_status": row["status"]}


def _update(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    """Update rows by id, unless a worker has moved them since they were read (only PostgreSQL lets it)."""
    if not rows:
        return
    statement = sa.update(tasks).where(
        tasks.c.id == sa.bindparam("row_id"), tasks.c.status == sa.bindparam("row_status")
    )
    values: dict[str, Any] = {name: sa.bindparam(name) for name in rows[0] if name not in ("row_id", "row_status")}
    connection.execute(statement.values(values), rows)

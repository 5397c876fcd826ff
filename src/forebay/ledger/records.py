"""Rows of the database to the nouns of the model, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from forebay.db.types import entered_column
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.intervals import Interval
from forebay.model.partition import Partition, Revision, Source
from forebay.model.task import Task, TaskDraft, TaskKind, TaskState

Record = sa.RowMapping
"""A row by column name."""


def revision_record(revision: Revision | None) -> dict[str, Any]:
    """The three columns of a revision, all null without one."""
    if revision is None:
        return {"etag": None, "size": None, "last_modified": None}
    return {"etag": revision.etag, "size": revision.size, "last_modified": revision.last_modified}


def read_revision(row: Record) -> Revision | None:
    """The revision in a row, if it has one."""
    if row["etag"] is None:
        return None
    return Revision(row["etag"], row["size"], row["last_modified"])


def _partition_record(partition: Partition) -> dict[str, Any]:
    return {
        "table_name": partition.table,
        "symbol": partition.symbol,
        "start_date": partition.dates.start,
        "end_date": partition.dates.end,
    }


def _read_partition(row: Record) -> Partition:
    return Partition(row["table_name"], row["symbol"], Interval(row["start_date"], row["end_date"]))


def draft_record(draft: TaskDraft, now: datetime) -> dict[str, Any]:
    """A new row for a draft."""
    return {
        "kind": draft.kind.value,
        "key": draft.key,
        "destination": draft.destination,
        "dataset": draft.dataset,
        **_partition_record(draft.partition),
        "source": draft.source.value,
        **revision_record(draft.revision),
        "priority": draft.priority,
        "status": TaskState.PENDING.value,
        "available_at": now,
        "created_at": now,
        "updated_at": now,
        entered_column(TaskState.PENDING): now,
    }


def read_task(row: Record) -> Task:
    """The task in a row."""
    draft = TaskDraft(
        kind=TaskKind(row["kind"]),
        key=row["key"],
        dataset=row["dataset"],
        partition=_read_partition(row),
        destination=row["destination"],
        source=Source(row["source"]),
        revision=read_revision(row),
        priority=row["priority"],
    )
    history = {state.value: row[entered_column(state)] for state in TaskState}
    return Task(
        id=row["id"],
        draft=draft,
        state=TaskState(row["status"]),
        history={state: entered for state, entered in history.items() if entered is not None},
        **{name: row[name] for name in _SAME_IN_BOTH},
    )


_SAME_IN_BOTH = (
    "attempt",
    "crashes",
    "worker_id",
    "error_kind",
    "error_message",
    "created_at",
    "updated_at",
    "available_at",
    "hold",
)


def coverage_record(coverage: Coverage) -> dict[str, Any]:
    """The row of a coverage."""
    evidence = coverage.evidence
    return {
        "destination": coverage.destination,
        **_partition_record(coverage.partition),
        "source": coverage.source.value,
        "verdict": coverage.verdict.value,
        "rows": evidence.rows,
        "bytes": evidence.bytes,
        "sha256": evidence.sha256,
        **revision_record(evidence.revision),
        "reason": evidence.reason,
        "details": evidence.details,
        "checked_at": coverage.checked_at,
        "expires_at": coverage.expires_at,
    }


def read_coverage(row: Record) -> Coverage:
    """The coverage in a row."""
    evidence = Evidence(
        rows=row["rows"],
        bytes=row["bytes"],
        sha256=row["sha256"],
        revision=read_revision(row),
        reason=row["reason"],
        details=row["details"],
    )
    return Coverage(
        partition=_read_partition(row),
        destination=row["destination"],
        source=Source(row["source"]),
        verdict=Verdict(row["verdict"]),
        evidence=evidence,
        checked_at=row["checked_at"],
        expires_at=row["expires_at"],
    )


def entering(state: TaskState, now: datetime | sa.BindParameter[datetime]) -> dict[str, Any]:
    """The columns that change whenever a task enters `state`."""
    return {"status": state.value, "updated_at": now, entered_column(state): now}


NOT_HELD: dict[str, Any] = {"lease_expires_at": None}
"""The columns of a task that nobody holds. Its token stays, the next claim's is one higher; so does the name of the
worker that held it last."""

AS_NEW: dict[str, Any] = {
    **NOT_HELD,
    "worker_id": None,
    "attempt": 0,
    "upload_attempt": 0,
    "crashes": 0,
    "throttled_since": None,
    "error_kind": None,
    "error_message": None,
    "rows": None,
    "bytes": None,
}
"""The columns of a task that starts over."""

"""A task, its states, and the closed set of ways in which an attempt can end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from forebay.model.coverage import Coverage
from forebay.model.partition import Partition, Revision, Source


class TaskState(StrEnum):
    """Where a task is. Names as users of the earlier systems know them."""

    PENDING = "pending"
    """Waits to be claimed (at once, or from `available_at` on)."""
    PROCESSING = "processing"
    """A worker holds its lease and has not begun to transfer."""
    DOWNLOADING = "downloading"
    """Bytes flow from the vendor."""
    DOWNLOADED = "downloaded"
    """The last byte passed the check."""
    UPLOADING = "uploading"
    """It is delivered to its destination, whichever that is."""
    COMPLETED = "completed"
    """Delivered, and its coverage is recorded."""
    FAILED_DOWNLOAD = "failed_download"
    """Reading or checking failed; claimable again after its backoff."""
    FAILED_UPLOAD = "failed_upload"
    """Delivering failed; claimable again after its backoff."""
    PERMANENT_FAILURE = "permanent_failure"
    """Given up, with its reason."""

    @property
    def held(self) -> bool:
        """A worker's lease should be behind it."""
        return self in _HELD

    @property
    def claimable(self) -> bool:
        """A worker may take it once its time has come."""
        return self in (TaskState.PENDING, TaskState.FAILED_DOWNLOAD, TaskState.FAILED_UPLOAD)

    @property
    def over(self) -> bool:
        """Nothing more happens to it of its own accord."""
        return self in (TaskState.COMPLETED, TaskState.PERMANENT_FAILURE)


FAILED = (TaskState.FAILED_DOWNLOAD, TaskState.FAILED_UPLOAD, TaskState.PERMANENT_FAILURE)
"""An attempt went wrong, and the task waits for the next one or was given up."""
_HELD = frozenset({TaskState.PROCESSING, TaskState.DOWNLOADING, TaskState.DOWNLOADED, TaskState.UPLOADING})


class Step(Protocol):
    """Tells the ledger how far the work has come."""

    def __call__(self, *states: TaskState) -> None:
        """Enter these states, one after the other, in one transaction. Raises LeaseLost."""


class TaskKind(StrEnum):
    """What is done. One file each in `forebay.tasks`."""

    MIRROR = "mirror"
    """A flat file of the vendor into the archive."""
    LOAD = "load"
    """A flat file into the lake."""
    FETCH = "fetch"
    """REST pages into the lake."""
    SNAPSHOT = "snapshot"
    """What the vendor says of tickers now, into the lake."""
    IDENTIFY = "identify"
    """The vendor's reference lists into the universe table and a universe file."""
    EXPORT = "export"
    """Rows of the lake into the file of one ticker and timeframe."""
    PUBLISH = "publish"
    """Rows of the lake, of one ticker and timeframe, into a destination of the user's outside of it."""
    COMPACT = "compact"
    """Files of a table of the lake into few."""


@dataclass(frozen=True, slots=True)
class TaskDraft:
    """A task as the planner wants it. (`key`, `destination`) is its identity: adding it twice adds it once."""

    kind: TaskKind
    key: str
    """The vendor's object key, `rest/<table>/<symbol>/<start>..<end>` or `reference/<category>/<date>?<filters>`."""
    dataset: str
    """Catalogue name of a flat-file dataset, or `rest/bars/1m`."""
    partition: Partition
    destination: str
    source: Source
    revision: Revision | None = None
    """What the listing said of the file when the task was planned."""
    priority: int = 0
    """Higher is claimed first: fresh data before history."""
    after: str | None = None
    """A destination whose task for the same key must have ended before this one begins; None: it need not wait."""


@dataclass(frozen=True, slots=True)
class Task:
    """A row of the ledger's task table, as read."""

    id: int
    draft: TaskDraft
    state: TaskState
    attempt: int
    """Further attempts already used up; a snooze, a 429 and a crash count none."""
    crashes: int
    worker_id: str | None
    """Who holds it, or held it last."""
    error_kind: str | None
    error_message: str | None
    created_at: datetime
    updated_at: datetime
    available_at: datetime
    """Not claimed before (UTC)."""
    history: Mapping[str, datetime] = field(default_factory=dict)
    """State name to the time it was last entered (UTC)."""
    hold: str | None = None
    """What holds it back: `paused`, `after:<destination>`, or both with a comma between them."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A claim on a task. Only the holder of the token may move or finish it."""

    task: Task
    token: str
    worker_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """Delivered; `coverage` is recorded in the transaction that completes the task."""

    coverage: tuple[Coverage, ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """Failed for now. `upload` tells which phase; `counted` is false for a 429 and for nothing else."""

    kind: str
    reason: str
    after: float | None = None
    """Seconds; None leaves it to the backoff."""
    upload: bool = False
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Snooze:
    """Not to be had yet, and no failure: pending again from `until` (UTC). Counts no attempt."""

    until: datetime
    reason: str
    kind: str = "not_published"


WAITS_FOR_LAKE = "waits_for_lake"
"""The kind of snooze of a copy, while a task may change what the lake has of it."""


@dataclass(frozen=True, slots=True)
class Discard:
    """Never again in this form. Coverage may say what is known now (a `suspect` partition)."""

    kind: str
    reason: str
    coverage: tuple[Coverage, ...] = ()


Outcome = Done | Retry | Snooze | Discard

"""The nouns of alerts: what can be wrong, that it is, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Condition(StrEnum):
    """What somebody should know of."""

    STALE = "dataset_stale"
    """A session that is published and wanted is not held, hours after it could be."""
    MISSING = "missing_upstream"
    """The vendor lacks what it should have by now."""
    FAILED = "failed_tasks"
    """Tasks were given up."""
    STUCK = "stuck_lease"
    """A task is held by nobody who works, or for too long."""
    STREAM = "stream_down"
    """A cluster that is wanted is not streamed."""
    DISK = "disk_nearly_full"
    QUARANTINE = "quarantine_grows"
    REFUSED = "calls_refused"
    """The vendor answers 429, and calls are held back."""
    JOB = "job_failed"
    """The last run of one of the daemon's jobs failed."""


@dataclass(frozen=True, slots=True)
class Alert:
    """A condition that is so now."""

    condition: Condition
    subject: str
    """Whose: a table, a kind of task, a cluster."""
    message: str
    """One sentence."""
    remedy: str
    """The next step."""

    @property
    def key(self) -> str:
        """Its identity, however its message changes."""
        return f"{self.condition}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Raised:
    """An alert as the ledger keeps it. Instants are UTC."""

    alert: Alert
    raised_at: datetime
    seen_at: datetime
    """When it was last found to be so."""
    told_at: datetime | None = None
    """When somebody was last told; None while nobody was."""
    cleared_at: datetime | None = None
    """When it was found to be no more, while that is still to be told."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is to be told now: that it began, that it lasts, or that it is over."""

    raised: Raised
    """As it was before it was told."""

    @property
    def over(self) -> bool:
        """Whether it is no more."""
        return self.raised.cleared_at is not None

    @property
    def again(self) -> bool:
        """Whether it was told before."""
        return self.raised.told_at is not None

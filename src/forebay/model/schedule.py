"""The schedule's nouns: what a job was and will be, and who leads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class JobRun:
    """One job of the schedule, as the database knows it. Instants are UTC."""

    name: str
    next_run: datetime | None
    """None while the schedule is stopped."""
    started_at: datetime | None = None
    """When its newest run began."""
    finished_at: datetime | None = None
    """When that run ended; None while it runs, and when its daemon died in it."""
    error: str | None = None
    """Why that run failed."""
    runs: int = 0
    """How many were begun."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What the schedule is doing, whichever daemons there are."""

    enabled: bool
    """Whether jobs are to be run: what start and stop say."""
    leader: str | None
    """The daemon that runs them; None when none lives."""
    leads_until: datetime | None
    """When another daemon takes over unless it renews."""
    jobs: tuple[JobRun, ...]
    """By name."""

    @property
    def running(self) -> bool:
        """Whether jobs run when they are due."""
        return self.enabled and self.leader is not None

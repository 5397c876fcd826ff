"""Everything `forebay status` and the end of a sync have to say, as one value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forebay.model.coverage import Verdict
from forebay.model.task import Task, TaskState
from forebay.orchestration.report import Hole, Row


@dataclass(frozen=True, slots=True)
class Status:
    """What is held and missing by feed, the queue, what failed and why, and what is in quarantine."""

    rows: Sequence[Row]
    tasks: Mapping[TaskState, int]
    failures: Sequence[Task]
    """Tasks that failed or were given up, newest first."""
    quarantined: int
    """Rows and files that were refused and kept."""

    @property
    def holes(self) -> list[Hole]:
        """Every gap of every feed."""
        return [hole for row in self.rows for hole in row.holes]

    @property
    def all_held(self) -> bool:
        """Everything that the vendor has published is held; what is not published yet is nobody's fault."""
        return all(hole.verdict is Verdict.PENDING_UPSTREAM for hole in self.holes)

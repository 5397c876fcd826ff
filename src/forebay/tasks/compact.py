"""compact: files of the lake's table over some session dates into few. Coverage stays: the rows are the same."""

from __future__ import annotations

from dataclasses import dataclass

from forebay.lake.compaction.compaction import Compaction
from forebay.model.task import Done, Lease, Outcome, Retry, Step, TaskState

_MOST_ATTEMPTS = 3
"""Other writers may replace files while they are merged: then what is there by now is merged."""


@dataclass(frozen=True, slots=True)
class Compact:
    """What it came to is in the table's log: files, rows and what they add up to."""

    compaction: Compaction

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises LakeError, StoreError, LeaseLost."""
        partition = lease.task.draft.partition
        step(TaskState.DOWNLOADING, TaskState.DOWNLOADED, TaskState.UPLOADING)
        for _ in range(_MOST_ATTEMPTS):
            due = self.compaction.plan(partition.table, partition.dates)
            if all(self.compaction.run(work) for work in due):
                return Done(())
        return Retry("lake_conflict", f"{partition} was written to each time its files were merged", upload=True)

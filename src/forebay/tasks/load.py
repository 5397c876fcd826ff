"""load: one flat file of the vendor into the lake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from forebay.clock import Clock
from forebay.errors import CheckFailed, Damaged
from forebay.lake.intake import Refused, Staged
from forebay.lake.quarantine import Quarantine
from forebay.lake.staging import storage_errors
from forebay.lake.table import LakeTables
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.task import Discard, Done, Lease, Outcome, Retry, TaskDraft, TaskState
from forebay.vendor.csv_rows import read_bars
from forebay.vendor.flatfiles import FlatFiles
from forebay.vendor.gunzip import Received


@dataclass(frozen=True, slots=True)
class Load:
    """Streams the file, checks every row, and makes it the owner of its day in one commit.

    A file that is damaged is read once more, for it may have been the way; whatever else fails a check is kept in
    quarantine with its reason, and the day is suspect until the vendor publishes another revision.
    """

    files: FlatFiles
    tables: LakeTables
    quarantine: Quarantine
    clock: Clock

    def __call__(self, lease: Lease, step: Callable[[TaskState], None]) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LakeError, LeaseLost."""
        draft, received = lease.task.draft, Received()
        step(TaskState.DOWNLOADING)
        try:
            staged = self._stage(draft, received)
            step(TaskState.DOWNLOADED)
            step(TaskState.UPLOADING)
            return self._deliver(draft, staged, received)
        except Damaged as error:
            if lease.task.attempt == 0:
                return Retry(error.kind, str(error))
            return self._refuse(draft, error, received)
        except CheckFailed as error:
            return self._refuse(draft, error, received)

    def _stage(self, draft: TaskDraft, received: Received) -> Staged:
        dataset, day, revision = DATASETS[draft.dataset], draft.partition.day, draft.revision
        assert revision is not None, "a load is planned from a listing"
        rows = read_bars(self.files.open(draft.key, revision), dataset, day, received)
        return self.tables.stage(rows, dataset, draft.key)

    def _deliver(self, draft: TaskDraft, staged: Staged, received: Received) -> Outcome:
        assert draft.revision is not None
        if staged.bad.height:
            self._keep(draft, f"{staged.bad.height} rows failed a check", staged)
        if staged.tally.rows == 0:
            return Done((self._coverage(draft, Verdict.KNOWN_EMPTY, received, "the file has a header and no rows"),))
        with storage_errors(self.tables.root):
            self.tables.replace_day(staged, draft.partition.day, draft.revision)
        reason = f"{staged.bad.height} of {staged.tally.rows} rows are in quarantine" if staged.bad.height else ""
        verdict = Verdict.SUSPECT if staged.bad.height else Verdict.COMPLETE
        return Done((self._coverage(draft, verdict, received, reason, staged),))

    def _refuse(self, draft: TaskDraft, error: CheckFailed, received: Received) -> Outcome:
        self.quarantine.keep(
            draft.partition,
            key=draft.key,
            reason=str(error),
            now=self.clock.now(),
            rows=error.rows if isinstance(error, Refused) else None,
            revision=draft.revision,
        )
        return Discard(error.kind, str(error), (self._coverage(draft, Verdict.SUSPECT, received, str(error)),))

    def _keep(self, draft: TaskDraft, reason: str, staged: Staged) -> None:
        self.quarantine.keep(
            draft.partition,
            key=draft.key,
            reason=reason,
            now=self.clock.now(),
            rows=staged.bad,
            revision=draft.revision,
        )

    def _coverage(
        self, draft: TaskDraft, verdict: Verdict, received: Received, reason: str, staged: Staged | None = None
    ) -> Coverage:
        evidence = Evidence(
            rows=staged.rows if staged else 0,
            bytes=received.bytes,
            sha256=received.sha256,
            revision=draft.revision,
            reason=reason,
            details=dict(staged.counts) if staged else {},
        )
        return Coverage(draft.partition, draft.destination, draft.source, verdict, evidence, self.clock.now())

"""load: one flat file of the vendor, or of the archive, into the lake."""

from __future__ import annotations

from dataclasses import dataclass

from forebay.errors import CheckFailed, Damaged
from forebay.lake.home.staging import storage_errors
from forebay.lake.intake.intake import Staged
from forebay.lake.writing.table import LakeTables
from forebay.model.calendar import is_full_session
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Evidence
from forebay.model.task import Done, Lease, Outcome, Retry, Step, TaskDraft, TaskState
from forebay.stores.store import Files
from forebay.tasks.records import Records
from forebay.vendor.csv_rows import read_rows
from forebay.vendor.gunzip import Received


@dataclass(frozen=True, slots=True)
class Load:
    """Streams the file, checks every row, and makes it the owner of its day in one commit.

    A file that is damaged is read once more, for it may have been the way; whatever else fails a check is kept in
    quarantine with its reason, and the day is suspect until the vendor publishes another revision.
    """

    files: Files
    tables: LakeTables
    records: Records

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LakeError, LeaseLost."""
        draft, received = lease.task.draft, Received()
        step(TaskState.DOWNLOADING)
        try:
            staged = self._stage(draft, received)
            _prove_not_empty(draft, staged)
            step(TaskState.DOWNLOADED, TaskState.UPLOADING)
            return self._deliver(draft, staged, received)
        except CheckFailed as error:
            if isinstance(error, Damaged) and lease.task.attempt == 0:
                return Retry(error.kind, str(error))
            return self.records.refuse(draft, error, _evidence(draft, received, str(error)))

    def _stage(self, draft: TaskDraft, received: Received) -> Staged:
        dataset, day, revision = DATASETS[draft.dataset], draft.partition.day, draft.revision
        assert revision is not None, "a load is planned from a listing"
        rows = read_rows(self.files.open(draft.key, revision), dataset, day, received)
        return self.tables.stage(rows, dataset, draft.key, (day, revision))

    def _deliver(self, draft: TaskDraft, staged: Staged, received: Received) -> Outcome:
        assert draft.revision is not None
        with storage_errors(self.tables.disk):
            self.tables.replace_day(staged, draft.partition.day, draft.revision)
        verdict, reason = self.records.judge(draft, staged)
        return Done((self.records.coverage(draft, verdict, _evidence(draft, received, reason, staged)),))


def _prove_not_empty(draft: TaskDraft, staged: Staged) -> None:
    """Raise CheckFailed for a file without any row on a day on which its exchange was open for its ordinary hours.

    Crypto and forex have no such hours, and a holiday's short session may be in the file of the day after it.
    """
    day = draft.partition.day
    if staged.tally.rows == 0 and is_full_session(staged.dataset.calendar, day):
        staged.stash.discard()
        raise CheckFailed(
            f"{draft.key} has no rows, and {day} is a full session",
            remedy="what was held before stays; sync again later",
        )


def _evidence(draft: TaskDraft, received: Received, reason: str, staged: Staged | None = None) -> Evidence:
    return Evidence(
        rows=staged.rows if staged else 0,
        bytes=received.bytes,
        sha256=received.sha256,
        revision=draft.revision,
        reason=reason,
        details=dict(staged.counts) if staged else {},
    )

"""mirror: one flat file of the vendor into the archive, checked on the way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from forebay.errors import CheckFailed, Damaged
from forebay.failpoints import reach
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.partition import Partition, Revision, Source
from forebay.model.task import Done, Lease, Outcome, Retry, Step, TaskDraft, TaskState
from forebay.stores.archive import Archive, Held
from forebay.stores.receipt import Receipt
from forebay.stores.store import Files
from forebay.tasks.records import Records
from forebay.tasks.spool import Spool
from forebay.tasks.transfer import Transfer


def nobody_asks(_: Lease) -> None:
    """The `alive` of a transfer that nobody wants to break off."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """Streams the file through the check into the store; it is visible only after its last byte passed.

    A file that is damaged is read once more, for it may have been the way; then the fact goes to quarantine, and the
    day is suspect until the vendor publishes another revision. A file with unknown columns is archived all the same.
    """

    files: Files
    archive: Archive
    records: Records
    alive: Callable[[Lease], None] = nobody_asks
    """Asked with every chunk; raises when the task is no longer this worker's."""
    spool: Spool | None = None
    """Where files are kept whole before they are uploaded; None: nowhere."""

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LeaseLost."""
        draft = lease.task.draft
        assert draft.revision is not None, "a mirror is planned from a listing"
        reach("mirror.claimed")
        held = self.archive.find(draft.key)
        if held and held.receipt and held.is_revision(draft.revision):  # by a worker that could not say so any more
            if self.spool:
                self.spool.forget(draft.key)
            return _done(draft, held.receipt)
        self.archive.clear(draft.key, draft.revision.size)
        step(TaskState.DOWNLOADING)
        try:
            return _done(draft, self._carry_out(self._transfer(lease, draft.revision, held, step)))
        except CheckFailed as error:
            if isinstance(error, Damaged) and lease.task.attempt == 0:
                return Retry(error.kind, str(error))
            evidence = Evidence(rows=0, revision=draft.revision, reason=str(error))
            return self.records.refuse(draft, error, evidence)

    def _transfer(self, lease: Lease, revision: Revision, before: Held | None, step: Step) -> Transfer:
        draft, alive, now = lease.task.draft, partial(self.alive, lease), self.records.clock.now
        was_here = TaskState.COMPLETED in lease.task.history
        return Transfer(
            self.files, self.archive, draft.key, draft.dataset, revision, before, was_here, step, alive, now
        )

    def _carry_out(self, transfer: Transfer) -> Receipt:
        if self.spool is None:
            return transfer.stream()
        with self.spool.file(transfer.key, transfer.revision) as file:
            # a worker that lost its lease may have the local file still
            return transfer.stream() if file is None else transfer.by_way_of(file)


def coverage_of(partition: Partition, destination: str, receipt: Receipt) -> Coverage:
    """The row that says that the archive holds a file, as its receipt proves."""
    evidence = Evidence(
        rows=receipt.rows,
        bytes=receipt.revision.size,
        sha256=receipt.sha256 or None,
        revision=receipt.revision,
        details={**({"md5": receipt.md5} if receipt.md5 else {}), **receipt.details},
    )
    return Coverage(partition, destination, Source.FLATFILE, Verdict.COMPLETE, evidence, receipt.checked_at)


def _done(draft: TaskDraft, receipt: Receipt) -> Done:
    return Done((coverage_of(draft.partition, draft.destination, receipt),))

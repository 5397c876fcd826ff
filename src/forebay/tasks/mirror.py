"""mirror: one flat file of the vendor into the archive, checked on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from structlog import get_logger

from forebay.errors import CheckFailed, Damaged
from forebay.failpoints import reach
from forebay.model.catalogue import DATASETS
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.partition import Partition, Revision, Source
from forebay.model.task import Done, Lease, Outcome, Retry, TaskDraft, TaskState
from forebay.stores.archive import Archive, Held
from forebay.stores.receipt import Receipt
from forebay.tasks.origin import Files
from forebay.tasks.records import Records
from forebay.vendor.inspection import Findings, Inspection, differing_header, inspected

Step = Callable[[TaskState], None]

log = get_logger()


def nobody_asks() -> None:
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
    alive: Callable[[], None] = nobody_asks
    """Asked with every chunk; raises when the worker breaks off."""

    def __call__(self, lease: Lease, step: Step) -> Outcome:
        """Run one task. Raises VendorError, StoreError, LeaseLost."""
        draft = lease.task.draft
        assert draft.revision is not None, "a mirror is planned from a listing"
        reach("mirror.claimed")
        held = self.archive.find(draft.key)
        if held and held.is_revision(draft.revision):  # stored by a worker that could not say so any more
            return _done(draft, held)
        self.archive.clear(draft.key, draft.revision.size)
        step(TaskState.DOWNLOADING)
        try:
            return _done(draft, self._transfer(draft, draft.revision, step))
        except Damaged as error:
            if lease.task.attempt == 0:
                return Retry(error.kind, str(error))
            return self._refuse(draft, error)

    def _transfer(self, draft: TaskDraft, revision: Revision, step: Step) -> Held:
        """The file from the vendor to the store in one pass. Raises Damaged."""
        inspection = Inspection(draft.key)

        def receipt() -> Receipt:
            findings = inspection.finish()
            reach("mirror.checked")
            step(TaskState.DOWNLOADED)
            step(TaskState.UPLOADING)
            return self.receipt_for(draft, revision, findings)

        with self.files.open(draft.key, revision) as stream:
            chunks = inspected(self._watched(stream, revision.size), inspection, revision.size)
            with closing(chunks):
                return self.archive.receive(draft.key, revision, chunks, receipt)

    def _watched(self, chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
        handed = 0
        for chunk in chunks:
            self.alive()
            if not handed:
                reach("mirror.first_chunk")
            yield chunk
            if 2 * handed < size <= 2 * (handed + len(chunk)):
                reach("mirror.middle")
            handed += len(chunk)

    def receipt_for(self, draft: TaskDraft, revision: Revision, findings: Findings) -> Receipt:
        """What is written down of a file that passed."""
        details = {}
        header = differing_header(findings, list(DATASETS[draft.dataset].columns))
        if header is not None:
            details["header"] = header
            log.warning("unknown_header", key=draft.key, header=header)
        now = self.records.clock.now()
        return Receipt(revision, findings.sha256, findings.md5, findings.rows, now, details)

    def _refuse(self, draft: TaskDraft, error: CheckFailed) -> Outcome:
        return self.records.refuse(draft, error, Evidence(rows=0, revision=draft.revision, reason=str(error)))


def coverage_of(partition: Partition, destination: str, receipt: Receipt) -> Coverage:
    """The row that says that the archive holds a file, as its receipt proves."""
    evidence = Evidence(
        rows=receipt.rows,
        bytes=receipt.revision.size,
        sha256=receipt.sha256 or None,
        revision=receipt.revision,
        details={"md5": receipt.md5, **receipt.details},
    )
    return Coverage(partition, destination, Source.FLATFILE, Verdict.COMPLETE, evidence, receipt.checked_at)


def _done(draft: TaskDraft, held: Held) -> Done:
    assert held.receipt is not None
    return Done((coverage_of(draft.partition, draft.destination, held.receipt),))

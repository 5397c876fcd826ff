"""mirror: one flat file of the vendor into the archive, checked on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, nullcontext
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
from forebay.stores.store import Files
from forebay.tasks.records import Records
from forebay.tasks.spool import Differs, Spool, SpoolFile
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
    spool: Spool | None = None
    """Where files are kept whole before they are uploaded; None: nowhere."""

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
        except CheckFailed as error:
            if isinstance(error, Damaged) and lease.task.attempt == 0:
                return Retry(error.kind, str(error))
            evidence = Evidence(rows=0, revision=draft.revision, reason=str(error))
            return self.records.refuse(draft, error, evidence)

    def _transfer(self, draft: TaskDraft, revision: Revision, step: Step) -> Held:
        with self.spool.file(draft.key, revision) if self.spool else nullcontext() as file:
            if file is None:  # also while a worker that lost its lease still has the local file
                return self._stream(draft, revision, step)
            receipt = self._download(draft, revision, file)
            step(TaskState.DOWNLOADED)
            step(TaskState.UPLOADING)
            held = self._upload(draft, revision, file, receipt, step)
            reach("spool.uploaded")
            file.remove()
            return held

    def _stream(self, draft: TaskDraft, revision: Revision, step: Step) -> Held:
        """The file from the vendor to the store in one pass. Raises Damaged."""
        inspection = Inspection(draft.key)

        def receipt() -> Receipt:
            proved = self._receipt(draft, revision, inspection.finish())
            step(TaskState.DOWNLOADED)
            step(TaskState.UPLOADING)
            return proved

        with self.files.open(draft.key, revision) as stream:
            chunks = inspected(self._watched(stream, revision.size), inspection, revision.size)
            with closing(chunks):
                return self.archive.receive(draft.key, revision, chunks, receipt)

    def _download(self, draft: TaskDraft, revision: Revision, file: SpoolFile) -> Receipt:
        """The file to the disk, as far as it is not there. Raises Damaged, with nothing left of it."""
        while True:
            inspection = Inspection(draft.key)
            chunks = self._asking(file.complete(self.files, draft.key, revision))
            try:
                with closing(inspected(chunks, inspection, revision.size)) as checked:
                    for _ in checked:
                        pass
                receipt = self._receipt(draft, revision, inspection.finish())
            except Differs:
                log.warning("spool_differs", key=draft.key, path=str(file.path))
            except Damaged:
                file.empty()
                raise
            else:
                reach("spool.written")
                return receipt

    def _upload(self, draft: TaskDraft, revision: Revision, file: SpoolFile, receipt: Receipt, step: Step) -> Held:
        def still_ours() -> Receipt:
            step(TaskState.UPLOADING)
            return receipt

        return self.archive.receive(draft.key, revision, self._watched(file.chunks(), revision.size), still_ours)

    def _asking(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.alive()
            yield chunk

    def _watched(self, chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
        handed = 0
        for chunk in self._asking(chunks):
            if not handed:
                reach("mirror.first_chunk")
            yield chunk
            if 2 * handed < size <= 2 * (handed + len(chunk)):
                reach("mirror.middle")
            handed += len(chunk)

    def _receipt(self, draft: TaskDraft, revision: Revision, findings: Findings) -> Receipt:
        """What is written down of a file that passed."""
        if findings.bytes != revision.size:
            raise Damaged(f"{draft.key}: {findings.bytes} bytes came where {revision.size} were listed")
        reach("mirror.checked")
        details = {}
        header = differing_header(findings, list(DATASETS[draft.dataset].columns))
        if header is not None:
            details["header"] = header
            log.warning("unknown_header", key=draft.key, header=header)
        now = self.records.clock.now()
        return Receipt(revision, findings.sha256, findings.md5, findings.rows, now, details)


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

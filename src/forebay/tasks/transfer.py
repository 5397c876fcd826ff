"""One file on its way from the vendor into the archive: in one pass, or by way of the local disk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from structlog import get_logger

from forebay.errors import Damaged
from forebay.failpoints import reach
from forebay.model.catalogue import DATASETS
from forebay.model.partition import Revision
from forebay.model.task import Step, TaskState
from forebay.stores.archive import ONE_PUT_BYTES, Archive, Held
from forebay.stores.receipt import Receipt
from forebay.stores.store import Files
from forebay.tasks.spool import Differs, SpoolFile
from forebay.vendor.inspection import Findings, Inspection, differing_header, inspected

log = get_logger()


@dataclass(frozen=True, slots=True)
class Transfer:
    """Moves one revision of one file. Raises Damaged when it fails the check, and then nothing is visible."""

    files: Files
    archive: Archive
    key: str
    dataset: str
    revision: Revision
    before: Held | None
    """What the archive holds under the key now."""
    was_here: bool
    """Whether the archive has held the key before."""
    step: Step
    alive: Callable[[], None]
    now: Callable[[], datetime]

    def stream(self) -> Receipt:
        """In one pass, with nothing on the local disk."""
        inspection = self._inspection()

        def receipt() -> Receipt:
            proved = self._receipt(inspection.finish())
            self.step(TaskState.DOWNLOADED, TaskState.UPLOADING)
            return proved

        with (
            self.files.open(self.key, self.revision) as vendor,
            closing(inspected(self._handed(vendor), inspection, self.revision.size)) as chunks,
        ):
            return self._receive(chunks, receipt)

    def by_way_of(self, file: SpoolFile) -> Receipt:
        """To the disk as far as it is not there, and from there to the archive; the local file is removed after."""
        proved = self._download(file)
        while proved is None:
            log.warning("spool_differs", key=self.key, path=str(file.path))
            proved = self._download(file)
        reach("spool.written")
        self.step(TaskState.DOWNLOADED, TaskState.UPLOADING)

        def still_ours() -> Receipt:
            self.step(TaskState.UPLOADING)
            return proved

        final = self._receive(self._handed(file.chunks()), still_ours)
        reach("spool.uploaded")
        file.remove()
        return final

    def _download(self, file: SpoolFile) -> Receipt | None:
        """What was proved of the whole file; None when the disk had something else, and has nothing now."""
        inspection = self._inspection()
        chunks = self._asking(file.complete(self.files, self.key, self.revision))
        try:
            with closing(inspected(chunks, inspection, self.revision.size)) as checked:
                for _ in checked:
                    pass
            return self._receipt(inspection.finish())
        except Differs:
            return None
        except Damaged:
            file.empty()
            raise

    def _inspection(self) -> Inspection:
        """An object of several parts has no MD5 that its store could be asked for."""
        return Inspection(self.key, md5=self.revision.size <= ONE_PUT_BYTES)

    def _receive(self, chunks: Iterable[bytes], receipt: Callable[[], Receipt]) -> Receipt:
        return self.archive.receive(self.key, self.revision, chunks, receipt, self.before, was_here=self.was_here)

    def _asking(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.alive()
            yield chunk

    def _handed(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        handed, size = 0, self.revision.size
        for chunk in self._asking(chunks):
            if not handed:
                reach("mirror.first_chunk")
            yield chunk
            if 2 * handed < size <= 2 * (handed + len(chunk)):
                reach("mirror.middle")
            handed += len(chunk)

    def _receipt(self, findings: Findings) -> Receipt:
        """What is written down of a file that passed. Unknown columns are noted and no reason to refuse it."""
        if findings.bytes != self.revision.size:
            raise Damaged(f"{self.key}: {findings.bytes} bytes came where {self.revision.size} were listed")
        reach("mirror.checked")
        details = {}
        header = differing_header(findings, list(DATASETS[self.dataset].columns))
        if header is not None:
            details["header"] = header
            log.warning("unknown_header", key=self.key, header=header)
        return Receipt(self.revision, findings.sha256, findings.md5, findings.rows, self.now(), details)

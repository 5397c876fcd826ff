"""Scrubbing: archived files are read again, those first that nobody has looked at for longest, within a budget."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from itertools import accumulate

from forebay.clock import Clock
from forebay.errors import Damaged, ObjectChanged
from forebay.ledger import Ledger
from forebay.model.catalogue import DATASETS, LAKE_DATASETS, Dataset
from forebay.model.coverage import Coverage
from forebay.model.intervals import Interval
from forebay.orchestration.archive.findings import Fault, Finding, Sides
from forebay.orchestration.archive.inventory import is_held, known_files
from forebay.orchestration.archive.reading import WHOLE_FILES, pooled, read_through
from forebay.stores.archive import Archive
from forebay.stores.receipt import Receipt
from forebay.stores.store import Stored
from forebay.vendor.inspection import Findings

SCRUBBED = "scrubbed_at"
"""The detail of a coverage row that says when the file was last read through, ISO, UTC."""
_BATCH = 100
"""Rows that are marked as read in one transaction."""


@dataclass(frozen=True, slots=True, order=True)
class Due:
    """A file that may be read. They sort as they are to be read."""

    looked_at: str
    """When its bytes were last seen to be right, ISO; empty for a file that was never read."""
    dataset: str
    day: date
    size: int


@dataclass(slots=True)
class Scrubbed:
    """What a run has read."""

    files: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Reach:
    """How much of the archive has been read since it was taken, and since when."""

    files: int
    bytes: int
    all_files: int
    all_bytes: int
    oldest: datetime | None
    """The longest that one of those files has not been read; None when none has been."""


def due_files(ledger: Ledger, datasets: Iterable[Dataset], dates: Interval | None = None) -> list[Due]:
    """Every file that the ledger holds, those first that were not looked at for longest."""
    found = [
        Due(_looked_at(row), dataset.name, day, row.evidence.bytes or 0)
        for dataset in datasets
        for day, row in known_files(ledger, dataset, dates).items()
        if is_held(row)
    ]
    return sorted(found)


def within(budget: int | None, due: Collection[Due]) -> list[Due]:
    """As many from the front as `budget` bytes allow, and always the first, however large. None: all."""
    if budget is None:
        return list(due)
    totals = accumulate(each.size for each in due)
    return [each for index, (each, total) in enumerate(zip(due, totals, strict=True)) if not index or total <= budget]


def reach(ledger: Ledger, datasets: Iterable[Dataset]) -> Reach:
    """How far scrubbing has come, from the ledger."""
    files = size = all_files = all_bytes = 0
    oldest = ""
    for dataset in datasets:
        for row in known_files(ledger, dataset).values():
            if is_held(row):
                all_files, all_bytes = all_files + 1, all_bytes + (row.evidence.bytes or 0)
                if seen := str(row.evidence.details.get(SCRUBBED, "")):
                    files, size = files + 1, size + (row.evidence.bytes or 0)
                    oldest = min(oldest or seen, seen)
    return Reach(files, size, all_files, all_bytes, datetime.fromisoformat(oldest) if oldest else None)


@dataclass(frozen=True, slots=True)
class _Read:
    """One file, read: as it was recorded, and what it is. Neither `content` nor `damage`: it changed meanwhile."""

    due: Due
    row: Coverage | None = None
    stored: Stored | None = None
    content: Findings | None = None
    damage: str = ""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Reads files through and writes down what it found. What is damaged is moved aside and not counted on."""

    ledger: Ledger
    archive: Archive
    clock: Clock

    def run(self, due: Iterable[Due]) -> Iterator[tuple[Due, Finding | None]]:
        """Read these files; each with its finding, as soon as it is read. Raises StoreError, LedgerError."""
        good: list[_Read] = []
        try:
            for read in pooled(self._read, due, WHOLE_FILES):
                if read.content is not None:
                    good.append(read)
                yield read.due, self._give_up(read) if read.damage else None
                if len(good) == _BATCH:
                    self._mark(good)
                    good.clear()
        finally:
            self._mark(good)

    def _read(self, due: Due) -> _Read:
        dataset = DATASETS[due.dataset]
        row, stored = self._row(due), self.archive.store.head(dataset.key(due.day))
        if row is None or stored is None:
            return _Read(due)
        try:
            content = read_through(self.archive.store, stored)
        except ObjectChanged:
            return _Read(due)
        except Damaged as error:
            return _Read(due, row, stored, damage=str(error))
        return _Read(due, row, stored, content, _difference(row, content))

    def _row(self, due: Due) -> Coverage | None:
        row = known_files(self.ledger, DATASETS[due.dataset], Interval(due.day, due.day)).get(due.day)
        return row if is_held(row) else None

    def _give_up(self, read: _Read) -> Finding:
        assert read.row is not None
        assert read.stored is not None
        self.archive.set_aside(read.stored)
        self.ledger.coverage.withdraw([read.row])
        sides = Sides(DATASETS[read.due.dataset], read.due.day, read.row, read.stored, None)
        return sides.finding(Fault.DAMAGED, read.damage)

    def _mark(self, reads: Collection[_Read]) -> None:
        """Remember when these files were read, where the ledger still says what it said before."""
        rows = [
            self._marked(read.row, read.content)
            for read in reads
            if read.row and read.content and not read.damage and self._row(read.due) == read.row
        ]
        if rows:
            self.ledger.coverage.record(rows)

    def _marked(self, row: Coverage, content: Findings) -> Coverage:
        evidence = row.evidence
        details = {**evidence.details, SCRUBBED: self.clock.now().isoformat(timespec="seconds")}
        if not evidence.sha256:  # it was taken over unread; from now on there is something to compare with
            details["md5"] = content.md5
            evidence = replace(evidence, sha256=content.sha256, rows=content.rows)
            if evidence.revision is not None:
                self._receipt(row, content)
        return replace(row, evidence=replace(evidence, details=details))

    def _receipt(self, row: Coverage, content: Findings) -> None:
        assert row.evidence.revision is not None
        details = {name: value for name, value in row.evidence.details.items() if name != SCRUBBED}
        receipt = Receipt(row.evidence.revision, content.sha256, content.md5, content.rows, row.checked_at, details)
        self.archive.record(LAKE_DATASETS[row.partition.table].key(row.partition.day), receipt)


def _looked_at(row: Coverage) -> str:
    if not row.evidence.sha256:
        return ""
    return max(str(row.evidence.details.get(SCRUBBED, "")), row.checked_at.isoformat(timespec="seconds"))


def _difference(row: Coverage, content: Findings) -> str:
    """How the content differs from what was recorded; empty when it does not, or nothing was."""
    recorded = row.evidence.sha256
    if not recorded or recorded == content.sha256:
        return ""
    return f"its sha256 is {content.sha256[:12]}..., and was {recorded[:12]}... when it was taken"

"""Adopting a mirror that other tools made at the archive's address, by the vendor's listing. No file is moved."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from forebay.clock import Clock
from forebay.errors import Damaged, ObjectChanged
from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage
from forebay.model.feed import ARCHIVE
from forebay.model.intervals import Interval
from forebay.model.partition import Revision
from forebay.orchestration.archive.findings import Fault, Finding, Sides, doubt
from forebay.orchestration.archive.inventory import is_held, known_files, shelf
from forebay.orchestration.archive.reading import (
    SMALL_REQUESTS,
    WHOLE_FILES,
    is_md5,
    pooled,
    read_through,
)
from forebay.orchestration.upstream import Upstream
from forebay.stores.archive import Archive
from forebay.stores.receipt import Receipt
from forebay.stores.store import Stored
from forebay.tasks.mirror import coverage_of
from forebay.telemetry.board import Board
from forebay.vendor.inspection import Findings

_BATCH = 500
"""Rows recorded in one transaction."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file in storage that the ledger does not hold and that agrees with the vendor's listing so far."""

    sides: Sides
    stored: Stored
    listed: Revision
    agrees: str
    """What was compared, as the evidence will say."""


@dataclass(frozen=True, slots=True)
class Sifted:
    """One dataset's files, parted by what is to be done about them."""

    known: int
    """Files that the ledger holds already."""
    candidates: tuple[Candidate, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Adopter:
    """Takes over files without downloading them. A second run finds nothing new."""

    ledger: Ledger
    archive: Archive
    upstream: Upstream
    clock: Clock
    deep: bool = False
    """Read every file to its end, and record what it is."""

    def sift(self, dataset: Dataset) -> Sifted:
        """Compare a dataset's files with the vendor's listing. Raises StoreError, VendorError, LedgerError.

        What was taken by its size alone, and cannot be the vendor's file, is not counted on any more.
        """
        found, known = shelf(self.archive.store, dataset), known_files(self.ledger, dataset)
        listed = self._listed(dataset, found.files)
        candidates: list[Candidate] = []
        findings = [
            Finding(Fault.FOREIGN, each.key, "its key is not one of the dataset's", dataset.name)
            for each in found.foreign
        ]
        disproved: list[Coverage] = []
        held = 0
        for day, stored in found.files.items():
            row, revision = known.get(day), listed.get(day)
            sides = Sides(dataset, day, row, stored, revision)
            if row is not None and is_held(row) and (row.evidence.revision or not revision):
                held += 1
            elif revision is None:
                findings.append(sides.finding(Fault.UNLISTED, "the vendor does not list it"))
            elif fault := doubt(stored, revision):
                findings.append(sides.finding(*fault))
                disproved += [row] if row is not None and is_held(row) else []
            else:
                candidates.append(Candidate(sides, stored, revision, _agreement(stored, revision)))
        self.ledger.coverage.withdraw(disproved)
        return Sifted(held, tuple(candidates), tuple(findings))

    def adopt(self, candidates: Iterable[Candidate]) -> Iterator[Finding | None]:
        """Write receipts and coverage of these files; for each one None, or why it is not taken over.

        What has been said to be adopted is recorded within the next few hundred.
        """
        rows: list[Coverage] = []
        try:
            for taken in pooled(self._take, candidates, WHOLE_FILES if self.deep else SMALL_REQUESTS):
                if isinstance(taken, Coverage):
                    rows.append(taken)
                yield taken if isinstance(taken, Finding) else None
                if len(rows) == _BATCH:
                    self.ledger.coverage.record(rows)
                    rows.clear()
        finally:
            if rows:
                self.ledger.coverage.record(rows)

    def _listed(self, dataset: Dataset, stored: dict[date, Stored]) -> dict[date, Revision]:
        if not stored:
            return {}
        span = Interval(min(stored), max(stored))
        self.upstream.look([(dataset, span)])
        return self.ledger.listings.revisions(dataset.name, span.start, span.end)

    def _take(self, candidate: Candidate) -> Coverage | Finding:
        receipt = self.archive.receipt(candidate.stored.key)
        if receipt is not None and receipt.revision != candidate.listed:
            return candidate.sides.finding(Fault.STALE, "its receipt is of an earlier revision")
        if receipt is None:
            content = self._read(candidate) if self.deep else None
            if isinstance(content, Finding):
                return content
            receipt = self.archive.record(candidate.stored.key, self._receipt(candidate, content)).receipt
            assert receipt is not None
        return coverage_of(candidate.sides.partition, ARCHIVE, receipt)

    def _read(self, candidate: Candidate) -> Findings | Finding:
        try:
            content = read_through(self.archive.store, candidate.stored)
        except (Damaged, ObjectChanged) as error:
            return candidate.sides.finding(Fault.DAMAGED, str(error))
        if is_md5(candidate.listed.etag) and content.md5 != candidate.listed.etag:
            reason = f"its MD5 is {content.md5}, the vendor's ETag {candidate.listed.etag}"
            return candidate.sides.finding(Fault.STALE, reason)
        return content

    def _receipt(self, candidate: Candidate, content: Findings | None) -> Receipt:
        return Receipt(
            revision=candidate.listed,
            sha256=content.sha256 if content else "",
            md5=content.md5 if content else "",
            rows=content.rows if content else None,
            checked_at=self.clock.now(),
            details={"agrees": candidate.agrees},
        )


@dataclass(frozen=True, slots=True)
class Adopted:
    """One dataset, taken over as far as it agrees."""

    dataset: str
    known: int
    """Files that the ledger held already."""
    adopted: int
    findings: tuple[Finding, ...]


def adopt_all(adopter: Adopter, datasets: Collection[Dataset], board: Board) -> Iterator[Adopted]:
    """Take over what lies in these datasets' folders; those with nothing are left out. See `Adopter`."""
    for dataset in datasets:
        sifted = adopter.sift(dataset)
        findings, adopted = list(sifted.findings), 0
        if sifted.candidates:
            row = board.row(f"{dataset.name}: taken over", len(sifted.candidates), "files")
            for finding in adopter.adopt(sifted.candidates):
                row.advance()
                adopted += finding is None
                findings += [finding] if finding else []
        if adopted or findings or sifted.known:
            yield Adopted(dataset.name, sifted.known, adopted, tuple(findings))


def _agreement(stored: Stored, listed: Revision) -> str:
    if is_md5(stored.etag) and is_md5(listed.etag):
        return "size and etag agree"
    if stored.modified == listed.last_modified:
        return "size and time agree"
    return "size agrees, and it is not older than the vendor's file"

"""The archive's coverage made anew from storage alone: each receipt says what was recorded when its file was taken."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial

from forebay.clock import Clock
from forebay.errors import Damaged, ObjectChanged
from forebay.ledger import Ledger
from forebay.model.catalogue import Dataset
from forebay.model.coverage import Coverage, Evidence, Verdict
from forebay.model.feed import ARCHIVE
from forebay.model.partition import Source
from forebay.orchestration.archive.findings import Fault, Finding, Sides
from forebay.orchestration.archive.inventory import known_files, shelf
from forebay.orchestration.archive.reading import SMALL_REQUESTS, WHOLE_FILES, pooled, read_through
from forebay.orchestration.archive.scrub import SCRUBBED
from forebay.stores.archive import Archive
from forebay.stores.store import Stored
from forebay.tasks.mirror import coverage_of
from forebay.telemetry.board import Board
from forebay.vendor.inspection import Findings

BY_SIZE = "taken over by its size alone: it has no receipt"
"""The reason in the coverage of a file of which nothing else is known."""


@dataclass(slots=True)
class Told:
    """What the files said, counted while they are gone through."""

    receipts: int = 0
    by_size: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ArchiveProof:
    """Goes through the archive's files."""

    archive: Archive
    ledger: Ledger
    """For what is recorded already and says more than storage does, and nothing else."""
    clock: Clock
    deep: bool = False
    """Read files without a receipt to their end."""

    def rows(self, dataset: Dataset, told: Told, board: Board) -> Iterator[Coverage]:
        """The coverage of every file of a dataset in storage; `told` counts along. Raises StoreError, LedgerError."""
        files, recorded = shelf(self.archive.store, dataset).files, known_files(self.ledger, dataset)
        if not files:
            return
        progress = board.row(f"{dataset.name}: receipts", len(files), "files")
        threads = WHOLE_FILES if self.deep else SMALL_REQUESTS
        for found in pooled(partial(self._row, dataset), files.items(), threads):
            progress.advance()
            if isinstance(found, Finding):
                told.findings.append(found)
                continue
            told.by_size += found.evidence.revision is None
            told.receipts += found.evidence.revision is not None
            yield _richer(recorded.get(found.partition.day), found)

    def _row(self, dataset: Dataset, found: tuple[date, Stored]) -> Coverage | Finding:
        sides = Sides(dataset, found[0], None, found[1], None)
        receipt = self.archive.receipt(sides.key)
        if receipt is None:
            return self._bare(sides, found[1])
        if receipt.revision.size != found[1].size:
            reason = f"{found[1].size:,} bytes in storage, {receipt.revision.size:,} by its receipt"
            return sides.finding(Fault.SIZE, reason)
        return coverage_of(sides.partition, ARCHIVE, receipt)

    def _bare(self, sides: Sides, stored: Stored) -> Coverage | Finding:
        content = None
        if self.deep:
            try:
                content = read_through(self.archive.store, stored)
            except (Damaged, ObjectChanged) as error:
                return sides.finding(Fault.DAMAGED, str(error))
        evidence = _bare_evidence(stored, content)
        return Coverage(sides.partition, ARCHIVE, Source.FLATFILE, Verdict.COMPLETE, evidence, self.clock.now())


def _bare_evidence(stored: Stored, content: Findings | None) -> Evidence:
    if content is None:
        return Evidence(bytes=stored.size, reason=BY_SIZE)
    return Evidence(
        rows=content.rows,
        bytes=stored.size,
        sha256=content.sha256,
        reason="read to its end; it has no receipt",
        details={"md5": content.md5},
    )


def _richer(recorded: Coverage | None, proven: Coverage) -> Coverage:
    """What is recorded, where it says the same and more: when a file was read again, or what its lost receipt said."""
    if recorded is None or recorded.verdict is not proven.verdict:
        return proven
    if proven.evidence.revision is None:
        same = recorded.evidence.bytes == proven.evidence.bytes
        news = proven.evidence.sha256 and not recorded.evidence.sha256
        return recorded if same and not news else proven
    details = {name: value for name, value in recorded.evidence.details.items() if name != SCRUBBED}
    same = replace(recorded, evidence=replace(recorded.evidence, details=details)) == proven
    return recorded if same else proven

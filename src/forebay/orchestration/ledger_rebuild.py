"""The ledger made anew from storage: the archive first, for its receipts say which revisions the lake may hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from forebay.ledger import Ledger
from forebay.ledger.rebuild import Rebuilt
from forebay.model.catalogue import DATASETS, LAKE_DATASETS
from forebay.model.coverage import Coverage
from forebay.model.feed import ARCHIVE, LAKE
from forebay.orchestration.archive.inventory import survey
from forebay.orchestration.archive.rebuild import ArchiveProof, Told
from forebay.orchestration.lake_rebuild import LakeProof
from forebay.telemetry.board import Board


@dataclass(frozen=True, slots=True)
class Restored:
    """What a rebuild came to."""

    address: str
    told: Told
    archive: Rebuilt
    lake: Rebuilt


@dataclass(frozen=True, slots=True)
class Rebuilding:
    """Coverage from storage alone. Tasks, feeds and what was never held are not in storage, and stay as they are."""

    ledger: Ledger
    archive: ArchiveProof
    lake: LakeProof

    def run(self, board: Board) -> Restored:
        """Go through the archive and the lake. Raises StoreError, LakeError, LedgerError."""
        told, address = Told(), self.archive.archive.address
        archived = self.ledger.coverage.rebuild(ARCHIVE, self._archive_rows(told, board))
        self.ledger.places.remember(ARCHIVE, address)
        there = self.lake.lake.is_there()
        tables = [table for table in LAKE_DATASETS if there]  # without a folder nothing is said of the lake
        lake = self.ledger.coverage.rebuild(LAKE, self._lake_rows(tables, board), tables)
        return Restored(address, told, archived, lake)

    def _archive_rows(self, told: Told, board: Board) -> Iterator[Coverage]:
        there = survey(self.archive.archive.store).datasets
        for dataset in (dataset for dataset in DATASETS.values() if dataset in there):
            yield from self.archive.rows(dataset, told, board)

    def _lake_rows(self, tables: list[str], board: Board) -> Iterator[Coverage]:
        progress = board.row("the lake's files", len(tables), "tables")
        for table in tables:
            yield from self.lake.rows(table)
            progress.advance(1, table)

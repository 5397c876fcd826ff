"""The registry of known defects, with the sessions of the lake and the archive that they are about."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from forebay.ledger.coverage import CoverageBook
from forebay.model.catalogue import DATASETS
from forebay.model.defects import DEFECTS, FIXED_COUNT, Defect
from forebay.model.feed import LAKE
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source


@dataclass(frozen=True, slots=True)
class DefectHeld:
    """One known defect and what is held of its days."""

    defect: Defect
    held: tuple[date, ...]
    """Its session dates whose flat file is in the lake."""
    fixed: tuple[date, ...]
    """Those of them in which rows were put right; a file that the vendor has mended since has none."""
    rows: int
    """Rows that were put right."""


def defects_held(coverage: CoverageBook) -> Iterator[DefectHeld]:
    """Every known defect, in the registry's order. Raises LedgerError."""
    for defect in DEFECTS.values():
        table = DATASETS[defect.dataset].table
        rows = coverage.find(LAKE, table, [ALL_SYMBOLS], Interval(defect.first, defect.last), limit=None)
        files = {row.partition.day: row for row in rows if row.source is Source.FLATFILE and row.evidence.rows}
        counts = {day: int(row.evidence.details.get(FIXED_COUNT + defect.name, 0)) for day, row in files.items()}
        fixed = tuple(sorted(day for day, count in counts.items() if count))
        yield DefectHeld(defect, tuple(sorted(files)), fixed, sum(counts.values()))

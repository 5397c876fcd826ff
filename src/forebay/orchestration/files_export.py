"""Files of tickers written on demand, whatever the feeds say: everything that the lake has of some dates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forebay.errors import CheckFailed
from forebay.files.reading import dataset_of
from forebay.ledger.coverage import CoverageBook
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import LAKE
from forebay.model.freshness import common
from forebay.model.intervals import Interval, union
from forebay.model.timeframe import base_of
from forebay.tasks.ticker_files import TickerFiles


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one file."""

    ticker: str
    timeframe: str
    path: Path
    rows: int
    """Rows in it now; none when the lake has none and there is no file."""
    changed: bool
    error: str = ""
    """Why it was not written."""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Exporter:
    """Replaces in a file the dates of which the lake has something, and keeps its other rows."""

    files: TickerFiles
    coverage: CoverageBook

    def held(self, timeframes: Iterable[str]) -> list[str]:
        """Every ticker of which the lake has bars that these timeframes are made from, in byte order."""
        kinds = {base_of(timeframe) for timeframe in timeframes}
        held = set(self.files.lake.tables())
        tables = [table for table, dataset in BAR_DATASETS.items() if table in held and dataset.kind in kinds]
        return sorted({ticker for table in tables for ticker in self.files.lake.tickers(table)})

    def export(self, ticker: str, timeframes: Iterable[str], dates: Interval) -> Iterator[Exported]:
        """Write the files of one ticker. A file that cannot be merged is told, and the others go on.

        Raises LakeError, StoreError.
        """
        known: dict[str, list[Interval]] = {}
        for timeframe in timeframes:
            file = self.files.file(ticker, timeframe)
            table = dataset_of(file).table
            if table not in known:
                known[table] = common([dates], self._in_lake(ticker, table, dates))
            try:
                done = self.files.update(file, known[table])
            except CheckFailed as error:
                yield Exported(ticker, timeframe, file.path, 0, changed=False, error=str(error), remedy=error.remedy)
            else:
                yield Exported(ticker, timeframe, file.path, done.rows, done.changed)

    def _in_lake(self, ticker: str, table: str, dates: Interval) -> list[Interval]:
        """The dates that were asked for or have rows: a ledger may be lost, and an answer may have been empty."""
        if table not in self.files.lake.tables():
            return []
        marks = self.coverage.marks(LAKE, table, [ticker], dates)
        rows = self.files.lake.bars(ticker, table.rpartition("_")[2], dates.start, dates.end)
        days = rows.select("session_date").unique().collect().to_series()
        return union([*(mark.dates for each in marks.values() for mark in each), *(Interval(day, day) for day in days)])

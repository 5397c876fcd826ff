"""A day's file comes again for a span that is compacted: only the files whose rows of the day differ are rewritten."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from forebay.lake.format.deliveries import day_delivery
from forebay.lake.format.layout import compacted_name, parse_name
from forebay.lake.home.folder import FolderHome
from forebay.lake.home.home import Home
from forebay.lake.home.moving import MARK_LENGTH, mark_of
from forebay.lake.sorting.merging import Merge
from forebay.lake.sorting.remaining import deliveries_of
from forebay.lake.sorting.runs import Run
from forebay.lake.sorting.sums import Sums, sums_of
from forebay.lake.writing.placing import Placing
from forebay.model.catalogue import Dataset
from forebay.model.partition import Revision, Source
from forebay.model.rows import row_schema

_DAY = pl.col("session_date")


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A compacted file, and the tickers that belong to it: from its first one to the next file's."""

    run: Run
    tickers: pl.Expr


@dataclass(frozen=True, slots=True)
class Redelivery:
    """The rows of `day` in the local file `arrived`, against those that compacted files of a table hold."""

    home: Home
    """Of the table."""
    dataset: Dataset
    arrived: Path
    day: date
    revision: Revision

    def put(self, placing: Placing, compacted: Sequence[str]) -> None:
        """Plan new files for those of `compacted` that say something else of the day."""
        for shelf in self._shelves(compacted):
            news = pl.scan_parquet(self.arrived).filter(shelf.tickers)
            coming = self._sums(news)
            if coming != self._sums(placing.scan([shelf.run.path]).filter(_DAY.eq(self.day))):
                self._rewrite(placing, shelf, coming.rows)
                placing.drop([shelf.run.path])

    def _rewrite(self, placing: Placing, shelf: _Shelf, count: int) -> None:
        path = shelf.run.path
        kept = [each for each in deliveries_of(self.home, [path]) if self.day not in each.dates]
        arrived = FolderHome(self.arrived.parent)
        runs = [
            Run(self.home, path, self.dataset, _DAY.ne(self.day)),
            Run(arrived, self.arrived.name, self.dataset, shelf.tickers),
        ]
        fixed = [fix for each in deliveries_of(arrived, [self.arrived.name]) for fix in each.fixed]
        whole = day_delivery(self.day, self.revision, self._rows(), dict(fixed))
        written = placing.write(
            Merge(runs, compacted=True), [*kept, whole.part(count)] if count else kept, compacted=True
        )
        found = pl.scan_parquet(written).select(pl.len(), _DAY.unique().implode()).collect()
        rows, days = found.row(0)
        if not rows:
            written.unlink()
            return
        name = compacted_name(days, Source.FLATFILE, mark_of(path, written)[:MARK_LENGTH])
        placing.put(written, f"{path.split('/', 1)[0]}/{name}", rows)

    def _rows(self) -> int:
        return int(pl.scan_parquet(self.arrived).select(pl.len()).collect().item())

    def _sums(self, rows: pl.LazyFrame) -> Sums:
        return sums_of(rows.select(row_schema(self.dataset).names()).collect())

    def _shelves(self, compacted: Sequence[str]) -> list[_Shelf]:
        """In the order of tickers. A ticker that none of them has goes to the last file that begins before it."""
        runs = [Run(self.home, path, self.dataset) for path in compacted]
        runs.sort(key=lambda run: run.groups[0].first)
        starts = [run.groups[0].first[0] for run in runs]
        ticker, found = pl.col("ticker"), []
        for number, run in enumerate(runs):
            mine = pl.lit(value=True) if number == 0 else ticker >= starts[number]
            if number + 1 < len(runs):
                mine &= ticker < starts[number + 1]
            found.append(_Shelf(run, mine))
        return found


def holding(held: Sequence[str], day: date) -> list[str]:
    """The compacted files with rows of a day from its flat file."""
    names = {path: parse_name(path) for path in held}
    flat = {path: name for path, name in names.items() if name and name.compacted and name.source is Source.FLATFILE}
    return [path for path, name in flat.items() if name.holds(day)]

"""Files of tickers, written from the lake: what the task does, and the command without any task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from forebay.clock import Clock
from forebay.files.columns import as_file_rows
from forebay.files.names import Form, TickerFile, ticker_file
from forebay.files.reading import dataset_of
from forebay.files.update import Piece, Updated, update_file
from forebay.lake.reading.reader import Lake
from forebay.model.calendar import day_start
from forebay.model.instrument import encode_name
from forebay.model.intervals import Interval, union

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TickerFiles:
    """The files in a folder, and the lake that they are written from."""

    lake: Lake
    folder: Path
    form: Form
    clock: Clock

    def file(self, ticker: str, timeframe: str) -> TickerFile:
        """A ticker's file, which need not be there."""
        return ticker_file(self.folder, ticker, timeframe, self.form)

    def update(self, file: TickerFile, dates: Sequence[Interval]) -> Updated:
        """Make the file say of the session dates `dates` what the lake does, and leave its other rows.

        Reads a year at a time. Raises LakeError, StoreError, CheckFailed; see `update_file`.
        """
        return update_file(file, self._pieces(file, dates), self.clock)

    def _pieces(self, file: TickerFile, dates: Sequence[Interval]) -> Iterator[Piece]:
        dataset = dataset_of(file)
        for parts in by_year(dates):
            bars = self.lake.bars(file.ticker, file.timeframe, parts[0].start, parts[-1].end)
            inside = pl.any_horizontal(pl.col("session_date").is_between(part.start, part.end) for part in parts)
            spans = [(day_start(dataset, part.start), day_start(dataset, part.end + _DAY)) for part in parts]
            yield Piece(spans, as_file_rows(bars.filter(inside).collect()))


@dataclass(frozen=True, slots=True)
class HistoricalFiles(TickerFiles):
    """The same under other names: `<folder>/AAPL_historical.csv`, and with their size for other bars than 1m."""

    def file(self, ticker: str, timeframe: str) -> TickerFile:
        """A ticker's file, which need not be there."""
        size = "" if timeframe == "1m" else f"_{timeframe}"
        path = self.folder / f"{encode_name(ticker)}_historical{size}.{self.form}"
        return TickerFile(ticker, timeframe, self.form, path)


def by_year(dates: Sequence[Interval]) -> Iterator[list[Interval]]:
    """The dates of each calendar year that has any, as few intervals, sorted."""
    parts = union(dates)
    for year in range(parts[0].start.year, parts[-1].end.year + 1) if parts else ():
        first, last = date(year, 1, 1), date(year, 12, 31)
        inside = [part for part in parts if part.start <= last and part.end >= first]
        if inside:
            yield [Interval(max(part.start, first), min(part.end, last)) for part in inside]

"""Whether the rows of a file stand in order, no key twice, and each where its file's name lets readers seek it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date

import polars as pl

from forebay.lake.format.layout import FileName
from forebay.model.catalogue import BARS, Dataset
from forebay.model.partition import ALL_SYMBOLS, Source
from forebay.model.rows import time_column

_UNSORTED, _TWICE = "is not sorted by ticker and time", "has a ticker's time twice"
_OUTSIDE, _SOURCE = "has rows of days that its name does not tell", "has rows of another source than its name tells"
_SYMBOL = "has rows of another ticker than its name tells"


class Order:
    """What is known of a file's rows while they stream by. Memory: one row, and the days with something wrong."""

    def __init__(self, dataset: Dataset, name: FileName | None) -> None:
        self.rows = 0
        self.tickers: tuple[str, str] | None = None
        """The first and the last one seen."""
        self._time = time_column(dataset)
        self._unique = dataset.kind in BARS
        self._name = name
        self._last: pl.DataFrame | None = None
        self._days: defaultdict[str, set[date]] = defaultdict(set)

    def take(self, rows: pl.DataFrame) -> None:
        """Look at the next rows of the file, one or more."""
        self.rows += rows.height
        keys = rows.select("ticker", self._time, "session_date", "source")
        joined = pl.concat([self._last, keys]) if self._last is not None else keys
        self._last = keys.tail(1)
        low, high = str(keys["ticker"].min()), str(keys["ticker"].max())
        before = self.tickers or (low, high)
        self.tickers = min(before[0], low), max(before[1], high)
        for what, wrong in self._checks().items():
            days = joined.filter(wrong)["session_date"].unique()
            if days.len():
                self._days[what] |= set(days)

    def found(self) -> Iterator[tuple[str, list[date]]]:
        """What is wrong, each with its session dates."""
        for what, days in self._days.items():
            yield what, sorted(days)

    def _checks(self) -> dict[str, pl.Expr]:
        ticker, time = pl.col("ticker"), pl.col(self._time)
        same = ticker == ticker.shift(1)
        checks = {_TWICE: same & (time == time.shift(1))} if self._unique else {}
        if self._name is None:  # another program's: readers sort for themselves
            return checks
        day, dates = pl.col("session_date"), self._name.dates
        falls = (ticker < ticker.shift(1)) | (same & (time < time.shift(1)))
        begins_day = day > day.shift(1)  # of a tile, whose rows stand by session date first
        checks[_UNSORTED] = falls & ~begins_day if self._name.compacted else falls
        named = day.is_in(self._name.held()) if self._name.compacted else day.is_between(dates.start, dates.end)
        checks[_OUTSIDE] = ~named
        if self._name.source is Source.FLATFILE:  # what stays of several files is named after the least of them
            checks[_SOURCE] = pl.col("source") != Source.FLATFILE.value
        if self._name.symbol != ALL_SYMBOLS:
            checks[_SYMBOL] = ticker != self._name.symbol
        return checks

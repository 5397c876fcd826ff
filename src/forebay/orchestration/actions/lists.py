"""The vendor's two lists into their tables, with what is doubted of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import polars as pl

from forebay.clock import Clock
from forebay.lake.actions.adjusting import names_of
from forebay.lake.actions.merge import check_losses, merge
from forebay.lake.actions.proving import Days, flagged_dividends, flagged_splits
from forebay.lake.actions.shape import DIVIDENDS, SPLITS, Shape
from forebay.lake.actions.tables import read, update
from forebay.lake.reading.reader import Lake
from forebay.orchestration.actions.held import day_bars
from forebay.vendor.actions import DividendRow, SplitRow

Rows = Sequence[SplitRow] | Sequence[DividendRow]


@dataclass(frozen=True, slots=True)
class Asked:
    """What the vendor was asked for: actions of `tickers` (none: of all) from the day `since` on."""

    since: date
    tickers: Sequence[str]

    def rows(self, shape: Shape) -> pl.Expr:
        """The held rows of a table that it would have listed."""
        late = pl.col(shape.day) >= self.since
        return late & pl.col("ticker").is_in(list(self.tickers)) if self.tickers else late


@dataclass(frozen=True, slots=True)
class Lists:
    """Writes them, splits before dividends: the close before a dividend is in the shares of its day."""

    lake: Lake
    clock: Clock
    trusting: bool
    """Believe the vendor when it lists far fewer rows than before."""

    def store(self, splits: Sequence[SplitRow], dividends: Sequence[DividendRow], asked: Asked) -> Iterator[str]:
        """The tables that changed. Raises CheckFailed, LakeError, StoreError."""
        names = names_of(self.lake.home)

        def new_splits(held: pl.DataFrame) -> pl.DataFrame:
            return flagged_splits(self._merged(SPLITS, splits, held, asked), asked.rows(SPLITS), names, self._days)

        def new_dividends(held: pl.DataFrame) -> pl.DataFrame:
            merged, known = self._merged(DIVIDENDS, dividends, held, asked), read(self.lake.home, SPLITS)
            assert known is not None  # it has just been written
            return flagged_dividends(merged, asked.rows(DIVIDENDS), names, self._days, known)

        for shape, change in ((SPLITS, new_splits), (DIVIDENDS, new_dividends)):
            if update(self.lake.home, shape, change, self.clock):
                yield shape.table

    @property
    def _days(self) -> Days:
        return partial(day_bars, self.lake)

    def _merged(self, shape: Shape, rows: Rows, held: pl.DataFrame, asked: Asked) -> pl.DataFrame:
        merged = merge(held, _table(rows, shape), asked.rows(shape), shape, self.clock.now())
        if not self.trusting:
            check_losses(held, merged, shape)
        return merged


def _table(rows: Rows, shape: Shape) -> pl.DataFrame:
    """The vendor's rows as its columns of a table. One without an id is known by what it says."""
    columns = {name: [getattr(row, name) for row in rows] for name in shape.vendor}
    columns[shape.key] = [row.id or _own_id(row) for row in rows]
    return pl.DataFrame(columns, schema=shape.vendor)


def _own_id(row: SplitRow | DividendRow) -> str:
    if isinstance(row, SplitRow):
        return f"{row.ticker} {row.execution_date} {row.split_from:g}:{row.split_to:g}"
    return f"{row.ticker} {row.ex_dividend_date} {row.cash_amount:g}"

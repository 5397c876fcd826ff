"""Trades, quotes and index values of the lake, asked for like bars."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from forebay.lake.log.versions import AsOf
from forebay.lake.reading.missing import Missing
from forebay.lake.reading.question import Day, by_dataset, dates_between
from forebay.lake.reading.tables import Tables
from forebay.model.catalogue import Kind


class TickReader:
    """What a `Lake` answers from its tables of ticks: one LazyFrame each, so that only what is asked is read.

    Rows have every column of the vendor's files under the vendor's names, times as Unix nanoseconds (UTC), then
    `session_date` and `source`, and for options what the ticker says. They are sorted by ticker and time, equal times
    in the vendor's order. Dates are session dates, both included, either open. Tickers belong to the class of their
    prefix; futures, which have none, need `asset_class`: `futures`, or one venue's, such as `futures_cme`. With
    `tickers=None` all of that class are meant. `as_of` is as in `Lake.bars`.

    Raises UsageError for a class that has no such table, or a wrong date; LakeError when the lake has no such table or
    a file is damaged. Warns with NotHeld when nothing of what is asked is held.
    """

    _tables: Tables
    _missing: Missing | None

    def trades(
        self,
        tickers: str | Sequence[str] | None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        asset_class: str | None = None,
        as_of: AsOf | None = None,
    ) -> pl.LazyFrame:
        """Every trade as the vendor published it, corrections and cancels among them; prices are unadjusted."""
        return self._ticks(Kind.TRADES, tickers, (start, end), asset_class, as_of)

    def quotes(
        self,
        tickers: str | Sequence[str] | None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        asset_class: str | None = None,
        as_of: AsOf | None = None,
    ) -> pl.LazyFrame:
        """Every quote. A side without one has price and size 0, in futures null; sizes are in the vendor's units."""
        return self._ticks(Kind.QUOTES, tickers, (start, end), asset_class, as_of)

    def values(
        self,
        tickers: str | Sequence[str] | None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        asset_class: str | None = None,
        as_of: AsOf | None = None,
    ) -> pl.LazyFrame:
        """Every value of an index as it was disseminated."""
        return self._ticks(Kind.VALUES, tickers, (start, end), asset_class, as_of)

    def _ticks(
        self,
        kind: Kind,
        tickers: str | Sequence[str] | None,
        dates: tuple[Day | None, Day | None],
        asset_class: str | None,
        as_of: AsOf | None,
    ) -> pl.LazyFrame:
        asked, span = by_dataset(kind, tickers, asset_class, self._tables.held), dates_between(*dates)
        found = [self._tables.select(each, span, names, as_of) for each, names in asked.items()]
        if self._missing is not None:
            self._missing.warn(found, stacklevel=4)
        parts = [each.rows() for each in found]
        return parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal").sort("ticker", maintain_order=True)

"""Reading the lake: bars as a Polars query, anything else in SQL, and digests of what is held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from forebay.bars.adjust import adjustment_named
from forebay.bars.resample import resample
from forebay.clock import Clock, SystemClock
from forebay.errors import LakeError, UsageError
from forebay.lake import delta
from forebay.lake.address import home_at
from forebay.lake.digest import content_of, digest
from forebay.lake.home import Home, scan
from forebay.lake.layout import FileName, parse_name
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.model.rows import row_schema
from forebay.model.timeframe import DERIVED, base_of, timeframes_named
from forebay.model.words import nearest

_ANY_DAY = Interval(date.min, date.max)


@dataclass(frozen=True, slots=True)
class Lake:
    """A lake in a folder, for reading: `Lake("data/lake").bars("AAPL", "5m", "2024-01-02").collect()`."""

    home: Home
    clock: Clock

    def __init__(self, place: str | Path | Home, *, clock: Clock | None = None) -> None:
        object.__setattr__(self, "home", home_at(place))
        object.__setattr__(self, "clock", clock or SystemClock())

    def bars(
        self,
        tickers: str | Sequence[str] | None,
        timeframe: str = "1m",
        start: str | date | None = None,
        end: str | date | None = None,
        *,
        asset_class: str | None = None,
        adjust: str | None = None,
        adjust_as_of: str | date | None = None,
    ) -> pl.LazyFrame:
        """Bars of `tickers` on the session dates from `start` to `end` (both included, either open).

        Columns as in `forebay.model.rows`, times UTC, prices unadjusted, sorted by ticker and `window_start`.
        `adjust` is `splits` or `total_return`: bars in the shares of `adjust_as_of` (today in New York), with two
        columns more, their factors; later actions change nothing. See docs/adjusting.md.
        `tickers=None` means all of `asset_class` (`stocks`). Raises UsageError for an unknown timeframe, asset class
        or date, or reversed dates; LakeError when the lake has no such table.
        """
        timeframes_named([timeframe])
        dates = _interval(start, end)
        names = [tickers] if isinstance(tickers, str) else tickers
        kind = base_of(timeframe)
        parts = [
            self._scan(f"{each}/{kind}", dates, wanted) for each, wanted in _by_asset_class(names, asset_class).items()
        ]
        if timeframe in DERIVED:
            parts = [resample(part, timeframe) for part in parts]
        found = parts[0] if len(parts) == 1 else pl.concat(parts, how="diagonal")
        bars = found.sort("ticker", "window_start")
        return bars if adjust is None else self._adjusted(bars, names, adjust, adjust_as_of)

    def _adjusted(
        self, bars: pl.LazyFrame, tickers: Sequence[str] | None, adjust: str, on: str | date | None
    ) -> pl.LazyFrame:
        from forebay.lake.actions.adjusting import adjusted

        until = _date(on) or self.clock.now().astimezone(NEW_YORK).date()
        return adjusted(bars, self.home, tickers, adjustment_named(adjust), until)

    def sql(self, query: str) -> pl.DataFrame:
        """The answer to a read-only query in DuckDB's SQL; tables are `stocks.bars_1d` and so on, times UTC.

        Raises UsageError for a query that is wrong or wants to write, LakeError when the lake is empty.
        """
        tables = self.tables()
        if not tables:
            raise self._missing()
        from forebay.lake.sql import ask  # DuckDB takes a fifth of a second to import

        return ask(query, {table: self._sources(table) for table in tables})

    def tables(self) -> list[str]:
        """The tables that the lake has: `stocks/bars_1m` and so on."""
        return [table for table in LAKE_DATASETS if delta.exists(self.home.table(table))]

    def tickers(self, table: str) -> list[str]:
        """Every ticker that has rows in a table, in byte order. Raises LakeError when there is no such table."""
        rows = self._scan(table, _ANY_DAY, None).select(pl.col("ticker").unique())
        return sorted(rows.collect().to_series())

    def digest(
        self,
        table: str,
        start: str | date | None = None,
        end: str | date | None = None,
        *,
        columns: Sequence[str] | None = None,
    ) -> str:
        """A digest of a table's rows on those session dates, of `content_of` its dataset; see `forebay.lake.digest`."""
        dates = _interval(start, end)
        return digest((rows for _, rows in self._tables_of(table, dates)), columns or content_of(LAKE_DATASETS[table]))

    def _tables_of(self, table: str, dates: Interval) -> Iterable[tuple[str, pl.DataFrame]]:
        inside = pl.col("session_date").is_between(dates.start, dates.end)
        for path in self._files(table, dates, None):
            yield path, scan(self.home.table(table), [path]).filter(inside).collect()

    def _scan(self, table: str, dates: Interval, tickers: list[str] | None) -> pl.LazyFrame:
        paths = self._files(table, dates, tickers)
        schema = row_schema(LAKE_DATASETS[table])
        if not paths:
            return pl.LazyFrame(schema=schema)
        rows = scan(self.home.table(table), paths).select(schema.names())
        if dates != _ANY_DAY:
            rows = rows.filter(pl.col("session_date").is_between(dates.start, dates.end))
        return rows if tickers is None else rows.filter(pl.col("ticker").is_in(tickers))

    def _files(self, table: str, dates: Interval, tickers: Sequence[str] | None) -> list[str]:
        """The table's paths of files that may hold such rows. Raises LakeError when there is no such table."""
        home = self.home.table(table)
        if not delta.exists(home):
            raise self._missing(table)
        held = [(path, parse_name(path)) for path in delta.files(delta.open_table(home))]
        return sorted(path for path, name in held if name is None or _may_hold(name, dates, tickers))

    def _sources(self, table: str) -> list[str]:
        home = self.home.table(table)
        return [home.source(path) for path in self._files(table, _ANY_DAY, None)]

    def _missing(self, table: str = "") -> LakeError:
        if not self.home.is_there():
            return LakeError(
                f"there is no lake at {self.home.uri}", remedy="check the path, or run `forebay sync` to fill it"
            )
        held = self.tables()
        what = f"no table {table}" if table and held else "no tables yet"
        listed = f"; it has {', '.join(held)}" if held else ""
        return LakeError(f"the lake at {self.home.uri} has {what}{listed}", remedy="add a feed and run `forebay sync`")


def _may_hold(name: FileName, dates: Interval, tickers: Sequence[str] | None) -> bool:
    if name.dates.start > dates.end or name.dates.end < dates.start:
        return False
    return tickers is None or name.symbol == ALL_SYMBOLS or name.symbol in tickers


def _by_asset_class(tickers: Sequence[str] | None, asset_class: str | None) -> dict[AssetClass, list[str] | None]:
    """Tickers by the class that their prefix says; None stands for all of a class."""
    if tickers is None:
        return {_asset_class(asset_class): None}
    grouped: dict[AssetClass, list[str] | None] = {}
    for ticker in dict.fromkeys(tickers):
        grouped[asset_class_of(ticker)] = [*(grouped.get(asset_class_of(ticker)) or []), ticker]
    if not grouped:
        raise UsageError("no tickers were given", remedy="name some, or pass None with asset_class='stocks' for all")
    return grouped


def _asset_class(name: str | None) -> AssetClass:
    if name is None:
        raise UsageError("tickers=None means all of an asset class", remedy="pass asset_class='stocks', for example")
    try:
        return AssetClass(name)
    except ValueError as error:
        raise UsageError(f"unknown asset class {name!r}", remedy=nearest(name, list(AssetClass))) from error


def _interval(start: str | date | None, end: str | date | None) -> Interval:
    first, last = _date(start) or date.min, _date(end) or date.max
    if last < first:
        raise UsageError(f"the dates are reversed: {first} is after {last}", remedy="swap start and end")
    return Interval(first, last)


def _date(given: str | date | None) -> date | None:
    if given is None or isinstance(given, date):
        return given
    try:
        return date.fromisoformat(given)
    except ValueError as error:
        raise UsageError(f"{given!r} is not a date", remedy="write dates as 2024-01-31") from error

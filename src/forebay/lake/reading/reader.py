"""Reading the lake: bars as a Polars query, anything else in SQL, and what is held of what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from forebay.bars.adjust import adjust, adjustment_named
from forebay.clock import Clock, SystemClock
from forebay.errors import UsageError
from forebay.lake.format.digest import content_of, digest
from forebay.lake.home.address import home_at
from forebay.lake.home.home import Home, explained, scan
from forebay.lake.log.history import known_until
from forebay.lake.log.versions import AsOf
from forebay.lake.reading import holdings
from forebay.lake.reading.asking import Adjust, BarQuestion
from forebay.lake.reading.missing import Missing, absent, message
from forebay.lake.reading.question import Day, as_day, by_dataset, dates_between, names_of
from forebay.lake.reading.selecting import sorted_together
from forebay.lake.reading.sizes import Size, size_of
from forebay.lake.reading.tables import Selection, Tables
from forebay.lake.reading.ticks import TickReader
from forebay.model.calendar import NEW_YORK
from forebay.model.catalogue import LAKE_DATASETS
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval

if TYPE_CHECKING:
    import duckdb


class Lake(TickReader):
    """A lake, for reading: `Lake("data/lake").bars("AAPL", "5m", "2024-01-02").collect()`. Safe in threads.

    The place is a folder or `s3://bucket/prefix` (`storage_options`: see `forebay.lake.home.address`). It remembers
    which files there are, and sees every commit at the next question. With `warns`, a question about what is not held
    is answered with a warning, NotHeld, that names the command to fetch it.
    """

    def __init__(
        self,
        place: str | Path | Home,
        storage_options: Mapping[str, str] | None = None,
        *,
        clock: Clock | None = None,
        warns: bool = True,
    ) -> None:
        self.home = home_at(place, storage_options, clock=clock)
        self._clock = clock or SystemClock()
        self._tables = Tables(self.home)
        self._missing = Missing() if warns else None

    def __repr__(self) -> str:
        return f"Lake({self.home.uri!r})"

    def bars(
        self,
        tickers: str | Sequence[str] | None,
        timeframe: str = "1m",
        start: Day | None = None,
        end: Day | None = None,
        *,
        asset_class: str | None = None,
        adjust: str | None = None,
        adjust_as_of: Day | None = None,
        session: str = "all",
        as_of: AsOf | None = None,
        fill: str | None = None,
    ) -> pl.LazyFrame:
        """Bars of `tickers` on the session dates from `start` to `end` (both included, either open).

        Columns as in `forebay.model.rows`, times UTC, prices unadjusted, sorted by ticker and `window_start`.
        `tickers=None` means all of `asset_class` (`stocks`). `timeframe` is any size from `1m` up: minutes and hours
        (`45m`, `2h`), `1d`, `1w`, `1M`, `1q`, `1y`. `session` is `all`, `regular` or `extended`, and `fill="previous"`
        makes a regular grid. `as_of`, a table's version or an aware datetime, reads what was held then.
        `adjust` is `splits` or `total_return`: bars in the shares of `adjust_as_of` (today in New York), with two
        columns more, their factors (docs/adjusting.md). docs/reading.md has each argument with an example.

        Raises UsageError for an unknown word or date, LakeError when the lake has no such table or a file is damaged.
        Warns with NotHeld when nothing of what is asked is held.
        """
        question = BarQuestion.of(timeframe, dates_between(start, end), session, fill)
        found = self._chosen(question, tickers, asset_class, as_of)
        self._warn(found)
        parts = [question.bars(each, self._adjusting(each, adjust, adjust_as_of, as_of)) for each in found]
        return sorted_together(parts, "window_start")

    def rows(
        self,
        table: str,
        tickers: str | Sequence[str] | None = None,
        start: Day | None = None,
        end: Day | None = None,
        *,
        as_of: AsOf | None = None,
    ) -> pl.LazyFrame:
        """The rows of any table as they are stored, sorted by ticker and time; arguments as in `bars`.

        Raises UsageError for a wrong date, LakeError when the lake has no such table or a file is damaged.
        """
        found = self._select(table, tickers, start, end, as_of)
        self._warn([found])
        return found.rows()

    def sql(self, query: str, *, as_of: AsOf | None = None) -> pl.DataFrame:
        """The answer to a read-only query in DuckDB's SQL; tables are `stocks.bars_1d` and so on, times UTC.

        `as_of` is a version of the one table that is named, or an aware datetime. Raises UsageError for a query that is
        wrong or wants to write, LakeError when the lake is empty.
        """
        from forebay.lake.reading.sql import ask  # DuckDB takes a fifth of a second to import

        return ask(query, self._tables, as_of)

    def sql_rows(self, query: str, *, as_of: AsOf | None = None) -> AbstractContextManager[pl.LazyFrame]:
        """The same answer lazily, for more than fits memory: `with lake.sql_rows(query) as rows: rows.sink_csv(...)`.

        Its rows can be asked for once, inside the context. Raises as `sql`.
        """
        from forebay.lake.reading.sql import asking

        return asking(query, self._tables, as_of)

    def duckdb(self, *, as_of: AsOf | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection in memory with a view for each table (`stocks.bars_1d`), as held now; to be closed.

        For queries of yours, and for tables of your own beside them; the lake itself cannot be written through it.
        Raises LakeError when the lake is empty.
        """
        from forebay.lake.reading.sql import connected

        return connected(self._tables, as_of)

    def explained(self) -> AbstractContextManager[None]:
        """Inside it what Polars says of rows that are collected or written becomes LakeError and StoreError.

        A question names files: at its `.collect()` one may be vacuumed, damaged or, in a bucket, out of reach.
        """
        return explained(self.home)

    def tables(self) -> list[str]:
        """The tables that the lake has: `stocks/bars_1m` and so on."""
        return self._tables.held()

    def version(self, table: str) -> int:
        """The newest version of a table, for `as_of` later on. Raises LakeError when there is no such table."""
        return self._tables.snapshot(table).version

    def size(self, table: str) -> Size:
        """Files, bytes and rows of a table's newest version. Raises LakeError when there is no such table."""
        return size_of(self._tables.snapshot(table))

    def versions(
        self,
        tickers: str | Sequence[str],
        timeframe: str = "1m",
        *,
        asset_class: str | None = None,
        session: str = "all",
    ) -> dict[str, int]:
        """The newest versions of the tables that such bars are made of: while they stay, so do the bars.

        Raises as `bars`, and LakeError when there is no such table.
        """
        question = BarQuestion.of(timeframe, dates_between(None, None), session, None)
        asked = by_dataset(question.kind, tickers, asset_class, self._tables.held)
        return {each.table: self.version(each.table) for each in asked}

    def tickers(self, table: str) -> list[str]:
        """Every ticker that has rows in a table, in byte order. Raises LakeError when there is no such table."""
        rows = self._select(table, None, None, None).rows().select(pl.col("ticker").unique())
        return sorted(rows.collect(engine="streaming").to_series())

    def span(self, table: str, ticker: str) -> Interval | None:
        """The first and the last session date on which a table has rows of a ticker; None without any.

        Raises LakeError when there is no such table.
        """
        found = self._select(table, ticker, None, None)
        with explained(found.home):
            return holdings.span(found)

    def coverage(
        self,
        table: str,
        start: Day | None = None,
        end: Day | None = None,
        *,
        tickers: str | Sequence[str] | None = None,
        as_of: AsOf | None = None,
    ) -> pl.DataFrame:
        """What is held of each session date that has rows: `session_date, rows, tickers, sources, files`.

        Raises UsageError for a wrong date, LakeError when there is no such table.
        """
        return holdings.coverage(self._select(table, tickers, start, end, as_of))

    def gaps(
        self,
        tickers: str | Sequence[str] | None,
        timeframe: str = "1m",
        start: Day | None = None,
        end: Day | None = None,
        *,
        asset_class: str | None = None,
    ) -> pl.DataFrame:
        """Sessions of the calendar of which no bar is held: `ticker, session_date`; ticker `*` where all are asked.

        A ticker that did not trade on a date has a gap there, a quiet minute is none. Open dates reach from the first
        to the last session that is held. Raises as `bars`.
        """
        question = BarQuestion.of(timeframe, dates_between(start, end), "all", None)
        return pl.concat([holdings.gaps(each) for each in self._chosen(question, tickers, asset_class)])

    def missing(
        self,
        tickers: str | Sequence[str],
        timeframe: str = "1m",
        start: Day | None = None,
        end: Day | None = None,
        *,
        asset_class: str | None = None,
        session: str = "all",
        as_of: AsOf | None = None,
    ) -> list[str]:
        """Which of these tickers have no bar on these dates, table by table, with the command that fetches them."""
        question = BarQuestion.of(timeframe, dates_between(start, end), session, None)
        found = self._chosen(question, tickers, asset_class, as_of)
        return [message(each, names) for each in found if (names := absent(each))]

    def digest(
        self,
        table: str,
        start: Day | None = None,
        end: Day | None = None,
        *,
        columns: Sequence[str] | None = None,
        as_of: AsOf | None = None,
    ) -> str:
        """A digest of a table's rows on those session dates, of `content_of` its dataset (`lake.format.digest`)."""
        found = self._select(table, None, start, end, as_of)
        inside = pl.col("session_date").is_between(found.dates.start, found.dates.end)
        rows = (scan(found.home, [file.path]).filter(inside) for file in found.files)
        with explained(found.home):
            return digest(
                chain.from_iterable(each.collect_batches() for each in rows), columns or content_of(found.dataset)
            )

    def _chosen(
        self,
        question: BarQuestion,
        tickers: str | Sequence[str] | None,
        asset_class: str | None,
        as_of: AsOf | None = None,
    ) -> list[Selection]:
        asked = by_dataset(question.kind, tickers, asset_class, self._tables.held).items()
        return [question.select(self._tables, each, names, as_of) for each, names in asked]

    def _select(
        self,
        table: str,
        tickers: str | Sequence[str] | None,
        start: Day | None,
        end: Day | None,
        as_of: AsOf | None = None,
    ) -> Selection:
        names = None if tickers is None else names_of(tickers)
        dates = dates_between(start, end)
        self._tables.snapshot(table)  # says what is wrong with a name that no dataset has
        return self._tables.select(LAKE_DATASETS[table], dates, names, as_of)

    def _adjusting(self, found: Selection, how: str | None, on: Day | None, as_of: AsOf | None) -> Adjust | None:
        if how is None and on is not None:
            raise UsageError("adjust_as_of without adjust: nothing is adjusted", remedy="say adjust='splits' too")
        wanted = None if how is None else adjustment_named(how)
        if wanted is None or found.dataset.asset_class is not AssetClass.STOCKS:
            return None
        from forebay.lake.actions.adjusting import factors

        known_at = known_until(self.home.table(found.dataset.table), as_of)
        until = as_day(on) or (known_at or self._clock.now()).astimezone(NEW_YORK).date()
        since = found.dates.start
        return lambda bars: adjust(bars, factors(self.home, found.tickers, wanted, until, known_at, since=since))

    def _warn(self, found: Sequence[Selection]) -> None:
        if self._missing is not None:
            self._missing.warn(found, stacklevel=4)

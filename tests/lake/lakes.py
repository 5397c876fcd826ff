"""What the lake's tests share: small tables of bars, and lakes in temporary folders."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl

from forebay.lake.home.staging import Staging
from forebay.lake.intake.intake import Staged
from forebay.lake.writing.table import LakeTables
from forebay.model.calendar import day_start
from forebay.model.catalogue import BAR_DATASETS, DATASETS
from forebay.model.intervals import Interval
from forebay.model.partition import Revision, Source
from forebay.model.rows import BAR_ROWS

MINUTES = DATASETS["us_stocks_sip/minute_aggs_v1"]
DAYS = DATASETS["us_stocks_sip/day_aggs_v1"]
DAY = date(2024, 3, 7)
FIRST = Revision("first", 10, datetime(2024, 3, 8, tzinfo=UTC))
SECOND = Revision("second", 11, datetime(2024, 3, 9, tzinfo=UTC))
HEADER = "ticker,volume,open,close,high,low,window_start,transactions"


def bars(
    tickers: str | Iterable[str],
    days: Iterable[date] = (DAY,),
    *,
    source: Source = Source.REST,
    price: float = 10.0,
    per_day: int = 2,
    table: str = "stocks/bars_1m",
) -> pl.DataFrame:
    """`per_day` bars of every ticker on every day, from 10 hours into the session date; day bars from its start."""
    dataset = BAR_DATASETS[table]
    first = timedelta(hours=10) if table.endswith("bars_1m") else timedelta()
    names = [tickers] if isinstance(tickers, str) else list(tickers)
    prices = (price, price + 1, price - 1, price + 0.5)
    rows = [
        (
            name,
            day_start(dataset, day) + first + timedelta(minutes=minute),
            *prices,
            100.0 + minute,
            None,
            7,
            day,
            source,
        )
        for name in sorted(names)
        for day in sorted(days)
        for minute in range(per_day)
    ]
    return pl.DataFrame(rows, schema=BAR_ROWS, orient="row")


def gz(lines: Iterable[str], header: str = HEADER) -> bytes:
    """A flat file with these lines."""
    return gzip.compress("\n".join([header, *lines, ""]).encode())


class Basin:
    """A lake with its staging folder, and short ways to fill it."""

    def __init__(self, home: Path, worker: str = "worker") -> None:
        self.root = home / "lake"
        self.staging = Staging(home / "tmp", worker)
        self.tables = LakeTables(self.root, self.staging)

    def stage(self, rows: pl.DataFrame, table: str = "stocks/bars_1m") -> Staged:
        """These rows as a staged file."""
        return self.tables.stage([rows], BAR_DATASETS[table], "test")

    def flatfile(self, rows: pl.DataFrame, day: date = DAY, revision: Revision = FIRST) -> bool:
        """Deliver a day's flat file; whether it was new."""
        staged = self.tables.stage([rows], MINUTES, "test", (day, revision))
        return self.tables.replace_day(staged, day, revision).new

    def rest(self, rows: pl.DataFrame, symbol: str, start: date, end: date, table: str = "stocks/bars_1m") -> bool:
        """Deliver a REST range; whether it was new."""
        return self.tables.put_range(self.stage(rows, table), symbol, Interval(start, end)).new

    def files(self) -> list[Path]:
        """The Parquet files on disk."""
        return sorted(self.root.rglob("*.parquet"))

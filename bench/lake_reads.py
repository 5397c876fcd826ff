"""Reads, warm and in one process: one ticker over a month, and one day of all tickers, beside the rivals' layouts.

Contenders take turns on each ticker; a contender's time is the mean over the tickers of its median. What they read is
compared: the same number of bars, the same sums of closes and volumes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
from bench.lake_files import Size, month_days
from bench.lake_report import Report
from bench.lake_rivals import arctic_store, daily_files, has_arctic, sampled_tickers, ticker_files
from deltalake import DeltaTable

from forebay.lake.compaction.spans import default_span
from forebay.lake.reading.reader import Lake

Read = Callable[[str], Any]
"""A read of one ticker, or of one day in ISO form; gives a table."""
TURNS = 15
TABLE = "stocks/bars_1m"
DEFAULT = str(default_span(TABLE))
"""The layout that a table gets unless its property says otherwise."""


@dataclass(frozen=True, slots=True)
class Reads:
    """Milliseconds of each contender."""

    one_ticker: dict[str, float]
    one_day: dict[str, float]


def measure(size: Size, lakes: Mapping[str, Path]) -> Reads:
    """`lakes` have the first month, by the names of their layouts."""
    days = month_days(size, 0)
    tickers = sampled_tickers(size)
    one_ticker = {name: _from_lake(lake, days) for name, lake in lakes.items()} | _ticker_rivals(size, tickers)
    one_day = {name: _day_from_lake(lake) for name, lake in lakes.items()} | _day_rivals(size)
    middle = [days[len(days) // 2].isoformat()]
    return Reads(timed(one_ticker, tickers, TURNS), timed(one_day, middle, TURNS // 2))


def curve(reads: Reads, lakes: Mapping[str, Path], report: Report) -> None:
    """What each layout of ours makes fast and slow, and its size: the trade-off as a small table."""
    print(f"  {'layout':28} {'one ticker, a month':>20} {'one day, all tickers':>21} {'size':>10}")
    rows = {}
    for name, path in lakes.items():
        size = sum(file.stat().st_size for file in held_files(path))
        rows[name] = [round(reads.one_ticker[name], 2), round(reads.one_day[name], 1), round(size / 1e6, 1)]
        print(f"  {name:28} {rows[name][0]:17.2f} ms {rows[name][1]:18.1f} ms {rows[name][2]:7.1f} MB")
    report.figures["curve_one_ticker_ms_one_day_ms_size_mb"] = rows


def held_files(lake: Path) -> list[Path]:
    """The files of a lake's minute bars as of now; those that were compacted are still on the disk beside them."""
    return [Path(path) for path in DeltaTable(lake / TABLE).file_uris()]


def judge(reads: Reads, report: Report) -> None:
    """Print what every contender takes, and hold our default layout to the targets."""
    for what, found in (("one_ticker_one_month", reads.one_ticker), ("one_day_all_tickers", reads.one_day)):
        for name, taken in found.items():
            report.note(f"{what}_ms_{name}", round(taken, 2))
    ours, ticker = reads.one_ticker[DEFAULT], reads.one_ticker
    report.at_least("one_ticker_times_faster_than_polars", ticker["polars_daily"] / ours, 5)
    report.at_least("one_ticker_times_faster_than_duckdb", ticker["duckdb_daily"] / ours, 5)
    report.at_most("one_ticker_to_a_ticker_file", ours / ticker["ticker_file"], 4)
    if "arcticdb" in ticker:
        report.at_most("one_ticker_to_arcticdb", ours / ticker["arcticdb"], 1.5)
    plain = min(reads.one_day["polars_daily"], reads.one_day["duckdb_daily"])
    report.at_most("one_day_to_the_faster_plain_file", reads.one_day[DEFAULT] / plain, 4)


def timed(reads: Mapping[str, Read], questions: Sequence[str], turns: int) -> dict[str, float]:
    """Milliseconds of each contender, warm: every one is asked each question once before the clock runs."""
    medians: dict[str, list[float]] = {name: [] for name in reads}
    for question in questions:
        expected = {name: _summary(read(question)) for name, read in reads.items()}
        assert len(set(expected.values())) == 1, (question, expected)
        taken: dict[str, list[float]] = {name: [] for name in reads}
        for _ in range(turns):
            for name, read in reads.items():
                started = time.perf_counter()
                read(question)
                taken[name].append(1000 * (time.perf_counter() - started))
        for name, found in taken.items():
            medians[name].append(statistics.median(found))
    return {name: statistics.mean(found) for name, found in medians.items()}


def _from_lake(path: Path, days: Sequence[date]) -> Read:
    lake = Lake(path)
    return lambda ticker: lake.bars(ticker, "1m", days[0], days[-1]).collect()


def _day_from_lake(path: Path) -> Read:
    lake = Lake(path)
    return lambda day: lake.bars(None, "1m", day, day, asset_class="stocks").collect()


def _ticker_rivals(size: Size, tickers: Sequence[str]) -> dict[str, Read]:
    scan = str(daily_files(size, "polars") / "*.parquet")
    query = f"SELECT * FROM '{daily_files(size, 'duckdb')}/*.parquet' WHERE ticker = ? ORDER BY window_start"
    files, connection = ticker_files(size, tickers), duckdb.connect()
    reads: dict[str, Read] = {
        "polars_daily": lambda ticker: pl.scan_parquet(scan).filter(pl.col("ticker") == ticker).collect(),
        "duckdb_daily": lambda ticker: connection.sql(query, params=[ticker]).to_arrow_table(),
        "ticker_file": lambda ticker: pl.read_parquet(files / f"{ticker}.parquet"),
    }
    if has_arctic():
        import arcticdb

        library = arcticdb.Arctic(f"lmdb://{arctic_store(size, tickers)}").get_library("bars")
        reads["arcticdb"] = lambda ticker: library.read(ticker).data
    return reads


def _day_rivals(size: Size) -> dict[str, Read]:
    connection = duckdb.connect()
    theirs, others = daily_files(size, "polars"), daily_files(size, "duckdb")
    return {
        "polars_daily": lambda day: pl.read_parquet(theirs / f"{day}.parquet"),
        "duckdb_daily": lambda day: connection.sql(f"SELECT * FROM '{others}/{day}.parquet'").to_arrow_table(),
    }


def _summary(table: Any) -> tuple[int, float, float]:
    """Bars, the sum of their closes and of their volumes, whatever kind of table it is."""
    if not isinstance(table, pl.DataFrame):
        table = pl.from_arrow(table) if isinstance(table, pa.Table) else pl.from_pandas(table)
    closes, volumes = (float(table[name].sort().sum()) for name in ("close", "volume"))
    return table.height, closes, volumes

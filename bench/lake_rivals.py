"""The layouts that the lake's reads are measured against: made once, kept for the next run.

One plain Parquet file a day, written by Polars and by DuckDB each for itself; one Parquet file for each asked ticker;
and ArcticDB on local disk with each asked ticker as a symbol.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import polars as pl
from bench.child import cost_of
from bench.lake_files import Size, bar_files, work_folder
from bench.lake_work import INGESTS

DAILY = ("polars", "duckdb")
ARCTIC = "arcticdb"
_ON_DISK = 10 << 30
"""LMDB's file may grow to this."""


def has_arctic() -> bool:
    """It is in the benchmark's own environment only."""
    return find_spec(ARCTIC) is not None


def daily_files(size: Size, engine: str) -> Path:
    """A folder with a month of one plain Parquet file a day, as the engine writes it."""
    sources = [str(path) for path in bar_files(size, 0)]

    def write(folder: Path) -> None:
        cost_of(INGESTS[engine].whole, str(folder), *sources)

    return _once(size, f"daily-{engine}-{version(engine)}", write)


def sampled_tickers(size: Size) -> list[str]:
    """Five that traded all month, from the busiest to a quiet one: the 0, 10, 25, 50 and 75 % of them by bars."""
    days = pl.scan_parquet(daily_files(size, "polars") / "*.parquet")
    counts = days.group_by("ticker").len().sort("len", "ticker", descending=[True, False]).collect()
    return [counts["ticker"][int(counts.height * share)] for share in (0, 0.1, 0.25, 0.5, 0.75)]


def ticker_files(size: Size, tickers: Sequence[str]) -> Path:
    """A folder with one Parquet file of the month for each of the tickers."""

    def write(folder: Path) -> None:
        for ticker, rows in _month_of(size, tickers).items():
            rows.write_parquet(folder / f"{ticker}.parquet")

    return _once(size, f"tickers-{'-'.join(tickers)}-{version('polars')}", write)


def arctic_store(size: Size, tickers: Sequence[str]) -> Path:
    """An ArcticDB store on disk with the month of each ticker as a symbol, indexed by time."""

    def write(folder: Path) -> None:
        import arcticdb

        store = arcticdb.Arctic(f"lmdb://{folder}?map_size={_ON_DISK // 2**30}GB")
        library = store.get_library("bars", create_if_missing=True)
        for ticker, rows in _month_of(size, tickers).items():
            frame = rows.drop("ticker").with_columns(pl.col("window_start").cast(pl.Datetime("ns")))
            library.write(ticker, frame.to_pandas().set_index("window_start"))

    return _once(size, f"arctic-{'-'.join(tickers)}-{version(ARCTIC)}", write)


def _month_of(size: Size, tickers: Sequence[str]) -> dict[str, pl.DataFrame]:
    days = pl.scan_parquet(daily_files(size, "polars") / "*.parquet")
    rows = days.filter(pl.col("ticker").is_in(tickers)).sort("ticker", "window_start").collect()
    return {ticker: rows.filter(pl.col("ticker") == ticker) for ticker in tickers}


def _once(size: Size, name: str, write: Callable[[Path], None]) -> Path:
    """A folder that is there whole, or not at all."""
    folder = work_folder() / "rivals" / f"tickers-{size.tickers}-days-{size.days}" / name
    if not folder.exists():
        part = folder.with_name(f"{name}.part")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        write(part)
        part.rename(folder)
    return folder

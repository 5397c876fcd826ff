"""Files of tickers as a destination: written after the lake, with what the lake has, and only where that is new."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from homes import END, START

from forebay.files.columns import FILE_ROWS
from forebay.files.names import Form, ticker_file
from forebay.files.reading import read

ASKED = ("--tickers", "AAPL,MSFT", "--start", START.isoformat(), "--end", END.isoformat())
TIMEFRAMES = ("1m", "5m", "15m", "1h", "1d")


def in_file(home, ticker, timeframe, form=Form.PARQUET) -> pl.DataFrame:
    """What a ticker's file says."""
    return pl.concat(list(read(ticker_file(home.folder / "data", ticker, timeframe, form))))


def in_lake(home, ticker, timeframe) -> pl.DataFrame:
    """What the lake says, in the columns of a file."""
    return home.lake.bars(ticker, timeframe).rename({"window_start": "timestamp"}).select(FILE_ROWS.names()).collect()


def stamps(folder: Path) -> dict[Path, int]:
    """Every ticker's file with the time of its last change."""
    return {path: path.stat().st_mtime_ns for path in folder.glob("*/*.*.*")}


@pytest.mark.parametrize("form", list(Form))
def test_a_sync_into_files_writes_what_the_lake_has(shell, home, form):
    """Every timeframe of every ticker, row for row; a second sync plans nothing and touches no file."""
    said = shell("sync", *ASKED, "--into", "files", FILES_FORMAT=form)
    written = stamps(home.folder / "data")
    plan = json.loads(shell("plan", *ASKED, "--into", "files", "--json", FILES_FORMAT=form).out)
    again = shell("sync", *ASKED, "--into", "files", FILES_FORMAT=form)

    assert 0 == said.code, said.all
    assert 10 == len(written)
    for timeframe in TIMEFRAMES:
        for ticker in ("AAPL", "MSFT"):
            assert in_lake(home, ticker, timeframe).equals(in_file(home, ticker, timeframe, form))
    assert 0 == plan["tasks"], plan
    assert 0 == again.code
    assert written == stamps(home.folder / "data")
    assert [] == home.litter()

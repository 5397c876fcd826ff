"""`forebay bars`, `query` and `lake coverage|gaps`, typed with everything that they take."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

DATES = ("--start", "2026-03-05", "--end", "2026-03-06")


@pytest.fixture
def filled(shell):
    """A shell after a sync of one stock's bars on two sessions."""
    said = shell("sync", "--tickers", "AAPL", "--timeframes", "1m,1d", *DATES)
    assert 0 == said.code, said.all
    return shell


def rows(said):
    """A JSON answer."""
    assert 0 == said.code, said.all
    return json.loads(said.out)


def test_bars_in_sizes_sessions_and_on_a_grid(filled):
    """Every argument of the Python API is a flag."""
    regular = rows(filled("bars", "AAPL", "--timeframe", "1m", *DATES, "--session", "regular", "--json"))
    grid = rows(
        filled("bars", "AAPL", "--timeframe", "1m", *DATES, "--session", "regular", "--fill", "previous", "--json")
    )
    week = rows(filled("bars", "AAPL", "--timeframe", "1w", "--start", "2026-03-06", "--json"))

    assert 700 < len(regular) <= len(grid) <= 780
    assert {"rest", "filled"} >= {row["source"] for row in grid}
    assert ["2026-03-06"] == [row["session_date"] for row in week]


@pytest.mark.parametrize(
    ("name", "read"), [("a.parquet", pl.read_parquet), ("a.csv", pl.read_csv), ("a.arrow", pl.read_ipc)]
)
def test_rows_go_to_a_file(filled, name, read):
    """By the file's ending, all of them; a file that cannot be is refused and nothing is left beside it."""
    said = filled("bars", "AAPL", "--timeframe", "5m", *DATES, "--out", name)
    assert (0, "") == (said.code, said.out)
    shown = rows(filled("bars", "AAPL", "--timeframe", "5m", *DATES, "--json"))

    assert [row["close"] for row in shown] == read(name)["close"].to_list()
    assert 0 == filled("query", "select 1 as one", "--out", name).code
    assert [1] == read(name)["one"].to_list()
    filled.refuses(
        "bars", "AAPL", "--out", "a.txt", says="a.txt is none of .parquet, .csv, .arrow", next_step="ends in"
    )
    filled.refuses("bars", "AAPL", "--out", f"no/{name}", code=1, says="no/", next_step="")
    assert [] == list(Path().glob("*.part"))


def test_an_earlier_version_is_read(filled):
    """By number or time; what never was is wrong usage."""
    assert [] == rows(filled("bars", "AAPL", "--as-of", "0", "--json"))
    assert [{"n": 2}] == rows(filled("query", "select count(*) n from stocks.bars_1d", "--as-of", "1", "--json"))
    assert 2 == len(rows(filled("bars", "AAPL", "--as-of", "2036-01-01", "--json")))
    assert "no stocks/bars_1d of AAPL" in filled("bars", "AAPL", "--as-of", "0").err
    filled.refuses("bars", "AAPL", "--as-of", "77", says="no version 77", next_step="from 0 to")
    assert 2 == filled("bars", "AAPL", "--as-of", "yesterday").code


def test_what_is_held_is_counted_and_what_is_not_is_named(filled):
    """Coverage by session date; gaps end with code 3; a ticker that is not held is fetched by the printed command."""
    counted = rows(filled("lake", "coverage", "stocks/bars_1d", "--json"))
    assert [("2026-03-05", 1, ["rest"]), ("2026-03-06", 1, ["rest"])] == [
        (row["session_date"], row["tickers"], row["sources"]) for row in counted
    ]
    assert "rest" in filled("lake", "coverage", "stocks/bars_1d", "--tickers", "AAPL").out
    assert 0 == filled("lake", "gaps", "AAPL", *DATES).code
    lacking = filled("lake", "gaps", "AAPL", "MSFT", *DATES, "--json")
    assert (3, {"MSFT"}) == (lacking.code, {row["ticker"] for row in json.loads(lacking.out)})
    said = filled("bars", "AAPL", "MSFT", *DATES)
    assert "forebay sync --tickers MSFT --timeframes 1d --start 2026-03-05 --end 2026-03-06" in said.err
    assert "AAPL" not in said.err


def test_futures_are_read_by_their_class(shell):
    """They have no prefix: `--asset-class` says what they are, in bars, gaps and the command for what is missing."""
    day = ("--start", "2026-03-05", "--end", "2026-03-05")
    assert 0 == shell("sync", "--datasets", "futures_cme/bars_1d", *day).code
    (future,) = rows(shell("bars", "ESH6", "--asset-class", "futures", *day, "--json"))

    assert "2026-03-05" == future["session_date"]
    assert 0 == shell("lake", "gaps", "ESH6", "--asset-class", "futures_cme", *day).code
    said = shell("bars", "ESZ9", "--asset-class", "futures_cme", *day)
    assert "forebay sync --datasets futures_cme/bars_1d --start 2026-03-05 --end 2026-03-05" in said.err
    shell.refuses("bars", "ESH6", "--asset-class", "future", says="'future'", next_step="futures_cme")

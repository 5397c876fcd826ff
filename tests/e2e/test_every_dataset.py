"""Whatever has a flat file can be held: each dataset's table is the vendor's file, in every row and every column."""

from __future__ import annotations

from datetime import date
from shutil import rmtree

import polars as pl
import pytest
from homes import Home

from forebay import Lake, Sandbox
from forebay.errors import UsageError
from forebay.lake.reading.missing import NotHeld
from forebay.model.catalogue import BARS, DATASETS, Dataset
from forebay.model.feed import Feed
from forebay.model.instrument import parse_option
from forebay.model.rows import BAR_ROWS, OPTION_ROWS, row_schema, time_column
from forebay.sandbox.csvfile import day_table

DAY = date(2026, 3, 4)


@pytest.fixture(scope="module")
def vendor():
    """A small market."""
    with Sandbox(start=DAY, end=DAY, tickers=4) as running:
        yield running


@pytest.fixture(scope="module")
def everything(tmp_path_factory, vendor):
    """A home that holds one day of every dataset there is."""
    home = Home(tmp_path_factory.mktemp("every"), vendor)
    status = home.sync(Feed("everything", tuple(DATASETS.values()), start=DAY, end=DAY))
    assert status.all_held
    assert [] == home.litter()
    return home


def truth(vendor: Sandbox, dataset: Dataset) -> pl.DataFrame:
    """What the market has of the day, in the types, the spelling of tickers and the order of the lake."""
    rows = day_table(vendor.market, dataset, DAY)
    known = {name: pl.col(name) for name in dataset.columns} | {"session_date": pl.lit(DAY)}
    known["ticker"] = pl.col("ticker").str.replace("^([XC]:.+)-", "$1")
    known["source"] = pl.lit("flatfile")
    if dataset.kind in BARS:
        known["window_start"] = pl.from_epoch("window_start", "ns").dt.replace_time_zone("UTC").dt.cast_time_unit("us")
    texts = [name for name, kind in dataset.columns.items() if kind == "text"]
    rows = rows.with_columns(pl.col(texts).cast(pl.String()).fill_null(""))
    schema = {name: kind for name, kind in row_schema(dataset).items() if name not in OPTION_ROWS}
    told = rows.select(known.get(name, pl.lit(None)).cast(kind).alias(name) for name, kind in schema.items())
    return told.sort("ticker", time_column(dataset), maintain_order=True)


def held(home: Home, dataset: Dataset) -> pl.DataFrame:
    """All rows of the dataset's table, as they stand in its one file."""
    (path,) = (home.folder / "data" / "lake" / dataset.table).rglob("*.parquet")
    return pl.read_parquet(path, hive_partitioning=False)


@pytest.mark.parametrize("name", sorted(DATASETS))
def test_the_table_is_the_file(everything, vendor, name):
    """Every row and every column, digit for digit, by ticker and time; of equal times in the vendor's order."""
    dataset = DATASETS[name]
    expected, found = truth(vendor, dataset), held(everything, dataset)

    assert row_schema(dataset) == found.schema
    assert expected.height > 0
    assert expected.equals(found.select(expected.columns)), name


@pytest.mark.parametrize("name", sorted(name for name, dataset in DATASETS.items() if dataset.kind not in BARS))
def test_ticks_are_read_like_bars(everything, vendor, name):
    """All of a class, or one ticker of it, between two dates: the rows of the file, in every column."""
    dataset = DATASETS[name]
    asset_class, kind = dataset.table.split("/")
    ask = {"trades": everything.lake.trades, "quotes": everything.lake.quotes, "values": everything.lake.values}[kind]
    expected = truth(vendor, dataset)
    ticker = expected["ticker"][-1]

    assert row_schema(dataset) == ask(None, asset_class=asset_class).collect_schema()
    assert expected.equals(ask(None, asset_class=asset_class).select(expected.columns).collect())
    one = ask([ticker], DAY, DAY.isoformat(), asset_class=asset_class if dataset.venue else None)
    assert expected.filter(pl.col("ticker") == ticker).equals(one.select(expected.columns).collect())


def test_futures_are_read_of_all_venues(everything, vendor):
    """`futures` means every venue that is held, bars and ticks, sorted together."""
    parts = [truth(vendor, dataset) for dataset in DATASETS.values() if dataset.venue and dataset.kind == "trades"]
    found = everything.lake.trades(None, asset_class="futures").collect()

    assert pl.concat(parts).sort("ticker", "timestamp", maintain_order=True).equals(found)
    bars = everything.lake.bars("ESH6", "1d", asset_class="futures_cme").collect()
    assert [("ESH6", DAY)] == bars.select("ticker", "session_date").rows()


def test_what_is_not_held_is_told_with_the_command(everything):
    """A ticker without trades has no rows, and the command that fetches them is told; no class is made up."""
    with pytest.warns(NotHeld, match="no stocks/trades of NONE .* forebay sync --datasets stocks/trades --start"):
        assert 0 == everything.lake.trades("NONE", DAY).collect().height
    with pytest.raises(UsageError, match="no values of stocks are published") as refused:
        everything.lake.values("AAPL")
    assert "indices" in refused.value.remedy
    with pytest.raises(UsageError, match="unknown asset class 'future_cme'") as refused:
        everything.lake.quotes(None, asset_class="future_cme")
    assert "did you mean 'futures_cme'?" in refused.value.remedy


@pytest.mark.parametrize("kind", ["bars_1d", "bars_1m", "trades", "quotes"])
def test_an_options_row_says_what_its_ticker_says(everything, kind):
    """Underlying, expiration, type and strike stand beside every row of every kind."""
    dataset = next(each for each in DATASETS.values() if each.table == f"options/{kind}")
    rows = held(everything, dataset).select("ticker", *OPTION_ROWS).unique()

    assert rows.height > 1
    for ticker, *parts in rows.iter_rows():
        option = parse_option(ticker)
        assert [option.underlying, option.expiration, option.option_type, option.strike] == parts


def test_futures_bars_keep_what_their_files_have_more(everything):
    """Venue, trading date and dollar volume are columns like any other."""
    rows = held(everything, DATASETS["us_futures_cme/session_aggs_v1"])

    assert {"exchange", "session_end_date", "dollar_volume"} == set(rows.columns) - set(BAR_ROWS)
    assert [DAY.isoformat()] == rows["session_end_date"].unique().to_list()
    assert 0 == rows["dollar_volume"].null_count()


def test_a_lost_lake_of_ticks_is_built_from_the_archive(vendor, shell):
    """Synced into archive and lake, lost, and loaded again without the vendor: the same rows; the ledger agrees."""
    tables = ("stocks/trades", "options/quotes", "indices/values", "futures_cme/bars_1d")
    dates = ("--start", str(DAY), "--end", str(DAY))
    synced = shell("sync", "--datasets", ",".join(tables), *dates, "--into", "archive,lake")
    assert (0, True) == (synced.code, "complete: nothing is missing" in synced.out), synced.all
    before = {table: Lake("data/lake").digest(table) for table in tables}
    rmtree("data/lake")
    asked = len(vendor.requests)

    loaded = shell("lake", "load")

    assert (0, True) == (loaded.code, "4 files loaded from the archive, 0 not" in loaded.out), loaded.all
    assert before == {table: Lake("data/lake").digest(table) for table in tables}
    assert "lake: 0 rows added, 0 corrected, 4 as recorded, 0 removed" in shell("ledger", "rebuild").out
    assert 0 == shell("lake", "verify").code
    assert asked == len(vendor.requests)


def test_tickers_are_named_for_ticks_as_for_bars(vendor, shell):
    """The file comes whole; a ticker nobody knows is told, one of futures is asked of nobody; no bar, no export."""
    dates = ("--start", str(DAY), "--end", str(DAY))
    known = shell("sync", "--datasets", "stocks/trades", "--tickers", "AAPL", *dates)
    assert (0, True) == (known.code, "1 of 1 symbol days held" in known.out), known.all
    future = shell("sync", "--datasets", "futures_cme/trades", "--tickers", "ESH6", *dates)
    assert (0, True) == (future.code, "1 of 1 symbol days held" in future.out), future.all
    quotes = shell("sync", "--datasets", "stocks/quotes", "--tickers", "NOSUCH", *dates)
    assert (3, True) == (quotes.code, "NOSUCH" in quotes.err), quotes.all
    assert {"AAP", "AAPL"} < set(Lake("data/lake").tickers("stocks/trades"))
    exported = shell("export")
    assert (3, True) == (exported.code, "0 files written" in exported.out), exported.all

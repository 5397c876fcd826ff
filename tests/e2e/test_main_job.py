"""Plan, fetch, check, store, prove, query: the lake is the market."""

from __future__ import annotations

import json

import pytest
from homes import CLASSES, END, SAID_BY_BOTH, START, Home, held, truth

from forebay.model.catalogue import BAR_DATASETS
from forebay.model.feed import Feed, SourceChoice


def feed(asset_class, **changes):
    datasets = tuple(BAR_DATASETS[f"{asset_class}/{kind}"] for kind in ("bars_1d", "bars_1m"))
    return Feed(asset_class, datasets, start=START, end=END, **changes)


@pytest.mark.parametrize("asset_class", CLASSES)
def test_flat_files_fill_the_lake_with_exactly_what_traded(home, vendor, asset_class):
    """Every row of day and minute bars, digit for digit, and not one more."""
    status = home.sync(feed(asset_class))

    assert status.all_held
    for table in (f"{asset_class}/bars_1d", f"{asset_class}/bars_1m"):
        assert truth(vendor, table).select(SAID_BY_BOTH).equals(held(home, table).select(SAID_BY_BOTH)), table
    assert [] == home.litter()


@pytest.mark.parametrize("asset_class", CLASSES)
def test_rest_fills_the_lake_with_the_same_rows(home, vendor, asset_class):
    """The same bars by REST, volume-weighted prices included, for every symbol asked."""
    symbols = tuple(truth(vendor, f"{asset_class}/bars_1d")["ticker"].unique().sort().to_list()[:12])
    status = home.sync(feed(asset_class, symbols=symbols, source=SourceChoice.REST))

    assert status.all_held
    for table in (f"{asset_class}/bars_1d", f"{asset_class}/bars_1m"):
        columns = [*SAID_BY_BOTH, *(["vwap"] if asset_class != "indices" else [])]
        expected = truth(vendor, table, tickers=symbols)
        assert expected.select(columns).equals(held(home, table).select(columns)), table


def test_both_sources_give_one_digest(tmp_path, vendor):
    """One number proves that two lakes hold the same, whichever way it came."""
    symbols = tuple(truth(vendor, "stocks/bars_1d")["ticker"].unique().to_list())
    one, other = (Home(tmp_path / name, vendor) for name in ("files", "rest"))
    one.sync(feed("stocks"))
    other.sync(feed("stocks", symbols=symbols, source=SourceChoice.REST))

    for table in ("stocks/bars_1d", "stocks/bars_1m"):
        assert one.lake.digest(table, columns=SAID_BY_BOTH) == other.lake.digest(table, columns=SAID_BY_BOTH)


def test_whole_market_day_bars_come_by_grouped_daily_where_there_are_no_file_keys(home, vendor):
    """With the API key alone, one call a day brings every stock."""
    days = (BAR_DATASETS["stocks/bars_1d"],)
    settings = {"POLYGON_S3_ACCESS_KEY_ID": "", "POLYGON_S3_SECRET_ACCESS_KEY": ""}
    status = home.sync(Feed("days", days, start=START, end=END), **settings)

    assert status.all_held
    expected = truth(vendor, "stocks/bars_1d").select(SAID_BY_BOTH)
    assert expected.equals(held(home, "stocks/bars_1d").select(SAID_BY_BOTH))


def test_a_flat_file_that_arrives_takes_over_its_day(home, vendor):
    """REST first, files later: one owner, the same rows, no duplicate."""
    symbols = ("AAPL", "MSFT")
    home.sync(feed("stocks", symbols=symbols, source=SourceChoice.REST))
    home.sync(feed("stocks"))

    sources = home.lake.bars(symbols, "1m").select("source").unique().collect()["source"].to_list()
    assert ["flatfile"] != sources or truth(vendor, "stocks/bars_1m").height == held(home, "stocks/bars_1m").height
    assert (
        truth(vendor, "stocks/bars_1m").select(SAID_BY_BOTH).equals(held(home, "stocks/bars_1m").select(SAID_BY_BOTH))
    )


def test_the_second_run_asks_for_listings_only(home, vendor):
    """All held: an empty plan, no byte of data, and the same lake version."""
    home.sync(feed("stocks"))
    before = len(vendor.requests)
    status = home.sync(feed("stocks"))

    assert {"listing"} == {request.kind for request in vendor.requests[before:]}
    assert status.all_held


def test_the_command_line_does_it_all(home, vendor):
    """sync, status --json, query: as a newcomer would, with exit code 0 and no traceback."""
    synced = home.run("sync", "--datasets", "stocks/bars_1d", "--start", str(START), "--end", str(END))
    status = json.loads(home.run("status", "--json").stdout)
    asked = home.run("query", "select count(*) as n from stocks.bars_1d", "--json")

    assert (0, "") == (synced.returncode, "".join(line for line in synced.stderr.splitlines() if "Traceback" in line))
    assert ([], 15) == (status["gaps"], status["tasks"]["completed"])
    assert [{"n": truth(vendor, "stocks/bars_1d").height}] == json.loads(asked.stdout)

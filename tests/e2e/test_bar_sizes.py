"""Bars of any size, made from what the lake holds, against those that the vendor answers for the same size."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx2
import polars as pl
import pytest

from forebay import Lake, Sandbox
from forebay.lake.home.staging import Staging
from forebay.lake.writing.table import LakeTables
from forebay.model.catalogue import BAR_DATASETS
from forebay.model.intervals import Interval
from forebay.model.rows import BAR_ROWS
from forebay.testing import FakeClock

NOON = datetime(2025, 12, 1, 17, 0, tzinfo=UTC)
FIRST, LAST = date(2025, 10, 29), date(2025, 11, 28)
"""Summer time ends on 2 November; the last day is a half day, and the day before it a holiday."""
TICKERS = ("AAPL", "X:BTCUSD", "I:SPX")
UNITS = {"m": "minute", "h": "hour", "d": "day", "w": "week", "M": "month"}


@pytest.fixture(scope="module")
def vendor():
    """A vendor with two stocks and the pairs and indices that every sandbox has."""
    with Sandbox(tickers=2, clock=FakeClock(NOON)) as running:
        yield running


@pytest.fixture(scope="module")
def lake(vendor, tmp_path_factory):
    """The vendor's minute and day bars of one ticker of each class, as they are."""
    folder = tmp_path_factory.mktemp("sizes")
    with Staging(folder / "tmp", "worker") as staging:
        tables = LakeTables(folder / "lake", staging)
        for ticker, name in zip(TICKERS, ("stocks", "crypto", "indices"), strict=True):
            for kind, first, last in (("bars_1m", FIRST, LAST), ("bars_1d", date(2025, 10, 1), LAST)):
                dataset = BAR_DATASETS[f"{name}/{kind}"]
                truth = vendor.market.bars(name, kind, first, last).filter(pl.col("ticker") == ticker)
                rows = truth.with_columns(pl.lit("rest").alias("source")).select(BAR_ROWS.names())
                tables.put_range(tables.stage([rows], dataset, ticker), ticker, Interval(first, last))
    return Lake(folder / "lake")


def answered(vendor, ticker, size, first, last):
    """The vendor's bars: time, prices, volume, number of trades, and vwap."""
    headers = {"Authorization": f"Bearer {vendor.env['POLYGON_API_KEY']}"}
    path = f"/v2/aggs/ticker/{ticker}/range/{size[:-1]}/{UNITS[size[-1]]}/{first}/{last}"
    found, address = [], f"{vendor.url}{path}?adjusted=false&limit=50000"
    with httpx2.Client(headers=headers, timeout=20) as client:
        while address:
            page = client.get(address).json()
            found += page.get("results", [])
            address = page.get("next_url")
    return [tuple(row.get(name) for name in ("t", "o", "h", "l", "c", "v", "n", "vw")) for row in found]


def held(lake, ticker, size, first, last):
    """The same from the lake."""
    rows = lake.bars(ticker, size, first, last).collect()
    times = rows["window_start"].dt.timestamp("ms").alias("t")
    return rows.select(times, "open", "high", "low", "close", "volume", "transactions", "vwap").rows()


@pytest.mark.parametrize("size", ["1m", "2m", "7m", "30m", "45m", "1h", "4h", "1d", "1w", "1M"])
def test_bars_of_a_stock_are_the_vendors(vendor, lake, size):
    """Window by window and value by value, over a change of the clock, a holiday and a half day."""
    expected, found = answered(vendor, "AAPL", size, FIRST, LAST), held(lake, "AAPL", size, FIRST, LAST)

    assert [row[:5] for row in expected] == [row[:5] for row in found]
    assert [row[5:7] for row in expected] == [pytest.approx(row[5:7]) for row in found]
    vwaps = [(theirs[7], ours[7]) for theirs, ours in zip(expected, found, strict=True)]
    assert all(theirs == (ours and pytest.approx(ours, rel=1e-6)) for theirs, ours in vwaps)


@pytest.mark.parametrize(
    ("ticker", "size"), [("X:BTCUSD", "4h"), ("X:BTCUSD", "1w"), ("I:SPX", "45m"), ("I:SPX", "1M")]
)
def test_other_classes_are_counted_in_their_own_zone(vendor, lake, ticker, size):
    """Crypto's days begin at midnight UTC, those of indices in Chicago."""
    first, last = date(2025, 11, 1), date(2025, 11, 9)

    expected = [row[:5] for row in answered(vendor, ticker, size, first, last)]
    assert len(expected) > 0
    assert expected == [row[:5] for row in held(lake, ticker, size, first, last)]


def test_day_bars_of_a_session_are_made_of_its_minutes(vendor, lake):
    """The regular day is its 390 minutes; on the half day it has 210; extended hours are part of the whole day."""
    day = lake.bars("AAPL", "1d", date(2025, 11, 26), LAST, session="regular").collect()
    minutes = lake.bars("AAPL", "1m", date(2025, 11, 26), LAST, session="regular").collect()
    whole = lake.bars("AAPL", "1d", date(2025, 11, 26), LAST, session="extended").collect()

    assert [date(2025, 11, 26), LAST] == day["session_date"].to_list()
    by_day = minutes.group_by("session_date", maintain_order=True)
    assert by_day.agg(pl.col("volume").sum())["volume"].to_list() == pytest.approx(day["volume"].to_list())
    assert by_day.agg(pl.col("open").first())["open"].to_list() == day["open"].to_list()
    assert (whole["volume"] > day["volume"]).all()
    assert minutes.filter(pl.col("session_date") == LAST).height <= 210 < minutes.height

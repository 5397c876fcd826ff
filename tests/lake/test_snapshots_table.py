"""The tables of snapshots: they grow by what is new, stay in few files, and are read by ticker and day."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable
from s3_server import a_bucket

from forebay import Lake
from forebay.bars.snapshots import Expected, absent, judge
from forebay.clock import SystemClock
from forebay.errors import LakeError, UsageError
from forebay.lake.home.address import home_at
from forebay.lake.home.home import Home
from forebay.lake.snapshots.table import append, latest, read
from forebay.model.instrument import AssetClass
from forebay.model.intervals import Interval
from forebay.model.snapshot import Judged, LastQuote, LastTrade, Prices, Snapshot
from forebay.testing import FakeClock

STOCKS = AssetClass.STOCKS
OPEN = datetime(2025, 11, 26, 15, tzinfo=UTC)
EVER = Interval(date.min, date.max)
DAY = Prices(10.0, 11.0, 9.0, 10.5, 100.5, 10.1)


def nanos(moment: datetime) -> int:
    return round(moment.timestamp()) * 10**9 + 123_456_789


def shown(ticker: str = "AAPL", moment: datetime = OPEN, **more) -> Judged:
    told = Snapshot(ticker, STOCKS, moment, timedelta(), nanos(moment), day=DAY)
    return judge(replace(told, **more), Expected())


@pytest.fixture(params=["folder", "bucket"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """A lake in a folder, and one in a real S3 bucket."""
    if request.param == "folder":
        yield home_at(tmp_path)
        return
    with a_bucket() as bucket:
        keys = {"aws_access_key_id": bucket.key_id, "aws_secret_access_key": bucket.secret}
        options = {**keys, "aws_endpoint_url": bucket.endpoint, "aws_region": "us-east-1"}
        yield home_at(f"s3://{bucket.name}/lake", storage_options=options)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_at(tmp_path)


def test_what_was_shown_is_read_again(anywhere: Home) -> None:
    """Every field comes back as it was, nanoseconds and nulls included; of the rest nothing is kept."""
    minute = Prices(10.0, 10.5, 10.0, 10.5, 7.0, 10.2, 3, OPEN)
    trade, quote = LastTrade(10.5, 0.5, nanos(OPEN), 4, "17", "14,41"), LastQuote(None, None, 10.6, 2, nanos(OPEN))
    told = shown(minute=minute, trade=trade, quote=quote, change=0.5, accumulated_volume=100.5)
    bare, empty = shown("AAPl", day=Prices(9.0, 8.0, 8.0, 8.0)), shown("B", day=None)
    assert 2 == append(anywhere, STOCKS, [told, bare, empty, absent("C", STOCKS, OPEN)], FakeClock())
    first, second = read(anywhere, STOCKS, EVER).collect().to_dicts()
    expected = {
        "ticker": "AAPL",
        "session_date": date(2025, 11, 26),
        "updated": 1764169200123456789,
        "day_volume": 100.5,
        "minute_start": OPEN,
        "minute_transactions": 3,
        "previous_close": None,
        "trade_conditions": "14,41",
        "trade_size": 0.5,
        "bid_price": None,
        "ask_size": 2.0,
        "fair_value": None,
        "asked_at": OPEN,
        "verdict": "good",
        "reasons": "",
    }
    assert expected == {name: first[name] for name in expected}
    assert ("AAPl", "suspect", None) == (second["ticker"], second["verdict"], second["trade_price"])
    assert "contradict" in second["reasons"]


def test_the_same_again_is_not_kept(home: Home) -> None:
    """A run that is repeated adds nothing; what moved is a row of its own; another ticker's case is another ticker."""
    later = OPEN + timedelta(minutes=5)
    assert 1 == append(home, STOCKS, [shown()], FakeClock())
    assert 0 == append(home, STOCKS, [shown(asked_at=later)], FakeClock())
    assert 2 == append(home, STOCKS, [shown(), shown("AAPl"), shown(moment=later)], FakeClock())
    rows = read(home, STOCKS, EVER).select("ticker", "asked_at").collect().rows()
    assert [("AAPL", OPEN), ("AAPL", later), ("AAPl", OPEN)] == rows


def test_two_writers_keep_each_once(home: Home) -> None:
    """Two runs that took the same at once leave one row of each ticker."""
    taken = [shown(f"T{number}") for number in range(50)]
    with ThreadPoolExecutor(4) as pool:
        kept = list(pool.map(lambda _: append(home, STOCKS, taken, SystemClock()), range(4)))
    assert [0, 0, 0, 50] == sorted(kept)
    assert 50 == read(home, STOCKS, EVER).collect().height


def test_the_newest_of_each_is_found(home: Home) -> None:
    """From whichever day it is; days and tickers can be asked for; who was never seen is left out."""
    assert latest(home, STOCKS, ["A"]).is_empty()
    for days, ticker in ((0, "A"), (0, "B"), (1, "A")):
        append(home, STOCKS, [shown(ticker, OPEN - timedelta(days=1 - days))], FakeClock())
    found = latest(home, STOCKS, ["A", "B", "a"]).select("ticker", "session_date").rows()
    assert [("A", date(2025, 11, 26)), ("B", date(2025, 11, 25))] == found
    one = Interval(date(2025, 11, 25), date(2025, 11, 25))
    assert ["A", "B"] == read(home, STOCKS, one).collect()["ticker"].to_list()
    assert 2 == read(home, STOCKS, EVER, ["A"]).collect().height
    assert read(home, AssetClass.CRYPTO, EVER).collect().is_empty()


def test_a_day_stays_in_few_files(home: Home) -> None:
    """With the 48th commit the day's files become one, and no row is lost."""
    for minute in range(49):
        append(home, STOCKS, [shown(moment=OPEN + timedelta(minutes=minute))], FakeClock())
    assert 49 == read(home, STOCKS, EVER).collect().height
    assert 2 == len(DeltaTable(home.table("stocks/snapshots").uri).file_uris())


def test_snapshots_are_asked_for_in_sql(anywhere: Home) -> None:
    """A lake that has nothing else is a lake; dates and moments narrow what is seen."""
    lake = Lake(anywhere)
    with pytest.raises(LakeError, match=r"no lake at|no tables yet"):
        lake.sql("select * from stocks.snapshots")
    for days in (1, 0):
        append(
            anywhere,
            STOCKS,
            [shown("A", OPEN - timedelta(days=days)), shown("B", OPEN - timedelta(days=days))],
            FakeClock(),
        )
    count = "select count(*) n from stocks.snapshots"
    assert [4] == lake.sql(count)["n"].to_list()
    assert [2] == lake.sql(f"{count} where session_date = '2025-11-26'")["n"].to_list()
    assert [2] == lake.sql(count, as_of=OPEN - timedelta(hours=1))["n"].to_list()
    assert [0] == lake.sql(f"{count} where session_date < '2025-11-25'")["n"].to_list()
    row = lake.sql("select ticker, day_close, asked_at from stocks.snapshots order by all limit 1").row(0)
    assert ("A", 10.5, OPEN - timedelta(days=1)) == row
    with pytest.raises(UsageError, match="version 1 of which table"):
        lake.sql(count, as_of=1)
    with pytest.raises(UsageError, match="no time zone"):
        lake.sql(count, as_of=OPEN.replace(tzinfo=None))
    with pytest.raises(UsageError) as caught:
        lake.sql("select * from crypto.snapshots")
    assert "stocks.snapshots" in caught.value.remedy
    with lake.duckdb() as connection:
        assert [(4,)] == connection.sql(count).fetchall()

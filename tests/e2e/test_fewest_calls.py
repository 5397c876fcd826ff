"""No wasted call: fewer than a client that asks one by one, none for what is held, one day for one more day."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from deltalake import DeltaTable
from homes import SAID_BY_BOTH, held, truth

from forebay import Sandbox
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS
from forebay.testing import FakeClock

START, END = date(2026, 3, 2), date(2026, 3, 13)
FRIDAY = datetime(2026, 3, 13, 18, tzinfo=UTC)
"""Trading goes on; Thursday's files are there."""
TABLES = ("stocks/bars_1d", "stocks/bars_1m")
SIZES = 5
PAGE = 50_000


@pytest.fixture
def clock():
    return FakeClock(FRIDAY)


@pytest.fixture
def vendor(clock):
    with Sandbox(start=START, end=END, tickers=60, clock=clock) as running:
        yield running


@pytest.fixture
def tickers(vendor):
    return truth(vendor, TABLES[0], START, END)["ticker"].unique().sort().to_list()


def asked(vendor, since=0):
    """The requests for data: pages of bars, grouped days, files."""
    return [one for one in vendor.requests[since:] if one.kind == "data"]


def one_by_one(vendor, tickers, end):
    """Calls of a client that asks for each ticker and timeframe, page by page."""
    minutes = dict(truth(vendor, TABLES[1], START, end)["ticker"].value_counts().iter_rows())
    return sum((SIZES - 1) * -(-max(minutes.get(ticker, 0), 1) // PAGE) + 1 for ticker in tickers)


def assert_lake_is_market(home, vendor, tickers, end):
    for table in TABLES:
        found = held(home, table)
        expected = truth(vendor, table, START, end, tickers).select(SAID_BY_BOTH)
        assert expected.equals(found.filter(found["ticker"].is_in(tickers)).select(SAID_BY_BOTH)), table


def test_many_tickers_in_a_fraction_of_the_calls_then_none_then_one_day(home, vendor, shell, clock, tickers):
    """Five timeframes of sixty tickers: a quarter of the calls or less; none the second time; a day the day after."""
    wish = ("sync", "--tickers", ",".join(tickers), "--start", str(START), "--timeframes", "1m,5m,15m,1h,1d")
    assert 0 == shell(*wish).code
    first, naive = len(asked(vendor)), one_by_one(vendor, tickers, date(2026, 3, 12))
    assert 4 * first <= naive
    assert_lake_is_market(home, vendor, tickers, date(2026, 3, 12))

    since = len(vendor.requests)
    assert 0 == shell(*wish).code
    assert [] == asked(vendor, since)

    clock.advance(3 * 86400)
    since = len(vendor.requests)
    assert 0 == shell(*wish).code
    assert len(asked(vendor, since)) <= 3
    assert all("2026-03-13" in one.path for one in asked(vendor, since))
    assert_lake_is_market(home, vendor, tickers, END)


def test_rest_alone_asks_each_ticker_once_however_many_timeframes(home, vendor, shell, tickers):
    """Minutes once for four timeframes, and day bars day by day: nine days are fewer than twelve tickers."""
    tickers = tickers[:12]
    assert 0 == shell("sync", "--tickers", ",".join(tickers), "--start", str(START), "--source", "rest").code
    paths = [one.path for one in asked(vendor)]

    assert 9 == sum("/grouped/" in path for path in paths)
    assert len(tickers) == sum("/range/1/minute/" in path for path in paths)
    assert not any("/range/1/day/" in path for path in paths if "AAPL" not in path)
    assert_lake_is_market(home, vendor, tickers, date(2026, 3, 12))


def test_a_hole_among_files_is_refilled_and_only_it(home, vendor, shell, clock):
    """A day vanishes from the lake and from the ledger: its two files are fetched again, and nothing else."""
    day = date(2026, 3, 5)
    wish = ("sync", "--datasets", ",".join(TABLES), "--start", str(START))
    assert 0 == shell(*wish).code
    clock.advance(60)
    with home.app(shell.clock) as app:
        rows = [row for table in TABLES for row in app.ledger.coverage.find("lake", table, [ALL_SYMBOLS])]
        assert 2 == app.ledger.coverage.withdraw([row for row in rows if day in row.partition.dates])
    for table in TABLES:
        DeltaTable(str(home.folder / "data" / "lake" / table)).delete(f"session_date = '{day}'")
    since = len(vendor.requests)

    assert 0 == shell(*wish).code
    assert {day.isoformat()} == {one.path.rsplit("/", 1)[-1][:10] for one in asked(vendor, since)}
    assert_lake_is_market(home, vendor, truth(vendor, TABLES[0])["ticker"].unique().to_list(), date(2026, 3, 12))


def test_a_hole_in_a_range_is_refilled_and_only_it(home, vendor, shell):
    """Three days vanish from the middle of what REST brought: one request, for those days alone."""
    hole = Interval(date(2026, 3, 5), date(2026, 3, 9))
    wish = ("sync", "--datasets", TABLES[1], "--tickers", "AAPL", "--start", str(START), "--source", "rest")
    assert 0 == shell(*wish).code
    with home.app(shell.clock) as app:
        book = app.ledger.coverage
        (row,) = book.find("lake", TABLES[1])
        book.withdraw([row])
        sides = Interval(START, hole.start - timedelta(days=1)), Interval(hole.end + timedelta(days=1), END)
        book.record(replace(row, partition=replace(row.partition, dates=side)) for side in sides)
    table = DeltaTable(str(home.folder / "data" / "lake" / TABLES[1]))
    table.delete(f"session_date >= '{hole.start}' AND session_date <= '{hole.end}'")
    since = len(vendor.requests)

    assert 0 == shell(*wish).code
    assert [f"/v2/aggs/ticker/AAPL/range/1/minute/{hole.start}/{hole.end}"] == [
        one.path for one in asked(vendor, since)
    ]
    expected = truth(vendor, TABLES[1], START, date(2026, 3, 12), ["AAPL"]).select(SAID_BY_BOTH)
    assert expected.equals(held(home, TABLES[1]).select(SAID_BY_BOTH))


def test_overlapping_ranges_make_no_duplicates(home, vendor, shell):
    """A range, overlaps at each end, one around all: what is held is not asked for, and no bar is there twice."""
    one = ("sync", "--datasets", TABLES[1], "--tickers", "AAPL", "--source", "rest")
    spans = (("2026-03-04", "2026-03-06"), ("2026-03-03", "2026-03-05"), ("2026-03-06", "2026-03-10"))
    for start, end in spans:
        assert 0 == shell(*one, "--start", start, "--end", end).code
    assert 0 == shell(*one, "--start", "2026-03-02", "--end", "2026-03-12").code

    days = [path.rsplit("/", 2)[1:] for path in (each.path for each in asked(vendor)) if "/minute/" in path]
    assert [
        ["2026-03-04", "2026-03-06"],
        ["2026-03-03", "2026-03-03"],
        ["2026-03-09", "2026-03-10"],
        ["2026-03-02", "2026-03-12"],
    ] == days
    expected = truth(vendor, TABLES[1], START, date(2026, 3, 12), ["AAPL"]).select(SAID_BY_BOTH)
    assert expected.equals(held(home, TABLES[1]).select(SAID_BY_BOTH))

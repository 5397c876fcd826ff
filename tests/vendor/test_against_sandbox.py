"""The clients against the simulated vendor: what arrives is its market, whatever goes wrong on the way."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forebay import Sandbox
from forebay.errors import (
    FileNotFound,
    ForebayError,
    NotEntitled,
    NotPublishedYet,
    PageRejected,
    RateLimited,
    RevisionChanged,
    VendorUnavailable,
    WrongKey,
)
from forebay.model.catalogue import DATASETS
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.rows import BAR_ROWS
from forebay.testing import FakeClock
from forebay.vendor.bucket import BucketTimeouts
from forebay.vendor.flatfiles import FlatFiles
from forebay.vendor.http import Timeouts
from forebay.vendor.limits import NoLimit
from forebay.vendor.rest import RestClient

START, END = date(2025, 10, 31), date(2025, 11, 4)
"""A Friday to a Tuesday, with New York's change of clocks in between."""
NOW = datetime(2025, 11, 20, 15, tzinfo=UTC)
MINUTES = DATASETS["us_stocks_sip/minute_aggs_v1"]
KEY = MINUTES.key(END)


def sandbox(*faults: Mapping[str, Any], plan: str = "advanced") -> Sandbox:
    clock = FakeClock(NOW)
    return Sandbox(seed=3, tickers=12, vendor_plan=plan, start=date(2025, 9, 1), clock=clock, faults=faults)


def rest(vendor: Sandbox, *, key: str = "", patience: float = 30.0) -> RestClient:
    key = key or vendor.env["POLYGON_API_KEY"]
    return RestClient(vendor.url, key, NoLimit(), FakeClock(NOW), timeouts=Timeouts(read=patience), jitter=lambda: 0.0)


def flat_files(vendor: Sandbox, *, access: str = "", secret: str = "", patience: float = 30.0) -> FlatFiles:
    return FlatFiles(
        vendor.url,
        access or vendor.env["POLYGON_S3_ACCESS_KEY_ID"],
        secret or vendor.env["POLYGON_S3_SECRET_ACCESS_KEY"],
        FakeClock(NOW),
        timeouts=BucketTimeouts(read=patience),
        part_bytes=1024,
    )


def patience(fault: Mapping[str, Any]) -> float:
    """Seconds between two reads: short where the vendor stalls, else long enough for a busy machine."""
    return 1.5 if fault["kind"] == "read_stall" else 30.0


def truth(vendor: Sandbox, table: str, ticker: str) -> pl.DataFrame:
    asset_class, _, kind = table.partition("/")
    return vendor.market.bars(asset_class, kind, START, END).filter(pl.col("ticker") == ticker)


@pytest.fixture(scope="module")
def vendor() -> Iterator[Sandbox]:
    """One vendor without faults for all tests that only ask."""
    with sandbox() as running:
        yield running


@pytest.mark.parametrize(("timeframe", "kind"), [("1m", "bars_1m"), ("1d", "bars_1d")])
@pytest.mark.parametrize("ticker", ["AAPL", "AAP", "AAp", "NA", "BRK.B", "X:BTCUSD", "C:EURUSD", "I:SPX"])
def test_bars_are_the_market_itself(vendor: Sandbox, ticker: str, timeframe: str, kind: str) -> None:
    """Row for row and bit for bit, in every class and zone, over the change of clocks."""
    expected = truth(vendor, f"{asset_class_of(ticker)}/{kind}", ticker)

    with rest(vendor) as client:
        rows = pl.concat([BAR_ROWS.to_frame(), *client.bars(ticker, timeframe, START, END)])

    assert rows.height > 0
    assert rows["source"].unique().to_list() == ["rest"]
    assert_frame_equal(rows.drop("source"), expected.select(rows.drop("source").columns).sort("window_start"))


def test_option_bars(vendor: Sandbox) -> None:
    """An option's long name comes through as it is."""
    options = vendor.market.bars("options", "bars_1m", END, END)
    ticker = options["ticker"][0]

    with rest(vendor) as client:
        rows = pl.concat(client.bars(ticker, "1m", END, END))

    assert_frame_equal(
        rows.drop("source"), options.filter(pl.col("ticker") == ticker).select(rows.drop("source").columns)
    )


def test_pages_join_without_a_seam(vendor: Sandbox) -> None:
    """More bars than one page holds: nothing lost and nothing twice where pages meet."""
    start, end = date(2025, 9, 10), date(2025, 11, 19)
    expected = vendor.market.bars("crypto", "bars_1m", start, end).filter(pl.col("ticker") == "X:BTCUSD")

    with rest(vendor) as client:
        pages = client.bars("X:BTCUSD", "1m", start, end)
        minutes = pl.concat(pages)

    assert minutes["window_start"].to_list() == expected.sort("window_start")["window_start"].to_list()
    assert pages.pages == -(-expected.height // 50_000) == 2


@pytest.mark.parametrize("asset_class", [AssetClass.STOCKS, AssetClass.CRYPTO, AssetClass.FOREX])
def test_a_grouped_day_equals_its_day_bars(vendor: Sandbox, asset_class: AssetClass) -> None:
    """All tickers of a class on one day, dated and timed as its day bars are."""
    expected = vendor.market.bars(asset_class, "bars_1d", END, END).sort("ticker")

    with rest(vendor) as client:
        rows = client.grouped_daily(asset_class, END).sort("ticker").drop("source")

    assert_frame_equal(rows, expected.select(rows.columns))


def test_days_without_a_session_have_no_bars(vendor: Sandbox) -> None:
    """A Saturday, and a ticker nobody knows, are empty answers rather than errors."""
    saturday = date(2025, 11, 1)
    with rest(vendor) as client:
        assert list(client.bars("AAPL", "1m", saturday, saturday)) == []
        assert list(client.bars("AApL", "1d", START, END)) == []
        assert client.grouped_daily(AssetClass.STOCKS, saturday).height == 0


PASSING = [
    {"kind": "server_error", "times": 2},
    {"kind": "cut", "times": 2},
    {"kind": "read_stall", "times": 1, "seconds": 2.5},
    {"kind": "rate_limited", "times": 3},
    {"kind": "rate_limited", "times": 1, "retry_after": 7},
    {"kind": "foreign_ticker", "times": 2},
    {"kind": "bar_outside_window", "times": 2},
]


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: fault["kind"])
def test_faults_that_pass_leave_no_trace(fault: Mapping[str, Any]) -> None:
    """Each is met, asked again, and the rows are the market's."""
    with sandbox(fault) as faulty, rest(faulty, patience=patience(fault)) as client:
        rows = pl.concat(client.bars("AAPL", "1d", START, END))
        expected = truth(faulty, "stocks/bars_1d", "AAPL")
        asked = len(faulty.requests)

    assert asked == 1 + fault["times"]
    assert rows["close"].to_list() == expected["close"].to_list()


LASTING = [
    ({"kind": "server_error"}, VendorUnavailable),
    ({"kind": "cut"}, VendorUnavailable),
    ({"kind": "rate_limited"}, RateLimited),
    ({"kind": "foreign_ticker"}, PageRejected),
    ({"kind": "bar_outside_window"}, PageRejected),
    ({"kind": "not_entitled"}, NotEntitled),
    ({"kind": "not_in_timeframe"}, NotEntitled),
]


@pytest.mark.parametrize(("fault", "error"), LASTING, ids=str)
def test_faults_that_stay_are_named(fault: Mapping[str, Any], error: type[ForebayError]) -> None:
    """What does not pass ends soon, in an error that says what and what next."""
    with sandbox(fault) as faulty, rest(faulty) as client:
        with pytest.raises(error) as caught:
            list(client.bars("AAPL", "1d", START, END))
        assert len(faulty.requests) <= 12

    assert "AAPL" in str(caught.value)
    assert caught.value.remedy


def test_a_wrong_api_key(vendor: Sandbox) -> None:
    """The vendor does not know it, and the error does not show it."""
    with rest(vendor, key="wrong-key") as client, pytest.raises(WrongKey, match="Unknown API Key") as caught:
        list(client.bars("AAPL", "1d", START, END))

    assert "wrong-key" not in str(caught.value)


def test_flat_files_arrive_as_published(vendor: Sandbox) -> None:
    """Listing, revision and bytes of a file of several parts agree, and unpack to its header."""
    files = flat_files(vendor)
    listing = files.list(MINUTES, START, END)
    newest = listing.files[-1]

    body = b"".join(files.open(newest.key, newest.revision))

    assert [file.day for file in listing] == [START, date(2025, 11, 3), END]
    assert files.head(newest.key) == newest.revision
    assert len(body) == newest.revision.size > 12 * 1024
    assert gzip.decompress(body).startswith(",".join(MINUTES.columns).encode() + b"\n")


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "cut", "times": 3},
        {"kind": "server_error", "times": 2},
        {"kind": "read_stall", "times": 1, "seconds": 2.5},
    ],
    ids=lambda fault: fault["kind"],
)
def test_broken_transfers_of_a_file_are_resumed(fault: Mapping[str, Any]) -> None:
    """The bytes are those of an unbroken transfer."""
    with sandbox() as whole, sandbox({**fault, "path": f"*{KEY}", "request": "data"}) as broken:
        revision = flat_files(whole).head(KEY)
        expected = b"".join(flat_files(whole).open(KEY, revision))

        files = flat_files(broken, patience=patience(fault))
        assert b"".join(files.open(KEY, revision)) == expected


def test_a_file_replaced_in_mid_read() -> None:
    """The old and the new revision are never mixed."""
    with sandbox({"kind": "replaced", "path": f"*{KEY}"}) as faulty:
        files = flat_files(faulty)
        revision = files.head(KEY)
        with pytest.raises(RevisionChanged, match=KEY):
            list(files.open(KEY, revision))
        assert files.head(KEY) != revision


def test_refused_and_missing_files() -> None:
    """A plan without the dataset, a day without a file, wrong keys: three errors, told apart."""
    with sandbox(plan="starter") as faulty:
        files, trades = flat_files(faulty), DATASETS["us_stocks_sip/trades_v1"]
        listed = files.list(trades, END, END).files[0]
        with pytest.raises(NotEntitled, match="us_stocks_sip/trades_v1 for 2025-11-04"):
            list(files.open(listed.key, listed.revision))
        with pytest.raises(FileNotFound, match="2025-11-01"):
            files.head(MINUTES.key(date(2025, 11, 1)))
        with pytest.raises(WrongKey):
            flat_files(faulty, secret="wrong").list(MINUTES, START, END)
        with pytest.raises(WrongKey):
            flat_files(faulty, access="wrong").list(MINUTES, START, END)


def test_a_free_plan_does_not_show_today() -> None:
    """Asking for the day that is not over is a wait."""
    with sandbox(plan="basic") as faulty, rest(faulty) as client, pytest.raises(NotPublishedYet):
        list(client.bars("AAPL", "1m", NOW.date(), NOW.date()))

"""The vendor's own published answers go through the client: guards against a mistake that client and sandbox share."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from forebay.errors import BadRequest, ForebayError, NotEntitled, NotPublishedYet, PageRejected, RateLimited, WrongKey
from forebay.model.instrument import AssetClass
from forebay.testing import FakeClock
from forebay.vendor.limits import NoLimit
from forebay.vendor.rest import RestClient
from scripted import ScriptedServer, as_json

EXAMPLES = Path(__file__).parents[1] / "data" / "vendor"


def example(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((EXAMPLES / name).read_text())
    return found


@pytest.fixture
def client(server: ScriptedServer, clock: FakeClock) -> Iterator[RestClient]:
    with RestClient(server.url, "the-key", NoLimit(), clock) as rest:
        yield rest


@pytest.mark.parametrize(
    ("name", "ticker", "days", "closes"),
    [
        ("crypto", "X:BTCUSD", (date(2020, 6, 1), date(2020, 6, 2)), [10094.75, 9492.62]),
        ("forex", "C:EURUSD", (date(2021, 7, 22), date(2021, 7, 22)), [1.17721]),
        ("index", "I:NDX", (date(2023, 3, 9), date(2023, 3, 10)), [11995.88235998666, 11830.28178808306]),
        ("option", "O:RDFN211119C00025000", (date(2021, 9, 23), date(2021, 9, 24)), [26.2, 28.3]),
    ],
)
def test_day_bars(
    client: RestClient, server: ScriptedServer, name: str, ticker: str, days: tuple[date, date], closes: list[float]
) -> None:
    """The session dates of each class come out as the vendor means them, in its own zone."""
    server.reply = lambda _: as_json(example(f"rest/aggs_{name}_day.json"))

    rows = pl.concat(client.bars(ticker, "1d", *days))

    assert (rows["session_date"].min(), rows["session_date"].max()) == days
    assert rows["close"].to_list() == closes


def test_adjusted_stock_bars_are_refused(client: RestClient, server: ScriptedServer) -> None:
    """The published page of stock bars is split-adjusted, and so not what is stored."""
    server.reply = lambda _: as_json(example("rest/aggs_stock_day_page.json"))

    with pytest.raises(PageRejected, match="split-adjusted"):
        next(client.bars("AAPL", "1d", date(2020, 1, 1), date(2020, 1, 10)))


def test_the_published_next_page_is_followed(client: RestClient, server: ScriptedServer) -> None:
    """The path and cursor of the example lead on, with the flag that they lose."""
    first = example("rest/aggs_stock_day_page.json") | {"adjusted": False}
    first["next_url"] = first["next_url"].replace("https://api.massive.com", server.url)
    server.in_turn(as_json(first), as_json({"status": "OK", "ticker": "AAPL", "resultsCount": 0}))

    rows = pl.concat(client.bars("AAPL", "1d", date(2020, 1, 1), date(2020, 1, 10)))

    assert rows["session_date"].to_list() == [date(2020, 1, 2), date(2020, 1, 3)]
    assert server.asked[1].path == (
        "/v2/aggs/ticker/AAPL/range/1/day/1578114000000/2020-01-10?cursor=bGltaXQ9MiZzb3J0PWFzYw&adjusted=false"
    )


def test_grouped_day(client: RestClient, server: ScriptedServer) -> None:
    """The published grouped answer is dated by its day although its times are 16:00 Eastern."""
    server.reply = lambda _: as_json(example("rest/grouped_daily_stocks.json") | {"adjusted": False})

    rows = client.grouped_daily(AssetClass.STOCKS, date(2020, 10, 14))

    assert rows["window_start"].unique().to_list() == [datetime(2020, 10, 14, 4, tzinfo=UTC)]
    assert rows["ticker"].to_list() == [row["T"] for row in example("rest/grouped_daily_stocks.json")["results"]]


def test_reference(client: RestClient, server: ScriptedServer) -> None:
    """Tickers, details and market status are read from the published answers."""
    page = example("rest/tickers_page2.json")
    server.in_turn(
        as_json(page), as_json(example("rest/ticker_details.json")), as_json(example("rest/marketstatus_now.json"))
    )

    assert [row.ticker for row in client.tickers("stocks")] == [row["ticker"] for row in page["results"]]
    assert client.ticker("AAPL").composite_figi == "BBG000B9XRY4"
    assert client.market_status_now().server_time == datetime(2020, 11, 10, 22, 37, 37, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("400_to_before_from", BadRequest),
        ("400_v1_family", BadRequest),
        ("401_unknown_key", WrongKey),
        ("403_not_entitled", NotEntitled),
        ("403_timeframe", NotEntitled),
        ("403_today_before_eod", NotPublishedYet),
        ("404_reference_not_found", BadRequest),
        ("404_snapshot_not_found", BadRequest),
        ("429_rate_limit", RateLimited),
    ],
)
def test_refusals(client: RestClient, server: ScriptedServer, name: str, error: type[ForebayError]) -> None:
    """Every published refusal is the error it should be, in the vendor's words."""
    refused = example(f"errors/{name}.json")
    body = refused["body"]
    server.reply = lambda _: as_json(body, status=refused["http_status"])

    with pytest.raises(error) as caught:
        client.ticker("AAPL")

    assert (body.get("message") or body["error"]) in str(caught.value)

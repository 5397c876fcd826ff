from __future__ import annotations

from datetime import date

import pytest
from asking import csv, every_page, get, rest, results

from forebay.sandbox.server import Sandbox

TICKERS = "/v3/reference/tickers"
CONTRACTS = "/v3/reference/options/contracts"
GROUPED = "/v2/aggs/grouped/locale/us/market/stocks/2025-11-26"


def test_otc_stocks_have_a_market_of_their_own(vendor: Sandbox) -> None:
    """They are listed under `otc` alone, without an exchange; who has left is inactive there."""
    otc = {row["ticker"]: row for row in get(vendor, TICKERS, market="otc")["results"]}
    assert {"FMCC", "GONEQ", "NSRGY"} == otc.keys()
    assert not any("primary_exchange" in row for row in otc.values())
    assert not otc.keys() & {row["ticker"] for row in get(vendor, TICKERS, market="stocks", limit=1000)["results"]}
    assert ["DRYRQ"] == [row["ticker"] for row in get(vendor, TICKERS, market="otc", active="false")["results"]]


def test_otc_bars_say_so(vendor: Sandbox) -> None:
    """Bars of an OTC stock carry `otc`, those of a listed one do not."""
    span = "range/1/day/2025-11-24/2025-11-26"
    bars = {ticker: get(vendor, f"/v2/aggs/ticker/{ticker}/{span}")["results"] for ticker in ("FMCC", "AAPL")}
    assert [True] * 3 == [bar.get("otc") for bar in bars["FMCC"]]
    assert not any("otc" in bar for bar in bars["AAPL"])
    assert get(vendor, "/v1/open-close/FMCC/2025-11-26")["otc"] is True
    assert get(vendor, "/v2/aggs/ticker/FMCC/prev")["results"][0]["otc"] is True


def test_grouped_days_have_otc_stocks_only_if_asked(vendor: Sandbox) -> None:
    """`include_otc` adds them, marked, and changes nothing of the others."""
    listed = get(vendor, GROUPED)["results"]
    everybody = get(vendor, GROUPED, include_otc="true")["results"]
    assert listed == [bar for bar in everybody if not bar.get("otc")]
    assert {"FMCC", "GONEQ", "NSRGY"} == {bar["T"] for bar in everybody if bar.get("otc")}


def test_flat_files_have_no_otc_stocks(vendor: Sandbox) -> None:
    """As the vendor's do not."""
    tickers = set(csv(vendor, "us_stocks_sip/day_aggs_v1/2025/11/2025-11-26.csv.gz")["ticker"])
    assert "AAPL" in tickers
    assert not tickers & {"FMCC", "GONEQ", "NSRGY"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"market": "stocks", "exchange": "XASE"}, ["AAp", "SLOW"]),
        ({"market": "stocks", "type": "ETF"}, ["SPY"]),
        ({"market": "stocks", "search": "coca"}, ["KO"]),
        ({"market": "otc", "search": "freddie"}, []),
        ({"market": "crypto", "active": "false"}, []),
        ({"market": "stocks", "active": "false", "date": "2025-10-20"}, ["ATN"]),
    ],
)
def test_lists_can_be_narrowed(vendor: Sandbox, query: dict[str, str], expected: list[str]) -> None:
    """Exchange, type, words and dates select; no pair is ever inactive."""
    assert expected == [row["ticker"] for row in get(vendor, TICKERS, **query).get("results", [])]


def test_a_search_is_not_sorted_by_ticker(vendor: Sandbox) -> None:
    """The vendor ignores `sort` beside `search`."""
    found = [row["ticker"] for row in get(vendor, TICKERS, search="inc", sort="ticker", limit=100)["results"]]
    assert sorted(found) != found


def test_contracts_expire_within_a_window(vendor: Sandbox) -> None:
    """An expiry window is inclusive at both ends, as of a date that is past too; expired ones are asked for apart."""
    window = {"expiration_date.gte": "2025-11-21", "expiration_date.lte": "2025-12-19"}
    query = {"underlying_ticker": "AAPL", "limit": 7, **window}
    now = results(every_page(vendor, CONTRACTS, **query))
    then = results(every_page(vendor, CONTRACTS, as_of="2025-11-03", **query))
    expired = results(every_page(vendor, CONTRACTS, expired="true", **query))
    assert [{"2025-12-19"}, {"2025-11-21", "2025-12-19"}, {"2025-11-21"}] == [
        {row["expiration_date"] for row in rows} for rows in (now, then, expired)
    ]
    assert sorted(row["ticker"] for row in then) == [row["ticker"] for row in then]


def test_an_unknown_ticker_is_no_empty_answer(vendor: Sandbox) -> None:
    """Details answer 404 for a ticker that never was, and for a contract that is none; bars answer with none."""
    with rest(vendor) as client:
        assert [404, 404] == [
            client.get(path).status_code for path in (f"{TICKERS}/NOSUCH", f"{CONTRACTS}/O:AAPL251219C99999000")
        ]
    assert 0 == get(vendor, "/v2/aggs/ticker/NOSUCH/range/1/day/2025-11-24/2025-11-26")["resultsCount"]
    assert date(2025, 11, 3) == date.fromisoformat(get(vendor, f"{TICKERS}/GONEQ")["results"]["list_date"])

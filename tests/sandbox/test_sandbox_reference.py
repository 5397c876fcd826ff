from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from asking import every_page, get, rest, results

from forebay.sandbox.server import Sandbox
from forebay.testing import FakeClock

NOON = datetime(2025, 12, 1, 17, 0, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[1] / "data/vendor/rest"


def test_tickers_page_in_order_and_know_dates(vendor: Sandbox) -> None:
    """All pages list every active stock once, by ticker; `date` lists who was active then."""
    path = "/v3/reference/tickers"
    now = [row["ticker"] for row in results(every_page(vendor, path, market="stocks", limit=3))]
    then = [row["ticker"] for row in results(every_page(vendor, path, market="stocks", date="2025-10-10", limit=100))]
    assert sorted(set(now)) == now
    assert {"AAP", "AAp", "NA", "BRK.B", "XYZ", "NEWB"} <= set(now)
    assert {"SQ", "GONE", "ATN"} <= set(then)
    assert "NEWB" not in then
    assert "SQ" not in now


def test_delisted_tickers_are_inactive(vendor: Sandbox) -> None:
    """`active=false` lists who is gone, with the day; a reused ticker is there with its first owner's FIGI."""
    path = "/v3/reference/tickers"
    gone = {row["ticker"]: row for row in get(vendor, path, market="stocks", active="false")["results"]}
    active = get(vendor, path, ticker="ATN")["results"][0]
    assert {"GONE", "ATN"} == gone.keys()
    assert gone["GONE"]["delisted_utc"].startswith("2025-10-31")
    assert gone["ATN"]["composite_figi"] != active["composite_figi"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"ticker.gte": "AAP", "ticker.lt": "AAPM"}, ["AAP", "AAPL"]),
        ({"market": "crypto"}, ["X:BTCUSD", "X:DOGEUSD", "X:ETHUSD"]),
        ({"type": "PFD"}, ["AAp", "BACpL"]),
        ({"search": "berkshire"}, ["BRK.B"]),
        ({"ticker": "aapl"}, []),
    ],
)
def test_filters_keep_what_they_say(vendor: Sandbox, query: dict[str, str], expected: list[str]) -> None:
    """Ranges, markets, types and search select; the case of a ticker counts."""
    assert expected == [row["ticker"] for row in get(vendor, "/v3/reference/tickers", **query)["results"]]


def test_details_and_events_tell_a_rename(vendor: Sandbox) -> None:
    """Details answer for the name of the date; events list both names, newest first, by ticker or FIGI."""
    with rest(vendor) as client:
        assert client.get("/v3/reference/tickers/SQ").status_code == 404
    before = get(vendor, "/v3/reference/tickers/SQ", date="2025-10-10")["results"]
    events = get(vendor, "/vX/reference/tickers/XYZ/events")["results"]
    by_figi = get(vendor, f"/vX/reference/tickers/{before['composite_figi']}/events")["results"]
    assert ["XYZ", "SQ"] == [one["ticker_change"]["ticker"] for one in events["events"]]
    assert events == by_figi


def test_splits_agree_in_both_generations(vendor: Sandbox) -> None:
    """v3 and v1 list the same ids, newest first; the factor of a past split is in today's shares."""
    old = get(vendor, "/v3/reference/splits")["results"]
    new = get(vendor, "/stocks/v1/splits")["results"]
    assert [row["id"] for row in old] == [row["id"] for row in new]
    factors = [(row["ticker"], row["historical_adjustment_factor"]) for row in new]
    assert [("ATN", 0.333333), ("XYZ", 0.666667), ("SOUR", 20.0), ("NVDA", 0.1), ("ATN", 5.0)] == factors
    reverse = get(vendor, "/v3/reference/splits", reverse_split="true")["results"]
    assert ["SOUR", "ATN"] == [row["ticker"] for row in reverse]


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("missing_split", []), ("duplicate_split", [(1, 10), (1, 10)]), ("inverted_split", [(10, 1)])],
)
def test_a_split_is_listed_wrongly_where_a_rule_says_so(kind: str, expected: list[tuple[int, int]]) -> None:
    """Both generations list the one split of the rule as it says; ids stay apart, other splits are right."""
    rule = {"kind": kind, "ticker": "NVDA", "date": date(2025, 10, 20)}
    with Sandbox(tickers=20, end=date(2025, 11, 28), faults=[rule], clock=FakeClock(NOON)) as vendor:
        for path in ("/stocks/v1/splits", "/v3/reference/splits"):
            rows = [row for row in get(vendor, path)["results"] if row["execution_date"] == "2025-10-20"]
            assert expected == [(row["split_from"], row["split_to"]) for row in rows]
            assert len(expected) == len({row["id"] for row in rows})
            assert "SOUR" in {row["ticker"] for row in get(vendor, path)["results"]}


def test_dividends_carry_their_adjustment(vendor: Sandbox) -> None:
    """The factor multiplies (1 - cash / previous close) over this and later events, announced ones included."""
    rows = get(vendor, "/stocks/v1/dividends", ticker="AAPL", sort="ex_dividend_date.desc")["results"]
    assert ["2025-11-10", "2025-08-11"] == [row["ex_dividend_date"] for row in rows]
    bar = get(vendor, "/v2/aggs/ticker/AAPL/range/1/day/2025-11-07/2025-11-07")["results"][0]
    assert rows[0]["historical_adjustment_factor"] == pytest.approx(1 - 0.26 / bar["c"], abs=1e-6)
    assert rows[1]["historical_adjustment_factor"] < rows[0]["historical_adjustment_factor"]


def test_contracts_list_the_chain(vendor: Sandbox) -> None:
    """Contracts filter by underlying, type and strike; expired ones are listed apart; one can be asked for."""
    path = "/v3/reference/options/contracts"
    rows = results(every_page(vendor, path, underlying_ticker="SPY", contract_type="put", limit=20))
    assert rows
    assert {("SPY", "put", "OPASPS")} == {(r["underlying_ticker"], r["contract_type"], r["cfi"]) for r in rows}
    assert rows[0] == get(vendor, f"{path}/{rows[0]['ticker']}")["results"]
    gone = get(vendor, path, underlying_ticker="SPY", expired="true", limit=1000)["results"]
    assert {"2025-10-17", "2025-11-21"} == {row["expiration_date"] for row in gone}


def test_conditions_are_the_vendors(vendor: Sandbox) -> None:
    """94 records, 55 of them for trades; ten on a page unless asked otherwise."""
    path = "/v3/reference/conditions"
    assert len(get(vendor, path, asset_class="stocks", limit=1000)["results"]) == 94
    assert len(results(every_page(vendor, path, data_type="trade"))) == 55


def test_market_days_to_come(vendor: Sandbox) -> None:
    """The bare array names Christmas and its half day, future days only; now says the market is open."""
    days = get(vendor, "/v1/marketstatus/upcoming")
    assert ("2025-12-24", "early-close") == (days[0]["date"], days[0]["status"])
    assert ("2025-12-25", "closed") in {(one["date"], one["status"]) for one in days}
    assert all(date.fromisoformat(one["date"]) > date(2025, 12, 1) for one in days)
    assert get(vendor, "/v1/marketstatus/now")["market"] == "open"


SHAPES = {
    "aggs_stock_day_page.json": "/v2/aggs/ticker/AAPL/range/1/day/2025-10-01/2025-10-09?limit=2",
    "aggs_crypto_day.json": "/v2/aggs/ticker/X:BTCUSD/range/1/day/2025-10-01/2025-10-02",
    "aggs_forex_day.json": "/v2/aggs/ticker/C:EURUSD/range/1/day/2025-10-01/2025-10-02",
    "aggs_index_day.json": "/v2/aggs/ticker/I:NDX/range/1/day/2025-10-01/2025-10-02",
    "grouped_daily_stocks.json": "/v2/aggs/grouped/locale/us/market/stocks/2025-10-03",
    "prev_close.json": "/v2/aggs/ticker/AAPL/prev",
    "open_close.json": "/v1/open-close/AAPL/2025-10-03",
    "snapshot_stocks_all.json": "/v2/snapshot/locale/us/markets/stocks/tickers?tickers=AAPL",
    "snapshot_stocks_single.json": "/v2/snapshot/locale/us/markets/stocks/tickers/MSFT",
    "snapshot_stocks_gainers.json": "/v2/snapshot/locale/us/markets/stocks/gainers",
    "trades_v3.json": "/v3/trades/AAPL?timestamp=2025-10-03&limit=2",
    "last_trade.json": "/v2/last/trade/AAPL",
    "tickers_page1.json": "/v3/reference/tickers?limit=2",
    "ticker_types.json": "/v3/reference/tickers/types",
    "ticker_events.json": "/vX/reference/tickers/XYZ/events",
    "options_contracts_page1.json": "/v3/reference/options/contracts?underlying_ticker=SPY",
    "exchanges.json": "/v3/reference/exchanges",
    "conditions_page.json": "/v3/reference/conditions?asset_class=stocks",
    "splits_v3.json": "/v3/reference/splits?limit=1",
    "splits_v1.json": "/stocks/v1/splits",
    "dividends_v3.json": "/v3/reference/dividends",
    "dividends_v1.json": "/stocks/v1/dividends",
    "marketstatus_now.json": "/v1/marketstatus/now",
    "marketstatus_upcoming.json": "/v1/marketstatus/upcoming",
}
NOT_ALWAYS = {
    "next_url",
    "adjusted",
    "resultsCount",
    "correction",
    "trf_id",
    "trf_timestamp",
    "f",
    "r",
    "c",
    "open",
    "close",
}
"""Fields that the vendor leaves out when there is nothing to say."""


def _fields(value: object, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {path}.union(*(_fields(one, f"{path}/{name}") for name, one in value.items()))
    if isinstance(value, list):
        return {path}.union(*(_fields(one, f"{path}[]") for one in value[:1]))
    return {path}


@pytest.mark.parametrize("example", sorted(SHAPES))
def test_answers_have_the_fields_of_the_vendors_examples(vendor: Sandbox, example: str) -> None:
    """Every field of a published payload is in ours, at the same place, but those the vendor leaves out when empty."""
    published = json.loads((EXAMPLES / example).read_text())
    with rest(vendor) as client:
        ours = client.get(SHAPES[example]).json()
    missing = {one for one in _fields(published) - _fields(ours) if one.split("/")[-1].strip("[]") not in NOT_ALWAYS}
    assert missing == set()

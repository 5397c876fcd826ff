from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from asking import every_page, get, rest, results

from forebay.sandbox.server import Sandbox, Switches
from forebay.testing import FakeClock

DAY = date(2025, 10, 3)
RANGE = "/v2/aggs/ticker/{}/range/{}/{}/{}/{}"


def _truth(vendor: Sandbox, asset_class: str, kind: str, ticker: str, start: date, end: date) -> list[tuple]:
    bars = vendor.market.bars(asset_class, kind, start, end).filter(pl.col("ticker") == ticker)
    bars = bars.with_columns(pl.col("window_start").dt.epoch("ms"))
    names = ("window_start", "open", "high", "low", "close", "volume", "vwap", "transactions")
    return list(bars.select(names).iter_rows())


def _rows(found: list[dict]) -> list[tuple]:
    return [tuple(row.get(name) for name in ("t", "o", "h", "l", "c", "v", "vw", "n")) for row in found]


@pytest.mark.parametrize(
    ("asset_class", "ticker"),
    [
        ("stocks", "NVDA"),
        ("stocks", "AAp"),
        ("options", "O:SPY251121C00750000"),
        ("crypto", "X:BTCUSD"),
        ("forex", "C:EURUSD"),
        ("indices", "I:SPX"),
    ],
)
@pytest.mark.parametrize(("kind", "unit"), [("bars_1d", "day"), ("bars_1m", "minute")])
def test_unadjusted_bars_equal_the_truth(vendor: Sandbox, asset_class: str, ticker: str, kind: str, unit: str) -> None:
    """Each class's bars on REST are the market's, whatever the page size."""
    if asset_class == "options":
        ticker = vendor.market.bars("options", "bars_1d", DAY, DAY)["ticker"][3]
    start, end = date(2025, 10, 1), date(2025, 10, 24)
    path = RANGE.format(ticker, 1, unit, start, end)
    pages = every_page(vendor, path, adjusted="false", limit=900 if unit == "minute" else 7)
    assert _truth(vendor, asset_class, kind, ticker, start, end) == _rows(results(pages))
    assert {ticker} == {page["ticker"] for page in pages}


def test_pages_count_base_bars_and_keep_windows_whole(vendor: Sandbox) -> None:
    """`limit` counts minutes for hour bars; a page ends with a whole hour and all pages together equal one."""
    path = RANGE.format("AAPL", 1, "hour", DAY, DAY)
    whole = get(vendor, path, limit=50_000)
    pages = every_page(vendor, path, limit=100)
    assert whole["results"] == results(pages)
    assert len(pages) > 3
    assert all(page["queryCount"] <= 100 for page in pages)
    assert whole["queryCount"] == sum(page["queryCount"] for page in pages)
    assert "next_url" not in whole


def test_next_url_moves_from_and_carries_no_key(vendor: Sandbox) -> None:
    """The next page begins, in ms, where the bar after the last one does; the cursor says limit and sort."""
    page = get(vendor, RANGE.format("AAPL", 1, "day", "2025-10-01", "2025-10-31"), limit=2)
    following = page["results"][-1]["t"] + 86_400_000
    path = RANGE.format("AAPL", 1, "day", following, "2025-10-31")
    assert f"{vendor.url}{path}?cursor=bGltaXQ9MiZzb3J0PWFzYw" == page["next_url"]


def test_an_exactly_full_last_page_is_the_last(vendor: Sandbox) -> None:
    """No `next_url` leads to an empty page."""
    path = RANGE.format("AAPL", 1, "day", "2025-10-01", "2025-10-02")
    assert "next_url" not in get(vendor, path, limit=2)
    assert "next_url" in get(vendor, path, limit=1)


def test_descending_is_ascending_reversed(vendor: Sandbox) -> None:
    """`sort=desc` gives the same bars from the newest on, over pages too."""
    path = RANGE.format("MSFT", 1, "minute", "2025-10-01", "2025-10-03")
    forward = results(every_page(vendor, path))
    assert forward[::-1] == results(every_page(vendor, path, sort="desc", limit=500))


@pytest.mark.parametrize(
    ("multiplier", "unit", "first"),
    [(1, "week", "2025-09-28"), (1, "month", "2025-10-01"), (30, "minute", "2025-10-01")],
)
def test_longer_windows_hold_their_base_bars(vendor: Sandbox, multiplier: int, unit: str, first: str) -> None:
    """Weeks begin on Sunday, months on their first day; volume and trades add up, extremes are kept."""
    base = get(
        vendor,
        RANGE.format("MSFT", 1, "minute" if unit == "minute" else "day", "2025-10-01", "2025-10-31"),
        limit=50_000,
    )["results"]
    bars = get(vendor, RANGE.format("MSFT", multiplier, unit, "2025-10-01", "2025-10-31"), limit=50_000)["results"]
    assert first == datetime.fromtimestamp(bars[0]["t"] / 1000 - 4 * 3600, UTC).date().isoformat()
    assert sum(bar["n"] for bar in base) == sum(bar["n"] for bar in bars)
    assert pytest.approx(sum(bar["v"] for bar in base)) == sum(bar["v"] for bar in bars)
    assert max(bar["h"] for bar in base) == max(bar["h"] for bar in bars)
    assert base[0]["o"] == bars[0]["o"]


def test_adjusted_bars_are_in_todays_shares(vendor: Sandbox) -> None:
    """By default a split scales price and volume of the days before it, and nothing after it."""
    path = RANGE.format("NVDA", 1, "day", "2025-10-16", "2025-10-21")
    raw, adjusted = get(vendor, path, adjusted="false")["results"], get(vendor, path)["results"]
    ratios = [10, 10, 1, 1]
    assert [pytest.approx(bar["c"] / ratio) for bar, ratio in zip(raw, ratios, strict=True)] == [
        bar["c"] for bar in adjusted
    ]
    assert [pytest.approx(bar["v"] * ratio) for bar, ratio in zip(raw, ratios, strict=True)] == [
        bar["v"] for bar in adjusted
    ]


def test_nothing_found_has_no_results(vendor: Sandbox) -> None:
    """Unknown tickers and holidays answer 200 with a count of 0 and without `results`."""
    for path in (RANGE.format("NOPE", 1, "day", DAY, DAY), "/v2/aggs/grouped/locale/us/market/stocks/2025-11-27"):
        answer = get(vendor, path)
        assert answer["resultsCount"] == 0
        assert "results" not in answer


def test_grouped_days_equal_the_ranges(vendor: Sandbox) -> None:
    """A grouped day holds each ticker's bar, stamped 16:00 Eastern; pairs have theirs."""
    grouped = get(vendor, f"/v2/aggs/grouped/locale/us/market/stocks/{DAY}", adjusted="false")["results"]
    bars = vendor.market.bars("stocks", "bars_1d", DAY, DAY)
    expected = list(bars.select("ticker", "open", "high", "low", "close", "volume").iter_rows())
    assert expected == [tuple(row[name] for name in ("T", "o", "h", "l", "c", "v")) for row in grouped]
    assert {int(datetime(2025, 10, 3, 20, tzinfo=UTC).timestamp() * 1000)} == {row["t"] for row in grouped}
    for market, ticker in (("crypto", "X:BTCUSD"), ("fx", "C:EURUSD")):
        rows = get(vendor, f"/v2/aggs/grouped/locale/global/market/{market}/{DAY}")["results"]
        assert ticker in {row["T"] for row in rows}


def test_previous_day_and_open_close_agree_with_the_range(vendor: Sandbox) -> None:
    """`prev` is the last whole session; open-close is one day, with the prices around the regular hours."""
    last = get(vendor, RANGE.format("AAPL", 1, "day", "2025-11-28", "2025-11-28"))["results"][0]
    assert last["c"] == get(vendor, "/v2/aggs/ticker/AAPL/prev")["results"][0]["c"]
    day = get(vendor, "/v1/open-close/AAPL/2025-11-28")
    assert (last["o"], last["h"], last["l"], last["c"], last["v"]) == tuple(
        day[name] for name in ("open", "high", "low", "close", "volume")
    )
    assert {"afterHours", "preMarket", "symbol", "from"} <= day.keys()


def test_snapshots_agree_with_the_bars_so_far(vendor: Sandbox) -> None:
    """At noon a snapshot has today's unfinished day bar, the newest minute, and Friday as its previous day."""
    found = get(vendor, "/v2/snapshot/locale/us/markets/stocks/tickers/MSFT")["ticker"]
    today = get(vendor, RANGE.format("MSFT", 1, "day", "2025-12-01", "2025-12-01"))["results"][0]
    minutes = get(vendor, RANGE.format("MSFT", 1, "minute", "2025-12-01", "2025-12-01"))["results"]
    before = get(vendor, RANGE.format("MSFT", 1, "day", "2025-11-28", "2025-11-28"))["results"][0]
    assert {name: today[name] for name in ("o", "h", "l", "c", "v", "vw")}.items() <= found["day"].items()
    assert minutes[-1].items() <= found["min"].items()
    assert before["c"] == found["prevDay"]["c"]
    assert minutes[-1]["t"] < datetime(2025, 12, 1, 17, tzinfo=UTC).timestamp() * 1000


def test_snapshots_are_cleared_at_night() -> None:
    """At 03:40 Eastern all snapshots are empty, and a single one is 404."""
    with Sandbox(tickers=3, clock=FakeClock(datetime(2025, 12, 2, 8, 40, tzinfo=UTC))) as vendor:
        assert get(vendor, "/v2/snapshot/locale/us/markets/stocks/tickers")["tickers"] == []
        with rest(vendor) as client:
            answer = client.get("/v2/snapshot/locale/us/markets/stocks/tickers/AAPL")
    assert (404, "NotFound") == (answer.status_code, answer.json()["status"])


def test_trades_page_through_a_day(vendor: Sandbox) -> None:
    """All pages of a day are its trades, once each, in either direction; the day is the Eastern one."""
    path = "/v3/trades/AAP"
    pages = every_page(vendor, path, timestamp=DAY.isoformat(), order="asc", limit=100)
    forward = results(pages)
    assert len(pages) > 1
    assert forward == sorted(forward, key=lambda row: row["sip_timestamp"])
    assert forward[::-1] == results(every_page(vendor, path, timestamp=DAY.isoformat(), limit=60))
    stamp = forward[10]["sip_timestamp"]
    after = results(every_page(vendor, path, **{"timestamp.gt": stamp, "timestamp.lt": "2025-10-04", "order": "asc"}))
    assert forward[11:] == after


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        (RANGE.format("AAPL", 1, "day", "2025-10-09", "2025-10-01"), 400, "cannot be a time that occurs before"),
        (RANGE.format("AAPL", 0, "day", "2025-10-01", "2025-10-09"), 400, "multiplier"),
        (RANGE.format("AAPL", 1, "fortnight", "2025-10-01", "2025-10-09"), 400, "timespan"),
        (RANGE.format("AAPL", 1, "day", "october", "2025-10-09"), 400, "from"),
        (RANGE.format("AAPL", 1, "day", "2025-10-01", "2025-10-09") + "?limit=many", 400, "limit"),
        (RANGE.format("AAPL", 1, "day", "2025-10-01", "2025-10-09") + "?cursor=%FF", 400, "cursor"),
        ("/v3/trades/AAPL?cursor=YXA9eA", 400, "cursor"),
        ("/v3/trades/AAPL?timestamp.gt=2025-10-09&timestamp.lt=2025-10-01", 400, "timestamp"),
        ("/v1/open-close/AAPL/2025-11-27", 404, "not found"),
        ("/v9/nothing", 404, "not found"),
    ],
)
def test_bad_questions_are_refused(vendor: Sandbox, path: str, status: int, words: str) -> None:
    """A bad parameter answers 400, an unknown path 404, in the vendor's shape with a request id of 32 hex digits."""
    with rest(vendor) as client:
        answer = client.get(path)
    body = answer.json()
    assert status == answer.status_code
    assert words in (body.get("error") or body.get("message"))
    assert len(body["request_id"]) == 32
    assert body["request_id"] == answer.headers["X-Request-Id"]


def test_keys_are_checked(vendor: Sandbox) -> None:
    """The key may come as a header or as `apiKey`; anything else is 401."""
    path = f"{vendor.url}/v1/marketstatus/now"
    with rest(vendor) as client:
        key = vendor.env["POLYGON_API_KEY"]
        assert client.get(path).status_code == 200
        assert client.get(path, params={"apiKey": key}, headers={"Authorization": ""}).status_code == 200
        refused = client.get(path, headers={"Authorization": "Bearer wrong"})
    assert (401, "Unknown API Key") == (refused.status_code, refused.json()["error"])
    assert all(key not in one.query for one in vendor.requests)


def test_plans_refuse_what_they_leave_out() -> None:
    """The free plan has no snapshots and no trades, two years of history and no current day; refusals say so."""
    clock = FakeClock(datetime(2025, 12, 1, 17, tzinfo=UTC))
    with Sandbox(tickers=2, vendor_plan="basic", clock=clock) as vendor, rest(vendor) as client:

        def message(path: str) -> tuple[int, str]:
            clock.advance(60)
            answer = client.get(path)
            return answer.status_code, answer.json().get("message", "")

        today = RANGE.format("AAPL", 1, "day", "2025-12-01", "2025-12-01")
        status, text = message("/v2/snapshot/locale/us/markets/stocks/tickers")
        assert (403, True) == (status, text.startswith("You are not entitled to this data."))
        status, text = message(RANGE.format("AAPL", 1, "day", "2022-01-03", "2023-01-03"))
        assert (403, True) == (status, text.startswith("Your plan doesn't include this data timeframe."))
        status, text = message(today)
        assert (403, True) == (status, text.startswith("Attempted to request today's data before end of day."))
        assert (200, "") == message(RANGE.format("AAPL", 1, "day", "2022-01-03", "2025-11-03"))


def test_history_may_be_refused_whole() -> None:
    """With the switch, a window that begins before the plan's history is refused instead of clipped."""
    clock = FakeClock(datetime(2025, 12, 1, 17, tzinfo=UTC))
    switches = Switches(refuse_history=True)
    with Sandbox(tickers=2, vendor_plan="starter", clock=clock, switches=switches) as vendor, rest(vendor) as client:
        assert client.get(RANGE.format("AAPL", 1, "day", "2019-01-03", "2025-11-03")).status_code == 403


def test_delayed_plans_say_so_and_lag() -> None:
    """Starter answers DELAYED, and its newest minute is at least 15 minutes old."""
    clock = FakeClock(datetime(2025, 12, 1, 17, tzinfo=UTC))
    with Sandbox(tickers=2, vendor_plan="starter", clock=clock) as vendor:
        answer = get(vendor, RANGE.format("MSFT", 1, "minute", "2025-12-01", "2025-12-01"))
    assert answer["status"] == "DELAYED"
    newest = datetime.fromtimestamp(answer["results"][-1]["t"] / 1000, UTC)
    assert timedelta(minutes=15) <= clock.now() - newest < timedelta(minutes=20)


@pytest.mark.parametrize("says_when", [True, False])
def test_the_free_plan_allows_five_calls_in_any_minute(says_when: bool) -> None:
    """The sixth call within sixty seconds is 429, until the first is a minute old; Retry-After is a switch."""
    clock = FakeClock(datetime(2025, 12, 1, 17, tzinfo=UTC))
    switches = Switches(retry_after=says_when)
    with Sandbox(tickers=2, vendor_plan="basic", clock=clock, switches=switches) as vendor, rest(vendor) as client:

        def status() -> int:
            return client.get("/v1/marketstatus/now").status_code

        assert [200] * 5 == [status() for _ in range(5)]
        clock.advance(59)
        refused = client.get("/v1/marketstatus/now")
        assert refused.status_code == 429
        assert refused.json()["error"].startswith("You've exceeded the maximum requests per minute")
        assert ("1" if says_when else None) == refused.headers.get("Retry-After")
        clock.advance(1)
        assert status() == 200

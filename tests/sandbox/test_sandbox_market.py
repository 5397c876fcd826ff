from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from forebay.model.instrument import AssetClass
from forebay.model.rows import BAR_ROWS
from forebay.sandbox.market import Market
from forebay.sandbox.prints import prints_frame
from forebay.sandbox.rules import counts_of

EASTERN = ZoneInfo("America/New_York")
CONDITIONS = Path(__file__).parents[1] / "data/vendor/rest/conditions_stocks_full.json"
RULES = {
    row["id"]: row.get("update_rules", {}).get("consolidated")
    for row in json.loads(CONDITIONS.read_text())["results"]
    if "trade" in row["data_types"]
}
MINUTE = 60_000_000_000


@pytest.fixture(scope="module")
def market() -> Market:
    return Market(1, 20, date(2025, 10, 1))


def _prints(market: Market, ticker: str, day: date) -> list[dict]:
    (cell,) = market.ticker_cells(ticker, AssetClass.STOCKS, day, day)
    return [row for tape in market.tapes([cell]) for row in prints_frame(tape).iter_rows(named=True)]


def _allows(trade: dict, what: str, *, without_form_t: bool = False) -> bool:
    if trade["correction"] not in (0, 1):
        return False
    ids = [int(part) for part in trade["conditions"].split(",") if part]
    ids = [one for one in ids if not (without_form_t and one == 12)]
    return all(RULES[one] is None or RULES[one][what] for one in ids)


def _bar(trades: list[dict], *, extended: bool) -> tuple | None:
    """One bar, trade by trade, by the vendor's own records."""
    ends = [one["price"] for one in trades if _allows(one, "updates_open_close", without_form_t=extended)]
    reach = [one["price"] for one in trades if _allows(one, "updates_high_low", without_form_t=extended)]
    sizes = [one["size"] for one in trades if _allows(one, "updates_volume")]
    if not ends:
        return None
    return ends[0], max(reach), min(reach), ends[-1], round(sum(sizes), 6), len(sizes)


def _regular(day: date) -> tuple[int, int]:
    closes = time(13) if day == date(2025, 11, 28) else time(16)
    return tuple(int(datetime.combine(day, at, EASTERN).timestamp()) * 10**9 for at in (time(9, 30), closes))


def _rows(frame: pl.DataFrame) -> list[tuple]:
    return list(frame.select("open", "high", "low", "close", pl.col("volume").round(6), "transactions").iter_rows())


@pytest.mark.parametrize(
    ("ticker", "day"),
    [
        ("AAPL", date(2025, 10, 3)),
        ("NVDA", date(2025, 11, 28)),
        ("SOUR", date(2025, 10, 6)),
        ("BACpL", date(2025, 10, 7)),
        ("AAPL", date(2026, 2, 23)),
    ],
)
def test_bars_equal_a_slow_rebuild_from_the_trades(market: Market, ticker: str, day: date) -> None:
    """Minute and day bars are what the vendor's condition records make of the trades, one trade at a time."""
    trades = _prints(market, ticker, day)
    opens, closes = _regular(day)
    minutes: dict[int, list[dict]] = {}
    for trade in trades:
        minutes.setdefault(trade["sip_timestamp"] // MINUTE * MINUTE, []).append(trade)
    expected = [_bar(some, extended=not opens <= start < closes) for start, some in sorted(minutes.items())]
    frames = market.ticker_frames(ticker, AssetClass.STOCKS, day, day)
    assert [bar for bar in expected if bar] == _rows(frames["bars_1m"])
    assert [_bar(trades, extended=False)] == _rows(frames["bars_1d"])


def test_our_rules_are_the_vendors_records() -> None:
    """For every trade condition, what it lets a trade update is what the vendor's record says."""
    for number, rule in RULES.items():
        names = ("updates_high_low", "updates_open_close", "updates_volume")
        expected = tuple(rule[name] for name in names) if rule else (True, True, True)
        assert expected == counts_of((number,)), number


def test_a_day_is_the_same_whatever_else_was_asked(market: Market) -> None:
    """A bar depends on seed, instrument and date alone: not on other tickers, the span or the order of questions."""
    day = date(2025, 11, 5)
    alone = Market(1, 12, date(2025, 11, 1)).ticker_frames("AAP", AssetClass.STOCKS, day, day)["bars_1m"]
    month = market.ticker_frames("AAP", AssetClass.STOCKS, date(2025, 11, 1), date(2025, 11, 30))["bars_1m"]
    together = market.day_frames(AssetClass.STOCKS, day)["bars_1m"]
    assert alone.equals(month.filter(pl.col("session_date") == day))
    assert alone.equals(together.filter(pl.col("ticker") == "AAP"))
    assert not alone.equals(
        Market(2, 12, date(2025, 11, 1)).ticker_frames("AAP", AssetClass.STOCKS, day, day)["bars_1m"]
    )


def test_truth_has_the_stored_columns_for_every_class(market: Market) -> None:
    """`bars` gives the lake's columns without `source`, for each asset class and both kinds, with rows in them."""
    expected = pl.Schema({name: dtype for name, dtype in BAR_ROWS.items() if name != "source"})
    for asset_class in AssetClass:
        for kind in ("bars_1d", "bars_1m"):
            truth = market.bars(asset_class, kind, date(2025, 10, 2), date(2025, 10, 3))
            assert expected == truth.schema
            assert truth.height > 0
            assert truth.filter(pl.col("low") > pl.min_horizontal("open", "close")).is_empty()


def test_awkward_names_are_there(market: Market) -> None:
    """The case pair, the null-like ticker, share classes, preferreds and test symbols all trade."""
    tickers = set(market.bars("stocks", "bars_1d", date(2025, 10, 1), date(2025, 10, 10))["ticker"])
    assert {"AAP", "AAp", "NA", "BRK.B", "BACpL", "ZVZZT", "NTEST.A"} <= tickers


@pytest.mark.parametrize(
    ("ticker", "first", "last"),
    [
        ("NEWB", date(2025, 10, 15), None),
        ("GONE", None, date(2025, 10, 31)),
        ("SQ", None, date(2025, 10, 31)),
        ("XYZ", date(2025, 11, 3), None),
    ],
)
def test_names_begin_and_end(market: Market, ticker: str, first: date | None, last: date | None) -> None:
    """An IPO, a delisting and both names of a rename have bars exactly while they are listed."""
    days = market.bars("stocks", "bars_1d", date(2025, 10, 1), date(2025, 11, 14)).filter(pl.col("ticker") == ticker)
    assert (first or date(2025, 10, 1)) == days["session_date"].min()
    assert (last or date(2025, 11, 14)) == days["session_date"].max()


def test_a_reused_ticker_is_two_companies(market: Market) -> None:
    """`ATN` ends, rests for a month, and comes back as another instrument at another price."""
    before, after = market.holder("ATN", date(2025, 10, 17)), market.holder("ATN", date(2025, 11, 17))
    assert market.holder("ATN", date(2025, 11, 3)) is None
    assert before is not None
    assert after is not None
    assert before.id != after.id


def test_quiet_names_have_days_without_a_bar(market: Market) -> None:
    """The quietest stock misses days, and its minutes are few on the others."""
    start, end = date(2025, 10, 1), date(2025, 10, 31)
    quiet = market.bars("stocks", "bars_1d", start, end).filter(pl.col("ticker") == "QUIE").height
    assert 0 < quiet < len(market.sessions(AssetClass.STOCKS, start, end))


def test_raw_prices_jump_at_splits(market: Market) -> None:
    """Unadjusted closes fall by about ten at NVDA's 1:10, and rise by about twenty at SOUR's 20:1."""
    days = market.bars("stocks", "bars_1d", date(2025, 10, 1), date(2025, 11, 14))

    def jump(ticker: str, day: date) -> float:
        closes = dict(days.filter(pl.col("ticker") == ticker).select("session_date", "close").iter_rows())
        before = max(one for one in closes if one < day)
        return closes[day] / closes[before]

    assert jump("NVDA", date(2025, 10, 20)) == pytest.approx(0.1, rel=0.1)
    assert jump("SOUR", date(2025, 11, 10)) == pytest.approx(20, rel=0.1)


def test_sessions_follow_the_calendar(market: Market) -> None:
    """No stock bar on Thanksgiving; on the half day the regular session ends at 13:00 and trading at 17:00."""
    assert market.bars("stocks", "bars_1m", date(2025, 11, 27), date(2025, 11, 27)).is_empty()
    half = market.bars("stocks", "bars_1m", date(2025, 11, 28), date(2025, 11, 28))
    assert half["window_start"].max() < datetime(2025, 11, 28, 17, tzinfo=EASTERN)
    one = half.filter(pl.col("window_start") == datetime(2025, 11, 28, 18, tzinfo=UTC))
    assert {"AAPL", "MSFT", "SPY"} <= set(one["ticker"])


def test_day_bars_start_at_the_midnight_of_their_class(market: Market) -> None:
    """Stocks and options: Eastern; indices: Central; crypto and forex: UTC, on both sides of both DST switches."""
    zones = {"stocks": EASTERN, "options": EASTERN, "indices": ZoneInfo("America/Chicago")}
    for asset_class in AssetClass:
        zone = zones.get(asset_class, ZoneInfo("UTC"))
        for day in (date(2025, 10, 31), date(2025, 11, 3), date(2026, 3, 6), date(2026, 3, 9)):
            starts = market.bars(asset_class, "bars_1d", day, day)["window_start"].unique().to_list()
            assert [datetime.combine(day, time(), zone)] == starts


def test_fractions_trade_from_their_first_session_on(market: Market) -> None:
    """No stock volume has a fraction before 2026-02-23, some have from then on."""

    def fractions(day: date) -> int:
        volume = market.bars("stocks", "bars_1d", day, day)["volume"]
        return int((volume % 1 != 0).sum())

    assert fractions(date(2026, 2, 20)) == 0
    assert fractions(date(2026, 2, 23)) > 5


def test_pairs_trade_when_they_trade(market: Market) -> None:
    """Crypto has a bar each day; forex none on Saturday, and on Sunday none before 17:00 New York."""
    week = (date(2025, 10, 4), date(2025, 10, 5))
    assert set(week) == set(market.bars("crypto", "bars_1d", *week)["session_date"])
    forex = market.bars("forex", "bars_1m", *week)
    assert {week[1]} == set(forex["session_date"])
    assert forex["window_start"].min() >= datetime(2025, 10, 5, 17, tzinfo=EASTERN)


def test_option_contracts_keep_to_their_life(market: Market) -> None:
    """Contracts trade on both underlyings, never after their expiration, which is no holiday."""
    bars = market.bars("options", "bars_1d", date(2025, 10, 1), date(2025, 11, 28))
    parts = bars.with_columns(pl.col("ticker").str.extract(r"^O:(AAPL|SPY)(\d{6})[CP]\d{8}$", 1).alias("root"))
    assert {"AAPL", "SPY"} == set(parts["root"])
    ends = bars["ticker"].str.extract(r"(\d{6})[CP]\d{8}$").str.to_date("%y%m%d")
    assert (ends >= bars["session_date"]).all()


def test_late_reports_change_the_day(market: Market) -> None:
    """A republished day has other bars; its neighbours stay."""
    late = Market(1, 20, date(2025, 10, 1))
    day, before = date(2025, 10, 9), date(2025, 10, 8)
    late.republish(AssetClass.STOCKS, day)
    assert not market.bars("stocks", "bars_1d", day, day).equals(late.bars("stocks", "bars_1d", day, day))
    assert market.bars("stocks", "bars_1d", before, before).equals(late.bars("stocks", "bars_1d", before, before))


def test_the_end_bounds_the_market() -> None:
    """Nothing trades after `end` or before `start`."""
    bounded = Market(1, 5, date(2025, 10, 6), date(2025, 10, 7))
    days = bounded.bars("crypto", "bars_1d", date(2025, 10, 1), date(2025, 10, 31))["session_date"]
    assert {date(2025, 10, 6), date(2025, 10, 6) + timedelta(days=1)} == set(days)

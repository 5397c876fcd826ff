"""The columns of a table of snapshots, and a snapshot as a row of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import polars as pl

from forebay.model.snapshot import Judged, Prices, Snapshot

_NUMBER, _COUNT, _INSTANT = pl.Float64(), pl.Int64(), pl.Datetime("us", "UTC")
_PRICES = ("open", "high", "low", "close", "volume", "vwap")

SHOWN = pl.Schema(
    {
        "ticker": pl.String(),
        "session_date": pl.Date(),
        "updated": _COUNT,
        **{f"day_{name}": _NUMBER for name in _PRICES},
        "minute_start": _INSTANT,
        **{f"minute_{name}": _NUMBER for name in _PRICES},
        "minute_transactions": _COUNT,
        "accumulated_volume": _NUMBER,
        **{f"previous_{name}": _NUMBER for name in _PRICES},
        "change": _NUMBER,
        "change_percent": _NUMBER,
        "fair_value": _NUMBER,
        "trade_price": _NUMBER,
        "trade_size": _NUMBER,
        "trade_time": _COUNT,
        "trade_exchange": _COUNT,
        "trade_id": pl.String(),
        "trade_conditions": pl.String(),
        "bid_price": _NUMBER,
        "bid_size": _NUMBER,
        "ask_price": _NUMBER,
        "ask_size": _NUMBER,
        "quote_time": _COUNT,
    }
)
"""What the vendor showed. Prices are in the shares of the day; `updated` and the times of ticks are Unix nanoseconds;
null is what it did not show, or showed as 0 for want of a trade."""
SNAPSHOT_ROWS = pl.Schema({**SHOWN, "asked_at": _INSTANT, "verdict": pl.String(), "reasons": pl.String()})
"""And when it was asked, and what is to be thought of it."""


def rows_of(judged: Iterable[Judged]) -> pl.DataFrame:
    """The snapshots that show a price of their day, as rows; the others leave nothing to keep."""
    rows = [_row(one, one.snapshot) for one in judged if one.snapshot is not None and one.snapshot.day is not None]
    return pl.DataFrame(rows, schema=SNAPSHOT_ROWS)


def _row(judged: Judged, shown: Snapshot) -> dict[str, Any]:
    minute, trade, quote = shown.minute, shown.trade, shown.quote
    return {
        "ticker": shown.ticker,
        "session_date": shown.session_date,
        "updated": shown.updated,
        **_prices("day", shown.day),
        **_prices("minute", minute),
        **({"minute_start": minute.start, "minute_transactions": minute.transactions} if minute else {}),
        **_prices("previous", shown.previous),
        **{name: getattr(shown, name) for name in ("accumulated_volume", "change", "change_percent", "fair_value")},
        **({f"trade_{name}": getattr(trade, name) for name in _TRADE} if trade else {}),
        **({column: getattr(quote, name) for column, name in _QUOTE.items()} if quote else {}),
        "asked_at": shown.asked_at,
        "verdict": str(judged.verdict),
        "reasons": "; ".join(judged.reasons),
    }


_TRADE = ("price", "size", "time", "exchange", "id", "conditions")
_QUOTE = {
    "bid_price": "bid",
    "bid_size": "bid_size",
    "ask_price": "ask",
    "ask_size": "ask_size",
    "quote_time": "time",
}


def _prices(of: str, prices: Prices | None) -> dict[str, float | None]:
    return {f"{of}_{name}": getattr(prices, name) for name in _PRICES} if prices else {}

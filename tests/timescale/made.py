"""Bars as messages, and rows of the table as tuples."""

from datetime import UTC, datetime

from forebay.model.instrument import AssetClass
from forebay.model.message import BarMessage
from forebay.model.partition import Source
from forebay.model.registry import Phase

START = datetime(2024, 1, 2, 14, 30, tzinfo=UTC)
ROWS = """SELECT symbol, "timestamp", open, high, low, close, volume, vwap, transactions, source
FROM ohlcv_1m ORDER BY symbol COLLATE "C", "timestamp" """


def bar(symbol="AAPL", minute=0, close=10.0, source=Source.STREAM, timeframe="1m", **others):
    """A bar of the `minute`-th minute."""
    fields = {"volume": 100.5, "vwap": 9.5, "transactions": None} | others
    return BarMessage(
        symbol,
        AssetClass.STOCKS,
        timeframe,
        int(START.timestamp() * 1000) + minute * 60_000,
        9.0,
        max(close, 11.0),
        8.0,
        close,
        source=source,
        phase=Phase.STREAM if source is Source.STREAM else Phase.BACKFILL,
        **fields,
    )


def row(each):
    """What the table is to hold of a bar."""
    at = datetime.fromtimestamp(each.timestamp / 1000, UTC)
    prices = (each.open, each.high, each.low, each.close)
    return (each.symbol, at, *prices, each.volume, each.vwap, each.transactions, each.source.value)

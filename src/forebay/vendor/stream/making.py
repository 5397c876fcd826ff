"""An event as a message: the ticker as REST spells it, exact volumes where they are sent, contradictions refused.

One function for each event of each cluster; it raises ValueError for an event that cannot be true.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from forebay.model.live import Cluster
from forebay.model.message import BarMessage, Message, QuoteMessage, TradeMessage, ValueMessage
from forebay.model.partition import Source
from forebay.model.registry import Phase
from forebay.vendor.stream import events
from forebay.vendor.stream.tickers import Tickers

Maker = Callable[[Any], Message]
_SECOND, _MINUTE = 1000, 60_000


def _bars(cluster: Cluster, width: int, field: str) -> Maker:
    """Of bars of `width` milliseconds whose symbol is in `field`."""
    tickers, asset_class = Tickers(cluster), cluster.asset_class
    timeframe = {_SECOND: "1s", _MINUTE: "1m"}[width]
    # The vendor's example of an index bar starts at no second's beginning.
    lenient = cluster is Cluster.INDICES
    stream, phase, of_pair = Source.STREAM, Phase.STREAM, field == "pair"

    def bar(event: Any) -> BarMessage:
        start, first, high, low, last, exact = event.s, event.o, event.h, event.l, event.c, event.dv
        if first < low or first > high or last < low or last > high:
            raise ValueError("its open or close is outside low and high")
        if start % width:
            start = _floored(start, width) if lenient else _refuse(start, timeframe)
        return BarMessage(
            tickers[event.pair if of_pair else event.sym],
            asset_class,
            timeframe,
            start,
            first,
            high,
            low,
            last,
            event.v if exact is None else exact,
            event.vw,
            None,
            stream,
            phase,
        )

    return bar


def _floored(start: int, width: int) -> int:
    return start - start % width


def _refuse(start: int, timeframe: str) -> int:
    raise ValueError(f"{start} is no start of a bar of {timeframe}")


def _trades(cluster: Cluster) -> Maker:
    tickers, asset_class = Tickers(cluster), cluster.asset_class

    def trade(event: events.Trade) -> TradeMessage:
        tape = event.z
        return TradeMessage(
            tickers[event.sym],
            asset_class,
            event.t,
            event.p,
            event.s if event.ds is None else event.ds,
            event.x,
            event.i or "",
            event.c or (),
            event.q,
            int(tape) if isinstance(tape, float) else tape,
            event.pt,
        )

    return trade


def _quotes(cluster: Cluster) -> Maker:
    """A side whose price is 0 is none, and its size says nothing."""
    tickers, asset_class = Tickers(cluster), cluster.asset_class

    def quote(event: events.Quote) -> QuoteMessage:
        bid, ask = event.bp or None, event.ap or None
        return QuoteMessage(
            tickers[event.sym],
            asset_class,
            event.t,
            bid,
            ask,
            event.bs if bid else None,
            event.as_ if ask else None,
            event.bx if bid else None,
            event.ax if ask else None,
            event.q,
        )

    return quote


def _crypto_trades() -> Maker:
    tickers, asset_class = Tickers(Cluster.CRYPTO), Cluster.CRYPTO.asset_class

    def trade(event: events.CryptoTrade) -> TradeMessage:
        number = "" if event.i is None else str(event.i)
        return TradeMessage(tickers[event.pair], asset_class, event.t, event.p, event.s, event.x, number, event.c or ())

    return trade


def _crypto_quotes() -> Maker:
    tickers, asset_class = Tickers(Cluster.CRYPTO), Cluster.CRYPTO.asset_class

    def quote(event: events.CryptoQuote) -> QuoteMessage:
        bid, ask, exchange = event.bp or None, event.ap or None, event.x
        sizes = event.bs if bid else None, event.as_ if ask else None
        return QuoteMessage(tickers[event.pair], asset_class, event.t, bid, ask, *sizes, exchange, exchange)

    return quote


def _forex_quotes() -> Maker:
    tickers, asset_class = Tickers(Cluster.FOREX), Cluster.FOREX.asset_class

    def quote(event: events.ForexQuote) -> QuoteMessage:
        return QuoteMessage(tickers[event.p], asset_class, event.t, event.b or None, event.a or None)

    return quote


def _values() -> Maker:
    tickers, asset_class = Tickers(Cluster.INDICES), Cluster.INDICES.asset_class

    def value(event: events.IndexValue) -> ValueMessage:
        return ValueMessage(tickers[event.T], asset_class, event.t, event.val)

    return value


def _equity_bars(cluster: Cluster) -> dict[type[Struct], Maker]:
    return {events.SecondBar: _bars(cluster, _SECOND, "sym"), events.MinuteBar: _bars(cluster, _MINUTE, "sym")}


def _equities(cluster: Cluster) -> dict[type[Struct], Maker]:
    return _equity_bars(cluster) | {events.Trade: _trades(cluster), events.Quote: _quotes(cluster)}


MAKERS: Mapping[Cluster, Mapping[type[Struct], Maker]] = {
    Cluster.STOCKS: _equities(Cluster.STOCKS),
    Cluster.OPTIONS: _equities(Cluster.OPTIONS),
    Cluster.INDICES: _equity_bars(Cluster.INDICES) | {events.IndexValue: _values()},
    Cluster.FOREX: {
        events.ForexSecondBar: _bars(Cluster.FOREX, _SECOND, "pair"),
        events.ForexMinuteBar: _bars(Cluster.FOREX, _MINUTE, "pair"),
        events.ForexQuote: _forex_quotes(),
    },
    Cluster.CRYPTO: {
        events.CryptoSecondBar: _bars(Cluster.CRYPTO, _SECOND, "pair"),
        events.CryptoMinuteBar: _bars(Cluster.CRYPTO, _MINUTE, "pair"),
        events.CryptoTrade: _crypto_trades(),
        events.CryptoQuote: _crypto_quotes(),
    },
}
"""What becomes of each event that Forebay keeps, by cluster: the same letters mean another thing in another one."""

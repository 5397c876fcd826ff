"""REST snapshots, v2: all tickers, one, the largest movers. Source: the vendor's REST page, section 3."""

from __future__ import annotations

from typing import Any

from forebay.model.catalogue import Kind
from forebay.model.instrument import AssetClass
from forebay.sandbox.desk import Desk
from forebay.sandbox.moments import Bar, Moment, moments
from forebay.sandbox.query import Row, not_found
from forebay.sandbox.rest_aggs import plain
from forebay.sandbox.rest_trades import condition_ids
from forebay.sandbox.wire import Request

_CLASSES = {"stocks": AssetClass.STOCKS, "crypto": AssetClass.CRYPTO, "forex": AssetClass.FOREX}
_MOVERS = 20
_MOVER_VOLUME = 10_000
_SPREAD = 0.0001
_MILLISECONDS = 1_000_000


def everyone(desk: Desk, request: Request, **at: str) -> Row:
    """`/v2/snapshot/locale/{locale}/markets/{market}/tickers`: all, or those of `tickers`."""
    named = request.value("tickers")
    found = moments(desk, _CLASSES[at["market"]], set(named.split(",")) if named else None)
    return {"status": desk.status, "count": len(found), "tickers": [snapshot(desk, one) for one in found]}


def single(desk: Desk, request: Request, **at: str) -> Row:
    """`.../tickers/{ticker}`; 404 when it is unknown or has not traded today."""
    del request
    found = moments(desk, _CLASSES[at["market"]], {at["ticker"]})
    if not found:
        raise not_found("NotFound")
    return {"status": desk.status, "ticker": snapshot(desk, found[0])}


def movers(desk: Desk, request: Request, **at: str) -> Row:
    """`.../gainers` and `.../losers`: the top 20 by change in percent, of those with volume."""
    del request
    gainers = at["direction"] == "gainers"
    stocks = at["market"] == "stocks"
    found = [
        one
        for one in moments(desk, _CLASSES[at["market"]])
        if (one.change > 0) == gainers and one.change != 0 and (not stocks or one.accumulated >= _MOVER_VOLUME)
    ]
    found.sort(key=lambda one: one.change_percent, reverse=gainers)
    return {"status": desk.status, "tickers": [snapshot(desk, one) for one in found[:_MOVERS]]}


def snapshot(desk: Desk, moment: Moment) -> Row:
    """One ticker's snapshot; the last trade and quote only where the plan has them."""
    row: Row = {
        "ticker": moment.ticker,
        "todaysChange": round(moment.change, 6),
        "todaysChangePerc": round(moment.change_percent, 6),
        "updated": moment.updated,
        "day": {**_bar(moment.day), "dv": str(float(moment.day["volume"]))},
    }
    if moment.minute:
        row["min"] = _minute(moment.minute, moment.accumulated)
    if moment.previous:
        row["prevDay"] = _bar(moment.previous)
    if desk.plan.trades and moment.trade and "conditions" in moment.trade:
        row["lastTrade"] = _last_trade(moment.trade)
    if Kind.QUOTES in desk.plan.files:
        bid, ask = moment.price * (1 - _SPREAD), moment.price * (1 + _SPREAD)
        row["lastQuote"] = {"p": round(bid, 5), "s": 2, "P": round(ask, 5), "S": 3, "t": moment.updated}
    return row


def _bar(bar: Bar) -> Row:
    short = {"o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vw": "vwap"}
    return {name: plain(bar[field]) for name, field in short.items() if bar[field] is not None}


def _minute(bar: Bar, accumulated: float) -> Row:
    return {
        **_bar(bar),
        "av": plain(accumulated),
        "n": bar["transactions"],
        "t": bar["window_start"] // _MILLISECONDS,
        "dv": str(float(bar["volume"])),
        "dav": str(float(accumulated)),
    }


def _last_trade(trade: dict[str, Any]) -> Row:
    return {
        "c": condition_ids(trade["conditions"]) or None,
        "i": trade.get("id", ""),
        "p": plain(trade["price"]),
        "s": plain(trade["size"]),
        "ds": str(float(trade["size"])),
        "t": trade["sip_timestamp"],
        "x": trade["exchange"],
    }

"""REST snapshots, v3: any class, indices, option chains. Source: the vendor's REST page, section 3."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp, pi, sqrt

from forebay.model.catalogue import Kind
from forebay.model.instrument import AssetClass, asset_class_of
from forebay.sandbox.desk import Desk
from forebay.sandbox.instruments import Instrument
from forebay.sandbox.moments import Moment, moments
from forebay.sandbox.noise import key_of
from forebay.sandbox.paging import ordered, page, with_cursor
from forebay.sandbox.query import Row, bad, keeps, not_found
from forebay.sandbox.rest_aggs import plain
from forebay.sandbox.rest_market import stage_of
from forebay.sandbox.rest_trades import condition_ids
from forebay.sandbox.wire import Request

_TYPES = {
    AssetClass.STOCKS: "stocks",
    AssetClass.OPTIONS: "options",
    AssetClass.CRYPTO: "crypto",
    AssetClass.FOREX: "fx",
    AssetClass.INDICES: "indices",
}
_MOST_NAMES = 250
_VOLATILITY = 0.25
_SPREAD = 0.0001
_CHAIN_SORTS = ("ticker", "expiration_date", "strike_price")


def universal(desk: Desk, request: Request) -> Row:
    """`/v3/snapshot`: the tickers of `ticker.any_of`, or a whole `type`; unknown tickers answer with an error row."""
    request = with_cursor(request)
    named = [name for name in (request.value("ticker.any_of") or request.value("ticker") or "").split(",") if name]
    if len(named) > _MOST_NAMES:
        raise bad(f"At most {_MOST_NAMES} tickers can be asked for at once")
    wanted = request.value("type")
    classes = [one for one, word in _TYPES.items() if wanted in (None, "", word)]
    if named:
        classes = [one for one in classes if one in {asset_class_of(name) for name in named}]
    rows = [row for one in classes for row in _rows(desk, one, set(named) or None)]
    known = {row["ticker"] for row in rows}
    rows += [_unknown(name) for name in dict.fromkeys(named) if name not in known]
    kept = [row for row in rows if keeps(request, row, "ticker")]
    return page(request, ordered(request, kept, ("ticker",)), 10, 250)


def indices(desk: Desk, request: Request) -> Row:
    """`/v3/snapshot/indices`."""
    request = with_cursor(request)
    named = [name for name in (request.value("ticker.any_of") or request.value("ticker") or "").split(",") if name]
    rows = _rows(desk, AssetClass.INDICES, set(named) or None)
    known = {row["ticker"] for row in rows}
    rows += [_unknown(name) for name in named if name not in known]
    return page(request, ordered(request, rows, ("ticker",)), 10, 250)


def chain(desk: Desk, request: Request, **at: str) -> Row:
    """`/v3/snapshot/options/{underlying}`: every contract of a stock that traded today."""
    request = with_cursor(request)
    rows = []
    for row in _chain_rows(desk, at["underlying"]):
        flat = {**row["details"], "row": row}
        if keeps(request, flat, "strike_price", "expiration_date", "contract_type"):
            rows.append(flat)
    answer = page(request, ordered(request, rows, _CHAIN_SORTS), 10, 250)
    return {**answer, "results": [flat["row"] for flat in answer["results"]]}


def contract(desk: Desk, request: Request, **at: str) -> Row:
    """`/v3/snapshot/options/{underlying}/{contract}`; 404 when it has not traded today."""
    del request
    for row in _chain_rows(desk, at["underlying"]):
        if row["details"]["ticker"] == at["contract"]:
            return {"results": row, "status": "OK"}
    raise not_found("NotFound")


def _chain_rows(desk: Desk, underlying: str) -> Iterable[Row]:
    spot = next(iter(moments(desk, AssetClass.STOCKS, {underlying})), None)
    if spot is None:
        return
    for moment in moments(desk, AssetClass.OPTIONS):
        option = moment.cell.instrument.option
        if option is not None and option.underlying == underlying:
            row = {**_option_part(desk, moment, spot), **_row(desk, moment)}
            row["day"] = _option_day(moment)
            yield {name: row[name] for name in row if name not in ("session", "last_minute", "type", "ticker")}


def _rows(desk: Desk, asset_class: AssetClass, tickers: set[str] | None) -> list[Row]:
    return [_row(desk, moment) for moment in moments(desk, asset_class, tickers)]


def _unknown(ticker: str) -> Row:
    return {"ticker": ticker, "error": "NOT_FOUND", "message": "Ticker not found."}


def _row(desk: Desk, moment: Moment) -> Row:
    instrument, asset_class = moment.cell.instrument, moment.cell.instrument.asset_class
    timeframe = "DELAYED" if desk.plan.delayed else "REAL-TIME"
    row: Row = {
        "ticker": moment.ticker,
        "type": _TYPES[asset_class],
        "name": instrument.title,
        "market_status": _stage(desk, asset_class),
        "timeframe": timeframe,
        "session": _session(moment, asset_class),
    }
    if asset_class is AssetClass.INDICES:
        return {**row, "value": plain(moment.price), "last_updated": moment.updated}
    if moment.minute:
        row["last_minute"] = _minute(moment)
    if desk.plan.trades and moment.trade and "conditions" in moment.trade:
        row["last_trade"] = _trade(moment, timeframe)
    if Kind.QUOTES in desk.plan.files:
        row["last_quote"] = _quote(moment, timeframe)
    return row


def _stage(desk: Desk, asset_class: AssetClass) -> str:
    if asset_class in (AssetClass.CRYPTO, AssetClass.FOREX):
        return "open"
    return stage_of(desk.clock.now())


def _session(moment: Moment, asset_class: AssetClass) -> Row:
    row: Row = {name: plain(moment.day[name]) for name in ("open", "high", "low", "close")}
    row |= {"price": plain(moment.price), "change": round(moment.change, 6)}
    row["change_percent"] = round(moment.change_percent, 6)
    if moment.previous:
        row["previous_close"] = plain(moment.previous["close"])
    if moment.regular_close is not None and moment.previous:
        row["regular_trading_change"] = round(moment.regular_close - moment.previous["close"], 6)
        row["late_trading_change"] = round(moment.price - moment.regular_close, 6)
    if asset_class is not AssetClass.INDICES:
        row |= {"volume": plain(moment.accumulated), "decimal_volume": str(float(moment.accumulated))}
    return row


def _minute(moment: Moment) -> Row:
    bar = moment.last_bar
    row: Row = {name: plain(bar[name]) for name in ("open", "high", "low", "close", "volume")}
    if bar["vwap"] is not None:
        row["vwap"] = plain(bar["vwap"])
    return {**row, "decimal_volume": str(float(bar["volume"])), "transactions": bar["transactions"]}


def _trade(moment: Moment, timeframe: str) -> Row:
    trade = moment.trade or {}
    row: Row = {"price": plain(trade["price"]), "size": plain(trade["size"]), "exchange": trade["exchange"]}
    row |= {"decimal_size": str(float(trade["size"])), "sip_timestamp": trade["sip_timestamp"], "timeframe": timeframe}
    if trade["conditions"]:
        row["conditions"] = condition_ids(trade["conditions"])
    return {**row, **{name: trade[name] for name in ("id", "participant_timestamp") if name in trade}}


def _quote(moment: Moment, timeframe: str) -> Row:
    bid, ask = moment.price * (1 - _SPREAD), moment.price * (1 + _SPREAD)
    sizes = {"bid_size": 4, "ask_size": 8, "bid_exchange": 11, "ask_exchange": 12}
    middle = round((bid + ask) / 2, 6)
    prices = {"bid": round(bid, 5), "ask": round(ask, 5), "midpoint": middle}
    return {**prices, **sizes, "last_updated": moment.updated, "timeframe": timeframe}


def _option_day(moment: Moment) -> Row:
    row: Row = {name: plain(moment.day[name]) for name in ("open", "high", "low", "close", "volume", "vwap")}
    row |= {"change": round(moment.change, 6), "change_percent": round(moment.change_percent, 6)}
    if moment.previous:
        row["previous_close"] = plain(moment.previous["close"])
    return {**row, "last_updated": moment.updated}


def _option_part(desk: Desk, moment: Moment, spot: Moment) -> Row:
    instrument = moment.cell.instrument
    option = instrument.option
    if option is None:
        raise not_found("NotFound")
    sign = 1.0 if option.option_type == "call" else -1.0
    even = option.strike + sign * moment.price
    return {
        "break_even_price": round(even, 4),
        "details": {
            "contract_type": option.option_type,
            "exercise_style": "american",
            "expiration_date": option.expiration.isoformat(),
            "shares_per_contract": 100,
            "strike_price": plain(option.strike),
            "ticker": moment.ticker,
        },
        "greeks": _greeks(instrument, spot.price, (option.expiration - moment.cell.day).days),
        "implied_volatility": _VOLATILITY,
        "open_interest": key_of("open interest", moment.ticker) % 5000,
        "underlying_asset": {
            "ticker": spot.ticker,
            "price": plain(spot.price),
            "change_to_break_even": round(even - spot.price, 4),
            "last_updated": spot.updated,
            "timeframe": "DELAYED" if desk.plan.delayed else "REAL-TIME",
        },
    }


def _greeks(instrument: Instrument, spot: float, days: int) -> Row:
    """Derivatives of the market's own option price (`prices.option_value`), roughly."""
    option = instrument.option
    strike = option.strike if option else spot
    deviation = _VOLATILITY * spot * sqrt(max(days, 1) / 365)
    distance = (spot - strike) / deviation
    bell = exp(-0.5 * distance**2)
    above = 1.0 / (1.0 + exp(-1.7 * distance))
    delta = above if option is None or option.option_type == "call" else above - 1.0
    gamma = bell / (deviation * sqrt(2 * pi))
    theta = -0.2 * deviation * bell / max(days, 1)
    vega = 0.4 * spot * sqrt(max(days, 1) / 365) * bell / 100
    return {"delta": round(delta, 6), "gamma": round(gamma, 6), "theta": round(theta, 6), "vega": round(vega, 6)}

"""REST reference: tickers, their details, types and events. Source: the vendor's REST page, section 4."""

from __future__ import annotations

from datetime import date

from forebay.model.instrument import AssetClass
from forebay.sandbox import identity
from forebay.sandbox.desk import Desk
from forebay.sandbox.instruments import Instrument
from forebay.sandbox.paging import ordered, page, with_cursor
from forebay.sandbox.query import Row, day, flag, keeps, not_found
from forebay.sandbox.wire import Request

_MARKETS = {
    "stocks": AssetClass.STOCKS,
    "crypto": AssetClass.CRYPTO,
    "fx": AssetClass.FOREX,
    "indices": AssetClass.INDICES,
    "otc": AssetClass.STOCKS,
}
_SHARES = 1_000_000_000


def tickers(desk: Desk, request: Request) -> Row:
    """`/v3/reference/tickers`: who is listed, now or on `date`; `active=false` for who was."""
    request = with_cursor(request)
    as_of = day(request.value("date") or desk.today().isoformat(), "date")
    active = flag(request, "active", default=True)
    market = request.value("market")
    wanted = [name for name in _MARKETS if market in (None, "", name)]
    rows = [
        ticker_row(one, name, as_of, active=active)
        for name in wanted
        for one in _members(desk, name)
        if (one.ticker_on(as_of) is not None if active else _gone(one, as_of))
    ]
    kept = [row for row in rows if keeps(request, row, "ticker", "type", "cik") and _found(request, row)]
    sorts = ("ticker", "name", "type", "market")
    by_name = bool(request.value("search"))  # the vendor then ignores `sort`
    rows = sorted(kept, key=lambda row: row["name"]) if by_name else ordered(request, kept, sorts)
    return page(request, rows, 100, 1000)


def _members(desk: Desk, market: str) -> tuple[Instrument, ...]:
    return desk.market.over_the_counter if market == "otc" else desk.market.everyone(_MARKETS[market])


def _gone(instrument: Instrument, as_of: date) -> bool:
    # The vendor lists no inactive pairs, by design.
    return instrument.delisted is not None and instrument.delisted < as_of


def _found(request: Request, row: Row) -> bool:
    exchange, search = request.value("exchange"), (request.value("search") or "").lower()
    at = exchange in (None, "", row.get("primary_exchange"))
    return at and (search in row["ticker"].lower() or search in row["name"].lower())


def ticker_row(instrument: Instrument, market: str, as_of: date, *, active: bool = True) -> Row:
    """One row of the list."""
    ticker = instrument.ticker_on(as_of) or instrument.names[-1].ticker
    row: Row = {"ticker": ticker, "name": instrument.title, "market": market, "active": active}
    row["locale"] = "us" if market in ("stocks", "otc", "indices") else "global"
    if market in ("stocks", "otc"):
        row |= {"type": instrument.kind, "currency_name": "usd"}
        row |= {"primary_exchange": instrument.venue} if instrument.venue else {}
    elif market != "indices":
        row |= {"base_currency_symbol": ticker[2:-3], "currency_symbol": ticker[-3:], "currency_name": ticker[-3:]}
    codes = {
        "cik": identity.cik(instrument),
        "composite_figi": identity.composite_figi(instrument),
        "share_class_figi": identity.share_class_figi(instrument),
    }
    row |= {name: code for name, code in codes.items() if code}
    if not active and instrument.delisted:
        row["delisted_utc"] = f"{instrument.delisted.isoformat()}T00:00:00Z"
    return {**row, "last_updated_utc": f"{as_of.isoformat()}T00:00:00Z"}


def details(desk: Desk, request: Request, **at: str) -> Row:
    """`/v3/reference/tickers/{ticker}`: one ticker, now or on `date`; 404 when nobody bears it then."""
    as_of = day(request.value("date") or desk.today().isoformat(), "date")
    found = desk.market.holder(at["ticker"], as_of)
    if found is None or found.option is not None:
        raise not_found()
    markets = (name for name, asset_class in _MARKETS.items() if asset_class is found.asset_class)
    market = "otc" if found.otc else next(markets)
    row = ticker_row(found, market, as_of)
    row.pop("last_updated_utc")
    if market in ("stocks", "otc"):
        root, _, suffix = at["ticker"].partition(".")
        row |= {"ticker_root": root, "list_date": found.listed.isoformat(), "round_lot": 100}
        row |= {"share_class_shares_outstanding": _SHARES, "weighted_shares_outstanding": _SHARES}
        row |= {"market_cap": round(_SHARES * found.price), **({"ticker_suffix": suffix} if suffix else {})}
    return {"results": row, "status": "OK"}


def events(desk: Desk, request: Request, **at: str) -> Row:
    """`/vX/reference/tickers/{id}/events`: the names of whoever bears a ticker (or has a FIGI), the newest first."""
    del request
    stocks = desk.market.everyone(AssetClass.STOCKS)
    by_figi = next((one for one in stocks if identity.composite_figi(one) == at["ticker"]), None)
    found = by_figi or desk.holder_today(at["ticker"]) or next(iter(desk.market.holders(at["ticker"])[::-1]), None)
    if found is None or found.asset_class is not AssetClass.STOCKS:
        raise not_found()
    changes = [
        {"type": "ticker_change", "date": name.first.isoformat(), "ticker_change": {"ticker": name.ticker}}
        for name in reversed(found.names)
        if name.first <= desk.today()
    ]
    row: Row = {"name": found.title, "events": changes}
    codes = {"composite_figi": identity.composite_figi(found), "cik": identity.cik(found)}
    return {"results": {**row, **{name: code for name, code in codes.items() if code}}, "status": "OK"}

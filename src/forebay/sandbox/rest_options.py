"""REST option contracts. Source: the vendor's REST page, section 4."""

from __future__ import annotations

from datetime import date

from forebay.model.instrument import AssetClass
from forebay.sandbox.chains import contracts_of, expirations
from forebay.sandbox.desk import Desk
from forebay.sandbox.instruments import Instrument
from forebay.sandbox.paging import ordered, page, with_cursor
from forebay.sandbox.query import Row, day, flag, keeps, not_found
from forebay.sandbox.wire import Request

_FIELDS = ("ticker", "underlying_ticker", "contract_type", "expiration_date", "strike_price")
_SORTS = ("ticker", "underlying_ticker", "expiration_date", "strike_price")


def contracts(desk: Desk, request: Request) -> Row:
    """`/v3/reference/options/contracts`: what is listed on `as_of`, or with `expired=true` what was."""
    request = with_cursor(request)
    as_of = day(request.value("as_of") or desk.today().isoformat(), "as_of")
    found = _expired(desk, as_of) if flag(request, "expired", default=False) else _listed(desk, as_of)
    rows = [contract_row(one) for one in found]
    kept = [row for row in rows if keeps(request, row, *_FIELDS)]
    return page(request, ordered(request, kept, _SORTS), 10, 1000)


def contract(desk: Desk, request: Request, **at: str) -> Row:
    """`/v3/reference/options/contracts/{ticker}`; 404 when it is not listed on `as_of`."""
    as_of = day(request.value("as_of") or desk.today().isoformat(), "as_of")
    found = desk.market.holder(at["ticker"], as_of) if at["ticker"].startswith("O:") else None
    if found is None:
        raise not_found(message="Options contract not found.")
    return {"results": contract_row(found), "status": "OK"}


def _listed(desk: Desk, as_of: date) -> list[Instrument]:
    return desk.market.instruments(AssetClass.OPTIONS, as_of)


def _expired(desk: Desk, as_of: date) -> list[Instrument]:
    """Contracts that expired from the market's start to the day before `as_of`."""
    gone = []
    for year in range(desk.market.start.year, as_of.year + 1):
        for expiration in expirations(year):
            if desk.market.start <= expiration < as_of:
                gone += [
                    one
                    for root in desk.market.option_roots()
                    for one in contracts_of(desk.market.seed, root, expiration)
                ]
    return gone


def contract_row(instrument: Instrument) -> Row:
    """One contract as the vendor describes it."""
    option = instrument.option
    if option is None:
        raise not_found(message="Options contract not found.")
    return {
        "cfi": "OCASPS" if option.option_type == "call" else "OPASPS",
        "contract_type": option.option_type,
        "exercise_style": "american",
        "expiration_date": option.expiration.isoformat(),
        "primary_exchange": instrument.venue,
        "shares_per_contract": 100,
        "strike_price": int(option.strike) if option.strike.is_integer() else option.strike,
        "ticker": instrument.names[0].ticker,
        "underlying_ticker": option.underlying,
    }

"""REST splits and dividends, the older (v3) and the newer (v1) endpoints. Source: the vendor's REST page, section 4."""

from __future__ import annotations

from datetime import date, timedelta
from hashlib import sha256

from forebay.model.catalogue import Kind
from forebay.model.instrument import AssetClass
from forebay.sandbox.desk import Desk
from forebay.sandbox.instruments import Dividend, Instrument, Split
from forebay.sandbox.paging import ordered, page, with_cursor
from forebay.sandbox.query import Row, bad, flag, keeps
from forebay.sandbox.wire import Request

_ANNOUNCED = timedelta(days=14)
"""How long before its day a split or dividend is known."""
_PAID_AFTER = timedelta(days=14)
_BACK = timedelta(days=7)
_QUARTERLY = 4
_SPLIT_FIELDS = ("ticker", "execution_date", "adjustment_type")
_DIVIDEND_FIELDS = (
    "ticker",
    "ex_dividend_date",
    "record_date",
    "declaration_date",
    "pay_date",
    "cash_amount",
    "frequency",
    "dividend_type",
    "distribution_type",
)


def splits_v3(desk: Desk, request: Request) -> Row:
    """`/v3/reference/splits`."""
    request = with_cursor(request)
    rows = [_without(row, "adjustment_type", "historical_adjustment_factor") for row in _splits(desk)]
    kept = [row for row in rows if keeps(request, row, *_SPLIT_FIELDS)]
    if request.value("reverse_split"):
        reverse = flag(request, "reverse_split", default=False)
        kept = [row for row in kept if (row["split_from"] > row["split_to"]) == reverse]
    return page(request, ordered(request, kept, ("execution_date", "ticker"), newest_first=True), 10, 1000)


def splits_v1(desk: Desk, request: Request) -> Row:
    """`/stocks/v1/splits`: direction is in `sort=field.asc`; `order` is ignored."""
    request = with_cursor(request)
    kept = [row for row in _splits(desk) if keeps(request, row, *_SPLIT_FIELDS)]
    return page(request, _directed(request, kept, "execution_date.desc"), 100, 5000)


def dividends_v3(desk: Desk, request: Request) -> Row:
    """`/v3/reference/dividends`."""
    request = with_cursor(request)
    drop = ("distribution_type", "split_adjusted_cash_amount", "historical_adjustment_factor")
    rows = [_without(row, *drop) | {"dividend_type": "CD"} for row in _dividends(desk, factors=False)]
    kept = [row for row in rows if keeps(request, row, *_DIVIDEND_FIELDS)]
    sorts = ("ex_dividend_date", "pay_date", "declaration_date", "record_date", "cash_amount", "ticker")
    return page(request, ordered(request, kept, sorts, newest_first=True), 10, 1000)


def dividends_v1(desk: Desk, request: Request) -> Row:
    """`/stocks/v1/dividends`."""
    request = with_cursor(request)
    kept = [row for row in _dividends(desk, factors=True) if keeps(request, row, *_DIVIDEND_FIELDS)]
    return page(request, _directed(request, kept, "ticker.asc"), 100, 5000)


def _without(row: Row, *names: str) -> Row:
    return {name: value for name, value in row.items() if name not in names}


def _directed(request: Request, rows: list[Row], default: str) -> list[Row]:
    for part in reversed((request.value("sort") or default).split(",")):
        field, _, direction = part.partition(".")
        if direction not in ("", "asc", "desc") or (rows and field not in rows[0]):
            raise bad(f"Invalid sort: {part!r}")
        rows = sorted(rows, key=lambda row, name=field: row[name], reverse=direction == "desc")  # type: ignore[misc]
    return rows


def _known(desk: Desk, when: date) -> bool:
    return when <= desk.today() + _ANNOUNCED


def _splits(desk: Desk) -> list[Row]:
    stocks = desk.market.everyone(AssetClass.STOCKS)
    return [_split_row(one, split, desk.today()) for one in stocks for split in one.splits if _known(desk, split.day)]


def _split_row(instrument: Instrument, split: Split, today: date) -> Row:
    ticker = instrument.ticker_on(today) or instrument.names[-1].ticker
    anchor = max(today, split.day)
    factor = 1.0 / instrument.share_ratio(split.day - timedelta(days=1), anchor)
    return {
        "id": _id("split", instrument.id, split.day),
        "ticker": ticker,
        "execution_date": split.day.isoformat(),
        "split_from": split.split_from,
        "split_to": split.split_to,
        "adjustment_type": "forward_split" if split.split_to > split.split_from else "reverse_split",
        "historical_adjustment_factor": round(factor, 6),
    }


def _dividends(desk: Desk, *, factors: bool) -> list[Row]:
    rows = []
    for instrument in desk.market.everyone(AssetClass.STOCKS):
        factor = 1.0
        for dividend in reversed([one for one in instrument.dividends if _known(desk, one.ex_day)]):
            factor *= 1.0 - dividend.cash / _close_before(desk, instrument, dividend) if factors else 1.0
            rows.append(_dividend_row(instrument, dividend, desk.today(), factor))
    return rows


def _close_before(desk: Desk, instrument: Instrument, dividend: Dividend) -> float:
    """The last close before the ex-day; without a bar, the instrument's usual price."""
    last = min(dividend.ex_day, desk.today()) - timedelta(days=1)
    ticker = instrument.ticker_on(last) or ""
    frames = desk.ticker_bars(ticker, AssetClass.STOCKS, Kind.BARS_1D, last - _BACK, last)
    closes = [close for frame in frames for close in frame["close"]]
    return float(closes[-1]) if closes else instrument.price


def _dividend_row(instrument: Instrument, dividend: Dividend, today: date, factor: float) -> Row:
    return {
        "id": _id("dividend", instrument.id, dividend.ex_day),
        "ticker": instrument.ticker_on(today) or instrument.names[-1].ticker,
        "cash_amount": dividend.cash,
        "currency": "USD",
        "declaration_date": (dividend.ex_day - _ANNOUNCED).isoformat(),
        "ex_dividend_date": dividend.ex_day.isoformat(),
        "record_date": dividend.ex_day.isoformat(),
        "pay_date": (dividend.ex_day + _PAID_AFTER).isoformat(),
        "frequency": _QUARTERLY,
        "distribution_type": "recurring",
        "split_adjusted_cash_amount": round(dividend.cash / instrument.share_ratio(dividend.ex_day, today), 6),
        "historical_adjustment_factor": round(factor, 6),
    }


def _id(*parts: object) -> str:
    return "E" + sha256("/".join(map(str, parts)).encode()).hexdigest()

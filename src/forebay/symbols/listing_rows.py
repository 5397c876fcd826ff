"""The vendor's reference rows as listings."""

from __future__ import annotations

from datetime import date, timedelta

from forebay.errors import PageRejected
from forebay.model.universe import Listing
from forebay.vendor.reference import ContractRow
from forebay.vendor.wire import TickerRow

_DAY = timedelta(days=1)


def is_ticker(text: str) -> bool:
    """Whether it can be one: the vendor has been seen to list garbage with control characters."""
    return bool(text) and text.isprintable() and text == text.strip()


def listing_of(row: TickerRow) -> Listing:
    """A row of the list of tickers, or the details of one. Raises PageRejected for a date that is none."""
    last = _day(row, row.delisted_utc)
    return Listing(
        ticker=row.ticker,
        name=row.name,
        type=row.type or "",
        exchange=row.primary_exchange or "",
        currency=(row.currency_symbol or row.currency_name or "").upper(),
        active=row.active is not False,
        figi=row.composite_figi or None,
        listed=_day(row, row.list_date),
        delisted=last and last + _DAY,  # the vendor names the last day of trading
    )


def contract_listing(row: ContractRow, as_of: date) -> Listing:
    """An option contract: its type is `call` or `put`, and it ends with the day on which it expires."""
    last = row.expiration_date
    return Listing(
        ticker=row.ticker,
        type=row.contract_type,
        exchange=row.primary_exchange,
        currency="USD",
        active=last is None or last >= as_of,
        delisted=last and last + _DAY,
    )


def _day(row: TickerRow, text: str | None) -> date | None:
    """The date of `2014-06-30` and of `2014-06-30T00:00:00Z`."""
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError as error:
        raise PageRejected(f"the vendor's row of {row.ticker} has a date that is none: {text!r}") from error

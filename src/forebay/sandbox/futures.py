"""Futures contracts: quarterly months of two products on each venue, each known by its ticker while it is listed."""

from __future__ import annotations

from datetime import date, timedelta

from forebay.model.instrument import AssetClass
from forebay.sandbox.instruments import Instrument, Name

_MONTHS = {3: "H", 6: "M", 9: "U", 12: "Z"}
_YEARS = range(2017, 2037)
_LISTED = timedelta(days=182)
"""So long before its end a contract begins: two of a product trade at any time."""
_FRIDAY, _THIRD = 4, 14
# venue, root, title, usual price, trades in a usual session
_PRODUCTS = (
    ("cme", "ES", "E-mini S&P 500", 6550.0, 900.0),
    ("cme", "6E", "Euro FX", 1.17, 300.0),
    ("cbot", "ZC", "Corn", 431.0, 300.0),
    ("cbot", "ZN", "10-Year T-Note", 112.5, 500.0),
    ("comex", "GC", "Gold", 3980.0, 500.0),
    ("comex", "SI", "Silver", 47.2, 200.0),
    ("nymex", "CL", "Crude Oil", 61.3, 700.0),
    ("nymex", "NG", "Henry Hub Natural Gas", 3.42, 300.0),
)
EXCHANGES = {"cme": 4, "cbot": 1, "comex": 2, "nymex": 3}
"""The number of each venue in the `exchange` column."""


def _contracts() -> tuple[Instrument, ...]:
    made = []
    for venue, root, title, price, trades in _PRODUCTS:
        for year in _YEARS:
            for month, letter in _MONTHS.items():
                last = _third_friday(year, month)
                name = Name(f"{root}{letter}{year % 10}", last - _LISTED, last)
                identity = f"futures/{root}{letter}{year}"
                futures = AssetClass.FUTURES
                made.append(Instrument(identity, futures, (name,), title, price, trades, "", venue))
    return tuple(made)


def _third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(_FRIDAY - first.weekday()) % 7 + _THIRD)


FUTURES = _contracts()
"""Every contract that ends in those years; `venue` is the catalogue's. A ticker comes back after ten years."""

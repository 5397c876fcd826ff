"""The option contracts on a day: monthly expirations, listed a hundred days ahead around the price of that time."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

import numpy as np

from forebay.model.calendar import session_days
from forebay.model.instrument import AssetClass, OptionName
from forebay.sandbox.instruments import Instrument, Name
from forebay.sandbox.noise import key_of
from forebay.sandbox.prices import slow_log

_LISTED_FOR = timedelta(days=100)
_STEPS = range(-4, 5)
"""Strikes on each side of the price at listing, one step (about 4% of it) apart."""
_FRIDAY = 4
_BUSIEST = 40.0
"""Trades a day at the money in the nearest month."""


@lru_cache(maxsize=64)
def expirations(year: int) -> tuple[date, ...]:
    """The third Friday of each month of `year`, or the session before where that is a holiday."""
    days = []
    for month in range(1, 13):
        first = date(year, month, 1)
        friday = first + timedelta(days=(_FRIDAY - first.weekday()) % 7 + 14)
        days.append(session_days("XNYS", friday - timedelta(days=5), friday)[-1])
    return tuple(days)


def contracts_on(seed: int, root: Instrument, day: date) -> list[Instrument]:
    """Every contract on `root` that is listed on `day`, by expiration, type and strike."""
    listed: list[Instrument] = []
    for expiration in (*expirations(day.year), *expirations(day.year + 1)):
        if expiration - _LISTED_FOR <= day <= expiration:
            listed += contracts_of(seed, root, expiration)
    return listed


@lru_cache(maxsize=256)
def contracts_of(seed: int, root: Instrument, expiration: date) -> tuple[Instrument, ...]:
    """The contracts of one expiration; the same on every day they are listed."""
    first = expiration - _LISTED_FOR
    key = np.array([key_of(seed, "price", root.id)], np.uint64)
    place = np.array([float((first - date(1970, 1, 1)).days)])
    middle = root.price * float(np.exp(slow_log(key, place)[0]))
    step = max(round(middle * 0.04 / 5.0) * 5.0, 1.0)
    center = round(middle / step) * step
    ticker = root.names[-1].ticker
    return tuple(
        _contract(root, ticker, first, OptionName(ticker, expiration, kind, center + steps * step), steps)
        for kind in ("call", "put")
        for steps in _STEPS
    )


def _contract(root: Instrument, ticker: str, first: date, option: OptionName, steps: int) -> Instrument:
    letter = "C" if option.option_type == "call" else "P"
    name = f"O:{ticker}{option.expiration:%y%m%d}{letter}{round(option.strike * 1000):08d}"
    title = f"{ticker} ${option.strike:g} {option.option_type.title()}"
    names = (Name(name, first, option.expiration),)
    trades = _BUSIEST / (1.0 + 1.5 * abs(steps)) - 6.0
    return Instrument(
        f"options/{name}",
        AssetClass.OPTIONS,
        names,
        title,
        0.0,
        max(trades, 0.6),
        kind="",
        venue="BATO",
        option=option,
        underlying=root.id,
    )

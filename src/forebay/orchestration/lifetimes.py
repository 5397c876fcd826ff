"""When each ticker was traded: nobody is asked for bars of a day before a listing, or after a delisting."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta

from forebay.model.instrument import AssetClass, parse_option
from forebay.model.universe import Lifetime
from forebay.orchestration.wanted import Wish

FindLifetimes = Callable[[Collection[str]], Mapping[str, Lifetime]]
"""What is known of tickers: those that nobody knows have no key, and are asked for throughout."""
ALWAYS = Lifetime()
"""Of a ticker that nothing is known of."""


def nothing_known(_: Collection[str]) -> Mapping[str, Lifetime]:
    """Where no universe was ever discovered."""
    return {}


def lifetimes(wish: Wish, find: FindLifetimes) -> Mapping[str, Lifetime]:
    """What is known of the wish's symbols. An option's last day is in its name."""
    if wish.whole_market:
        return {}
    known = find(wish.symbols)
    if wish.dataset.asset_class is not AssetClass.OPTIONS:
        return known
    return {symbol: _option(symbol, known.get(symbol, ALWAYS)) for symbol in wish.symbols}


def _option(ticker: str, known: Lifetime) -> Lifetime:
    name = parse_option(ticker)
    if name is None:
        return known
    after = name.expiration + timedelta(days=1)
    return replace(known, delisted=min(after, known.delisted or date.max))

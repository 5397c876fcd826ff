"""Symbols as the stream spells them, and as REST and Forebay do.

A pair is `BTC-USD` or `EUR/USD` on its cluster and `X:BTCUSD`, `C:EURUSD` everywhere else; other tickers are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from forebay.model.instrument import PREFIX_OF, AssetClass, asset_class_of
from forebay.model.live import WILDCARD, Cluster
from forebay.vendor.spelling import flatfile_ticker

_SYMBOL = re.compile(r"[!-+\--~]{1,64}")
"""Printable, no space, no comma: a comma parts two subscriptions."""
_KEPT = 65_536
"""Spellings remembered of each cluster; wildcards bring some 12,000 stocks."""
_SEPARATORS = {Cluster.CRYPTO: "-", Cluster.FOREX: "/"}


def tickers_of(cluster: Cluster) -> Callable[[str], str]:
    """How a cluster's symbols are read: to REST's spelling, or ValueError for one that cannot be of this cluster."""
    prefix = PREFIX_OF.get(cluster.asset_class, "")

    @lru_cache(maxsize=_KEPT)
    def read(symbol: str) -> str:
        ticker = _joined(prefix, symbol) if cluster in _SEPARATORS else symbol
        check_ticker(cluster, ticker)
        return ticker

    return read


def _joined(prefix: str, pair: str) -> str:
    base, _, quote = pair.replace("/", "-").rpartition("-")
    return f"{prefix}{base}{quote}"


def check_ticker(cluster: Cluster, ticker: str) -> None:
    """Raises ValueError when `ticker` cannot be one of the cluster's."""
    if not _SYMBOL.fullmatch(ticker) or ticker == WILDCARD:
        raise ValueError(f"{ticker!r} is no ticker")
    prefix = PREFIX_OF.get(cluster.asset_class, "")
    if asset_class_of(ticker) is not cluster.asset_class or ticker == prefix:
        raise ValueError(f"{ticker} is not of {cluster}")


def stream_symbol(cluster: Cluster, ticker: str) -> str:
    """A REST ticker, or `*`, as the cluster spells it. Raises ValueError where that is not known."""
    if ticker == WILDCARD:
        return WILDCARD
    check_ticker(cluster, ticker)
    if cluster.asset_class not in (AssetClass.CRYPTO, AssetClass.FOREX):
        return ticker
    return flatfile_ticker(ticker)[2:].replace("-", _SEPARATORS[cluster])

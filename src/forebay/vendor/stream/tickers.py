"""Symbols as the stream spells them, and as REST and Forebay do.

A pair is `BTC-USD` or `EUR/USD` on its cluster and `X:BTCUSD`, `C:EURUSD` everywhere else; other tickers are the same.
"""

from __future__ import annotations

import re

from forebay.model.instrument import PREFIX_OF, AssetClass, asset_class_of
from forebay.model.live import WILDCARD, Cluster
from forebay.vendor.spelling import flatfile_ticker

_SYMBOL = re.compile(r"[!-+\--~]{1,64}")
"""Printable, no space, no comma: a comma parts two subscriptions."""
_KEPT = 65_536
"""Spellings remembered of each cluster; wildcards bring some 12,000 stocks, and many more options."""
_SEPARATORS = {Cluster.CRYPTO: "-", Cluster.FOREX: "/"}


class Tickers(dict[str, str]):
    """A cluster's symbols in REST's spelling: `tickers[symbol]`, each worked out once.

    Raises ValueError for a symbol that cannot be of this cluster.
    """

    def __init__(self, cluster: Cluster) -> None:
        super().__init__()
        self._cluster = cluster
        self._prefix = PREFIX_OF.get(cluster.asset_class, "")

    def __missing__(self, symbol: str) -> str:
        ticker = _joined(self._prefix, symbol) if self._cluster in _SEPARATORS else symbol
        check_ticker(self._cluster, ticker)
        if len(self) >= _KEPT:
            self.clear()
        self[symbol] = ticker
        return ticker


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

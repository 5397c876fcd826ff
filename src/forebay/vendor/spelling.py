"""One ticker, two spellings: flat files put a dash into currency pairs, REST does not (vendor README, section 4).

Forebay stores and speaks the REST spelling.
"""

from __future__ import annotations

import re

DASHED_PAIR = r"^([XC]:.+)-([^-]+)$"
"""A pair as flat files spell it: `X:BTC-USD`. REST's spelling is both groups with nothing between."""
_DASHED_PAIR = re.compile(DASHED_PAIR)

QUOTE_CURRENCIES = ("USDT", "USDC", "DAI", "USD", "EUR", "GBP", "JPY", "AUD", "CAD", "CHF", "BTC", "ETH")
"""What cryptocurrencies are quoted in. Of two that fit, the longer one is meant: `X:BTCUSDT` is BTC in USDT."""
_CODE_LENGTH = 3
"""Letters in a currency's ISO 4217 code: both halves of every forex pair."""


def rest_ticker(flatfile_ticker: str) -> str:
    """A flat file's ticker as REST spells it: `X:BTC-USD` becomes `X:BTCUSD`; everything but pairs stays."""
    return _DASHED_PAIR.sub(r"\1\2", flatfile_ticker)


def flatfile_ticker(rest_ticker: str) -> str:
    """A REST ticker as flat files spell it: `C:EURUSD` becomes `C:EUR-USD`; everything but pairs stays.

    Raises ValueError for a pair whose quote currency is not known, since the dash could go anywhere.
    """
    prefix, code = rest_ticker[:2], rest_ticker[2:]
    if prefix not in ("X:", "C:"):
        return rest_ticker
    quote = _quote_of(code) if prefix == "X:" else code[_CODE_LENGTH:]
    if not quote or len(quote) == len(code):
        raise ValueError(f"{rest_ticker} is no pair with a known quote currency")
    return f"{prefix}{code.removesuffix(quote)}-{quote}"


def _quote_of(code: str) -> str:
    fitting = [quote for quote in QUOTE_CURRENCIES if code.endswith(quote) and code != quote]
    return max(fitting, key=len, default="")

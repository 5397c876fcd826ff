"""How the vendor spells one instrument in REST and in flat files (flat files, section 2; vendor README, section 4)."""

from __future__ import annotations

_PAIRS = ("X:", "C:")
_QUOTE = 3
"""Letters of the quote currency, the last part of a pair."""


def file_ticker(ticker: str) -> str:
    """The flat-file spelling of a REST ticker: crypto and forex pairs get a dash (`X:BTC-USD`)."""
    return f"{ticker[:-_QUOTE]}-{ticker[-_QUOTE:]}" if ticker.startswith(_PAIRS) else ticker

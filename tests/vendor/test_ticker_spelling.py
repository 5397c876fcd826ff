"""Two spellings of one ticker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.vendor.spelling import QUOTE_CURRENCIES, flatfile_ticker, rest_ticker


@pytest.mark.parametrize(
    ("flat", "rest"),
    [
        ("X:BTC-USD", "X:BTCUSD"),
        ("X:BTC-USDT", "X:BTCUSDT"),
        ("X:1INCH-EUR", "X:1INCHEUR"),
        ("C:EUR-USD", "C:EURUSD"),
        ("C:USD-CNH", "C:USDCNH"),
        ("AAPL", "AAPL"),
        ("AAp", "AAp"),
        ("NA", "NA"),
        ("BRK.B", "BRK.B"),
        ("O:SPY251219C00650000", "O:SPY251219C00650000"),
        ("I:SPX", "I:SPX"),
        ("1OZZ5-1OZG6", "1OZZ5-1OZG6"),
    ],
)
def test_both_ways(flat: str, rest: str) -> None:
    """Only pairs change, and change back; a future's dash stays."""
    assert rest_ticker(flat) == rest
    assert flatfile_ticker(rest) == flat


@given(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=2, max_size=8), st.sampled_from(QUOTE_CURRENCIES))
def test_every_crypto_pair_comes_back(base: str, quote: str) -> None:
    """REST's spelling leads to a pair with the same REST spelling, whose quote currency is known."""
    rest = rest_ticker(f"X:{base}-{quote}")

    flat = flatfile_ticker(rest)

    assert rest == f"X:{base}{quote}"
    assert rest_ticker(flat) == rest
    assert flat.rpartition("-")[2] in QUOTE_CURRENCIES


@given(st.from_regex(r"[A-Z]{3}", fullmatch=True), st.from_regex(r"[A-Z]{3}", fullmatch=True))
def test_every_forex_pair_comes_back(base: str, quote: str) -> None:
    """Currency codes have three letters, so forex needs no list."""
    assert flatfile_ticker(rest_ticker(f"C:{base}-{quote}")) == f"C:{base}-{quote}"


@given(st.text(max_size=12).filter(lambda name: name[:2] not in ("X:", "C:")))
def test_everything_else_stays(ticker: str) -> None:
    """No other ticker is touched, in either direction."""
    assert rest_ticker(ticker) == ticker
    assert flatfile_ticker(ticker) == ticker


@pytest.mark.parametrize("ticker", ["X:BTCXYZ", "X:USD", "X:", "C:EUR", "C:"])
def test_an_unknown_quote_currency_is_not_guessed(ticker: str) -> None:
    """Where the dash could go anywhere, the error names the ticker."""
    with pytest.raises(ValueError, match=ticker):
        flatfile_ticker(ticker)

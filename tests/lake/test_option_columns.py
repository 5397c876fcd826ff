"""An option's ticker taken apart for a whole table: the same as one by one."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forebay.lake.format.options import with_option_columns
from forebay.model.instrument import parse_option
from forebay.model.rows import OPTION_ROWS

_ROOTS = st.from_regex(r"[A-Z0-9.]{1,7}", fullmatch=True) | st.sampled_from(
    ["A", "SPXW", "BRKB", "AAPL1", "GOOG7", "é"]
)
_DAYS = st.integers(0, 999_999).map("{:06}".format) | st.dates().map("{:%y%m%d}".format)
_OPTIONS = st.builds("O:{}{}{}{:08}".format, _ROOTS, _DAYS, st.sampled_from("CP"), st.integers(0, 10**8 - 1))
_ODD = st.text(alphabet="O:SPY251219CP0\n٣", max_size=24) | _OPTIONS.map(lambda ticker: ticker[:-1]) | st.just("O:")


def told(ticker: str) -> tuple[object, ...]:
    """Underlying, expiration, type and strike, or nothing of any."""
    option = parse_option(ticker)
    return (option.underlying, option.expiration, option.option_type, option.strike) if option else (None,) * 4


@given(st.lists(_OPTIONS | _ODD, max_size=30), st.booleans())
@settings(max_examples=150, deadline=None)
def test_a_table_says_what_each_ticker_says(tickers, in_order):
    """Odd roots, impossible dates, and what is no option at all; sorted or not, every row gets its own."""
    given_ = [ticker for ticker in (sorted(tickers) if in_order else tickers) for _ in range(2)]

    found = with_option_columns(pl.DataFrame({"ticker": given_}, schema={"ticker": pl.String()}))

    assert [(ticker, *told(ticker)) for ticker in given_] == found.rows()
    assert OPTION_ROWS == found.drop("ticker").schema


@pytest.mark.parametrize("thousandths", [10_275_291, 1, 99_999_999, 650_000, 2_500, 123_457])
def test_strikes_are_exact(thousandths):
    """A strike is the double that is nearest to its three decimals."""
    found = with_option_columns(pl.DataFrame({"ticker": [f"O:SPY251219C{thousandths:08}"]}))

    assert [thousandths / 1000] == found["strike"].to_list()

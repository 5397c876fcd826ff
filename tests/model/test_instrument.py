"""Names: reversible, collision-free, and never folded."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.model.instrument import (
    AssetClass,
    OptionName,
    asset_class_of,
    decode_name,
    encode_name,
    parse_option,
)

tickers = st.one_of(
    st.text(st.characters(codec="utf-8", exclude_categories=("Cs",)), min_size=1, max_size=12),
    st.sampled_from(
        ["AAP", "AAp", "NA", "BRK.B", "BACpL", "CON", "lake", "LAKE", "O:SPY251219C00650000", "BZ:BF G6-H6"]
    ),
    st.text("aAbB._=-", min_size=1, max_size=6),
)


@given(tickers)
def test_a_name_gives_its_ticker_back(ticker):
    """Whatever the vendor calls an instrument, its file name says the same."""
    assert ticker == decode_name(encode_name(ticker))


@given(tickers, tickers)
def test_no_two_tickers_share_a_name_where_case_folds(one, other):
    """A Mac's disk folds case; two instruments must not meet there."""
    assert (one == other) == (encode_name(one).casefold() == encode_name(other).casefold())


@pytest.mark.parametrize("ticker", ["LAKE", "archive", "CON", "nul", "COM1", "LPT9.X", "TMP", "quarantine"])
def test_names_of_folders_and_devices_are_left_to_their_owners(ticker):
    """A ticker called LAKE does not move into the lake."""
    assert encode_name(ticker).casefold() != ticker.casefold()


def test_plain_tickers_stay_readable():
    """What users type is what they find on disk."""
    assert ["AAPL", "BRK.B", "BF-A"] == [encode_name(ticker) for ticker in ("AAPL", "BRK.B", "BF-A")]


def test_asset_classes_by_prefix():
    """The vendor's prefixes say the asset class; none means a stock."""
    expected = [AssetClass.STOCKS, AssetClass.OPTIONS, AssetClass.CRYPTO, AssetClass.FOREX, AssetClass.INDICES]

    assert expected == [
        asset_class_of(ticker) for ticker in ("NA", "O:A220520C00065000", "X:BTCUSD", "C:EURUSD", "I:SPX")
    ]


@pytest.mark.parametrize(
    ("ticker", "expected"),
    [
        ("O:SPY251219C00650000", OptionName("SPY", date(2025, 12, 19), "call", 650.0)),
        ("O:IWM230327P00137500", OptionName("IWM", date(2023, 3, 27), "put", 137.5)),
        ("O:NANOS230327C00400000", OptionName("NANOS", date(2023, 3, 27), "call", 400.0)),
        ("O:TSLA1230327C00400000", OptionName("TSLA1", date(2023, 3, 27), "call", 400.0)),
        ("O:SPY251319C00650000", None),
        ("SPY", None),
    ],
)
def test_option_tickers_come_apart(ticker, expected):
    """Root, expiration, type and strike, by the vendor's rule; a thirteenth month is no option."""
    assert expected == parse_option(ticker)

"""Who is in the market: the rows that make it hard, well-known names, and made-up ones up to the number asked."""

from __future__ import annotations

from datetime import date

import numpy as np

from forebay.model.instrument import AssetClass
from forebay.sandbox.instruments import Dividend, Instrument, Name, Split
from forebay.sandbox.noise import key_of, uniform

ALWAYS = date(2003, 9, 10)
"""The vendor's first stock day; instruments without a listing of their own are older."""

_STOCKS, _CRYPTO, _FOREX, _INDICES = AssetClass.STOCKS, AssetClass.CRYPTO, AssetClass.FOREX, AssetClass.INDICES


def _stock(
    ticker: str, title: str, price: float, trades: float, kind: str = "CS", venue: str = "XNAS", **more: object
) -> Instrument:
    names = more.pop("names", (Name(ticker, ALWAYS),))
    return Instrument(f"stocks/{ticker}", _STOCKS, names, title, price, trades, kind, venue, **more)  # type: ignore[arg-type]


def _quarterly(cash: float, *days: str) -> tuple[Dividend, ...]:
    return tuple(Dividend(date.fromisoformat(day), cash) for day in days)


_AAPL_DIVIDENDS = _quarterly(0.26, "2025-08-11", "2025-11-10", "2026-02-09", "2026-05-11", "2026-08-10", "2026-11-09")
_NVDA_DIVIDENDS = _quarterly(0.5, "2025-10-09") + _quarterly(0.04, "2025-11-13", "2026-03-11", "2026-06-10")
"""Cash for a share of its day: ten times as much before the split."""
_KO_DIVIDENDS = _quarterly(0.51, "2025-09-15", "2025-12-01", "2026-03-13", "2026-06-15", "2026-09-15")

_NOTABLE = (
    _stock("AAPL", "Apple Inc.", 231.0, 2600, dividends=_AAPL_DIVIDENDS),
    _stock("MSFT", "Microsoft Corp", 432.0, 2200),
    _stock("SPY", "SPDR S&P 500 ETF Trust", 652.0, 3000, "ETF", "ARCX"),
    _stock("AAP", "Advance Auto Parts Inc", 52.0, 420, venue="XNYS"),
    _stock("AAp", "Alcoa Corp Preferred", 71.0, 4, "PFD", "XASE"),
    _stock("NA", "Nano Labs Ltd Class A Ordinary Shares", 4.1, 60),
    _stock("BRK.B", "Berkshire Hathaway Inc. Class B", 489.0, 500, venue="XNYS"),
    _stock("BACpL", "Bank of America Corp Preferred Series L", 1232.0, 9, "PFD", "XNYS"),
    _stock("ZVZZT", "NASDAQ TEST STOCK", 10.0, 25, "OS"),
    _stock("NTEST.A", "NYSE TEST STOCK CLASS A", 20.0, 6, "OS", "XNYS"),
    _stock(
        "NVDA",
        "Nvidia Corp",
        178.0,
        2900,
        splits=(Split(date(2025, 10, 20), 1, 10), Split(date(2026, 6, 8), 1, 4)),
        dividends=_NVDA_DIVIDENDS,
    ),
    _stock("SOUR", "Sour Springs Brewing Co", 7.4, 300, splits=(Split(date(2025, 11, 10), 20, 1),)),
    _stock("NEWB", "Newbourne Robotics Inc", 31.0, 380, names=(Name("NEWB", date(2025, 10, 15)),)),
    _stock("GONE", "Gone Fishing Holdings", 2.6, 45, names=(Name("GONE", ALWAYS, date(2025, 10, 31)),)),
    _stock(
        "XYZ",
        "Block, Inc.",
        71.0,
        520,
        venue="XNYS",
        names=(Name("SQ", ALWAYS, date(2025, 10, 31)), Name("XYZ", date(2025, 11, 3))),
        splits=(Split(date(2025, 11, 12), 2, 3),),
        dividends=_quarterly(0.40, "2025-10-22", "2025-11-19"),
    ),
    _stock(
        "ATN",
        "Atonal Records Corp",
        14.0,
        70,
        names=(Name("ATN", ALWAYS, date(2025, 10, 17)),),
        splits=(Split(date(2025, 10, 8), 5, 1),),
    ),
    Instrument(
        "stocks/ATN.2",
        _STOCKS,
        (Name("ATN", date(2025, 11, 17)),),
        "Atlantic Tunnels Inc",
        88.0,
        90,
        "CS",
        "XNYS",
        splits=(Split(date(2025, 11, 20), 1, 3),),
    ),
    _stock("KO", "Coca-Cola Company", 68.0, 800, venue="XNYS", dividends=_KO_DIVIDENDS),
    _stock("QUIE", "Quiet Harbor Bancorp", 17.0, 0.8),
    _stock("SLOW", "Slow River Timber Trust", 41.0, 3, venue="XASE"),
    _stock("QQQ", "Invesco QQQ Trust, Series 1", 588.0, 2400, "ETF"),
    _stock("AMZN", "Amazon.Com Inc", 221.0, 1900),
    _stock("GOOGL", "Alphabet Inc. Class A", 214.0, 1800),
    _stock("META", "Meta Platforms, Inc. Class A", 718.0, 1500),
    _stock("TSLA", "Tesla, Inc.", 362.0, 2700),
    _stock("JPM", "JPMorgan Chase & Co", 302.0, 900, venue="XNYS"),
    _stock("BAC", "Bank of America Corporation", 50.0, 1000, venue="XNYS"),
    _stock("XOM", "Exxon Mobil Corporation", 112.0, 800, venue="XNYS"),
    _stock("DIS", "The Walt Disney Company", 113.0, 700, venue="XNYS"),
    _stock("F", "Ford Motor Company", 11.6, 650, venue="XNYS"),
)
OTC = (
    _stock("FMCC", "Federal Home Loan Mortgage Corp", 6.2, 260, venue="", otc=True),
    _stock("NSRGY", "Nestle SA Sponsored ADR", 101.0, 150, "ADRC", venue="", otc=True),
    # what GONE became when it was delisted
    _stock("GONEQ", "Gone Fishing Holdings", 0.4, 12, venue="", otc=True, names=(Name("GONEQ", date(2025, 11, 3)),)),
    _stock(
        "DRYRQ",
        "Dry River Resources",
        0.9,
        20,
        venue="",
        otc=True,
        names=(Name("DRYRQ", ALWAYS, date(2025, 10, 24)),),
    ),
)
"""Over the counter, however many listed stocks there are."""
_LETTERS = "BCDFGHJKLMNPRSTVWXYZAEIOU"
_ETF_SHARE = 0.2
_VENUES = ("XNAS", "XNYS", "ARCX", "XNAS", "BATS", "XNAS", "XASE", "XNYS")


def stocks(seed: int, count: int) -> tuple[Instrument, ...]:
    """The first `count` stocks; which they are does not depend on `count`."""
    return (*_NOTABLE[:count], *_made_up(seed, max(count - len(_NOTABLE), 0)))


def _made_up(seed: int, count: int) -> list[Instrument]:
    """Stocks nobody knows. Most are quiet, a few busy."""
    tickers = [_made_up_ticker(index) for index in range(count)]
    keys = np.full(count, key_of(seed, "made up"), np.uint64)
    draws = [uniform(keys, np.arange(count), stream).tolist() for stream in range(4)]
    made = []
    for ticker, price, trades, fund, venue in zip(tickers, *draws, strict=True):
        kind = "ETF" if fund < _ETF_SHARE else "CS"
        at = _VENUES[int(venue * len(_VENUES))]
        title = f"{ticker.title()} Industries"
        made.append(_stock(ticker, title, round(2.0 * 150.0**price, 2), 4.0 * 1500.0**trades, kind, at))
    return made


def _made_up_ticker(index: int) -> str:
    """`Q` and four letters, so that it meets no notable name."""
    letters = ""
    for _ in range(4):
        index, letter = divmod(index, len(_LETTERS))
        letters = _LETTERS[letter] + letters
    return f"Q{letters}"


def _other(asset_class: AssetClass, ticker: str, title: str, price: float, trades: float) -> Instrument:
    name = Name(ticker, date(2009, 1, 1))
    return Instrument(f"{asset_class}/{ticker}", asset_class, (name,), title, price, trades, "", "")


CRYPTO = (
    _other(_CRYPTO, "X:BTCUSD", "Bitcoin - United States dollar", 91000.0, 1500),
    _other(_CRYPTO, "X:ETHUSD", "Ethereum - United States Dollar", 3300.0, 900),
    _other(_CRYPTO, "X:DOGEUSD", "Dogecoin - United States Dollar", 0.21, 60),
)
FOREX = (
    _other(_FOREX, "C:EURUSD", "Euro - United States dollar", 1.1612, 1800),
    _other(_FOREX, "C:GBPUSD", "British pound sterling - United States dollar", 1.3411, 900),
    _other(_FOREX, "C:USDJPY", "United States dollar - Japanese yen", 149.2, 700),
)
INDICES = (
    _other(_INDICES, "I:SPX", "S&P 500", 6520.0, 1400),
    _other(_INDICES, "I:NDX", "Nasdaq-100", 24100.0, 1400),
    _other(_INDICES, "I:VIX", "Cboe Volatility Index", 17.5, 500),
)
OPTION_ROOTS = ("AAPL", "SPY")
"""The stocks that have option chains."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from forebay.errors import NotKnown
from forebay.model.universe import Category, Lifetime, Listing, Universe
from forebay.symbols.discover import discover
from forebay.symbols.discovery import Discovery
from forebay.symbols.universes import Universes
from forebay.symbols.unknown import look_up_absent, unknown_tickers
from forebay.vendor.rest import RestClient

TODAY = date(2025, 12, 1)


def found(rest: RestClient, category: str, as_of: date = TODAY, **more) -> Universe:
    return discover(rest, Discovery(Category(category), as_of, **more), TODAY)


def tickers(universe: Universe) -> list[str]:
    return [listing.ticker for listing in universe.listings]


@pytest.mark.parametrize(
    ("category", "expected"),
    [
        ("etf", ["QQQ", "SPY"]),
        ("crypto", ["X:BTCUSD", "X:DOGEUSD", "X:ETHUSD"]),
        ("fx", ["C:EURUSD", "C:GBPUSD", "C:USDJPY"]),
        ("indices", ["I:NDX", "I:SPX", "I:VIX"]),
        ("otc", ["FMCC", "GONEQ", "NSRGY"]),
    ],
)
def test_each_category_has_its_own(rest: RestClient, category: str, expected: list[str]) -> None:
    """And a list without a limit or a filter is whole."""
    universe = found(rest, category)
    assert expected == tickers(universe)
    assert universe.complete


def test_us_equities_are_common_stocks(rest: RestClient) -> None:
    """No fund, preferred or test stock; `NA` is one, case counts, order is that of bytes."""
    universe = found(rest, "us_equities")
    names = tickers(universe)
    assert sorted(names, key=str.encode) == names
    assert {"AAPL", "AAP", "NA", "BRK.B", "XYZ", "ATN"} <= set(names)
    assert not {"SPY", "AAp", "ZVZZT", "GONE", "SQ", "FMCC"} & set(names)
    apple = universe.listings[names.index("AAPL")]
    assert ("Apple Inc.", "CS", "XNAS", "USD", True) == (
        apple.name,
        apple.type,
        apple.exchange,
        apple.currency,
        apple.active,
    )
    assert apple.figi


def test_a_limit_stops_the_asking(rest: RestClient, calls) -> None:
    """So many tickers, the first in byte order, from one page; they are a part."""
    universe = found(rest, "us_equities", limit=3)
    assert ["AAP", "AAPL", "AMZN"] == tickers(universe)
    assert 1 == calls()
    assert not universe.complete


def test_a_limit_that_was_not_reached(rest: RestClient) -> None:
    """Everybody is there: the list is whole. One that was reached may have cut it."""
    assert [True, False] == [found(rest, "crypto", limit=limit).complete for limit in (4, 3)]


def test_a_limit_counts_over_types_and_states(rest: RestClient) -> None:
    """Several lists of the vendor's are one, in byte order."""
    universe = found(rest, "us_equities", limit=4, type=("PFD", "CS"), delisted=True)
    assert ["AAP", "AAPL", "AAp", "AMZN"] == tickers(universe)


def test_those_that_left(rest: RestClient) -> None:
    """They come with the day from which they are not traded; a reused ticker comes twice."""
    universe = found(rest, "us_equities", delisted=True)
    gone = {listing.ticker: listing for listing in universe.listings if not listing.active}
    assert {"ATN": date(2025, 10, 18), "GONE": date(2025, 11, 1)} == {
        ticker: listing.delisted for ticker, listing in gone.items()
    }
    assert 2 == tickers(universe).count("ATN")


def test_nobody_asks_for_pairs_that_left(rest: RestClient, calls) -> None:
    """The vendor lists none, by design."""
    assert 3 == len(found(rest, "crypto", delisted=True).listings)
    assert 1 == calls()


def test_a_day_of_the_past(rest: RestClient) -> None:
    """Who was listed then, under the names of then."""
    then = set(tickers(found(rest, "us_equities", date(2025, 10, 10))))
    assert {"SQ", "GONE", "ATN"} <= then
    assert not {"XYZ", "NEWB"} & then


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"exchange": "XASE", "type": ("PFD", "CS")}, ["AAp", "SLOW"]),
        ({"type": ("PFD",)}, ["AAp", "BACpL"]),
        ({"search": "bank of", "type": ("CS", "PFD")}, ["BAC", "BACpL"]),
        ({"search": "inc", "limit": 3}, ["AAP", "AAPL", "AMZN"]),
        ({"search": "no such company"}, []),
    ],
)
def test_filters_narrow(rest: RestClient, more: dict, expected: list[str]) -> None:
    """Exchange, types and words; nothing found is an answer. A search comes in byte order too."""
    universe = found(rest, "us_equities", **more)
    assert expected == tickers(universe)
    assert not universe.complete


def test_option_contracts_of_a_window(rest: RestClient) -> None:
    """Of the underlying, within the window at both ends; they end on the day after they expire."""
    window = {"expires_from": date(2025, 11, 21), "expires_to": date(2025, 12, 19)}
    listed = found(rest, "options", underlying=("AAPL",), **window).listings
    with_expired = found(rest, "options", underlying=("AAPL",), delisted=True, **window).listings
    assert {date(2025, 12, 20)} == {listing.delisted for listing in listed}
    assert {(True, date(2025, 12, 20)), (False, date(2025, 11, 22))} == {
        (listing.active, listing.delisted) for listing in with_expired
    }
    assert all(listing.ticker.startswith("O:AAPL") for listing in with_expired)
    assert {"call", "put"} == {listing.type for listing in listed}


def test_option_contracts_of_several_underlyings(rest: RestClient, calls) -> None:
    """A limit alone is enough; an index is meant by its name without a prefix."""
    assert ["O:AAPL25", "O:AAPL25"] == [ticker[:8] for ticker in tickers(found(rest, "options", limit=2))]
    assert 1 == calls()
    several = tickers(found(rest, "options", underlying=("SPY", "AAPL", "I:SPX")))
    assert sorted(several) == several
    assert {"O:SPY", "O:AAP"} == {ticker[:5] for ticker in several}


def test_an_unknown_ticker_is_told_apart(rest: RestClient, universes: Universes) -> None:
    """Listed, OTC, delisted, renamed and option tickers are known, and remembered with their dates."""
    contract = tickers(found(rest, "options", limit=1))[0]
    asked = ["AAPL", "aapl", "NOSUCH", "FMCC", "GONE", "SQ", "X:BTCUSD", "X:NOSUCH", contract, "O:SPY251219C99999000"]
    assert ("NOSUCH", "O:SPY251219C99999000", "X:NOSUCH", "aapl") == unknown_tickers(rest, universes, asked, TODAY)
    known = universes.lifetimes(asked)
    assert Lifetime(date(2003, 9, 10)) == known["AAPL"]
    assert Lifetime(date(2003, 9, 10), otc=True) == known["FMCC"]
    assert Lifetime(None, date(2025, 11, 1)) == known["GONE"]
    assert Lifetime(date(2003, 9, 10), date(2025, 11, 3)) == known["SQ"]
    assert known[contract].delisted is not None


def test_the_vendor_is_asked_once(rest: RestClient, universes: Universes, calls) -> None:
    """What is in the table costs no call, and what was learnt is in it; a long list costs no more than its bound."""
    universes.record(found(rest, "etf"))
    before = calls()
    assert () == unknown_tickers(rest, universes, ["SPY", "QQQ"], TODAY)
    assert before == calls()
    for _ in range(2):
        assert () == unknown_tickers(rest, universes, ["AAPL"], TODAY)
    assert before + 1 == calls()
    assert 2 == len(unknown_tickers(rest, universes, [f"NO{number}" for number in range(9)], TODAY, at_most=2))


def test_who_is_not_in_a_list_has_not_left_for_that(rest: RestClient, universes: Universes) -> None:
    """A fund that was listed as a share until yesterday trades on; one that left has its own last day."""
    listed = (*found(rest, "us_equities", date(2025, 10, 20)).listings, *found(rest, "etf").listings)
    before = (*(one for one in listed if one.ticker in ("QQQ", "GONE")), Listing("NOSUCH"))
    universes.record(Universe(Category.US_EQUITIES, TODAY - timedelta(days=1), before))
    today = found(rest, "us_equities")
    universes.record(today)
    assert {TODAY} == {life.delisted for life in universes.lifetimes(["QQQ", "GONE", "NOSUCH"]).values()}

    look_up_absent(rest, universes, today, TODAY)

    known = universes.lifetimes(["QQQ", "GONE", "NOSUCH"])
    assert [None, date(2025, 11, 1), TODAY] == [known[ticker].delisted for ticker in ("QQQ", "GONE", "NOSUCH")]


def test_the_client_names_what_it_does_not_know(rest: RestClient) -> None:
    """A 404 about a ticker is an error of its own; the names of a company come with their first days."""
    with pytest.raises(NotKnown, match="Ticker not found"):
        rest.ticker("NOSUCH")
    assert [(date(2003, 9, 10), "SQ"), (date(2025, 11, 3), "XYZ")] == rest.names("XYZ")

from __future__ import annotations

from datetime import date

import pytest

from forebay.errors import UsageError
from forebay.model.universe import Category, Lifetime, Listing, Universe
from forebay.symbols.universes import Refresh, Universes
from forebay.testing import FakeClock

STOCKS, ETF, OTC, OPTIONS = Category.US_EQUITIES, Category.ETF, Category.OTC, Category.OPTIONS
DAY = [date(2025, 11, number) for number in range(1, 31)]


def record(universes: Universes, as_of: date, *listings: Listing, category=STOCKS, complete=True) -> None:
    universes.record(Universe(category, as_of, listings, complete=complete))


def test_everybody_comes_back(universes: Universes) -> None:
    """Every field of a listing is kept, byte order and case too."""
    apple = Listing("AAPL", "Apple Inc.", "CS", "XNAS", "USD", figi="BBG1", listed=DAY[0])
    lower, upper, null = Listing("AAp"), Listing("AAP"), Listing("NA")
    record(universes, DAY[5], null, lower, apple, upper)
    assert (upper, apple, lower, null) == universes.listings(STOCKS)
    assert () == universes.listings(ETF)


def test_whoever_is_no_longer_listed_has_left(universes: Universes, clock: FakeClock) -> None:
    """A complete list retires those that are not in it; one with a limit does not."""
    record(universes, DAY[0], Listing("A"), Listing("B"), Listing("C"))
    record(universes, DAY[1], Listing("A"), complete=False)
    assert ("A", "B", "C") == tuple(one.ticker for one in universes.listings(STOCKS, active=True))
    clock.advance(3600)
    record(universes, DAY[2], Listing("A"), Listing("C"))
    assert (Listing("B", active=False, delisted=DAY[2]),) == universes.listings(STOCKS, active=False)
    assert {STOCKS: Refresh(DAY[2], 2, clock.now())} == universes.refreshes()
    assert {STOCKS: (2, 1)} == universes.counts()


def test_what_is_known_of_a_later_date_stays(universes: Universes) -> None:
    """A list of the past adds who was there then, and makes nobody alive again."""
    record(universes, DAY[9], Listing("A", "Now Inc."))
    record(universes, DAY[2], Listing("A", "Then Inc.", listed=DAY[1]), Listing("B"))
    assert (Listing("A", "Now Inc.", listed=DAY[1]),) == universes.listings(STOCKS, active=True)
    assert (Listing("B", active=False, delisted=DAY[9]),) == universes.listings(STOCKS, active=False)
    assert DAY[9] == universes.refreshes()[STOCKS].as_of


def test_recording_twice_changes_nothing(universes: Universes) -> None:
    """The same list twice is the list once."""
    listings = Listing("A", figi="BBG1"), Listing("A", figi="BBG0", active=False, delisted=DAY[0])
    record(universes, DAY[3], *listings)
    once = universes.listings(STOCKS)
    record(universes, DAY[3], *listings)
    assert once == universes.listings(STOCKS)
    assert 2 == len(once)


def test_a_reused_ticker_is_two_listings(universes: Universes) -> None:
    """Two companies in turn are told apart by their FIGI, or, without one, by the day on which the first left."""
    record(
        universes,
        DAY[20],
        Listing("ATN", figi="BBG1", active=False, delisted=DAY[1]),
        Listing("ATN", figi="BBG2"),
        Listing("QQ", active=False, delisted=DAY[2]),
        Listing("QQ"),
    )
    assert ["ATN", "ATN", "QQ", "QQ"] == [one.ticker for one in universes.listings(STOCKS)]
    assert ("ATN", "QQ") == universes.members(STOCKS)


def test_a_lifetime_is_that_of_all_bearers(universes: Universes) -> None:
    """From the first one's listing to the last one's delisting; open where one of them is."""
    record(
        universes,
        DAY[20],
        Listing("TWO", figi="1", active=False, listed=DAY[0], delisted=DAY[5]),
        Listing("TWO", figi="2", active=False, listed=DAY[8], delisted=DAY[9]),
        Listing("NOW", figi="1", active=False, listed=DAY[0], delisted=DAY[5]),
        Listing("NOW", figi="2", listed=DAY[8]),
        Listing("OLD", active=False, delisted=DAY[3]),
    )
    expected = {
        "TWO": Lifetime(DAY[0], DAY[9]),
        "NOW": Lifetime(DAY[0], None),
        "OLD": Lifetime(None, DAY[3]),
    }
    assert expected == universes.lifetimes(["TWO", "NOW", "OLD", "NOBODY", "old"])


def test_a_lifetime_knows_who_was_over_the_counter(universes: Universes) -> None:
    """Now or once: one list is enough."""
    record(universes, DAY[5], Listing("A"), Listing("B"))
    record(universes, DAY[5], Listing("B"), Listing("C"), category=OTC)
    assert [False, True, True] == [universes.lifetimes("ABC")[ticker].otc for ticker in "ABC"]


def test_lifetimes_of_a_whole_market(universes: Universes) -> None:
    """Thousands are asked for at once, in however many statements."""
    tickers = [f"T{number}" for number in range(1200)]
    record(universes, DAY[5], *(Listing(ticker, listed=DAY[0]) for ticker in tickers))
    assert dict.fromkeys(tickers, Lifetime(DAY[0])) == universes.lifetimes(tickers)


def test_what_is_learnt_of_one_ticker_joins_no_list(universes: Universes) -> None:
    """Its dates are known from then on, also when it turns up in a list, which does not tell its first day."""
    universes.learn([(Listing("A", figi="BBG1", listed=DAY[0]), False), (Listing("O"), True)], DAY[4])
    assert {} == universes.refreshes()
    assert () == universes.listings(STOCKS)
    assert {"A": Lifetime(DAY[0]), "O": Lifetime(otc=True)} == universes.lifetimes(["A", "O"])
    record(universes, DAY[6], Listing("A", figi="BBG1", active=False, delisted=DAY[5]), Listing("B"))
    assert {"A": Lifetime(DAY[0], DAY[5])} == universes.lifetimes(["A"])


def test_members_are_those_of_a_whole_list(universes: Universes) -> None:
    """A feed goes on holding those that left; a category that is known in part cannot be followed."""
    record(universes, DAY[1], Listing("A"), complete=False)
    with pytest.raises(UsageError, match="us_equities was never discovered as a whole") as caught:
        universes.members(STOCKS)
    assert "forebay discover us_equities" in caught.value.remedy
    record(universes, DAY[1], Listing("B"), Listing("a"))
    record(universes, DAY[2], Listing("a"))
    assert ("A", "B", "a") == universes.members(STOCKS)


def test_an_option_keeps_its_end(universes: Universes) -> None:
    """A contract's last day is known while it is traded, and it is one listing before and after."""
    contract = "O:SPY251219C00650000"
    record(universes, DAY[1], Listing(contract, delisted=DAY[20]), category=OPTIONS, complete=False)
    record(universes, DAY[25], Listing(contract, active=False, delisted=DAY[20]), category=OPTIONS, complete=False)
    assert {contract: Lifetime(None, DAY[20])} == universes.lifetimes([contract])
    assert 1 == len(universes.listings(OPTIONS))

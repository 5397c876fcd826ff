from __future__ import annotations

from datetime import date

import pytest

from forebay.errors import UsageError
from forebay.model.universe import Category, Listing, Universe
from forebay.symbols.compare import compare, merged


def universe(*listings: Listing, day: int = 1, category: Category = Category.ETF, complete: bool = True) -> Universe:
    return Universe(category, date(2024, 12, day), listings, complete)


def test_who_joined_left_and_was_renamed() -> None:
    """A FIGI that stays under another ticker is a new name, and neither joined nor left."""
    kept, gone, new = Listing("KEPT", figi="1"), Listing("GONE", figi="2"), Listing("NEW", figi="3")
    before, after = Listing("SQ", figi="4"), Listing("XYZ", figi="4")
    found = compare(universe(kept, gone, before), universe(kept, new, after))
    assert ((new,), (gone,), ((before, after),)) == (found.joined, found.left, found.renamed)


def test_another_company_under_the_ticker() -> None:
    """Another FIGI is another company: one left, one joined."""
    found = compare(universe(Listing("ATN", figi="1")), universe(Listing("ATN", figi="2")))
    assert (["1"], ["2"]) == ([one.figi for one in found.left], [one.figi for one in found.joined])


@pytest.mark.parametrize("figis", [(None, "1"), ("1", None), (None, None)])
def test_without_a_figi_the_ticker_counts(figis: tuple) -> None:
    """Thousands have none, or get one later: that is no change."""
    old, new = (Listing("A", figi=figi) for figi in figis)
    found = compare(universe(old), universe(new))
    assert ((), (), ()) == (found.joined, found.left, found.renamed)


def test_who_is_marked_as_gone_has_left() -> None:
    """A list with those that left says the same as one without."""
    gone = Listing("A", active=False, delisted=date(2024, 12, 2))
    assert ["A"] == [one.ticker for one in compare(universe(Listing("A")), universe(gone)).left]


def test_several_are_one() -> None:
    """Each listing once, the newest file's where several have it, in byte order."""
    old, new = Listing("B", "Old Name"), Listing("B", "New Name")
    union = merged([universe(new, Listing("a"), day=5), universe(old, Listing("C"), day=2)])
    assert (date(2024, 12, 5), ("B", "C", "a")) == (union.as_of, tuple(one.ticker for one in union.listings))
    assert "New Name" == union.listings[0].name
    assert union.complete
    assert not merged([universe(new), universe(old, complete=False)]).complete


def test_categories_do_not_mix() -> None:
    """A universe is of one category."""
    with pytest.raises(UsageError, match="universes of etf and of otc") as caught:
        merged([universe(), universe(category=Category.OTC, day=2)])
    assert "enqueue" in caught.value.remedy

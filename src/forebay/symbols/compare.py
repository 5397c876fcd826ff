"""Two universes beside each other, and several as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from forebay.errors import UsageError
from forebay.model.universe import Listing, Universe, byte_order


@dataclass(frozen=True, slots=True)
class Difference:
    """Who is in one universe only, in byte order of tickers. Those that have left a list count as not being in it."""

    joined: tuple[Listing, ...]
    left: tuple[Listing, ...]
    renamed: tuple[tuple[Listing, Listing], ...]
    """The same FIGI under another ticker: before and after. They have neither joined nor left."""


def compare(old: Universe, new: Universe) -> Difference:
    """What changed from `old` to `new`. A ticker that another company (another FIGI) bears has left and joined."""
    before, after = _listed(old), _listed(new)
    joined, left = _only(after, before), _only(before, after)
    here = {listing.figi: listing for listing in joined if listing.figi}
    renamed = tuple((listing, here[listing.figi]) for listing in left if listing.figi in here)
    moved = {listing for pair in renamed for listing in pair}
    return Difference(
        joined=tuple(listing for listing in joined if listing not in moved),
        left=tuple(listing for listing in left if listing not in moved),
        renamed=renamed,
    )


def merged(universes: Sequence[Universe]) -> Universe:
    """All listings of universes of one category, as of the newest. Raises UsageError for different categories."""
    in_order = sorted(universes, key=lambda one: one.as_of)
    category = in_order[-1].category
    for one in in_order:
        if one.category is not category:
            raise UsageError(
                f"these are universes of {one.category} and of {category}",
                remedy="merge files of one category; `enqueue` takes several files as one list",
            )
    listings: dict[tuple[str, str], Listing] = {}
    for one in in_order:
        listings |= {(listing.ticker, _bearer(listing)): listing for listing in one.listings}
    whole = all(one.complete for one in in_order)
    return Universe(category, in_order[-1].as_of, tuple(sorted(listings.values(), key=byte_order)), complete=whole)


def _listed(universe: Universe) -> dict[tuple[str, str], Listing]:
    return {(one.ticker, one.figi or ""): one for one in universe.listings if one.active}


def _only(here: Mapping[tuple[str, str], Listing], there: Mapping[tuple[str, str], Listing]) -> list[Listing]:
    """Who is here and not there. Where one side knows no FIGI, a ticker is taken to be the same company's."""
    tickers = {ticker for ticker, _ in there}
    return [
        listing
        for (ticker, figi), listing in here.items()
        if (ticker, figi) not in there and (ticker, "") not in there and (figi or ticker not in tickers)
    ]


def _bearer(listing: Listing) -> str:
    return listing.figi or ("" if listing.active else str(listing.delisted))

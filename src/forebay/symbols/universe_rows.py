"""Listings to rows of the universe table, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from forebay.model.instrument import AssetClass, asset_class_of
from forebay.model.universe import Listing

Record = Mapping[Any, Any]
"""A row by column name."""
Key = tuple[str, str]
"""Ticker and bearer: what tells a category's rows apart."""

NO_LIST = ""
"""The category of who was asked for by name: a member of no list that was read."""
_FIELDS = ("ticker", "name", "type", "exchange", "currency", "active", "figi", "listed", "delisted")


def record_of(listing: Listing, category: str, as_of: date) -> dict[str, Any]:
    """The row of a listing that was so on `as_of`."""
    fields = {name: getattr(listing, name) for name in _FIELDS}
    return {**fields, "category": category, "bearer": _bearer(listing), "as_of": as_of}


def read_listing(row: Record) -> Listing:
    """The listing in a row."""
    return Listing(**{name: row[name] for name in _FIELDS})


def key_of(row: Record) -> Key:
    """What tells it from the other rows of its category."""
    return row["ticker"], row["bearer"]


def merged(known: Record | None, fresh: Record) -> Record:
    """The row to store: what was so on the later date, with the dates that only the other one knew."""
    if known is None:
        return fresh
    newer, older = (known, fresh) if known["as_of"] > fresh["as_of"] else (fresh, known)
    delisted = newer["delisted"] or (None if newer["active"] else older["delisted"])
    return {name: newer[name] for name in fresh} | {"listed": newer["listed"] or older["listed"], "delisted": delisted}


def _bearer(listing: Listing) -> str:
    """Thousands have no FIGI: of those, one can bear a ticker now, and the others are known by their last day."""
    if listing.figi:
        return listing.figi
    for_ever = asset_class_of(listing.ticker) is AssetClass.OPTIONS
    return "" if listing.active or for_ever else f"until {listing.delisted or 'an unknown day'}"

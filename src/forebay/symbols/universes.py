"""The universe table: who is and was listed in each category, as far as the vendor was asked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import universe, universe_refreshes
from forebay.db.upsert import upsert
from forebay.errors import UsageError
from forebay.model.universe import Category, Lifetime, Listing, Universe, byte_order, lifetime
from forebay.symbols.universe_rows import NO_LIST, Key, Record, key_of, merged, read_listing, record_of

_CHUNK = 500
"""Tickers in one statement, and rows in one transaction."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """When a category was last discovered as a whole."""

    as_of: date
    listings: int
    """How many it had then."""
    refreshed_at: datetime
    """UTC."""


class Universes:
    """The universe table. All methods raise LedgerError for the database's sake."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def record(self, found: Universe) -> None:
        """Store what was discovered.

        What is known as of a later date stays. After a complete universe, whoever was listed before and is not in it
        is no longer active: delisted by its date at the latest.
        """
        rows = [record_of(listing, found.category.value, found.as_of) for listing in found.listings]
        self._store(rows)
        with self._database.write() as connection:
            newest = _newest(connection, found.category)
            if found.complete and (newest is None or newest <= found.as_of):
                newest = found.as_of
                upsert(connection, universe_refreshes, [self._refreshed(found)])
            if newest:
                _retire(connection, found.category, newest)

    def _refreshed(self, found: Universe) -> dict[str, Any]:
        return {
            "category": found.category.value,
            "as_of": found.as_of,
            "listings": len(found.listings),
            "refreshed_at": self._clock.now(),
        }

    def learn(self, found: Iterable[tuple[Listing, bool]], as_of: date) -> None:
        """Store listings that were asked for by name, each with whether it is over the counter; a member of no list."""
        for otc, group in groupby(sorted(found, key=_is_otc), key=_is_otc):
            category = Category.OTC.value if otc else NO_LIST
            self._store([record_of(listing, category, as_of) for listing, _ in group])

    def _store(self, rows: list[dict[str, Any]]) -> None:
        rows = sorted(rows, key=_place)  # writers that meet take the rows in one order
        for first in range(0, len(rows), _CHUNK):
            with self._database.write() as connection:
                _merge(connection, rows[first : first + _CHUNK])

    def listings(self, category: Category, *, active: bool | None = None) -> tuple[Listing, ...]:
        """Everybody known of a category, in byte order of tickers; only the active ones, or only those that left."""
        query = sa.select(universe).where(universe.c.category == category.value)
        if active is not None:
            query = query.where(universe.c.active.is_(active))
        with self._database.read() as connection:
            found = (read_listing(row) for row in connection.execute(query).mappings())
            return tuple(sorted(found, key=byte_order))

    def members(self, category: Category) -> tuple[str, ...]:
        """The tickers that a feed of the category holds, in byte order: those that left it stay, for their history.

        Raises UsageError when the category was never discovered as a whole.
        """
        if category not in self.refreshes():
            raise UsageError(
                f"the universe {category} was never discovered as a whole",
                remedy=f"run `forebay discover {category}`, without --limit and filters",
            )
        query = sa.select(universe.c.ticker).where(universe.c.category == category.value).distinct()
        with self._database.read() as connection:
            return tuple(sorted(connection.scalars(query), key=str.encode))

    def absent(self, found: Universe) -> tuple[str, ...]:
        """Who was listed until `found` was recorded and is not in it, in byte order of tickers."""
        left = (universe.c.active.is_(False), universe.c.delisted == found.as_of, universe.c.as_of < found.as_of)
        query = sa.select(universe.c.ticker).where(universe.c.category == found.category.value, *left)
        with self._database.read() as connection:
            return tuple(sorted(connection.scalars(query), key=str.encode))

    def lifetimes(self, tickers: Collection[str]) -> Mapping[str, Lifetime]:
        """When each of `tickers` was traded, by all who bore it in turn; those that nobody knows have no key."""
        wanted = sorted(set(tickers))
        found: dict[str, Lifetime] = {}
        with self._database.read() as connection:
            for first in range(0, len(wanted), _CHUNK):
                query = sa.select(universe).where(universe.c.ticker.in_(wanted[first : first + _CHUNK]))
                found |= _lifetimes(connection.execute(query).mappings())
        return found

    def listing(self, ticker: str) -> Listing | None:
        """What is known of who bears a ticker, or bore it last; None when nobody knows it."""
        query = sa.select(universe).where(universe.c.ticker == ticker)
        with self._database.read() as connection:
            found = [read_listing(row) for row in connection.execute(query).mappings()]
        return max(found, key=lambda one: (one.active, one.delisted or date.max), default=None)

    def names(self, tickers: Collection[str]) -> dict[str, str]:
        """What some tickers, a few hundred at most, are called by the vendor; of several bearers the one of now."""
        query = sa.select(universe.c.ticker, universe.c.name).where(universe.c.ticker.in_(sorted(tickers)))
        with self._database.read() as connection:
            return {ticker: name for ticker, name in connection.execute(query.order_by(universe.c.active)) if name}

    def called(self, text: str) -> set[str]:
        """The tickers that have `text` in what the vendor calls them, capitals or not."""
        query = sa.select(universe.c.ticker).where(
            sa.func.lower(universe.c.name).contains(text.lower(), autoescape=True)
        )
        with self._database.read() as connection:
            return set(connection.scalars(query))

    def refreshes(self) -> Mapping[Category, Refresh]:
        """When each category was last discovered as a whole; one that never was has no key."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(universe_refreshes)).all()
        return {Category(row.category): Refresh(row.as_of, row.listings, row.refreshed_at) for row in rows}

    def counts(self) -> Mapping[Category, tuple[int, int]]:
        """For each category that anything is known of: how many listings are active, and how many are not."""
        query = (
            sa.select(universe.c.category, sa.func.sum(sa.cast(universe.c.active, sa.Integer)), sa.func.count())
            .where(universe.c.category != NO_LIST)
            .group_by(universe.c.category)
        )
        with self._database.read() as connection:
            return {Category(name): (active, total - active) for name, active, total in connection.execute(query)}


def _merge(connection: sa.Connection, rows: list[dict[str, Any]]) -> None:
    tickers = sorted({row["ticker"] for row in rows})
    query = sa.select(universe).where(universe.c.category == rows[0]["category"], universe.c.ticker.in_(tickers))
    known: dict[Key, Record] = {key_of(row): row for row in connection.execute(query).mappings()}
    fresh = {
        key_of(row): merged(known.get(key_of(row)), row) for row in rows
    }  # of two alike the later one, still listed
    upsert(connection, universe, [dict(row) for row in fresh.values()])


def _newest(connection: sa.Connection, category: Category) -> date | None:
    query = sa.select(universe_refreshes.c.as_of).where(universe_refreshes.c.category == category.value)
    newest: date | None = connection.scalar(query)
    return newest


def _retire(connection: sa.Connection, category: Category, as_of: date) -> None:
    """Whoever was last seen before `as_of`, when everybody listed was seen, had left by then."""
    connection.execute(
        sa.update(universe)
        .where(universe.c.category == category.value, universe.c.active, universe.c.as_of < as_of)
        .values(active=False, delisted=sa.func.coalesce(universe.c.delisted, as_of))
    )


def _lifetimes(rows: Iterable[Record]) -> dict[str, Lifetime]:
    bearers: defaultdict[str, dict[str, Record]] = defaultdict(dict)
    otc: set[str] = set()
    for row in rows:
        ticker, bearer = key_of(row)
        bearers[ticker][bearer] = merged(bearers[ticker].get(bearer), row)
        if row["category"] == Category.OTC:
            otc.add(ticker)
    return {
        ticker: lifetime(map(read_listing, several.values()), otc=ticker in otc) for ticker, several in bearers.items()
    }


def _is_otc(found: tuple[Listing, bool]) -> bool:
    return found[1]


def _place(row: Record) -> tuple[bytes, date]:
    """By ticker; of two rows of one bearer the one that is still listed comes last, and stays."""
    return row["ticker"].encode(), row["delisted"] or date.max

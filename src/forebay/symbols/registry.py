"""The registry: which symbols a service keeps, how, and what became of that."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from random import Random
from typing import Any

import sqlalchemy as sa

from forebay.clock import Clock
from forebay.db.engine import Database
from forebay.db.tables import symbol_registry as table
from forebay.db.upsert import insert_new
from forebay.errors import KnownSymbol, UnknownSymbol
from forebay.model.registry import IngestionStatus, IngestionStrategy, Phase, SymbolRegistry, word_of
from forebay.symbols import registry_leases as leases
from forebay.symbols.registry_leases import Claimed
from forebay.symbols.registry_rows import (
    ENABLED,
    check_symbol,
    described,
    is_so,
    read_entry,
    record_of,
    status_values,
)

__all__ = ["Claimed", "Registry"]

_TOGETHER = 500
"""Symbols in one statement."""


class Registry:
    """The table `symbol_registry`. Usable from several threads; all methods raise LedgerError for the database's sake.

    Methods that change one symbol return it as it is then, and raise UnknownSymbol when there is no such symbol. All
    raise UsageError for a symbol that no vendor would call a ticker.
    """

    def __init__(self, database: Database, clock: Clock, rng: Random | None = None) -> None:
        """`rng` is for the jitter of retries."""
        self._database = database
        self._clock = clock
        self._rng = rng or Random()

    def add(self, entry: SymbolRegistry) -> SymbolRegistry:
        """Add one symbol; what was stored. Raises KnownSymbol when it is there, UsageError for a wrong entry."""
        if self.add_many([entry]) == (0, 1):
            raise KnownSymbol(
                f"{entry.symbol} is in the registry already",
                remedy=f"change it: `forebay registry strategy {entry.symbol} STRATEGY`, or delete it first",
            )
        return self.require(entry.symbol)

    def add_many(self, entries: Iterable[SymbolRegistry]) -> tuple[int, int]:
        """Add those that are not there yet, all or none: how many were added, and how many were known already.

        Raises UsageError, with nothing added, for an entry that is wrong.
        """
        now = self._clock.now()
        rows = [record_of(entry, now) for entry in entries]
        with self._database.write() as connection:
            added = insert_new(connection, table, rows)
        return added, len(rows) - added

    def get(self, symbol: str) -> SymbolRegistry | None:
        """One symbol; None when it is not there."""
        check_symbol(symbol)
        with self._database.read() as connection:
            row = connection.execute(sa.select(table).where(table.c.symbol == symbol)).mappings().one_or_none()
        return None if row is None else read_entry(row)

    def require(self, symbol: str) -> SymbolRegistry:
        """One symbol. Raises UnknownSymbol when it is not there."""
        entry = self.get(symbol)
        if entry is None:
            raise _unknown(symbol)
        return entry

    def set_status(self, symbol: str, status: IngestionStatus, error_message: str | None = None) -> SymbolRegistry:
        """Say by hand how a symbol fares; whoever is running it loses it.

        DISABLED disables it, any other status enables it. RUNNING lasts as long as a lease that nobody renews.
        """
        values = status_values(word_of(IngestionStatus, "status", status), error_message, self._clock.now())
        with self._database.write() as connection:
            return self._update(connection, symbol, values)

    def set_enabled(self, symbol: str, enabled: bool) -> SymbolRegistry:
        """Keep a symbol, or keep it no longer; whoever is running one that is so already goes on."""
        return self.change(symbol, enabled=enabled)

    def set_strategy(self, symbol: str, strategy: IngestionStrategy) -> SymbolRegistry:
        """Keep a symbol in another way, from its next run on."""
        return self.change(symbol, strategy=strategy)

    def describe(
        self, symbol: str, description: str | None = None, metadata: Mapping[str, Any] | None = None
    ) -> SymbolRegistry:
        """Replace the description, the metadata, or both. Raises UsageError for metadata that are wrong."""
        return self.change(symbol, description=description, metadata=metadata)

    def change(
        self,
        symbol: str,
        *,
        strategy: IngestionStrategy | None = None,
        enabled: bool | None = None,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> SymbolRegistry:
        """Make several things different at once, all or none; what is None stays as it is. Raises as the others."""
        values = described(symbol, description, metadata)
        if strategy is not None:
            values["strategy"] = word_of(IngestionStrategy, "strategy", strategy).value
        with self._database.write() as connection:
            entry = self._update(connection, symbol, values)
            if enabled is not None and entry.enabled != enabled:
                status = IngestionStatus.IDLE if enabled else IngestionStatus.DISABLED
                entry = self._update(connection, symbol, status_values(status, None, self._clock.now()))
        return entry

    def streamed(self, symbols: Iterable[str]) -> None:
        """Note that live data of these come now. Those that are not there are left out."""
        now, names = self._clock.now(), sorted(symbols)
        with self._database.write() as connection:
            for first in range(0, len(names), _TOGETHER):
                mine = table.c.symbol.in_(names[first : first + _TOGETHER])
                connection.execute(sa.update(table).where(mine).values(last_stream=now))

    def _update(self, connection: sa.Connection, symbol: str, values: dict[str, Any]) -> SymbolRegistry:
        check_symbol(symbol)
        changing = sa.update(table).where(table.c.symbol == symbol).returning(table)
        values = {**values, "updated_at": self._clock.now()}
        row = connection.execute(changing.values(**values)).mappings().one_or_none()
        if row is None:
            raise _unknown(symbol)
        return read_entry(row)

    def delete(self, symbol: str) -> bool:
        """Forget a symbol; whether it was there. What it brought stays in the lake."""
        check_symbol(symbol)
        with self._database.write() as connection:
            return connection.execute(sa.delete(table).where(table.c.symbol == symbol)).rowcount == 1

    def claim(
        self,
        worker_id: str,
        limit: int,
        *,
        symbols: Collection[str] | None = None,
        due_only: bool = True,
        not_since: datetime | None = None,
        phases: Collection[Phase] = (),
    ) -> list[Claimed]:
        """Take up to `limit` enabled symbols that nobody runs, for `registry_leases.LEASE`: they are running then.

        Two claims never hold one symbol, in whichever process. Those whose last run is longest ago come first. Of those
        that failed only those are taken whose `retry_at` has come (`due_only`). With `not_since` only those that were
        not run from that instant on: several workers with one instant run each symbol once, between them; with
        `phases`, too, those that were run and did not complete one of these. `symbols`: only of these.
        """
        with self._database.write() as connection:
            wanted = leases.wanted(self._clock.now(), due_only=due_only, not_since=not_since, phases=phases)
            if symbols is not None:
                for symbol in symbols:
                    check_symbol(symbol)
                wanted = wanted.where(table.c.symbol.in_(sorted(set(symbols))))
            return leases.claim(connection, wanted.limit(limit), worker_id, self._clock.now())

    def renew(self, claims: Iterable[Claimed]) -> None:
        """Hold on to claims for another `registry_leases.LEASE`; those that were lost stay lost."""
        with self._database.write(durable=False) as connection:
            leases.renew(connection, claims, self._clock.now())

    def finish(self, claimed: Claimed, done: Mapping[Phase, datetime], error: str | None) -> bool:
        """End a run in one transaction; False, with nothing changed, when the symbol is no longer held.

        `done` has the phases that were completed, and when. Without `error` the symbol is idle; with one its failures
        are counted, and it is not due before `retry_at`: later after each, up to a few hours, with jitter.
        """
        with self._database.write() as connection:
            return leases.finish(connection, claimed, done, error, now=self._clock.now(), rng=self._rng)

    def clear_stale(self) -> list[str]:
        """Free the symbols whose worker vanished, in byte order: they are what they were before it took them."""
        with self._database.write() as connection:
            return leases.clear_stale(connection, self._clock.now())

    def list(
        self,
        *,
        enabled_only: bool = False,
        strategy: IngestionStrategy | None = None,
        status: IngestionStatus | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[SymbolRegistry]:
        """The symbols in byte order, at most `limit` of them, from the first one behind `after`."""
        query = _narrowed(sa.select(table).order_by(table.c.symbol).limit(limit), enabled_only, strategy, status)
        if after is not None:
            check_symbol(after)
            query = query.where(table.c.symbol > after)
        with self._database.read() as connection:
            return [read_entry(row) for row in connection.execute(query).mappings()]

    def names(self, text: str = "", status: IngestionStatus | None = None) -> set[str]:
        """The symbols that have `text` in their name or description, capitals or not; nothing else is read of them."""
        query = _narrowed(sa.select(table.c.symbol), enabled_only=False, strategy=None, status=status)
        if text:
            columns = (sa.func.lower(table.c.symbol), sa.func.lower(table.c.description))
            query = query.where(sa.or_(*(column.contains(text.lower(), autoescape=True) for column in columns)))
        with self._database.read() as connection:
            return set(connection.scalars(query))

    def several(self, symbols: Collection[str]) -> dict[str, SymbolRegistry]:
        """Those of some symbols, a few hundred at most, that are there."""
        query = sa.select(table).where(table.c.symbol.in_(sorted(symbols)))
        with self._database.read() as connection:
            return {row["symbol"]: read_entry(row) for row in connection.execute(query).mappings()}


def _narrowed(
    query: sa.Select[Any], enabled_only: bool, strategy: IngestionStrategy | None, status: IngestionStatus | None
) -> sa.Select[Any]:
    if enabled_only:
        query = query.where(ENABLED)
    if strategy is not None:
        query = query.where(is_so(table.c.strategy, strategy))
    if status is IngestionStatus.DISABLED:
        return query.where(sa.not_(ENABLED))
    return query if status is None else query.where(ENABLED, is_so(table.c.status, status))


def _unknown(symbol: str) -> UnknownSymbol:
    return UnknownSymbol(
        f"{symbol} is not in the registry", remedy=f"add it: `forebay registry add {symbol}`; case matters"
    )

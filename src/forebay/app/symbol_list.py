"""Every symbol that is kept or held, wired: the registry's, those asked for by name, and those of the newest files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import polars as pl

from forebay.lake.verification.verify import TableReader
from forebay.ledger.provenance import Provenance
from forebay.model.catalogue import LAKE_DATASETS, Kind
from forebay.model.feed import LAKE
from forebay.model.instrument import AssetClass
from forebay.model.registry import IngestionStatus, SymbolRegistry

if TYPE_CHECKING:
    from forebay.app.wired import App
    from forebay.lake.reading.reader import Lake

PAGE = 100
KEPT, OTHERS = "kept", "others"
SHOWN = ("", KEPT, *(status.value for status in IngestionStatus), OTHERS)
"""What a list may be narrowed to: all, those of the registry, those that fare so, those that are held alone."""
_NEWEST = timedelta(days=6)
"""Files of this long before the newest session tell who is held: a quiet ticker does not trade every day."""
_LISTED = tuple(each for each in AssetClass if each is not AssetClass.OPTIONS)
"""Of a million options those alone are listed that were asked for by name."""


@dataclass(frozen=True, slots=True)
class SymbolsAsked:
    """Which symbols."""

    text: str = ""
    """In the ticker or in the name, capitals or not."""
    show: str = ""
    page: int = 1


@dataclass(frozen=True, slots=True)
class SymbolRow:
    """One of them."""

    symbol: str
    market: str
    """What its tables' names begin with, where the ticker does not say (futures)."""
    name: str
    entry: SymbolRegistry | None
    """In the registry."""
    held: bool
    """Whether bars are recorded of it, or in the newest files."""


@dataclass(frozen=True, slots=True)
class SymbolsShown:
    """A page of them."""

    rows: tuple[SymbolRow, ...]
    total: int
    page: int
    pages: int


_Name = tuple[str, str]
"""Symbol and market."""


def symbols_shown(app: App, asked: SymbolsAsked) -> SymbolsShown:
    """A page of `PAGE` symbols by their bytes, those first that are spelled as asked. Raises LedgerError, LakeError."""
    found = _found(app, asked)
    pages = max(-(-len(found) // PAGE), 1)
    page = min(max(asked.page, 1), pages)
    some = found[(page - 1) * PAGE : page * PAGE]
    entries = app.registry.several([symbol for symbol, _ in some])
    names = app.universes.names([symbol for symbol, _ in some])
    held = _held(app)
    rows = (
        SymbolRow(symbol, market, _called(symbol, entries, names), entries.get(symbol), (symbol, market) in held)
        for symbol, market in some
    )
    return SymbolsShown(tuple(rows), len(found), page, pages)


def _called(symbol: str, entries: dict[str, SymbolRegistry], names: dict[str, str]) -> str:
    entry = entries.get(symbol)
    return (entry.description if entry else "") or names.get(symbol, "")


def _found(app: App, asked: SymbolsAsked) -> list[_Name]:
    status = IngestionStatus(asked.show) if asked.show in list(IngestionStatus) else None
    text = asked.text.strip()
    kept = {(symbol, "") for symbol in app.registry.names(text, status)}
    if asked.show not in ("", OTHERS):
        return sorted(kept, key=lambda name: _order(name, text))
    called = app.universes.called(text) if text else set[str]()
    fitting = {name for name in _held(app) if text.lower() in name[0].lower() or name[0] in called}
    if asked.show == OTHERS:
        fitting -= {(symbol, "") for symbol in app.registry.names()}
        kept = set()
    return sorted(kept | fitting, key=lambda name: _order(name, text))


def _order(name: _Name, text: str) -> tuple[bool, bool, bytes, str]:
    symbol, market = name
    return symbol != text, not symbol.lower().startswith(text.lower()), symbol.encode(), market


def _held(app: App) -> frozenset[_Name]:
    recorded = {(symbol, "") for symbol in Provenance(app.ledger.database, LAKE, app.clock.now()).symbols()}
    newest = (_in_newest(app.lake, table, app.lake.version(table)) for table in _tables(app.lake))
    return frozenset(recorded).union(*newest)


def _tables(lake: Lake) -> Iterator[str]:
    """The table of each market that tells fastest who is traded: day bars, else minute bars."""
    tables, markets = lake.tables(), set[str]()
    for kind in (Kind.BARS_1D, Kind.BARS_1M):
        for table in tables:
            dataset, market = LAKE_DATASETS[table], table.partition("/")[0]
            if dataset.kind is kind and dataset.asset_class in _LISTED and market not in markets:
                markets.add(market)
                yield table


@lru_cache(maxsize=32)
def _in_newest(lake: Lake, table: str, version: int) -> frozenset[_Name]:  # noqa: ARG001 - another version, another answer
    """Who has a bar in the newest sessions of a table."""
    dataset = LAKE_DATASETS[table]
    span = TableReader.of(lake.home, dataset).span
    if span is None:
        return frozenset()
    rows = lake.rows(table, None, span.end - _NEWEST, span.end).select(pl.col("ticker").unique())
    with lake.explained():
        tickers = rows.collect()["ticker"]
    market = table.partition("/")[0]
    return frozenset((ticker, "" if market == dataset.asset_class else market) for ticker in tickers)

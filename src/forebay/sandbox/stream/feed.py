"""One cluster's events, made ahead of the replay: kept as numbers for a window, put into frames for a piece of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import polars as pl

from forebay.model.live import WILDCARD, Cluster, Subscription
from forebay.sandbox.bars import MINUTE, SECOND
from forebay.sandbox.cells import Cell
from forebay.sandbox.faults import Fault
from forebay.sandbox.market import Market
from forebay.sandbox.stream.channels import CHANNELS, Content, wire_symbol
from forebay.sandbox.stream.spoiling import Spoiling
from forebay.sandbox.stream.tables import Tables, tables
from forebay.sandbox.stream.text import texts

TICK = SECOND // 10
"""Events of one tick go out together."""
_MOST_EVENTS = 500
"""In one frame: some 150 kB, as a client's default limit is one megabyte."""
_HOUR = 60 * MINUTE
_LONG, _SHORT = 6 * _HOUR, _HOUR
"""Lengths of a window: short where many trades are in it."""
_MANY_TRADES = 1_000_000.0
_KEPT = 2

Selection = frozenset[Subscription]
"""What one connection is subscribed to."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One WebSocket frame: when it goes out (ns), how many events are in it, its JSON."""

    out: int
    events: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Window:
    """Tables of `[low, high)`; of the symbols in `symbols` alone, or of all (None)."""

    low: int
    high: int
    symbols: frozenset[str] | None
    tables: Tables

    def serves(self, moment: int, symbols: frozenset[str] | None, contents: frozenset[Content]) -> bool:
        known = self.symbols is None or (symbols is not None and symbols <= self.symbols)
        return self.low <= moment < self.high and known and contents <= self.tables.keys()


class Feed:
    """The events of one cluster. Frames may be asked for from several threads."""

    def __init__(self, market: Market, cluster: Cluster, rules: Sequence[Fault] = ()) -> None:
        self._market = market
        self._spoiling = Spoiling(cluster, rules)
        self._names = {one.content: one.name for one in CHANNELS[cluster].values()}
        self._cluster = cluster
        self._windows: list[_Window] = []
        self._lock = Lock()

    def frames(self, low: int, high: int, selections: Iterable[Selection]) -> Mapping[Selection, list[Frame]]:
        """What goes out in `[low, high)` (ns, within one minute) to each selection, by time."""
        wanted = set(selections)
        symbols, contents = _union(self._cluster, wanted)
        with self._lock:
            window = self._window(low, symbols, contents)
        pieces = {content: _between(table, low, high) for content, table in window.tables.items()}
        return {selection: self._framed(selection, pieces) for selection in wanted}

    def _window(self, moment: int, symbols: frozenset[str] | None, contents: frozenset[Content]) -> _Window:
        found = next((one for one in self._windows if one.serves(moment, symbols, contents)), None)
        if found is None:
            found = self._made(moment, symbols, contents)
            self._windows = [*self._windows, found][-_KEPT:]
        return found

    def _made(self, moment: int, symbols: frozenset[str] | None, contents: frozenset[Content]) -> _Window:
        length, cells = _SHORT, self._cells(moment // _SHORT * _SHORT, _SHORT, symbols)
        if sum(cell.instrument.trades for cell in cells) < _MANY_TRADES:
            length, cells = _LONG, self._cells(moment // _LONG * _LONG, _LONG, symbols)
        low = moment // length * length
        made = tables(self._market, cells, low - self._spoiling.longest, low + length, contents)
        found = {
            content: self._spoiling.spoil(self._names[content], made.get(content, _NOTHING), moment)
            for content in contents
        }
        return _Window(low, low + length, symbols, found)

    def _cells(self, low: int, length: int, symbols: frozenset[str] | None) -> list[Cell]:
        asset_class = self._cluster.asset_class
        cells = self._market.cells_between(asset_class, low - MINUTE - self._spoiling.longest, low + length)
        return [cell for cell in cells if symbols is None or wire_symbol(asset_class, cell.ticker) in symbols]

    def _framed(self, selection: Selection, pieces: Tables) -> list[Frame]:
        """The selection's events, by time, then channel, then as the market has them; cut into frames."""
        events = [_NO_EVENTS]
        channels = CHANNELS[self._cluster]
        for name in sorted({one.channel for one in selection}):
            table = pieces.get(channels[name].content, _NOTHING)
            symbols = {one.symbol for one in selection if one.channel == name}
            chosen = table if WILDCARD in symbols else table.filter(pl.col("symbol").is_in(symbols))
            if chosen.height:
                text = texts(self._cluster, channels[name], chosen)
                events.append(pl.DataFrame({"out": chosen["out"], "text": text}))
        return _frames(pl.concat(events))


_NOTHING = pl.DataFrame(schema={"out": pl.Int64(), "symbol": pl.String()})
_NO_EVENTS = pl.DataFrame(schema={"out": pl.Int64(), "text": pl.String()})


def _union(cluster: Cluster, selections: set[Selection]) -> tuple[frozenset[str] | None, frozenset[Content]]:
    """The symbols (None: all) and contents that all selections need together."""
    together = frozenset().union(*selections)
    symbols = frozenset(one.symbol for one in together)
    contents = frozenset(CHANNELS[cluster][one.channel].content for one in together) - {Content.NOTHING}
    return None if WILDCARD in symbols else symbols, contents


def _between(table: pl.DataFrame, low: int, high: int) -> pl.DataFrame:
    first, last = table["out"].search_sorted(pl.Series([low, high]), side="left")
    return table.slice(first, last - first)


def _frames(events: pl.DataFrame) -> list[Frame]:
    tick = (pl.col("out") + (TICK - 1)) // TICK * TICK
    part = pl.int_range(pl.len()).over("tick") // _MOST_EVENTS
    joined = (
        events.sort("out", maintain_order=True)
        .with_columns(tick=tick)
        .group_by("tick", part.alias("part"), maintain_order=True)
        .agg(pl.col("text").str.join(","), pl.len())
    )
    return [Frame(out, count, b"[" + text.encode() + b"]") for out, _, text, count in joined.iter_rows()]

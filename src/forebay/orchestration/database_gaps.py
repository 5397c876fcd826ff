"""What the database lacks of the minute bars that the lake holds, and its repair: they are written from the lake."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import polars as pl

from forebay.lake.reading.reader import Lake
from forebay.model.message import BarMessage
from forebay.model.partition import ALL_SYMBOLS
from forebay.orchestration.minutes_scan import GapScope
from forebay.sinks.timescale.store import Store
from forebay.tasks.messages import bar_messages

_SIZE = "1m"
_AT_ONCE = 20_000
"""Bars that are compared or written in one transaction."""


@dataclass(frozen=True, slots=True)
class Shortfall:
    """A session of a symbol of which the database lacks something."""

    symbol: str
    day: date
    missing: int
    """Bars of the lake that it has not."""
    lesser: int
    """Bars that it has of a lesser source, or with other values."""
    outcome: str = "open"
    """`closed` once they are written."""


@dataclass(slots=True)
class DatabaseGaps:
    """Compares session by session; holds one session of the scope's symbols in memory."""

    lake: Lake
    store: Store
    repairs: int = 0
    """Shortfalls that are still to be repaired, at most."""

    def run(self, scope: GapScope) -> Iterator[Shortfall]:
        """Shortfalls of the scope, the latest session first, each as it is after its repair.

        Raises LakeError, SinkUnavailable, SinkRefused.
        """
        symbols = None if ALL_SYMBOLS in scope.symbols else scope.symbols
        for day in reversed(scope.sessions):
            bars = self.lake.bars(symbols, _SIZE, day, day, asset_class=scope.asset_class).collect()
            lacks = self._compare(bars, scope)
            repaired = sorted(lacks, key=str.encode)[: self.repairs]
            for part in _parts(bars.filter(pl.col("ticker").is_in(repaired)), scope):
                self.store.write(part)
            self.repairs -= len(repaired)
            for symbol in sorted(lacks, key=str.encode):
                yield Shortfall(symbol, day, *lacks[symbol], "closed" if symbol in repaired else "open")

    def _compare(self, bars: pl.DataFrame, scope: GapScope) -> dict[str, tuple[int, int]]:
        """Symbol to what lacks of it: bars missing, bars lesser."""
        found: dict[str, tuple[int, int]] = {}
        for part in _parts(bars, scope):
            for symbol, (missing, lesser) in self.store.lacks(part).items():
                before = found.get(symbol, (0, 0))
                found[symbol] = (before[0] + missing, before[1] + lesser)
        return found


def _parts(bars: pl.DataFrame, scope: GapScope) -> Iterator[list[BarMessage]]:
    return (list(bar_messages(part, scope.asset_class, _SIZE)) for part in bars.iter_slices(_AT_ONCE) if part.height)

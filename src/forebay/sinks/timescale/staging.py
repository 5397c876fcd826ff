"""A batch's bars on their way into a table: the better one of each key, in the bytes of PostgreSQL's binary COPY."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct, pack

from forebay.errors import CheckFailed
from forebay.model.message import BarMessage
from forebay.model.partition import Source
from forebay.sinks.timescale.columns import COLUMNS, TABLES

_EPOCH = 946_684_800_000
"""Milliseconds from Unix' epoch to PostgreSQL's, 2000-01-01."""
_HEADER, _END = b"PGCOPY\n\xff\r\n\0" + pack(">ii", 0, 0), pack(">h", -1)
_NULL = pack(">i", -1)
_SOURCE = {source: pack(">i", len(source)) + source.encode() for source in Source}
_RANK = {source: source.rank for source in Source}

# values, each after its length: a time and four prices; then volume, vwap and transactions, by themselves or together
_FIXED, _REAL, _WHOLE = Struct(">iqidididid").pack, Struct(">id").pack, Struct(">iq").pack
_FULL, _LIVE = Struct(">iqididididididiq").pack, Struct(">iqididididididi").pack


@dataclass(frozen=True, slots=True)
class Rows:
    """What a table is to have: each symbol's bars in the order of time, and the symbols in that of their bytes.

    In this order rows are also written, so that two writers wait for each other and never both.
    """

    table: str
    by_symbol: Mapping[str, Sequence[BarMessage]]

    def __len__(self) -> int:
        return sum(map(len, self.by_symbol.values()))

    @property
    def spans(self) -> Iterator[tuple[str, int, int]]:
        """Each symbol with the times of its first and last bar, in Unix milliseconds."""
        return ((symbol, bars[0].timestamp, bars[-1].timestamp) for symbol, bars in self.by_symbol.items())


def winners(bars: Iterable[BarMessage]) -> list[Rows]:
    """What each table is to have: of each symbol and time the best source's bar, of those the last.

    Raises CheckFailed for a timeframe without a table.
    """
    found: dict[str, dict[str, dict[int, BarMessage]]] = {}
    for bar in bars:
        symbols = found.get(bar.timeframe)
        if symbols is None:
            symbols = found[bar.timeframe] = {}
        times = symbols.get(bar.symbol)
        if times is None:
            times = symbols[bar.symbol] = {}
        earlier = times.get(bar.timestamp)
        if earlier is None or _RANK[bar.source] >= _RANK[earlier.source]:
            times[bar.timestamp] = bar
    if unknown := found.keys() - TABLES.keys():
        raise CheckFailed(f"bars of {', '.join(sorted(unknown))} have no table", remedy=f"there are {list(TABLES)}")
    return [Rows(TABLES[timeframe], _ordered(symbols)) for timeframe, symbols in sorted(found.items())]


def _ordered(symbols: Mapping[str, Mapping[int, BarMessage]]) -> dict[str, list[BarMessage]]:
    """Characters of a text and bytes of its UTF-8 have one order."""
    return {symbol: [bar for _, bar in sorted(symbols[symbol].items())] for symbol in sorted(symbols)}


def packed(rows: Rows) -> bytes:
    """The rows as a whole of binary COPY, in the order of COLUMNS."""
    parts = [_HEADER]
    for symbol, bars in rows.by_symbol.items():
        name = symbol.encode()
        head = pack(">hi", len(COLUMNS), len(name)) + name
        for bar in bars:
            parts += (head, _values(bar), _SOURCE[bar.source])
    parts.append(_END)
    return b"".join(parts)


def _values(bar: BarMessage) -> bytes:
    """From its time to its transactions. Most bars have either all of them, or all but the transactions."""
    at = (bar.timestamp - _EPOCH) * 1000
    volume, vwap, transactions = bar.volume, bar.vwap, bar.transactions
    if volume is None or vwap is None:
        prices = _FIXED(8, at, 8, bar.open, 8, bar.high, 8, bar.low, 8, bar.close)
        sums = (_NULL if value is None else _REAL(8, value) for value in (volume, vwap))
        return b"".join((prices, *sums, _NULL if transactions is None else _WHOLE(8, transactions)))
    if transactions is None:
        return _LIVE(8, at, 8, bar.open, 8, bar.high, 8, bar.low, 8, bar.close, 8, volume, 8, vwap, -1)
    return _FULL(
        8, at, 8, bar.open, 8, bar.high, 8, bar.low, 8, bar.close, 8, volume, 8, vwap, 8, transactions
    )  # fmt: skip

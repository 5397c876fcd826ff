"""A batch's bars on their way into a table: the better one of each key, in the bytes of PostgreSQL's binary COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct, pack

from forebay.errors import CheckFailed
from forebay.model.message import BarMessage
from forebay.model.partition import Source
from forebay.sinks.timescale.columns import COLUMNS, TABLES

_EPOCH = 946_684_800_000
"""Milliseconds from Unix' epoch to PostgreSQL's, 2000-01-01."""
_HEADER, _END = b"PGCOPY\n\xff\r\n\0" + pack(">ii", 0, 0), pack(">h", -1)
_NULL = pack(">i", -1)
_REAL, _WHOLE, _FIXED = Struct(">id"), Struct(">iq"), Struct(">iqidididid")
"""Values, each after its length: one real number, one whole number; a time and four prices."""
_SOURCE = {source: pack(">i", len(source)) + source.encode() for source in Source}
_RANK = {source: source.rank for source in Source}


def winners(bars: Iterable[BarMessage]) -> dict[str, list[BarMessage]]:
    """Table to the bars that it is to have: of each symbol and time the best source's, of those the last.

    Raises CheckFailed for a timeframe without a table.
    """
    held: dict[tuple[str, str, int], BarMessage] = {}
    for bar in bars:
        key = (bar.timeframe, bar.symbol, bar.timestamp)
        earlier = held.get(key)
        if earlier is None or _RANK[bar.source] >= _RANK[earlier.source]:
            held[key] = bar
    found: dict[str, list[BarMessage]] = {}
    for bar in held.values():
        found.setdefault(bar.timeframe, []).append(bar)
    if unknown := found.keys() - TABLES.keys():
        raise CheckFailed(f"bars of {', '.join(sorted(unknown))} have no table", remedy=f"there are {list(TABLES)}")
    return {TABLES[timeframe]: rows for timeframe, rows in sorted(found.items())}


def packed(bars: Sequence[BarMessage]) -> bytes:
    """The bars as a whole of binary COPY, in the order of COLUMNS."""
    parts, heads = [_HEADER], dict[str, bytes]()
    for bar in bars:
        symbol = bar.symbol
        head = heads.get(symbol)
        if head is None:
            name = symbol.encode()
            head = heads[symbol] = pack(">hi", len(COLUMNS), len(name)) + name
        at = (bar.timestamp - _EPOCH) * 1000
        parts += (
            head,
            _FIXED.pack(8, at, 8, bar.open, 8, bar.high, 8, bar.low, 8, bar.close),
            _NULL if bar.volume is None else _REAL.pack(8, bar.volume),
            _NULL if bar.vwap is None else _REAL.pack(8, bar.vwap),
            _NULL if bar.transactions is None else _WHOLE.pack(8, bar.transactions),
            _SOURCE[bar.source],
        )
    parts.append(_END)
    return b"".join(parts)

"""How each column is encoded in Parquet: chosen by measurement, see docs/decisions/encodings-by-measurement.md.

Only encodings that Polars, DuckDB, Arrow, Spark and Trino read of every type: so no byte-stream split, though it would
be the best for volumes. Numbers are stored as they came, bit for bit.
"""

from __future__ import annotations

from functools import cache

from forebay.model.catalogue import BARS, Column, Dataset
from forebay.model.rows import row_schema

PAGE_BYTES = 64 << 20
"""No limit: a row group has one page of each column. Of prices, pages of 128 KiB take a twentieth more."""
TILE_PAGE_ROWS = 1500
"""But of a tile's: a reader of one ticker passes over pages without one of its rows."""

_PRICES = ("open", "high", "low", "close", "vwap", "price", "ask_price", "bid_price", "value")
_PLAIN = (*_PRICES, "volume", "dollar_volume", "trf_timestamp")
"""Numbers that seldom come again, and a time that is 0 unless a trade was reported late."""
_STEPS = ("sequence_number", "report_sequence")
_PREFIXES = ("id",)
"""Texts that no two rows share, but most of which with the row before."""
_SAME = ("session_date", "source")
"""One value in each row group of a tile, which no compressor makes smaller."""
_LEVEL, _BARS_TIME_LEVEL, _PRICE_LEVEL = 1, 2, 3
"""zstd. Of prices level 2 makes 1.08 times as much in 0.75 of the time; elsewhere higher levels bring little."""


@cache
def dictionaries(dataset: Dataset, *, tiled: bool = False) -> list[str]:
    """Columns in which few values come again and again: all that are not encoded otherwise."""
    others = {*_PLAIN, *encodings(dataset, tiled=tiled)}
    return [name for name in row_schema(dataset) if name not in others]


@cache
def encodings(dataset: Dataset, *, tiled: bool = False) -> dict[str, str]:
    """Columns that rise by little within a ticker: numbers by their steps, texts by what they add to the one before.

    Minutes do so too where few rows would share a dictionary, in a row group of a tile.
    """
    nanos = [name for name, kind in dataset.columns.items() if kind is Column.NANOS and name not in _PLAIN]
    rising = [name for name in (*nanos, *_STEPS) if name in dataset.columns and dataset.kind not in BARS]
    minutes = ["window_start"] if tiled and dataset.kind in BARS else []
    texts = [name for name in _PREFIXES if name in dataset.columns]
    return dict.fromkeys(rising + minutes, "DELTA_BINARY_PACKED") | dict.fromkeys(texts, "DELTA_BYTE_ARRAY")


@cache
def levels(dataset: Dataset, *, tiled: bool = False) -> dict[str, int]:
    """Levels of zstd, of the columns that are compressed."""
    wanted = dict.fromkeys(_PRICES, _PRICE_LEVEL) | {"window_start": _BARS_TIME_LEVEL}
    return {name: wanted.get(name, _LEVEL) for name in row_schema(dataset) if not (tiled and name in _SAME)}

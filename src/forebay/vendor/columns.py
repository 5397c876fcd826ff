"""A page of one ticker's bars as columns of numbers, mostly without an object for each number on the way.

The vendor spells the bars of a page alike: the same fields in the same order. Such a page without its letters is CSV,
which is read three times as fast as JSON. Whether it is such a page is proved, byte for byte; any other is decoded.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import polars as pl

from forebay.errors import PageRejected
from forebay.vendor.wire import Bar, BarsPage, Envelope, decode

_COLUMNS = {
    "o": "open",
    "h": "high",
    "l": "low",
    "c": "close",
    "v": "volume",
    "vw": "vwap",
    "n": "transactions",
    "t": "t",
}
"""The vendor's fields, none with a letter that a number may have."""
_MUST = {"o", "h", "l", "c", "t"}
_MOST = 2**52
"""Milliseconds and trades beyond it are none: Polars ends the process over dates that it cannot compute with."""
_OF_NUMBERS = b"0123456789+-.eE"
_LINES = bytes.maketrans(b"[}", b",\n")
"""`[{"o":1},{"o":2}]` becomes `,1` and `,2`: a line for a bar, its first column empty."""
_DROPPED = bytes(set(range(256)) - set(_OF_NUMBERS + b",[}"))


class _Skimmed(Envelope):
    """A page whose bars are left as they are written."""

    results: msgspec.Raw = msgspec.Raw(b"null")


def read_page(body: bytes) -> tuple[Envelope, pl.DataFrame]:
    """What surrounds the bars of a page, and the bars: `open` to `transactions`, and `t`, Unix milliseconds.

    Raises PageRejected when it is no JSON, not of that form, or has numbers that no bar can have.
    """
    try:
        page = msgspec.json.decode(body, type=_Skimmed)
    except msgspec.DecodeError:
        page = _Skimmed()
    found = _alike(bytes(page.results))
    if found is not None:
        return page, found
    decoded = decode(body, BarsPage)
    return decoded, columns(decoded.results or [])


def columns(bars: Sequence[Bar]) -> pl.DataFrame:
    """Bars in the columns `open`, `high`, `low`, `close`, `volume`, `vwap`, `transactions` (Int64) and `t` (Int64).

    Raises PageRejected for times and trades that no bar can have.
    """
    found = {column: [getattr(bar, field) for bar in bars] for field, column in _COLUMNS.items()}
    return _typed(pl.DataFrame(found, schema=_schema(_COLUMNS)))


def _alike(results: bytes) -> pl.DataFrame | None:
    """The columns of a JSON array of bars; None unless each has the same known fields, and numbers in them."""
    fields = _fields(results)
    if fields is None:
        return None
    head = {"": pl.String()} | _schema(fields)
    lines = results.translate(_LINES, _DROPPED)
    try:
        found = pl.read_csv(lines, has_header=False, schema=head)
    except pl.exceptions.PolarsError:  # a time with a fraction, say: the decoder finds the words for it
        return None
    if found.select(pl.any_horizontal(pl.col(pl.Float64).is_infinite().any())).item():  # 1e400: the decoder refuses it
        return None
    absent = [pl.lit(None, pl.Float64()).alias(column) for column in _COLUMNS.values() if column not in head]
    return _typed(found.with_columns(absent))


def _fields(results: bytes) -> list[str] | None:
    """The fields that every bar has, in order; None when some bar has others, or something that is no number."""
    shape = results.translate(None, _OF_NUMBERS)
    pattern = shape[1 : shape.find(b"}") + 1]
    count = len(shape) // (len(pattern) + 1)
    if not pattern or shape != b"[" + (pattern + b",") * (count - 1) + pattern + b"]":
        return None
    fields = [name.strip('"') for name in pattern[1:-2].decode("latin-1").split(":,")]
    spelled = "{" + ",".join(f'"{name}":' for name in fields) + "}"
    alike = spelled.encode("latin-1") == pattern and len(set(fields)) == len(fields)
    return fields if alike and _MUST <= set(fields) <= set(_COLUMNS) else None


def _schema(fields: Sequence[str] | dict[str, str]) -> dict[str, pl.DataType]:
    return {_COLUMNS[field]: pl.Int64() if field == "t" else pl.Float64() for field in fields}


def _typed(found: pl.DataFrame) -> pl.DataFrame:
    if not found.select(pl.all_horizontal(pl.col("t", "transactions").is_between(-_MOST, _MOST).all())).item():
        raise PageRejected(
            "the vendor's answer cannot be read: a bar has a time or a number of trades that is none",
            remedy="Usually gone on the next attempt; a page that stays wrong is the vendor's fault: report it there.",
        )
    return found.select(*_COLUMNS.values()).with_columns(pl.col("transactions").cast(pl.Int64))

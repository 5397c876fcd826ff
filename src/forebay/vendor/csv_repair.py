"""The slow, careful way through a block of CSV in which some row does not parse: good rows apart from bad ones."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterator, Mapping

import polars as pl

_NANOS_PER_MICRO = 1000
_INT = re.compile(r"[+-]?[0-9]+")
_FLOAT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
"""Narrower than Python, which takes underscores and blanks."""


_PART_BYTES = 64 << 10
"""Text split at a time: a line of garbage may be one byte, and takes a thousand times that as a row with a reason."""
_MOST_TOLD = 60
"""Characters of a field that a reason repeats."""


def in_parts(body: bytes) -> Iterator[bytes]:
    """The same whole lines, a few at a time: as much as `split_rows` should be given at once."""
    start = 0
    while start < len(body):
        end = body.find(b"\n", start + _PART_BYTES) + 1 or len(body)
        yield body[start:end]
        start = end


def split_rows(
    body: bytes, schema: Mapping[str, pl.DataType], first_row: int, optional: Collection[str] = ()
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that parse, in the columns of `schema`, and those that do not: `reason` and `text`, the line as it came.

    A reason names the row, counted from `first_row`, and its first field at fault. An empty number is null in a column
    of `optional`, else a fault; an empty text is an empty text.
    """
    good: list[tuple[object, ...]] = []
    bad: list[tuple[str, str]] = []
    for number, line in enumerate(_lines(body), start=first_row):
        try:
            good.append(_values(line, schema, optional))
        except ValueError as error:
            bad.append((f"row {number}: {error}", line))
    rows = pl.DataFrame(good, schema=dict(schema), orient="row")
    return rows, pl.DataFrame(bad, schema={"reason": pl.String(), "text": pl.String()}, orient="row")


def _lines(body: bytes) -> Iterator[str]:
    for line in body.removesuffix(b"\n").split(b"\n"):
        yield line.removesuffix(b"\r").decode("utf-8", "backslashreplace")


def _values(line: str, schema: Mapping[str, pl.DataType], optional: Collection[str]) -> tuple[object, ...]:
    fields = _fields(line)
    if len(fields) != len(schema):
        raise ValueError(f"{len(fields)} fields instead of {len(schema)}")
    return tuple(
        None if not text and name in optional else _value(name, kind, text)
        for (name, kind), text in zip(schema.items(), fields, strict=True)
    )


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True), [])
    except csv.Error as error:
        raise ValueError(f"it is no CSV ({error})") from error


def _value(name: str, kind: pl.DataType, text: str) -> object:
    if kind == pl.String():
        return text
    wanted = _FLOAT if kind == pl.Float64() else _INT
    if not wanted.fullmatch(text):
        raise ValueError(f"{name} {text[:_MOST_TOLD]!r} is not {'a number' if wanted is _FLOAT else 'an integer'}")
    value = float(text) if wanted is _FLOAT else int(text)
    if not (-(2**63) <= value < 2**63 if isinstance(value, int) else math.isfinite(value)):
        raise ValueError(f"{name} {text[:_MOST_TOLD]} does not fit 64 bits")
    if name == "window_start" and value % _NANOS_PER_MICRO:
        raise ValueError(f"window_start {text} has a fraction of a microsecond")
    return value

"""Files of one ticker's bars, ours and those of other programs, read into the columns of FILE_ROWS."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import time, timedelta
from pathlib import Path
from typing import cast

import polars as pl

from forebay.bars.csv_text import CSV_TIME
from forebay.errors import CheckFailed
from forebay.files.columns import FILE_ROWS
from forebay.files.names import TickerFile
from forebay.files.tables import BATCH_ROWS, column_names, tables
from forebay.model.catalogue import BAR_DATASETS, Dataset
from forebay.model.instrument import asset_class_of
from forebay.model.timeframe import base_of

_NAMES: dict[str, tuple[str, ...]] = {
    "timestamp": ("timestamp", "t", "window_start", "datetime", "time", "date", "index", "__index_level_0__", ""),
    "open": ("open", "o"),
    "high": ("high", "h"),
    "low": ("low", "l"),
    "close": ("close", "c"),
    "volume": ("volume", "v"),
    "vwap": ("vwap", "vw"),
    "transactions": ("transactions", "n", "trades", "num_trades"),
}
"""Our column to what programs call it, the likeliest first; capitals do not matter."""
_OPTIONAL = ("vwap", "transactions")
_EPOCHS = ((1e11, 1_000_000), (1e14, 1_000), (1e17, 1))
"""By size: seconds, milliseconds and microseconds since 1970, and what makes them microseconds; then nanoseconds."""
_NO_NUMBER = ("", "nan", "null", "none")


def dataset_of(file: TickerFile) -> Dataset:
    """The dataset whose bars a ticker's file holds."""
    return BAR_DATASETS[f"{asset_class_of(file.ticker)}/{base_of(file.timeframe)}"]


def in_order(file: TickerFile) -> Iterator[pl.DataFrame]:
    """A file's rows by time, each time once (the last row of a time stands), in tables of bounded size.

    A file that is not in order is sorted in memory. Raises CheckFailed, naming the file and what is wrong in it.
    """
    if _rises(_times_in(file)):
        yield from read(file)
        return
    rows = pl.concat(list(read(file))).unique("timestamp", keep="last", maintain_order=True).sort("timestamp")
    yield from rows.iter_slices(BATCH_ROWS)


def read(file: TickerFile) -> Iterator[pl.DataFrame]:
    """A file's rows as they come, in FILE_ROWS columns. Raises CheckFailed."""
    with _foreign_errors(file.path):
        columns = _columns(column_names(file), file.path)
        first = 0
        for table in tables(file, list(columns.values())):
            yield _normalised(_renamed(table, columns), file, first)
            first += table.height


def _renamed(table: pl.DataFrame, columns: Mapping[str, str]) -> pl.DataFrame:
    return table.select(
        (pl.col(columns[name]) if name in columns else pl.lit(None)).alias(name) for name in FILE_ROWS.names()
    )


@contextmanager
def _foreign_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, EOFError, zlib.error, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckFailed(
            f"{path} cannot be read: {reason}", remedy="move it away, or write it again with the program it came from"
        ) from error


def own_columns(file: TickerFile) -> list[str]:
    """A file's columns that are no part of a bar. Raises CheckFailed."""
    known = {name for likely in _NAMES.values() for name in likely} | {"ticker", "symbol"}
    with _foreign_errors(file.path):
        return [name for name in column_names(file) if name.strip().lower() not in known]


def _columns(names: Sequence[str], path: Path) -> dict[str, str]:
    """Our columns to the file's; the optional ones may be missing."""
    known = {name.strip().lower(): name for name in reversed(names)}
    wanted = {ours: next((one for one in likely if one in known), None) for ours, likely in _NAMES.items()}
    found = {ours: known[theirs] for ours, theirs in wanted.items() if theirs is not None}
    missing = [name for name in _NAMES if name not in found and name not in _OPTIONAL]
    if missing:
        has = ", ".join(names) or "none"
        raise CheckFailed(
            f"{path} has no column {' or '.join(missing)}; its columns: {has}",
            remedy="a file of bars has timestamp, open, high, low, close and volume",
        )
    return found


def _normalised(table: pl.DataFrame, file: TickerFile, first: int) -> pl.DataFrame:
    times = _times(table["timestamp"])
    if file.timeframe == "1d":
        times = _day_starts(times, dataset_of(file).timezone)
    numbers = [_numbers(table[name], name) for name in FILE_ROWS.names() if name != "timestamp"]
    rows = pl.DataFrame([times, *numbers], schema=FILE_ROWS.names())
    for name in FILE_ROWS.names():
        _refuse_lost(table[name], rows[name], file.path, first)
    return rows.cast(FILE_ROWS)


def _refuse_lost(theirs: pl.Series, ours: pl.Series, path: Path, first: int) -> None:
    """Raise CheckFailed for a value that became null, or a row without a time."""
    lost = ours.is_null() & theirs.is_not_null()
    if theirs.dtype == pl.String and lost.any():
        lost &= ~theirs.str.to_lowercase().is_in(_NO_NUMBER)
    elif theirs.dtype.is_float():
        lost &= ~theirs.is_nan()
    if ours.name == "timestamp":
        lost |= ours.is_null()
    if lost.any():
        at = lost.arg_true()[0]
        raise CheckFailed(
            f"{path}, row {first + at + 1}: {theirs[at]!r} is no {'time' if ours.name == 'timestamp' else 'number'} "
            f"for {ours.name}",
            remedy="correct or remove that row",
        )


def _numbers(values: pl.Series, name: str) -> pl.Series:
    numbers = values.cast(pl.Float64, strict=False).fill_nan(None)
    if name == "transactions":
        numbers = numbers.cast(pl.Int64, strict=False)
    return numbers.alias(name)


def _times(values: pl.Series) -> pl.Series:
    """Instants in UTC: times with a zone, times without one (which are UTC), dates, texts, and numbers since 1970."""
    kind = values.dtype
    if kind == pl.String:
        digits = values.str.contains(r"^\d+(\.0*)?$")
        times = _since_1970(values.cast(pl.Float64, strict=False)) if digits.all() else _parsed(values)
    elif isinstance(kind, pl.Datetime):
        times = values.dt.convert_time_zone("UTC") if kind.time_zone else values.dt.replace_time_zone("UTC")
    elif kind == pl.Date:
        times = values.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    elif kind.is_numeric():
        times = _since_1970(values)
    else:
        times = pl.Series(values=[None] * len(values))
    return times.cast(pl.Datetime("us", "UTC")).alias("timestamp")


def _since_1970(values: pl.Series) -> pl.Series:
    largest = cast("float", values.cast(pl.Float64, strict=False).fill_nan(0).max() or 0)
    factor = next((factor for limit, factor in _EPOCHS if largest < limit), None)
    whole = values.cast(pl.Int64, strict=False)
    return (whole // 1_000 if factor is None else whole * factor).cast(pl.Datetime("us", "UTC"))


def _parsed(texts: pl.Series) -> pl.Series:
    """`2024-03-07`, `2024-03-07 14:30:00`, `2024-03-07T09:30:00.000-05:00`; without an offset they are UTC."""
    ours = texts.str.to_datetime(CSV_TIME, time_unit="us", time_zone="UTC", strict=False)
    if not ours.null_count():
        return ours
    plain = texts.str.strip_chars().str.replace("T", " ").str.replace(r"\s?(Z|UTC)$", "+0000")
    with_time = pl.when(pl.col("t").str.len_chars() == len("2024-03-07")).then(pl.col("t") + " 00:00:00")
    has_zone = pl.col("t").str.contains(r"[+-]\d\d:?\d\d$")
    zoned = pl.when(has_zone).then(pl.col("t")).otherwise(pl.col("t") + "+0000")
    frame = plain.alias("t").to_frame().select(with_time.otherwise(pl.col("t"))).select(zoned)
    return frame["t"].str.to_datetime("%Y-%m-%d %H:%M:%S%.f%z", time_unit="us", strict=False)


def _day_starts(times: pl.Series, zone: str) -> pl.Series:
    """Day bars whose time is a date, written as midnight in UTC, at the midnight of the exchange."""
    named = times.dt.replace_time_zone(None).dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
    return named.zip_with(times.dt.time() == time(), times).alias("timestamp")


def _times_in(file: TickerFile) -> Iterator[pl.Series]:
    """The times alone: that takes a fraction of what whole rows take."""
    with _foreign_errors(file.path):
        name = _columns(column_names(file), file.path)["timestamp"]
        for table in tables(file, [name]):
            yield _times(table[name])


def _rises(parts: Iterator[pl.Series]) -> bool:
    last = None
    for times in (part for part in parts if len(part)):
        if times.null_count():
            return False
        if (last is not None and times[0] <= last) or not (times.diff().drop_nulls() > timedelta()).all():
            return False
        last = times[-1]
    return True

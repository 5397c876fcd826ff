"""Bad files: the vendor's known ones (flat files, section 9) as changes to a day's rows, and spoiled gzip.

The truth stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

import numpy as np
import polars as pl

from forebay.model.catalogue import Dataset
from forebay.sandbox.cells import hours, nanos
from forebay.sandbox.content import Content, damaged, part_of, size_of

_DAY = 86_400_000_000_000
_MINUTE = 60_000_000_000
_NEGATIVE_START = -68_400_000_000_000
_CUT_BEFORE_CLOSE = 28 * _MINUTE
"""15:32 on a full day."""
_ODD_SIZE_FROM, _ODD_SIZES = 33, 17
"""The sizes users saw in the bad trade files were 33 to 49."""

_STAMPS = ("window_start", "sip_timestamp", "timestamp", "participant_timestamp")
"""Where a row's time is: in the first of these that the file has."""
_SHORT_SHARE = 0.6
"""Of a file that was published before it was whole."""

Spoil = Callable[[pl.DataFrame, Dataset, date], pl.DataFrame]


Mar = Callable[[Content], Content]


@dataclass(frozen=True, slots=True)
class Defect:
    """A named change to a file: to its rows, or to its bytes."""

    name: str
    spoil: Spoil | None = None
    mar: Mar | None = None
    needs: tuple[str, ...] = ()
    """The columns of which a file must have one; files without them stay as they are."""

    def spoiled(self, table: pl.DataFrame, dataset: Dataset, day: date) -> pl.DataFrame:
        """The rows with this wrong in them."""
        fits = any(column in table.columns for column in self.needs)
        return self.spoil(table, dataset, day) if self.spoil and fits else table


def _a_day_late(table: pl.DataFrame, _dataset: Dataset, _day: date) -> pl.DataFrame:
    return table.with_columns(pl.col("window_start") + _DAY)


def _negative(table: pl.DataFrame, _dataset: Dataset, _day: date) -> pl.DataFrame:
    return table.with_columns(pl.lit(_NEGATIVE_START, pl.Int64()).alias("window_start"))


def _no_closing_minute(table: pl.DataFrame, dataset: Dataset, day: date) -> pl.DataFrame:
    """Every third ticker loses its bars from the last regular minute on to the auction's."""
    close = nanos(hours(dataset.asset_class, day).regular_closes)
    closing = pl.col("window_start").is_between(close - _MINUTE, close)
    chosen = pl.col("ticker").rank("dense").mod(3) == 0
    return table.filter(~(closing & chosen))


def _wrong_sizes(table: pl.DataFrame, _dataset: Dataset, _day: date) -> pl.DataFrame:
    sizes = _ODD_SIZE_FROM + np.arange(table.height) % _ODD_SIZES
    return table.with_columns(pl.Series("size", sizes).cast(table["size"].dtype))


def _cut_off(table: pl.DataFrame, dataset: Dataset, day: date) -> pl.DataFrame:
    """Large roots end 28 minutes before the close: 15:32 Eastern on a full day."""
    stamp = next(column for column in _STAMPS if column in table.columns)
    end = nanos(hours(dataset.asset_class, day).regular_closes) - _CUT_BEFORE_CLOSE
    root = pl.col("ticker").str.extract(r"^(?:O:)?(.[A-Z.]*)", 1)
    largest = table.group_by(root.alias("root")).len().sort("len", "root")["root"].last() if table.height else ""
    return table.filter((root != pl.lit(largest)) | (pl.col(stamp) < end))


def _short(body: Content) -> Content:
    return part_of(body, 0, int(size_of(body) * _SHORT_SHARE))


def _turned_bit(body: Content) -> Content:
    return damaged(body, size_of(body) // 2)


DEFECTS: Mapping[str, Defect] = MappingProxyType(
    {
        name: Defect(name, spoil, needs=needs)
        for name, spoil, needs in (
            ("window_start_a_day_late", _a_day_late, ("window_start",)),
            ("window_start_negative", _negative, ("window_start",)),
            ("closing_minute_missing", _no_closing_minute, ("window_start",)),
            ("trade_sizes_wrong", _wrong_sizes, ("size",)),
            ("cut_off_before_close", _cut_off, _STAMPS),
        )
    }
    | {
        "published_short": Defect("published_short", mar=_short),
        "published_damaged": Defect("published_damaged", mar=_turned_bit),
    }
)
"""Every defect by the name a fault rule gives it."""

"""A partition: rows of one lake table over session dates, of one symbol or of all. The value that walks the house."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from forebay.model.intervals import Interval

ALL_SYMBOLS = "*"
"""Stands for every symbol the vendor has on that day."""


class Source(StrEnum):
    """Where rows came from. Order is ownership: a later one replaces an earlier one for a (symbol, session date)."""

    STREAM = "stream"
    TRADES = "trades"
    """Built here from the vendor's trades: it stands in until the vendor's own bar comes, or comes anew."""
    REST = "rest"
    FLATFILE = "flatfile"
    LAKE = "lake"
    """Not of the vendor: what is written anew from rows of the lake, such as files of one ticker."""

    @property
    def rank(self) -> int:
        """Higher owns (flat file beats REST beats trades beats stream)."""
        return list(Source).index(self)


@dataclass(frozen=True, slots=True)
class Revision:
    """The vendor's marks of one published state of a file; another one means it was replaced. ETag is opaque."""

    etag: str
    size: int
    last_modified: datetime


@dataclass(frozen=True, slots=True)
class Partition:
    """Rows of lake table `table` (`stocks/bars_1m`) for `symbol` (or all) over `dates`."""

    table: str
    symbol: str
    dates: Interval

    @property
    def day(self) -> date:
        """Its session date, when it is one day. Raises ValueError otherwise."""
        if self.dates.start != self.dates.end:
            raise ValueError(f"{self} is more than one day")
        return self.dates.start

    def __str__(self) -> str:
        dates = self.dates
        span = f"{dates.start}" if dates.start == dates.end else f"{dates.start}..{dates.end}"
        symbol = "" if self.symbol == ALL_SYMBOLS else f" {self.symbol}"
        return f"{self.table}{symbol} {span}"

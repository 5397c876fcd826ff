"""Where things are in the lake: tables, the partition a day belongs to, and what a file's name says.

`<root>/stocks/bars_1m/month=2024-03/2024-03-07__2024-03-07__flatfile__all__<mark>.parquet`, and where several days were
put together `2024-03-01__2024-03-28__flatfile__all__<days>-<mark>.parquet`, with `<days>` a bit for each day, in hex.
Of the day that goes on `2024-03-07__2024-03-07__stream__all__1430_<mark>.parquet`, a quarter of an hour from 14:30 UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from forebay.model.catalogue import LAKE_DATASETS, Kind
from forebay.model.instrument import decode_name, encode_name
from forebay.model.intervals import Interval
from forebay.model.partition import ALL_SYMBOLS, Source

_ALL, _SEPARATOR, _PARTS, _DAYS_END, _QUARTER_END = "all", "__", 5, "-", "_"
"""No encoded ticker reads `all`, and none holds two underscores in a row."""
MIXED = "mixed-"
"""Start of a file's name that says nothing of its rows: what stays of another program's file, written anew."""


@dataclass(frozen=True, slots=True)
class FileName:
    """What a file holds: rows of `symbol` (or all) from `source`, on session dates inside `dates`."""

    dates: Interval
    source: Source
    symbol: str
    mark: str
    """Of its content: same mark, same rows."""
    days: int | None = None
    """Which of its dates a compacted file has rows of, bit 0 for the first; None where the name does not tell."""

    @property
    def compacted(self) -> bool:
        """Whether the file holds whole tickers of several deliveries, and shares them with no other compacted file."""
        return self.days is not None

    @property
    def quarter(self) -> str:
        """Of a live file: the quarter of an hour, `HHMM` UTC, whose bars it holds; empty for all others."""
        return self.mark.rpartition(_QUARTER_END)[0] if self.source is Source.STREAM else ""

    def holds(self, day: date) -> bool:
        """Whether the file may have rows of a session date."""
        if day not in self.dates:
            return False
        return self.days is None or bool(self.days >> (day - self.dates.start).days & 1)

    def held(self) -> list[date]:
        """The session dates that it may have rows of."""
        every = (self.dates.start + timedelta(days=number) for number in range(self.dates.days))
        return [day for day in every if self.holds(day)]

    def meets(self, dates: Interval) -> bool:
        """Whether the file may have rows on some of these dates."""
        if dates.end < self.dates.start or self.dates.end < dates.start:
            return False
        return self.days is None or any(day in dates for day in self.held())

    def __str__(self) -> str:
        symbol = _ALL if self.symbol == ALL_SYMBOLS else encode_name(self.symbol)
        start, end = self.dates.start.isoformat(), self.dates.end.isoformat()
        mark = self.mark if self.days is None else f"{self.days:x}{_DAYS_END}{self.mark}"
        return _SEPARATOR.join((start, end, self.source, symbol, mark)) + ".parquet"


def compacted_name(days: Iterable[date], source: Source, mark: str) -> FileName:
    """The name of a file that holds rows of these session dates, at least one, of all symbols."""
    first, last = min(days := list(days)), max(days)
    bits = sum(1 << (day - first).days for day in set(days))
    return FileName(Interval(first, last), source, ALL_SYMBOLS, mark, bits)


def live_name(day: date, quarter: str, mark: str) -> FileName:
    """The name of a file with the bars of a quarter of an hour of the day that goes on, of all symbols."""
    return FileName(Interval(day, day), Source.STREAM, ALL_SYMBOLS, f"{quarter}{_QUARTER_END}{mark}")


def parse_name(path: str) -> FileName | None:
    """Read a file's name; None for a file that another program wrote, which may hold anything."""
    parts = path.rsplit("/", 1)[-1].removesuffix(".parquet").split(_SEPARATOR)
    if len(parts) != _PARTS:
        return None
    start, end, source, symbol, mark = parts
    try:
        dates = Interval(date.fromisoformat(start), date.fromisoformat(end))
        days, found, mark = mark.rpartition(_DAYS_END)
        held = int(days, 16) if found else None
        return FileName(dates, Source(source), ALL_SYMBOLS if symbol == _ALL else decode_name(symbol), mark, held)
    except ValueError:
        return None


def is_compacted(path: str) -> bool:
    """Whether a file's name is one that compaction gives."""
    name = parse_name(path)
    return name is not None and name.compacted


def is_live(path: str) -> bool:
    """Whether a file's name is one that a live day gives."""
    name = parse_name(path)
    return name is not None and bool(name.quarter)


def symbol_of(path: str) -> str | None:
    """The symbol in a file's name, still encoded, or `all`; None for names that are not of our form."""
    parts = path.rsplit("/", 1)[-1].split(_SEPARATOR)
    return parts[3] if len(parts) == _PARTS else None


def is_ours(path: str) -> bool:
    """Whether a file has a name that only Forebay gives."""
    return parse_name(path) is not None or path.rsplit("/", 1)[-1].startswith(MIXED)


def partition_column(table: str) -> str:
    """The column a table is partitioned by: `year` for day bars, `month` for all else."""
    return "year" if LAKE_DATASETS[table].kind is Kind.BARS_1D else "month"


def partition_value(table: str, day: date) -> str:
    """The partition of a session date: `2024-03`, or `2024`."""
    return f"{day:%Y-%m}" if partition_column(table) == "month" else f"{day:%Y}"


def partition_folder(table: str, value: str) -> str:
    """The folder of a partition inside its table: `month=2024-03`."""
    return f"{partition_column(table)}={value}"


def split_by_partition(table: str, dates: Interval) -> Iterator[tuple[str, Interval]]:
    """The partitions that `dates` touch, each with its share of them."""
    start = dates.start
    while start <= dates.end:
        value = partition_value(table, start)
        end = min(dates.end, _last_day(table, start))
        yield value, Interval(start, end)
        start = end + timedelta(days=1)


def _last_day(table: str, day: date) -> date:
    month = day.month if partition_column(table) == "month" else 12
    return date(day.year + month // 12, month % 12 + 1, 1) - timedelta(days=1)


def table_folder(root: Path, table: str) -> Path:
    """A table's folder: `<root>/stocks/bars_1m`."""
    return root.joinpath(*table.split("/"))

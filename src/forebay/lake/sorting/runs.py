"""A sorted file of the lake as a run: read once, from its beginning, as far as a key at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from forebay.errors import LakeError
from forebay.lake.format.layout import is_compacted
from forebay.lake.home.home import Home, scan
from forebay.model.catalogue import Dataset
from forebay.model.rows import row_schema, time_column

Key = tuple[str, float]
"""A ticker and a time, as the time is stored. Python orders texts by code point, which is the order of UTF-8 bytes."""
_READ_ROWS = 1 << 16
"""Rows read at a time, if row groups are smaller: each look at a file costs a millisecond."""
_BEFORE, _AFTER = float("-inf"), float("inf")
LAST: Key = (chr(0x10FFFF), _AFTER)
"""After every row."""


@dataclass(frozen=True, slots=True)
class Group:
    """Row groups that follow each other: their rows lie between two keys, both included."""

    rows: int
    first: Key
    last: Key
    tiled: bool = False
    """Whether its rows stand by session date first, and have to be sorted."""

    def of_tile(self, group: Group) -> Group:
        """Both, of one tile."""
        return Group(self.rows + group.rows, min(self.first, group.first), max(self.last, group.last), tiled=True)


@dataclass
class Run:
    """One file. `where` selects its rows where not all of them take part."""

    home: Home
    path: str
    dataset: Dataset
    where: pl.Expr | None = None
    groups: list[Group] = field(init=False)
    """What it is read in."""
    _next: int = field(init=False, default=0)
    _read_rows: int = field(init=False, default=0)
    _held: list[pl.DataFrame] = field(init=False, default_factory=list, repr=False)

    def __post_init__(self) -> None:
        with readable(self.home, self.path), self.home.open(self.path) as file:
            footer = pq.ParquetFile(file).metadata
        groups = [self._group(footer.row_group(each)) for each in range(footer.num_row_groups)]
        self.groups = list(_joined(_tiles(groups) if is_compacted(self.path) else groups))

    def until(self, key: Key) -> pl.DataFrame | None:
        """The rows up to `key`, itself included, that were not asked for before; None when there are none."""
        while self._next < len(self.groups) and self.groups[self._next].first <= key:
            tiled = self.groups[self._next].tiled
            rows = self.read()
            self._held.append(rows.sort("ticker", time_column(self.dataset), maintain_order=True) if tiled else rows)
        if not self._held:
            return None
        rows = self._held[0] if len(self._held) == 1 else pl.concat(self._held)
        count = self._count(rows, key)
        self._held = [rows[count:]] if count < rows.height else []
        taken = rows[:count]
        return taken if self.where is None else taken.filter(self.where)

    def read(self) -> pl.DataFrame:
        """The rows of the next of `groups`, as they stand in the file."""
        rows = self.groups[self._next].rows
        with readable(self.home, self.path):  # Polars skips the row groups before and decodes the others side by side
            found = scan(self.home, [self.path]).slice(self._read_rows, rows)
            self._next, self._read_rows = self._next + 1, self._read_rows + rows
            return found.select(row_schema(self.dataset).names()).collect()

    def _count(self, rows: pl.DataFrame, key: Key) -> int:
        """How many rows at the beginning of sorted ones lie up to a key."""
        ticker, time = key
        tickers = rows.get_column("ticker")
        if key == LAST or (tickers[-1], _AFTER) <= key:
            return rows.height
        end = int(tickers.search_sorted(ticker, side="right"))
        if time == _AFTER:
            return end
        start = int(tickers.search_sorted(ticker, side="left"))
        times = rows.get_column(time_column(self.dataset)).to_physical()[start:end]
        return start + int(times.search_sorted(int(time), side="right"))

    def _group(self, group: Any) -> Group:
        names = {group.column(each).path_in_schema: each for each in range(group.num_columns)}
        ticker, time = (group.column(names[each]).statistics for each in ("ticker", time_column(self.dataset)))
        if not (ticker and ticker.has_min_max):
            raise LakeError(f"{self.path} does not say which tickers it holds", remedy="load its day again")
        first, last = ticker.min_raw.decode(), ticker.max_raw.decode()
        if first == last and time and time.has_min_max:
            return Group(group.num_rows, (first, time.min_raw), (last, time.max_raw))
        return Group(group.num_rows, (first, _BEFORE), (last, _AFTER))


@contextmanager
def readable(home: Home, path: str) -> Iterator[None]:
    """Names the file in whatever Polars, Arrow and the system have to say. Raises LakeError, StoreError."""
    try:
        yield
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError, KeyError) as error:
        told = home.explain(error)
        if not isinstance(told, LakeError):
            raise told from told.__cause__
        raise LakeError(
            f"{home.source(path)} cannot be read: {told}",
            remedy="restore the file, or take its days from the archive again: forebay lake load --again",
        ) from told.__cause__


def _tiles(groups: Sequence[Group]) -> Iterator[Group]:
    """Row groups whose tickers overlap as one, whose rows are not in order: those of a tile, a session date each."""
    lowest = [LAST[0]]
    for group in reversed(groups):
        lowest.append(min(lowest[-1], group.first[0]))
    held: Group | None = None
    for group, after in zip(groups, reversed(lowest[:-1]), strict=True):
        held = group if held is None else held.of_tile(group)
        if held.last[0] <= after:
            yield held
            held = None


def _joined(groups: Iterable[Group]) -> Iterator[Group]:
    """Neighbouring row groups as one, up to _READ_ROWS rows."""
    held: Group | None = None
    for group in groups:
        if held and held.rows + group.rows <= _READ_ROWS:
            held = Group(held.rows + group.rows, held.first, group.last, held.tiled or group.tiled)
            continue
        if held:
            yield held
        held = group
    if held:
        yield held


def cuts(runs: Iterable[Run], rows: int) -> Iterator[Key]:
    """Rising keys that divide runs into ranges of about `rows` rows, or of row groups; the last goes to the end."""
    seen = 0
    groups = sorted((group for run in runs for group in run.groups), key=lambda group: group.last)
    for last, alike in groupby(groups, key=lambda group: group.last):
        seen += sum(group.rows for group in alike)
        if seen >= rows:
            yield last
            seen = 0
    yield LAST

"""A sorted file of the lake as a run: read once, from its beginning, as far as a key at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from forebay.errors import LakeError
from forebay.lake.home import Home
from forebay.model.catalogue import Dataset
from forebay.model.rows import row_schema, time_column

Key = tuple[str, float]
"""A ticker and a time, as the time is stored. Python orders texts by code point, which is the order of UTF-8 bytes."""
_BEFORE, _AFTER = float("-inf"), float("inf")
LAST: Key = (chr(0x10FFFF), _AFTER)
"""After every row."""


@dataclass(frozen=True, slots=True)
class Group:
    """A row group: its rows lie between two keys, both included."""

    rows: int
    first: Key
    last: Key


@dataclass
class Run:
    """One file. `where` selects its rows where not all of them take part."""

    home: Home
    path: str
    dataset: Dataset
    where: pl.Expr | None = None
    footer: Any = field(init=False, repr=False)
    """As pyarrow knows it."""
    _file: Any = field(init=False, default=None, repr=False)
    _next: int = field(init=False, default=0)
    _held: list[pl.DataFrame] = field(init=False, default_factory=list, repr=False)

    def __post_init__(self) -> None:
        with self._translated(), self.home.open(self.path) as file:
            self.footer = pq.ParquetFile(file).metadata
            self.groups = [self._group(self.footer.row_group(each)) for each in range(self.footer.num_row_groups)]

    def until(self, key: Key) -> pl.DataFrame | None:
        """The rows up to `key`, itself included, that were not asked for before; None when there are none."""
        while self._next < len(self.groups) and self.groups[self._next].first <= key:
            self._held.append(self._read(self._next))
            self._next += 1
        if not self._held:
            return None
        rows = self._held[0] if len(self._held) == 1 else pl.concat(self._held)
        count = self._count(rows, key)
        self._held = [rows[count:]] if count < rows.height else []
        if self._next == len(self.groups):
            self.close()
        taken = rows[:count]
        return taken if self.where is None else taken.filter(self.where)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close(force=True)
            self._file = None

    def _read(self, group: int) -> pl.DataFrame:
        with self._translated():
            if self._file is None:
                self._file = pq.ParquetFile(self.home.open(self.path), metadata=self.footer)
            table = self._file.read_row_group(group, columns=row_schema(self.dataset).names())
        found = pl.DataFrame(table)
        return found.select(row_schema(self.dataset).names())

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

    def _translated(self) -> Translating:
        return Translating(self.home.source(self.path))


@dataclass
class Translating:
    """Names the file in whatever pyarrow has to say."""

    name: str

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, pa.ArrowException | OSError | KeyError):
            raise LakeError(
                f"{self.name} cannot be read: {error}",
                remedy="restore the file, or take its days from the vendor again: forebay lake load --again",
            ) from error


def cuts(runs: Iterable[Run], rows: int) -> Iterator[Key]:
    """Keys that divide runs into ranges of about `rows` rows, of which the last goes to the end."""
    seen = 0
    for group in sorted((group for run in runs for group in run.groups), key=lambda group: group.last):
        seen += group.rows
        if seen >= rows:
            yield group.last
            seen = 0
    yield LAST
